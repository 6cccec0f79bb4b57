// The attention kernels of a step: full, sliding and latent layers.
#include <algorithm>

#include "cost/levels/step_operators.hpp"
#include "cost/operators/attention_decode.hpp"

namespace foretoken {
namespace {

constexpr double kIndexerEfficiency = 0.5;

double attention_datasheet(const Work& work, const Device& device) {
  return datasheet_seconds(work, device.flops_bf16, device.bandwidth);
}

}  // namespace

Operator StepOperators::decode_full(std::int64_t row_count, double context, std::int64_t drafts) const {
  const auto rows = static_cast<double>(row_count);
  const double mean = rows > 0 ? context / rows : 0;
  const double queries = drafts > 0 ? rows + static_cast<double>(drafts) : 0;
  if (is_latent_) {
    const double read = seen(rows, context);
    const LatentDecode a{rows, read, latent_, kv_bytes_, false, queries};
    const ServedSet& set = pricing_.latent_decode;
    Operator op{"attention_decode",
                full_layers_,
                latent_decode_work(a),
                latent_decode_estimate(a, set),
                latent_decode_datasheet(a, pricing_.datasheet),
                &set,
                inside_range(set, "batch", rows) && inside_range(set, "context", mean)};
    if (d_.model.sparse.top_k > 0) add_indexer(op, rows, context);
    return op;
  }
  const DecodeAttention a{rows, context, mean, heads_, kv_bytes_, false, queries, kv_.rate};
  const Work work = decode_attention_work(a);
  const ServedSet& set = pricing_.attention_decode;
  return {"attention_decode",
          full_layers_,
          work,
          decode_attention_estimate(a, set),
          attention_datasheet(work, pricing_.datasheet),
          &set,
          inside_range(set, "batch", rows) && inside_range(set, "context", mean)};
}

// Sparse attention: what of the contexts attention reads, as if they were equal.
double StepOperators::seen(double rows, double context) const {
  const double most = static_cast<double>(d_.model.sparse.top_k);
  return most > 0 ? std::min(context, rows * most) : context;
}

// The indexer reads a key of 8 bits and its scale for every token of the contexts, and picks the best.
void StepOperators::add_indexer(Operator& op, double rows, double context) const {
  const SparseAttentionSpec& s = d_.model.sparse;
  const Work work{2 * context * s.index_heads * s.index_head_dim, context * (s.index_head_dim + 4)};
  const Device& d = pricing_.datasheet;
  const bool bound_alone = d_.level == CostLevel::datasheet;
  const double peak = d.flops_fp8 > 0 ? d.flops_fp8 : d.flops_bf16;
  op.work.flops += work.flops;
  op.work.bytes += work.bytes;
  op.datasheet += datasheet_seconds(work, peak, d.bandwidth);
  op.estimate.variable += datasheet_seconds(work, peak * (bound_alone ? 1 : kIndexerEfficiency),
                                            d.bandwidth * (bound_alone ? 1 : kIndexerEfficiency));
  if (bound_alone || !(rows > 0)) return;
  op.estimate.fixed += pricing_.indexer.launches;
  const double beyond = context / (rows * static_cast<double>(s.top_k)) - 1;
  op.estimate.variable += pricing_.indexer.selection * std::clamp(beyond, 0.0, 1.0);
}

Operator StepOperators::decode_windowed(std::int64_t rows, double windowed_context, std::int64_t drafts) const {
  Operator op = decode_full(rows, windowed_context, drafts);
  op.name = "attention_decode_windowed";
  op.count = windowed_layers_;
  return op;
}

ChunkTerms StepOperators::chunk(const PrefillChunk& c) const {
  ChunkTerms terms;
  const auto s = static_cast<double>(c.new_tokens);
  const auto h = static_cast<double>(c.history);
  if (is_latent_) {
    // With an indexer a token attends to at most top_k of those before it: as many in all as over a shorter history.
    const double most = static_cast<double>(d_.model.sparse.top_k);
    const double all = s * h + s * (s + 1) / 2;
    const double some = most > 0 ? std::min(all, s * most) : all;
    terms.full = latent_prefill_terms({1, s, h, latent_}, pricing_.latent_prefill);
    terms.full.compute *= some / all;
    terms.full.work.flops *= some / all;
    return terms;
  }
  PrefillAttention a{1, s, h, heads_};
  if (full_layers_ > 0) terms.full = prefill_terms(a, pricing_.attention_prefill);
  if (windowed_layers_ > 0) {
    a.window = d_.model.sliding_window;
    terms.windowed = prefill_terms(a, pricing_.attention_prefill);
  }
  return terms;
}

bool StepOperators::chunk_inside_range(const PrefillChunk& c) const {
  const ServedSet& set = mixed_       ? pricing_.attention_mixed
                         : is_latent_ ? pricing_.latent_prefill
                                      : pricing_.attention_prefill;
  return inside_range(set, "new_tokens", static_cast<double>(c.new_tokens)) &&
         inside_range(set, "history", static_cast<double>(c.history));
}

Operator StepOperators::prefill_full(const PrefillTerms& sum) const {
  const ServedSet& set = is_latent_ ? pricing_.latent_prefill : pricing_.attention_prefill;
  Estimate estimate = is_latent_ ? latent_prefill_estimate(sum, set) : prefill_estimate(sum, set);
  estimate.variable *= kv_.prefill;
  return {
      "attention_prefill", full_layers_, sum.work, estimate, attention_datasheet(sum.work, pricing_.datasheet), &set};
}

Operator StepOperators::prefill_windowed(const PrefillTerms& sum) const {
  Operator op = prefill_full(sum);
  op.name = "attention_prefill_windowed";
  op.count = windowed_layers_;
  return op;
}

Operator StepOperators::mixed_full(std::span<const PrefillChunk> chunks, const DecodeShape& decode) const {
  chunks_.clear();
  for (const PrefillChunk& c : chunks) {
    chunks_.push_back({static_cast<double>(c.new_tokens), static_cast<double>(c.history)});
  }
  MixedAttention a;
  a.chunks = chunks_;
  a.decodes = static_cast<double>(decode.sequences);
  a.decode_context = static_cast<double>(decode.context);
  a.heads = heads_;
  a.kv_bytes = kv_bytes_;
  a.kv_rate = kv_.rate;
  // Only sums are kept: contexts spread evenly over a block give (L + 1)/128 + 127/256 blocks each.
  a.decode_key_blocks = (a.decode_context + a.decodes) / 128 + a.decodes * 127 / 256;
  a.longest_key_blocks = a.decodes > 0 ? a.decode_key_blocks / a.decodes : 0;
  const Work work = mixed_attention_work(a);
  const ServedSet& set = pricing_.attention_mixed;
  return {"attention_mixed",
          full_layers_,
          work,
          mixed_attention_estimate(a, set),
          attention_datasheet(work, pricing_.datasheet),
          &set};
}

}  // namespace foretoken
