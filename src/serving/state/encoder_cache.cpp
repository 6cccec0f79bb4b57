// Contents are known by what they are: whoever asks for one again finds it, until its room is wanted.
#include "serving/state/encoder_cache.hpp"

#include <algorithm>

#include "foretoken/base/result.hpp"

namespace foretoken {

void EncoderCache::begin_call() {
  planned_.clear();
  planned_shapes_.clear();
  budget_ = config_.budget;
}

bool EncoderCache::holds(RequestId id, std::int64_t content) const {
  const auto place = held_.find(id);
  return place != held_.end() &&
         std::ranges::any_of(place->second, [&](const Hold& h) { return h.content == content; });
}

std::int64_t EncoderCache::fit(RequestId id, const Request& request, std::int64_t computed, std::int64_t tokens) {
  found_.clear();
  missing_.clear();
  if (request.media < 0) return tokens;
  media_.items_of(request, items_);
  std::int64_t wanted = 0, claimed = 0;
  for (const MediaItem& item : items_) {
    if (item.start >= computed + tokens) break;
    if (item.end() <= computed || (id != kNoRequest && holds(id, item.content))) continue;
    // The same twice in a prompt is computed once.
    const auto same = [&](const MediaItem& other) { return other.content == item.content; };
    if (std::ranges::any_of(missing_, same) || std::ranges::any_of(found_, same)) continue;
    if (const auto entry = entries_.find(item.content); entry != entries_.end()) {
      if (entry->second.holders == 0) claimed += entry->second.tokens;
      // What comes before it in the prompt may want its room.
      if (wanted + claimed > free_ + evictable_) return std::max<std::int64_t>(0, item.start - computed);
      found_.push_back(item);
      continue;
    }
    const bool cut = config_.whole_items && computed < item.start && computed + tokens < item.end();
    const std::int64_t left = free_ + evictable_ - claimed;
    const bool room = wanted + item.tokens <= (config_.elsewhere ? left : std::min(budget_, left));
    if (cut || !room) return std::max<std::int64_t>(0, item.start - computed);
    wanted += item.tokens;
    missing_.push_back(item);
  }
  return tokens;
}

// What others have encoded comes into the room that is made for it: nothing is computed, nor asked of the cache.
void EncoderCache::take_from_elsewhere(RequestId id) {
  const auto hold_or_bring = [&](const MediaItem& item) {
    const auto entry = entries_.find(item.content);
    if (entry != entries_.end()) return hold(id, item, entry->second);
    make_room(item.tokens);
    free_ -= item.tokens;
    entries_[item.content] = {item.tokens, 1, 0, kNoRequest, {item.tokens, item.sequences, item.patches}};
    held_[id].push_back({item.content, item.end()});
  };
  for (const MediaItem& item : found_) hold_or_bring(item);
  for (const MediaItem& item : missing_) hold_or_bring(item);
  found_.clear();
  missing_.clear();
}

void EncoderCache::take(RequestId id) {
  if (config_.elsewhere) return take_from_elsewhere(id);
  for (const MediaItem& item : found_) {
    ++totals_.queries;
    const auto entry = entries_.find(item.content);
    if (entry == entries_.end()) {  // planned by somebody who has been preempted since
      plan(id, item);
      continue;
    }
    ++totals_.hits;
    hold(id, item, entry->second);
  }
  for (const MediaItem& item : missing_) {
    ++totals_.queries;
    plan(id, item);
  }
  found_.clear();
  missing_.clear();
}

void EncoderCache::hold(RequestId id, const MediaItem& item, Entry& entry) {
  if (entry.holders++ == 0) {
    order_.erase(entry.since);
    evictable_ -= entry.tokens;
  }
  held_[id].push_back({item.content, item.end()});
}

void EncoderCache::plan(RequestId id, const MediaItem& item) {
  make_room(item.tokens);
  budget_ -= item.tokens;
  free_ -= item.tokens;
  entries_[item.content] = {item.tokens, 1, 0, id, {item.tokens, item.sequences, item.patches}};
  held_[id].push_back({item.content, item.end()});
  planned_.push_back(item.content);
  shape_plan();
}

void EncoderCache::make_room(std::int64_t tokens) {
  while (free_ < tokens) {
    invariant(!order_.empty(), "the encoder's cache holds more than it has room for");
    const auto first = order_.begin();
    const auto entry = entries_.find(first->second);
    free_ += entry->second.tokens;
    evictable_ -= entry->second.tokens;
    entries_.erase(entry);
    order_.erase(first);
  }
}

void EncoderCache::let_go(std::int64_t content) {
  Entry& entry = entries_.at(content);
  if (--entry.holders > 0) return;
  entry.since = clock_++;
  order_.emplace(entry.since, content);
  evictable_ += entry.tokens;
}

void EncoderCache::begin_step(FineDuration encoder_time) {
  for (const std::int64_t content : planned_) entries_.at(content).planned_by = kNoRequest;
  totals_.items += static_cast<std::int64_t>(planned_.size());
  for (const EncodedItem& item : planned_shapes_) totals_.tokens += item.tokens;
  if (!planned_.empty()) ++totals_.steps;
  totals_.time += encoder_time.units;
  planned_.clear();
}

void EncoderCache::computed(RequestId id, std::int64_t tokens) {
  const auto place = held_.find(id);
  if (place == held_.end()) return;
  std::erase_if(place->second, [&](const Hold& h) {
    if (h.end > tokens) return false;
    let_go(h.content);
    return true;
  });
  if (place->second.empty()) held_.erase(place);
}

void EncoderCache::drop(RequestId id) {
  const auto place = held_.find(id);
  if (place == held_.end()) return;
  for (const Hold& h : place->second) {
    Entry& entry = entries_.at(h.content);
    const bool in_vain = entry.planned_by == id && entry.holders == 1;
    if (!in_vain) {
      let_go(h.content);
      continue;
    }
    --totals_.queries;
    budget_ += entry.tokens;
    free_ += entry.tokens;
    entries_.erase(h.content);
    std::erase(planned_, h.content);
    shape_plan();
  }
  held_.erase(place);
}

void EncoderCache::shape_plan() {
  planned_shapes_.clear();
  for (const std::int64_t content : planned_) planned_shapes_.push_back(entries_.at(content).shape);
}

}  // namespace foretoken
