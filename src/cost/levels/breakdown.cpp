// A step's operators one by one, for people.
#include <algorithm>

#include "cost/levels/charge.hpp"
#include "cost/levels/gpu_model.hpp"

namespace foretoken {
namespace {

OperatorCost line_of(const Operator& op, const Charge& c) {
  OperatorCost line;
  line.name = op.name;
  line.count = op.count;
  line.flops = c.work.flops;
  line.bytes = c.work.bytes;
  line.seconds = c.total();
  line.datasheet_seconds = op.datasheet * op.count;
  const double overhead = c.seconds[static_cast<std::size_t>(TimePart::overhead)];
  line.bound = overhead > c.variable() ? TimePart::overhead : op.estimate.bound;
  line.served_by = op.served != nullptr ? op.served->name : "memory bandwidth";
  line.inside_range = op.inside_range;
  // Nothing was measured there: a guess.
  constexpr double kOutsideFactor = 2;
  line.error = op.served == nullptr ? 0 : op.served->error * (op.inside_range ? 1 : kOutsideFactor);
  return line;
}

void add_overhead(StepBreakdown& result, const char* name, double count, double each) {
  if (count * each == 0) return;
  OperatorCost line;
  line.name = name;
  line.count = count;
  line.seconds = count * each;
  line.bound = TimePart::overhead;
  line.served_by = "engine overhead terms";
  result.operators.push_back(std::move(line));
}

}  // namespace

StepBreakdown GpuModel::breakdown(const StepShape& shape) const {
  StepBreakdown result;
  const double scale = d_.overhead.scale;
  const auto append = [&](const Operator& op, bool attention) {
    if (op.count == 0) return;
    const Charge c = attention ? charge_attention(op, scale) : charge(op, scale);
    result.clamped += c.clamped ? 1 : 0;
    result.operators.push_back(line_of(op, c));
  };
  const std::int64_t rows = shape.decode.sequences;
  const std::int64_t drafts = shape.decode.drafts;
  std::int64_t tokens = shape.decode.tokens();
  const std::int64_t sampled = sampled_rows(shape);
  std::int64_t attended = 0, new_tokens = 0, longest = 0;
  ChunkTerms sum;
  bool inside = true;
  for (const PrefillChunk& c : shape.prefill) {
    tokens += c.new_tokens;
    attended += c.new_tokens + c.history;
    new_tokens += c.new_tokens;
    longest = std::max(longest, c.new_tokens);
    inside = inside && operators_.chunk_inside_range(c);
    const ChunkTerms terms = operators_.chunk(c);
    sum.full += terms.full;
    sum.windowed += terms.windowed;
  }
  const Rows work = rows_of(tokens, shape.group);
  for (const Operator& op : operators_.dense(work.own)) append(op, false);
  for (const Operator& op : operators_.group(work.group)) append(op, false);
  for (const Operator& op : operators_.beside_decode(rows, drafts)) append(op, false);
  for (const Operator& op : operators_.beside_prefill(attended, new_tokens, longest)) append(op, false);

  Operator decode = operators_.decode_full(rows, static_cast<double>(shape.decode.context), drafts);
  Operator windowed = operators_.decode_windowed(rows, static_cast<double>(shape.decode.windowed_context), drafts);
  if (!shape.prefill.empty()) {
    Operator prefill = operators_.has_mixed_kernel() ? operators_.mixed_full(shape.prefill, shape.decode)
                                                     : operators_.prefill_full(sum.full);
    Operator prefill_windowed = operators_.prefill_windowed(sum.windowed);
    if (rows > 0) {  // one launch for both kinds: the larger constant
      decode.estimate.fixed = std::max(0.0, decode.estimate.fixed - prefill.estimate.fixed);
      windowed.estimate.fixed = std::max(0.0, windowed.estimate.fixed - prefill_windowed.estimate.fixed);
    }
    prefill.inside_range = prefill_windowed.inside_range = inside;
    append(prefill, true);
    append(prefill_windowed, true);
  }
  const bool inside_mixed = operators_.has_mixed_kernel() && !shape.prefill.empty();
  if (rows > 0 && !inside_mixed) append(decode, true);
  if (rows > 0) append(windowed, true);
  for (const Operator& op : operators_.head(sampled, whose_ == Layers::of_drafter)) append(op, false);
  if (drafts > 0 && whose_ == Layers::of_target)
    for (const Operator& op : operators_.verification(shape.decode.tokens())) append(op, false);

  double gpu = 0;
  for (const OperatorCost& line : result.operators) {
    gpu += line.seconds;
    result.datasheet_seconds += line.datasheet_seconds;
  }
  const OverheadTerms& o = d_.overhead;
  add_overhead(result, "engine_step", 1, o.per_step);
  if (overlaps_) {
    add_overhead(result, "engine_layers_not_hidden", 1, overlapped(gpu) - gpu);
  } else {
    if (!shape.prefill.empty()) {
      add_overhead(result, "engine_launches_not_hidden", 1, overlapped(gpu) - gpu);
    }
    add_overhead(result, "engine_layers", d_.model.layers, o.per_layer);
  }
  add_overhead(result, "engine_all_reduces", operators_.all_reduces(), o.per_allreduce);
  add_overhead(result, "engine_sequences",
               static_cast<double>(whose_ == Layers::of_target ? sampled - drafts : sampled), o.per_sequence);
  for (const OperatorCost& line : result.operators) result.seconds += line.seconds;
  return result;
}

}  // namespace foretoken
