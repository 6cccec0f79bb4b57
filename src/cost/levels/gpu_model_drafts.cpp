// What rows with drafts take beyond plain ones (src/cost/README.md, "Drafting").
#include "cost/levels/charge.hpp"
#include "cost/levels/gpu_model.hpp"

namespace foretoken {

const StepTime& GpuModel::verification(std::int64_t tokens) const {
  const auto index = static_cast<std::size_t>(tokens);
  if (index >= verification_.size()) verification_.resize(index + index / 2 + 64);
  if (!verification_[index]) verification_[index] = total(operators_.verification(tokens));
  return *verification_[index];
}

std::int64_t GpuModel::sampled_rows(const StepShape& shape) const {
  const bool drafter = whose_ == Layers::of_drafter;
  std::int64_t rows = drafter ? shape.decode.sequences : shape.decode.tokens();
  for (const PrefillChunk& c : shape.prefill) rows += c.samples || drafter ? 1 : 0;
  return drafter ? rows * drafts_a_pass_ : rows;
}

// Rows with drafts read their keys once for all of their tokens. Their number changes from step to step: no curve.
StepTime GpuModel::verify_attention(const DecodeShape& s) const {
  Charge charges;
  const auto add_layers = [&](const Operator& op) {
    if (op.count > 0) charges += charge_attention(op, d_.overhead.scale);
  };
  add_layers(operators_.decode_full(s.sequences, static_cast<double>(s.context), s.drafts));
  if (operators_.windowed_layers() > 0)
    add_layers(operators_.decode_windowed(s.sequences, static_cast<double>(s.windowed_context), s.drafts));
  for (const Operator& op : operators_.beside_decode(s.sequences, s.drafts)) charges += charge(op, d_.overhead.scale);
  return step_time(charges);
}

}  // namespace foretoken
