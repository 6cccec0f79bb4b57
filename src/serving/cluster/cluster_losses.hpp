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
      lose_expected(request, now);
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
void Cluster::lose_expected(std::int64_t request, TimePoint now) {
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
  turned_away(place.request, Outcome::failed, now);
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
  Account account = what.kv.account;
  account.handed_over(now - what.since);
  RequestRecord record = record_of(what.request, what.rank, Outcome::failed, now);
  record.scheduled = what.kv.scheduled;
  record.first_token = what.kv.first_token;
  record.preemptions = what.kv.preemptions;
  record.cached_tokens = static_cast<std::int32_t>(what.kv.prefix_hit);
  record.emitted = static_cast<std::int32_t>(what.kv.emitted);
  record.ttft_parts = account.ttft();
  record.e2e_parts = account.total(now - what.request.arrival);
  observer_.on_request(record);
  left_system(what.request, Outcome::failed, now);
}

}  // namespace
}  // namespace foretoken
