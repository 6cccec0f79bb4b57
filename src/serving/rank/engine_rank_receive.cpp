// A rank that decodes what others have computed: its requests wait for blocks, for their KV cache, and for a seat.
#include <algorithm>
#include <utility>

#include "serving/rank/engine_rank.hpp"

namespace foretoken {
namespace {

// Steps from the boundary at or after which a KV cache is there until the call that knows of it. An engine that polls
// when a step is launched hears of it with that step's output, and one that plans a step ahead two calls later
// (src/serving/README.md, "Hand-overs").
std::int64_t steps_until_seen(const HandOverRules& rules, bool direct, bool async) {
  if (rules.pick_up == HandOverRules::PickUp::after_step) return async ? 3 : 1;
  return async && !direct ? 1 : 0;
}

}  // namespace

void EngineRank::arrive(const HandOver& what, TimePoint now) {
  Request request = what.request;
  if (!fits(request) || request.output_tokens <= what.kv.emitted) {
    Account account = what.kv.account;
    account.handed_over(now - what.since);
    departures_.refused(what.request, Outcome::rejected, now, account.total(now - what.request.arrival));
    return;
  }
  const RequestId id = rank_.expect(request);
  rank_.take_over(id, what);
  if (transfers_) return wait_with_prompt(id, what, now);
  receiver_->stamps(id).computed = what.since;
  wait_for_blocks(id, now);
}

void EngineRank::expect(const Request& sent, TimePoint now) {
  Request request = sent;
  if (!fits(request)) return refuse(sent, now);
  const RequestId id = rank_.expect(request);
  receiver_->stamps(id) = {};
  wait_for_blocks(id, now);
}

void EngineRank::wait_for_blocks(RequestId id, TimePoint now) {
  if (!receiver_->wait(id, now)) return;
  const std::int64_t steps = steps_to_boundary(now);
  if (!stepping_ || steps >= steps_.steps()) return;
  // What windows give back, what outputs may come to need, and what tiers have, is for a call to say.
  if (rank_.config.kv_layout.windowed > 0 || rules_->reserved_tokens >= 0 || rank_.tiers) return end_after(steps);
  if (looks_at_ != kNever) return;
  looks_after_ = steps;
  looks_at_ = clock_.after(steps_.elapsed_until(steps));
  look_or_end();
}

// Steps end, or it is only time for a look at who waits for blocks: the call at this boundary would go on as the plan
// of the running steps does.
bool EngineRank::looks_within(TimePoint now) {
  if (looks_at_ > now) return false;
  if (clock_.after(steps_.elapsed()) > now) return true;
  looks_at_ = kNever;
  return false;
}

// What begin_loads() would do after such a call, in the midst of a stretch.
void EngineRank::begin_loads_within(TimePoint now) {
  looks_at_ = kNever;
  evictions_before_call_ = rank_.counts().evictions;
  if (looked_after_ != looks_after_) receiver_->taken_last = 0;
  const std::int64_t ended = looked_after_ = looks_after_;
  const DecodeGroup& decodes = rank_.decodes;
  rank_.pool.reserve(decodes.flow_over(ended + 1).taken);
  const std::int64_t used = rank_.pool.used();
  looks_ = true;
  begin_loads_beside(decodes.blocks_over(ended + (async_.enabled() ? 2 : 1)), now);
  looks_ = false;
  if (const std::int64_t more = rank_.pool.used() - used; more > 0) {
    receiver_->taken_last += more;
    receiver_->not_yet_held += static_cast<FineTotal>(more) * steps_.elapsed_until(ended).units;
    const std::int64_t free = rank_.pool.free() - plan_.spare_blocks;
    const std::int64_t steps = decodes.growth().steps_within(decodes.clock(), free, steps_.steps());
    end_after(std::max(ended + 1, steps));
  }
  look_or_end();
}

void EngineRank::take_over(RequestId id, const HandOver& what) {
  rank_.take_over(id, what);
  receiver_->stamps(id).computed = what.since;
}

// Of the transfer, what was not hidden behind the prompt.
Duration EngineRank::exposed(RequestId id, TimePoint now) const {
  const Receiver::Stamps& stamps = receiver_->stamps(id);
  return now - std::max(stamps.load_began, stamps.computed);
}

void EngineRank::loaded(RequestId id, TimePoint now) {
  InFlight& r = rank_.table[id];
  if (!r.recovering) r.account.transferred(exposed(id, now));
  const std::int64_t steps = steps_to_poll(now) + steps_until_seen(*rules_, direct_, async_.enabled());
  receiver_->arrived(id, now, usage_.totals().steps + steps);
  end_after(std::max(steps, looks_ ? steps_to_boundary(now) : 0));
}

void EngineRank::lost(RequestId id, TimePoint now) {
  if (receiver_->is_gone(id)) return;
  receiver_->gone.push_back({id, now, false});
  end_after(steps_to_boundary(now));
}

void EngineRank::cancel(RequestId id, TimePoint now) {
  receiver_->gone.push_back({id, now, true});
  end_after(steps_to_boundary(now));
}

std::optional<Request> EngineRank::forget_expected(std::int64_t request, TimePoint now) {
  if (!receiver_) return std::nullopt;
  const RequestId id = receiver_->find(request);
  if (id == kNoRequest) return std::nullopt;
  const Request what = rank_.table[id].request;
  if (!receiver_->waits(id)) {
    cancel(id, now);
    return what;
  }
  receiver_->lost(id);
  rank_.drop(id);
  end_after(steps_to_boundary(now));  // who waits behind it may have its blocks now
  return what;
}

// At a call the engine lets go what will not come. True when it has something to compute instead.
bool EngineRank::settle_gone(TimePoint now) {
  if (receiver_->gone.empty()) return false;
  bool recomputes = false;
  for (const Receiver::Gone& gone : std::exchange(receiver_->gone, {})) {
    receiver_->lost(gone.id);
    InFlight& r = rank_.table[gone.id];
    const Request request = r.request;
    if (gone.aborted) {
      end_aborted(gone.id, now);
      continue;
    }
    if (gone.cancelled) {
      rank_.drop(gone.id);
      continue;
    }
    r.account.transferred(exposed(gone.id, gone.at));
    r.account.handed_over(now - gone.at);
    if (rules_->on_failure == HandOverRules::OnFailure::recompute) {
      rank_.lose_cache(gone.id, now);
      rank_.waiting.queue().push({request, kv_wait_.at(now), gone.id});
      recomputes = true;
      continue;
    }
    const Attribution parts = r.account.total(now - request.arrival);
    rank_.drop(gone.id);
    departures_.refused(request, Outcome::failed, now, parts);
  }
  return recomputes;
}

std::int64_t EngineRank::steps_to_boundary(TimePoint now) const {
  if (!stepping_) return 0;
  const std::int64_t first = looked_after_ + 1;
  if (first >= steps_.steps()) return first;
  const FineDuration elapsed = clock_.to_reach(now);
  // Most transfers take less than a step.
  return elapsed <= steps_.elapsed_until(first) ? first : steps_.steps_to_reach(elapsed);
}

// The step under way sees what comes until it is launched.
std::int64_t EngineRank::steps_to_poll(TimePoint now) const {
  if (looks_) return looked_after_;
  const std::int64_t next = steps_to_boundary(now);
  if (!stepping_ || rules_->launch == Duration{}) return next;
  const TimePoint began_after = now - rules_->launch;
  return std::max(next - 1, began_after <= begin_ ? 0 : steps_to_boundary(began_after));
}

void EngineRank::end_after(std::int64_t steps) {
  if (!stepping_ || steps <= 0 || steps >= steps_.steps()) return;
  steps_.shorten_to(steps);
  look_or_end();
}

// ---- around a schedule call ----

void EngineRank::receive_before_call(TimePoint now) {
  if (!receiver_->gone.empty()) [[unlikely]]
    (void)settle_gone(now);
  for (; !receiver_->promised.empty(); receiver_->promised.pop_front()) seat(receiver_->promised.front(), now);
  if (direct_ && async_.enabled()) return;
  (void)take_in(now, false);
  if (direct_) seat_ready(now);
}

bool EngineRank::receive_when_idle(TimePoint now) {
  if (rank_.tiers) tell_not_needed(now);
  const std::int64_t queued = rank_.waiting.size();
  begin_loads(now, false);
  bool more = rank_.waiting.size() > queued;
  while (!receiver_->gone.empty()) {  // whose blocks others wait for
    more = settle_gone(now) || more;
    begin_loads(now, false);
  }
  more = take_in(now, true) || more;
  if (!aborts_.empty()) settle_aborts(now);  // of whom it was waited for that
  if (direct_) more = seat_ready(now) || more;
  return more;
}

void EngineRank::receive_after_call(TimePoint now) {
  if (rank_.tiers) tell_not_needed(now);
  if (direct_ && async_.enabled()) {
    (void)take_in(now, false);
    while (!receiver_->ready.empty() && seats_left() > 0) {
      const RequestId id = receiver_->ready.front();
      receiver_->ready.pop_front();
      // Who needed no more than this token leaves blocks and a seat behind that this call has not seen.
      if (emit_on_arrival(id, now))
        receiver_->promised.push_back(id);
      else
        next_call_differs_ = true;
    }
    next_call_differs_ = next_call_differs_ || !receiver_->promised.empty();
  }
  begin_loads(now, true);
  next_call_differs_ = next_call_differs_ || !receiver_->gone.empty();
}

std::int64_t EngineRank::seats_left() const {
  return rank_.config.max_num_seqs - rank_.running.size() - static_cast<std::int64_t>(receiver_->promised.size());
}

// True when somebody's KV cache came to be known.
bool EngineRank::take_in(TimePoint now, bool at_all) {
  if (!receiver_->any_here()) return false;
  const TimePoint known = at_all || direct_ ? now : async_.known_until(now);
  bool any = false;
  for (Receiver::Inbound in; receiver_->any_here() && receiver_->take_seen(usage_.totals().steps, at_all, in);
       any = true) {
    InFlight& r = rank_.table[in.id];
    r.reached_at = std::max(known, in.here);
    if (!r.recovering) {
      r.account.handed_over(r.reached_at - in.here);
      ++receiver_->seen;
      if (rank_.tells()) rank_.tell(LifecycleEdge::reached, in.id, now);
    }
    rank_.publish(in.id, r.cached);
    if (direct_) {
      receiver_->ready.push_back(in.id);
    } else {
      --receiver_->seen;
      Waiting waiting{r.request, kv_wait_.at(now), in.id};
      waiting.first = true;
      rank_.waiting.queue().push(waiting);
    }
  }
  return any;
}

bool EngineRank::seat_ready(TimePoint now) {
  bool any = false;
  for (; !receiver_->ready.empty() && seats_left() > 0; any = true) {
    const RequestId id = receiver_->ready.front();
    receiver_->ready.pop_front();
    if (emit_on_arrival(id, now)) seat(id, now);
  }
  return any;
}

// What was computed elsewhere comes out here. False: with it the request has all its tokens, and is gone.
bool EngineRank::emit_on_arrival(RequestId id, TimePoint now) {
  InFlight& r = rank_.table[id];
  if (r.recovering) return true;  // what it waits counts as what was lost; see seat()
  r.account.scheduled(now - r.reached_at, {});
  r.reached_at = now;
  if (r.emitted > 0) return true;
  r.emitted = 1;
  r.first_token = r.last_token = now;
  const bool last = r.request.output_tokens == 1;
  if (last && rank_.tells()) rank_.tell(LifecycleEdge::resumed, id, now);
  if (rank_.tells()) rank_.tell(LifecycleEdge::first_token, id, now);
  r.account.first_token(now - r.request.arrival);
  if (!last) return true;
  --receiver_->seen;
  departures_.finished(r, now);
  rank_.drop(id);
  return false;
}

void EngineRank::seat(RequestId id, TimePoint now) {
  InFlight& r = rank_.table[id];
  --receiver_->seen;
  if (r.recovering)
    Accounts::recovered(r, now);
  else
    r.account.scheduled(now - r.reached_at, {});
  rank_.seat(id, now);
  if (r.last_token != now) rank_.gaps.joins_late(id);
  accounts_.starts_decoding(id);
  rank_.start_decoding(id);
}

// Blocks for those that wait for them, first come, first served: the first that cannot have them holds up the others.
void EngineRank::begin_loads(TimePoint now, bool planned) {
  for (; !rank_.retracted.empty(); rank_.retracted.pop_back()) {
    ++receiver_->seen;
    receiver_->wait_again(rank_.retracted.back(), now);
  }
  if (receiver_->head() == nullptr) return;
  std::int64_t owed = 0;
  if (planned) {
    owed = first_blocks_.net();
    rank_.pool.reserve(first_blocks_.taken);
    // The step after the planned one is scheduled before its result is known.
    if (async_.enabled()) owed += rank_.decodes.blocks_over(2) - rank_.decodes.blocks_over(1);
  }
  begin_loads_beside(owed, now);
}

// Blocks are owed to steps that are planned.
void EngineRank::begin_loads_beside(std::int64_t owed, TimePoint now) {
  Refused why = Refused::not_yet;
  while (receiver_->head() != nullptr) {
    if (rank_.tiers && head_turns_to_tiers(now)) continue;
    why = why_no_load(owed);
    if (why != Refused::nothing) break;
    begin_load(now);
  }
  if (rank_.tiers) receiver_->bring_back();
  // What decodes drive out of the GPU may lie in tiers, there or on its way.
  if (rank_.tiers && receiver_->head() != nullptr) next_call_differs_ = true;
  receiver_->refused(why, now);
  // What runs may come to need less beside what is free, step by step; or windows give back.
  if (why == Refused::kv_blocks && (rules_->reserved_tokens >= 0 || rank_.config.kv_layout.windowed > 0))
    next_call_differs_ = true;
}

Refused EngineRank::why_no_load(std::int64_t owed) const {
  if (rules_->needs_seat) {
    // What holds for as long as the plan does comes first.
    if (rank_.running.size() >= rank_.config.max_num_seqs) return Refused::seats;
    if (rank_.decodes.size() >= state_.step_tokens) return Refused::seats;
    if (rank_.counts().evictions != evictions_before_call_) return Refused::not_yet;
    // Those that wait in the engine's queue stand before them, but for those that were passed by.
    const bool passed_by = rank_.tiers && plan_.blocked == Blocked::nothing;
    if ((rank_.waiting.head() != nullptr && !passed_by) || !rank_.waiting.inbox_is_empty())
      return plan_.blocked == Blocked::kv_blocks ? Refused::kv_blocks : Refused::not_yet;
  }
  if (rank_.tiers) owed += rank_.tiers->owed_blocks;
  if (rank_.kv.prompts_wait_for_room) owed += rank_.blocks_of_begun_prompts();
  return receiver_->fits_head(rank_.pool.free() - owed) ? Refused::nothing : Refused::kv_blocks;
}

void EngineRank::begin_load(TimePoint now) {
  const Receiver::Begun begun = receiver_->begin_head(now);
  InFlight& r = rank_.table[begun.id];
  if (r.recovering) {  // retracted: it comes back from the host
    receiver_->arrived(begun.id, now, usage_.totals().steps);
    return;
  }
  Receiver::Stamps& stamps = receiver_->stamps(begun.id);
  stamps.load_began = now;
  const Duration waited = begun.for_blocks + begun.for_seats;
  if (r.carried > 0) {
    r.account.handed_over(now - stamps.computed - waited);
    r.account.scheduled(waited, begun.for_blocks);
    if (rank_.tiers)
      r.account.waited_for_copies(std::min(waited, rank_.tiers->waited_for_copies(r.request.index, now)));
  }
  departures_.load_begins(begun.id, r.request, begun.blocks, waited, now);
}

}  // namespace foretoken
