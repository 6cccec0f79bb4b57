// foretoken import: a deployment that exists, as a scenario.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "scenario/scenario_text.hpp"
#include "study/import/import_scenario.hpp"

namespace foretoken {
namespace {

struct ImportCommand {
  std::vector<std::string> sources;
  ImportOptions options;
  OutputOptions output;
};

bool is_program(const std::string& word) {
  const std::string name = word.substr(word.find_last_of('/') + 1);
  return name == "vllm" || name == "trtllm-serve" || name == "sglang" || name == "docker" || name == "podman" ||
         name.starts_with("python");
}

// As a shell would need it, so that words stay what they were.
std::string quoted_word(const std::string& word) {
  if (!word.empty() && word.find_first_of(" \t\n'\"\\#;|&<>") == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::optional<ImportSource> source_of(const std::string& given) {
  std::error_code failed;
  if (given != "-" && std::filesystem::is_directory(given, failed)) return ImportSource{"", given, true};
  if (given == "-" || std::filesystem::exists(given, failed)) {
    const Result<std::string> text =
        given == "-" ? read_scenario_text(std::cin, "<standard input>") : read_scenario_text(given);
    if (text) return ImportSource{*text, given == "-" ? "<standard input>" : given, false};
    say(text.error());
    return std::nullopt;
  }
  if (given.find_first_of(" \t\n") != std::string::npos) return ImportSource{given, "command line", false};
  say(fmt::format(
      "{}: error: there is no such file or folder\n  hint: a start line stands in quotes, or its words behind --: "
      "foretoken import --gpu h100_sxm -- vllm serve MODEL\n",
      given));
  return std::nullopt;
}

// Files and lines one by one; or the words of one line, as they stand behind `--`.
std::optional<std::vector<ImportSource>> sources_of(const std::vector<std::string>& given) {
  if (given.size() > 1 && is_program(given.front())) {
    std::string line;
    for (const std::string& word : given) line += (line.empty() ? "" : " ") + quoted_word(word);
    return std::vector<ImportSource>{{line, "command line", false}};
  }
  std::vector<ImportSource> sources;
  bool all = true;
  for (const std::string& one : given) {
    if (std::optional<ImportSource> source = source_of(one))
      sources.push_back(std::move(*source));
    else
      all = false;
  }
  return all ? std::optional(std::move(sources)) : std::nullopt;
}

int run(const ImportCommand& command) {
  if (!output_can_be_created(command.output)) return kExitBadInput;
  for (const std::string& source : command.sources) {
    if (!files_are_distinct({{"the source", source}, {"--output", command.output.output}})) return kExitBadInput;
  }
  const std::optional<std::vector<ImportSource>> sources = sources_of(command.sources);
  if (!sources) return kExitBadInput;
  Diagnostics warnings;
  const Result<ImportedScenario> imported = import_scenario(*sources, command.options, &warnings);
  if (!command.output.quiet && !warnings.empty()) say(warnings);
  if (!imported) {
    say(imported.error());
    return kExitBadInput;
  }
  if (!command.output.quiet) {
    for (const std::string& note : imported->notes) say(fmt::format("note: {}\n", note));
    for (const std::string& flag : imported->not_simulated) say(fmt::format("not simulated: {}\n", flag));
  }
  if (imported->needs_gpu)
    say("no GPU was named: fill in the line 'hardware' of the scenario, or give --gpu NAME (`foretoken catalog "
        "gpus`)\n");
  return deliver(imported->text, command.output);
}

}  // namespace

Action add_import_command(CLI::App* import) {
  auto command = std::make_shared<ImportCommand>();
  import
      ->add_option(
          "source", command->sources,
          "Start and `vllm bench serve` lines in quotes (or the words of one behind --), scripts, YAML files, a folder "
          "with a config.json, or - for standard input")
      ->required();
  import->add_option("--gpu", command->options.gpu, "GPU of the catalog, which no start line names")->type_name("NAME");
  import
      ->add_option("--model", command->options.model,
                   "In place of the model that the sources name: a catalog name or a config.json")
      ->type_name("NAME");
  import->add_option("--entry", command->options.entry, "Of several models or containers in a file, this one")
      ->type_name("NAME");
  import
      ->add_option("--catalog", command->options.catalog_dir,
                   "Folder of gpus, models, links, calibration: wins over the built-in")
      ->type_name("DIR");
  import->add_option("-o,--output", command->output.output, "Write the scenario to a file instead of standard output")
      ->type_name("FILE");
  import->add_flag("-q,--quiet", command->output.quiet, "No notes and no warnings");
  return [command] { return run(*command); };
}  // namespace foretoken

}  // namespace foretoken
