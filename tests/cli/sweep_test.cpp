// foretoken sweep and merge: one answer, however the points are spread, and words for what can go wrong.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <csignal>
#include <sstream>
#include <thread>

#include "cli/program.hpp"
#include "foretoken/base/json.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class SweepCommand : public ::testing::Test {
 protected:
  // 3 x 4 points, of which those of the largest model do not fit.
  std::vector<std::string> sweep(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> command{"sweep",  scenario_,
                                     "--over", "engine.max_num_seqs=1,4,16..64",
                                     "--over", "model=Llama-3.1-8B,Llama-3.1-70B,Llama-3.2-1B"};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
  std::string out_of(const std::vector<std::string>& command) const {
    const ProcessResult result = foretoken_program(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }
  // Ends the program once the journal holds `points`.
  ProcessOptions ended_by(int signal, const std::string& journal, std::size_t points) const {
    ProcessOptions options;
    options.meanwhile = [=](int pid) {
      for (int tries = 0; tries < 6000 && lines_of(content_of(journal)) < points + 1; ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
      ::kill(pid, signal);
    };
    return options;
  }

  TemporaryFolder folder_;
  std::string scenario_ = folder_.file("small.yaml", small_scenario());
};

TEST_F(SweepCommand, ThreadsShardsAndAJournalGiveTheSameBytes) {
  for (int i = 0; i < 3; ++i) {
    const std::string shard = std::to_string(i) + "/3";
    (void)out_of(sweep({"--shard", shard, "-j", "2", "-o", folder_.path(std::to_string(i) + ".jsonl")}));
  }
  const std::string whole = folder_.path("whole.journal");
  for (const char* format : {"table", "json", "csv"}) {
    const std::string alone = out_of(sweep({"-f", format, "-j", "1"}));
    for (const char* threads : {"2", "7"}) EXPECT_EQ(out_of(sweep({"-f", format, "-j", threads})), alone) << threads;
    EXPECT_EQ(out_of({"merge", folder_.path("."), "-f", format}), alone);
    EXPECT_EQ(out_of(sweep({"-f", format, "--resume", whole})), alone) << "written the first time, read later";
    EXPECT_EQ(out_of({"merge", whole, "-f", format}), alone) << "a journal is the one shard of one";
  }
  EXPECT_EQ(lines_of(content_of(whole)), 13u) << "a head, 12 points, each once";
}

TEST_F(SweepCommand, TheSweepOfTheScenarioAndThatOfTheCommandLineAreOne) {
  const std::string path =
      folder_.file("own.yaml", small_scenario() + "sweep: {engine.max_num_seqs: [1, 4, 16..64]}\n");
  const std::vector<std::string> more{"--over", "model=Llama-3.1-8B,Llama-3.1-70B,Llama-3.2-1B", "-f", "csv"};
  std::vector<std::string> own{"sweep", path};
  own.insert(own.end(), more.begin(), more.end());
  EXPECT_EQ(out_of(own), out_of(sweep({"-f", "csv"})));
  EXPECT_EQ(out_of({"run", path}), out_of({"sweep", path})) << "run on such a scenario is the same study";
}

TEST_F(SweepCommand, AKilledSweepGoesOnWhereItStood) {
  const std::string journal = folder_.path("journal");
  const std::vector<std::string> slow{"--set", "workload.num_prompts=3000", "--step-by-step", "-j", "1", "-f", "json"};
  const std::string alone = out_of(sweep(slow));
  std::vector<std::string> journaled = slow;
  journaled.insert(journaled.end(), {"--resume", journal});
  EXPECT_EQ(foretoken_program(sweep(journaled), ended_by(SIGKILL, journal, 2)).exit_code, 128 + SIGKILL);
  const std::string before = content_of(journal);
  EXPECT_LT(lines_of(before), 13u) << "killed before the end";

  const ProcessResult interrupted = foretoken_program(sweep(journaled), ended_by(SIGINT, journal, lines_of(before)));
  EXPECT_EQ(interrupted.exit_code, 130) << interrupted.err;
  EXPECT_THAT(interrupted.err, HasSubstr("the same command goes on from there"));

  EXPECT_EQ(out_of(sweep(journaled)), alone);
  const std::string after = content_of(journal);
  EXPECT_TRUE(after.starts_with(before)) << "nothing finished is lost";
  EXPECT_EQ(lines_of(after), 13u) << "and nothing runs twice";
}

TEST_F(SweepCommand, ADamagedTailOfAJournalIsDroppedAndRunAgain) {
  const std::string journal = folder_.path("journal");
  const std::string alone = out_of(sweep({"--resume", journal}));
  const std::string whole = content_of(journal);
  std::string flipped = whole;
  flipped[whole.rfind("\"point\":") + 30] ^= 1;
  const std::string cut = whole.substr(0, whole.size() - 40);
  for (const std::string& damaged : {flipped, cut}) {
    (void)folder_.file("journal", damaged);
    const ProcessResult result = foretoken_program(sweep({"--resume", journal, "-j", "1"}));
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.out, alone);
    EXPECT_THAT(result.err, HasSubstr(": warning: the journal is damaged from here on; 11 whole points"));
    EXPECT_EQ(content_of(journal), whole);
  }
}

TEST_F(SweepCommand, ADamagedLineOfAJournalCostsItsOwnPointOnly) {
  const std::string journal = folder_.path("journal");
  const std::string alone = out_of(sweep({"--resume", journal}));
  const std::string whole = content_of(journal);
  std::string flipped = whole;
  flipped[whole.find("\"point\":") + 30] ^= 1;
  (void)folder_.file("journal", flipped);
  const ProcessResult result = foretoken_program(sweep({"--resume", journal, "-j", "1"}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, alone);
  EXPECT_THAT(result.err, HasSubstr(":2: warning: 1 damaged lines in the journal"));
  EXPECT_EQ(lines_of(content_of(journal)), lines_of(whole) + 1) << "one point is run again";
}

TEST_F(SweepCommand, AJournalOfSomethingElseIsRefusedAndLeftAlone) {
  const std::string journal = folder_.path("journal");
  (void)out_of(sweep({"--resume", journal}));
  const std::string whole = content_of(journal);
  const auto refused = [&](const std::vector<std::string>& more, const std::string& words) {
    std::vector<std::string> command = sweep({"--resume", journal});
    command.insert(command.end(), more.begin(), more.end());
    const ProcessResult result = foretoken_program(command);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(words));
    EXPECT_THAT(result.out, IsEmpty());
    EXPECT_EQ(content_of(journal), whole);
  };
  refused({"--seed", "5"}, "is the journal of another sweep: seed 0, this run has 5");
  refused({"--set", "workload.request_rate=3"}, "another scenario or other axes");
  refused({"--over", "engine.block_size=16,32"}, "another scenario or other axes");
  refused({"--shard", "0/2"}, "shard 0/1, this is 0/2");

  const int lock = ::open(journal.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
  refused({}, "another run is writing this journal");
  ::close(lock);

  const std::string notes = folder_.file("notes.txt", "my notes\n");
  const ProcessResult result = foretoken_program(sweep({"--resume", notes}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("is not a journal of a sweep"));
  EXPECT_EQ(content_of(notes), "my notes\n");
}

TEST_F(SweepCommand, AFullDiskCostsTheJournalButNotTheResult) {
  const std::string journal = folder_.path("journal");
  // A limit on the size of files (40 x 512 bytes) stands for the full disk: the head and a few points.
  std::vector<std::string> command{"/bin/sh", "-c", "trap '' XFSZ; ulimit -f 40; exec \"$0\" \"$@\"",
                                   FORETOKEN_PROGRAM};
  for (const std::string& word : sweep({"--resume", journal})) command.push_back(word);
  const ProcessResult result = run_process(command);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("journal: error: cannot write the journal: File too large"));
  EXPECT_EQ(result.out, out_of(sweep()));
  const std::string kept = content_of(journal);
  EXPECT_TRUE(kept.ends_with("\"}\n")) << "no torn line";
  EXPECT_LT(lines_of(kept), 13u);
}

TEST_F(SweepCommand, MergeNamesWhatIsWrongWithTheShards) {
  const auto shard = [&](const std::string& which, const std::string& file, const std::vector<std::string>& more = {}) {
    std::vector<std::string> command = sweep({"--shard", which, "-o", folder_.path(file)});
    command.insert(command.end(), more.begin(), more.end());
    (void)out_of(command);
    return folder_.path(file);
  };
  const std::string a = shard("0/3", "a"), b = shard("1/3", "b"), c = shard("2/3", "c");
  const auto refused = [&](const std::vector<std::string>& files) {
    std::vector<std::string> command{"merge"};
    command.insert(command.end(), files.begin(), files.end());
    const ProcessResult result = foretoken_program(command);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.out, IsEmpty());
    return result.err;
  };
  EXPECT_THAT(refused({a, c}), HasSubstr("1 of 3 shards missing: 1"));
  EXPECT_THAT(refused({a, b, c, a}), HasSubstr("shard 0/3 is there twice"));
  EXPECT_THAT(refused({a, b, shard("2/3", "seed", {"--seed", "7"})}), HasSubstr("has another seed (7, not 0)"));
  EXPECT_THAT(refused({a, b, shard("2/3", "other", {"--set", "workload.request_rate=3"})}),
              HasSubstr("is of another scenario or other axes than"));
  EXPECT_THAT(refused({a, b, shard("1/2", "cut")}), HasSubstr("is part of another cut (2 shards, not 3)"));
  std::string damaged = content_of(c);
  damaged[damaged.size() / 2] ^= 1;
  EXPECT_THAT(refused({a, b, folder_.file("damaged", damaged)}), HasSubstr("the line is damaged"));
  const std::string text = content_of(c);
  const std::string shorter = text.substr(0, text.rfind('\n', text.size() - 2) + 1);
  EXPECT_THAT(refused({a, b, folder_.file("short", shorter)}),
              HasSubstr("shard 2/3 is not finished: 1 of 4 points are missing: 11"));
  EXPECT_THAT(refused({folder_.path("nothing")}), HasSubstr("nothing: error: there is no such file"));
  EXPECT_THAT(refused({scenario_}), HasSubstr("was not written by foretoken"));
}

TEST_F(SweepCommand, ShardsCanComeFromSlurmAndKubernetes) {
  const auto with = [&](const std::vector<std::string>& variables, const std::string& shard) {
    std::vector<std::string> command{"/usr/bin/env"};
    command.insert(command.end(), variables.begin(), variables.end());
    command.emplace_back(FORETOKEN_PROGRAM);
    for (const std::string& word : sweep({"--shard", shard})) command.push_back(word);
    return run_process(command);
  };
  const std::string second = out_of(sweep({"--shard", "1/4"}));
  EXPECT_EQ(with({"JOB_COMPLETION_INDEX=1"}, "auto/4").out, second);
  EXPECT_EQ(
      with({"SLURM_ARRAY_TASK_ID=12", "SLURM_ARRAY_TASK_COUNT=4", "SLURM_ARRAY_TASK_MIN=10", "SLURM_ARRAY_TASK_STEP=2"},
           "auto")
          .out,
      second);
  const std::pair<std::vector<std::string>, std::string> wrong[] = {
      {{"JOB_COMPLETION_INDEX=1"}, "auto"},
      {{"JOB_COMPLETION_INDEX=4"}, "auto/4"},
      {{}, "auto"},
      {{"JOB_COMPLETION_INDEX=x"}, "auto/4"},
      {{}, "4/4"},
      {{}, "1"},
      {{}, "-1/4"},
      {{}, "0/0"},
      {{}, "a/b"},
      {{"SLURM_ARRAY_TASK_ID=1"}, "auto"},
      {{}, ""},
  };
  for (const auto& [variables, shard] : wrong) {
    if (shard.empty()) continue;
    const ProcessResult result = with(variables, shard);
    EXPECT_EQ(result.exit_code, 2) << shard;
    EXPECT_THAT(result.err, HasSubstr("--shard " + shard + ": error: ")) << shard;
  }
}

TEST_F(SweepCommand, TheDryRunListsThePointsAndWhyOneCannotRun) {
  const std::string table = out_of(sweep({"--dry-run"}));
  EXPECT_THAT(table, HasSubstr("Points: 12, of which 8 can run"));
  EXPECT_THAT(table, HasSubstr("does not fit"));
  EXPECT_EQ(lines_of(out_of(sweep({"--dry-run", "-f", "csv", "--shard", "1/3"}))), 5u);
  const Result<Json> json = parse_json(out_of(sweep({"--dry-run", "-f", "json"})), "standard output");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["points"].if_array()->size(), 12u);
}

// Values, and what is said of them, with the place in the text of the option.
TEST_F(SweepCommand, RangesGoOnTheWayTheyBeginOrSayWhereTheyDoNot) {
  const auto values = [&](const std::string& axis) {
    const ProcessResult result = foretoken_program({"sweep", scenario_, "--over", axis, "--dry-run", "-f", "csv"});
    if (result.exit_code != 0) return result.err;
    std::string list;
    std::istringstream lines(result.out);
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
      const auto comma = line.find(',');
      list += (list.empty() ? "" : " ") + line.substr(comma + 1, line.find(',', comma + 1) - comma - 1);
    }
    return list;
  };
  EXPECT_EQ(values("engine.max_num_seqs=1,2,4..64"), "1 2 4 8 16 32 64");
  EXPECT_EQ(values("engine.max_num_seqs=10,20..50"), "10 20 30 40 50");
  EXPECT_EQ(values("engine.max_num_seqs=1..4,100"), "1 2 3 4 100");
  EXPECT_EQ(values("engine.max_num_seqs=64,32,16..1"), "64 32 16 8 4 2 1");
  EXPECT_EQ(values("workload.request_rate=0.1,0.2..0.5"), "0.1 0.2 0.3 0.4 0.5");
  EXPECT_EQ(values("workload.request_rate=1,inf"), "1 inf");
  EXPECT_EQ(values("engine.max_num_seqs={range: {from: 8, to: 512, factor: 8}}"), "8 64 512");
  EXPECT_EQ(values("engine.max_num_seqs={choices: [3, 5]}"), "3 5");
  const std::pair<std::string, std::string> wrong[] = {
      {"engine.max_num_seqs=1,2,x", "--over:1:25: error: 'engine.max_num_seqs' must be a whole number"},
      {"engine.max_num_seqs=1,2,0", "--over:1:25: error: 'engine.max_num_seqs' must be from 1"},
      {"engine.max_num_seq=1", "--over:1:1: error: 'engine.max_num_seq' is not a field that can be swept"},
      {"engine.max_num_seqs", "--over:1:1: error: an axis is a field and its values"},
      {"engine.max_num_seqs=", "--over:1:21: error: no values after '='"},
      {"engine.max_num_seqs=[]", "error: 'engine.max_num_seqs'"},
      {"engine.max_num_seqs=1,2,4..500", "--over:1:25: error: the range does not meet its end 500: 256, 512"},
      {"engine.max_num_seqs=1,2..x", "--over:1:23: error: a range goes from one plain number to another"},
      {"engine.max_num_seqs=9,8..20", "never reaches 20"},
      {"engine.max_num_seqs=1,2,1", "--over:1:25: error: the value 1 of 'engine.max_num_seqs' stands there twice"},
      {"engine.max_num_seqs=1]", "--over:1:23: error: "},
      {"workload.request_rate=1..1000000000", "more than 100000 points"},
      {"engine.max_num_seqs={range: {from: 1, to: 8, by: 2}}", "unknown key 'by' in a range"},
  };
  for (const auto& [axis, words] : wrong) EXPECT_THAT(values(axis), HasSubstr(words)) << axis;
  const ProcessResult twice = foretoken_program({"sweep", scenario_, "--over", "engine.max_num_seqs=1", "--over",
                                                 "engine.max_num_seqs=2", "--over", "workload.burstines=1"});
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_THAT(twice.err, HasSubstr("--over:2:1: error: 'engine.max_num_seqs' is swept twice"));
  EXPECT_THAT(twice.err, HasSubstr("--over:3:1: error: 'workload.burstines' is not a field")) << "all at once";
  EXPECT_EQ(foretoken_program({"sweep", scenario_}).exit_code, 2) << "nothing to go over";
}

}  // namespace
}  // namespace foretoken
