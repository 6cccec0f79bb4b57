// All that differs between engines below the simulation: host work, memory plan, kernels. One row each; what
// differs from the simulation upwards is in src/serving/engines.
#pragma once

#include <string>
#include <string_view>

#include "foretoken/cost/deployment.hpp"

namespace foretoken {

// Host time of drafting that shows in a step, seconds.
struct DraftHost {
  double per_step = 0;
  double per_pass = 0;     // of a drafter on the GPU
  double on_cpu = 0.5e-3;  // a step of a drafter on the CPU (ngram, suffix), a guess
};

// The rows of the CUDA graph that a step of so many runs in, but for the largest.
using CapturedSize = std::int64_t (*)(std::int64_t rows);
[[nodiscard]] std::int64_t captured_by_sixteen(std::int64_t rows);  // vLLM: 1, 2, 4, then by 8 to 256, then by 16
[[nodiscard]] CapturedSize captured_sizes(std::string_view engine, std::string_view release);

// The indexer of sparse attention beside the reading of its keys, seconds of a layer: logits, top-k and the kernels
// between them, and what choosing among more tokens than are read takes, from twice as many on. By whole layers of
// tables, src/cost/README.md, "Latent attention". These are TensorRT-LLM's on Blackwell.
struct IndexerTimes {
  double launches = 25e-6;
  double selection = 40e-6;
};

struct EngineCosts {
  std::string_view engine;
  OverheadTerms (*overhead)(const std::string& release) = nullptr;
  DraftHost (*draft_host)(const std::string& release) = nullptr;  // null: as current releases
  bool drafts_step_by_step = false;      // every pass of a drafter has the host's time of a sequence
  FrontEndTerms front_end = {};          // of current releases
  std::string_view front_end_from = {};  // the first of them; empty: all
  double front_end_of_experts = 0;       // seconds more until a first token of a model with experts
  // What CDNA2 and CDNA3 cards of AMD add to it, seconds; 0 = nothing is known.
  double cdna_per_layer = 0;
  double cdna_per_sequence = 0;
  // CUDA graphs are taken out of the memory budget from this release on; before, they came on top. Empty: always.
  std::string_view graphs_in_budget_from = {};
  // From this release on norms and their like stream as a cast does, and those behind an all-reduce run in its kernel
  // where such a kernel was seen. Empty: they do not.
  std::string_view fused_passes_from = {};
  // Compiled layers: what a norm or an activation puts out for a matrix in fp8 it quantises itself (by tokens, not
  // blocks).
  bool fuses_quantisation = false;
  IndexerTimes indexer = {};
  IndexerTimes indexer_on_hopper = {};
  CapturedSize captured_size = captured_by_sixteen;
  std::string_view captured_size_from = {};  // the first release with these; before as vLLM. Empty: all
  bool shares_free_memory = false;           // its share is of what the model leaves free, not of the whole memory
  bool kernels_by_release = false;           // measured kernel sets of its own release are the nearest
  // The experts are chosen before their kernel is called, but for those of TensorRT-LLM, which choose themselves.
  bool routes_apart = false;
  bool marlin = true;  // weights alone are narrow, or the GPU cannot multiply them: Marlin's kernel unpacks them
  // With pipeline stages it has a loop of its own, which plans no step during the one before (py_executor.py,
  // _executor_loop_pp).
  bool pipelines_one_by_one = false;
  bool mixed_kernel = true;      // prompts and decodes run in one kernel on generations that have it
  bool own_fp8_experts = false;  // of its table; others' time a library that their servers do not run
  // Ranks of attention gather what the experts' kernel reads, in its format; not blocks of 8 bits, which it makes
  // itself (TensorRT-LLM: fused_moe_cutlass.py, run_post_quant_allgather).
  bool gathers_quantised = false;
  bool own_block_gemms = false;          // its table of products in blocks of 8 bits is of kernels alone
  std::string_view kernels = "vllm";     // whose measured expert kernels are its own
  std::string_view all_reduce = "vllm";  // whose measured all-reduce kernels are its own
};

// An engine without a row costs what current ones with asynchronous scheduling do.
[[nodiscard]] const EngineCosts& engine_costs(std::string_view engine);

// The same by the name that the engine has in coefficient sets.
[[nodiscard]] bool routes_apart(std::string_view kernels);

}  // namespace foretoken
