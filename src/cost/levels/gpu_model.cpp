// Step times from operators: memoised groups in exact integers, decode attention as
// curves. Memory stays bounded however long a run is.
#include "cost/levels/gpu_model.hpp"

#include <algorithm>
#include <cmath>

#include "cost/levels/charge.hpp"
#include "cost/levels/levels.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kChunkEntries = 4096;
constexpr std::size_t kBesideEntries = 512;
constexpr std::size_t kTogetherEntries = 64;
constexpr std::int64_t kRememberedTokens = std::int64_t{1} << 17;

// Place of a pair in a direct-mapped table of up to 4096.
std::size_t place_of(std::int64_t a, std::int64_t b) {
  const std::uint64_t mixed =
      static_cast<std::uint64_t>(a) * 0x9E3779B97F4A7C15ULL + static_cast<std::uint64_t>(b) * 0xC2B2AE3D27D4EB4FULL;
  return static_cast<std::size_t>(mixed >> 52);
}

// curve.at(shape).total() without its parts.
FineDuration total_at(const DecodeCurve& curve, const DecodeShape& shape) {
  return curve.fixed.total() + curve.full.at(shape.context) + curve.windowed.at(shape.windowed_context);
}

}  // namespace

GpuModel::GpuModel(const Deployment& deployment, Layers whose, int drafts_a_pass)
    : d_(deployment), whose_(whose), drafts_a_pass_(drafts_a_pass), operators_(d_), chunks_(kChunkEntries) {
  capture();
  const OverheadTerms& o = d_.overhead;
  const double moe_layers = operators_.moe_layers();
  const double prefill_launch =
      (d_.model.layers - moe_layers) * o.per_prefill_layer + moe_layers * o.per_prefill_moe_layer;
  // Without graphs every step is launched layer by layer, as those with prefill are.
  overlaps_ = d_.cuda_graph_max_rows == 0 && (o.per_layer > 0 || prefill_launch > 0);
  launch_ = overlaps_ && o.per_layer > 0 ? d_.model.layers * o.per_layer : prefill_launch;
  const double layers = overlaps_ ? 0 : d_.model.layers * o.per_layer;
  per_step_[TimePart::overhead] = capped_fine(o.per_step + layers + operators_.all_reduces() * o.per_allreduce);
  const double launches = operators_.prefill_full({}).estimate.fixed * operators_.full_layers() +
                          operators_.prefill_windowed({}).estimate.fixed * operators_.windowed_layers();
  prefill_launches_ = capped_fine(o.scale * launches);
}

std::int64_t GpuModel::sliding_window() const {
  return operators_.windowed_layers() > 0 ? d_.model.sliding_window : 0;
}

StepTime GpuModel::total(const std::vector<Operator>& operators) const {
  Charge sum;
  for (const Operator& op : operators) sum += charge(op, d_.overhead.scale);
  return step_time(sum);
}

// Padding rows take time, but their work is nobody's.
StepTime GpuModel::dense(std::int64_t tokens, const GroupShape& group) const {
  const auto useful = [](StepTime time, std::int64_t of, std::int64_t rows) {
    if (rows > of) time.flops = static_cast<std::int64_t>(FineTotal{time.flops} * of / rows);
    return time;
  };
  const Rows rows = rows_of(tokens, group);
  StepTime time = useful(dense_rows(rows.own), tokens, rows.own);
  if (d_.parallelism.data > 1) {
    const std::int64_t of = group.tokens > 0 ? group.tokens : tokens * d_.parallelism.data;
    add(time, useful(group_rows(rows.group), of, rows.group));
  }
  return time;
}

// Of a step in a group of one rank, all but its attention.
const StepTime& GpuModel::beside_attention(std::int64_t tokens, std::int64_t sampled) const {
  if (beside_.empty()) beside_.resize(kBesideEntries);
  BesideEntry& e = beside_[place_of(tokens, sampled) % kBesideEntries];
  if (e.tokens != tokens || e.sampled != sampled) {
    e = {tokens, sampled, dense(tokens, {})};
    add(e.time, head(sampled));
    add(e.time, per_step_);
  }
  return e.time;
}

const StepTime& GpuModel::group_rows(std::int64_t rows) const {
  if (rows >= kRememberedTokens) {
    if (group_beyond_tokens_ != rows) group_beyond_ = total(operators_.group(rows));
    group_beyond_tokens_ = rows;
    return *group_beyond_;
  }
  const auto index = static_cast<std::size_t>(rows);
  if (index >= group_.size()) group_.resize(index + index / 2 + 64);
  if (!group_[index]) group_[index] = total(operators_.group(rows));
  return *group_[index];
}

const StepTime& GpuModel::dense_rows(std::int64_t rows) const {
  if (rows >= kRememberedTokens) {
    if (dense_beyond_tokens_ != rows) dense_beyond_ = total(operators_.dense(rows));
    dense_beyond_tokens_ = rows;
    return *dense_beyond_;
  }
  const auto index = static_cast<std::size_t>(rows);
  if (index >= dense_.size()) dense_.resize(index + index / 2 + 64);
  if (!dense_[index]) dense_[index] = total(operators_.dense(rows));
  return *dense_[index];
}

const StepTime& GpuModel::head(std::int64_t sampled) const {
  const auto index = static_cast<std::size_t>(sampled);
  if (index >= head_.size()) head_.resize(index + index / 2 + 64);
  if (!head_[index]) {
    StepTime time = total(operators_.head(sampled, whose_ == Layers::of_drafter));
    add(time[TimePart::overhead], capped_fine(d_.overhead.per_sequence * static_cast<double>(sampled)));
    head_[index] = time;
  }
  return *head_[index];
}

// Attention beyond its launch constants, all layers of the kind; never below the datasheet.
PiecewiseCurve GpuModel::attention_curve(std::int64_t rows, bool windowed) const {
  const double layers = windowed ? operators_.windowed_layers() : operators_.full_layers();
  if (rows == 0 || layers == 0) return {};
  const auto exact = [this, rows, windowed](double context) {
    const Operator op = windowed ? operators_.decode_windowed(rows, context) : operators_.decode_full(rows, context);
    const Charge c = charge_attention(op, d_.overhead.scale);
    return PiecewiseCurve::Point{c.variable(), op.estimate.bound};
  };
  // Roofline and datasheet are straight lines unless the bound changes.
  constexpr double kFar = 1099511627776.0;  // 2^40 tokens
  const PiecewiseCurve::Point near = exact(0);
  const PiecewiseCurve::Point far = exact(kFar);
  const double middle = exact(kFar / 1024).seconds;
  const double chord = near.seconds + (far.seconds - near.seconds) / 1024;
  if (near.part == far.part && std::abs(middle - chord) <= 1e-12 * middle) {
    return PiecewiseCurve::line(capped_fine(near.seconds), capped_fine((far.seconds - near.seconds) / kFar), near.part);
  }
  return PiecewiseCurve(exact);
}

std::unique_ptr<GpuModel::DecodeEntry> GpuModel::make_entry(std::int64_t rows) const {
  auto e = std::make_unique<DecodeEntry>();
  e->beside = total(operators_.beside_decode(rows));
  e->full = attention_curve(rows, false);
  e->windowed = attention_curve(rows, true);
  e->curve.sequences = rows;
  double launches = 0;
  const auto kernel = [&](bool windowed, std::int64_t& flops, std::int64_t& bytes) {
    const auto at = [&](double x) {
      return windowed ? operators_.decode_windowed(rows, x) : operators_.decode_full(rows, x);
    };
    const Operator empty = at(0);
    const Operator one = at(1);
    if (rows == 0 || empty.count == 0) return;
    launches += d_.overhead.scale * empty.estimate.fixed * empty.count;
    flops = counted((one.work.flops - empty.work.flops) * empty.count);
    bytes = counted((one.work.bytes - empty.work.bytes) * empty.count);
    e->beside.flops = std::min(e->beside.flops + counted(empty.work.flops * empty.count), kMostWork);
    e->beside.bytes = std::min(e->beside.bytes + counted(empty.work.bytes * empty.count), kMostWork);
  };
  kernel(false, e->curve.flops_per_context, e->curve.bytes_per_context);
  kernel(true, e->curve.flops_per_windowed, e->curve.bytes_per_windowed);
  e->attention_launches = capped_fine(launches);
  add(e->beside[TimePart::overhead], e->attention_launches);

  StepTime fixed = dense(rows, {});
  add(fixed, head(rows));
  add(fixed, per_step_);
  add(fixed, e->beside);
  e->curve.fixed = fixed;
  e->curve.full = e->full;
  e->curve.windowed = e->windowed;
  if (overlaps_) overlap_layers(*e);
  return e;
}

// Where a step is launch-bound it takes the 4-norm of GPU time and the time to launch all layers
// (src/cost/README.md, "Host overhead"). By two roots rather than a power: it is taken at every step with prefill.
double GpuModel::overlapped(double gpu_seconds) const {
  const double most = std::max(gpu_seconds, launch_);
  const double ratio = std::min(gpu_seconds, launch_) / most;
  return most * std::sqrt(std::sqrt(1 + ratio * ratio * ratio * ratio));
}

// One curve in the sum of all contexts; sliding layers follow it as if all contexts
// were equal, since the norm does not split over two sums.
void GpuModel::overlap_layers(DecodeEntry& e) const {
  const double constant =
      to_seconds(per_step_.total()) + d_.overhead.per_sequence * static_cast<double>(e.curve.sequences);
  const double gpu = to_seconds(e.curve.fixed.total()) - constant;
  const double start = overlapped(gpu);
  add(e.curve.fixed[TimePart::overhead], capped_fine(start - gpu));
  const double most_windowed = static_cast<double>(e.curve.sequences) * static_cast<double>(d_.model.sliding_window);
  const auto attention = [full = e.full, windowed = e.windowed, most_windowed](double x) {
    const auto context = static_cast<std::int64_t>(x);
    const auto cut = static_cast<std::int64_t>(std::min(x, most_windowed));
    return to_seconds(full.at(context)) + to_seconds(windowed.at(cut));
  };
  e.curve.full = PiecewiseCurve([this, gpu, start, attention](double x) {
    return PiecewiseCurve::Point{overlapped(gpu + attention(x)) - start, TimePart::memory};
  });
  e.curve.windowed = {};
}

const GpuModel::DecodeEntry& GpuModel::entry(std::int64_t sequences) const {
  invariant(sequences >= 0, "a step cannot have a negative number of decode rows");
  const auto index = static_cast<std::size_t>(sequences);
  if (index < decode_.size() && decode_[index]) [[likely]]
    return *decode_[index];
  if (index >= decode_.size()) decode_.resize(index + 1);
  decode_[index] = make_entry(sequences);
  return *decode_[index];
}

const DecodeCurve& GpuModel::decode(std::int64_t sequences) const {
  return entry(sequences).curve;
}

StepTime GpuModel::attention_time(const ChunkTerms& sum) const {
  Charge charges;
  if (operators_.full_layers() > 0) charges += charge_attention(operators_.prefill_full(sum.full), d_.overhead.scale);
  if (operators_.windowed_layers() > 0) {
    charges += charge_attention(operators_.prefill_windowed(sum.windowed), d_.overhead.scale);
  }
  return step_time(charges);
}

const GpuModel::ChunkEntry& GpuModel::chunk(const PrefillChunk& c) const {
  ChunkEntry& e = chunks_[place_of(c.new_tokens, c.history) % kChunkEntries];
  if (e.new_tokens != c.new_tokens || e.history != c.history) {
    e.new_tokens = c.new_tokens;
    e.history = c.history;
    e.terms = operators_.chunk(c);
    e.alone = attention_time(e.terms);
    add(e.alone, total(operators_.beside_prefill(c.new_tokens + c.history, c.new_tokens, c.new_tokens)));
  }
  return e;
}

const StepTime& GpuModel::prefill_attention(std::span<const PrefillChunk> chunks) const {
  if (chunks.size() == 1) return chunk(chunks.front()).alone;
  ChunkTerms sum;
  std::int64_t attended = 0, new_tokens = 0, longest = 0;
  for (const PrefillChunk& c : chunks) {
    const ChunkTerms& terms = chunk(c).terms;
    sum.full += terms.full;
    sum.windowed += terms.windowed;
    attended += c.new_tokens + c.history;
    new_tokens += c.new_tokens;
    longest = std::max(longest, c.new_tokens);
  }
  if (together_.empty()) together_.resize(kTogetherEntries);
  TogetherEntry& e = together_[place_of(attended, new_tokens) % kTogetherEntries];
  if (e.attended != attended || e.new_tokens != new_tokens || e.longest != longest || !(e.terms == sum)) {
    e = {attended, new_tokens, longest, sum, attention_time(sum)};
    add(e.time, total(operators_.beside_prefill(attended, new_tokens, longest)));
  }
  return e.time;
}

StepTime GpuModel::decode_attention(const DecodeEntry& e, const DecodeShape& shape) const {
  const CurveSegment& full = e.full.segment_at(shape.context);
  StepTime time = e.beside;
  add(time[full.part], full.at(shape.context));
  const CurveSegment& windowed = e.windowed.segment_at(shape.windowed_context);
  add(time[windowed.part], windowed.at(shape.windowed_context));
  add_context_work(e.curve, shape, time);
  return time;
}

// Full layers run chunks and decodes in one kernel; sliding layers add up. Never below
// the decodes alone, which run in a kernel of their own when there is no chunk.
StepTime GpuModel::mixed_attention(const StepShape& shape) const {
  Charge charges = charge_attention(operators_.mixed_full(shape.prefill, shape.decode), d_.overhead.scale);
  if (operators_.windowed_layers() > 0) {
    PrefillTerms windowed;
    for (const PrefillChunk& c : shape.prefill) windowed += chunk(c).terms.windowed;
    charges += charge_attention(operators_.prefill_windowed(windowed), d_.overhead.scale);
  }
  StepTime time = step_time(charges);
  std::int64_t new_tokens = 0, longest = 0;
  for (const PrefillChunk& c : shape.prefill) {
    new_tokens += c.new_tokens;
    longest = std::max(longest, c.new_tokens);
  }
  add(time, total(operators_.beside_prefill(0, new_tokens, longest)));
  if (shape.decode.sequences == 0) return time;
  const DecodeEntry& e = entry(shape.decode.sequences);
  const CurveSegment& windowed = e.windowed.segment_at(shape.decode.windowed_context);
  add(time[windowed.part], windowed.at(shape.decode.windowed_context));
  for (const TimePart part : {TimePart::compute, TimePart::memory, TimePart::network}) add(time[part], e.beside[part]);
  add(time[TimePart::overhead], e.beside[TimePart::overhead] - e.attention_launches);
  const StepTime alone = shape.decode.drafts > 0 ? verify_attention(shape.decode) : decode_attention(e, shape.decode);
  const FineDuration missing = alone.total() - time.total();
  if (missing.units > 0) add(time[TimePart::overhead], missing);
  return time;
}

StepTime GpuModel::attention(const StepShape& shape) const {
  if (operators_.has_mixed_kernel()) return mixed_attention(shape);
  StepTime time = prefill_attention(shape.prefill);
  if (shape.decode.sequences == 0) return time;
  const DecodeEntry& e = entry(shape.decode.sequences);
  add(time, shape.decode.drafts > 0 ? verify_attention(shape.decode) : decode_attention(e, shape.decode));
  // Both kinds in one launch: the larger of the two constants remains.
  time[TimePart::overhead] -= std::min(e.attention_launches, prefill_launches_);
  return time;
}

StepTime GpuModel::step(const StepShape& shape) const {
  const std::int64_t rows = shape.decode.sequences;
  const bool grouped = shape.group.tokens > 0;
  const bool verifies = shape.decode.drafts > 0;
  if (shape.prefill.empty() && !grouped && !verifies) return decode(rows).at(shape.decode);
  std::int64_t tokens = shape.decode.tokens();
  for (const PrefillChunk& c : shape.prefill) tokens += c.new_tokens;
  const std::int64_t sampled = sampled_rows(shape);
  StepTime time = grouped ? dense(tokens, shape.group) : beside_attention(tokens, sampled);
  if (grouped) {
    add(time, head(sampled));
    add(time, per_step_);
  }
  if (verifies && whose_ == Layers::of_target) {
    add(time, verification(shape.decode.tokens()));
    // The host's time of a sequence is not one of each of its drafts.
    const auto host = [&](std::int64_t rows_of_host) {
      return capped_fine(d_.overhead.per_sequence * static_cast<double>(rows_of_host));
    };
    time[TimePart::overhead] -= host(sampled) - host(sampled - shape.decode.drafts);
  }
  if (!shape.prefill.empty())
    add(time, attention(shape));
  else
    add(time, verifies ? verify_attention(shape.decode) : decode_attention(entry(rows), shape.decode));
  if (launch_ > 0 && (overlaps_ || !shape.prefill.empty())) {
    const std::int64_t sequences = whose_ == Layers::of_target ? sampled - shape.decode.drafts : sampled;
    const double constant = to_seconds(per_step_.total()) + d_.overhead.per_sequence * static_cast<double>(sequences);
    const double gpu = to_seconds(time.total()) - constant;
    add(time[TimePart::overhead], capped_fine(overlapped(gpu) - gpu));
    // The decode curve's chords stand up to 0.05 % above the norm.
    const FineDuration missing =
        rows > 0 && !grouped && !verifies ? total_at(decode(rows), shape.decode) - time.total() : FineDuration{};
    if (missing.units > 0) add(time[TimePart::overhead], missing);
  }
  return time;
}

std::unique_ptr<CostModel> make_gpu_model(const Deployment& deployment) {
  return std::make_unique<GpuModel>(deployment);
}

}  // namespace foretoken
