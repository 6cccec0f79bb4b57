// Best first by cost: a tier of equal cost is bounded, tried briefly and confirmed before the next one is looked at.
#include "foretoken/study/recommend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "foretoken/study/check.hpp"
#include "study/latency_key.hpp"
#include "study/parallel.hpp"
#include "study/recommend/search.hpp"
#include "study/steady/short_runs.hpp"
#include "study/sampler.hpp"

namespace foretoken {
namespace {

// Candidates tried briefly before the best of them are confirmed. Part of the answer, so no function of threads.
constexpr std::size_t kWave = 32;

// The fewest requests of one verdict on this load: the first look's replications and the pilots.
std::int64_t requests_of_a_verdict(const Scenario& s) {
  const Result<WorkloadSummary> workload = workload_summary(s);
  if (!workload || !workload->requests) return 0;
  constexpr std::int64_t kLook = 5, kEndless = 20'000;
  if (has_steady_state(s.workload)) return kEndless;
  return std::max<std::int64_t>(kLook, s.replications) * *workload->requests;
}

class Search {
 public:
  Search(const RecommendQuestion& question, const RecommendOptions& options, RecommendResult& result)
      : options_(options), result_(result), source_(question, result.domain), screened_(point_count(result.domain)) {
    result_.fate_of.assign(screened_.size(), Fate::skipped);
    result_.effort.candidates = screened_.size();
  }

  [[nodiscard]] Diagnostics run(const std::string& origin) {
    screen_all();
    if (!stopped() &&
        std::all_of(screened_.begin(), screened_.end(), [](const Screened& s) { return s.fate == Fate::invalid; })) {
      Diagnostics problems;
      problems.error({origin, 0, 0},
                     "no candidate of the domain is a valid scenario; the first says: " + screened_.front().why);
      return problems;
    }
    for (const std::vector<std::size_t>& tier : tiers()) search(tier);
    result_.interrupted = stopped();
    conclude();
    return {};
  }

 private:
  [[nodiscard]] bool stopped() const { return options_.run.stop != nullptr && options_.run.stop->load(); }

  // All that are wanted are there, or enough has been tried beyond the winner.
  [[nodiscard]] bool is_enough() const {
    if (result_.ranked.empty()) return false;
    return result_.ranked.size() >= std::max<std::size_t>(1, options_.top) || tried_since_winner_ >= 2 * options_.top;
  }
  [[nodiscard]] double rank(std::size_t i) const { return screened_[i].cost.rank(result_.by_money); }

  void settle(std::size_t i, Fate fate, std::string why = {}) {
    screened_[i].fate = result_.fate_of[i] = fate;
    if (!why.empty()) screened_[i].why = std::move(why);
    ++settled_;
    if (options_.run.progress && fate != Fate::skipped)
      options_.run.progress({settled_, static_cast<std::int64_t>(screened_.size())});
  }

  void screen_all() {
    parallel_for(screened_.size(), options_.run.threads, [&](std::size_t i) {
      if (!stopped()) screened_[i] = source_.screen(i);
    });
    bool all_priced = true;
    for (std::size_t i = 0; i < screened_.size(); ++i) {
      const Screened& s = screened_[i];
      if (s.fate != Fate::skipped) {
        settle(i, s.fate);
        continue;
      }
      ++result_.effort.runnable;
      all_priced = all_priced && s.cost.usd_per_hour.has_value();
      result_.example_prices = result_.example_prices || s.cost.example_price;
    }
    result_.by_money = all_priced && result_.effort.runnable > 0;
    result_.example_prices = result_.example_prices && result_.by_money;
  }

  // Candidates of equal cost, the cheapest first; prices to a millionth.
  [[nodiscard]] std::vector<std::vector<std::size_t>> tiers() const {
    std::map<std::int64_t, std::vector<std::size_t>> by_cost;
    for (std::size_t i = 0; i < screened_.size(); ++i) {
      if (screened_[i].fate == Fate::skipped) by_cost[std::llround(rank(i) * 1e6)].push_back(i);
    }
    std::vector<std::vector<std::size_t>> tiers;
    for (auto& [cost, tier] : by_cost) tiers.push_back(std::move(tier));
    return tiers;
  }

  void search(const std::vector<std::size_t>& tier) {
    if (stopped()) return;
    if (is_enough()) {
      for (const std::size_t i : tier) settle(i, Fate::dearer);
      return;
    }
    std::vector<std::size_t> pending = bound(tier);
    while (!pending.empty() && !stopped()) {
      if (is_enough()) break;
      confirm(try_wave(pending));
    }
    if (stopped()) return;
    for (const std::size_t i : pending) leave(i);
  }

  // Those that no bound forbids, the one with the most room first.
  [[nodiscard]] std::vector<std::size_t> bound(const std::vector<std::size_t>& tier) {
    parallel_for(tier.size(), options_.run.threads, [&](std::size_t i) {
      if (!stopped()) source_.bound(tier[i], screened_[tier[i]]);
    });
    if (stopped()) return {};
    result_.effort.bounded += tier.size();
    std::vector<std::size_t> possible;
    for (const std::size_t i : tier) {
      if (screened_[i].fate == Fate::skipped)
        possible.push_back(i);
      else
        settle(i, screened_[i].fate);
    }
    std::stable_sort(possible.begin(), possible.end(),
                     [&](std::size_t a, std::size_t b) { return screened_[a].room > screened_[b].room; });
    return possible;
  }

  // Takes a wave off the front, tries it, and returns what may meet, the most room first. Of candidates that may be one
  // run, one is tried and the others wait for its answer.
  [[nodiscard]] std::vector<Trial> try_wave(std::vector<std::size_t>& pending) {
    std::vector<std::size_t> wave, later;
    for (const std::size_t i : pending) {
      const std::string& key = screened_[i].twin_key;
      const auto has_key = [&](std::size_t j) { return !key.empty() && screened_[j].twin_key == key; };
      if (wave.size() >= kWave || std::any_of(wave.begin(), wave.end(), has_key))
        later.push_back(i);
      else if (!is_answered_by_twin(i))
        wave.push_back(i);
    }
    pending = std::move(later);
    std::vector<Trial> trials(wave.size());
    RunOptions alone = options_.run;
    alone.threads = 1;
    alone.progress = nullptr;
    alone.cost_models = &models_;
    parallel_for(wave.size(), options_.run.threads, [&](std::size_t i) { trials[i] = try_one(wave[i], alone); });
    if (stopped()) return {};
    std::vector<Trial> survivors;
    for (Trial& trial : trials) {
      if (trial.candidate.short_run) {
        ++result_.effort.short_runs;
        result_.effort.requests += trial.requests;
      }
      if (trial.candidate.fate == Fate::skipped) {
        survivors.push_back(std::move(trial));
        continue;
      }
      settle(trial.candidate.index, trial.candidate.fate, trial.candidate.why);
      keep(std::move(trial));
    }
    std::stable_sort(survivors.begin(), survivors.end(),
                     [](const Trial& a, const Trial& b) { return a.candidate.room > b.candidate.room; });
    return survivors;
  }

  [[nodiscard]] Trial try_one(std::size_t i, const RunOptions& alone) const {
    Trial trial;
    const Result<Scenario> scenario = source_.scenario(i);
    invariant(scenario.has_value(), "a candidate that was a scenario is none any more");
    Candidate candidate = source_.describe(i, *scenario);
    if (const std::optional<Scenario> brief = short_form(*scenario)) return try_briefly(*brief, candidate, alone);
    candidate.room = screened_[i].room;
    trial.candidate = std::move(candidate);
    return trial;
  }

  void confirm(std::vector<Trial> survivors) {
    RunOptions options = options_.run;
    options.progress = nullptr;
    options.cost_models = &models_;
    for (Trial& survivor : survivors) {
      if (stopped()) return;
      const std::size_t i = survivor.candidate.index;
      if (is_enough()) {
        leave(i);
        keep(std::move(survivor));
        continue;
      }
      const Result<Scenario> scenario = source_.scenario(i);
      invariant(scenario.has_value(), "a candidate that was a scenario is none any more");
      if (!result_.ranked.empty()) ++tried_since_winner_;
      Trial trial = try_fully(*scenario, source_.describe(i, *scenario), options);
      ++result_.effort.verdicts;
      result_.effort.requests += trial.requests;
      if (trial.candidate.fate == Fate::skipped) return;  // interrupted
      settle(i, trial.candidate.fate, trial.candidate.why);
      if (trial.candidate.fate == Fate::meets) result_.ranked.push_back(trial.candidate);
      keep(std::move(trial));
    }
  }

  // Not simulated to the end because enough others meet.
  void leave(std::size_t i) { settle(i, rank(i) > cheapest() ? Fate::dearer : Fate::no_better); }
  [[nodiscard]] double cheapest() const {
    double least = INFINITY;
    for (const Candidate& c : result_.ranked) least = std::min(least, c.cost.rank(result_.by_money));
    return least;
  }

  // The answer of a run that is the same to the last bit.
  [[nodiscard]] bool is_answered_by_twin(std::size_t i) {
    for (Trial& trial : trials_) {
      const Fate fate = trial.candidate.fate;
      if (trial.twin_key.empty() || trial.twin_key != screened_[i].twin_key || fate == Fate::skipped) continue;
      const Result<Scenario> scenario = source_.scenario(i);
      if (!scenario || !is_same_run(trial, screened_[i], *scenario)) continue;
      trial.candidate.same.push_back(i);
      for (Candidate& c : result_.ranked) {
        if (c.index == trial.candidate.index) c.same.push_back(i);
      }
      ++result_.effort.same;
      settle(i, fate, trial.candidate.why);
      return true;
    }
    return false;
  }

  void keep(Trial trial) { trials_.push_back(std::move(trial)); }

  void conclude() {
    const auto before = [&](const Candidate& a, const Candidate& b) {
      const double cost_a = a.cost.rank(result_.by_money), cost_b = b.cost.rank(result_.by_money);
      if (cost_a != cost_b) return cost_a < cost_b;
      return a.room != b.room ? a.room > b.room : a.index < b.index;
    };
    std::sort(result_.ranked.begin(), result_.ranked.end(), before);
    std::vector<Candidate> simulated;
    for (Trial& trial : trials_) {
      Candidate& c = trial.candidate;
      c.fate = result_.fate_of[c.index];
      if (!c.objectives.empty()) simulated.push_back(c);
      const bool cheaper = result_.ranked.empty() || c.cost.rank(result_.by_money) < cheapest();
      if (c.fate == Fate::not_decided && cheaper) result_.undecided.push_back(c);
    }
    std::sort(result_.undecided.begin(), result_.undecided.end(), before);
    result_.overall = !result_.ranked.empty()                             ? Decision::meets
                      : result_.undecided.empty() && !result_.interrupted ? Decision::misses
                                                                          : Decision::not_decided;
    if (result_.ranked.empty()) find_closest(simulated);
    if (!result_.ranked.empty()) {
      if (const Result<Scenario> winner = source_.scenario(result_.ranked.front().index)) result_.winner = *winner;
    }
    make_fronts(std::move(simulated));
    count_fates();
  }

  void find_closest(const std::vector<Candidate>& simulated) {
    for (const Candidate& c : simulated) {
      if (!result_.closest || c.room > result_.closest->room) result_.closest = c;
    }
    if (result_.closest) return;
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < screened_.size(); ++i) {
      if (screened_[i].fate != Fate::impossible) continue;
      if (!best || screened_[i].room > screened_[*best].room) best = i;
    }
    if (!best) return;
    const Result<Scenario> scenario = source_.scenario(*best);
    if (!scenario) return;
    result_.closest = source_.describe(*best, *scenario);
    result_.closest->fate = Fate::impossible;
    result_.closest->why = screened_[*best].why;
    result_.closest->room = screened_[*best].room;
  }

  void make_fronts(std::vector<Candidate> simulated) {
    const Candidate* first = !result_.ranked.empty() ? &result_.ranked.front()
                             : result_.closest       ? &*result_.closest
                                                     : nullptr;
    if (first != nullptr) {
      double least = INFINITY;
      for (std::size_t i = 0; i < first->objectives.size(); ++i) {
        if (!(first->objectives[i].margin < least)) continue;
        least = first->objectives[i].margin;
        result_.front_objective = i;
      }
    }
    const bool smaller = is_upper_limit(result_.base.slo[result_.front_objective].comparison);
    result_.cost_front = cost_front(simulated, result_.front_objective, smaller, result_.by_money);
    result_.throughput_front = throughput_front(std::move(simulated));
  }

  void count_fates() {
    std::map<std::pair<Fate, std::string>, FateCount> counts;
    const double winner = cheapest();
    for (std::size_t i = 0; i < screened_.size(); ++i) {
      const Screened& s = screened_[i];
      const Fate fate = result_.fate_of[i];
      const bool by_objective =
          fate == Fate::impossible || fate == Fate::far_off || fate == Fate::misses || fate == Fate::not_decided;
      const std::string reason = fate == Fate::invalid ? s.why : by_objective ? s.why.substr(0, s.why.find(": ")) : "";
      FateCount& c = counts.try_emplace({fate, reason}, FateCount{fate, reason, 0, 0, i, s.why}).first->second;
      ++c.count;
      if (fate != Fate::invalid && rank(i) < winner) ++c.cheaper;
    }
    for (auto& [key, count] : counts) result_.fates.push_back(std::move(count));
    std::stable_sort(result_.fates.begin(), result_.fates.end(), [](const FateCount& a, const FateCount& b) {
      return a.fate != b.fate ? a.fate < b.fate : a.count > b.count;
    });
  }

  const RecommendOptions& options_;
  RecommendResult& result_;
  CandidateSource source_;
  std::vector<Screened> screened_;
  std::vector<Trial> trials_;
  CostModelPool models_;
  std::int64_t settled_ = 0;
  std::size_t tried_since_winner_ = 0;
};

}  // namespace

std::string_view to_string(Fate fate) {
  constexpr std::string_view kWords[kFates] = {"not a scenario", "does not fit", "impossible", "misses by far",
                                               "misses",         "not decided",  "meets",      "no better",
                                               "dearer",         "not reached"};
  return kWords[static_cast<std::size_t>(fate)];
}

Result<RecommendResult> recommend(const RecommendQuestion& question, const RecommendOptions& options) {
  Diagnostics problems;
  if (question.base.slo.empty()) {
    problems.error({question.source.origin, 0, 0}, "there is nothing to meet: 'slo' is empty",
                   "write what is wanted, such as slo: [p99_ttft <= 500 ms]");
    return problems;
  }
  problems = contradictions(question.base);
  if (problems.has_errors()) return problems;
  RecommendResult result;
  result.base = question.base;
  result.usual_domain = question.base.recommend.empty();
  result.domain = recommend_domain(question.base, question.load.catalog_dir);
  result.effort.requests_of_a_verdict = requests_of_a_verdict(question.base);
  Search search(question, options, result);
  problems = search.run(question.source.origin);
  if (problems.has_errors()) return problems;
  return result;
}

}  // namespace foretoken
