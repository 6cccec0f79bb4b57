// Downwards from the capacity until likely enough, then halving.
#include "study/capacity/confidence.hpp"

#include <algorithm>
#include <cmath>

namespace foretoken {
namespace {

// Neighbouring looks differ less than the probabilities are worth.
constexpr double kFarEnough = 0.9;
constexpr double kCloseEnough = 1.05;
constexpr int kMostLooks = 3;  // new ones, for each promise
// Of one: a figure is wanted, no decision, and the model's error is wider than its interval.
constexpr std::int64_t kMostRequests = 300'000;

class Confidence {
 public:
  Confidence(CapacityResult& result, LoadJudge& judge, const LoadKnob& knob) : r_(result), judge_(judge), knob_(knob) {}

  [[nodiscard]] Diagnostics run() {
    for (const double wanted : kPromises) {
      const std::optional<double> load = largest(wanted);
      if (problems_.has_errors()) return problems_;
      if (stopped_ || !r_.no_confidence.empty()) break;
      r_.promised.push_back({wanted, load});
    }
    if (!r_.no_confidence.empty()) r_.promised.clear();
    std::sort(r_.confidence.begin(), r_.confidence.end(),
              [](const LoadConfidence& a, const LoadConfidence& b) { return a.load < b.load; });
    return {};
  }

 private:
  // Empty: none is that likely.
  std::optional<double> largest(double wanted) {
    double high = *r_.capacity;
    std::optional<double> chance = at(high);
    if (!chance || *chance >= wanted) return chance ? r_.capacity : std::nullopt;
    std::optional<double> low;
    for (auto look = r_.looks.rbegin(); look != r_.looks.rend(); ++look) {
      const bool last = std::next(look) == r_.looks.rend();
      if (look->load >= high || (look->load > kFarEnough * high && !last) || !look->verdict) continue;
      if (chance = at(look->load); !chance) return std::nullopt;
      if (*chance >= wanted) low = look->load;
      if (low) break;
      high = look->load;
    }
    for (int i = 0; low && i < kMostLooks && high > kCloseEnough * *low; ++i) {
      const double middle = knob_.whole ? std::floor((*low + high) / 2) : std::sqrt(*low * high);
      if (middle <= *low) break;
      if (chance = at(middle); !chance) break;
      (*chance >= wanted ? *low : high) = middle;
    }
    return low;
  }

  std::optional<double> at(double load) {
    for (const LoadConfidence& c : r_.confidence) {
      if (c.load == load) return c.all_meet.value;
    }
    const Result<Scenario> scenario = judge_.scenario_with(knob_.set(load));
    if (!scenario) return fail(scenario.error());
    const auto seen =
        std::find_if(r_.looks.begin(), r_.looks.end(), [&](const CapacityLook& l) { return l.load == load; });
    std::optional<Verdict> verdict = seen != r_.looks.end() ? seen->verdict : std::nullopt;
    if (!verdict) {
      const Result<CapacityLook> look = judge_(load, knob_.set(load), kMostRequests);
      if (!look) return fail(look.error());
      verdict = look->verdict;
    }
    if (!verdict) return stop();
    const Result<ModelUncertainty> found = judge_.uncertainty(*scenario, *verdict);
    if (!found) return fail(found.error());
    if (found->interrupted) return stop();
    if (!found->meets_all && load == *r_.capacity) {
      r_.no_confidence = found->why_not.empty() ? "an objective has no figure at other step times" : found->why_not;
      return std::nullopt;
    }
    if (!found->meets_all) return 0;  // not settled in the budget: no load to promise
    r_.confidence.push_back({load, *found->meets_all});
    return found->meets_all->value;
  }

  std::nullopt_t fail(Diagnostics problems) {
    problems_ = std::move(problems);
    return std::nullopt;
  }
  std::nullopt_t stop() {
    stopped_ = true;
    return std::nullopt;
  }

  CapacityResult& r_;
  LoadJudge& judge_;
  const LoadKnob& knob_;
  Diagnostics problems_;
  bool stopped_ = false;
};

}  // namespace

Diagnostics add_confidence(CapacityResult& result, LoadJudge& judge, const LoadKnob& knob) {
  return Confidence(result, judge, knob).run();
}

}  // namespace foretoken
