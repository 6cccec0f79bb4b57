// Manual pages in troff, from the same tree as the help.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/command_tree.hpp"
#include "foretoken/experiment/version.hpp"

namespace foretoken {
namespace {

// Text that troff prints as it stands.
std::string troff(const std::string& text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_start = c == '\n';
  }
  return out;
}

std::string head(const std::string& name, const std::string& description) {
  std::string upper = name;
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return fmt::format(".TH \"{}\" 1 \"\" \"foretoken {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n", upper, version(),
                     troff(name), troff(description));
}

std::string options_of(const CommandTree& command) {
  std::string out;
  for (const char* group : {"Arguments", "Question", "Scenario", "Running", "Output", "Seldom"}) {
    std::string part;
    for (const CommandOption& o : command.options) {
      if (o.group != group) continue;
      std::string names;
      for (const std::string& name : o.names) names += (names.empty() ? "\\fB" : ", \\fB") + troff(name) + "\\fR";
      if (!o.value.empty() && (!o.positional || !o.choices.empty())) names += " \\fI" + troff(o.value) + "\\fR";
      part += fmt::format(".TP\n{}\n{}{}\n", names, troff(o.description),
                          o.default_value.empty() ? "" : troff(fmt::format(" (default: {})", o.default_value)));
    }
    if (!part.empty()) out += fmt::format(".SS {}\n{}", group, part);
  }
  return out.empty() ? "" : ".SH OPTIONS\n" + out;
}

std::string synopsis(const CommandTree& command) {
  std::string text = fmt::format("\\fBforetoken {}\\fR [\\fIOPTIONS\\fR]", troff(command.name));
  for (const CommandOption& o : command.options) {
    if (!o.positional) continue;
    const std::string name = troff(o.names.front()) + (o.repeatable ? "..." : "");
    text += o.required ? fmt::format(" \\fI{}\\fR", name) : fmt::format(" [\\fI{}\\fR]", name);
  }
  return ".SH SYNOPSIS\n" + text + "\n";
}

constexpr const char* kExitStatus =
    ".SH EXIT STATUS\n0 done; 1 internal error, or a result that could not be written; 2 bad input; 3 the model does "
    "not "
    "fit; 98 not decided; 99 an objective is missed, an assertion fails or a result is not reproduced; 130 "
    "interrupted.\n";

}  // namespace

std::string manual_page(const CommandTree& program, const CommandTree* command) {
  if (command != nullptr) {
    std::string out =
        head("foretoken-" + command->name, command->description) + synopsis(*command) + options_of(*command);
    if (!command->example.empty()) out += ".SH EXAMPLE\n.nf\n" + troff(command->example) + "\n.fi\n";
    return out + kExitStatus + ".SH SEE ALSO\n\\fBforetoken\\fR(1)\n";
  }
  std::string out = head(program.name, program.description) +
                    ".SH SYNOPSIS\n\\fBforetoken\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n.SH COMMANDS\n";
  for (const CommandTree& c : program.commands)
    out += fmt::format(".TP\n\\fBforetoken\\-{}\\fR(1)\n{}\n", troff(c.name), troff(c.description));
  return out + options_of(program) + kExitStatus;
}

}  // namespace foretoken
