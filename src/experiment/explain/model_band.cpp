// Errors of operators, weighted by their share of the step.
#include <algorithm>
#include <cmath>

#include "foretoken/experiment/explain.hpp"

namespace foretoken {
namespace {

// Of a normal error: standard deviation over mean absolute error, times 1.96 of them.
constexpr double kBandPerMeanError = 1.2533 * 1.96;

// A whole engine strays further than its kernels do, by what nobody times (settings, hosts, what runs beside), and no
// less where these are known well: the errors of 57 measured systems do not follow those of their kernels. So wide must
// this part be that 97 % of their runs lie in the band. Chosen so on half of them, the band holds 94 % of the others'
// runs inside the calibrated range and 97 % outside (tests/accuracy/README.md).
constexpr double kWholeEngine = 0.295;

double band_of(const StepBreakdown& step) {
  double squares = 0;
  for (const OperatorCost& op : step.operators) squares += op.seconds * op.error * op.seconds * op.error;
  if (!(squares > 0)) return 0;
  return std::hypot(kBandPerMeanError * std::sqrt(squares) / step.seconds, kWholeEngine);
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
  return band;
}

}  // namespace foretoken
