// The hot path of measuring: a few counters and distributions per request and per span of steps.
#include "metrics/collector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace foretoken {
namespace {

// A steady window shorter than this holds too few 125 ms buckets to be a rate.
constexpr Duration kShortestWindow = std::chrono::seconds{1};

Duration divide_rounded(Duration d, std::int64_t by) {
  return Duration{(d.count() + by / 2) / by};
}

bool within(const std::optional<double>& limit_ms, Duration value) {
  return !limit_ms || to_milliseconds(value) <= *limit_ms;
}

void count_good(Measures& cell, const GoodputLimits& limits, const RequestRecord& r,
                const std::array<Duration, 2>& tpot) {
  if (!within(limits.ttft_ms, r.first_token - r.request.arrival)) return;
  if (!within(limits.e2el_ms, r.finish - r.request.arrival)) return;
  for (std::size_t i = 0; i < tpot.size(); ++i) {
    if (!within(limits.tpot_ms, tpot[i])) continue;
    ++cell.good[i];
    cell.good_output_tokens[i] += r.returned_tokens();
  }
}

}  // namespace

CollectorConfig collector_config(const WorkloadConfig& workload, double warmup_fraction,
                                 std::optional<std::int64_t> requests) {
  CollectorConfig config;
  config.window = {warmup_fraction, requests, workload.duration};
  config.goodput.clear();
  for (const RequestClass& c : workload.classes) {
    config.classes.push_back(c.name);
    config.goodput.push_back(c.goodput.any() ? c.goodput : workload.goodput);
  }
  if (config.goodput.empty()) config.goodput.push_back(workload.goodput);
  config.adapters = workload.adapters.weights.size();
  return config;
}

void AttributionSums::settle() {
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += recent_[i];
  recent_ = {};
  recent_whole_ = {};
}

MetricsCollector::MetricsCollector(CollectorConfig config)
    : config_(std::move(config)), cells_(2 * std::max<std::size_t>(1, config_.classes.size())) {
  config_.goodput.resize(cells_.size() / 2);
  if (config_.adapters > 0) adapters_.resize(config_.adapters + 1);
  const SteadyWindow& w = config_.window;
  const std::int64_t whole = w.requests ? *w.requests : w.arrival_period ? w.arrival_period->count() : 0;
  const auto cut = [&](double fraction) {
    return static_cast<std::int64_t>(std::ceil(std::clamp(fraction, 0.0, 0.5) * static_cast<double>(whole)));
  };
  steady_begin_ = cut(w.fraction);
  steady_end_ = whole - cut(w.fraction);
  if (w.indices) steady_begin_ = w.indices->first, steady_end_ = w.indices->end;
}

bool MetricsCollector::is_steady(const Request& request) const {
  const bool by_index = config_.window.requests || config_.window.indices;
  const std::int64_t at = by_index ? request.index : request.arrival.time_since_epoch().count();
  return at >= steady_begin_ && at < steady_end_;
}

void count_request(Measures& cell, const GoodputLimits& limits, const RequestRecord& r) {
  if (limits.any()) ++cell.limited;
  cell.first_arrival = std::min(cell.first_arrival, r.request.arrival);
  cell.last_arrival = std::max(cell.last_arrival, r.request.arrival);
  cell.client_wait += r.request.client_wait.count();
  cell.preemptions += r.preemptions;
  switch (r.outcome) {
    case Outcome::rejected:
      ++cell.rejected;
      return;
    case Outcome::timed_out:
      ++cell.timed_out;
      return;
    case Outcome::unfinished:
      ++cell.unfinished;
      return;
    case Outcome::failed:
      ++cell.lost;
      return;
    case Outcome::aborted:
      ++cell.aborted;
      return;
    case Outcome::finished:
      break;
  }
  ++cell.completed;
  cell.input_tokens += r.request.prompt_tokens;
  cell.output_tokens += r.returned_tokens();
  cell.cached_tokens += r.cached_tokens;
  cell.last_finish = std::max(cell.last_finish, r.finish);
  const std::int64_t n = r.request.output_tokens;
  const Duration decode = r.finish - r.first_token;
  // One token has no decode time: left out of TPOT, and within any limit.
  std::array<Duration, 2> tpot{};
  if (n > 1) {
    tpot = {divide_rounded(decode, n), divide_rounded(decode, n - 1)};
    for (std::size_t i = 0; i < tpot.size(); ++i) cell.latency.tpot[i].add(tpot[i]);
  }
  cell.latency.ttft.add(r.first_token - r.request.arrival);
  cell.latency.e2el.add(r.finish - r.request.arrival);
  cell.latency.queue_time.add(r.scheduled - r.request.arrival);
  if (limits.any()) count_good(cell, limits, r, tpot);
}

void MetricsCollector::on_request(const RequestRecord& r) {
  ++seen_;
  const auto class_index = static_cast<std::size_t>(r.request.class_index);
  invariant(2 * class_index < cells_.size(), "request of a class the collector was not told of");
  count_request(cells_[2 * class_index + (is_steady(r.request) ? 1 : 0)], config_.goodput[class_index], r);
  if (!adapters_.empty()) [[unlikely]]
    count_adapter(r);
  if (r.outcome != Outcome::finished) return;
  ttft_parts_.add(r.ttft_parts, r.first_token - r.request.arrival);
  e2e_parts_.add(r.e2e_parts, r.finish - r.request.arrival);
  rates_.completion(r.finish, r.request.prompt_tokens);
  // At one instant finishes come before the arrival that opens or closes the window.
  if (opened_ == TimePoint::max() || closed_ != TimePoint::max()) return;
  in_window_.completed += 1;
  in_window_.input_tokens += r.request.prompt_tokens;
}

[[gnu::noinline]] void MetricsCollector::count_adapter(const RequestRecord& r) {
  const std::size_t adapter =
      r.request.adapter < 0 ? adapters_.size() - 1 : static_cast<std::size_t>(r.request.adapter);
  invariant(adapter < adapters_.size(), "request of an adapter the collector was not told of");
  count_request(adapters_[adapter], config_.goodput[static_cast<std::size_t>(r.request.class_index)], r);
}

void MetricsCollector::on_answer(const RequestRecord& r) {
  ++answers_completed_;
  const std::int64_t n = r.request.output_tokens;
  const Duration decode = r.finish - r.first_token;
  if (n > 1) {
    answers_.tpot[0].add(divide_rounded(decode, n));
    answers_.tpot[1].add(divide_rounded(decode, n - 1));
  }
  answers_.ttft.add(r.first_token - r.request.arrival);
  answers_.e2el.add(r.finish - r.request.arrival);
  answers_.queue_time.add(r.scheduled - r.request.arrival);
}

void MetricsCollector::on_steps(const StepSpan& span) {
  std::int64_t first_tokens = -span.dropped;
  for (const PrefillChunk& chunk : span.prefill) first_tokens += chunk.samples ? 1 : 0;
  if (first_tokens > 0) rates_.tokens(span.end, first_tokens);
  if (span.decode_rows > 0) rates_.tokens(span);
  if (span.gap_rows > 0) add_gaps(span, 0, span.steps, itl_);
  if (span.end > opened_ && span.begin < closed_) count_in_window(span, first_tokens);
}

// Of the steps [begin, end) of the span.
void MetricsCollector::add_gaps(const StepSpan& span, std::int64_t begin, std::int64_t end, Distribution& itl) const {
  if (span.run == nullptr) {
    if (begin < end) itl.add(ceil_to_nanoseconds(span.time.total()), span.gap_rows);
    return;
  }
  if (span.joining > 0 && begin == 0 && end > 0) [[unlikely]] {
    itl.add(ceil_to_nanoseconds(span.time.total()), span.gap_rows - span.joining);
    begin = 1;
  }
  for (std::int64_t done = begin; done < end;) {
    const DecodeRun::Piece& piece = span.run->piece_at(done);
    const std::int64_t into = done - piece.first_step;
    const std::int64_t steps = std::min(piece.steps - into, end - done);
    itl.add_ramp(piece.first_time + piece.increment * into, piece.increment, steps, span.gap_rows);
    done += steps;
  }
}

// The steps that end within (opened, closed].
void MetricsCollector::count_in_window(const StepSpan& span, std::int64_t first_tokens) {
  // Steps that end at `at` or before: those before the first that takes longer than at - begin.
  const auto ended_by = [&](TimePoint at) -> std::int64_t {
    if (at >= span.end) return span.steps;
    if (span.run == nullptr || at <= span.begin) return 0;
    const FineDuration limit = fine_from(at - span.begin);
    return std::clamp<std::int64_t>(span.run->steps_to_reach(limit + FineDuration{1}) - 1, 0, span.steps);
  };
  const std::int64_t begin = ended_by(opened_), end = ended_by(closed_);
  in_window_.output_tokens += static_cast<double>((end - begin) * span.decode_rate().tokens());
  if (end == span.steps && end > begin) in_window_.output_tokens += static_cast<double>(span.accepted);
  if (end == span.steps) in_window_.output_tokens += static_cast<double>(first_tokens);
  if (span.gap_rows > 0) add_gaps(span, begin, end, steady_itl_);
}

void MetricsCollector::on_gap(Duration gap, std::int64_t rows) {
  itl_.add(gap, rows);
  if (opened_ != TimePoint::max() && closed_ == TimePoint::max()) steady_itl_.add(gap, rows);
}

RunMeasures MetricsCollector::take(const SimulationOutcome& outcome) {
  RunMeasures run;
  run.engine = sum_of(outcome.replicas);
  run.replicas = static_cast<int>(outcome.replicas.size());
  run.pools = by_pool(outcome);
  run.fleet = outcome.fleet;
  run.clients = outcome.clients;
  run.routers = outcome.routers;
  run.stale_admission_signals = outcome.stale_admission_signals;
  run.end = outcome.end;
  run.interrupted = outcome.interrupted;
  for (std::size_t i = 0; i < cells_.size(); i += 2) {
    run.steady.merge(cells_[i + 1]);
    Measures whole = std::move(cells_[i]);
    whole.merge(cells_[i + 1]);
    run.all.merge(whole);
    if (config_.classes.empty()) continue;
    run.classes.push_back({config_.classes[i / 2], std::move(whole)});
    run.steady_classes.push_back(std::move(cells_[i + 1]));
  }
  for (std::size_t i = 0; i < adapters_.size(); ++i)
    run.adapters.push_back({i + 1 < adapters_.size() ? fmt::format("adapter_{}", i) : "base", std::move(adapters_[i])});
  run.answers = std::move(answers_);
  run.answers_completed = answers_completed_;
  if (opened_ != TimePoint::max()) {
    const TimePoint end = closed_ != TimePoint::max() ? closed_ : outcome.end;
    in_window_.seconds = to_seconds(end - opened_);
    if (end > opened_) run.window = in_window_;
  } else if (run.steady.offered() > 1 && run.steady.last_arrival - run.steady.first_arrival >= kShortestWindow) {
    run.window = rates_.between(run.steady.first_arrival, run.steady.last_arrival);
  }
  run.itl = std::move(itl_);
  run.steady_itl = std::move(steady_itl_);
  run.ttft_parts = ttft_parts_.sums();
  run.e2e_parts = e2e_parts_.sums();
  run.max_output_tokens_per_s = rates_.busiest_second();
  run.max_concurrent_requests = outcome.peak_in_system;
  return run;
}

}  // namespace foretoken
