// The operators of one engine step on one device: which matrices, attention kernels,
// experts, transfers and passes over memory a deployment's model runs, and how often.
#pragma once

#include <vector>

#include "cost/levels/pricing.hpp"
#include "cost/operators/attention_mixed.hpp"
#include "cost/operators/kv_kernels.hpp"
#include "cost/operators/latent_attention.hpp"
#include "cost/operators/linear_attention.hpp"
#include "foretoken/cost/step.hpp"
#include "model/counts.hpp"

namespace foretoken {

// Terms of a prefill chunk's attention kernels, one launch of each.
struct ChunkTerms {
  PrefillTerms full;      // layers that see everything (or the latent core)
  PrefillTerms windowed;  // sliding layers
  bool operator==(const ChunkTerms&) const = default;
};

// The share of tokens that visit each routed expert of the busiest device, the most popular first; empty: even.
[[nodiscard]] std::vector<double> expert_popularity_of(const Deployment& deployment);

class StepOperators {
 public:
  explicit StepOperators(const Deployment& deployment);

  // Everything that depends on the number of this rank's tokens only.
  [[nodiscard]] std::vector<Operator> dense(std::int64_t tokens) const;
  // With attention data parallelism, what depends on the tokens of the whole group: the
  // experts and the exchange with them. Elsewhere dense() has them.
  [[nodiscard]] std::vector<Operator> group(std::int64_t group_tokens) const;
  // Final norm, LM head and sampling for the rows that emit a token; greedy: the best token of each is taken.
  [[nodiscard]] std::vector<Operator> head(std::int64_t sampled, bool greedy = false) const;
  // What drafted tokens are accepted or rejected by, beside that.
  [[nodiscard]] std::vector<Operator> verification(std::int64_t tokens) const;
  // What decode rows need beside attention: MLA's absorbed projections, recurrent state. With drafts to verify.
  [[nodiscard]] std::vector<Operator> beside_decode(std::int64_t rows, std::int64_t drafts = 0) const;
  // What prefill chunks need beside attention: MLA's expansion of keys and values for the tokens that they attend, and
  // the scan of recurrent layers over new ones, of which the longest chunk has so many.
  [[nodiscard]] std::vector<Operator> beside_prefill(std::int64_t attended, std::int64_t new_tokens,
                                                     std::int64_t longest) const;

  [[nodiscard]] Operator decode_full(std::int64_t rows, double context, std::int64_t drafts = 0) const;
  [[nodiscard]] Operator decode_windowed(std::int64_t rows, double windowed_context, std::int64_t drafts = 0) const;
  [[nodiscard]] ChunkTerms chunk(const PrefillChunk& chunk) const;
  // Whether the set that serves it was fitted on chunks of this shape.
  [[nodiscard]] bool chunk_inside_range(const PrefillChunk& chunk) const;
  [[nodiscard]] Operator prefill_full(const PrefillTerms& sum) const;
  [[nodiscard]] Operator prefill_windowed(const PrefillTerms& sum) const;

  // Set where the full layers run chunks and decodes in one kernel.
  [[nodiscard]] bool has_mixed_kernel() const { return mixed_; }
  [[nodiscard]] Operator mixed_full(std::span<const PrefillChunk> chunks, const DecodeShape& decode) const;

  [[nodiscard]] double full_layers() const { return full_layers_; }
  [[nodiscard]] double moe_layers() const { return counts_.moe_layers; }
  [[nodiscard]] double windowed_layers() const { return windowed_layers_; }
  [[nodiscard]] double all_reduces() const { return all_reduces_; }

  // `count` products of m rows with a matrix of k to n.
  [[nodiscard]] Operator matrix(const char* name, double count, double m, double n, double k,
                                WeightFormat format) const;
  // In the dense format, behind a norm or an activation.
  [[nodiscard]] Operator fed_matrix(const char* name, double count, double m, double n, double k) const;

 private:
  [[nodiscard]] Operator absorbed(const char* name, double tokens, double width) const;
  [[nodiscard]] Operator pass(const char* name, double count, double bytes, const ServedSet& set) const;
  void add_projections(std::vector<Operator>& out, double tokens) const;
  [[nodiscard]] double seen(double rows, double context) const;
  void add_indexer(Operator& op, double rows, double context) const;
  void add_recurrent(std::vector<Operator>& out, double tokens) const;
  [[nodiscard]] Operator router(double tokens) const;
  void add_mlps(std::vector<Operator>& out, double tokens) const;
  void add_routed_experts(std::vector<Operator>& out, double group_tokens) const;
  void add_norms(std::vector<Operator>& out, double tokens) const;
  void add_elementwise(std::vector<Operator>& out, double tokens) const;
  void add_communication(std::vector<Operator>& out, double tokens) const;
  [[nodiscard]] bool has_group() const { return d_.parallelism.data > 1 && counts_.moe_layers > 0; }
  [[nodiscard]] Operator linear(const char* name, const Work& work, const Estimate& estimate,
                                const ServedSet& set) const;
  [[nodiscard]] Operator expert_permute(double group_tokens) const;
  [[nodiscard]] Operator expert_exchange(double group_tokens) const;

  const Deployment& d_;
  Pricing pricing_;
  ParameterCounts counts_;
  AttentionHeads heads_;
  LatentShape latent_;
  double kv_bytes_ = 2;  // per element
  KvKernels kv_;         // of attention that is not latent
  LinearShape linear_;   // without heads: not known
  bool is_latent_ = false;
  bool mixed_ = false;
  double full_layers_ = 0;
  double windowed_layers_ = 0;
  double all_reduces_ = 0;
  std::vector<double> popularity_;  // of the experts of this device; empty: even
  LinkGroup tensor_group_;
  LinkGroup expert_group_;  // data-parallel ranks that exchange tokens
  LinkGroup stage_link_;
  mutable std::vector<MixedAttention::Chunk> chunks_;  // scratch
};

}  // namespace foretoken
