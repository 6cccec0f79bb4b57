// The program itself on damaged command lines and files: one of its exit codes, and words with it.
#include "cli/program.hpp"

#include <gtest/gtest.h>

#include "base/visible.hpp"
#include "fuzz/case.hpp"

namespace foretoken {
namespace {

using namespace foretoken::fuzz;
using namespace foretoken::testing;

const std::string kWholeScenario = R"(model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
workload: {random_input_len: 64, random_output_len: 8, num_prompts: 20, request_rate: 10}
slo: [p99_ttft <= 500 ms]
assert: [p99_ttft <= 500 ms]
study: {max_requests: 2000}
)";

TEST(Fuzz, TheProgramAnswersDamagedCommands) {
  const TemporaryFolder folder;
  const std::string result = folder.path("result.json");
  ASSERT_EQ(
      foretoken_program({"run", folder.file("whole.yaml", kWholeScenario), "-q", "--format", "json", "-o", result})
          .exit_code,
      0);
  const std::string stored = content_of(result);
  const std::vector<std::vector<std::string>> commands{{"run"},
                                                       {"run", "--format", "vllm"},
                                                       {"explain"},
                                                       {"sweep", "--over"},
                                                       {"sweep", "--dry-run", "--over"},
                                                       {"batch", "--sizes"},
                                                       {"assert"},
                                                       {"verify"},
                                                       {"diff"},
                                                       {"merge"},
                                                       {"bill"},
                                                       {"catalog"},
                                                       {"compare", "--set"},
                                                       {"schema"}};
  run_cases("program", 60, [&](RandomStream& random) {
    std::vector<std::string> words = commands[below(random, commands.size())];
    const bool reads_result = words[0] == "verify" || words[0] == "diff" || words[0] == "merge";
    const std::string file = folder.file("damaged", damaged(reads_result ? stored : kWholeScenario, random));
    if (words.back() == "--over" || words.back() == "--set")
      words.push_back("engine.max_num_seqs=" + nasty_value(random));
    if (words.back() == "--sizes") words.push_back(nasty_value(random));
    words.insert(words.begin() + 1, words[0] == "catalog" ? "gpus" : file);
    if (words[0] == "diff") words.push_back(result);
    if (below(random, 4) == 0)
      words.insert(words.begin() + static_cast<std::ptrdiff_t>(below(random, words.size() + 1)), nasty_value(random));
    if (words[0] == "schema") words.erase(words.begin() + 1);
    for (std::string& word : words) word = word.substr(0, word.find('\0'));

    const ProcessResult ended = foretoken_program(words);
    const std::vector<int> codes{0, 2, 3, 98, 99};
    EXPECT_NE(std::find(codes.begin(), codes.end(), ended.exit_code), codes.end()) << ended.exit_code << "\n"
                                                                                   << ended.err;
    EXPECT_EQ(find_control(ended.err), std::string::npos) << ended.err;
    EXPECT_TRUE(ended.exit_code != 2 || !ended.err.empty());
  });
}

}  // namespace
}  // namespace foretoken
