// The LoRA adapters of a rank: which of them have a slot on the GPU and which are in host memory
// (src/serving/README.md, "Adapters").
#pragma once

#include <cstdint>
#include <vector>

#include "foretoken/serving/simulation.hpp"

namespace foretoken {

// Slots and host memory are LRU caches. Recency is that of use: an adapter is in use while a request of it has a seat,
// and as old as the moment when the last of them left.
class AdapterSlots {
 public:
  explicit AdapterSlots(const LoraConfig& config);

  // A request of this adapter, -1 = the base model, takes a seat, or gives it up.
  void join(int adapter);
  void leave(int adapter);
  // Whether one more request of it may take a seat.
  [[nodiscard]] bool admits(int adapter) const {
    return of(adapter).seats > 0 || !counts(adapter) || in_use_ + places(adapter) <= config_.max_loras;
  }
  // Distinct adapters in use.
  [[nodiscard]] std::int64_t distinct() const { return distinct_; }
  // Those in use that have no slot get one now. How long the step waits for them.
  [[nodiscard]] Duration load();
  [[nodiscard]] bool must_load() const { return !to_load_.empty(); }

  [[nodiscard]] bool on_gpu(int adapter) const { return adapter < 0 || of(adapter).on_gpu; }
  [[nodiscard]] bool in_host_memory(int adapter) const { return adapter < 0 || of(adapter).in_host_memory; }

  // For counting those of some of the requests only: begin_count(), then counted() of each, true the first time.
  void begin_count() { ++count_; }
  [[nodiscard]] bool counted(int adapter);

  // ---- totals ----
  [[nodiscard]] const AdapterTotals& totals() const { return totals_; }
  void stepped(std::int64_t distinct, FineDuration time);

 private:
  struct Adapter {
    std::int64_t seats = 0;
    std::int64_t left = 0;  // when its last request did, in the order of leaving
    std::int64_t seen = 0;  // by which count
    bool on_gpu = false;
    bool in_host_memory = false;
    bool due = false;  // in to_load_
  };
  [[nodiscard]] Adapter& of(int adapter) { return adapters_[static_cast<std::size_t>(adapter + 1)]; }
  [[nodiscard]] const Adapter& of(int adapter) const { return adapters_[static_cast<std::size_t>(adapter + 1)]; }
  [[nodiscard]] bool counts(int adapter) const { return adapter >= 0 || config_.base_takes_slot; }
  [[nodiscard]] std::int64_t places(int adapter) const {
    return config_.places.empty() || adapter < 0 ? 1 : config_.places[static_cast<std::size_t>(adapter)];
  }
  void evict(bool Adapter::*where);

  const LoraConfig config_;
  std::vector<Adapter> adapters_;  // the base model first
  std::vector<int> to_load_;       // in the order of admission
  std::int64_t in_use_ = 0;        // places of those that count
  std::int64_t distinct_ = 0;
  std::int64_t on_gpu_ = 0;  // places taken
  std::int64_t in_host_memory_ = 0;
  std::int64_t departures_ = 0;
  std::int64_t count_ = 0;
  AdapterTotals totals_;
};

}  // namespace foretoken
