// Help that fits a screen: options in groups, an example, lines within the terminal.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "cli/command_tree.hpp"
#include "cli/terminal.hpp"
#include "report/layout.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kNameColumn = 30, kCommandColumn = 15;

// What several commands share stands in the same group everywhere; the rest is the command's own question.
std::string group_of(const std::string& name) {
  constexpr std::array scenario{"set", "seed", "catalog", "load-factor"};
  constexpr std::array output{"format",      "json",          "output",     "full",      "color",    "quiet",
                              "no-progress", "save-requests", "save-steps", "save-vllm", "junit",    "emit",
                              "save",        "date",          "report",     "plot",      "timeline", "timeline-window"};
  constexpr std::array running{"jobs", "step-by-step", "resume", "shard", "mpi", "dry-run"};
  const auto in = [&](const auto& list) { return std::find(list.begin(), list.end(), name) != list.end(); };
  // On the manual page and in completions, not on the screen.
  if (name == "plot-theme" || name == "timeline-events" || name.starts_with("openmetrics-")) return "Seldom";
  return name == "help" || name == "version" || in(output) ? "Output"
         : in(scenario)                                    ? "Scenario"
         : in(running)                                     ? "Running"
                                                           : "Question";
}

std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto open = type.find(":{");
  if (open == std::string::npos || type.back() != '}') return {};
  std::vector<std::string> choices;
  std::string list = type.substr(open + 2, type.size() - open - 3) + ",";
  for (std::size_t at = 0, end = 0; (end = list.find(',', at)) != std::string::npos; at = end + 1)
    choices.push_back(list.substr(at, end - at));
  return choices;
}

std::string value_of(const CLI::Option& option) {
  if (option.get_type_size() == 0) return {};
  if (const std::vector<std::string> choices = choices_of(option); !choices.empty())
    return fmt::format("{{{}}}", fmt::join(choices, ","));
  const std::string type = option.get_type_name();
  if (type.starts_with("INT") || type.starts_with("UINT")) return "N";
  if (type.starts_with("FLOAT")) return "X";
  return type == "TEXT" ? "TEXT" : type.substr(0, type.find(':'));
}

// With what it cannot go together, at the end.
std::string description_of(const CLI::Option& option) {
  std::string text = option.get_description();
  std::string others;
  for (const CLI::Option* other : option.get_excludes()) others += (others.empty() ? "" : ", ") + other->get_name();
  return others.empty() ? text : fmt::format("{} (not with {})", text, others);
}

void add_options(const CLI::App& app, std::vector<CommandOption>& list) {
  for (const CLI::Option* o : app.get_options()) {
    CommandOption option;
    option.positional = o->get_positional();
    if (option.positional) {
      option.names.push_back(o->get_name(true, false));
    } else {
      for (const std::string& name : o->get_lnames()) option.names.push_back("--" + name);
      for (const std::string& name : o->get_snames()) option.names.push_back("-" + name);
    }
    option.value = value_of(*o);
    option.choices = choices_of(*o);
    option.default_value = o->get_default_str();
    option.description = description_of(*o);
    option.group = option.positional ? "Arguments" : o->get_group();
    option.required = o->get_required();
    option.repeatable = o->get_expected_max() > 1 || o->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
    list.push_back(std::move(option));
  }
  // Groups of options are nameless commands.
  for (const CLI::App* group : app.get_subcommands([](const CLI::App* a) { return a->get_name().empty(); }))
    add_options(*group, list);
}

CommandTree tree_of(const CLI::App& app) {
  CommandTree tree{app.get_name(), app.get_description(), app.get_footer(), {}, {}};
  add_options(app, tree.options);
  for (const CLI::App* command : app.get_subcommands([](const CLI::App* a) { return !a->get_name().empty(); }))
    tree.commands.push_back(tree_of(*command));
  return tree;
}

// Name and description side by side, or below each other when the name is long.
std::string entry(const std::string& name, const std::string& description, const TextStyle& style,
                  std::size_t column = kNameColumn) {
  const std::string wide(column, ' ');
  TextStyle narrow = style;
  narrow.width = std::max(20, style.width - static_cast<int>(column));
  std::string text = within_width(description, narrow);
  std::string out = "  " + name;
  if (display_width(out) + 2 > column)
    out += "\n" + wide;
  else
    out += std::string(column - display_width(out), ' ');
  for (std::size_t at = 0, end = 0; at <= text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    const std::size_t word = std::min(text.find_first_not_of(' ', at), end);
    out += (at > 0 ? wide : "") + text.substr(word, end - word) + "\n";
  }
  return out;
}

// Of the command, and of what it keeps in nameless ones.
void add_group(const CLI::App& app, const std::string& group, std::vector<const CLI::Option*>& list) {
  for (const CLI::Option* o : app.get_options()) {
    if (o->nonpositional() && o->get_group() == group) list.push_back(o);
  }
  for (const CLI::App* part : app.get_subcommands([](const CLI::App* a) { return a->get_name().empty(); }))
    add_group(*part, group, list);
}

class HelpLayout : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* o, bool positional) const override {
    std::string name = make_option_name(o, positional);
    const std::string value = value_of(*o);
    if (!value.empty() && (!positional || !choices_of(*o).empty())) name += " " + value;
    std::string description = description_of(*o);
    if (!o->get_default_str().empty() && !value.empty()) description += fmt::format(" [{}]", o->get_default_str());
    return entry(name, description, style_);
  }
  std::string make_group(std::string group, bool positional, std::vector<const CLI::Option*> options) const override {
    std::string out = "\n" + group + ":\n";
    for (const CLI::Option* o : options) out += make_option(o, positional);
    return out;
  }
  // No empty line but the one that each group begins with.
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::string out = make_description(app) + make_usage(app, std::move(name)) + make_positionals(app);
    for (const char* group : {"Question", "Scenario", "Running", "Output"}) {
      std::vector<const CLI::Option*> options;
      add_group(*app, group, options);
      if (!options.empty()) out += make_group(group, false, options);
    }
    if (app->get_parent() == nullptr) out += make_subcommands(app, mode);
    return out + "\n" + make_footer(app);
  }
  std::string make_subcommand(const CLI::App* command) const override {
    return entry(command->get_name(), command->get_description(), style_, kCommandColumn);
  }
  std::string make_description(const CLI::App* app) const override {
    return within_width(app->get_description() + "\n", style_);
  }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    if (app->get_parent() != nullptr) name = app->get_parent()->get_name() + " " + app->get_name();
    return CLI::Formatter::make_usage(app, name);
  }
  std::string make_footer(const CLI::App* app) const override {
    return app->get_footer().empty() ? "" : shell_command("Example: " + app->get_footer(), style_, "");
  }

 private:
  TextStyle style_ = [] {
    TextStyle style;
    style.width = terminal_width();
    return style;
  }();
};

void arrange(CLI::App& app) {
  for (CLI::Option* o : app.get_options()) {
    if (o->nonpositional() && !o->get_lnames().empty()) o->group(group_of(o->get_lnames().front()));
  }
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) arrange(*command);
}

}  // namespace

CommandTree command_tree(const CLI::App& app) {
  return tree_of(app);
}

void arrange_help(CLI::App& app) {
  arrange(app);
  const auto layout = std::make_shared<HelpLayout>();
  app.formatter(layout);
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    command->formatter(layout);
    for (CLI::App* group : command->get_subcommands([](CLI::App*) { return true; })) group->formatter(layout);
  }
}

}  // namespace foretoken
