// Requests between two pools, when a replica dies of which they needed something. A part of cluster.cpp.
#pragma once

#include <algorithm>
#include <vector>

#include "serving/cluster/cluster_events.hpp"

namespace foretoken {
namespace {

// Those that have places there, but for whom the replica knows itself. Before it is lost.
void Cluster::lose_places(int replica, TimePoint now) {
  std::vector<std::int64_t> concerned;
  for (const auto& [request, place] : places_) {
    if (place.prefill == replica || place.decode == replica) concerned.push_back(request);
  }
  std::sort(concerned.begin(), concerned.end());
  for (const std::int64_t request : concerned) {
    Places& place = places_.at(request);
    const bool has_begun = place.has_blocks && place.is_through;
    if (place.prefill < 0) {  // it is not there yet: another one is chosen when its prompt is computed
      leave_place(replica, place.request, now);
      places_.erase(request);
    } else if (!has_begun) {
      lose_expected(request, Outcome::failed, now);
    } else if (place.decode == replica) {  // its prompt is computed all the same, and nobody takes what is sent
      (void)member(replica).replica->forget_expected(request, now);
      (void)hand_over_->gone(place.request, now);
      leave_place(replica, place.request, now);
      place.decode = -1;
      place.decode_died = true;
    }
  }
}

// One whose prompt nobody has begun with: both replicas have it, and neither gets on with it alone.
void Cluster::lose_expected(std::int64_t request, Outcome outcome, TimePoint now) {
  const Places place = places_.at(request);
  places_.erase(request);
  for (const int replica : {place.prefill, place.decode}) {
    Member& m = member(replica);
    (void)m.ways.remove(request);
    events_.schedule(m.inbound, m.ways.next());
  }
  changes(place.decode, now);
  (void)hand_over_->gone(place.request, now);
  (void)member(place.decode).replica->forget_expected(request, now);
  touched(place.decode, now);
  for (const int replica : {place.prefill, place.decode}) leave_place(replica, place.request, now);
  turned_away(place.request, outcome, now);
}

// Where blocks came first: they are gone, which the prefill server finds when it has computed the prompt.
void Cluster::lose_prompt(const HandOver& what, TimePoint now) {
  release(what.rank, what.pinned, now);
  lose_on_the_way(what, now);
}

// Nobody is there who could go on with it (503).
void Cluster::lose_on_the_way(const HandOver& what, TimePoint now) {
  places_.erase(what.request.index);
  (void)hand_over_->gone(what.request, now);
  leave_the_way(what, Outcome::failed, now);
}

void Cluster::leave_the_way(const HandOver& what, Outcome outcome, TimePoint now) {
  Account account = what.kv.account;
  account.handed_over(now - what.since);
  RequestRecord record = record_of(what.request, what.rank, outcome, now);
  record.scheduled = what.kv.scheduled;
  record.first_token = what.kv.first_token;
  record.preemptions = what.kv.preemptions;
  record.cached_tokens = static_cast<std::int32_t>(what.kv.prefix_hit);
  record.emitted = static_cast<std::int32_t>(what.kv.emitted);
  record.ttft_parts = account.ttft();
  record.e2e_parts = account.total(now - what.request.arrival);
  observer_.on_request(record);
  left_system(what.request, outcome, now);
}

// Its client leaves. True: no engine has it for itself, and it is gone.
bool Cluster::abort_between(std::int64_t attempt, int replica, TimePoint now) {
  const auto at = places_.find(attempt);
  if (replica < 0) {
    const std::optional<HandOver> what = hand_over_->strand(attempt, now);
    invariant(what.has_value(), "a request on its way that nobody knows of");
    if (at != places_.end()) {
      leave_place(at->second.decode, what->request, now);
      places_.erase(attempt);
    }
    leave_the_way(*what, Outcome::timed_out, now);
    return true;
  }
  // Both engines have it, and neither has begun.
  const bool waits_for_blocks =
      at != places_.end() && at->second.prefill >= 0 && !(at->second.has_blocks && at->second.is_through);
  if (waits_for_blocks) lose_expected(attempt, Outcome::timed_out, now);
  return waits_for_blocks;
}

}  // namespace
}  // namespace foretoken
