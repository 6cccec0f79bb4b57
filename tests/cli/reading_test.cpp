// Answers as people read them: the verdict first, no line wider than the terminal, plain words, help on one screen,
// and the shells' completion and manual pages that know every option.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "cli/program.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::size_t characters(const std::string& line) {
  return static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// `columns` 0: nobody says how wide the terminal is.
ProcessResult with_columns(int columns, std::vector<std::string> arguments) {
  std::vector<std::string> all{"/usr/bin/env", "-u", "COLUMNS"};
  if (columns > 0) all.push_back("COLUMNS=" + std::to_string(columns));
  all.emplace_back(FORETOKEN_PROGRAM);
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run_process(all, {});
}

// Of the program, or of a command.
const std::string& help_of(const std::string& command = {}) {
  static std::map<std::string, std::string> known;
  const auto [at, is_new] = known.try_emplace(command);
  if (is_new) {
    at->second = with_columns(100, command.empty() ? std::vector<std::string>{"--help"}
                                                   : std::vector{command, std::string("--help")})
                     .out;
  }
  return at->second;
}

std::vector<std::string> commands() {
  std::vector<std::string> names;
  bool listed = false;
  for (const std::string& line : split_lines(help_of())) {
    if (listed && line.size() > 2 && line[2] != ' ') names.push_back(line.substr(2, line.find(' ', 2) - 2));
    listed = listed || line == "Subcommands:";
  }
  return names;
}

// --format of "  -f,--format {table,json}", as help lists them.
std::set<std::string> options_of(const std::string& command) {
  std::set<std::string> options;
  for (const std::string& line : split_lines(help_of(command))) {
    if (!line.starts_with("  -")) continue;
    const auto at = line.find("--");
    options.insert(line.substr(at, line.find(' ', at) - at));
  }
  return options;
}

class Reading : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  std::string scenario_ = folder_.file("small.yaml", small_scenario());
  std::string meetable_ = "slo=[\"p99_ttft <= 60 ms\", \"p95_tpot <= 20 ms\"]";

  // Of every command.
  [[nodiscard]] std::vector<std::vector<std::string>> questions() const {
    return {
        {"run", scenario_},
        {"run", scenario_, "--full"},
        {"run", scenario_, "--set", "prices.examples=true", "--full"},
        {"explain", scenario_},
        {"explain", scenario_, "--request", "p99"},
        {"check", scenario_},
        {"check", scenario_, "--set", meetable_},
        {"batch", scenario_, "--sizes", "1,2,4"},
        {"capacity", scenario_, "--set", meetable_, "--precision", "0.2"},
        {"promise", scenario_, "--set", meetable_, "--input-len", "256,1024", "--output-len", "64,128"},
        {"compare", scenario_, "--set", "engine.max_num_seqs=2", "--replications", "3"},
        {"recommend", scenario_, "--set", meetable_, "--over", "hardware.gpu=h100_sxm,l40s", "--over", "replicas=1,2"},
        {"sensitivity", scenario_},
        {"sweep", scenario_, "--over", "engine.max_num_seqs=1,2,4", "--over", "hardware.gpu=h100_sxm,h200_sxm"},
        {"sweep", scenario_, "--over", "engine.max_num_seqs=1,2,4", "--dry-run"},
        {"assert", scenario_},
        {"catalog", "gpus"},
        {"catalog", "models"},
        {"catalog", "engines"},
        {"catalog", "metrics"},
        {"catalog", "metrics", "engine_busy"}};
  }
};

TEST_F(Reading, NoLineIsWiderThanTheTerminal) {
  const auto expect_within = [](std::size_t most, const std::vector<std::string>& question, const std::string& out) {
    EXPECT_FALSE(out.empty()) << question[0];
    for (const std::string& line : split_lines(out)) EXPECT_LE(characters(line), most) << question[0] << ": " << line;
  };
  for (const auto& question : questions()) expect_within(72, question, with_columns(72, question).out);
  // Where there is no terminal.
  for (const auto& question : std::vector<std::vector<std::string>>{{"run", scenario_, "--full"}, {"catalog", "gpus"}})
    expect_within(100, question, with_columns(0, question).out);
}

TEST_F(Reading, AWideTerminalShowsEveryColumnInPlainWords) {
  for (const auto& question : questions()) {
    const std::string out = with_columns(400, question).out;
    EXPECT_THAT(out, Not(HasSubstr("left out:"))) << question[0];
    EXPECT_THAT(out, Not(HasSubstr("= shortened"))) << question[0];
    for (const char* jargon : {"CRN", "MSER", "Latin hypercube", "common random numbers"})
      EXPECT_THAT(out, Not(HasSubstr(jargon))) << question[0];
  }
}

TEST_F(Reading, TheTerminalSaysItsWidth) {
  const std::string command =
      "env -u COLUMNS script -qec \"stty cols 64; '" FORETOKEN_PROGRAM "' catalog gpus --color never\" /dev/null";
  const ProcessResult result = run_process({"/bin/bash", "-c", command}, {});
  ASSERT_EQ(result.exit_code, 0) << "script(1) is of Debian's bsdutils: " << result.err;
  EXPECT_THAT(result.out, HasSubstr("left out:")) << result.err;
  for (std::string line : split_lines(result.out)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    EXPECT_LE(characters(line), 64U) << line;
  }
}

TEST_F(Reading, JsonKnowsNoTerminal) {
  EXPECT_EQ(with_columns(50, {"run", scenario_, "--format", "json"}).out,
            with_columns(300, {"run", scenario_, "--format", "json"}).out);
}

TEST_F(Reading, TheAnswerStandsInTheFirstThreeLines) {
  const auto answer = [](const std::vector<std::string>& question) {
    const std::vector<std::string> lines = split_lines(with_columns(0, question).out);
    std::string text;
    for (std::size_t i = 1; i < std::min<std::size_t>(4, lines.size()); ++i) text += lines[i] + "\n";
    return text;
  };
  EXPECT_THAT(answer({"run", scenario_}), StartsWith("MISSES 1 of 2 objectives"));
  EXPECT_THAT(answer({"check", scenario_}), StartsWith("IMPOSSIBLE"));
  EXPECT_THAT(answer({"check", scenario_, "--set", meetable_}), StartsWith("MEETS its objectives"));
  EXPECT_THAT(answer({"batch", scenario_, "--sizes", "1,2,4", "--set", meetable_}), HasSubstr("BATCH 4: the largest"));
  EXPECT_THAT(answer({"capacity", scenario_, "--set", meetable_, "--precision", "0.2"}), StartsWith("CAPACITY "));
  EXPECT_THAT(answer({"recommend", scenario_, "--set", meetable_, "--over", "hardware.gpu=h100_sxm,l40s"}),
              HasSubstr("is the cheapest that meets the objectives"));
}

TEST_F(Reading, ARunTakesNoMoreThanFortyLinesWhateverItHasToTell) {
  std::string text = R"(model: Llama-3.1-8B
description: |
  A description
  of
  four
  lines
hardware: {gpu: h100_sxm}
prices: {examples: true}
engine: {name: vllm-v1, max_num_seqs: 8, queue_timeout: 200 ms}
workload:
  num_prompts: 400
  request_rate: 60
  classes:
)";
  for (const char* name : {"a", "b", "c", "d", "e", "f"})
    text += std::string("    - {name: ") + name + ", random_input_len: 512, random_output_len: 64}\n";
  text += "goodput: {ttft: 300, tpot: 20}\nslo:\n";
  for (int limit = 1; limit <= 30; ++limit) text += "  - p99_ttft <= " + std::to_string(10 * limit) + " ms\n";
  const std::string crowded = folder_.file("crowded.yaml", text);
  const ProcessResult run = with_columns(0, {"run", crowded});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_LE(lines_of(run.out), 40U) << run.out;
  EXPECT_THAT(run.out, HasSubstr("FAILED"));
  EXPECT_THAT(run.out, HasSubstr("more (--full shows them)"));
  EXPECT_THAT(run.out, HasSubstr("foretoken check"));
  const ProcessResult full = with_columns(0, {"run", crowded, "--full"});
  EXPECT_GT(lines_of(full.out), 100U);
  EXPECT_THAT(full.out, HasSubstr("p99_ttft <= 300 ms"));
}

TEST(Help, OfEachCommandFitsAScreenAndShowsAnExample) {
  const std::vector<std::string> names = commands();
  ASSERT_GT(names.size(), 20U);
  EXPECT_LE(lines_of(help_of()), 40U);
  for (const std::string& name : names) {
    const std::string& help = help_of(name);
    EXPECT_LE(lines_of(help), 40U) << name;
    EXPECT_THAT(help, HasSubstr("\nExample: foretoken " + name)) << name;
    EXPECT_THAT(help, HasSubstr("Usage: foretoken " + name)) << name;
    for (const std::string& line : split_lines(help)) EXPECT_LE(characters(line), 100U) << name << ": " << line;
  }
}

TEST(Completion, KnowsEveryCommandAndOption) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const ProcessResult script = with_columns(100, {"completion", shell});
    ASSERT_EQ(script.exit_code, 0) << script.err;
    for (const std::string& name : commands()) {
      EXPECT_THAT(script.out, HasSubstr(name)) << shell;
      for (const std::string& option : options_of(name)) {
        const std::string word = shell == std::string("fish") ? " -l " + option.substr(2) : option;
        EXPECT_THAT(script.out, HasSubstr(word)) << shell << " " << name;
      }
    }
  }
}

TEST(Completion, IsReadByItsShell) {
  TemporaryFolder folder;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string path = folder.file(shell, with_columns(100, {"completion", shell}).out);
    const ProcessResult parsed =
        run_process({"/bin/bash", "-c", "command -v \"$0\" >/dev/null || exit 127; \"$0\" -n \"$1\"", shell, path}, {});
    if (parsed.exit_code == 127) continue;  // bash is everywhere, the others need not be here
    EXPECT_EQ(parsed.exit_code, 0) << shell << ": " << parsed.err;
    EXPECT_TRUE(parsed.err.empty()) << parsed.err;
  }
}

TEST(Completion, OfBashCompletesCommandsOptionsAndValues) {
  TemporaryFolder folder;
  const std::string path = folder.file("foretoken.bash", with_columns(100, {"completion", "bash"}).out);
  const auto complete = [&](const std::string& words) {
    const std::string script = "source '" + path + "'; COMP_WORDS=(" + words +
                               "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _foretoken; echo \"${COMPREPLY[@]}\"";
    const ProcessResult result = run_process({"/bin/bash", "-c", script}, {});
    EXPECT_EQ(result.err, "");
    return result.out;
  };
  EXPECT_EQ(complete("foretoken cap"), "capacity\n");
  EXPECT_EQ(complete("foretoken run x.yaml --for"), "--format\n");
  EXPECT_EQ(complete("foretoken run x.yaml --format v"), "vllm\n");
  EXPECT_EQ(complete("foretoken sweep x.yaml -f c"), "csv\n");
  EXPECT_EQ(complete("foretoken catalog g"), "gpus\n");
  EXPECT_EQ(complete("foretoken run x.yaml --seed 1"), "\n");
  EXPECT_EQ(complete("foretoken run " + path.substr(0, path.size() - 5)), path + "\n");
}

TEST(Manual, HasAPageForEveryCommandWithEveryOption) {
  TemporaryFolder folder;
  ASSERT_EQ(with_columns(100, {"man", "--all", folder.path("")}).exit_code, 0);
  const std::vector<std::string> names = commands();
  EXPECT_EQ(folder.size(), names.size() + 1);
  for (const std::string& name : names) {
    const std::string page = content_of(folder.path("foretoken-" + name + ".1"));
    EXPECT_THAT(page, StartsWith(".TH \"FORETOKEN-")) << name;
    EXPECT_EQ(page, with_columns(100, {"man", name}).out);
    for (std::string option : options_of(name)) {
      for (std::size_t at = option.find('-'); at != std::string::npos; at = option.find('-', at + 2))
        option.insert(at, "\\");
      EXPECT_THAT(page, HasSubstr(option)) << name;
    }
  }
  EXPECT_THAT(content_of(folder.path("foretoken.1")), HasSubstr("foretoken\\-recommend"));
  const ProcessResult typo = with_columns(100, {"man", "recomend"});
  EXPECT_EQ(typo.exit_code, 2);
  EXPECT_THAT(typo.err, HasSubstr("recommend"));
}

}  // namespace
}  // namespace foretoken
