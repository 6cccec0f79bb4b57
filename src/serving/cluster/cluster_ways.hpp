// Where requests go: from the router to a replica, from pool to pool, and out. The other part of cluster.cpp.
#pragma once

#include <fmt/format.h>

#include <algorithm>

#include "serving/cluster/cluster_events.hpp"

namespace foretoken {
namespace {

// ---- ways ----

int Cluster::choose(Side& side, const Request& request, TimePoint now) {
  if (publishes_) [[unlikely]]
    return choose_by_signals(side, request, now);
  return choose_now(side, request, now);
}

[[gnu::noinline]] int Cluster::choose_by_signals(Side& side, const Request& request, TimePoint now) {
  for (const int i : side.candidates) changes(i, now);
  const int replica = choose_now(side, request, now);
  if (replica < 0 || !side.stale_choices) return replica;
  const Duration most = config_.pools.front().cluster.admission.stale_after;
  const std::optional<Duration> age = member(replica).board->age(now);
  if (!age || (most > Duration{} && *age > most)) ++*side.stale_choices;
  return replica;
}

int Cluster::choose_now(Side& side, const Request& request, TimePoint now) {
  if (comes_and_goes_) [[unlikely]]
    return choose_of_fleet(side, request, now);
  const int chosen = side.router->choose(request, View(*this, side, now));
  return chosen < 0 ? RoutingPolicy::kRefused : side.candidates[static_cast<std::size_t>(chosen)];
}

// Where the request goes first.
void Cluster::enter(const Request& request, TimePoint now) {
  Side& entry = entry_of(request);
  if (comes_and_goes_ && nobody_takes(entry)) return hold(entry, request, now);
  int decode = -1;
  if (hand_over_ && config_.hand_over.local_below > 0) {
    decode = choose(decode_, request, now);
    if (comes_and_goes_ && refuses(decode, request, now)) return;
    if (stays_with(decode, request, now)) return come(decode, request, now);
  }
  const int chosen = choose(entry, request, now);
  if (chosen < 0) {
    if (decode >= 0) leave_place(decode, request, now);
    return turned_away(request, Outcome::rejected, now);
  }
  if (comes_and_goes_ && refuses(chosen, request, now)) {
    if (decode >= 0) leave_place(decode, request, now);
    return;
  }
  if (clients_ != nullptr) at_.emplace(request.index, chosen);
  if (member(chosen).role != PoolRole::prefill) {
    if (decode >= 0) leave_place(decode, request, now);
  } else if (std::none_of(decode_.candidates.begin(), decode_.candidates.end(),
                          [&](int i) { return member(i).replica->could_hold(request); })) {
    if (decode >= 0) leave_place(decode, request, now);
    return member(chosen).replica->refuse(request, now);
  } else if (config_.hand_over.reserve == HandOverRules::Reserve::before_prefill) {
    if (decode < 0) decode = choose(decode_, request, now);
    if (refuses(decode, request, now)) return leave_place(chosen, request, now);
    places_[request.index] = {request, chosen, decode};
    go(decode, request, now);
  } else if (decode >= 0 || config_.hand_over.send != HandOverRules::Send::beside_steps) {
    // Within the step that completes its prompt its KV cache goes where it will decode.
    if (decode < 0) decode = choose(decode_, request, now);
    places_[request.index] = {request, -1, decode};
  }
  fetches_ ? go_with_prefix(chosen, request, now) : go(chosen, request, now);
}

// What its replica lacks of its prefix comes from another one, and the request with it.
[[gnu::noinline]] void Cluster::go_with_prefix(int replica, const Request& request, TimePoint now) {
  const Fetch fetch = member(replica).router->fetch();
  if (fetch.tokens == 0) return go(replica, request, now);
  fetched_[request.index] = fetch.tokens;
  const Duration way = transport_ ? transport_->to_replica(request, replica) : Duration{};
  const Duration takes = way + fetch.takes;
  takes == Duration{} ? come(replica, request, now) : send(replica, request, takes, now);
}

[[gnu::noinline]] void Cluster::bring_prefix(int replica, const Request& request, TimePoint now) {
  const auto at = fetched_.find(request.index);
  if (at == fetched_.end()) return;
  for (const auto& rank : member(replica).replica->ranks()) rank->fetched(request, at->second, now);
  fetched_.erase(at);
}

void Cluster::go(int replica, const Request& request, TimePoint now) {
  const Duration takes = transport_ ? transport_->to_replica(request, replica) : Duration{};
  takes == Duration{} ? come(replica, request, now) : send(replica, request, takes, now);
}

// Dynamo's rule (conditional_disagg.rs): little is left to compute, and little of the prompt.
bool Cluster::stays_with(int decode, const Request& request, TimePoint now) const {
  const std::int64_t left = request.prompt_tokens - member(decode).replica->cached_tokens(request, now);
  const HandOverRules& rules = config_.hand_over;
  return left < rules.local_below && static_cast<double>(left) < rules.local_ratio * request.prompt_tokens;
}

void Cluster::leave_place(int replica, const Request& request, TimePoint now) {
  member(replica).router->left(member(replica).candidate, request);
  if (comes_and_goes_) [[unlikely]]
    left_replica(replica, now);
}

void Cluster::send(int replica, const Request& what, Duration takes, TimePoint now) {
  Member& to = member(replica);
  to.ways.set_out(what, now + takes);
  events_.schedule(to.inbound, to.ways.next());
}

// It is at the front end of the replica's engine.
void Cluster::come(int replica, const Request& request, TimePoint now) {
  Member& to = member(replica);
  if (!to.ways.enter(request, now)) return pass(replica, request, now);
  events_.schedule(to.inbound, to.ways.next());
}

// It is through the front end. Where blocks come first both engines have the request: one takes blocks for it, the
// other waits for that.
void Cluster::pass(int replica, const Request& request, TimePoint now) {
  const bool blocks_first = hand_over_ && config_.hand_over.reserve == HandOverRules::Reserve::before_prefill;
  if (!blocks_first || member(replica).role == PoolRole::both) return reach(replica, request, now);
  const auto at = places_.find(request.index);
  if (at == places_.end()) return;  // it was refused where it was to decode
  Places& place = at->second;
  if (replica == place.decode) {
    changes(replica, now);
    member(replica).replica->expect(request, now);
    return touched(replica, now);
  }
  place.on_the_way = request.on_the_way;
  place.is_through = true;
  if (place.has_blocks) reach(replica, request, now);
}

void Cluster::reach(int replica, const Request& request, TimePoint now, Duration waited_for_blocks) {
  changes(replica, now);
  if (fetches_) bring_prefix(replica, request, now);
  member(replica).replica->arrive(request, now, waited_for_blocks);
  touched(replica, now);
}

// ---- what hand-overs call ----

void Cluster::reach_decode(const HandOver& what, TimePoint now) {
  const auto place = places_.find(what.request.index);
  int chosen = -1;
  if (place != places_.end()) {
    chosen = place->second.decode;
    places_.erase(place);
  } else {
    if (decode_.takers.count() == 0) return lose_on_the_way(what, now);
    chosen = choose(decode_, what.request, now);
    if (is_dead(chosen, what.request, now)) return lose_on_the_way(what, now);
  }
  if (clients_ != nullptr) at_[what.request.index] = chosen;
  changes(chosen, now);
  member(chosen).replica->arrive(what, now);
  touched(chosen, now);
}

void Cluster::begin_prefill(const Request& request, Duration waited_for_blocks, TimePoint now) {
  Places& place = places_.at(request.index);
  place.has_blocks = true;
  if (!place.is_through) return;
  Request here = request;
  here.on_the_way = place.on_the_way;
  reach(place.prefill, here, now, std::min(waited_for_blocks, now - here.known_at()));
}

void Cluster::take_over(int rank, RequestId id, const HandOver& what, TimePoint) {
  places_.erase(what.request.index);
  if (clients_ != nullptr) at_[what.request.index] = replica_of(rank);
  rank_of(rank).take_over(id, what);
}

void Cluster::loaded(int rank, RequestId id, TimePoint now) {
  changes(replica_of(rank), now);
  rank_of(rank).loaded(id, now);
  touched(replica_of(rank), now);
}

void Cluster::lost(int rank, RequestId id, TimePoint now) {
  changes(replica_of(rank), now);
  rank_of(rank).lost(id, now);
  touched(replica_of(rank), now);
}

void Cluster::sends(int rank, const Request& request, LayersSent layers, TimePoint from, TimePoint now) {
  const int to = member(places_.at(request.index).decode).replica->first_rank();
  hand_over_->send_within_step(rank, to, request, layers, from, now);
}

void Cluster::within_step(int rank, TimePoint now) {
  changes(replica_of(rank), now);
  rank_of(rank).transferred_within_step(now);
  touched(replica_of(rank), now);
}

void Cluster::release(int rank, RequestId pinned, TimePoint now) {
  const int replica = replica_of(rank);
  changes(replica, now);
  if (member(replica).replica->release_pinned(rank, pinned, now)) touched(replica, now);
  if (Fleet* fleet = member(replica).fleet) {
    --fleet->pinned[fleet->place(replica)];
    may_be_drained(replica, now);
  }
}

// ---- what replicas call ----

void Cluster::departed(int rank, const Request& request, Outcome outcome, TimePoint now) {
  leave_place(replica_of(rank), request, now);
  if (has_groups_) member(replica_of(rank)).replica->left(request.index);
  if (hand_over_) leave_other_places(rank, request, now);
  left_system(request, outcome, now);
}

void Cluster::left_system(const Request& request, Outcome outcome, TimePoint now) {
  --in_system_;
  switch (outcome) {
    case Outcome::finished:
      ++outcome_.finished;
      if (comes_and_goes_) [[unlikely]]
        count_answered(request);
      break;
    case Outcome::rejected:
      ++outcome_.rejected;
      break;
    case Outcome::timed_out:
      ++outcome_.timed_out;
      break;
    case Outcome::failed:
      ++outcome_.failed;
      break;
    case Outcome::aborted:
      ++outcome_.aborted;
      break;
    case Outcome::unfinished:
      break;
  }
  if (!source_is_open_) {
    source_.completed(request, now);
    events_.schedule(arrival_, source_.next_arrival());
  }
  if (clients_ != nullptr) {
    at_.erase(request.index);
    events_.schedule(clients_due_, clients_->next_deadline());
  }
  if (in_system_ == 0) {
    if (comes_and_goes_) schedule_fleet(now);
    if (hand_over_ && source_.next_arrival() == kNever) hand_over_->let_stranded_go(now);
  }
}

// What it holds where it did not get to.
void Cluster::leave_other_places(int rank, const Request& request, TimePoint now) {
  const HandOvers::Left left = hand_over_->gone(request, now);
  if (left.rank >= 0) rank_of(left.rank).cancel(left.id, now);
  if (left.rank >= 0) touched(replica_of(left.rank), now);
  const auto place = places_.find(request.index);
  if (place == places_.end()) return;
  for (const int other : {place->second.prefill, place->second.decode}) {
    if (other >= 0 && other != replica_of(rank)) leave_place(other, request, now);
  }
  places_.erase(place);
}

void Cluster::handed_over(const HandOver& what) {
  const int replica = replica_of(what.rank);
  if (Fleet* fleet = member(replica).fleet; fleet != nullptr && what.pinned != kNoRequest)
    ++fleet->pinned[fleet->place(replica)];
  leave_place(replica, what.request, what.since);
  if (has_groups_) member(replica).replica->left(what.request.index);
  hand_overs_.push_back(what);
  if (clients_ != nullptr) at_[what.request.index] = -1;
}

void Cluster::step_too_long(int rank) {
  if (!outcome_.stop_reason.empty()) return;
  outcome_.stop_reason = fmt::format(
      "a step of replica {} would take more than {:.0f} s: are the figures of the GPU, "
      "the model and `cost` right?",
      replica_of(rank), to_seconds(kLongestStep));
}

}  // namespace
}  // namespace foretoken
