// From a hand-over to a seat.
#include "serving/rank/receiver.hpp"

#include <algorithm>

namespace foretoken {
namespace {

// SGLang, disaggregation/decode.py: no output is expected to be longer.
constexpr std::int64_t kLongestExpected = 4096;

}  // namespace

bool Receiver::wait(RequestId id, TimePoint now) {
  waiting_.push_back({id, now, for_blocks_.at(now), for_seats_.at(now), {}, 0});
  return waiting_.size() == 1;
}

void Receiver::wait_again(RequestId id, TimePoint now) {
  waiting_.push_front({id, now, for_blocks_.at(now), for_seats_.at(now), {}, 0});
}

std::int64_t Receiver::tokens_of(const InFlight& r) const {
  if (rank_.kv.blocks == BlockPolicy::reserve) return rank_.config.max_model_len;
  return std::max<std::int64_t>(r.request.prompt_tokens, r.carried);
}

PrefixMatch Receiver::match(const InFlight& r) const {
  return rules_.finds_prefixes ? rank_.prefix_cache.match(r.request, r.request.prompt_tokens, false) : PrefixMatch{};
}

std::int64_t Receiver::blocks_not_started() const {
  std::int64_t blocks = 0;
  const auto add = [&](RequestId id) { blocks += rank_.table[id].blocks; };
  for (const Inbound& in : loading_) add(in.id);
  for (const Inbound& in : here_) add(in.id);
  for (const RequestId id : ready) add(id);
  return blocks;
}

// SGLang's _pre_alloc: what the head may come to need against what those that run may, in tokens.
bool Receiver::fits_beside_expected(const InFlight& head, std::int64_t free_blocks) const {
  const auto expected = [](const Request& r) {
    return std::int64_t{r.prompt_tokens} + std::min<std::int64_t>(r.max_tokens, kLongestExpected);
  };
  const DecodeGroup& decodes = rank_.decodes;
  std::int64_t held = decodes.context() + decodes.size(), largest = 0, running = decodes.size();
  for (RequestId id = rank_.running.first(); id != kNoRequest; id = rank_.table[id].next)
    largest = std::max(largest, expected(rank_.table[id].request));
  for (const RequestId id : rank_.running.prefilling()) held += rank_.table[id].known_tokens(), ++running;
  const std::int64_t reserve = rules_.reserved_tokens;
  const std::int64_t others = running + static_cast<std::int64_t>(loading_.size() + here_.size() + ready.size());
  const std::int64_t available =
      free_blocks * rank_.config.block_size - std::max(reserve * others, running > 0 ? largest - held : 0);
  const std::int64_t need = std::max(tokens_of(head) + reserve, expected(head.request) - held);
  return need <= available;
}

bool Receiver::could_take(const Request& request) const {
  const EngineConfig& engine = rank_.config;
  if (commits() && rank_.committed_blocks(request) > engine.usable_blocks()) return false;
  return rules_.reserved_tokens < 0 || request.prompt_tokens +
                                               std::max<std::int64_t>(rules_.reserved_tokens, request.max_tokens) +
                                               engine.block_size <=
                                           engine.usable_blocks() * engine.block_size;
}

bool Receiver::fits_head(std::int64_t free) const {
  const InFlight& head = rank_.table[waiting_.front().id];
  const PrefixMatch found = match(head);
  // Who ran before needs room for its next token too, or it would be retracted at once.
  const std::int64_t tokens = tokens_of(head) + (head.recovering ? 1 : 0);
  const std::int64_t revived = found.free_blocks - rank_.free_out_of_window(found, tokens);
  if (rank_.blocks_to_load(found, tokens) + revived > free) return false;
  if (rules_.most_unstarted > 0 && !head.recovering &&
      static_cast<double>(blocks_not_started()) >= rules_.most_unstarted * static_cast<double>(rank_.pool.total()))
    return false;
  if (head.recovering) return true;  // it ran before, and nothing newer goes before it
  if (rules_.reserved_tokens >= 0) return fits_beside_expected(head, free);
  if (commits())
    return rank_.counts().committed_blocks - rank_.pool.shared() + rank_.committed_blocks(head.request) <=
           rank_.pool.total();
  return true;
}

Receiver::Begun Receiver::begin_head(TimePoint now) {
  const Inbound in = waiting_.front();
  waiting_.pop_front();
  InFlight& r = rank_.table[in.id];
  const PrefixMatch found = match(r);
  rank_.begin_load(in.id, found, tokens_of(r), now);
  const std::int64_t filled = std::max<std::int64_t>(r.request.prompt_tokens, r.carried);
  Begun begun = end_of_wait(in, now);
  begun.blocks = rank_.blocks_to_load(found, filled);
  loading_.push_back(in);
  return begun;
}

Receiver::Begun Receiver::end_of_wait(const Inbound& in, TimePoint now) const {
  Begun begun{in.id};
  begun.for_blocks = for_blocks_.at(now) - in.kv_mark;
  begun.for_seats = for_seats_.at(now) - in.seat_mark;
  begun.for_calls = now - in.since - begun.for_blocks - begun.for_seats;
  return begun;
}

void Receiver::set_head_aside() {
  aside_.push_back(waiting_.front());
  waiting_.pop_front();
}

void Receiver::bring_back() {
  for (; !aside_.empty(); aside_.pop_back()) waiting_.push_front(aside_.back());
}

Receiver::Begun Receiver::release_head(TimePoint now) {
  const Inbound in = waiting_.front();
  waiting_.pop_front();
  return end_of_wait(in, now);
}

void Receiver::arrived(RequestId id, TimePoint now, std::int64_t seen_after) {
  const auto at = std::find_if(loading_.begin(), loading_.end(), [&](const Inbound& in) { return in.id == id; });
  invariant(at != loading_.end(), "a KV cache that nobody waits for");
  Inbound in = *at;
  loading_.erase(at);
  in.here = now;
  in.seen_after = seen_after;
  here_.push_back(in);
}

RequestId Receiver::find(std::int64_t request) const {
  RequestId found = kNoRequest;
  for_each([&](RequestId id) {
    if (rank_.table[id].request.index == request) found = id;
  });
  return found;
}

bool Receiver::waits(RequestId id) const {
  return std::any_of(waiting_.begin(), waiting_.end(), [&](const Inbound& in) { return in.id == id; });
}

void Receiver::lost(RequestId id) {
  const auto is_it = [&](const Inbound& in) { return in.id == id; };
  std::erase_if(loading_, is_it);
  std::erase_if(here_, is_it);
  std::erase_if(waiting_, is_it);
}

bool Receiver::loads(RequestId id) const {
  const auto is_it = [&](const Inbound& in) { return in.id == id; };
  return std::any_of(loading_.begin(), loading_.end(), is_it) || std::any_of(here_.begin(), here_.end(), is_it);
}

void Receiver::goes_aborted(RequestId id, TimePoint now) {
  std::erase_if(gone, [&](const Gone& g) { return g.id == id; });
  gone.push_back({id, now, true, true});
}

RequestId Receiver::take_ready(std::int64_t request) {
  const auto at =
      std::find_if(ready.begin(), ready.end(), [&](RequestId id) { return rank_.table[id].request.index == request; });
  if (at == ready.end()) return kNoRequest;
  const RequestId id = *at;
  ready.erase(at);
  return id;
}

std::int64_t Receiver::next_seen_after() const {
  std::int64_t next = -1;
  for (const Inbound& in : here_) next = next < 0 ? in.seen_after : std::min(next, in.seen_after);
  return next;
}

bool Receiver::take_seen(std::int64_t steps, bool at_all, Inbound& taken) {
  const auto at =
      std::find_if(here_.begin(), here_.end(), [&](const Inbound& in) { return at_all || in.seen_after <= steps; });
  if (at == here_.end()) return false;
  taken = *at;
  here_.erase(at);
  return true;
}

}  // namespace foretoken
