// Steps with LoRA adapters: longer by a share for each distinct one (src/cost/README.md, "Adapters").
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "cost/levels/charge.hpp"
#include "cost/levels/levels.hpp"

namespace foretoken {
namespace {

class ModelWithAdapters final : public CostModel {
 public:
  ModelWithAdapters(std::unique_ptr<CostModel> inner, const LoraSpec& lora) : inner_(std::move(inner)), lora_(lora) {}

  StepTime step(const StepShape& shape) const override {
    if (shape.adapters == 0) return inner_->step(shape);
    if (shape.prefill.empty() && shape.group.tokens == 0 && shape.decode.drafts == 0)
      return decode_with(shape.decode.sequences, shape.adapters).at(shape.decode);
    return longer(inner_->step(shape), factor(shape.adapters));
  }
  const DecodeCurve& decode(std::int64_t sequences) const override { return inner_->decode(sequences); }
  const DecodeCurve& decode_with(std::int64_t sequences, std::int64_t adapters) const override {
    if (adapters == 0) return inner_->decode(sequences);
    const auto [at, is_new] = curves_.try_emplace({sequences, adapters});
    if (is_new) at->second = curve_of(inner_->decode(sequences), factor(adapters));
    return at->second;
  }
  std::int64_t sliding_window() const override { return inner_->sliding_window(); }

  StepBreakdown breakdown(const StepShape& shape) const override {
    StepBreakdown result = inner_->breakdown(shape);
    if (shape.adapters == 0) return result;
    OperatorCost line;
    line.name = "lora_adapters";
    line.count = static_cast<double>(shape.adapters);
    line.seconds = result.seconds * (factor(shape.adapters) - 1);
    line.served_by = "measured share of the step";
    result.seconds += line.seconds;
    result.operators.push_back(std::move(line));
    return result;
  }

 private:
  [[nodiscard]] double factor(std::int64_t adapters) const {
    return 1 + lora_.with_adapters + lora_.per_adapter * static_cast<double>(adapters);
  }
  [[nodiscard]] static FineDuration longer(FineDuration time, double factor) {
    return capped_fine(to_seconds(time) * factor);
  }
  [[nodiscard]] static StepTime longer(StepTime time, double factor) {
    for (FineDuration& part : time.parts) part = longer(part, factor);
    return time;
  }
  [[nodiscard]] static PiecewiseCurve longer(const PiecewiseCurve& curve, double factor) {
    return PiecewiseCurve([&curve, factor](double x) {
      const auto context = static_cast<std::int64_t>(x);
      return PiecewiseCurve::Point{to_seconds(curve.at(context)) * factor, curve.segment_at(context).part};
    });
  }
  [[nodiscard]] static DecodeCurve curve_of(const DecodeCurve& inner, double factor) {
    DecodeCurve curve;
    curve.sequences = inner.sequences;
    curve.fixed = longer(inner.fixed, factor);
    curve.full = longer(inner.full, factor);
    curve.windowed = longer(inner.windowed, factor);
    curve.flops_per_context = inner.flops_per_context;
    curve.bytes_per_context = inner.bytes_per_context;
    curve.flops_per_windowed = inner.flops_per_windowed;
    curve.bytes_per_windowed = inner.bytes_per_windowed;
    return curve;
  }

  std::unique_ptr<CostModel> inner_;
  LoraSpec lora_;
  mutable std::map<std::pair<std::int64_t, std::int64_t>, DecodeCurve> curves_;  // by rows and adapters
};

}  // namespace

std::unique_ptr<CostModel> make_model_with_adapters(std::unique_ptr<CostModel> inner, const LoraSpec& lora) {
  return std::make_unique<ModelWithAdapters>(std::move(inner), lora);
}

}  // namespace foretoken
