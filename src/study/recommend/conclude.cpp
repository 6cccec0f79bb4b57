// What follows from the fates of all candidates: the ranking, what was closest, the fronts, and the proof by counts.
#include <algorithm>
#include <cmath>
#include <map>

#include "experiment/latency_key.hpp"
#include "study/recommend/search.hpp"

namespace foretoken {
namespace {

class Conclusion {
 public:
  Conclusion(RecommendResult& result, const std::vector<Screened>& screened, const std::vector<bool>& competing,
             const CandidateSource& source)
      : result_(result), screened_(screened), competing_(competing), source_(source) {}

  void draw(const std::vector<Trial>& trials) {
    sort(result_.ranked);
    if (!result_.ranked.empty()) cheapest_ = cost_of(result_.ranked.front());
    std::vector<Candidate> simulated;
    for (const Trial& trial : trials) {
      Candidate c = trial.candidate;
      if (!competing_[c.index]) continue;
      c.fate = result_.fate_of[c.index];
      if (!c.objectives.empty()) simulated.push_back(c);
      if (c.fate == Fate::not_decided && cost_of(c) < cheapest_) result_.undecided.push_back(c);
    }
    sort(result_.undecided);
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

 private:
  [[nodiscard]] double cost_of(const Candidate& c) const { return c.cost.rank(result_.by_money); }

  void sort(std::vector<Candidate>& candidates) const {
    std::sort(candidates.begin(), candidates.end(), [&](const Candidate& a, const Candidate& b) {
      if (cost_of(a) != cost_of(b)) return cost_of(a) < cost_of(b);
      return a.room != b.room ? a.room > b.room : a.index < b.index;
    });
  }

  void find_closest(const std::vector<Candidate>& simulated) {
    for (const Candidate& c : simulated) {
      if (!result_.closest || c.room > result_.closest->room) result_.closest = c;
    }
    if (result_.closest) return;
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < screened_.size(); ++i) {
      if (screened_[i].fate != Fate::impossible || !competing_[i]) continue;
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
    for (std::size_t i = 0; i < screened_.size(); ++i) {
      const Screened& s = screened_[i];
      const Fate fate = result_.fate_of[i];
      const bool by_objective =
          fate == Fate::impossible || fate == Fate::far_off || fate == Fate::misses || fate == Fate::not_decided;
      const std::string reason = fate == Fate::invalid ? s.why : by_objective ? s.why.substr(0, s.why.find(": ")) : "";
      FateCount& c = counts.try_emplace({fate, reason}, FateCount{fate, reason, 0, 0, i, s.why}).first->second;
      ++c.count;
      const bool cheaper = competing_[i] && s.cost.rank(result_.by_money) < cheapest_;
      if (fate != Fate::invalid && cheaper) ++c.cheaper;
    }
    for (auto& [key, count] : counts) result_.fates.push_back(std::move(count));
    std::stable_sort(result_.fates.begin(), result_.fates.end(), [](const FateCount& a, const FateCount& b) {
      return a.fate != b.fate ? a.fate < b.fate : a.count > b.count;
    });
  }

  RecommendResult& result_;
  const std::vector<Screened>& screened_;
  const std::vector<bool>& competing_;
  const CandidateSource& source_;
  double cheapest_ = INFINITY;
};

}  // namespace

std::string_view to_string(Fate fate) {
  constexpr std::string_view kWords[kFates] = {"not a scenario", "does not fit",    "impossible", "misses by far",
                                               "misses",         "not decided",     "meets",      "no better",
                                               "dearer",         "without a price", "not reached"};
  return kWords[static_cast<std::size_t>(fate)];
}

void conclude_search(RecommendResult& result, const std::vector<Screened>& screened, const std::vector<bool>& competing,
                     const std::vector<Trial>& trials, const CandidateSource& source) {
  Conclusion(result, screened, competing, source).draw(trials);
}

}  // namespace foretoken
