// Steps under a power cap (src/cost/README.md, "Power caps"): what compute bounds takes longer at the clock that is
// left.
#include <algorithm>

#include "cost/levels/charge.hpp"
#include "cost/levels/levels.hpp"
#include "cost/levels/matrix_peak.hpp"
#include "cost/levels/power_cap.hpp"

namespace foretoken {
namespace {

constexpr double kGuessedIdleShare = 0.1;  // as where energy is reported

class PowerCappedModel final : public CostModel {
 public:
  PowerCappedModel(std::unique_ptr<CostModel> inner, const Deployment& d, double peak_flops)
      : inner_(std::move(inner)),
        terms_(power_terms(d.gpu)),
        tdp_(d.gpu.tdp->value),
        idle_(d.gpu.idle_power ? d.gpu.idle_power->value : kGuessedIdleShare * tdp_),
        cap_(d.power_cap),
        peak_(peak_flops),
        bandwidth_(d.gpu.memory_bandwidth->value) {}

  StepTime step(const StepShape& shape) const override {
    if (shape.prefill.empty() && shape.group.tokens == 0 && shape.decode.drafts == 0)
      return decode(shape.decode.sequences).at(shape.decode);
    return capped(inner_->step(shape));
  }

  const DecodeCurve& decode(std::int64_t sequences) const override {
    const auto index = static_cast<std::size_t>(sequences);
    if (index >= curves_.size()) curves_.resize(index + 1);
    if (!curves_[index]) curves_[index] = std::make_unique<DecodeCurve>(curve_of(sequences));
    return *curves_[index];
  }

  StepTime encode(std::span<const EncodedItem> items) const override { return capped(inner_->encode(items)); }

  std::int64_t sliding_window() const override { return inner_->sliding_window(); }

  StepBreakdown breakdown(const StepShape& shape) const override {
    StepBreakdown result = inner_->breakdown(shape);
    if (shape.prefill.empty() && shape.decode.sequences == 0) return result;  // of an encoder alone
    const double slowed = to_seconds(step(shape).total()) - to_seconds(inner_->step(shape).total());
    if (!(slowed > 0)) return result;
    OperatorCost line;
    line.name = "power_cap";
    line.count = 1;
    line.seconds = slowed;
    line.bound = TimePart::compute;
    line.served_by = "the clock that the cap leaves";
    result.seconds += slowed;
    result.operators.push_back(std::move(line));
    return result;
  }

 private:
  [[nodiscard]] StepTime capped(StepTime time) const {
    const double seconds = to_seconds(time.total());
    if (!(seconds > 0)) return time;
    const double demand = working_watts(terms_, tdp_, static_cast<double>(time.bytes) / (seconds * bandwidth_),
                                        static_cast<double>(time.flops) / (seconds * peak_));
    const double clock = clock_under_cap(cap_, demand, idle_);
    if (clock >= 1) return time;
    const auto slower = [](FineDuration& part, double rate) { part = capped_fine(to_seconds(part) / rate); };
    slower(time[TimePart::compute], clock);
    slower(time[TimePart::memory], memory_rate_at(clock));
    return time;
  }

  // In the sum of all contexts; sliding layers follow it as if all contexts were equal, as in eager engines.
  [[nodiscard]] DecodeCurve curve_of(std::int64_t sequences) const {
    const DecodeCurve& inner = inner_->decode(sequences);
    DecodeCurve curve;
    curve.sequences = sequences;
    curve.fixed = capped(inner.fixed);
    curve.flops_per_context = inner.flops_per_context;
    curve.bytes_per_context = inner.bytes_per_context;
    curve.flops_per_windowed = inner.flops_per_windowed;
    curve.bytes_per_windowed = inner.bytes_per_windowed;
    const std::int64_t most_windowed = sequences * inner_->sliding_window();
    const double start = to_seconds(curve.fixed.total());
    curve.full = PiecewiseCurve([this, &inner, sequences, most_windowed, start](double x) {
      const auto context = static_cast<std::int64_t>(x);
      const StepTime time = capped(inner.at({sequences, context, std::min(context, most_windowed)}));
      return PiecewiseCurve::Point{std::max(0.0, to_seconds(time.total()) - start),
                                   inner.full.segment_at(context).part};
    });
    return curve;
  }

  std::unique_ptr<CostModel> inner_;
  PowerTerms terms_;
  double tdp_, idle_, cap_, peak_, bandwidth_;
  mutable std::vector<std::unique_ptr<DecodeCurve>> curves_;  // [rows]
};

}  // namespace

std::unique_ptr<CostModel> make_power_capped_model(std::unique_ptr<CostModel> inner, const Deployment& deployment) {
  return std::make_unique<PowerCappedModel>(std::move(inner), deployment, matrix_peak(deployment));
}

}  // namespace foretoken
