// Replicas that come and go, requests that wait while none is ready, and clients that give up. A part of cluster.cpp.
#pragma once

#include "base/random.hpp"
#include "serving/cluster/cluster_events.hpp"

namespace foretoken {
namespace {

// ---- replicas that come and go ----

// The pools of one side share its candidates, and each lives by itself: chance has a stream for each.
void Cluster::make_fleet(const PoolConfig& pool, Side& side) {
  const auto number = static_cast<std::uint64_t>(&pool - config_.pools.data());
  const std::uint64_t seed = pool.cluster.routing.seed;
  fleets_.emplace_back(pool, static_cast<int>(members_.size()), side,
                       number == 0 ? seed : replication_seed(seed, (std::uint64_t{1} << 32) + number));
}

// Requests wait where they enter: for replicas there, and for those that would decode.
void Cluster::make_lobbies() {
  const auto fleet_of = [&](const Side& side) -> const FleetConfig* {
    const auto is_of = [&](const Fleet& fleet) { return fleet.side == &side; };
    const auto at = std::find_if(fleets_.begin(), fleets_.end(), is_of);
    return at == fleets_.end() ? nullptr : &member(at->first).pool->cluster.fleet;
  };
  for (Side& entry : entries_) {
    const FleetConfig* fleet = fleet_of(entry);
    if (fleet == nullptr) fleet = fleet_of(decode_);
    if (fleet != nullptr) entry.lobby.emplace(fleet->held_requests, fleet->held_for);
  }
}

void Cluster::want(Fleet& fleet, int replicas, TimePoint now) {
  fleet.lives.want(
      replicas, now, [&](int place) { renew(fleet.first + place); },
      [&](int place) {
        if (!fleet.has_work(fleet.first + place)) gone(fleet, fleet.first + place, now);
      });
}

void Cluster::gone(Fleet& fleet, int replica, TimePoint now) {
  fleet.lives.gone(replica - fleet.first, now, [&](int free) { renew(fleet.first + free); });
}

// Those that were added a short while ago are candidates no oftener than their shares say.
[[gnu::noinline]] int Cluster::choose_of_fleet(Side& side, const Request& request, TimePoint now) {
  const int chosen = side.router->choose(request, View(*this, side, now, side.takers.for_next(now)));
  if (chosen < 0) return RoutingPolicy::kRefused;
  side.takers.sent(chosen);
  const int replica = side.candidates[static_cast<std::size_t>(chosen)];
  sent_to(replica);
  return replica;
}

void Cluster::sent_to(int replica) {
  Fleet* fleet = member(replica).fleet;
  if (fleet == nullptr) return;
  ++fleet->in_flight[fleet->place(replica)];
  ++fleet->inside;
  ++fleet->came;
}

void Cluster::count_answered(const Request& request) {
  ++answered_.requests;
  answered_.prompt_tokens += request.prompt_tokens;
  answered_.output_tokens += request.output_tokens;
}

void Cluster::left_replica(int replica, TimePoint now) {
  Fleet* fleet = member(replica).fleet;
  if (fleet == nullptr) return;
  --fleet->in_flight[fleet->place(replica)];
  --fleet->inside;
  may_be_drained(replica, now);
}

void Cluster::may_be_drained(int replica, TimePoint now) {
  Fleet& fleet = *member(replica).fleet;
  if (fleet.has_work(replica) || fleet.state(replica) != ReplicaState::draining) return;
  // Its place may be taken at once, but not while it still ends its step.
  fleet.drained = true;
  events_.schedule(fleet_due_, now);
}

// The place gets a replica that has never served: what the one before did stays counted.
void Cluster::renew(int replica) {
  Member& m = member(replica);
  const int first_rank = m.replica->first_rank();
  for (const auto& rank : m.replica->ranks()) former_[static_cast<std::size_t>(rank->index())] += rank->all_totals();
  m.replica = make_replica(*m.pool, first_rank);
  const Side& side = *m.fleet->side;
  m.board = SignalBoard::of(*side.routing, m.candidate, static_cast<int>(side.candidates.size()));
  events_.schedule(m.boundary, kNever);
  events_.schedule(m.timeout, kNever);
}

// Whatever the replica has is lost, and what is on the way to it.
void Cluster::die(int replica, TimePoint now) {
  Member& m = member(replica);
  Fleet& fleet = *m.fleet;
  fleet.lost += fleet.in_flight[fleet.place(replica)];
  changes(replica, now);
  if (hand_over_) lose_places(replica, now);
  m.replica->crash(now);
  if (!hand_overs_.empty()) events_.schedule(hand_overs_due_, now);  // what had ended before
  if (hand_over_) {
    hand_over_->source_died(m.replica->first_rank(), m.pool->engine.data_parallel_size, now);
    fleet.pinned[fleet.place(replica)] = 0;
  }
  std::vector<Request> ways;
  m.ways.abandon([&](const Request& way) { ways.push_back(way); });
  m.ways = Ingress(m.pool->engine);
  events_.schedule(m.inbound, kNever);
  std::sort(ways.begin(), ways.end(), [](const Request& a, const Request& b) { return a.index < b.index; });
  for (const Request& way : ways) {
    RequestRecord record = record_of(way, m.replica->first_rank(), Outcome::failed, now);
    record.e2e_parts[static_cast<std::size_t>(AttributionPart::queue)] = now - way.arrival;
    observer_.on_request(record);
    departed(m.replica->first_rank(), way, Outcome::failed, now);
  }
  invariant(!fleet.has_work(replica), "a dead replica that has requests");
  renew(replica);
}

void Cluster::operator()(const FleetDue&, TimePoint now) {
  for (Fleet& fleet : fleets_) {
    if (std::exchange(fleet.drained, false)) {
      for (int place = 0; place < static_cast<int>(fleet.in_flight.size()); ++place) {
        const int replica = fleet.first + place;
        if (!fleet.has_work(replica) && fleet.lives.state(place) == ReplicaState::draining) gone(fleet, replica, now);
      }
    }
    fleet.lives.due(
        now, [&](int place) { die(fleet.first + place, now); }, [&](int place) { renew(fleet.first + place); });
    while (fleet.schedule.next() <= now) want(fleet, fleet.schedule.take(), now);
    if (fleet.autoscaler && fleet.autoscaler->next() <= now) autoscale(fleet, now);
  }
  for (Side& entry : entries_)
    if (entry.lobby) serve_held(entry, now);
  schedule_fleet(now);
}

class Cluster::Sight final : public FleetSight {
 public:
  Sight(const Cluster& cluster, const Fleet& fleet, TimePoint now) : cluster_(cluster), fleet_(fleet), now_(now) {}
  std::int64_t in_system() const override { return fleet_.inside + held(); }
  // Those that wait for this side, or to enter where they would get to it.
  std::int64_t held() const override {
    const Side& entry = fleet_.side == &cluster_.decode_ ? cluster_.entries_.front() : *fleet_.side;
    return entry.lobby->size();
  }
  // Of one pool all, those included that are not let in; of several those that are sent there.
  std::int64_t arrived() const override {
    return cluster_.config_.pools.size() == 1 ? cluster_.outcome_.arrived : fleet_.came + held();
  }
  std::vector<ReplicaLoad> ready() const override {
    std::vector<ReplicaLoad> loads;
    const EngineConfig& engine = *fleet_.engine;
    for (int place = 0; place < static_cast<int>(fleet_.in_flight.size()); ++place) {
      if (fleet_.lives.state(place) != ReplicaState::ready) continue;
      const ReplicaSignals s = cluster_.member(fleet_.first + place).replica->signals(now_);
      const auto blocks = static_cast<double>(std::max<std::int64_t>(1, s.kv_blocks));
      ReplicaLoad load;
      load.in_flight = fleet_.in_flight[static_cast<std::size_t>(place)];
      load.waiting = s.waiting;
      load.running = s.running;
      load.kv_usage = static_cast<double>(s.kv_blocks_used) / blocks;
      load.kv_demand = static_cast<double>(s.in_flight_tokens) / (blocks * engine.block_size);
      load.queued_prompts =
          static_cast<double>(s.prefill_tokens) / static_cast<double>(std::max<std::int64_t>(1, engine.max_model_len));
      load.prompt_tokens = s.prefill_tokens;
      load.tokens = s.in_flight_tokens;
      loads.push_back(load);
    }
    return loads;
  }
  // All that was answered, and what this side found of prompts.
  Traffic traffic() const override {
    Traffic traffic = cluster_.answered_;
    for (int place = 0; place < static_cast<int>(fleet_.in_flight.size()); ++place) {
      for (const auto& rank : cluster_.member(fleet_.first + place).replica->ranks()) {
        const ReplicaTotals& before = cluster_.former_[static_cast<std::size_t>(rank->index())];
        traffic.looked_up += rank->totals().prefix_cache_queries + before.prefix_cache_queries;
        traffic.found += rank->totals().prefix_cache_hits + before.prefix_cache_hits;
      }
    }
    return traffic;
  }

 private:
  const Cluster& cluster_;
  const Fleet& fleet_;
  TimePoint now_;
};

void Cluster::autoscale(Fleet& fleet, TimePoint now) {
  const ReplicaNumbers numbers = fleet.lives.numbers();
  const int wanted = fleet.autoscaler->look(now, Sight(*this, fleet, now), numbers);
  if (wanted == numbers.wanted) return;
  fleet.decisions.push_back({now, fleet.autoscaler->seen(), wanted});
  want(fleet, wanted, now);
}

// An empty system to which nobody will come any more needs no replicas.
void Cluster::schedule_fleet(TimePoint now) {
  TimePoint next = kNever;
  if (in_system_ == 0 && source_.next_arrival() == kNever) return events_.schedule(fleet_due_, next);
  for (const Fleet& fleet : fleets_) {
    if (fleet.drained) next = now;
    next = std::min(
        {next, fleet.lives.next(), fleet.schedule.next(), fleet.autoscaler ? fleet.autoscaler->next() : kNever});
  }
  for (const Side& entry : entries_)
    if (entry.lobby) next = std::min(next, entry.lobby->next_timeout());
  events_.schedule(fleet_due_, next);
}

// ---- requests that wait for a replica ----

// The connection to one that has died, which nobody knows yet.
bool Cluster::is_dead(int replica, const Request& request, TimePoint now) {
  Fleet* fleet = member(replica).fleet;
  if (fleet == nullptr || fleet->state(replica) != ReplicaState::failed) return false;
  ++fleet->refused;
  fleet->lives.refused(replica - fleet->first, now);
  leave_place(replica, request, now);
  schedule_fleet(now);
  return true;
}

bool Cluster::refuses(int replica, const Request& request, TimePoint now) {
  if (!is_dead(replica, request, now)) return false;
  turned_away(request, Outcome::failed, now);
  return true;
}

void Cluster::hold(Side& entry, const Request& request, TimePoint now) {
  if (!entry.lobby->hold(request, now)) return not_held(request, Outcome::rejected, now);
  for (Fleet& fleet : fleets_) {
    const bool waits_for_it = fleet.side == &entry || fleet.side == &decode_;
    if (!waits_for_it || !fleet.autoscaler || fleet.lives.wanted() > 0) continue;
    if (const int wanted = fleet.autoscaler->called(now); wanted > 0) {
      fleet.decisions.push_back({now, static_cast<double>(entry.lobby->size()), wanted});
      want(fleet, wanted, now);
    }
  }
  schedule_fleet(now);
}

// Those of the request's model, where it enters and where it would decode.
template <class Ask>
auto Cluster::ask_admission(const Side& entry, TimePoint now, Ask ask) {
  if (publishes_) {
    for (const Side* side : {&entry, static_cast<const Side*>(&decode_)})
      for (const int i : side->candidates) changes(i, now);
  }
  const View here(*this, entry, now), there(*this, decode_, now);
  return ask(here, hand_over_ ? &there : nullptr);
}

[[gnu::noinline]] void Cluster::admit(const Request& request, TimePoint now) {
  const auto admits = [&] {
    return ask_admission(entry_of(request), now, [&](const ClusterView& here, const ClusterView* there) {
      return admission_->admits(request, in_system_ - 1, here, there);
    });
  };
  const bool is_let_in = fan_out_ != nullptr ? fan_out_->let_in(request, admits) : admits();
  if (!is_let_in || (flow_ && !flow_->enter(request, now))) return turned_away(request, Outcome::rejected, now);
  flow_ ? dispatch_one(now) : begin(request, now);
}

// A cycle: one request at most, and none while the replicas are saturated, however little the next would take.
void Cluster::dispatch_one(TimePoint now) {
  const double saturation = ask_admission(
      entries_.front(), now,
      [&](const ClusterView& here, const ClusterView* there) { return admission_->saturation(here, there); });
  if (saturation < 1) begin(flow_->take(), now);
  events_.schedule(flow_due_, flow_->empty() ? kNever : std::min(FlowControl::next_cycle(now), flow_->next_timeout()));
}

void Cluster::operator()(const FlowDue&, TimePoint now) {
  while (const std::optional<Request> expired = flow_->take_expired(now)) turned_away(*expired, Outcome::rejected, now);
  if (!flow_->empty()) dispatch_one(now);
}

void Cluster::serve_held(Side& entry, TimePoint now) {
  Lobby& lobby = *entry.lobby;
  while (!lobby.empty() && !nobody_takes(entry)) {
    Lobby::Held held = lobby.take();
    held_times_.waited(held.request.index, now - held.since);
    held.request.on_the_way = now - held.request.arrival;
    enter(held.request, now);
  }
  while (lobby.next_timeout() <= now) give_up_waiting(lobby.take(), Outcome::rejected, now);
}

void Cluster::give_up_waiting(const Lobby::Held& held, Outcome outcome, TimePoint now) {
  held_times_.waited(held.request.index, now - held.since);
  not_held(held.request, outcome, now);
}

void Cluster::not_held(const Request& request, Outcome outcome, TimePoint now) {
  ++not_held_;
  turned_away(request, outcome, now);
}

// One that no replica has seen.
void Cluster::turned_away(const Request& request, Outcome outcome, TimePoint now) {
  RequestRecord record = record_of(request, 0, outcome, now);
  record.e2e_parts[static_cast<std::size_t>(AttributionPart::queue)] = now - request.arrival;
  observer_.on_request(record);
  left_system(request, outcome, now);
}

// ---- clients that give up ----

void Cluster::operator()(const ClientsDue&, TimePoint now) {
  clients_->expire(now, [&](std::int64_t attempt) {
    if (fan_out_ == nullptr) return abort(attempt, now);
    for (const std::int64_t part : fan_out_->abort(attempt)) abort(part, now);
  });
  events_.schedule(arrival_, source_.next_arrival());
  events_.schedule(clients_due_, clients_->next_deadline());
}

void Cluster::abort(std::int64_t attempt, TimePoint now) {
  const auto place = at_.find(attempt);
  if (place == at_.end()) {
    for (Side& entry : entries_) {
      if (const std::optional<Lobby::Held> held = entry.lobby ? entry.lobby->remove(attempt) : std::nullopt)
        give_up_waiting(*held, Outcome::timed_out, now);
    }
    if (const std::optional<Request> waits = flow_ ? flow_->remove(attempt) : std::nullopt)
      turned_away(*waits, Outcome::timed_out, now);
    if (const std::optional<Request> here = encoders_ ? encoders_->abort(attempt) : std::nullopt)
      turned_away(*here, Outcome::timed_out, now);
    return;
  }
  const int replica = place->second;
  if (hand_over_ && abort_between(attempt, replica, now)) return;
  Member& m = member(replica);
  if (const std::optional<Request> way = m.ways.remove(attempt)) {
    observer_.on_request(record_of(*way, m.replica->first_rank(), Outcome::timed_out, now));
    events_.schedule(m.inbound, m.ways.next());
    return departed(m.replica->first_rank(), *way, Outcome::timed_out, now);
  }
  changes(replica, now);
  m.replica->abort(attempt, now);
  touched(replica, now);
}

// Of each pool, and of all together: one that stays is there for ever.
void Cluster::add_fleet_totals() {
  std::vector<FleetTotals>& pools = outcome_.pool_fleets;
  std::int64_t held = 0;
  auto fleet = fleets_.begin();
  for (const PoolConfig& pool : config_.pools) {
    if (!pool.cluster.fleet.on) {
      pools.push_back(FleetTotals::of_those_that_stay(pool.cluster.replicas, outcome_.end));
      continue;
    }
    FleetTotals totals = fleet->lives.totals(outcome_.end);
    totals.lost = fleet->lost;
    totals.refused = fleet->refused;
    totals.decisions = std::move(fleet->decisions);
    pools.push_back(std::move(totals));
    ++fleet;
  }
  for (const Side& entry : entries_)
    if (entry.lobby) held += entry.lobby->held();
  outcome_.fleet = pools.size() == 1 ? std::move(pools.front()) : FleetTotals::of_all(pools);
  outcome_.fleet.held = held;
  outcome_.fleet.turned_away = not_held_;
  if (pools.size() == 1) pools.clear();
}

void Cluster::add_router_totals() {
  const auto add = [&](const Side& side) {
    RouterTotals totals{{}, side.stale_choices, side.router->rebinds()};
    if (!totals.stale_choices && !totals.rebinds) return;
    for (const int i : side.candidates) {
      const auto pool = static_cast<int>(member(i).pool - config_.pools.data());
      if (totals.pools.empty() || totals.pools.back() != pool) totals.pools.push_back(pool);
    }
    outcome_.routers.push_back(std::move(totals));
  };
  for (const Side& entry : entries_) add(entry);
  if (decode_.router) add(decode_);
  if (admission_) outcome_.stale_admission_signals = admission_->stale_signals();
}

}  // namespace
}  // namespace foretoken
