// Rows that take several tokens a step: the decode group and its closed forms against counting request by request.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.hpp"
#include "serving/rank/rank_usage.hpp"
#include "serving/state/decode_group.hpp"
#include "support/stub_cost.hpp"

namespace foretoken {
namespace {

// A decoding request, counted by itself.
struct Row {
  RequestId id = kNoRequest;
  std::int64_t context = 0;
  std::int64_t to_emit = 0;
};

struct Batch {
  std::int64_t per_row = 1;
  std::int64_t block_size = 16;
  std::int64_t window = 0;
  InFlightTable table;
  DecodeGroup group;
  std::vector<Row> rows;

  explicit Batch(RandomStream& random, std::int64_t tokens_per_row)
      : per_row(tokens_per_row),
        block_size(random.uniform_int(0, 1) == 0 ? 16 : random.uniform_int(1, 20)),
        window(random.uniform_int(0, 1) == 0 ? 0 : random.uniform_int(1, 200)),
        group(table, block_size, window, per_row) {}

  void join(RandomStream& random) {
    Request request;
    request.prompt_tokens = static_cast<std::int32_t>(random.uniform_int(1, 150));
    request.output_tokens = static_cast<std::int32_t>(random.uniform_int(2, 120));
    const RequestId id = table.add(request);
    table[id].cached = request.prompt_tokens;
    table[id].emitted = 1;
    group.join(id);
    rows.push_back({id, request.prompt_tokens, request.output_tokens - 1});
  }

  [[nodiscard]] DecodeShape shape() const {
    DecodeShape shape;
    for (const Row& row : rows) {
      ++shape.sequences;
      shape.context += row.context;
      if (window > 0) shape.windowed_context += std::min(row.context, window);
    }
    return shape;
  }
  [[nodiscard]] std::int64_t blocks_of_step() const {
    std::int64_t blocks = 0;
    for (const Row& row : rows) {
      blocks += blocks_for(row.context + per_row, block_size) - blocks_for(row.context, block_size);
    }
    return blocks;
  }
  // One step; those that ended, sorted.
  std::vector<RequestId> step() {
    std::vector<RequestId> ended;
    for (Row& row : rows) {
      row.context += per_row;
      row.to_emit -= per_row;
      if (row.to_emit <= 0) ended.push_back(row.id);
    }
    std::erase_if(rows, [](const Row& row) { return row.to_emit <= 0; });
    std::sort(ended.begin(), ended.end());
    return ended;
  }
};

class TokensPerRow : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(TokensPerRow, LeaveTheGroupInTheStateOfItsRowsAfterEveryStretch) {
  RandomStream random(static_cast<std::uint64_t>(GetParam()), "token_clock_test");
  std::int64_t jumps = 0;
  for (int trial = 0; trial < 200; ++trial) {
    Batch batch(random, GetParam());
    for (std::int64_t i = random.uniform_int(1, 12); i > 0; --i) batch.join(random);
    while (!batch.rows.empty()) {
      ASSERT_EQ(batch.group.shape(), batch.shape());
      ASSERT_EQ(batch.group.rate(), (TokenRate{static_cast<std::int64_t>(batch.rows.size()), GetParam()}));
      const std::int64_t free = random.uniform_int(0, 60);
      const std::int64_t change = batch.group.steps_until_change();
      const std::int64_t fits = batch.group.growth().steps_within(batch.group.clock(), free, change);
      const std::int64_t foretold = batch.group.blocks_over(fits);
      const DecodeShape first = batch.shape();
      const TokenRate rate = batch.group.rate(), in_window = batch.group.rate_in_window();
      std::int64_t taken = 0;
      std::vector<RequestId> ended;
      for (std::int64_t step = 0; step < fits; ++step) {
        ASSERT_TRUE(ended.empty()) << "a request ends within a stretch";
        // Sums grow by the rate, step by step.
        ASSERT_EQ(batch.shape(), (DecodeShape{first.sequences, first.context + step * rate.tokens(),
                                              first.windowed_context + step * in_window.tokens()}));
        ASSERT_EQ(batch.group.growth().at(batch.group.clock(), step), batch.blocks_of_step());
        taken += batch.blocks_of_step();
        ended = batch.step();
      }
      ASSERT_EQ(taken, foretold);
      ASSERT_LE(taken, free);
      if (fits < change) {
        ASSERT_GT(taken + batch.blocks_of_step(), free) << "one more step would have fitted";
      }
      if (fits == 0) {  // no room: one step as if there were
        ended = batch.step();
        batch.group.advance(1);
      } else {
        batch.group.advance(fits);
        ++jumps;
      }
      std::vector<RequestId> finished;
      batch.group.take_finished(finished);
      std::sort(finished.begin(), finished.end());
      ASSERT_EQ(finished, ended);
      for (const RequestId id : finished) {
        const InFlight& r = batch.table[id];
        ASSERT_EQ(r.emitted, r.request.output_tokens);
        ASSERT_EQ(r.cached, r.request.prompt_tokens + r.request.output_tokens - 1);
        ASSERT_GE(r.blocks, blocks_for(r.cached, batch.block_size));
      }
    }
  }
  EXPECT_GT(jumps, 300);
}

TEST_P(TokensPerRow, TakeBackTheBlocksOfTokensThatWereDropped) {
  InFlightTable table;
  DecodeGroup group(table, 4, 0, GetParam());
  Request request;
  request.prompt_tokens = 4;
  request.output_tokens = 2;  // one token to come
  const RequestId id = table.add(request);
  table[id].cached = 4;
  table[id].emitted = 1;
  table[id].blocks = 1;
  group.join(id);
  const std::int64_t taken = group.blocks_of_step();
  EXPECT_EQ(group.blocks_of_step(table[id]), taken);
  group.advance(group.steps_until_change());
  std::vector<RequestId> finished;
  group.take_finished(finished);
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(table[id].blocks, 1 + taken) << "blocks would leak";
}

TEST_P(TokensPerRow, SumTimeBlocksAndWorkOfAStretchAsItsStepsDo) {
  RandomStream random(static_cast<std::uint64_t>(GetParam()), "token_clock_stretch");
  for (int trial = 0; trial < 100; ++trial) {
    Batch batch(random, GetParam());
    for (std::int64_t i = random.uniform_int(1, 12); i > 0; --i) batch.join(random);
    test::StubTerms terms;
    terms.base = 1e-3 * random.uniform();
    terms.per_context = 1e-6 * random.uniform();
    terms.per_context_above = terms.per_context + 1e-6 * random.uniform();
    terms.kink = static_cast<double>(random.uniform_int(1, 2000));
    terms.window = batch.window;
    terms.per_windowed = 1e-6 * random.uniform();
    const test::StubCost cost(terms);
    const DecodeCurve& curve = cost.decode(batch.group.size());
    const std::int64_t steps = batch.group.steps_until_change();
    if (steps < 2) continue;
    Stretch stretch;
    stretch.set_one(curve.at(batch.shape()), curve.at(batch.shape()));
    stretch.extend(curve, batch.shape(), batch.group.rate(), batch.group.rate_in_window(), steps);
    const std::int64_t used = random.uniform_int(0, 100);
    const FineTotal foretold = block_time(stretch, used, batch.blocks_of_step(), batch.group);
    FineDuration elapsed;
    FineTotal flops = 0, bytes = 0, block_sum = 0;
    std::int64_t blocks = used;
    for (std::int64_t step = 0; step < steps; ++step) {
      const StepTime time = curve.at(batch.shape());
      blocks += batch.blocks_of_step();
      block_sum += static_cast<FineTotal>(blocks) * time.total().units;
      elapsed += time.total();
      flops += time.flops;
      bytes += time.bytes;
      (void)batch.step();
    }
    ASSERT_EQ(stretch.elapsed(), elapsed) << "trial " << trial;
    ASSERT_TRUE(stretch.flops() == flops && stretch.bytes() == bytes) << "trial " << trial;
    ASSERT_TRUE(foretold == block_sum) << "trial " << trial;
  }
}

INSTANTIATE_TEST_SUITE_P(AreOneTwoThreeOrMoreThanABlock, TokensPerRow, ::testing::Values(1, 2, 3, 25));

}  // namespace
}  // namespace foretoken
