// Who is let in: saturation as llm-d has it, and a bucket of tokens, worked out by hand.
#include "serving/admission/admission.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace foretoken {
namespace {

using ::testing::ElementsAre;

// Replicas with so many waiting and such a share of 1000 blocks in use.
class Board final : public ClusterView {
 public:
  Board(std::vector<std::pair<int, double>> loads, const std::vector<std::uint8_t>* takes = nullptr)
      : ClusterView(takes), loads_(std::move(loads)) {}
  int size() const override { return static_cast<int>(loads_.size()); }
  TimePoint now() const override { return at; }
  ReplicaSignals signals(int replica) const override {
    const auto& [waiting, kv] = loads_[static_cast<std::size_t>(replica)];
    ReplicaSignals s;
    s.waiting = waiting;
    s.kv_blocks = 1000;
    s.kv_blocks_used = static_cast<std::int64_t>(kv * 1000);
    return s;
  }
  std::int64_t cached_tokens(int, const Request&) const override { return 0; }
  TimePoint at{};

 private:
  std::vector<std::pair<int, double>> loads_;
};

TEST(Admission, SaturationIsTheMeanOverReplicasOfTheWorseSignal) {
  Admission admission{AdmissionConfig{}};
  EXPECT_DOUBLE_EQ(admission.saturation(Board({{5, 0.4}, {0, 0.8}, {2, 0.2}})), 0.8);
  EXPECT_DOUBLE_EQ(admission.saturation(Board({})), 1);
  const std::vector<std::uint8_t> takes{0, 1, 1};
  EXPECT_DOUBLE_EQ(admission.saturation(Board({{50, 0.4}, {0, 0.8}, {2, 0.2}}, &takes)), 0.7);
}

TEST(Admission, ReplicasThatDecodeCountBesideThoseThatPrefill) {
  Admission admission{AdmissionConfig{}};
  const Board prefill({{10, 0.4}}), decode({{0, 0.4}, {0, 0.4}});
  EXPECT_DOUBLE_EQ(admission.saturation(prefill), 2);
  EXPECT_DOUBLE_EQ(admission.saturation(prefill, &decode), 1);
}

// Signals are of the start of the run here: half a second old they count, and one that is older counts as full.
TEST(Admission, AReplicaThatIsNotHeardOfCountsAsSaturated) {
  AdmissionConfig config;
  config.stale_after = std::chrono::milliseconds{500};
  Admission admission{config};
  Board board({{0, 0.4}, {10, 0}});
  board.at = TimePoint{std::chrono::milliseconds{500}};
  EXPECT_DOUBLE_EQ(admission.saturation(board), 1.25);
  EXPECT_EQ(admission.stale_signals(), 0);
  board.at += Duration{1};
  EXPECT_DOUBLE_EQ(admission.saturation(board), 1);
  EXPECT_EQ(admission.stale_signals(), 2) << "of both replicas";
  EXPECT_EQ(Admission{AdmissionConfig{}}.stale_signals(), std::nullopt) << "nothing is too old";
}

TEST(Admission, ShedsOnlyWhatIsSheddableAndOnlyWhileSaturated) {
  AdmissionConfig config;
  config.sheds = true;
  config.shed_priority = 1;
  Admission admission{config};
  const Board busy({{5, 0.9}, {6, 0.1}}), free({{1, 0.1}, {6, 0.1}});
  Request low, high;
  low.priority = 1;
  EXPECT_FALSE(admission.admits(low, 0, busy));
  EXPECT_TRUE(admission.admits(high, 0, busy));
  EXPECT_TRUE(admission.admits(low, 0, free));
}

TEST(Admission, CountsWhoIsInTheSystem) {
  AdmissionConfig config;
  config.max_in_flight = 2;
  Admission admission{config};
  const Board board({{0, 0}});
  EXPECT_TRUE(admission.admits({}, 1, board));
  EXPECT_FALSE(admission.admits({}, 2, board));
}

TEST(Admission, ABucketOfTokensFillsWithTime) {
  AdmissionConfig config;
  config.tokens_per_second = 1000;
  config.burst_tokens = 10000;
  Admission admission{config};
  Board board({{0, 0}});
  std::vector<bool> admitted;
  for (const auto& [second, tokens] :
       std::vector<std::pair<int, int>>{{0, 4000}, {0, 4000}, {0, 4000}, {1, 4000}, {2, 4000}, {20, 12000}}) {
    Request r;
    r.prompt_tokens = tokens;
    board.at = TimePoint{std::chrono::seconds{second}};
    admitted.push_back(admission.admits(r, 0, board));
  }
  EXPECT_THAT(admitted, ElementsAre(true, true, false, false, true, false));
}

TEST(Admission, ClassesMayHaveBucketsOfTheirOwn) {
  AdmissionConfig config;
  config.tokens_per_second = 1;
  config.burst_tokens = 100;
  config.per_class = true;
  config.counts_outputs = true;
  Admission admission{config};
  const Board board({{0, 0}});
  Request r;
  r.prompt_tokens = 60;
  r.max_tokens = 40;
  EXPECT_TRUE(admission.admits(r, 0, board));
  EXPECT_FALSE(admission.admits(r, 0, board));
  r.class_index = 1;
  EXPECT_TRUE(admission.admits(r, 0, board));
}

}  // namespace
}  // namespace foretoken
