// foretoken merge: the files of all shards, as if one process had run the sweep.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/options.hpp"
#include "cli/pictures.hpp"
#include "cli/sweep_run.hpp"
#include "cli/terminal.hpp"

namespace foretoken {
namespace {

struct MergeCommand {
  std::vector<std::string> paths;
  std::string front;
  OutputOptions output;
};

// A folder stands for the *.jsonl files in it. Empty when one has none, which is said.
std::optional<std::vector<std::string>> files_of(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
      if (entry.path().extension() == ".jsonl") found.push_back(entry.path().string());
    }
    if (error || found.empty()) {
      say(fmt::format(
          "{}: error: {}\n  hint: shards are written with `foretoken sweep ... --shard 0/4 -o {}/0.jsonl`\n", path,
          error ? error.message() : "no *.jsonl files in this folder", path));
      return std::nullopt;
    }
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

int run(const MergeCommand& command) {
  std::optional<SweepFront> front;
  if (!command.front.empty()) {
    const Result<SweepFront> parsed = parse_front(command.front);
    if (!parsed) {
      say(parsed.error());
      return kExitBadInput;
    }
    front = *parsed;
  }
  const std::optional<std::vector<std::string>> files = files_of(command.paths);
  if (!files) return kExitBadInput;
  for (const std::string& file : *files) {
    if (!files_are_distinct({{"the shard", file}, {"--output", command.output.output}})) return kExitBadInput;
  }
  if (!output_can_be_created(command.output)) return kExitBadInput;
  const Result<SweepTable> table = merge_sweeps(*files);
  if (!table) {
    say(table.error());
    return kExitBadInput;
  }
  const int code = finish(render(*table, command.output, front), false, any_fits(table->points), command.output);
  return deliver_pictures(code, command.output, [&] { return pictured_sweep(*table, front); });
}

}  // namespace

Action add_merge_command(CLI::App* merge) {
  auto command = std::make_shared<MergeCommand>();
  merge->add_option("files", command->paths, "Files of `sweep --shard`, or folders of them (*.jsonl)")->required();
  merge->add_option("--front", command->front, "Pareto front of two figures of the points, as for sweep")
      ->type_name("X,Y");
  add_output_options(*merge, command->output, {"table", "json", "csv"});
  add_picture_options(*merge, command->output);
  return [command] { return run(*command); };
}

}  // namespace foretoken
