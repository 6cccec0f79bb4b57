// Pipeline parallelism with as many micro-batches in flight as there are stages: while one passes a
// stage, the others pass the other stages. (vLLM's batch queue of pipeline_parallel_size, TensorRT-LLM's
// micro-batches: every request is in one of them.)
#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>

#include "cost/levels/levels.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

constexpr double kUnitsPerSecond = 1e9 * static_cast<double>(FineDuration::kPerNanosecond);
constexpr double kFarthest = 4611686018427387904.0;  // 2^62 tokens

std::int64_t up(std::int64_t n, std::int64_t by) {
  return (n + by - 1) / by;
}

// The inner curve where a micro-batch has only this share of the context.
PiecewiseCurve of_share(const PiecewiseCurve& inner, double share) {
  return PiecewiseCurve([&inner, share](double context) {
    const double x = std::min(context * share, kFarthest);
    const CurveSegment& segment = inner.segment_at(static_cast<std::int64_t>(x));
    const double units = static_cast<double>(segment.at_begin.units) +
                         static_cast<double>(segment.slope.units) * (x - static_cast<double>(segment.begin));
    return PiecewiseCurve::Point{units / kUnitsPerSecond, segment.part};
  });
}

// Rows [first, first + count) of the batch, with their part of its contexts.
DecodeShape rows_of(const DecodeShape& all, std::int64_t first, std::int64_t count) {
  const auto until = [&](std::int64_t sum, std::int64_t rows) {
    return static_cast<std::int64_t>(FineTotal{sum} * rows / all.sequences);
  };
  const auto part = [&](std::int64_t sum) { return until(sum, first + count) - until(sum, first); };
  if (count == 0) return {};
  return {count, part(all.context), part(all.windowed_context)};
}

struct MicroBatch {
  std::vector<PrefillChunk> chunks;
  DecodeShape decode;
  std::int64_t tokens = 0;
  std::int64_t sampled = 0;
};

// Not shared out among the stages: the head and sampling are the last one's, and every stage's process has the host's
// work of every micro-batch.
constexpr std::string_view kOfOneStage[] = {"final_norm", "lm_head", "sampling", "engine_step", "engine_sequences"};

// A step gives every decoding request one token: the last micro-batch leaves a stage when all have passed it,
// which takes the sum of their times at the last one, whose layers take the time of all over the number of stages; but
// no request comes round faster than its own micro-batch passes all stages in series.
class PipelinedModel final : public CostModel {
 public:
  PipelinedModel(std::unique_ptr<CostModel> series, int stages) : series_(std::move(series)), stages_(stages) {}

  StepTime step(const StepShape& shape) const override {
    const std::int64_t rows = shape.decode.sequences;
    StepTime longest = rows > 0 ? decode(rows).at(shape.decode) : StepTime{};
    if (shape.prefill.empty() && shape.group.tokens == 0) return longest;
    StepTime paced;
    std::array<FineTotal, kTimeParts> sum{};
    FineTotal flops = 0, bytes = 0;
    for (const MicroBatch& batch : split(shape)) {
      if (batch.tokens == 0) continue;
      const StepTime time = series_->step({batch.chunks, batch.decode, group_of(shape.group)});
      if (time.total() > longest.total()) longest = time;
      const StepTime& last = of_one_stage(batch.sampled);
      for (std::size_t p = 0; p < sum.size(); ++p)
        sum[p] += time.parts[p].units + (stages_ - 1) * FineTotal{last.parts[p].units};
      flops += time.flops;
      bytes += time.bytes;
    }
    for (std::size_t p = 0; p < sum.size(); ++p) paced.parts[p] = {static_cast<std::int64_t>(sum[p] / stages_)};
    if (paced.total() < longest.total()) paced.parts = longest.parts;
    paced.flops = static_cast<std::int64_t>(flops / stages_);
    paced.bytes = static_cast<std::int64_t>(bytes / stages_);
    return paced;
  }

  // Micro-batches of equal size: each takes as long as the largest.
  const DecodeCurve& decode(std::int64_t sequences) const override {
    const auto found = curves_.find(sequences);
    if (found != curves_.end()) return found->second;
    const std::int64_t rows = up(sequences, stages_);
    const std::int64_t batches = up(sequences, std::max<std::int64_t>(1, rows));
    const DecodeCurve& one = series_->decode(rows);
    const double share = sequences == 0 ? 1 : static_cast<double>(rows) / static_cast<double>(sequences);
    DecodeCurve curve;
    curve.sequences = sequences;
    curve.fixed = one.fixed;
    const StepTime& last = of_one_stage(rows);
    const std::int64_t others = others_of(sequences);
    for (std::size_t p = 0; p < curve.fixed.parts.size(); ++p)
      curve.fixed.parts[p].units += others * last.parts[p].units;
    curve.fixed.flops = one.fixed.flops / stages_ * batches;
    curve.fixed.bytes = one.fixed.bytes / stages_ * batches;
    curve.full = of_share(one.full, share);
    curve.windowed = of_share(one.windowed, share);
    curve.flops_per_context = one.flops_per_context / stages_;
    curve.bytes_per_context = one.bytes_per_context / stages_;
    curve.flops_per_windowed = one.flops_per_windowed / stages_;
    curve.bytes_per_windowed = one.bytes_per_windowed / stages_;
    return curves_.emplace(sequences, std::move(curve)).first->second;
  }

  std::int64_t sliding_window() const override { return series_->sliding_window(); }

  // The time of the micro-batch with the most to do; the work of one device in the whole step.
  StepBreakdown breakdown(const StepShape& shape) const override {
    const std::vector<MicroBatch> batches = split(shape);
    const auto largest = std::max_element(batches.begin(), batches.end(),
                                          [](const auto& a, const auto& b) { return a.tokens < b.tokens; });
    StepBreakdown result = series_->breakdown({largest->chunks, largest->decode, group_of(shape.group)});
    double flops = 0, bytes = 0;
    for (const OperatorCost& op : result.operators) {
      flops += op.flops;
      bytes += op.bytes;
    }
    if (shape.prefill.empty() && shape.group.tokens == 0) add_other_batches(shape.decode.sequences, result);
    const StepTime whole = step(shape);
    for (OperatorCost& op : result.operators) {
      if (flops > 0) op.flops *= static_cast<double>(whole.flops) / flops;
      if (bytes > 0) op.bytes *= static_cast<double>(whole.bytes) / bytes;
    }
    return result;
  }

 private:
  // What the last stage does for the other micro-batches before a row comes round.
  void add_other_batches(std::int64_t sequences, StepBreakdown& result) const {
    const auto others = static_cast<double>(others_of(sequences));
    for (OperatorCost& op : result.operators) {
      if (!is_of_one_stage(op)) continue;
      result.seconds += others * op.seconds;
      op.seconds *= 1 + others;
    }
  }
  [[nodiscard]] std::int64_t others_of(std::int64_t sequences) const {
    return std::max<std::int64_t>(0, std::min(sequences, stages_) - 1);
  }
  static bool is_of_one_stage(const OperatorCost& op) {
    return std::find(std::begin(kOfOneStage), std::end(kOfOneStage), op.name) != std::end(kOfOneStage);
  }
  // Rows are dealt evenly; a chunk goes where the fewest tokens are.
  [[nodiscard]] std::vector<MicroBatch> split(const StepShape& shape) const {
    std::vector<MicroBatch> batches(static_cast<std::size_t>(stages_));
    std::int64_t first = 0;
    for (std::int64_t i = 0; i < stages_; ++i) {
      const std::int64_t rows = shape.decode.sequences / stages_ + (i < shape.decode.sequences % stages_ ? 1 : 0);
      MicroBatch& batch = batches[static_cast<std::size_t>(i)];
      batch.decode = rows_of(shape.decode, first, rows);
      batch.tokens = batch.sampled = rows;
      first += rows;
    }
    for (const PrefillChunk& chunk : shape.prefill) {
      const auto least = std::min_element(batches.begin(), batches.end(),
                                          [](const auto& a, const auto& b) { return a.tokens < b.tokens; });
      least->chunks.push_back(chunk);
      least->tokens += chunk.new_tokens;
      least->sampled += chunk.samples ? 1 : 0;
    }
    return batches;
  }
  // Time of a micro-batch that other stages do not share.
  [[nodiscard]] const StepTime& of_one_stage(std::int64_t sampled) const {
    const auto found = of_one_stage_.find(sampled);
    if (found != of_one_stage_.end()) return found->second;
    StepTime time;
    if (sampled > 0) {
      for (const OperatorCost& op : series_->breakdown({{}, {sampled, 0, 0}, {}}).operators) {
        if (is_of_one_stage(op)) time[op.bound].units += static_cast<std::int64_t>(op.seconds * kUnitsPerSecond);
      }
    }
    return of_one_stage_.emplace(sampled, time).first->second;
  }
  [[nodiscard]] GroupShape group_of(const GroupShape& all) const {
    return {up(all.tokens, stages_), up(all.largest, stages_)};
  }

  std::unique_ptr<CostModel> series_;
  std::int64_t stages_;
  mutable std::map<std::int64_t, DecodeCurve> curves_;
  mutable std::map<std::int64_t, StepTime> of_one_stage_;
};

}  // namespace

std::unique_ptr<CostModel> make_pipelined_model(std::unique_ptr<CostModel> series, int stages) {
  return std::make_unique<PipelinedModel>(std::move(series), stages);
}

}  // namespace foretoken
