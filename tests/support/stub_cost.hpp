// A cost model for tests of the serving layer: step time = base + per_prefill_token *
// prefill tokens + per_row * rows + per_draft * drafts + curve(context), with a kinked curve so that runs of steps
// cross segments.
#pragma once

#include <memory>

#include "foretoken/cost/cost_model.hpp"

namespace foretoken::test {

struct StubTerms {
  double base = 1e-3;
  double per_prefill_token = 0;
  double per_row = 0;
  double per_draft = 0;
  double per_encoded_token = 0;
  double per_context = 0;  // below the kink
  double kink = 1e18;      // in tokens of context
  double per_context_above = 0;
  double per_windowed = 0;
  std::int64_t window = 0;
};

class StubCost final : public CostModel {
 public:
  explicit StubCost(StubTerms terms = {}) : terms_(terms) {}

  StepTime step(const StepShape& shape) const override {
    StepTime time;
    if (shape.decode.sequences > 0)
      time = decode(shape.decode.sequences).at(shape.decode);
    else
      time[TimePart::overhead] = fine_from_seconds(terms_.base);
    std::int64_t tokens = 0;
    for (const PrefillChunk& chunk : shape.prefill) tokens += chunk.new_tokens;
    time[TimePart::compute] += fine_from_seconds(terms_.per_prefill_token) * tokens;
    time[TimePart::compute] += fine_from_seconds(terms_.per_draft) * shape.decode.drafts;
    for (const EncodedItem& item : shape.encodes)
      time[TimePart::compute] += fine_from_seconds(terms_.per_encoded_token) * item.tokens;
    time.flops += tokens;
    return time;
  }

  StepTime encode(std::span<const EncodedItem> items) const override {
    StepTime time;
    time[TimePart::overhead] = fine_from_seconds(terms_.base);
    for (const EncodedItem& item : items)
      time[TimePart::compute] += fine_from_seconds(terms_.per_encoded_token) * item.tokens;
    return time;
  }

  const DecodeCurve& decode(std::int64_t sequences) const override {
    const auto i = static_cast<std::size_t>(sequences);
    if (curves_.size() <= i) curves_.resize(i + 1);
    if (!curves_[i]) {
      auto curve = std::make_unique<DecodeCurve>();
      curve->sequences = sequences;
      curve->fixed[TimePart::overhead] = fine_from_seconds(terms_.base);
      curve->fixed[TimePart::network] = fine_from_seconds(terms_.per_row) * sequences;
      curve->fixed.flops = sequences;
      curve->flops_per_context = 3;
      curve->bytes_per_context = 2;
      const StubTerms t = terms_;
      curve->full = PiecewiseCurve([t](double x) {
        const double above = x > t.kink ? x - t.kink : 0;
        return PiecewiseCurve::Point{t.per_context * (x - above) + t.per_context_above * above,
                                     above > 0 ? TimePart::compute : TimePart::memory};
      });
      if (t.window > 0) {
        curve->windowed = PiecewiseCurve::line({}, fine_from_seconds(t.per_windowed), TimePart::memory);
      }
      curves_[i] = std::move(curve);
    }
    return *curves_[i];
  }

  std::int64_t sliding_window() const override { return terms_.window; }
  StepBreakdown breakdown(const StepShape&) const override { return {}; }

 private:
  StubTerms terms_;
  mutable std::vector<std::unique_ptr<DecodeCurve>> curves_;
};

}  // namespace foretoken::test
