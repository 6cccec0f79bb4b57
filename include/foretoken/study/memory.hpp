// What fits: weights, KV cache and requests of every precision, context length and GPU, beside what each does to the
// time of a decode step. In closed form.
//
// Example:
//   const Result<MemoryStudy> study = study_memory({"", "none", {{"model=Llama-3.1-8B"}}}, {.gpus = "h100_sxm,l40s"});
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "foretoken/experiment/sweep.hpp"

namespace foretoken {

enum class MemoryStatus { fits, does_not_fit, not_available, invalid };
[[nodiscard]] std::string_view to_string(MemoryStatus status);

// Bytes are of one GPU of a replica, the fullest.
struct MemoryCandidate {
  std::string gpu;
  std::string quantization;    // as engine.quantization spells it
  std::string kv_cache_dtype;  // as engine.kv_cache_dtype
  std::int64_t context = 0;    // tokens of one request, prompt and output; also max_model_len
  MemoryStatus status = MemoryStatus::invalid;
  std::string reason;               // when it does not fit, is not available or is invalid
  std::string remedy;               // what would fit, when it does not
  std::string note;                 // what is priced where the GPU has no such arithmetic
  MemoryPlan memory;                // without meaning where invalid or not available
  double missing = 0;               // bytes that one request more memory would need; 0 when it fits
  double kv_bytes_per_request = 0;  // context in whole blocks
  std::int64_t requests = 0;        // of the context's length that the KV cache holds, of a replica
  std::int64_t batch = 0;           // of one rank: the same, at most max_num_seqs
  bool by_seats = false;            // max_num_seqs ends the batch, not memory
  // One decode step with every request at the full context, as the cost model prices it; 0 = does not fit.
  double tpot_alone_ms = 0;
  double tpot_full_ms = 0;  // with `batch` requests
  double tokens_per_s = 0;  // of a replica at that batch
};

struct MemoryStudy {
  Scenario scenario;  // of the first GPU, with the scenario's own precision
  std::vector<std::string> gpus;
  std::vector<std::string> quantizations;
  std::vector<std::string> kv_cache_dtypes;
  std::vector<std::int64_t> contexts;
  std::vector<MemoryCandidate> candidates;  // GPUs by contexts by quantisations by KV formats, the last fastest
  std::vector<std::string> notes;
  // The first precision on the same GPU with the same context: what others are compared with.
  [[nodiscard]] const MemoryCandidate& baseline_of(std::size_t candidate) const;
};

// Lists as of a sweep's axis; empty = by the scenario: its own GPU and precision, fp8 and 4-bit weights, an fp8 KV
// cache, its requests' mean length, 4,096 tokens and max_model_len.
struct MemoryOptions {
  std::string gpus = {};
  std::string quantizations = {};
  std::string kv_cache_dtypes = {};
  std::string contexts = {};
  std::string pool = {};  // of a scenario with pools, the one that is asked about
  int threads = 0;
};

// Errors, all at once: pools of which none is named, lists with names or numbers that do not exist, a scenario without
// hardware (cost.level: affine), and one that is invalid at every candidate.
[[nodiscard]] Result<MemoryStudy> study_memory(const Question& question, const MemoryOptions& options = {});

// Why an engine does not serve a format on a GPU at all; empty where it does. `note` then says what runs instead of
// arithmetic that the GPU does not have.
[[nodiscard]] std::string why_not_available(const Deployment& deployment, const std::string& quantization,
                                            const std::string& kv_cache_dtype, std::string& note);

}  // namespace foretoken
