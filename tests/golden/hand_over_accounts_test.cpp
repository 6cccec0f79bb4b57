// What blocks and time count as where requests are handed over, by hand (src/serving/README.md, "Hand-overs").
#include <gtest/gtest.h>

#include "support/busy_decode.hpp"

namespace foretoken::test::hand_overs {
namespace {

// Four blocks where the prompt is computed, in its step and until they are read at 130; where it goes on four from 100
// on, in the row over its last token too, and five in two steps more.
TEST(HandOverGolden, BlocksThatAreHeldBetweenStepsAreInUse) {
  for (const bool step_by_step : {false, true}) {
    BusyDecode pools(FirstToken::where_decoded);
    const PooledRun run = pools.run({request(0, 0, 64, 3)}, {{0, 30}}, step_by_step);
    const auto block_ms = [&](std::size_t rank) {
      return static_cast<std::int64_t>(run.outcome.replicas[rank].kv_block_time / fine_from(kMillisecond).units);
    };
    EXPECT_EQ(block_ms(0), 4 * 130);
    EXPECT_EQ(block_ms(2), 4 * 30 + 4 * 20 + 2 * 5 * 20);
  }
}

// A step of one row takes 20 ms, one of more 18.
class ShorterWithRows final : public CostModel {
 public:
  StepTime step(const StepShape& shape) const override {
    const auto rows = shape.decode.sequences + static_cast<std::int64_t>(shape.prefill.size());
    return of(rows).step(shape);
  }
  const DecodeCurve& decode(std::int64_t sequences) const override { return of(sequences).decode(sequences); }
  StepBreakdown breakdown(const StepShape&) const override { return {}; }

 private:
  [[nodiscard]] const StubCost& of(std::int64_t rows) const { return rows == 1 ? one_ : more_; }
  StubCost one_{StubTerms{0.02}}, more_{StubTerms{0.018}};
};

// Request 1 takes part in two of the 50 steps of request 0, as the row over its last token in the first of them: prompt
// 100, steps 48 x 20 and 2 x 18. All of that is the request's own.
TEST(HandOverGolden, AStepThatIsShorterWithMoreRowsInterferesWithNobody) {
  for (const bool step_by_step : {false, true}) {
    BusyDecode pools(FirstToken::where_decoded);
    const ShorterWithRows cost;
    pools.config.pools.back().cost = &cost;
    const PooledRun run = pools.run({request(0, 0, 64, 50), request(1, 10, 64, 2)}, {{0, 0}, {1, 0}}, step_by_step);
    const RequestRecord r = run.seen.by_index().at(0);
    EXPECT_EQ(ms(r.finish), 1096);
    EXPECT_EQ(part_ms(r.e2e_parts, AttributionPart::engine_overhead), 1096);
    EXPECT_EQ(part_ms(r.e2e_parts, AttributionPart::interference), 0);
    for (const FineTotal part : run.outcome.replicas.back().prefill_parts) EXPECT_GE(part, 0);
  }
}

}  // namespace
}  // namespace foretoken::test::hand_overs
