// Best first by cost: a tier of equal cost is bounded, tried briefly and confirmed before the next one is looked at.
#include "foretoken/study/recommend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "experiment/latency_key.hpp"
#include "experiment/parallel.hpp"
#include "experiment/steady/sampler.hpp"
#include "experiment/steady/short_runs.hpp"
#include "foretoken/study/check.hpp"
#include "study/recommend/kinds.hpp"
#include "study/recommend/search.hpp"

namespace foretoken {
namespace {

// Candidates tried briefly before the best of them are confirmed. Part of the answer, so no function of threads.
constexpr std::size_t kWave = 32;

// The fewest requests of one verdict on this load: the first look's replications and the pilots.
std::int64_t requests_of_a_verdict(const Scenario& s) {
  const Result<WorkloadSummary> workload = workload_summary(s);
  if (!workload || !workload->requests) return 0;
  constexpr std::int64_t kLook = 5, kEndless = 20'000;
  if (has_steady_state(s)) return kEndless;
  return std::max<std::int64_t>(kLook, s.replications) * *workload->requests;
}

class Search {
 public:
  Search(const RecommendQuestion& question, const RecommendOptions& options, RecommendResult& result)
      : options_(options),
        result_(result),
        source_(question, result.domain, models_),
        widens_(replicas_may_widen(question)),
        concurrency_(question.base.workload.max_concurrency),
        screened_(point_count(result.domain)) {
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
    do {
      for (const std::vector<std::size_t>& tier : tiers(true)) search(tier);
    } while (widens_ && widen());
    for (const std::vector<std::size_t>& tier : tiers(false)) look_for_kinds_among(tier);
    result_.interrupted = stopped();
    conclude();
    return {};
  }

 private:
  [[nodiscard]] bool stopped() const { return options_.run.stop != nullptr && options_.run.stop->load(); }

  // As many as are wanted cost no more than this, or enough has been tried beyond the winner.
  [[nodiscard]] bool is_enough(double cost) const {
    const auto as_cheap =
        static_cast<std::size_t>(std::count_if(result_.ranked.begin(), result_.ranked.end(), [&](const Candidate& c) {
          return c.cost.rank(result_.by_money) <= cost;
        }));
    if (as_cheap == 0) return false;
    return as_cheap >= std::max<std::size_t>(1, options_.top) || tried_since_winner_ >= 2 * options_.top;
  }
  [[nodiscard]] double rank(std::size_t i) const { return screened_[i].cost.rank(result_.by_money); }
  [[nodiscard]] bool competes(std::size_t i) const { return !own_prices_ || screened_[i].own_price; }

  void settle(std::size_t i, Fate fate, std::string why = {}) {
    screened_[i].fate = result_.fate_of[i] = fate;
    if (!why.empty()) screened_[i].why = std::move(why);
    ++settled_;
    if (options_.run.progress && fate != Fate::skipped)
      options_.run.progress({settled_, static_cast<std::int64_t>(screened_.size())});
  }

  void screen_all() {
    std::vector<std::size_t> all(screened_.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    screen(all);
    own_prices_ = std::any_of(screened_.begin(), screened_.end(), [](const Screened& s) { return s.own_price; });
    bool all_priced = true;
    for (std::size_t i = 0; i < screened_.size(); ++i) {
      const Screened& s = screened_[i];
      if (s.fate != Fate::invalid) kinds_.add(s.gpu, competes(i));
      if (s.fate != Fate::skipped || !competes(i)) continue;
      all_priced = all_priced && s.cost.usd_per_hour.has_value();
      result_.example_prices = result_.example_prices || s.cost.example_price;
    }
    result_.by_money = all_priced && (own_prices_ || result_.effort.runnable > 0);
    result_.example_prices = result_.example_prices && result_.by_money;
  }

  void screen(const std::vector<std::size_t>& candidates) {
    parallel_for(candidates.size(), options_.run.threads, [&](std::size_t i) {
      if (!stopped()) screened_[candidates[i]] = source_.screen(candidates[i]);
    });
    for (const std::size_t i : candidates) {
      if (screened_[i].fate == Fate::skipped)
        ++result_.effort.runnable;
      else
        settle(i, screened_[i].fate);
    }
  }

  // Candidates of equal cost, the cheapest first; prices to a millionth. Those that do not compete by their GPUs.
  [[nodiscard]] std::vector<std::vector<std::size_t>> tiers(bool competing) const {
    std::map<std::int64_t, std::vector<std::size_t>> by_cost;
    for (std::size_t i = 0; i < screened_.size(); ++i) {
      if (screened_[i].fate != Fate::skipped || competes(i) != competing) continue;
      by_cost[std::llround((competing ? rank(i) : screened_[i].cost.gpus) * 1e6)].push_back(i);
    }
    std::vector<std::vector<std::size_t>> tiers;
    for (auto& [cost, tier] : by_cost) tiers.push_back(std::move(tier));
    return tiers;
  }

  void search(std::vector<std::size_t> tier) {
    if (stopped()) return;
    const double cost = rank(tier.front());
    if (is_enough(cost)) return look_for_kinds_among(std::move(tier));
    std::vector<std::size_t> pending = bound(tier);
    while (!pending.empty() && !stopped()) {
      if (is_enough(cost)) break;
      confirm(try_wave(pending), cost);
    }
    look_for_kinds(std::move(pending));
  }

  void leave_unwanted(std::vector<std::size_t>& candidates) {
    std::erase_if(candidates, [&](std::size_t i) {
      const bool wanted = kinds_.wants(screened_[i].gpu);
      if (!wanted) leave(i);
      return !wanted;
    });
  }

  // The cheapest of each kind of GPU beside the ranking: a few tries for each.
  void look_for_kinds_among(std::vector<std::size_t> tier) {
    if (stopped()) return;
    leave_unwanted(tier);
    look_for_kinds(bound(tier));
  }
  void look_for_kinds(std::vector<std::size_t> pending) {
    while (!stopped()) {
      leave_unwanted(pending);
      if (pending.empty()) return;
      for (Trial& survivor : try_wave(pending)) {
        if (stopped()) return;
        const std::size_t i = survivor.candidate.index;
        if (kinds_.wants(screened_[i].gpu)) {
          kinds_.count_verdict(screened_[i].gpu);
          judge_fully(i);
        } else {
          leave(i);
          keep(std::move(survivor));
        }
      }
    }
  }

  // Twice the replicas, as long as something may yet meet, or be cheaper than what does. False: no more.
  [[nodiscard]] bool widen() {
    if (stopped()) return false;
    double room = -INFINITY;
    for (const Trial& t : trials_) room = std::max(room, t.candidate.room);
    const WideningSoFar so_far{result_.by_money, own_prices_, cheapest(), room - room_before_, concurrency_};
    room_before_ = room;
    result_.widening = why_no_wider(screened_, so_far);
    if (!result_.widening.empty()) return false;
    const std::vector<SweepAxis> narrow = result_.domain;
    widen_replicas(result_.domain);
    const auto to = [&](std::size_t index) { return index_in(result_.domain, narrow, index); };
    const std::vector<Screened> known = std::move(screened_);
    screened_.assign(point_count(result_.domain), {});
    result_.fate_of.assign(screened_.size(), Fate::skipped);
    result_.effort.candidates = screened_.size();
    for (std::size_t i = 0; i < known.size(); ++i) {
      screened_[to(i)] = known[i];
      result_.fate_of[to(i)] = known[i].fate;
    }
    for (Trial& t : trials_) renumber(t.candidate, to);
    for (Candidate& c : result_.ranked) renumber(c, to);
    kinds_.renumber_all(to);
    tried_since_winner_ = 0;
    screen(without_hopeless(added_candidates(result_.domain, narrow)));
    return !stopped();
  }

  // A candidate that more replicas cannot help ends its column.
  [[nodiscard]] std::vector<std::size_t> without_hopeless(const std::vector<AddedCandidate>& added) {
    std::vector<std::size_t> wanted;
    for (const AddedCandidate& a : added) {
      const Screened& fewer = screened_[a.widest_before];
      if (may_be_helped(fewer)) {
        wanted.push_back(a.index);
        continue;
      }
      screened_[a.index] = with_replicas(fewer, a.replicas);
      settle(a.index, fewer.fate);
    }
    return wanted;
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

  void confirm(std::vector<Trial> survivors, double cost) {
    for (Trial& survivor : survivors) {
      if (stopped()) return;
      const std::size_t i = survivor.candidate.index;
      if (is_enough(cost)) {
        leave(i);
        keep(std::move(survivor));
        continue;
      }
      if (!result_.ranked.empty()) ++tried_since_winner_;
      if (const Candidate* met = judge_fully(i)) result_.ranked.push_back(*met);
    }
  }

  // Null when it does not meet, or was interrupted.
  const Candidate* judge_fully(std::size_t i) {
    RunOptions options = options_.run;
    options.progress = nullptr;
    options.cost_models = &models_;
    const Result<Scenario> scenario = source_.scenario(i);
    invariant(scenario.has_value(), "a candidate that was a scenario is none any more");
    Trial trial = try_fully(*scenario, source_.describe(i, *scenario), options);
    ++result_.effort.verdicts;
    result_.effort.requests += trial.requests;
    if (trial.candidate.fate == Fate::skipped) return nullptr;  // interrupted
    settle(i, trial.candidate.fate, trial.candidate.why);
    keep(std::move(trial));
    const Candidate& judged = trials_.back().candidate;
    if (judged.fate != Fate::meets) return nullptr;
    kinds_.found(judged);
    return &judged;
  }

  // Not simulated to the end because enough others meet.
  void leave(std::size_t i) {
    settle(i, !competes(i) ? Fate::unpriced : rank(i) > cheapest() ? Fate::dearer : Fate::no_better);
  }
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
      kinds_.found_same(trial.candidate.index, i);
      ++result_.effort.same;
      settle(i, fate, trial.candidate.why);
      return true;
    }
    return false;
  }

  void keep(Trial trial) { trials_.push_back(std::move(trial)); }

  void conclude() {
    std::vector<bool> competing(screened_.size());
    for (std::size_t i = 0; i < screened_.size(); ++i) competing[i] = competes(i);
    conclude_search(result_, screened_, competing, trials_, source_);
    result_.ranked.resize(std::min(result_.ranked.size(), std::max<std::size_t>(1, options_.top)));
    kinds_.conclude(result_, screened_, trials_);
  }

  const RecommendOptions& options_;
  RecommendResult& result_;
  CostModelPool models_;
  CandidateSource source_;
  Kinds kinds_;
  const bool widens_;
  const std::optional<std::int64_t> concurrency_;
  bool own_prices_ = false;  // then those without one do not compete
  double room_before_ = -INFINITY;
  std::vector<Screened> screened_;
  std::vector<Trial> trials_;
  std::int64_t settled_ = 0;
  std::size_t tried_since_winner_ = 0;
};

}  // namespace

Result<RecommendResult> recommend(const RecommendQuestion& question, const RecommendOptions& options) {
  Diagnostics problems;
  if (question.base.slo.empty()) {
    problems.error(question.asked.whole(), "there is nothing to meet: 'slo' is empty",
                   "write what is wanted, such as slo: [p99_ttft <= 500 ms]");
    return problems;
  }
  problems = contradictions(question.base);
  if (problems.has_errors()) return problems;
  RecommendResult result;
  result.base = question.base;
  result.domain = recommend_domain(question);
  result.usual_domain = question.base.recommend.size() <= question.asked.options.recommend_over.size();
  if (const std::size_t count = point_count(result.domain); count > kMostCandidates) {
    problems.error(
        question.asked.whole(),
        fmt::format("the fields named and the usual ones make more than {} candidates: {}", kMostCandidates, count),
        "shorten a list, or name one value of a usual field, such as --over engine.pipeline_parallel_size=1");
    return problems;
  }
  result.effort.requests_of_a_verdict = requests_of_a_verdict(question.base);
  problems = question.base.cluster.fleet.on ? search_fleets(question, options, result)
                                            : Search(question, options, result).run(question.asked.origin);
  if (problems.has_errors()) return problems;
  return result;
}

}  // namespace foretoken
