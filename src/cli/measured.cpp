// Files of others are not written over.
#include "cli/measured.hpp"

#include <CLI/CLI.hpp>

#include "cli/terminal.hpp"

namespace foretoken {

void add_measured_option(CLI::App& command, std::vector<std::string>& measured) {
  command
      .add_option("--measured", measured,
                  "Results of vllm bench serve, SGLang bench_serving, GuideLLM or AIPerf, or a recorded run's folder; "
                  "FILE:workload.request_rate=8 adds what a file does not say")
      ->type_name("FILE")
      ->required();
}

std::optional<std::vector<MeasuredFile>> measured_files(
    const std::vector<std::string>& measured, const std::vector<std::pair<std::string, std::string>>& outputs) {
  std::vector<MeasuredFile> files;
  for (const std::string& text : measured) {
    files.push_back(parse_measured_file(text));
    for (const auto& output : outputs) {
      if (!files_are_distinct({{"the measurement", files.back().path}, output})) return std::nullopt;
    }
  }
  return files;
}

}  // namespace foretoken
