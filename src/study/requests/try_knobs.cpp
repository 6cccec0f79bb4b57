// Paired runs: the same seeds and requests with and without a change. Short ones, since only the difference counts.
#include "study/requests/try_knobs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/figures.hpp"
#include "experiment/explain/what_fits.hpp"
#include "experiment/parallel.hpp"
#include "experiment/replication.hpp"
#include "experiment/run/request_limits.hpp"
#include "foretoken/base/intervals.hpp"
#include "study/requests/bottleneck_sentence.hpp"
#include "study/requests/knob_changes.hpp"

namespace foretoken {
namespace {

constexpr int kPairs = 4;                         // replications of each
constexpr std::int64_t kRequestsOfAPair = 2'000;  // at most, but for far percentiles
constexpr double kBeyondAPercentile = 20;         // requests that lie beyond the one asked for
constexpr double kWorthNaming = 0.05;             // of the latency
constexpr double kPairConfidence = 0.95;

class KnobTrials {
 public:
  KnobTrials(RequestExplanation& e, const Question& question, const RunOptions& options)
      : e_(e), question_(question), options_(options) {
    const bool one_run = std::holds_alternative<TraceConfig>(e.scenario.workload.arrivals) ||
                         e.selector.kind == RequestSelector::Kind::id;
    pairs_ = one_run ? 1 : kPairs;
  }

  Diagnostics run() {
    if (Diagnostics problems = simulate({e_.scenario}, base_); problems.has_errors()) return problems;
    if (Diagnostics problems = try_all(setting_changes(e_, question_.options.catalog_dir)); problems.has_errors())
      return problems;
    const std::size_t settings = e_.tried.size();
    const KnobTrial* best = best_of(0, settings);
    if (best == nullptr) {
      if (Diagnostics problems = try_all(larger_changes(e_, question_.options.catalog_dir)); problems.has_errors())
        return problems;
      best = best_of(settings, e_.tried.size());
    }
    if (options_.stop != nullptr && options_.stop->load()) {
      e_.interrupted = true;
      return {};
    }
    say(best, settings);
    return {};
  }

 private:
  // Only the requests that the comparison needs.
  [[nodiscard]] Scenario shortened(const Scenario& s) const {
    Scenario brief = s;
    if (s.cluster.fleet.on) return brief;  // a short run ends before anything has scaled
    const double q = e_.selector.high;
    std::int64_t most = kRequestsOfAPair;
    if (e_.selector.kind == RequestSelector::Kind::percentile && q < 1)
      most = std::max(most, static_cast<std::int64_t>(kBeyondAPercentile / (1 - q)));
    if (e_.selector.kind == RequestSelector::Kind::id) most = std::max(most, e_.selector.id + 1);
    if (brief.workload.num_prompts && pairs_ > 1)
      brief.workload.num_prompts = std::min(*brief.workload.num_prompts, most);
    return brief;
  }

  // Of each scenario all its replications.
  Diagnostics simulate(const std::vector<Scenario>& scenarios, std::vector<double>& figures) {
    const auto pairs = static_cast<std::size_t>(pairs_);
    figures.assign(scenarios.size() * pairs, std::nan(""));
    std::vector<Diagnostics> problems(figures.size());
    parallel_for(figures.size(), options_.threads, [&](std::size_t i) {
      if (options_.stop != nullptr && options_.stop->load()) return;
      Result<double> figure = figure_of(shortened(scenarios[i / pairs]), static_cast<int>(i % pairs));
      if (figure)
        figures[i] = *figure;
      else
        problems[i] = figure.error();
    });
    for (Diagnostics& p : problems) {
      if (p.has_errors()) return std::move(p);
    }
    return {};
  }

  // In ms; NaN when no request was selected.
  [[nodiscard]] Result<double> figure_of(const Scenario& s, int replication) const {
    using Kind = RequestSelector::Kind;
    std::vector<double> values;
    std::optional<double> asked;
    ReplicationOptions options;
    options.stop = options_.stop;
    options.cost_models = options_.cost_models;
    options.on_request = [&](const RequestRecord& r) {
      const auto value = latency_of(r, e_.metric, s.tpot);
      if (!value) return;
      values.push_back(static_cast<double>(*value) * 1e-6);
      if (e_.selector.kind == Kind::id && r.request.index == e_.selector.id) asked = values.back();
    };
    const Result<ReplicationResult> run = simulate_replication(s, replication, options);
    if (!run) return run.error();
    if (e_.selector.kind == Kind::id) return asked.value_or(std::nan(""));
    if (values.empty() || run->outcome.interrupted) return std::nan("");
    std::sort(values.begin(), values.end());
    if (e_.selector.kind == Kind::percentile) return values[nearest_rank(e_.selector.high, values.size()) - 1];
    // As large a share of the slowest as missed their limits, or the band.
    const bool band = e_.selector.kind == Kind::band;
    const double share =
        static_cast<double>(e_.selected.requests) / static_cast<double>(std::max<std::int64_t>(1, e_.finished));
    const double low = band ? e_.selector.low : 1 - share;
    const std::size_t begin = low > 0 ? nearest_rank(low, values.size()) - (band ? 0 : 1) : 0;
    const std::size_t end = band ? nearest_rank(e_.selector.high, values.size()) : values.size();
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += values[i];
    return end > begin ? sum / static_cast<double>(end - begin) : std::nan("");
  }

  // One that is no scenario here, that does not fit or that this engine does not know is not tried.
  [[nodiscard]] std::optional<Scenario> changed(const KnobChange& change) const {
    Diagnostics warnings;
    Result<Scenario> s = question_.with(change.set).scenario(&warnings);
    if (!s) return std::nullopt;
    const std::string idle = fmt::format("'{}' has no effect", change.knob());
    if (std::any_of(warnings.items().begin(), warnings.items().end(),
                    [&](const Diagnostic& d) { return d.message.find(idle) != std::string::npos; }))
      return std::nullopt;
    return fit_of(*s).feasible ? std::optional<Scenario>(std::move(*s)) : std::nullopt;
  }

  Diagnostics try_all(const std::vector<KnobChange>& changes) {
    std::vector<Scenario> scenarios;
    std::vector<const KnobChange*> tried;
    for (const KnobChange& change : changes) {
      std::optional<Scenario> s = changed(change);
      if (!s) continue;
      scenarios.push_back(std::move(*s));
      tried.push_back(&change);
    }
    std::vector<double> figures;
    if (Diagnostics problems = simulate(scenarios, figures); problems.has_errors()) return problems;
    const auto pairs = static_cast<std::size_t>(pairs_);
    for (std::size_t i = 0; i < tried.size(); ++i) add_trial(*tried[i], std::span(figures).subspan(i * pairs, pairs));
    return {};
  }

  void add_trial(const KnobChange& change, std::span<const double> after) {
    KnobTrial trial;
    trial.change = change.change;
    trial.set = change.set;
    for (std::size_t i = 0; i < after.size(); ++i) {
      trial.before_ms += base_[i] / static_cast<double>(after.size());
      trial.after_ms += after[i] / static_cast<double>(after.size());
    }
    const PairedDifference paired = paired_difference(base_, after, kPairConfidence);
    trial.gain = trial.before_ms > 0 ? 1 - trial.after_ms / trial.before_ms : std::nan("");
    // One run of a trace or of one request has no interval, and no luck of the draw either.
    const bool sure = pairs_ == 1 || paired.difference.high < 0;
    trial.helps = sure && trial.gain >= kWorthNaming;
    e_.tried.push_back(std::move(trial));
  }

  [[nodiscard]] const KnobTrial* best_of(std::size_t begin, std::size_t end) const {
    const KnobTrial* best = nullptr;
    for (std::size_t i = begin; i < end; ++i) {
      const KnobTrial& t = e_.tried[i];
      if (t.helps && (best == nullptr || t.gain > best->gain)) best = &t;
    }
    return best;
  }

  [[nodiscard]] std::string words(const KnobTrial& t) const {
    return fmt::format("{} takes {} {} from {} to {} ms ({:+.0f} %)", t.change, e_.selector.text, in_words(e_.metric),
                       plain_figure(t.before_ms), plain_figure(t.after_ms), -100 * t.gain);
  }

  void say(const KnobTrial* best, std::size_t settings) {
    std::string list;
    for (std::size_t i = 0; i < settings; ++i) list += (i == 0 ? "" : ", ") + e_.tried[i].change;
    const std::string in_vain =
        settings == 0 ? "no setting of the engine acts on it" : "no setting helps (tried " + list + ")";
    if (best != nullptr) {
      e_.knob = best->set.front().substr(0, best->set.front().find('='));
      const bool is_setting = best < e_.tried.data() + settings;
      e_.advice =
          is_setting ? fmt::format("{}: {}", e_.knob, words(*best)) : fmt::format("{}; {}", in_vain, words(*best));
      e_.advice += fmt::format(", in {} paired run{}", pairs_, pairs_ == 1 ? "" : "s");
      return;
    }
    e_.advice = in_vain + ", nor do more or other GPUs or less load";
  }

  RequestExplanation& e_;
  const Question& question_;
  const RunOptions& options_;
  int pairs_ = 1;
  std::vector<double> base_;
};

}  // namespace

std::optional<std::int64_t> latency_of(const RequestRecord& r, RequestMetric metric, TpotConvention convention) {
  if (r.outcome != Outcome::finished) return std::nullopt;
  switch (metric) {
    case RequestMetric::ttft:
      return (r.first_token - r.request.arrival).count();
    case RequestMetric::e2el:
      return (r.finish - r.request.arrival).count();
    case RequestMetric::tpot:
      break;
  }
  return tpot_of(r, convention);
}

std::size_t nearest_rank(double q, std::size_t count) {
  const auto n = static_cast<double>(count);
  return std::clamp<std::size_t>(static_cast<std::size_t>(std::ceil(q * n - 1e-9)), 1, count);
}

Diagnostics try_knobs(RequestExplanation& e, const Question& question, const RunOptions& options) {
  return KnobTrials(e, question, options).run();
}

}  // namespace foretoken
