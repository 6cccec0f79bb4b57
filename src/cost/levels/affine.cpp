// The affine level: step time is a straight line in tokens, as teaching examples
// and queueing theory want it. No hardware, so the datasheet bound is zero.
#include <algorithm>

#include "cost/levels/levels.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

// Fixed and per-token times stay far enough below the 64-bit range to be multiplied by token counts.
FineDuration times(FineDuration each, std::int64_t count) {
  const FineTotal product = FineTotal{each.units} * count;
  return product > PiecewiseCurve::kLargest.units ? PiecewiseCurve::kLargest
                                                  : FineDuration{static_cast<std::int64_t>(product)};
}

class AffineModel final : public CostModel {
 public:
  explicit AffineModel(const AffineTerms& terms)
      : terms_(terms),
        per_step_(std::min(fine_from_seconds(terms.per_step), PiecewiseCurve::kLargest)),
        per_prefill_(fine_from_seconds(terms.per_prefill_token)),
        per_decode_(fine_from_seconds(terms.per_decode_token)),
        per_context_(fine_from_seconds(terms.per_context_token)) {}

  StepTime step(const StepShape& shape) const override {
    std::int64_t tokens = 0;
    for (const PrefillChunk& chunk : shape.prefill) tokens += chunk.new_tokens;
    StepTime time = decode(shape.decode.sequences).at(shape.decode);
    time[TimePart::compute] += times(per_prefill_, tokens);
    if (shape.decode.drafts > 0) time[TimePart::compute] += times(per_decode_, shape.decode.drafts);
    return time;
  }

  const DecodeCurve& decode(std::int64_t sequences) const override {
    invariant(sequences >= 0, "a step cannot have a negative number of decode rows");
    const auto n = static_cast<std::size_t>(sequences);
    if (n >= curves_.size()) curves_.resize(n + 1);
    if (!curves_[n]) curves_[n] = std::make_unique<DecodeCurve>(curve_of(sequences));
    return *curves_[n];
  }

  StepBreakdown breakdown(const StepShape& shape) const override {
    std::int64_t tokens = 0;
    for (const PrefillChunk& chunk : shape.prefill) tokens += chunk.new_tokens;
    StepBreakdown result;
    const auto add = [&result](const char* name, std::int64_t count, double each, TimePart part) {
      if (count == 0) return;
      OperatorCost line;
      line.name = name;
      line.count = static_cast<double>(count);
      line.seconds = line.count * each;
      line.bound = part;
      line.served_by = "affine terms of the scenario";
      result.seconds += line.seconds;
      result.operators.push_back(std::move(line));
    };
    add("step", 1, terms_.per_step, TimePart::overhead);
    add("prefill_tokens", tokens, terms_.per_prefill_token, TimePart::compute);
    add("decode_rows", shape.decode.sequences, terms_.per_decode_token, TimePart::compute);
    add("drafts", shape.decode.drafts, terms_.per_decode_token, TimePart::compute);
    add("context_tokens", shape.decode.context, terms_.per_context_token, TimePart::memory);
    return result;
  }

 private:
  DecodeCurve curve_of(std::int64_t sequences) const {
    DecodeCurve curve;
    curve.sequences = sequences;
    curve.fixed[TimePart::overhead] = per_step_;
    curve.fixed[TimePart::compute] = times(per_decode_, sequences);
    // A step takes at least 1 ns, whatever its terms are (INV-3).
    const FineDuration short_of{FineDuration::kPerNanosecond - curve.fixed.total().units};
    if (short_of.units > 0) curve.fixed[TimePart::overhead] += short_of;
    if (per_context_.units > 0) curve.full = PiecewiseCurve::line({}, per_context_, TimePart::memory);
    return curve;
  }

  AffineTerms terms_;
  FineDuration per_step_;
  FineDuration per_prefill_;
  FineDuration per_decode_;
  FineDuration per_context_;
  mutable std::vector<std::unique_ptr<DecodeCurve>> curves_;  // [rows]
};

}  // namespace

std::unique_ptr<CostModel> make_affine_model(const AffineTerms& terms) {
  return std::make_unique<AffineModel>(terms);
}

}  // namespace foretoken
