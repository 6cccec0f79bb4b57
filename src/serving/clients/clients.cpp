// Attempts: sent, given up, tried again, answered.
#include "serving/clients/clients.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/math.hpp"
#include "base/random.hpp"

namespace foretoken {
namespace {

std::size_t part(AttributionPart p) {
  return static_cast<std::size_t>(p);
}

double with_jitter(Jitter jitter, double u) {
  switch (jitter) {
    case Jitter::minus_25:
      return 1 - 0.25 * u;
    case Jitter::plus_minus_20:
      return 0.8 + 0.4 * u;
    case Jitter::full:
      return u;
    case Jitter::none:
      break;
  }
  return 1;
}

}  // namespace

Clients::Clients(const ClientConfig& config, RequestSource& source, Observer& observer)
    : config_(config),
      source_(source),
      observer_(observer),
      tells_(observer.wants_lifecycle()),
      budget_(config.most_budget) {
  totals_.on = true;
}

// ---- attempts go to the cluster ----

TimePoint Clients::next_arrival() const {
  const TimePoint fresh = source_.next_arrival();
  return retries_.empty() ? fresh : std::min(fresh, retries_.top().at);
}

Request Clients::take() {
  if (!retries_.empty() && retries_.top().at <= source_.next_arrival()) {
    const Retry retry = retries_.top();
    retries_.pop();
    return send(open_.at(retry.request), retry.at);
  }
  const Request request = source_.take();
  ++totals_.requests;
  ++slots_.at(request.arrival).offered;
  budget_ = std::min(config_.most_budget, budget_ + config_.budget_per_request);
  Open& open = open_[request.index];
  open.request = request;
  if (config_.abort_share > 0) choose_patience(request);
  return send(open, request.arrival);
}

// Drawn from a stream of the request's own, as its pauses are.
void Clients::choose_patience(const Request& request) {
  const std::uint64_t own = replication_seed(config_.seed, static_cast<std::uint64_t>(request.index) + 1);
  RandomStream stream(own, "patience");
  if (stream.uniform() >= config_.abort_share) return;
  Duration patience = config_.patience;
  if (config_.patience_is_exponential)
    patience = Duration{std::llround(-exact_log(stream.uniform()) * static_cast<double>(patience.count()))};
  deadlines_.push({request.arrival + std::max(Duration{1}, patience), request.index, true});
}

Request Clients::send(Open& open, TimePoint now) {
  Request attempt = open.request;
  attempt.index = next_index_++;
  attempt.arrival = now;
  attempt.prompt_tokens += open.emitted;
  attempt.output_tokens -= open.emitted;
  attempt.max_tokens -= open.emitted;
  ++open.attempts;
  ++totals_.attempts;
  open.current = attempt.index;
  request_of_.emplace(attempt.index, open.request.index);
  TimePoint deadline = kNever;
  if (config_.timeout > Duration{}) deadline = now + config_.timeout;
  if (config_.total_timeout > Duration{}) deadline = std::min(deadline, open.request.arrival + config_.total_timeout);
  if (deadline != kNever) deadlines_.push({deadline, attempt.index});
  return attempt;
}

// ---- attempts come back ----

void Clients::on_request(const RequestRecord& record) {
  const auto place = request_of_.find(record.request.index);
  invariant(place != request_of_.end(), "an attempt ends that was never sent, or twice");
  const std::int64_t request = place->second;
  request_of_.erase(place);
  if (record.outcome == Outcome::finished) ++slots_.at(record.finish).served;
  const auto waiting = open_.find(request);
  if (waiting == open_.end() || waiting->second.current != record.request.index) {
    totals_.aborted_output_tokens += record.emitted;
    if (record.outcome != Outcome::finished) return;
    ++totals_.late;
    totals_.late_output_tokens += record.request.output_tokens;
    return;
  }
  switch (record.outcome) {
    case Outcome::finished:
    case Outcome::unfinished:
      return close(answer(waiting->second, record), record.finish);
    case Outcome::rejected:
    case Outcome::timed_out:  // the server's own limit on waiting: an error, as a rejection is
      return again_or_close(request, config_.after_rejection, record, record.finish);
    case Outcome::aborted:  // no server says so
    case Outcome::failed:
      if (migrates(request, record)) return;
      return again_or_close(request, config_.after_failure, record, record.finish);
  }
}

void Clients::completed(const Request&, TimePoint) {
  forget_answered();
}

// False: its request is answered, or does not give up any more.
bool Clients::give_up(std::int64_t attempt, TimePoint now) {
  const auto place = request_of_.find(attempt);
  if (place == request_of_.end()) return false;
  const auto waiting = open_.find(place->second);
  if (waiting == open_.end() || waiting->second.current != attempt || waiting->second.streams) return false;
  ++totals_.timeouts;
  RequestRecord record;
  record.request = waiting->second.request;
  record.request.arrival = now;  // nothing of the attempt is in an answer
  record.outcome = Outcome::timed_out;
  record.finish = now;
  again_or_close(place->second, config_.after_timeout, record, now);
  return true;
}

// The client closes the connection, for good. The attempt that it waited for; -1: none, or all was out already.
std::int64_t Clients::hang_up(std::int64_t request, TimePoint now) {
  const auto waiting = open_.find(request);
  if (waiting == open_.end()) return -1;
  const std::int64_t attempt = waiting->second.current;
  if (attempt < 0) {  // the next one will not be sent
    Soonest<Retry> others;
    for (; !retries_.empty(); retries_.pop()) {
      if (retries_.top().request != request) others.push(retries_.top());
    }
    retries_ = std::move(others);
  }
  ++totals_.aborted;
  RequestRecord record;
  record.request = waiting->second.request;
  record.request.arrival = now;
  record.outcome = Outcome::aborted;
  record.finish = now;
  close(answer(waiting->second, record), now);
  return attempt;
}

void Clients::again_or_close(std::int64_t request, bool allowed, const RequestRecord& record, TimePoint now) {
  Open& open = open_.at(request);
  const TimePoint at = now + pause_before(open);
  if (allowed && may_retry(open, at)) {
    open.current = -1;
    retries_.push({at, retries_so_far_++, request});
    return;
  }
  close(answer(open, record), now);
}

// The front end keeps what was out, and another replica goes on with it at once. A record that ended with its last
// token cannot be here.
bool Clients::migrates(std::int64_t request, const RequestRecord& record) {
  Open& open = open_.at(request);
  if (open.migrations >= config_.migrations || too_late(open, record.finish)) return false;
  ++open.migrations;
  ++totals_.migrated;
  if (record.emitted > 0 && open.emitted == 0) {
    const RequestRecord whole = answer(open, record);
    open.scheduled = record.scheduled;
    open.first_token = record.first_token;
    open.ttft_parts = record.ttft_parts;
    open.ttft_parts[part(AttributionPart::earlier_attempts)] += record.request.arrival - whole.request.arrival;
  }
  open.emitted += record.emitted;
  open.current = -1;
  retries_.push({record.finish, retries_so_far_++, request});
  return true;
}

bool Clients::may_retry(const Open& open, TimePoint at) {
  if (open.attempts - open.migrations > config_.retries || open.streams) return false;
  if (too_late(open, at)) return false;
  if (config_.budget_per_request <= 0) return true;
  if (budget_ < 1) {
    ++totals_.over_budget;
    return false;
  }
  budget_ -= 1;
  return true;
}

// Drawn from a stream of the request's own: what others do does not change how long it waits.
Duration Clients::pause_before(const Open& open) const {
  const auto k = static_cast<double>(open.attempts - open.migrations);
  const double grown =
      config_.less_one ? exact_pow(config_.backoff_factor, k) - 1 : exact_pow(config_.backoff_factor, k - 1);
  double pause =
      std::min(static_cast<double>(config_.backoff.count()) * grown, static_cast<double>(config_.most_backoff.count()));
  if (config_.jitter != Jitter::none && pause > 0) {
    const std::uint64_t own = replication_seed(config_.seed, static_cast<std::uint64_t>(open.request.index) + 1);
    RandomStream stream(replication_seed(own, static_cast<std::uint64_t>(open.attempts)), "retry");
    pause *= with_jitter(config_.jitter, stream.uniform());
  }
  return Duration{std::llround(pause)};
}

// ---- requests ----

// The attempt's record as that of its request.
RequestRecord Clients::answer(const Open& open, const RequestRecord& record) const {
  RequestRecord whole = record;
  const Duration before = record.request.arrival - open.request.arrival;
  whole.request.index = open.request.index;
  whole.request.arrival = open.request.arrival;
  whole.request.client_wait = open.request.client_wait;
  whole.attempts = static_cast<std::int32_t>(open.attempts);
  if (record.outcome != Outcome::unfinished) whole.e2e_parts[part(AttributionPart::earlier_attempts)] += before;
  if (record.outcome == Outcome::finished) whole.ttft_parts[part(AttributionPart::earlier_attempts)] += before;
  if (open.emitted > 0) {
    whole.request.prompt_tokens = open.request.prompt_tokens;
    whole.request.output_tokens = record.request.output_tokens + open.emitted;
    whole.request.max_tokens = open.request.max_tokens;
    whole.scheduled = open.scheduled;
    whole.first_token = open.first_token;
    whole.ttft_parts = open.ttft_parts;
  }
  return whole;
}

void Clients::close(const RequestRecord& record, TimePoint now) {
  const Request request = open_.at(record.request.index).request;
  open_.erase(record.request.index);
  ++closed_[static_cast<std::size_t>(record.outcome)];
  const bool left = record.outcome == Outcome::unfinished || record.outcome == Outcome::aborted;
  if (record.outcome != Outcome::finished && !left) {
    ++totals_.unanswered;
    totals_.last_unanswered = std::max(totals_.last_unanswered, request.arrival);
  }
  if (record.outcome == Outcome::finished) ++slots_.at(request.arrival).answered;
  observer_.on_request(record);
  if (record.outcome != Outcome::unfinished) source_.completed(request, now);
}

void Clients::forget_answered() {
  while (!deadlines_.empty() && is_idle(deadlines_.top())) deadlines_.pop();
}

bool Clients::is_idle(const Deadline& due) const {
  if (due.leaves) return !open_.contains(due.attempt);
  const auto place = request_of_.find(due.attempt);
  if (place == request_of_.end()) return true;
  const auto waiting = open_.find(place->second);
  return waiting == open_.end() || waiting->second.current != place->first || waiting->second.streams;
}

void Clients::on_lifecycle(const LifecycleEvent& event) {
  const auto place = request_of_.find(event.request);
  if (place == request_of_.end()) return;
  const auto waiting = open_.find(place->second);
  if (waiting == open_.end() || waiting->second.current != event.request) return;
  if (config_.until_first_token && event.edge == LifecycleEdge::first_token) waiting->second.streams = true;
  if (!tells_) return;
  LifecycleEvent of_request = event;
  of_request.request = place->second;
  observer_.on_lifecycle(of_request);
}

void Clients::end(SimulationOutcome& outcome) {
  std::vector<std::int64_t> left;
  for (const auto& [request, open] : open_) left.push_back(request);
  std::sort(left.begin(), left.end());
  for (const std::int64_t request : left) {
    RequestRecord record;
    record.request = open_.at(request).request;
    record.outcome = Outcome::unfinished;
    record.finish = outcome.end;
    record.attempts = static_cast<std::int32_t>(open_.at(request).attempts);
    close(record, outcome.end);
  }
  const auto of = [&](Outcome o) { return closed_[static_cast<std::size_t>(o)]; };
  outcome.clients = totals_;
  outcome.clients.slot = slots_.width();
  outcome.clients.slots = slots_.take();
  outcome.arrived = totals_.requests;
  outcome.finished = of(Outcome::finished);
  outcome.rejected = of(Outcome::rejected);
  outcome.timed_out = of(Outcome::timed_out);
  outcome.failed = of(Outcome::failed);
  outcome.aborted = of(Outcome::aborted);
  outcome.unfinished = of(Outcome::unfinished);
}

}  // namespace foretoken
