// Completion for three shells, from the same tree as the help.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/command_tree.hpp"

namespace foretoken {
namespace {

std::string all_names(const std::vector<CommandOption>& options) {
  std::string words;
  for (const CommandOption& o : options) {
    if (o.positional) continue;
    for (const std::string& name : o.names) words += (words.empty() ? "" : " ") + name;
  }
  return words;
}

std::string command_names(const CommandTree& program) {
  std::vector<std::string> names;
  for (const CommandTree& c : program.commands) names.push_back(c.name);
  return fmt::format("{}", fmt::join(names, " "));
}

// In single quotes of a shell.
std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string bash_words(const std::string& words) {
  return fmt::format("COMPREPLY=($(compgen -W {} -- \"$cur\"))", shell_quoted(words));
}

// What follows an option that takes a value.
std::string bash_value(const CommandOption& o) {
  if (!o.choices.empty()) return bash_words(fmt::format("{}", fmt::join(o.choices, " ")));
  if (o.value == "DIR" || o.value == "FOLDER") return "COMPREPLY=($(compgen -d -- \"$cur\"))";
  return o.is_file() ? "COMPREPLY=($(compgen -f -- \"$cur\"))" : "COMPREPLY=()";
}

std::string bash(const CommandTree& program) {
  std::string out =
      "# bash completion of foretoken\n_foretoken() {\n"
      "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\" command=\"\" i\n"
      "  COMPREPLY=()\n  for ((i = 1; i < COMP_CWORD; i++)); do\n    case \"${COMP_WORDS[i]}\" in\n";
  std::string alternatives = command_names(program);
  for (char& c : alternatives) c = c == ' ' ? '|' : c;
  out += fmt::format("      {}) command=\"${{COMP_WORDS[i]}}\"; break ;;\n    esac\n  done\n", alternatives);
  out += "  case \"$command\" in\n";
  out += fmt::format("    '') {} ;;\n", bash_words(command_names(program) + " " + all_names(program.options)));
  for (const CommandTree& c : program.commands) {
    out += fmt::format("    {})\n      case \"$prev\" in\n", c.name);
    std::string words;
    for (const CommandOption& o : c.options) {
      if (o.positional) {
        for (const std::string& choice : o.choices) words += (words.empty() ? "" : " ") + choice;
      } else if (!o.value.empty()) {
        out += fmt::format("        {}) {}; return ;;\n", fmt::join(o.names, "|"), bash_value(o));
      }
    }
    out += fmt::format("      esac\n      if [[ $cur == -* ]]; then\n        {}\n      else\n        {}\n      fi ;;\n",
                       bash_words(all_names(c.options)),
                       words.empty() ? "COMPREPLY=($(compgen -f -- \"$cur\"))" : bash_words(words));
  }
  return out + "  esac\n}\ncomplete -o filenames -F _foretoken foretoken\n";
}

// Within the brackets of a specification of _arguments.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_action(const CommandOption& o) {
  if (!o.choices.empty()) return fmt::format("({})", fmt::join(o.choices, " "));
  if (o.value == "DIR" || o.value == "FOLDER") return "_files -/";
  return o.is_file() ? "_files" : "( )";
}

std::string zsh(const CommandTree& program) {
  std::string out = "#compdef foretoken\n_foretoken() {\n  local -a commands\n  commands=(\n";
  for (const CommandTree& c : program.commands)
    out += fmt::format("    {}\n", shell_quoted(c.name + ":" + zsh_text(c.description)));
  out += "  )\n  if (( CURRENT == 2 )); then\n    _describe -t commands command commands\n    _arguments";
  for (const CommandOption& o : program.options) {
    for (const std::string& name : o.names) out += " " + shell_quoted(name + "[" + zsh_text(o.description) + "]");
  }
  out += "\n    return\n  fi\n  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n";
  for (const CommandTree& c : program.commands) {
    out += fmt::format("    {})\n      _arguments", c.name);
    for (const CommandOption& o : c.options) {
      if (o.positional) {
        const std::string name = zsh_text(o.names.front());
        out += " \\\n        " + shell_quoted(fmt::format("{}:{}:{}", o.repeatable ? "*" : "", name, zsh_action(o)));
        continue;
      }
      for (const std::string& name : o.names) {
        std::string spec = (o.repeatable ? "*" : "") + name + "[" + zsh_text(o.description) + "]";
        if (!o.value.empty())
          spec += fmt::format(":{}:{}", zsh_text(o.choices.empty() ? o.value : "value"), zsh_action(o));
        out += " \\\n        " + shell_quoted(spec);
      }
    }
    out += " ;;\n";
  }
  return out +
         "  esac\n}\nif [[ $funcstack[1] == _foretoken ]]; then\n  _foretoken \"$@\"\nelse\n  compdef _foretoken "
         "foretoken\nfi\n";
}

// Within single quotes of fish, where only these two are special.
std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string fish_option(const std::string& when, const CommandOption& o) {
  std::string line = fmt::format("complete -c foretoken -n {}", fish_quoted(when));
  if (o.positional) {
    return o.choices.empty()
               ? std::string()
               : fmt::format("{} -f -a {}\n", line, fish_quoted(fmt::format("{}", fmt::join(o.choices, " "))));
  }
  for (const std::string& name : o.names)
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (!o.choices.empty())
    line += " -x -a " + fish_quoted(fmt::format("{}", fmt::join(o.choices, " ")));
  else if (!o.value.empty())
    line += o.is_file() ? " -r -F" : " -x";
  return line + " -d " + fish_quoted(o.description) + "\n";
}

std::string fish(const CommandTree& program) {
  std::string out = "# fish completion of foretoken\n";
  for (const CommandTree& c : program.commands)
    out += fmt::format("complete -c foretoken -f -n __fish_use_subcommand -a {} -d {}\n", c.name,
                       fish_quoted(c.description));
  for (const CommandOption& o : program.options) out += fish_option("__fish_use_subcommand", o);
  for (const CommandTree& c : program.commands) {
    for (const CommandOption& o : c.options) out += fish_option("__fish_seen_subcommand_from " + c.name, o);
  }
  return out;
}

}  // namespace

std::string completion_script(const CommandTree& program, const std::string& shell) {
  if (shell == "bash") return bash(program);
  return shell == "zsh" ? zsh(program) : fish(program);
}

}  // namespace foretoken
