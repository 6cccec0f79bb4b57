// Errors of operators, weighted by their share of the step.
#include <algorithm>
#include <cmath>

#include "foretoken/experiment/explain.hpp"

namespace foretoken {
namespace {

// Of a normal error: standard deviation over mean absolute error, times 1.96 of them.
constexpr double kBandPerMeanError = 1.2533 * 1.96;

// A step of a whole engine strays further than its kernels do: by what nobody times (settings, hosts, what runs
// beside). So wide must it be that 95 and 93 % of the runs of 57 measured systems lie in it; of half of them, with
// widths from the other half, 93 and 91 % do (tests/accuracy/README.md).
constexpr double kInsideRange = 3.3;
constexpr double kOutsideRange = 5.9;

double band_of(const StepBreakdown& step) {
  double squares = 0;
  for (const OperatorCost& op : step.operators) squares += op.seconds * op.error * op.seconds * op.error;
  return step.seconds > 0 ? kBandPerMeanError * std::sqrt(squares) / step.seconds : 0;
}

void collect_outside(const StepBreakdown& step, ModelBand& band) {
  double seconds = 0;
  for (const OperatorCost& op : step.operators) {
    if (op.inside_range) continue;
    seconds += op.seconds;
    const bool known = std::find(band.outside.begin(), band.outside.end(), op.name) != band.outside.end();
    if (!known) band.outside.push_back(op.name);
  }
  if (step.seconds > 0) band.outside_share = std::max(band.outside_share, seconds / step.seconds);
}

}  // namespace

ModelBand model_band(const Explanation& explanation) {
  ModelBand band;
  for (const StepExplanation& step : explanation.steps) {
    // The last decode step is that of the fullest batch.
    (step.prefill_tokens > 0 ? band.prefill : band.decode) = band_of(step.breakdown);
    collect_outside(step.breakdown, band);
  }
  band.inside_range = band.outside.empty();
  for (double* width : {&band.prefill, &band.decode}) *width *= band.inside_range ? kInsideRange : kOutsideRange;
  return band;
}

}  // namespace foretoken
