// INV-9: no policy reads the true output length. The sources are searched for the fields that
// would tell it; and output lengths that are still unseen are changed behind its back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/how_many.hpp"
#include "support/invariants.hpp"
#include "support/random_run.hpp"
#include "test_paths.hpp"

namespace foretoken::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(NoOracle, NoPolicyNamesAFieldThatTellsTheOutputLength) {
  int files = 0;
  for (const char* family : {"engines", "queueing", "routing"}) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(FORETOKEN_SOURCE_DIR "/src/serving/" + std::string(family))) {
      if (entry.path().extension() != ".cpp") continue;
      std::stringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      for (const char* field : {"output_tokens", "finish_clock", "tokens_left", "steps_until_change"}) {
        EXPECT_THAT(text.str(), Not(HasSubstr(field))) << entry.path();
      }
      ++files;
    }
  }
  EXPECT_GT(files, 15);
}

RunLog steps_of(const SimulationConfig& config, const std::vector<Request>& requests, const CostModel& cost) {
  SimulationConfig every_step = config;
  every_step.every_step = true;
  return logged_run(every_step, *make_fixed_source(requests), cost);
}

TEST(NoOracle, OutputLengthsThatNobodyHasSeenChangeNoDecision) {
  int compared = 0;
  int differ = 0;
  for (int seed = 0; seed < how_many_scenarios(200); ++seed) {
    RandomRun run = random_run(static_cast<std::uint64_t>(seed));
    if (run.loop) continue;
    RandomStream random(static_cast<std::uint64_t>(seed), "no_oracle");
    for (Request& r : run.requests) {
      r.max_tokens = r.output_tokens + 50;
      r.output_tokens = static_cast<std::int32_t>(random.uniform_int(1, r.max_tokens));
    }
    // A cache that holds less than max_model_len: who fits must not be told by the output either.
    if (seed % 4 == 0) run.config.engine.num_gpu_blocks = 2 + run.config.engine.num_gpu_blocks / 2;
    const StubCost cost(run.cost);
    const RunLog log = steps_of(run.config, run.requests, cost);
    const std::vector<RequestRecord> done = finished(log);
    for (const std::size_t quarter : {0u, 1u, 2u, 3u}) {
      if (done.empty()) break;
      const TimePoint until = done[quarter * (done.size() - 1) / 4].finish;
      std::vector<Request> changed = run.requests;
      for (Request& r : changed) {
        const auto record =
            std::find_if(done.begin(), done.end(), [&](const RequestRecord& d) { return d.request.index == r.index; });
        if (record != done.end() && record->finish <= until) continue;
        const bool unseen = record == done.end() || record->first_token > until;
        r.output_tokens = unseen && random.uniform_int(0, 1) == 0 ? 1 : r.max_tokens;
      }
      const RunLog other = steps_of(run.config, changed, cost);
      ASSERT_THAT(inv_9_no_oracle(log, other, until), IsEmpty()) << "seed " << seed;
      ++compared;
      if (!inv_9_no_oracle(log, other, TimePoint::max()).empty()) ++differ;
    }
  }
  std::cout << compared << " comparisons; " << differ << " of the pairs differ later on\n";
  EXPECT_GT(2 * differ, compared) << "the changed lengths change nothing: the test is blind";
}

}  // namespace
}  // namespace foretoken::test
