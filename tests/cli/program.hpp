// The real program on scenarios of the tests' own.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "support/process.hpp"

namespace foretoken::testing {

inline ProcessResult foretoken_program(std::vector<std::string> arguments, const ProcessOptions& options = {}) {
  arguments.insert(arguments.begin(), FORETOKEN_PROGRAM);
  return run_process(arguments, options);
}

// The same for words that write no file: several tests ask for the answer, the program gives it once.
inline const ProcessResult& answer_to(const std::vector<std::string>& arguments) {
  static std::map<std::vector<std::string>, ProcessResult> known;
  const auto [at, is_new] = known.try_emplace(arguments);
  if (is_new) at->second = foretoken_program(arguments);
  return at->second;
}

// A small chat service, a few hundred requests.
inline std::string small_scenario() {
  return R"(model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
engine: {name: vllm-v1, max_num_seqs: 64}
workload:
  random_input_len: 256
  random_output_len: 64
  num_prompts: 200
  request_rate: 20
slo: ["p99_ttft <= 500 ms", "output_throughput >= 100000"]
)";
}

// A folder of its own, gone afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "foretoken_XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) folder_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }
  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator()));
  }

 private:
  std::filesystem::path folder_;
};

inline std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace foretoken::testing
