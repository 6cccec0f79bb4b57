// What a rank with KV tiers keeps beside its requests and blocks (src/serving/README.md, "KV tiers").
#pragma once

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <vector>

#include "serving/kv_cache/kv_tiers.hpp"
#include "serving/state/unsaved_blocks.hpp"

namespace foretoken {

struct RankTiers {
  RankTiers(const KvOffloadConfig& config, const PrefixTable* described, std::int64_t free_blocks)
      : store(config, described, totals), swap_free(config.swap_blocks) {
    unsaved.free_is(free_blocks);
  }

  KvTierTotals totals;
  KvTiers store;
  UnsavedBlocks unsaved;
  std::vector<BlockPool::Key> evicted;  // KvWrite::back: contents that have lost their blocks since the last step
  TimePoint now{};                      // of what happens in the rank
  TimePoint known{};                    // until when the schedule call under way knows what happened

  // ---- of the head of the queue, as it was looked at last ----
  TierMatch match;
  // When a call may find more for somebody who was passed over in the last one.
  TimePoint ask_again = kNever;
  // Another call, which asks for all of them once more.
  void known_until(TimePoint time) {
    known = time;
    ask_again = kNever;
  }

  // ---- requests that were passed by while something of theirs was on its way to host memory, by index ----
  struct CopyWait {
    Duration before{};  // in those that were over when the last one began
    TimePoint since{}, until{};
  };
  std::unordered_map<std::int64_t, CopyWait> copy_waits;  // never iterated
  void waits_for_copy(std::int64_t request, TimePoint from, TimePoint until) {
    CopyWait& wait = copy_waits[request];
    if (from > wait.until) {
      wait.before += wait.until - wait.since;
      wait.since = from;
    }
    wait.until = std::max(wait.until, until);
  }
  // Who leaves the queue now has waited so long for that.
  Duration waited_for_copies(std::int64_t request, TimePoint at) {
    const auto found = copy_waits.find(request);
    if (found == copy_waits.end()) return {};
    const CopyWait wait = found->second;
    copy_waits.erase(found);
    return wait.before + std::max(Duration{}, std::min(wait.until, at) - wait.since);
  }

  // ---- loads beside the steps: the request has blocks, and no seat ----
  struct Load {
    RequestId id = kNoRequest;
    TimePoint begin{}, end{};
    std::int64_t seen_after = -1;  // steps of the rank, then its scheduler knows; -1: it is not there yet
  };
  std::vector<Load> loads;  // in the order of their begin, which is that of their end
  // Blocks that those need who are loaded, or were and wait, for the rest of their tokens.
  std::int64_t owed_blocks = 0;
  [[nodiscard]] TimePoint next_end() const {
    for (const Load& load : loads) {
      if (load.seen_after < 0) return load.end;
    }
    return kNever;
  }
  [[nodiscard]] std::int64_t next_seen_after() const {
    std::int64_t next = -1;
    for (const Load& load : loads) {
      if (load.seen_after >= 0) next = next < 0 ? load.seen_after : std::min(next, load.seen_after);
    }
    return next;
  }

  // ---- loads within the coming step ----
  struct StepLoad {
    RequestId id = kNoRequest;
    TierMatch match;
  };
  std::vector<StepLoad> step_loads;
  FineDuration step_time;  // by which the step is longer for them and for what it stores

  // ---- vLLM V0: preempted requests whose KV cache is in host memory, the first out first ----
  std::deque<RequestId> swapped;
  std::int64_t swap_free;                     // blocks there
  std::int64_t going_out = 0, coming_in = 0;  // blocks, with the coming step
};

}  // namespace foretoken
