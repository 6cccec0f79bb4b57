// foretoken sweep --mpi under mpirun: the bytes of one process, where this build has MPI.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "cli/program.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SweepOnRanks : public ::testing::Test {
 protected:
  std::vector<std::string> sweep(const std::vector<std::string>& more) const {
    std::vector<std::string> command{
        "sweep", scenario_, "--over", "engine.max_num_seqs=1,4,16..256", "--over", "workload.request_rate=5,20"};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
  ProcessResult on_ranks(int count, const std::vector<std::string>& more) const {
    std::vector<std::string> command{"/usr/bin/mpirun",     "--allow-run-as-root", "--oversubscribe", "-n",
                                     std::to_string(count), FORETOKEN_PROGRAM};
    for (const std::string& word : sweep(more)) command.push_back(word);
    command.emplace_back("--mpi");
    return run_process(command);
  }

  TemporaryFolder folder_;
  std::string scenario_ = folder_.file("small.yaml", small_scenario());
};

TEST_F(SweepOnRanks, ThreeRanksAndOneGiveTheBytesOfOneProcess) {
  const std::string alone = foretoken_program(sweep({"-f", "json"})).out;
  const std::string journal = folder_.path("journal");
  for (const int ranks : {1, 3}) {
    const ProcessResult result = on_ranks(ranks, {"-f", "json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, alone) << ranks;
  }
  EXPECT_EQ(on_ranks(3, {"-f", "json", "--resume", journal}).out, alone);
  EXPECT_EQ(lines_of(content_of(journal)), 11u) << "a head and ten points, each once";
  EXPECT_EQ(foretoken_program(sweep({"-f", "json", "--resume", journal})).out, alone);
}

TEST_F(SweepOnRanks, BadInputIsSaidOnceAndEndsAllRanks) {
  const ProcessResult result = on_ranks(3, {"--over", "engine.block_size=x"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, IsEmpty());
  const auto first = result.err.find("--over:3:19: error");
  ASSERT_NE(first, std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("--over:3:19: error", first + 1), std::string::npos) << result.err;
  EXPECT_EQ(foretoken_program({"sweep", "-", "--mpi"}).exit_code, 2) << "standard input is for one rank alone";
}

TEST_F(SweepOnRanks, ABuildWithoutMpiSaysWhatToDo) {
  // The program alone, in a folder without foretoken-mpi.
  const std::string program = folder_.path("foretoken");
  std::filesystem::copy_file(FORETOKEN_PROGRAM, program);
  std::vector<std::string> command{program};
  for (const std::string& word : sweep({"--mpi"})) command.push_back(word);
  const ProcessResult result = run_process(command);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("was built without MPI"));
  EXPECT_THAT(result.err, HasSubstr("--shard"));
}

}  // namespace
}  // namespace foretoken
