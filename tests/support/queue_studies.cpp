// Studies side by side on all cores, each with one thread.
#include "support/queue_studies.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <ostream>
#include <stdexcept>

#include "experiment/parallel.hpp"
#include "foretoken/experiment/verdict.hpp"

namespace foretoken::test {
namespace {

struct Figure {
  const char* metric;
  double truth_ms;
};

// Those at which somebody waits, and longer than what a step rounds.
std::vector<Figure> figures_of(const QueueWithAnswer& q) {
  std::vector<Figure> figures;
  const auto add = [&](const char* metric, double seconds) {
    if (seconds > 0.02 * q.mean_service && seconds > 20 * q.rounding) figures.push_back({metric, 1e3 * seconds});
  };
  add("mean_queue_time", q.mean_wait);
  add("p95_queue_time", q.p95_wait);
  add("p99_queue_time", q.p99_wait);
  return figures;
}

Scenario with_seed(const QueueWithAnswer& q, std::uint64_t seed) {
  Scenario s = q.scenario;
  s.seed = seed;
  s.workload.num_prompts = kNumPrompts[seed % kNumPrompts.size()];
  return s;
}

std::vector<Verdict> verdicts_of(std::vector<Scenario> scenarios, const std::vector<std::string>& also) {
  std::vector<std::optional<Verdict>> verdicts(scenarios.size());
  parallel_for(scenarios.size(), 0, [&](std::size_t i) {
    RunOptions options;
    options.threads = 1;
    Result<Verdict> verdict = reach_verdict(scenarios[i], options, also);
    if (!verdict) throw std::runtime_error(format(verdict.error()));
    verdicts[i] = std::move(*verdict);
  });
  std::vector<Verdict> all;
  for (auto& v : verdicts) all.push_back(std::move(*v));
  return all;
}

void count(Coverage& row, const Verdict& verdict, const Interval& interval) {
  ++row.studies;
  row.requests += static_cast<double>(verdict.requests + verdict.pilot_requests);
  if (!verdict.steady.settled) {
    ++row.unsettled;
    return;
  }
  row.holds += interval.low <= row.truth_ms && row.truth_ms <= interval.high ? 1 : 0;
  row.below += interval.high < row.truth_ms ? 1 : 0;
  row.bias += interval.value / row.truth_ms - 1;
  row.width += interval.half_width() / row.truth_ms;
}

}  // namespace

std::vector<Coverage> coverage_of(QueueKind kind, double load, int seeds, std::uint64_t first_seed) {
  const QueueWithAnswer queue = make_queue(kind, load);
  std::vector<Scenario> scenarios;
  for (int i = 0; i < seeds; ++i) scenarios.push_back(with_seed(queue, first_seed + static_cast<std::uint64_t>(i)));
  std::vector<Coverage> rows;
  std::vector<std::string> metrics;
  for (const Figure& f : figures_of(queue)) {
    rows.push_back({queue.name, f.metric, load, f.truth_ms});
    metrics.push_back(std::string(f.metric) + "_ms");
  }
  for (const Verdict& v : verdicts_of(std::move(scenarios), metrics)) {
    for (std::size_t m = 0; m < rows.size(); ++m) count(rows[m], v, v.also[m]);
  }
  for (Coverage& row : rows) {
    row.requests /= row.studies;
    row.bias /= row.decided();
    row.width /= row.decided();
  }
  return rows;
}

void print_table(std::ostream& out, const std::vector<Coverage>& rows) {
  fmt::print(out, "{:<8} {:>5} {:<19} {:>9} {:>8} {:>9} {:>6} {:>7} {:>6} {:>9} {:>10}\n", "queue", "load", "metric",
             "truth ms", "studies", "unsettled", "holds", "below", "bias", "+- width", "requests");
  for (const Coverage& r : rows)
    fmt::print(out, "{:<8} {:>5} {:<19} {:>9.2f} {:>8} {:>9} {:>5.1f}% {:>6.1f}% {:>5.1f}% {:>8.1f}% {:>10.0f}\n",
               r.queue, r.load, r.metric, r.truth_ms, r.studies, r.unsettled, 100 * r.share(),
               100.0 * r.below / r.decided(), 100 * r.bias, 100 * r.width, r.requests);
  out.flush();
}

std::vector<Judgements> judgements_of(QueueKind kind, double load, std::span<const double> distances, int seeds,
                                      std::uint64_t first_seed, std::int64_t max_requests) {
  const QueueWithAnswer queue = make_queue(kind, load);
  std::vector<Judgements> rows;
  std::vector<SloLine> lines;
  for (const Figure& f : figures_of(queue)) {
    for (const double distance : distances) {
      lines.push_back(*parse_slo_line(fmt::format("{} <= {:.9f} ms", f.metric, f.truth_ms * (1 + distance)), {}));
      rows.push_back({queue.name, f.metric, load, distance});
    }
  }
  std::vector<Scenario> scenarios;
  for (int i = 0; i < seeds; ++i) {
    scenarios.push_back(with_seed(queue, first_seed + static_cast<std::uint64_t>(i)));
    scenarios.back().slo = lines;
    scenarios.back().study.max_requests = max_requests;
  }
  for (const Verdict& v : verdicts_of(std::move(scenarios), {})) {
    for (std::size_t m = 0; m < rows.size(); ++m) {
      const Decision decision = v.objectives[m].decision;
      const Decision right = rows[m].distance > 0 ? Decision::meets : Decision::misses;
      ++rows[m].studies;
      rows[m].not_decided += decision == Decision::not_decided ? 1 : 0;
      rows[m].wrong += decision != Decision::not_decided && decision != right ? 1 : 0;
      rows[m].requests += static_cast<double>(v.requests + v.pilot_requests) / seeds;
    }
  }
  return rows;
}

void print_table(std::ostream& out, const std::vector<Judgements>& rows) {
  fmt::print(out, "{:<8} {:>5} {:<19} {:>6} {:>8} {:>6} {:>12} {:>10}\n", "queue", "load", "metric", "limit", "studies",
             "wrong", "not decided", "requests");
  for (const Judgements& r : rows)
    fmt::print(out, "{:<8} {:>5} {:<19} {:>+5.0f}% {:>8} {:>5.1f}% {:>11.1f}% {:>10.0f}\n", r.queue, r.load, r.metric,
               100 * r.distance, r.studies, 100.0 * r.wrong / r.studies, 100.0 * r.not_decided / r.studies, r.requests);
  out.flush();
}

}  // namespace foretoken::test
