// The question the simulation asks of the physics: how long does this step take?
#pragma once

#include <memory>
#include <span>

#include "foretoken/cost/decode_curve.hpp"
#include "foretoken/cost/deployment.hpp"
#include "foretoken/cost/step.hpp"

namespace foretoken {

// Contract: a pure function of its arguments; what an implementation remembers
// between calls never shows in an answer. Step times are at least 1 ns, at least
// the datasheet roofline, and never fall when a chunk, a row or context is added (but
// the calibrated decode kernel drops its split-and-merge constant, below 1 % of a step,
// once rows fill the GPU). One instance serves one thread.
class CostModel {
 public:
  virtual ~CostModel() = default;
  // A step with at least one prefill chunk or decode row; with a group, this rank's share of
  // it, without waiting for the others.
  [[nodiscard]] virtual StepTime step(const StepShape& shape) const = 0;
  // Decode-only steps of `sequences` rows; step() agrees with it exactly when
  // there is no prefill chunk, no group and no draft. The reference lives as long as the model.
  [[nodiscard]] virtual const DecodeCurve& decode(std::int64_t sequences) const = 0;
  // The same with so many distinct LoRA adapters among the rows.
  [[nodiscard]] virtual const DecodeCurve& decode_with(std::int64_t sequences, std::int64_t /*adapters*/) const {
    return decode(sequences);
  }
  // Context beyond which some layers do not look back; 0 = all layers see everything.
  // DecodeShape::windowed_context is cut at it.
  [[nodiscard]] virtual std::int64_t sliding_window() const { return 0; }
  // A step of an engine that encodes these items and nothing else (Deployment::encodes_only).
  [[nodiscard]] virtual StepTime encode(std::span<const EncodedItem>) const { return {}; }
  // Per operator, for people; sums to step() within rounding and the curve's 0.05 %.
  [[nodiscard]] virtual StepBreakdown breakdown(const StepShape& shape) const = 0;
  // Prices `deployment` from now on and keeps what it remembers, where that is the same for both; else false, and
  // nothing has changed. References that decode() gave are void after it.
  [[nodiscard]] virtual bool turn_to(const Deployment&) { return false; }
};

// Any level. The deployment must be valid (validate_deployment has no errors).
[[nodiscard]] std::unique_ptr<CostModel> make_cost_model(const Deployment& deployment);

// What makes a deployment impossible to price: TP that does not divide the heads,
// a GPU without bandwidth, experts that do not divide ... Empty = fine.
[[nodiscard]] std::vector<std::string> deployment_problems(const Deployment& deployment);

}  // namespace foretoken
