// A target and its drafter: what a step that verifies drafts and makes the next ones costs (src/cost/README.md,
// "Drafting").
#include <algorithm>
#include <optional>

#include "cost/levels/charge.hpp"
#include "cost/levels/engine_costs.hpp"
#include "cost/levels/gpu_model.hpp"
#include "cost/levels/levels.hpp"

namespace foretoken {
namespace {

// The drafter alone: its layers on the target's GPUs, without the engine's overheads, which its host times are.
Deployment drafter_of(const Deployment& target) {
  Deployment d = target;
  d.model = target.draft.model;
  d.dense_format = target.draft.format;
  if (target.draft.method != DraftMethod::mtp) d.expert_format = target.draft.format;
  if (d.model.moe.experts == 0) d.parallelism.data = 1, d.parallelism.expert_parallel = false;
  d.draft = {};
  d.overhead = {};
  d.overhead.scale = target.overhead.scale;
  if (engine_costs(target.engine_name).drafts_step_by_step) d.overhead.per_sequence = target.overhead.per_sequence;
  return d;
}

StepTime repeated(StepTime time, std::int64_t times) {
  for (FineDuration& part : time.parts) part = std::min(part * times, PiecewiseCurve::kLargest);
  time.flops = std::min(time.flops, kMostWork / std::max<std::int64_t>(1, times)) * times;
  time.bytes = std::min(time.bytes, kMostWork / std::max<std::int64_t>(1, times)) * times;
  return time;
}

class DraftingModel final : public CostModel {
 public:
  DraftingModel(std::unique_ptr<CostModel> target, const Deployment& d)
      : target_(std::move(target)), draft_(d.draft), drafter_(drafter_of(d)), scale_(d.overhead.scale) {
    const bool affine = d.level == CostLevel::affine;
    host_[TimePart::overhead] = capped_fine(draft_.host_per_step + draft_.host_per_pass * draft_.passes);
    if (affine) host_[TimePart::memory] = capped_fine(d.affine.per_draft_pass * draft_.passes);
    if (affine || draft_.passes == 0) return;
    operators_.emplace(drafter_);
    if (draft_.model.layers > 0)
      layers_ = std::make_unique<GpuModel>(drafter_, Layers::of_drafter, draft_.parallel ? draft_.tokens : 1);
  }

  StepTime step(const StepShape& shape) const override {
    if (shape.prefill.empty() && shape.group.tokens == 0 && shape.decode.drafts == 0)
      return decode(shape.decode.sequences).at(shape.decode);
    StepTime time = target_->step(shape);
    add(time, first_pass(shape));
    const std::int64_t rows = requests(shape);
    add(time, later_passes(rows, context_after(shape)));
    add(time, host_);
    return time;
  }

  const DecodeCurve& decode(std::int64_t sequences) const override {
    const auto index = static_cast<std::size_t>(sequences);
    if (index >= curves_.size()) curves_.resize(index + 1);
    if (!curves_[index]) curves_[index] = std::make_unique<DecodeCurve>(curve_of(sequences));
    return *curves_[index];
  }

  std::int64_t sliding_window() const override { return target_->sliding_window(); }

  StepBreakdown breakdown(const StepShape& shape) const override {
    StepBreakdown result = target_->breakdown(shape);
    const std::int64_t rows = requests(shape);
    if (operators_) {
      std::vector<PrefillChunk> chunks;
      const StepShape first = of_drafter(shape, chunks);
      append(result, "draft_first_pass", 1, pass_breakdown(first, tokens_of(first), draft_.fused_inputs > 0));
      if (draft_.passes > 1) {
        const DecodeShape later = later_shape(rows, context_after(shape));
        append(result, "draft_later_passes", draft_.passes - 1,
               pass_breakdown({{}, later}, later.sequences, draft_.fused_inputs > 0 && !draft_.fuses_once));
      }
    }
    if (host_.total().units > 0) {
      OperatorCost line;
      line.name = "drafting";
      line.count = 1;
      line.seconds = to_seconds(host_.total());
      line.bound = TimePart::overhead;
      line.served_by = "engine overhead terms";
      result.operators.push_back(std::move(line));
      result.seconds += to_seconds(host_.total());
    }
    return result;
  }

 private:
  // A step drafts for every request in it, also for those whose prompt it computes.
  [[nodiscard]] static std::int64_t requests(const StepShape& shape) {
    return shape.decode.sequences + static_cast<std::int64_t>(shape.prefill.size());
  }
  [[nodiscard]] static std::int64_t tokens_of(const StepShape& shape) {
    std::int64_t tokens = shape.decode.tokens();
    for (const PrefillChunk& chunk : shape.prefill) tokens += chunk.new_tokens;
    return tokens;
  }
  // Of all requests of the step; windowed where the target has a window, else the same again.
  struct Contexts {
    std::int64_t all = 0;
    std::int64_t windowed = 0;
  };
  [[nodiscard]] Contexts context_after(const StepShape& shape) const {
    const std::int64_t window = target_->sliding_window();
    Contexts sum{shape.decode.context, window > 0 ? shape.decode.windowed_context : shape.decode.context};
    for (const PrefillChunk& c : shape.prefill) {
      const std::int64_t context = c.history + c.new_tokens;
      sum.all += context;
      sum.windowed += window > 0 ? std::min(context, window) : context;
    }
    return sum;
  }

  // The target's rows and the drafter's own slots.
  [[nodiscard]] StepShape of_drafter(const StepShape& shape, std::vector<PrefillChunk>& chunks) const {
    chunks.assign(shape.prefill.begin(), shape.prefill.end());
    for (PrefillChunk& chunk : chunks) chunk.new_tokens += draft_.slots();
    StepShape first{chunks, shape.decode, shape.group};
    if (target_->sliding_window() == 0) first.decode.windowed_context = shape.decode.context;
    first.decode.drafts += shape.decode.sequences * draft_.slots();
    if (drafter_.parallelism.data == 1) first.group = {};
    return first;
  }

  [[nodiscard]] StepTime first_pass(const StepShape& shape) const {
    StepTime time;
    if (!operators_) return time;
    const StepShape first = of_drafter(shape, chunks_);
    add(time, beside(draft_.parallel ? tokens_of(first) : tokens_of(shape), requests(shape), draft_.fused_inputs > 0));
    if (layers_) add(time, layers_->step(first));
    return time;
  }

  [[nodiscard]] DecodeShape later_shape(std::int64_t rows, const Contexts& contexts) const {
    return {rows * draft_.branches, contexts.all * draft_.branches, contexts.windowed * draft_.branches};
  }
  [[nodiscard]] StepTime later_passes(std::int64_t rows, const Contexts& contexts) const {
    if (!layers_ || draft_.passes < 2) return {};
    const DecodeShape shape = later_shape(rows, contexts);
    StepTime time = layers_->decode(shape.sequences).at(shape);
    add(time, beside(shape.sequences, shape.sequences, draft_.fused_inputs > 0 && !draft_.fuses_once));
    return repeated(time, draft_.passes - 1);
  }

  // The matrices that a layer of the target's kind has not.
  [[nodiscard]] std::vector<Operator> matrices(std::int64_t token_count, std::int64_t requests, bool fuses) const {
    std::vector<Operator> out;
    const ModelSpec& m = draft_.model;
    const double hidden = m.hidden_size;
    const auto tokens = static_cast<double>(token_count);
    const double tp = drafter_.parallelism.tensor;
    if (fuses)
      out.push_back(operators_->matrix("draft_fuse", 1, tokens, hidden, draft_.fused_inputs * hidden, draft_.format));
    if (draft_.method == DraftMethod::eagle3) {  // queries, keys and values of the token's embedding too
      const double width = (m.heads + 2.0 * m.kv_heads) * m.head_dim / tp;
      out.push_back(operators_->matrix("draft_qkv_of_embedding", 1, tokens, width, hidden, draft_.format));
    }
    if (draft_.method == DraftMethod::medusa) {  // a residual block and an LM head for every position
      const auto rows = static_cast<double>(requests);
      const int heads = medusa_heads(draft_);
      out.push_back(operators_->matrix("medusa_blocks", heads, rows, hidden, hidden, draft_.format));
      out.push_back(operators_->matrix("medusa_heads", heads, rows, m.vocab_size / tp, hidden, draft_.format));
    }
    return out;
  }
  [[nodiscard]] StepTime beside(std::int64_t tokens, std::int64_t requests, bool fuses) const {
    constexpr std::size_t kRemembered = 4096;
    const bool small = tokens < static_cast<std::int64_t>(kRemembered) && draft_.method != DraftMethod::medusa;
    auto& remembered = fuses ? fused_ : unfused_;
    if (small) {
      const auto index = static_cast<std::size_t>(tokens);
      if (index >= remembered.size()) remembered.resize(kRemembered);
      if (remembered[index]) return *remembered[index];
    }
    Charge sum;
    for (const Operator& op : matrices(tokens, requests, fuses)) sum += charge(op, scale_);
    const StepTime time = step_time(sum);
    if (small) remembered[static_cast<std::size_t>(tokens)] = time;
    return time;
  }

  [[nodiscard]] DecodeCurve curve_of(std::int64_t sequences) const {
    const DecodeCurve& target = target_->decode(sequences);
    DecodeCurve curve;
    curve.sequences = sequences;
    curve.fixed = target.fixed;
    curve.flops_per_context = target.flops_per_context;
    curve.bytes_per_context = target.bytes_per_context;
    curve.flops_per_windowed = target.flops_per_windowed;
    curve.bytes_per_windowed = target.bytes_per_windowed;
    add(curve.fixed, host_);
    const StepShape nothing{{}, {sequences, 0, 0}};
    add(curve.fixed, first_pass(nothing));
    add(curve.fixed, later_passes(sequences, {}));
    const bool windows = target_->sliding_window() > 0;
    // What the drafter's attention adds to that, with its context.
    const auto drafted = [this, sequences, fixed = drafted_at(sequences, {})](const Contexts& contexts) {
      return std::max(0.0, drafted_at(sequences, contexts) - fixed);
    };
    curve.full = PiecewiseCurve([&full = target.full, drafted, windows](double x) {
      const auto context = static_cast<std::int64_t>(x);
      const CurveSegment& segment = full.segment_at(context);
      return PiecewiseCurve::Point{to_seconds(segment.at(context)) + drafted({context, windows ? 0 : context}),
                                   segment.part};
    });
    curve.windowed = PiecewiseCurve([&windowed = target.windowed, drafted, windows](double x) {
      const auto context = static_cast<std::int64_t>(x);
      const CurveSegment& segment = windowed.segment_at(context);
      return PiecewiseCurve::Point{to_seconds(segment.at(context)) + (windows ? drafted({0, context}) : 0),
                                   segment.part};
    });
    return curve;
  }
  // Of decode rows without drafts, seconds.
  [[nodiscard]] double drafted_at(std::int64_t sequences, const Contexts& contexts) const {
    if (!layers_) return 0;
    DecodeShape first{sequences, contexts.all, contexts.windowed};
    if (draft_.parallel) first.drafts = sequences * draft_.slots();
    FineDuration time = layers_->step({{}, first}).total();
    if (draft_.passes > 1) {
      const DecodeShape later = later_shape(sequences, contexts);
      time += layers_->decode(later.sequences).at(later).total() * (draft_.passes - 1);
    }
    return to_seconds(time);
  }

  [[nodiscard]] StepBreakdown pass_breakdown(const StepShape& shape, std::int64_t tokens, bool fuses) const {
    StepBreakdown sum;
    if (layers_) sum = layers_->breakdown(shape);
    for (const Operator& op : matrices(tokens, requests(shape), fuses)) {
      const Charge c = charge(op, scale_);
      OperatorCost line;
      line.flops = c.work.flops;
      line.bytes = c.work.bytes;
      line.seconds = c.total();
      line.datasheet_seconds = op.datasheet * op.count;
      line.bound = op.estimate.bound;
      line.served_by = op.served != nullptr ? op.served->name : "memory bandwidth";
      line.inside_range = op.inside_range;
      sum.seconds += line.seconds;
      sum.datasheet_seconds += line.datasheet_seconds;
      sum.operators.push_back(std::move(line));
    }
    return sum;
  }
  // A pass as one line, named after what takes the most of it.
  static void append(StepBreakdown& result, const char* name, int times, const StepBreakdown& pass) {
    OperatorCost sum;
    const OperatorCost* largest = nullptr;
    for (const OperatorCost& op : pass.operators) {
      sum.flops += op.flops * times;
      sum.bytes += op.bytes * times;
      sum.error += op.error * op.seconds;
      if (largest == nullptr || op.seconds > largest->seconds) largest = &op;
    }
    if (largest == nullptr) return;
    sum.name = name;
    sum.count = times;
    sum.seconds = pass.seconds * times;
    sum.datasheet_seconds = pass.datasheet_seconds * times;
    sum.bound = largest->bound;
    sum.served_by = largest->served_by;
    sum.inside_range = largest->inside_range;
    sum.error = pass.seconds > 0 ? sum.error / pass.seconds : 0;
    result.seconds += sum.seconds;
    result.datasheet_seconds += sum.datasheet_seconds;
    result.clamped += pass.clamped;
    result.operators.push_back(std::move(sum));
  }

  std::unique_ptr<CostModel> target_;
  DraftSpec draft_;
  Deployment drafter_;
  double scale_;
  StepTime host_;
  std::optional<StepOperators> operators_;                        // where something runs on the GPU
  std::unique_ptr<GpuModel> layers_;                              // null: heads alone
  mutable std::vector<std::optional<StepTime>> fused_, unfused_;  // [tokens]
  mutable std::vector<PrefillChunk> chunks_;                      // scratch
  mutable std::vector<std::unique_ptr<DecodeCurve>> curves_;      // [rows]
};

}  // namespace

std::unique_ptr<CostModel> make_drafting_model(std::unique_ptr<CostModel> target, const Deployment& deployment) {
  return std::make_unique<DraftingModel>(std::move(target), deployment);
}

}  // namespace foretoken
