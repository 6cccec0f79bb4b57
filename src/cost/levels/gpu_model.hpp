// The levels that know a GPU (datasheet, roofline, calibrated): one composition of
// operators, priced by whatever physics the deployment's level chose for each.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "cost/levels/step_operators.hpp"
#include "foretoken/cost/cost_model.hpp"

namespace foretoken {

// Who the layers belong to: of a drafter as many rows of each sequence reach the LM head as it makes drafts in a pass,
// and their best tokens are taken.
enum class Layers { of_target, of_drafter };

class GpuModel final : public CostModel {
 public:
  explicit GpuModel(const Deployment& deployment, Layers whose = Layers::of_target, int drafts_a_pass = 1);
  StepTime step(const StepShape& shape) const override;
  const DecodeCurve& decode(std::int64_t sequences) const override;
  StepBreakdown breakdown(const StepShape& shape) const override;
  std::int64_t sliding_window() const override;
  bool turn_to(const Deployment& deployment) override;

 private:
  // Decode attention of n rows, and what a step with prefill needs of it besides.
  struct DecodeEntry {
    DecodeCurve curve;
    StepTime beside;                  // fixed costs of the rows' own operators
    FineDuration attention_launches;  // of these, the constants of the attention kernels
    PiecewiseCurve full;              // without the engine's overlap (see eager engines)
    PiecewiseCurve windowed;
  };
  struct ChunkEntry {
    std::int64_t new_tokens = -1;
    std::int64_t history = -1;
    ChunkTerms terms;
    StepTime alone;  // the attention of a step with this chunk only
  };
  // Several chunks; which, as far as their time goes.
  struct TogetherEntry {
    std::int64_t attended = -1;
    std::int64_t new_tokens = -1;
    std::int64_t longest = -1;
    ChunkTerms terms;
    StepTime time;
  };
  struct BesideEntry {
    std::int64_t tokens = -1;
    std::int64_t sampled = -1;
    StepTime time;
  };

  [[nodiscard]] const DecodeEntry& entry(std::int64_t sequences) const;
  [[nodiscard]] std::unique_ptr<DecodeEntry> make_entry(std::int64_t sequences) const;
  [[nodiscard]] PiecewiseCurve attention_curve(std::int64_t rows, bool windowed) const;
  void overlap_layers(DecodeEntry& e) const;
  [[nodiscard]] const StepTime& beside_attention(std::int64_t tokens, std::int64_t sampled) const;
  [[nodiscard]] StepTime dense(std::int64_t tokens, const GroupShape& group) const;
  [[nodiscard]] const StepTime& group_rows(std::int64_t rows) const;
  [[nodiscard]] const StepTime& dense_rows(std::int64_t rows) const;
  [[nodiscard]] const StepTime& head(std::int64_t sampled) const;
  [[nodiscard]] const StepTime& verification(std::int64_t tokens) const;
  [[nodiscard]] StepTime verify_attention(const DecodeShape& shape) const;
  // Of the step; a draft emits a token too, should it be accepted.
  [[nodiscard]] std::int64_t sampled_rows(const StepShape& shape) const;
  [[nodiscard]] const ChunkEntry& chunk(const PrefillChunk& chunk) const;
  [[nodiscard]] const StepTime& prefill_attention(std::span<const PrefillChunk> chunks) const;
  [[nodiscard]] StepTime attention_time(const ChunkTerms& sum) const;
  [[nodiscard]] StepTime attention(const StepShape& shape) const;
  [[nodiscard]] StepTime mixed_attention(const StepShape& shape) const;
  [[nodiscard]] StepTime decode_attention(const DecodeEntry& e, const DecodeShape& shape) const;
  [[nodiscard]] StepTime total(const std::vector<Operator>& operators) const;
  void capture();
  [[nodiscard]] std::int64_t captured_size(std::int64_t tokens) const;
  [[nodiscard]] std::int64_t padded(std::int64_t tokens) const;
  // Rows that this rank's matrices and the group's experts work on.
  struct Rows {
    std::int64_t own = 0;
    std::int64_t group = 0;
  };
  [[nodiscard]] Rows rows_of(std::int64_t tokens, const GroupShape& group) const;
  [[nodiscard]] double overlapped(double gpu_seconds) const;

  Deployment d_;
  Layers whose_;
  int drafts_a_pass_;  // of a drafter
  StepOperators operators_;
  std::vector<std::int64_t> padded_;  // [rows]: of the graph that they run in
  StepTime per_step_;
  double launch_ = 0;      // s, of all layers: of every step where overlaps_, else of those with prefill
  bool overlaps_ = false;  // eager engine: launching layers hides behind the GPU's work
  FineDuration prefill_launches_;
  mutable std::vector<std::optional<StepTime>> dense_;  // [padded tokens]
  mutable std::optional<StepTime> dense_beyond_;
  mutable std::int64_t dense_beyond_tokens_ = -1;
  mutable std::vector<std::optional<StepTime>> group_;  // [padded tokens of the group]
  mutable std::optional<StepTime> group_beyond_;
  mutable std::int64_t group_beyond_tokens_ = -1;
  mutable std::vector<std::optional<StepTime>> head_;          // [sampled rows]
  mutable std::vector<std::optional<StepTime>> verification_;  // [tokens of rows with drafts]
  mutable std::vector<std::unique_ptr<DecodeEntry>> decode_;
  // Direct mapped:
  mutable std::vector<ChunkEntry> chunks_;
  mutable std::vector<TogetherEntry> together_;
  mutable std::vector<BesideEntry> beside_;
};

}  // namespace foretoken
