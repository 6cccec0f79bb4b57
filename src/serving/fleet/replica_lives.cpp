// How replicas go from state to state.
#include "serving/fleet/replica_lives.hpp"

#include <algorithm>
#include <cmath>

#include "base/math.hpp"
#include "base/random.hpp"
#include "foretoken/base/result.hpp"
#include "workload/lengths/distributions.hpp"

namespace foretoken {
namespace {

constexpr std::string_view kNames[kReplicaStates] = {"provisioning", "pulling",  "loading", "warming",
                                                     "ready",        "draining", "gone",    "failed"};

bool is_starting(ReplicaState state) {
  return state < ReplicaState::ready;
}
bool is_current(ReplicaState state) {
  return state <= ReplicaState::ready;
}
Duration exponential(Duration mean, RandomStream& stream) {
  return Duration{
      std::max<std::int64_t>(1, std::llround(-exact_log(stream.uniform()) * static_cast<double>(mean.count())))};
}

}  // namespace

std::string_view to_string(ReplicaState state) {
  return kNames[static_cast<std::size_t>(state)];
}

std::int64_t FleetTotals::paid() const {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < in_state.size(); ++i) {
    if (static_cast<ReplicaState>(i) < ReplicaState::gone) sum += in_state[i];
  }
  return sum;
}

std::int64_t FleetTotals::starting() const {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < in_state.size(); ++i) {
    if (is_starting(static_cast<ReplicaState>(i))) sum += in_state[i];
  }
  return sum;
}

FleetTotals FleetTotals::of_those_that_stay(int replicas, TimePoint end) {
  FleetTotals totals;
  totals.places = totals.most_ready = replicas;
  totals.in_state[static_cast<std::size_t>(ReplicaState::ready)] = replicas * end.time_since_epoch().count();
  totals.counts.push_back({TimePoint{}, replicas, replicas});
  return totals;
}

FleetTotals FleetTotals::of_all(const std::vector<FleetTotals>& pools) {
  FleetTotals all;
  all.on = true;
  std::vector<Count> changes;  // by how much, when
  for (const FleetTotals& pool : pools) {
    all.places += pool.places;
    for (std::size_t i = 0; i < all.in_state.size(); ++i) all.in_state[i] += pool.in_state[i];
    all.starts += pool.starts;
    all.stops += pool.stops;
    all.changes += pool.changes;
    all.failures += pool.failures;
    all.lost += pool.lost;
    all.refused += pool.refused;
    Count before;
    for (const Count& count : pool.counts) {
      changes.push_back({count.at, count.paid - before.paid, count.ready - before.ready});
      before = count;
    }
  }
  std::stable_sort(changes.begin(), changes.end(), [](const Count& a, const Count& b) { return a.at < b.at; });
  for (const Count& change : changes) {
    const Count now = all.counts.empty() ? Count{} : all.counts.back();
    if (all.counts.empty() || now.at != change.at) all.counts.push_back({change.at, now.paid, now.ready});
    all.counts.back().paid += change.paid;
    all.counts.back().ready += change.ready;
  }
  for (const Count& count : all.counts) all.most_ready = std::max(all.most_ready, count.ready);
  return all;
}

ReplicaLives::ReplicaLives(const FleetConfig& config, int places, std::uint64_t seed, Takers& router, int first)
    : cold_start_(config.cold_start),
      failures_(config.failures),
      seed_(seed),
      lives_(index(places)),
      takes_(index(places), 0),
      router_(router),
      first_(first) {
  invariant(config.at_start <= places, "more replicas than places");
  totals_.on = true;
  totals_.places = places;
  wanted_ = current_ = ready_ = takers_ = paid_ = totals_.most_ready = config.at_start;
  for (int place = 0; place < config.at_start; ++place) {
    Life& life = lives_[index(place)];
    life.state = ReplicaState::ready;
    life.number = totals_.starts++;
    takes_[index(place)] = 1;
    router_.set(first_ + place, true);
    draw_death(life, TimePoint{});
  }
  totals_.starts = 0;  // these were there
  if (failures_.domain_mtbf > Duration{}) {
    domain_dies_.resize((lives_.size() + index(failures_.domain) - 1) / index(failures_.domain));
    for (std::size_t domain = 0; domain < domain_dies_.size(); ++domain) draw_domain(domain, TimePoint{});
  }
  count(TimePoint{});
}

TimePoint ReplicaLives::next() const {
  TimePoint next = kNever;
  for (const Life& life : lives_) next = std::min({next, life.until, life.dies, life.known, life.back});
  for (const TimePoint dies : domain_dies_) next = std::min(next, dies);
  if (planned_ < failures_.planned.size()) next = std::min(next, TimePoint{failures_.planned[planned_].at});
  return next;
}

ReplicaNumbers ReplicaLives::numbers() const {
  ReplicaNumbers numbers;
  numbers.wanted = wanted_;
  numbers.ready = takers_ + ejected_;  // autoscalers know nothing of ejections
  for (const Life& life : lives_) {
    numbers.pending += life.state <= ReplicaState::pulling ? 1 : 0;
    numbers.starting += life.state == ReplicaState::loading || life.state == ReplicaState::warming ? 1 : 0;
    numbers.draining += life.state == ReplicaState::draining ? 1 : 0;
  }
  return numbers;
}

int ReplicaLives::last_started() const {
  int last = -1;
  for (int place = 0; place < static_cast<int>(lives_.size()); ++place) {
    const Life& life = lives_[index(place)];
    if (!is_current(life.state) && life.known == kNever) continue;
    const auto rank = [&](const Life& l) { return std::pair(is_starting(l.state), l.number); };
    if (last < 0 || rank(life) > rank(lives_[index(last)])) last = place;
  }
  invariant(last >= 0, "no replica to stop");
  return last;
}

// True when it has to drain.
bool ReplicaLives::stop(int place, TimePoint now) {
  ++totals_.stops;
  if (lives_[index(place)].known != kNever) {  // it has died already
    learn(place);
    return false;
  }
  const bool was_ready = state(place) == ReplicaState::ready;
  enter(place, was_ready ? ReplicaState::draining : ReplicaState::gone, now);
  return was_ready;
}

void ReplicaLives::start(int place, TimePoint now) {
  Life& life = lives_[index(place)];
  // Each start has a stream of its own: how long it takes does not depend on who else starts.
  life.number = static_cast<std::int64_t>(lives_.size()) + totals_.starts++;
  life.factor = 1;
  if (cold_start_.sigma > 0) {
    RandomStream stream(replication_seed(seed_, static_cast<std::uint64_t>(life.number)), "cold_start");
    const double sigma = cold_start_.sigma;
    life.factor = exact_exp(sigma * normal_quantile(stream.uniform()) - sigma * sigma / 2);
  }
  enter(place, ReplicaState::provisioning, now);
  draw_death(life, now);
}

// From the start's own stream, as its length.
void ReplicaLives::draw_death(Life& life, TimePoint now) const {
  if (failures_.mtbf <= Duration{}) return;
  RandomStream stream(replication_seed(seed_, static_cast<std::uint64_t>(life.number)), "failure");
  life.dies = now + exponential(failures_.mtbf, stream);
}

void ReplicaLives::draw_domain(std::size_t domain, TimePoint now) {
  RandomStream stream(replication_seed(seed_, domain_deaths_++), "domain_failure");
  domain_dies_[domain] = now + exponential(failures_.domain_mtbf, stream);
}

void ReplicaLives::fail(int place, TimePoint now, bool by_chance) {
  Life& life = lives_[index(place)];
  ++totals_.failures;
  const bool was_current = is_current(life.state), took = takes_[index(place)] != 0;
  enter(place, ReplicaState::failed, now);
  Duration repair = failures_.repair;
  if (by_chance && repair > Duration{}) {
    RandomStream stream(replication_seed(seed_, static_cast<std::uint64_t>(life.number)), "repair");
    repair = exponential(failures_.repair, stream);
  }
  life.until = now + std::max(repair, failures_.detection);
  if (!was_current) return;  // it was to go anyway
  ++current_;
  life.known = now + failures_.detection;
  set_takes(place, took);
}

void ReplicaLives::refused(int place, TimePoint now) {
  Life& life = lives_[index(place)];
  if (failures_.ejection_failures == 0 || ++life.refusals < failures_.ejection_failures) return;
  life.refusals = 0;
  if (ejected_ > 0 && (ejected_ + 1) * 10 > static_cast<int>(lives_.size())) return;
  ++ejected_;
  life.back = now + failures_.ejection * ++life.ejections;
  set_takes(place, false);
}

void ReplicaLives::take_back(int place, bool takes) {
  Life& life = lives_[index(place)];
  if (life.back == kNever) return;
  life.back = kNever;
  --ejected_;
  set_takes(place, takes);
}

void ReplicaLives::learn(int place) {
  take_back(place, false);
  lives_[index(place)].known = kNever;
  --current_;
  set_takes(place, false);
}

void ReplicaLives::set_takes(int place, bool takes) {
  takers_ += static_cast<int>(takes) - takes_[index(place)];
  takes_[index(place)] = takes ? 1 : 0;
  router_.set(first_ + place, takes);
}

Duration ReplicaLives::stay(const Life& life, ReplicaState state) const {
  const auto scaled = [&](Duration d) {
    return life.factor == 1 ? d : Duration{std::llround(static_cast<double>(d.count()) * life.factor)};
  };
  switch (state) {
    case ReplicaState::provisioning:
      return scaled(cold_start_.provisioning);
    case ReplicaState::pulling:
      return scaled(cold_start_.pulling);
    case ReplicaState::loading:
      return scaled(cold_start_.loading);
    case ReplicaState::warming:
      return scaled(cold_start_.warming);
    case ReplicaState::ready:
    case ReplicaState::draining:
    case ReplicaState::gone:
    case ReplicaState::failed:
      break;
  }
  return kNever - TimePoint{};
}

// Parts that take no time are passed over at the same instant.
void ReplicaLives::advance(int place, TimePoint now) {
  if (state(place) == ReplicaState::failed && lives_[index(place)].until <= now) {
    if (lives_[index(place)].known != kNever) learn(place);
    enter(place, ReplicaState::gone, now);
  }
  while (lives_[index(place)].until <= now && is_starting(state(place)))
    enter(place, static_cast<ReplicaState>(static_cast<int>(state(place)) + 1), now);
}

void ReplicaLives::enter(int place, ReplicaState state, TimePoint now) {
  Life& life = lives_[index(place)];
  totals_.in_state[static_cast<std::size_t>(life.state)] += (now - life.since).count();
  const auto differs = [&](auto is) { return static_cast<int>(is(state)) - static_cast<int>(is(life.state)); };
  current_ += differs(is_current);
  ready_ += differs([](ReplicaState s) { return s == ReplicaState::ready; });
  const int paid = differs([](ReplicaState s) { return s < ReplicaState::gone; });
  paid_ += paid;
  const bool changes = paid != 0 || state == ReplicaState::ready || life.state == ReplicaState::ready;
  take_back(place, false);
  life.refusals = life.ejections = 0;
  life.state = state;
  life.since = now;
  const Duration stays = stay(life, state);
  life.until = stays == kNever - TimePoint{} ? kNever : now + stays;
  set_takes(place, state == ReplicaState::ready);
  if (state == ReplicaState::ready) router_.begins(first_ + place, now);
  if (state >= ReplicaState::gone) life.dies = kNever;
  totals_.most_ready = std::max(totals_.most_ready, ready_);
  if (changes) count(now);
}

void ReplicaLives::count(TimePoint now) {
  if (!totals_.counts.empty() && totals_.counts.back().at == now)
    totals_.counts.back() = {now, paid_, ready_};
  else
    totals_.counts.push_back({now, paid_, ready_});
}

FleetTotals ReplicaLives::totals(TimePoint end) {
  FleetTotals totals = totals_;
  for (const Life& life : lives_)
    totals.in_state[static_cast<std::size_t>(life.state)] += std::max<std::int64_t>(0, (end - life.since).count());
  return totals;
}

}  // namespace foretoken
