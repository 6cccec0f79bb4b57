// Bounds, then the search on verdicts, then what the answer means.
#include "foretoken/study/capacity.hpp"

#include "foretoken/study/check.hpp"
#include "study/capacity/answer.hpp"
#include "study/capacity/confidence.hpp"
#include "study/capacity/look.hpp"
#include "study/capacity/range.hpp"

namespace foretoken {
namespace {

class CapacityStudy {
 public:
  CapacityStudy(const Question& question, const Scenario& scenario, const LoadKnob& knob, const RunOptions& options)
      : question_(question),
        judge_(question, options, scenario.study.max_replications),
        knob_(knob),
        options_(options) {
    result_.scenario = scenario;
    result_.variable = knob.variable;
    result_.unit = knob.unit;
    result_.offered = knob.offered;
  }

  Result<CapacityResult> run() {
    const Result<Explanation> explanation = explain(result_.scenario);
    if (!explanation) return explanation.error();
    result_.memory = explanation->memory;
    result_.feasible = explanation->feasible;
    if (!result_.feasible) return std::move(result_);
    result_.band = model_band(*explanation);
    const SearchRange range = range_of(result_.scenario, knob_, estimate_of(result_.scenario, *explanation));
    const Result<Scenario> alone = judge_.scenario_with(knob_.set(range.least));
    if (!alone) return alone.error();
    const Result<std::optional<Bound>> impossible = impossible_alone(*alone);
    if (!impossible) return impossible.error();
    if (*impossible) {
      result_.outcome = CapacityOutcome::nothing_meets;
      result_.binding = (*impossible)->objective;
      result_.reason = (*impossible)->text;
      return std::move(result_);
    }
    return search(range);
  }

 private:
  Result<CapacityResult> search(const SearchRange& range) {
    LoadSearch search(range, [this](double load) { return look(load); });
    search.run();
    if (problems_.has_errors()) return problems_;
    result_.requests = judge_.requests();
    conclude(result_, search, range);
    if (result_.capacity) {
      result_.set = knob_.set(*result_.capacity);
      const Result<Scenario> there = judge_.scenario_with(result_.set);
      if (!there) return there.error();
      if (Diagnostics problems = judge_.find_stability_limit(*there); problems.has_errors()) return problems;
      if (!result_.interrupted) {
        if (Diagnostics problems = add_confidence(result_, judge_, knob_); problems.has_errors()) return problems;
      }
      result_.requests = judge_.requests();
      if (!result_.interrupted) {
        describe_bottleneck(result_, question_.with(result_.set), *there, options_);
      }
    }
    result_.stability_limit = judge_.stability_limit();
    return std::move(result_);
  }

  std::optional<LoadSide> look(double load) {
    if (options_.stop != nullptr && options_.stop->load()) return std::nullopt;
    Result<CapacityLook> look = judge_(load, knob_.set(load));
    if (!look) {
      problems_ = look.error();
      return std::nullopt;
    }
    if (!look->verdict && !look->bound) return std::nullopt;
    const LoadSide side = side_of(*look);
    result_.looks.push_back(std::move(*look));
    return side;
  }

  const Question& question_;
  LoadJudge judge_;
  const LoadKnob& knob_;
  RunOptions options_;
  CapacityResult result_;
  Diagnostics problems_;
};

}  // namespace

Result<CapacityResult> find_capacity(const Question& question, const Scenario& scenario, const RunOptions& options) {
  if (Diagnostics problems = capacity_problems(question, scenario); problems.has_errors()) return problems;
  const Result<LoadKnob> knob = load_knob(scenario);
  if (!knob) return knob.error();
  return CapacityStudy(question, scenario, *knob, options).run();
}

}  // namespace foretoken
