// Slots are given, taken and filled.
#include "serving/state/adapter_slots.hpp"

#include "foretoken/base/result.hpp"

namespace foretoken {

AdapterSlots::AdapterSlots(const LoraConfig& config) : config_(config), adapters_(config.loads.size() + 1) {
  if (!config.loaded_at_start) return;
  for (std::size_t i = 1; i < adapters_.size() && in_host_memory_ < config.max_cpu_loras; ++i, ++in_host_memory_)
    adapters_[i].in_host_memory = true;
}

void AdapterSlots::join(int adapter) {
  Adapter& a = of(adapter);
  if (a.seats++ > 0) return;
  if (counts(adapter)) in_use_ += places(adapter);
  if (adapter < 0) return;
  ++distinct_;
  if (a.on_gpu || a.due) return;
  a.due = true;
  to_load_.push_back(adapter);
}

void AdapterSlots::leave(int adapter) {
  Adapter& a = of(adapter);
  if (--a.seats > 0) return;
  if (counts(adapter)) in_use_ -= places(adapter);
  if (adapter < 0) return;
  --distinct_;
  a.left = ++departures_;
}

// The one that has been out of use the longest. Those in use are fewer than places, so there is one.
void AdapterSlots::evict(bool Adapter::*where) {
  Adapter* oldest = nullptr;
  for (Adapter& a : adapters_) {
    if (a.*where && a.seats == 0 && (oldest == nullptr || a.left < oldest->left)) oldest = &a;
  }
  invariant(oldest != nullptr, "more adapters are in use than there are slots");
  if (oldest->on_gpu) on_gpu_ -= places(static_cast<int>(oldest - adapters_.data()) - 1);
  oldest->on_gpu = false;
  if (where == &Adapter::on_gpu) return;
  --in_host_memory_;
  oldest->in_host_memory = false;
}

Duration AdapterSlots::load() {
  Duration takes{};
  for (const int adapter : to_load_) {
    Adapter& a = of(adapter);
    a.due = false;
    if (a.seats == 0 || a.on_gpu) continue;  // it was evicted in the call that let it in
    const LoraConfig::Load& load = config_.loads[static_cast<std::size_t>(adapter)];
    takes += a.in_host_memory ? load.from_cpu : load.from_disk;
    if (!a.in_host_memory) {
      ++totals_.disk_loads;
      if (in_host_memory_ == config_.max_cpu_loras) evict(&Adapter::in_host_memory);
      a.in_host_memory = true;
      ++in_host_memory_;
    }
    const std::int64_t slots = config_.max_loras - (config_.base_takes_slot && of(-1).seats > 0 ? 1 : 0);
    while (on_gpu_ + places(adapter) > slots) evict(&Adapter::on_gpu);
    a.on_gpu = true;
    on_gpu_ += places(adapter);
    ++totals_.loads;
    totals_.loads_of.resize(config_.loads.size());
    ++totals_.loads_of[static_cast<std::size_t>(adapter)];
  }
  to_load_.clear();
  totals_.load_time += takes;
  return takes;
}

bool AdapterSlots::counted(int adapter) {
  if (adapter < 0 || of(adapter).seen == count_) return false;
  of(adapter).seen = count_;
  return true;
}

void AdapterSlots::stepped(std::int64_t distinct, FineDuration time) {
  if (distinct == 0) return;
  totals_.step_time += time.units;
  totals_.adapter_time += static_cast<FineTotal>(distinct) * time.units;
}

}  // namespace foretoken
