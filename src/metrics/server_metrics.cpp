// Sums by interval, so that nothing depends on the order in which requests are reported.
#include "metrics/server_metrics.hpp"

#include <algorithm>

namespace foretoken {
namespace {

// Samples of all ranks together: some 400 values each.
constexpr std::size_t kMostSamples = std::size_t{1} << 14;

constexpr double kTtftBounds[] = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,  0.25,  0.5,   0.75,
                                  1.0,   2.5,   5.0,  7.5,  10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0};
constexpr double kTokenTimeBounds[] = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,  0.3,  0.4, 0.5,
                                       0.75, 1.0,   2.5,  5.0,   7.5, 10.0, 20.0, 40.0, 80.0};
constexpr double kRequestBounds[] = {0.3,  0.5,  0.8,  1.0,  1.5,   2.0,   2.5,   5.0,   10.0,   15.0,  20.0,
                                     30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0};
constexpr double kStepBounds[] = {1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};

// 1, 2, 5, 10 ... up to the longest context.
std::vector<double> one_two_five(std::int64_t most) {
  std::vector<double> bounds;
  for (std::int64_t decade = 1; decade <= most; decade *= 10) {
    for (const std::int64_t m : {1, 2, 5}) {
      if (m * decade <= most) bounds.push_back(static_cast<double>(m * decade));
    }
  }
  return bounds;
}

}  // namespace

ServerMetrics::ServerMetrics(const ServerMetricsConfig& config)
    : config_(config), token_bounds_(one_two_five(config.max_model_len)) {
  width_ = kServerCounters;
  for (int h = 0; h < kServerHistograms; ++h) {
    offsets_.push_back(width_);
    width_ += bounds(static_cast<ServerHistogram>(h)).size() + 2;
  }
  samples_.resize(static_cast<std::size_t>(config.ranks));
}

std::span<const double> ServerMetrics::bounds(ServerHistogram histogram) const {
  switch (histogram) {
    case ServerHistogram::ttft:
      return kTtftBounds;
    case ServerHistogram::inter_token:
    case ServerHistogram::tpot:
      return kTokenTimeBounds;
    case ServerHistogram::e2e:
    case ServerHistogram::queue:
    case ServerHistogram::inference:
    case ServerHistogram::prefill:
    case ServerHistogram::decode:
      return kRequestBounds;
    case ServerHistogram::prompt_tokens:
    case ServerHistogram::generation_tokens:
    case ServerHistogram::max_generation_tokens:
    case ServerHistogram::prefill_computed:
      return token_bounds_;
    case ServerHistogram::step_tokens:
      break;
  }
  return kStepBounds;
}

ServerMetrics::Sample& ServerMetrics::sample(int rank, TimePoint at) {
  const auto index_of = [&] { return static_cast<std::size_t>(at.time_since_epoch() / config_.interval); };
  std::size_t index = index_of();
  while ((index + 1) * samples_.size() > kMostSamples && index > 0) {
    double_interval();
    index = index_of();
  }
  intervals_ = std::max(intervals_, index + 1);
  if (static_cast<std::size_t>(rank) >= samples_.size()) samples_.resize(static_cast<std::size_t>(rank) + 1);
  std::vector<Sample>& of_rank = samples_[static_cast<std::size_t>(rank)];
  if (index >= of_rank.size()) of_rank.resize(index + 1);
  Sample& found = of_rank[index];
  if (found.values.empty()) found.values.resize(width_, 0.0);
  return found;
}

void ServerMetrics::double_interval() {
  for (std::vector<Sample>& of_rank : samples_) {
    const std::size_t half = (of_rank.size() + 1) / 2;
    for (std::size_t i = 0; i < half; ++i) {
      Sample pair = std::move(of_rank[2 * i]);
      if (2 * i + 1 < of_rank.size()) {
        Sample& later = of_rank[2 * i + 1];
        if (pair.values.empty())
          pair.values = std::move(later.values);
        else
          for (std::size_t v = 0; v < later.values.size(); ++v) pair.values[v] += later.values[v];
        if (later.seen) pair.last = later.last, pair.seen = true;
      }
      of_rank[i] = std::move(pair);
    }
    of_rank.resize(half);
  }
  intervals_ = (intervals_ + 1) / 2;
  config_.interval *= 2;
}

void ServerMetrics::add(Sample& to, ServerCounter counter, double amount) const {
  to.values[static_cast<std::size_t>(counter)] += amount;
}

void ServerMetrics::observe(Sample& to, ServerHistogram histogram, double value, double times) const {
  const std::span<const double> edges = bounds(histogram);
  const auto cell = static_cast<std::size_t>(std::lower_bound(edges.begin(), edges.end(), value) - edges.begin());
  const std::size_t at = offsets_[static_cast<std::size_t>(histogram)];
  to.values[at + cell] += times;
  to.values[at + edges.size() + 1] += value * times;
}

void ServerMetrics::on_steps(const StepSpan& span) {
  double prefill = 0, first_tokens = 0;
  for (const PrefillChunk& chunk : span.prefill) {
    prefill += static_cast<double>(chunk.new_tokens);
    first_tokens += chunk.samples ? 1 : 0;
  }
  const double emitted = static_cast<double>(span.decode_rate().tokens() + span.accepted) + first_tokens -
                         static_cast<double>(span.dropped);
  TimePoint begin = span.begin;
  for (std::int64_t i = 0; i < span.steps; ++i) {
    const bool last = i + 1 == span.steps || span.run == nullptr;
    const TimePoint end = last ? span.end : span.begin + ceil_to_nanoseconds(span.run->elapsed(i + 1));
    Sample& at = sample(span.replica, end);
    add(at, ServerCounter::generation_tokens, emitted);
    observe(at, ServerHistogram::step_tokens, (i == 0 ? prefill : 0) + emitted);
    if (const std::int64_t gaps = span.gap_rows - (i == 0 ? span.joining : 0); gaps > 0)
      observe(at, ServerHistogram::inter_token, to_seconds(end - begin), static_cast<double>(gaps));
    at.last = {span.running, span.waiting, span.kv_blocks_used};
    at.seen = true;
    begin = end;
  }
  last_rank_ = span.replica;
  last_time_ = span.end;
}

void ServerMetrics::on_gap(Duration gap, std::int64_t rows) {
  observe(sample(last_rank_, last_time_), ServerHistogram::inter_token, to_seconds(gap), static_cast<double>(rows));
}

void ServerMetrics::on_lifecycle(const LifecycleEvent& event) {
  if (event.edge == LifecycleEdge::preempted) add(sample(event.replica, event.at), ServerCounter::preemptions, 1);
}

void ServerMetrics::on_request(const RequestRecord& r) {
  if (r.outcome == Outcome::unfinished) return;
  if (r.outcome != Outcome::finished) {
    add(sample(r.replica, r.finish), ServerCounter::aborted, 1);
    return;
  }
  using H = ServerHistogram;
  const auto prompt = static_cast<double>(r.request.prompt_tokens);
  const auto output = static_cast<double>(r.request.output_tokens);
  if (config_.prefix_caching) {
    Sample& at = sample(r.replica, r.scheduled);
    add(at, ServerCounter::prefix_cache_queries, prompt);
    add(at, ServerCounter::prefix_cache_hits, static_cast<double>(r.cached_tokens));
  }
  Sample& first = sample(r.replica, r.first_token);
  add(first, ServerCounter::prompt_tokens, prompt);
  observe(first, H::ttft, to_seconds(r.first_token - r.request.arrival));
  Sample& end = sample(r.replica, r.finish);
  add(end, ServerCounter::finished, 1);
  observe(end, H::e2e, to_seconds(r.finish - r.request.arrival));
  observe(end, H::queue, to_seconds(r.scheduled - r.request.arrival));
  observe(end, H::inference, to_seconds(r.finish - r.scheduled));
  observe(end, H::prefill, to_seconds(r.first_token - r.scheduled));
  observe(end, H::decode, to_seconds(r.finish - r.first_token));
  // vLLM: decode time over the tokens after the first; 0 of a single token.
  observe(end, H::tpot, output > 1 ? to_seconds(r.finish - r.first_token) / (output - 1) : 0.0);
  observe(end, H::prompt_tokens, prompt);
  observe(end, H::generation_tokens, output);
  observe(end, H::max_generation_tokens, output);
  observe(end, H::prefill_computed, prompt - static_cast<double>(r.cached_tokens));
}

const ServerMetrics::Sample* ServerMetrics::find(int rank, std::size_t interval) const {
  const std::vector<Sample>& of_rank = samples_[static_cast<std::size_t>(rank)];
  return interval < of_rank.size() && !of_rank[interval].values.empty() ? &of_rank[interval] : nullptr;
}

double ServerMetrics::count(int rank, std::size_t interval, ServerCounter counter) const {
  const Sample* found = find(rank, interval);
  return found == nullptr ? 0.0 : found->values[static_cast<std::size_t>(counter)];
}

std::span<const double> ServerMetrics::cells(int rank, std::size_t interval, ServerHistogram histogram) const {
  const Sample* found = find(rank, interval);
  if (found == nullptr) return {};
  return std::span<const double>(found->values)
      .subspan(offsets_[static_cast<std::size_t>(histogram)], bounds(histogram).size() + 1);
}

double ServerMetrics::sum(int rank, std::size_t interval, ServerHistogram histogram) const {
  const Sample* found = find(rank, interval);
  return found == nullptr ? 0.0
                          : found->values[offsets_[static_cast<std::size_t>(histogram)] + bounds(histogram).size() + 1];
}

ServerMetrics::Gauges ServerMetrics::gauges(int rank, std::size_t interval) const {
  const std::vector<Sample>& of_rank = samples_[static_cast<std::size_t>(rank)];
  for (std::size_t i = std::min(interval + 1, of_rank.size()); i-- > 0;) {
    if (of_rank[i].seen) return of_rank[i].last;
  }
  return {};
}

}  // namespace foretoken
