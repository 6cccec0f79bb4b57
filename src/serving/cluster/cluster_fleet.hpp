// Replicas that come and go, requests that wait while none is ready, and clients that give up. A part of cluster.cpp.
#pragma once

#include "serving/cluster/cluster_events.hpp"

namespace foretoken {
namespace {

// ---- replicas that come and go ----

void Cluster::want(int replicas, TimePoint now) {
  fleet_->lives.want(
      replicas, now, [&](int place) { renew(place); },
      [&](int place) {
        if (fleet_->in_flight[static_cast<std::size_t>(place)] == 0) gone(place, now);
      });
}

void Cluster::gone(int place, TimePoint now) {
  fleet_->lives.gone(place, now, [&](int free) { renew(free); });
}

void Cluster::left_replica(int replica, TimePoint now) {
  if (--fleet_->in_flight[static_cast<std::size_t>(replica)] > 0) return;
  if (fleet_->lives.state(replica) != ReplicaState::draining) return;
  // Its place may be taken at once, but not while it still ends its step.
  fleet_->drained = true;
  events_.schedule(fleet_due_, now);
}

// The place gets a replica that has never served: what the one before did stays counted.
void Cluster::renew(int place) {
  Member& m = member(place);
  const int first_rank = m.replica->first_rank();
  for (const auto& rank : m.replica->ranks()) former_[static_cast<std::size_t>(rank->index())] += rank->all_totals();
  m.replica = make_replica(*m.pool, first_rank);
  m.board = SignalBoard::of(m.pool->cluster.routing, m.candidate, m.pool->cluster.replicas);
  events_.schedule(m.boundary, kNever);
  events_.schedule(m.timeout, kNever);
}

// Whatever the replica has is lost, and what is on the way to it.
void Cluster::die(int place, TimePoint now) {
  Member& m = member(place);
  fleet_->lost += fleet_->in_flight[static_cast<std::size_t>(place)];
  changes(place, now);
  m.replica->crash(now);
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
  renew(place);
}

void Cluster::operator()(const FleetDue&, TimePoint now) {
  if (std::exchange(fleet_->drained, false)) {
    for (int place = 0; place < config_.pools.front().cluster.replicas; ++place) {
      const bool idle = fleet_->in_flight[static_cast<std::size_t>(place)] == 0;
      if (idle && fleet_->lives.state(place) == ReplicaState::draining) gone(place, now);
    }
  }
  fleet_->lives.due(
      now, [&](int place) { die(place, now); }, [&](int place) { renew(place); });
  while (fleet_->schedule.next() <= now) want(fleet_->schedule.take(), now);
  if (fleet_->autoscaler && fleet_->autoscaler->next() <= now) autoscale(now);
  serve_held(now);
  schedule_fleet(now);
}

class Cluster::Sight final : public FleetSight {
 public:
  Sight(const Cluster& cluster, TimePoint now) : cluster_(cluster), now_(now) {}
  std::int64_t in_system() const override { return cluster_.in_system_; }
  std::int64_t held() const override { return cluster_.fleet_->lobby.size(); }
  std::int64_t arrived() const override { return cluster_.outcome_.arrived; }
  std::vector<ReplicaLoad> ready() const override {
    std::vector<ReplicaLoad> loads;
    const EngineConfig& engine = cluster_.config_.pools.front().engine;
    for (int place = 0; place < static_cast<int>(cluster_.fleet_->in_flight.size()); ++place) {
      if (cluster_.fleet_->lives.state(place) != ReplicaState::ready) continue;
      const ReplicaSignals s = cluster_.member(place).replica->signals(now_);
      const auto blocks = static_cast<double>(std::max<std::int64_t>(1, s.kv_blocks));
      ReplicaLoad load;
      load.in_flight = cluster_.fleet_->in_flight[static_cast<std::size_t>(place)];
      load.waiting = s.waiting;
      load.running = s.running;
      load.kv_usage = static_cast<double>(s.kv_blocks_used) / blocks;
      load.kv_demand = static_cast<double>(s.in_flight_tokens) / (blocks * engine.block_size);
      load.queued_prompts =
          static_cast<double>(s.prefill_tokens) / static_cast<double>(std::max<std::int64_t>(1, engine.max_model_len));
      loads.push_back(load);
    }
    return loads;
  }

 private:
  const Cluster& cluster_;
  TimePoint now_;
};

void Cluster::autoscale(TimePoint now) {
  const ReplicaNumbers numbers = fleet_->lives.numbers();
  const int wanted = fleet_->autoscaler->look(now, Sight(*this, now), numbers);
  if (wanted == numbers.wanted) return;
  fleet_->decisions.push_back({now, fleet_->autoscaler->seen(), wanted});
  want(wanted, now);
}

// An empty system to which nobody will come any more needs no replicas.
void Cluster::schedule_fleet(TimePoint now) {
  const bool over = in_system_ == 0 && source_.next_arrival() == kNever;
  const TimePoint next = std::min({fleet_->lives.next(), fleet_->schedule.next(), fleet_->lobby.next_timeout(),
                                   fleet_->autoscaler ? fleet_->autoscaler->next() : kNever});
  events_.schedule(fleet_due_, over ? kNever : fleet_->drained ? now : next);
}

// ---- requests that wait for a replica ----

void Cluster::hold(const Request& request, TimePoint now) {
  if (!fleet_->lobby.hold(request, now)) return not_held(request, Outcome::rejected, now);
  if (fleet_->autoscaler && fleet_->lives.wanted() == 0) {
    if (const int wanted = fleet_->autoscaler->called(now); wanted > 0) {
      fleet_->decisions.push_back({now, static_cast<double>(fleet_->lobby.size()), wanted});
      want(wanted, now);
    }
  }
  schedule_fleet(now);
}

[[gnu::noinline]] void Cluster::admit(const Request& request, TimePoint now) {
  if (publishes_)
    for (const int i : entries_.front().candidates) changes(i, now);
  const auto admits = [&] {
    return admission_->admits(request, in_system_ - 1, View(*this, entries_.front().candidates, now));
  };
  const bool is_let_in = fan_out_ != nullptr ? fan_out_->let_in(request, admits) : admits();
  if (!is_let_in || (flow_ && !flow_->enter(request, now))) return turned_away(request, Outcome::rejected, now);
  flow_ ? dispatch_one(now) : begin(request, now);
}

// A cycle: one request at most, and none while the replicas are saturated, however little the next would take.
void Cluster::dispatch_one(TimePoint now) {
  if (publishes_)
    for (const int i : entries_.front().candidates) changes(i, now);
  if (admission_->saturation(View(*this, entries_.front().candidates, now)) < 1) begin(flow_->take(), now);
  events_.schedule(flow_due_, flow_->empty() ? kNever : std::min(FlowControl::next_cycle(now), flow_->next_timeout()));
}

void Cluster::operator()(const FlowDue&, TimePoint now) {
  while (const std::optional<Request> expired = flow_->take_expired(now)) turned_away(*expired, Outcome::rejected, now);
  if (!flow_->empty()) dispatch_one(now);
}

void Cluster::serve_held(TimePoint now) {
  Lobby& lobby = fleet_->lobby;
  while (!lobby.empty() && fleet_->lives.takers() > 0) enter(lobby.take(), now);
  while (lobby.next_timeout() <= now) not_held(lobby.take(), Outcome::rejected, now);
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
    if (const std::optional<Request> held = fleet_ ? fleet_->lobby.remove(attempt) : std::nullopt)
      not_held(*held, Outcome::timed_out, now);
    if (const std::optional<Request> waits = flow_ ? flow_->remove(attempt) : std::nullopt)
      turned_away(*waits, Outcome::timed_out, now);
    if (const std::optional<Request> here = encoders_ ? encoders_->abort(attempt) : std::nullopt)
      turned_away(*here, Outcome::timed_out, now);
    return;
  }
  Member& m = member(place->second);
  const int replica = place->second;
  if (const std::optional<Request> way = m.ways.remove(attempt)) {
    observer_.on_request(record_of(*way, m.replica->first_rank(), Outcome::timed_out, now));
    events_.schedule(m.inbound, m.ways.next());
    return departed(m.replica->first_rank(), *way, Outcome::timed_out, now);
  }
  changes(replica, now);
  m.replica->abort(attempt, now);
  touched(replica, now);
}

FleetTotals Cluster::fleet_totals() {
  FleetTotals totals = fleet_->lives.totals(outcome_.end);
  totals.held = fleet_->lobby.held();
  totals.turned_away = not_held_;
  totals.lost = fleet_->lost;
  totals.refused = fleet_->refused;
  totals.decisions = std::move(fleet_->decisions);
  return totals;
}

}  // namespace
}  // namespace foretoken
