// Images and sounds of a rank: which of them a step computes, and whose embeddings wait for their chunk
// (src/serving/README.md, "Images and audio"; vLLM V1, v1/core/encoder_cache_manager.py and the scheduler's
// _try_schedule_encoder_inputs).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "foretoken/serving/engine_config.hpp"
#include "foretoken/serving/simulation.hpp"
#include "serving/requests/in_flight.hpp"

namespace foretoken {

class EncoderCache {
 public:
  // `media`: of the requests that come here.
  EncoderCache(const EncoderConfig& config, const PromptMedia& media)
      : config_(config), media_(media), free_(config.budget) {}

  // ---- a schedule call ----
  // Nothing is planned, and the coming step has its whole budget.
  void begin_call();
  // Of the `tokens` that follow `computed` others of a prompt so many can be computed: a chunk stops before the first
  // item whose embeddings are neither here nor can be made in this step. `id`: kNoRequest before it is admitted.
  [[nodiscard]] std::int64_t fit(RequestId id, const Request& request, std::int64_t computed, std::int64_t tokens);
  // What the last fit() found is held by this request now, and what was missing is planned.
  void take(RequestId id);

  // ---- the step ----
  [[nodiscard]] std::span<const EncodedItem> planned() const { return planned_shapes_; }
  // It begins: what is planned is computed in any case.
  void begin_step(FineDuration encoder_time);

  // Its first `tokens` tokens are computed: embeddings of items before are let go.
  void computed(RequestId id, std::int64_t tokens);
  // It leaves, or is preempted; what was planned for it alone leaves the plan.
  void drop(RequestId id);

  [[nodiscard]] const EncoderTotals& totals() const { return totals_; }
  // Embeddings that somebody holds, and those kept until their room is wanted.
  [[nodiscard]] std::int64_t held() const { return config_.budget - free_ - evictable_; }
  [[nodiscard]] std::int64_t kept() const { return evictable_; }

 private:
  struct Entry {
    std::int32_t tokens = 0;
    std::int32_t holders = 0;
    std::uint64_t since = 0;  // without holders: its place in the order of eviction
    RequestId planned_by = kNoRequest;
    EncodedItem shape;
  };
  struct Hold {
    std::int64_t content;
    std::int64_t end;  // of the item in the prompt
  };
  [[nodiscard]] bool holds(RequestId id, std::int64_t content) const;
  void hold(RequestId id, const MediaItem& item, Entry& entry);
  void let_go(std::int64_t content);
  void take_from_elsewhere(RequestId id);
  void plan(RequestId id, const MediaItem& item);
  void make_room(std::int64_t tokens);
  void shape_plan();

  EncoderConfig config_;
  const PromptMedia& media_;
  std::unordered_map<std::int64_t, Entry> entries_;  // by content
  std::map<std::uint64_t, std::int64_t> order_;      // contents without holders, first let go first
  std::unordered_map<RequestId, std::vector<Hold>> held_;
  std::int64_t free_;           // embeddings for which there is room
  std::int64_t evictable_ = 0;  // of contents without holders
  std::int64_t budget_ = 0;     // left of the coming step
  std::uint64_t clock_ = 0;
  std::vector<std::int64_t> planned_;  // contents
  std::vector<EncodedItem> planned_shapes_;
  std::vector<MediaItem> items_;            // scratch
  std::vector<MediaItem> found_, missing_;  // by the last fit()
  EncoderTotals totals_;
};

}  // namespace foretoken
