// The rows. Host overhead of engine generations is fitted to static and closed-loop benchmarks with
// the calibrated kernels (src/cost/README.md, "Host overhead"). Predictions for half of the benchmarked
// systems with terms fitted on the other half are 5 to 9 % off in the median. kCurrent is what asynchronous
// scheduling leaves visible: the engines it was fitted to plan ahead. Without async_scheduling their host
// work adds to a step, by an amount no data here tells.
#include "cost/levels/engine_costs.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "cost/operators/device.hpp"
#include "foretoken/base/version.hpp"
#include "foretoken/cost/deployment.hpp"

namespace foretoken {
namespace {

// Those of 2025 on hide what those of 2024 did not: with 24 us per sequence, offline runs of 0.17 with
// a thousand sequences and more would be a third slower than measured (seen on those runs).
bool is_tensorrt_of_2024(const std::string& version) {
  constexpr std::string_view kBefore = "0.";
  if (!version.starts_with(kBefore)) return false;
  int minor = 0;
  std::from_chars(version.data() + kBefore.size(), version.data() + version.size(), minor);
  return minor < 17;
}

// Prefill outside CUDA graphs: AIConfigurator adds 0.8 ms per layer to vLLM's [published]. The values and the 4-norm,
// as of eager engines, were chosen on the TTFT and TPOT of measured runs.
OverheadTerms with_launches(OverheadTerms terms, double per_prefill_layer, double per_prefill_moe_layer) {
  terms.per_prefill_layer = per_prefill_layer;
  terms.per_prefill_moe_layer = per_prefill_moe_layer;
  return terms;
}

// c_step, c_layer, c_seq, a_ar, scale
constexpr OverheadTerms kCurrent{300e-6, 0, 5e-6, 0, 0.95};
// With the norms in the all-reduces and inputs quantised before they are read, which the 0.95 above stood for: halves
// of the systems choose no factor any more (tests/accuracy/README.md, "What a mechanism is worth").
constexpr OverheadTerms kFused{300e-6, 0, 5e-6, 0, 1};

OverheadTerms current_overhead(const std::string&) {
  return kCurrent;
}
// SGLang: many small kernels in a layer of latent attention and experts. Its value with experts is from runs that
// predictions are not held against: DeepSeek-V3 on eight B200, prompts of 1,000 tokens, median TTFT of 166 ms with four
// requests at once and 195 with one (sglang pull request 7621); 2.5 ms a layer give the former.
OverheadTerms eager_prefill_overhead(const std::string&) {
  return with_launches(kFused, 0.6e-3, 2.5e-3);
}
// vLLM compiles its layers into fewer kernels, with and without experts.
// (Runs that capture prefill to 2,048 tokens show the same time: that size makes no difference here.)
OverheadTerms compiled_prefill_overhead(const std::string&) {
  return with_launches(kFused, 0.2e-3, 0.2e-3);
}
// TensorRT-LLM where it does not plan a step during the one before: releases of 2024.
constexpr OverheadTerms kNotHidden{650e-6, 0, 24e-6, 9e-6, 1};

OverheadTerms tensorrt_overhead(const std::string& release) {
  if (is_tensorrt_of_2024(release)) return kNotHidden;
  // Until 1.0 a C++ runtime. Prompts beside the decodes of a model with experts cost what their tokens do: TPOT of
  // Qwen3-235B and DeepSeek grows in proportion to them, from 128 tokens on.
  return release.starts_with("0.") ? kCurrent : with_launches(kFused, 0.6e-3, 0.3e-3);
}
OverheadTerms vllm_v0_overhead(const std::string& release) {
  if (release.starts_with("0.2")) return {19000e-6, 0, 540e-6, 0, 1};  // before CUDA graphs, launch-bound
  return {1200e-6, 0, 80e-6, 15e-6, 1};
}
OverheadTerms faster_transformer_overhead(const std::string&) {
  return {1000e-6, 0, 100e-6, 100e-6, 1};
}

// vLLM. Middle of 2025: EAGLE-1 and -3 with 2 to 7 tokens on one H100 (vllm issue 20780: 7.69 + 0.74 s and 8.35 + 1.02
// s ms a step beside 7.07 without), both fitted by one pair. End of 2025: Qwen3 of 1.7 to 32 billion parameters with
// two EAGLE-3 tokens (AngelSlim). From 2026 on drafters run in CUDA graphs: a guess.
DraftHost vllm_draft_host(const std::string& release) {
  if (!version_at_least(release, "0.10")) return {0.9e-3, 0.5e-3};
  if (!version_at_least(release, "0.15")) return {0.2e-3, 0.2e-3};
  return {0.1e-3, 0.08e-3};
}
// V0 ran its drafter step by step from Python: chosen on one of its own figures (70B on four H100 with a small draft
// model: 1.5 times as fast at one request a second, 1.4 times slower at many; vLLM's blog of 2024-10-17).
DraftHost vllm_v0_draft_host(const std::string&) {
  return {2e-3, 2.5e-3, 2e-3};
}
// Draft and verification are graphs of their own; the tree is built between them. A guess.
DraftHost sglang_draft_host(const std::string&) {
  return {0.3e-3, 0.03e-3};
}
// One graph holds target and drafter. A guess.
DraftHost tensorrt_draft_host(const std::string&) {
  return {0.05e-3, 0.01e-3};
}

std::int64_t up_to(std::int64_t rows, std::int64_t step) {
  return (rows + step - 1) / step * step;
}
// TensorRT-LLM: 1, 2, 4, by 8 to 128, then doubled (llm_args.py, _generate_cuda_graph_batch_sizes).
std::int64_t captured_by_doubling(std::int64_t rows) {
  if (rows <= 128) return captured_by_sixteen(rows);
  std::int64_t size = 256;
  while (size < rows) size *= 2;
  return size;
}
// SGLang: 1, 2, 4, 8, 12, by 8 to 256, by 16 to 512, then by 32 (server_args.py, the same name).
std::int64_t captured_by_thirty_two(std::int64_t rows) {
  if (rows > 8 && rows <= 12) return 12;
  return rows <= 512 ? captured_by_sixteen(rows) : up_to(rows, 32);
}

constexpr EngineCosts kRows[] = {
    {.engine = "vllm-v1",
     .overhead = compiled_prefill_overhead,
     .draft_host = vllm_draft_host,
     .front_end = {4e-3, 6e-6},
     .graphs_in_budget_from = "0.21",
     .fused_passes_from = "0.10",
     .fuses_quantisation = true,
     .indexer = {65e-6, 0},
     .indexer_on_hopper = {65e-6, 0},
     .kernels_by_release = true},
    {.engine = "vllm-v0",
     .overhead = vllm_v0_overhead,
     .draft_host = vllm_v0_draft_host,
     .drafts_step_by_step = true,
     // CDNA2: launches and kernels of ROCm in 2024, which no coefficient set describes. Fitted on half of the systems
     // measured on MI250; of the other half predictions are 6 % off in the median, 18 at the 90th percentile. Either
     // half gives the same two terms. CDNA3 ran the same releases of ROCm and vLLM: taken over, nothing of it was
     // measured here.
     .cdna_per_layer = 150e-6,
     .cdna_per_sequence = 60e-6,
     .graphs_in_budget_from = "0.21",
     .kernels_by_release = true},
    {.engine = "sglang",
     .overhead = eager_prefill_overhead,
     .draft_host = sglang_draft_host,
     .front_end = {4e-3, 5e-6},
     .fused_passes_from = "0.5",
     .indexer = {5e-6, 20e-6},
     .indexer_on_hopper = {30e-6, 10e-6},
     .captured_size = captured_by_thirty_two,
     .routes_apart = true,
     .kernels = "sglang",
     .all_reduce = "sglang"},
    {.engine = "tensorrt-llm",
     .overhead = tensorrt_overhead,
     .draft_host = tensorrt_draft_host,
     .front_end = {2e-3, 4.4e-6},
     .front_end_from = "1.0",
     // A lone prompt's first token comes later than its kernels and launches say, while steps of others go on as if it
     // had not. DeepSeek-R1 in 4 bits on eight B200, one request at a time, median TTFT of 161 ms with 1,600 tokens and
     // 394 ms with 8,192 (TensorRT-LLM issue 5929, another release and other runs than those that predictions are held
     // against): 114 and 224 ms above what is priced, 87 ms without a token. Why is not known.
     .front_end_of_experts = 0.1,
     .fused_passes_from = "1.0",
     .indexer_on_hopper = {175e-6, 30e-6},
     .captured_size = captured_by_doubling,
     .captured_size_from = "1.0",
     .shares_free_memory = true,
     .marlin = false,
     .pipelines_one_by_one = true,
     .mixed_kernel = false,
     .own_fp8_experts = true,
     .gathers_quantised = true,
     .own_block_gemms = true,
     .kernels = "trtllm",
     .all_reduce = "trtllm"},
    {.engine = "static", .overhead = faster_transformer_overhead},
};
constexpr EngineCosts kOther{.engine = "", .overhead = current_overhead};

}  // namespace

const EngineCosts& engine_costs(std::string_view engine) {
  const auto* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const auto& r) { return r.engine == engine; });
  return row == std::end(kRows) ? kOther : *row;
}

std::int64_t captured_by_sixteen(std::int64_t rows) {
  if (rows <= 2) return rows;
  if (rows <= 4) return 4;
  return up_to(rows, rows <= 256 ? 8 : 16);
}

CapturedSize captured_sizes(std::string_view engine, std::string_view release) {
  const EngineCosts& costs = engine_costs(engine);
  const bool own = costs.captured_size_from.empty() || version_at_least(release, costs.captured_size_from);
  return own ? costs.captured_size : captured_by_sixteen;
}

bool routes_apart(std::string_view kernels) {
  return std::any_of(std::begin(kRows), std::end(kRows),
                     [&](const EngineCosts& r) { return r.routes_apart && r.kernels == kernels; });
}

FrontEndTerms default_front_end(const std::string& engine_name, const std::string& engine_version, bool experts) {
  const EngineCosts& costs = engine_costs(engine_name);
  const bool known = costs.front_end_from.empty() || version_at_least(engine_version, costs.front_end_from);
  if (!known) return {};
  FrontEndTerms terms = costs.front_end;
  if (experts) terms.per_request += costs.front_end_of_experts;
  return terms;
}

OverheadTerms default_overhead(const std::string& engine_name, const std::string& engine_version) {
  return engine_costs(engine_name).overhead(engine_version);
}

OverheadTerms default_overhead(const std::string& engine_name, const std::string& engine_version, const GpuSpec& gpu,
                               int stages) {
  OverheadTerms terms = default_overhead(engine_name, engine_version);
  const EngineCosts& costs = engine_costs(engine_name);
  if (stages > 1 && costs.pipelines_one_by_one) {
    terms.per_step = std::max(terms.per_step, kNotHidden.per_step);
    terms.per_sequence = std::max(terms.per_sequence, kNotHidden.per_sequence);
  }
  // Kernels in a running engine are a little faster than timed one by one. Whole runs say so of these
  // generations (A100, H100, B200); the one run on another, RTX PRO 6000, does not.
  constexpr std::string_view kMeasured[] = {"sm80", "sm90", "sm100"};
  if (std::find(std::begin(kMeasured), std::end(kMeasured), gpu_generation(gpu)) == std::end(kMeasured))
    terms.scale = 1;
  if ((gpu.architecture == "CDNA2" || gpu.architecture == "CDNA3") && costs.cdna_per_layer > 0) {
    terms.per_layer = costs.cdna_per_layer;
    terms.per_sequence = costs.cdna_per_sequence;
  }
  return terms;
}

}  // namespace foretoken
