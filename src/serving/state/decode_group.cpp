// Sums and heaps of the decode group.
#include "serving/state/decode_group.hpp"

#include <algorithm>

namespace foretoken {

void DecodeGroup::push(std::vector<Entry>& heap, Entry entry) {
  heap.push_back(entry);
  std::push_heap(heap.begin(), heap.end(), Later{});
}

void DecodeGroup::pop(std::vector<Entry>& heap) {
  std::pop_heap(heap.begin(), heap.end(), Later{});
  heap.pop_back();
}

void DecodeGroup::drop_stale(std::vector<Entry>& heap) {
  while (!heap.empty() && is_stale(heap.front())) pop(heap);
}

void DecodeGroup::join(RequestId id) {
  InFlight& r = table_[id];
  r.phase = Phase::decoding;
  r.decode_key = r.cached - clock_.now();
  r.finish_clock = clock_.now() + r.request.output_tokens - r.emitted;
  enter(id);
}

void DecodeGroup::enter(RequestId id) {
  InFlight& r = table_[id];
  ++size_;
  key_sum_ += r.decode_key;
  growth_.add(r.decode_key);
  if (by_row()) {
    if (window_ > 0) rows_windowed_ += std::min(r.decode_key, window_);
    return;
  }
  push(finishes_, {r.finish_clock, id, r.decode_stamp});
  if (window_ == 0) return;
  if (context_of(r) < window_) {
    ++below_window_;
    below_key_sum_ += r.decode_key;
    push(crossings_, {window_ - r.decode_key, id, r.decode_stamp});
  } else {
    growth_.add_beyond_window(r.decode_key);
  }
}

void DecodeGroup::withdraw(RequestId id) {
  InFlight& r = table_[id];
  ++r.decode_stamp;
  --size_;
  key_sum_ -= r.decode_key;
  growth_.remove(r.decode_key);
  if (by_row()) {
    if (window_ > 0) rows_windowed_ -= std::min(r.decode_key, window_);
    return;
  }
  if (window_ == 0) return;
  if (context_of(r) < window_) {
    --below_window_;
    below_key_sum_ -= r.decode_key;
  } else {
    growth_.remove_beyond_window(r.decode_key);
  }
}

void DecodeGroup::leave(RequestId id) {
  InFlight& r = table_[id];
  withdraw(id);
  if (growth_.grows()) {
    const std::int64_t context = context_of(r);
    r.blocks = layout_.blocks(context, context - 1, block_size_);
    r.window_first = layout_.first_in_window(context - 1, block_size_);
  }
  r.emitted = r.request.output_tokens - tokens_left(r);
  r.cached = context_of(r) - std::max<std::int64_t>(0, clock_.now() - r.finish_clock);
}

void DecodeGroup::advance_row(RequestId id, std::int64_t tokens) {
  InFlight& r = table_[id];
  if (window_ > 0) rows_windowed_ += std::min(r.decode_key + tokens, window_) - std::min(r.decode_key, window_);
  r.decode_key += tokens;
  r.finish_clock -= tokens;
  key_sum_ += tokens;
}

void DecodeGroup::hold_back(RequestId id) {
  // It counted as advanced; settle_window may have moved it over the window as well.
  InFlight& r = table_[id];
  withdraw(id);
  r.decode_key -= clock_.per_row();
  r.finish_clock += clock_.per_row();
  enter(id);
}

void DecodeGroup::take_finished(std::vector<RequestId>& out) {
  while (!finishes_.empty() && finishes_.front().clock <= clock_.now()) {
    const Entry due = finishes_.front();
    pop(finishes_);
    if (is_stale(due)) continue;
    leave(due.id);
    out.push_back(due.id);
  }
}

void DecodeGroup::settle_window() {
  if (below_window_ == 0) return;
  while (!crossings_.empty() && crossings_.front().clock <= clock_.now()) {
    const Entry due = crossings_.front();
    pop(crossings_);
    if (is_stale(due)) continue;
    --below_window_;
    below_key_sum_ -= table_[due.id].decode_key;
    growth_.add_beyond_window(table_[due.id].decode_key);
  }
}

DecodeShape DecodeGroup::shape_without(const std::vector<RequestId>& skipped) const {
  DecodeShape rest = shape();
  for (const RequestId id : skipped) {
    const std::int64_t context = context_of(table_[id]);
    --rest.sequences;
    rest.context -= context;
    if (window_ > 0) rest.windowed_context -= std::min(context, window_);
  }
  return rest;
}

std::int64_t DecodeGroup::steps_until_change() {
  drop_stale(finishes_);
  const std::int64_t to_finish = clock_.steps_to_reach(finishes_.front().clock);
  if (below_window_ == 0) return to_finish;
  drop_stale(crossings_);
  // A step of several tokens may begin below the window and end above it: it is the only one.
  const std::int64_t to_window = std::max<std::int64_t>(1, clock_.steps_within(crossings_.front().clock));
  return std::min(to_finish, to_window);
}

}  // namespace foretoken
