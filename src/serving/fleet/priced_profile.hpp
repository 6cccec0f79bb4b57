// What a replica of a pool takes, by the cost model that its steps are priced with.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/serving/simulation.hpp"
#include "serving/fleet/autoscaler.hpp"

namespace foretoken {

// Left out: that ranks of a group wait for the slowest of them, the history of chunks, drafts.
class PricedProfile final : public ReplicaProfile {
 public:
  explicit PricedProfile(const PoolConfig& pool) : pool_(&pool) {}

  [[nodiscard]] double prefill(double tokens) const override {
    const PrefillChunk chunk{of_rank(tokens), 0, true};
    return seconds(pool_->cost->step({{&chunk, 1}, {}}));
  }
  [[nodiscard]] double decode(double rows, double context) const override {
    DecodeShape shape;
    shape.sequences = of_rank(rows);
    shape.context = std::max<std::int64_t>(1, std::llround(context / ranks()));
    const std::int64_t window = pool_->cost->sliding_window();
    shape.windowed_context = std::min(shape.context, shape.sequences * window);
    return seconds(pool_->cost->decode(shape.sequences).at(shape));
  }
  [[nodiscard]] double most_batched_tokens() const override {
    return ranks() * static_cast<double>(std::max<std::int64_t>(1, pool_->engine.max_num_batched_tokens));
  }
  [[nodiscard]] double kv_tokens() const override {
    return ranks() * static_cast<double>(pool_->engine.usable_blocks() * pool_->engine.block_size);
  }
  [[nodiscard]] double seats() const override { return ranks() * static_cast<double>(pool_->engine.max_num_seqs); }

 private:
  [[nodiscard]] double ranks() const { return pool_->engine.data_parallel_size; }
  [[nodiscard]] std::int64_t of_rank(double of_all) const {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(of_all / ranks())));
  }
  static double seconds(const StepTime& step) { return to_seconds(step.total()); }

  const PoolConfig* pool_;
};

}  // namespace foretoken
