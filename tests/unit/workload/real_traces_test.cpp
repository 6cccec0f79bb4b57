// The published traces, where they are present, and our own: counts, spans and moments as
// documented beside them.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "foretoken/workload/request_source.hpp"
#include "support/replaying.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

struct Published {
  const char* file;
  std::int64_t requests;
  double span_s, mean_input, mean_output;
  std::int64_t max_input;  // 0 = not documented
};

class RealTrace : public testing::TestWithParam<Published> {
 protected:
  static std::string path_of(const char* file) {
    return (std::filesystem::path(FORETOKEN_SOURCE_DIR) / ".." / "shared" / "traces" / file).string();
  }
};

TEST_P(RealTrace, HasTheDocumentedShape) {
  const Published& p = GetParam();
  const std::string path = path_of(p.file);
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "no " << path << ": the published traces are not part of the project";
  const WorkloadConfig config = test::replaying(path);
  const auto said = summarise_workload(config);
  ASSERT_TRUE(said) << format(said.error());
  EXPECT_EQ(said->requests, p.requests);
  EXPECT_EQ(said->failed_rows, 0);
  EXPECT_NEAR(said->mean_prompt_tokens, p.mean_input, 0.5);
  EXPECT_NEAR(said->mean_output_tokens, p.mean_output, 0.5);
  if (p.max_input > 0) {
    EXPECT_EQ(said->max_prompt_tokens, p.max_input);
  }
  const auto source = make_request_source(config, 1).value();
  Request last;
  while (source->next_arrival() != kNever) last = source->take();
  EXPECT_EQ(last.index + 1, p.requests);
  // Mooncake's last bucket may be spread up to 3 s beyond its time.
  EXPECT_NEAR(to_seconds(last.arrival), p.span_s, 3);
}

INSTANTIATE_TEST_SUITE_P(Published, RealTrace,
                         testing::Values(Published{"azure_2023_code.csv", 8819, 3436, 2048, 27.9, 0},
                                         Published{"azure_2023_conv.csv", 19'366, 3502, 1155, 211, 14'050},
                                         Published{"mooncake_conversation.jsonl", 12'031, 3537, 12'035, 343, 0},
                                         Published{"mooncake_synthetic.jsonl", 3993, 1022, 15'325, 149, 0}),
                         [](const auto& test) {
                           std::string name = test.param.file;
                           return name.substr(0, name.find('.'));
                         });

// With a cache that forgets nothing, 36.6 % (synthetic: 64.0 %) of the blocks were seen before.
TEST_F(RealTrace, MooncakesHashIdsRepeatAsDocumented) {
  for (const auto& [file, documented] :
       {std::pair{"mooncake_conversation.jsonl", 0.366}, {"mooncake_synthetic.jsonl", 0.640}}) {
    const std::string path = path_of(file);
    if (!std::filesystem::exists(path))
      GTEST_SKIP() << "no " << path << ": the published traces are not part of the project";
    const auto source = make_request_source(test::replaying(path), 1).value();
    std::set<std::int64_t> seen;
    double blocks = 0, hits = 0;
    while (source->next_arrival() != kNever) {
      for (const std::int64_t id : source->prefixes()->hash_ids(source->take().prefix_row)) {
        blocks += 1;
        hits += seen.insert(id).second ? 0 : 1;
      }
    }
    EXPECT_NEAR(hits / blocks, documented, 0.0006) << file;
  }
}

// The figures of scenarios/traces/README.md.
TEST(OwnTrace, IsWhatItsReadmeSays) {
  const auto path = std::filesystem::path(FORETOKEN_SOURCE_DIR) / "scenarios" / "traces" / "small-conversation.csv";
  const auto said = summarise_workload(test::replaying(path.string()));
  ASSERT_TRUE(said) << format(said.error());
  EXPECT_EQ(said->requests, 500);
  EXPECT_EQ(said->max_prompt_tokens, 12'000);
  EXPECT_NEAR(said->mean_prompt_tokens, 1123, 0.5);
  EXPECT_NEAR(said->mean_output_tokens, 206, 0.5);
  EXPECT_NEAR(said->offered_rate, 5.81, 0.005);
}

}  // namespace
}  // namespace foretoken
