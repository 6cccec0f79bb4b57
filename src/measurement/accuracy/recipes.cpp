// One function per script or table. InferenceX: SemiAnalysisAI/InferenceX, folder benchmarks/, with
// the arguments its scripts passed at the date of the rows.
#include "measurement/accuracy/recipes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace foretoken {
namespace {

bool starts(const std::string& text, std::string_view prefix) {
  return text.starts_with(prefix);
}
bool is_lengths(const Point& p, std::int64_t prompt, std::int64_t output) {
  return p.prompt_tokens == prompt && p.output_tokens == output;
}

// The day of the run, 2025-10-29; days compare as text.
std::string day_of(const Point& p) {
  constexpr std::string_view kBefore = "InferenceX sweep ";
  const auto at = p.notes.find(kBefore);
  return at == std::string::npos ? std::string() : p.notes.substr(at + kBefore.size(), 10);
}

// 70b_fp8_b200_docker.sh, 70b_fp4_b200_docker.sh, 70b_fp8_h100_docker.sh at ac1998a, checkpoints of ModelOpt. The last
// also asks for an 8-bit cache, but a 70B model on two H100 queues as only a 16-bit cache makes it (seen on these
// rows).
Recipe llama_vllm(const Point& p) {
  Recipe r{"auto", fmt::format("  max_num_batched_tokens: 8192\n  max_num_seqs: {}\n", p.batch)};
  // cudagraph_mode FULL_DECODE_ONLY
  if (starts(p.gpu, "B200"))
    r = {"fp8", "  max_num_batched_tokens: 8192\n  max_num_seqs: 512\n", "cost: {per_prefill_layer: 0.8 ms}\n"};
  r.static_scales = true;
  return r;
}

// 70b_fp8_b200_trt_docker.sh, 70b_fp4_b200_trt_docker.sh at ac1998a.
Recipe llama_tensorrt(const Point& p) {
  Recipe r{"fp8", "  max_num_batched_tokens: 16384\n  max_cudagraph_capture_size: 1024\n"};
  if (is_lengths(p, 1024, 1024) && p.tensor < 8) {
    r.engine += "  batch_wait_timeout_iters: 20\n  batch_wait_max_tokens_ratio: 0.9\n";
  }
  return r;
}

// Until 2025-11-03 (17d5e204f) the scripts spread experts and attention by themselves, and results did not say so
// (dsr1_fp4_b200_trt_slurm.sh at e06929c; SGLang's dsr1_fp4_b200_docker.sh until 2025-11-10, d8fe8f73e, always had
// --enable-ep-moe).
void spread_by_script(Recipe& r, const Point& p) {
  const bool long_prompts = is_lengths(p, 8192, 1024);
  r.attention_ranks = long_prompts ? p.batch > 32 : p.batch >= 256;
  const std::int64_t together = p.tensor == 4 || long_prompts ? 32 : is_lengths(p, 1024, 1024) ? 8 : 16;
  r.spreads_experts = p.batch > together;
}

// dsr1_fp{4,8}_b200_trt*.sh from e06929c to 0aae52d. `max_num_tokens` has room for one prompt.
Recipe deepseek_tensorrt(const Point& p) {
  const std::string day = day_of(p);
  const bool later = day >= "2026-01-29";
  std::int64_t budget = (p.batch + p.prompt_tokens + 64 + 63) / 64 * 64;
  if (later) budget = std::max<std::int64_t>(budget, 8192);
  const bool fp8 = starts(p.weights, "fp8");
  const bool tight = fp8 && later && p.tensor == 4 && is_lengths(p, 8192, 1024);
  Recipe r{"fp8",
           fmt::format("  max_num_batched_tokens: {}\n  free_gpu_memory_fraction: {}\n", budget, tight ? 0.75 : 0.8)};
  if (!fp8 && day < "2025-11-03") spread_by_script(r, p);
  const std::int64_t ranks = r.attention_ranks ? p.tensor : std::max<std::int64_t>(1, p.data);
  const std::int64_t captured = later ? std::max<std::int64_t>(1, p.batch / (ranks > 1 ? 4 : 1)) : 512;
  r.engine += fmt::format("  max_cudagraph_capture_size: {}\n", captured);
  if (ranks > 1) {
    r.engine +=
        "  attention_dp_enable_balance: true\n  attention_dp_timeout_iters: 60\n"
        "  attention_dp_batching_wait_iters: 0\n";
  }
  if (fp8 && later && ranks == 1 && is_lengths(p, 1024, 1024) && p.batch >= 64) {
    r.engine += "  batch_wait_timeout_iters: 40\n  batch_wait_max_tokens_ratio: 0.8\n";
  }
  return r;
}

// What dsr1_fp8_b200.sh asks for on four GPUs, whose weights leave little room (from 2026-01-13, 1d29967, to 626932a).
constexpr std::string_view kDeepseekOnFour =
    "  disable_radix_cache: true\n  scheduler_recv_interval: 10\n  max_num_seqs: 32\n"
    "  max_cudagraph_capture_size: 32\n  mem_fraction_static: 0.95\n  chunked_prefill_size: 8192\n"
    "  max_prefill_tokens: 8192\n";

// dsr1_fp4_b200*.sh and dsr1_fp8_b200*.sh from e06929c to 12ba0ae.
Recipe deepseek_sglang(const Point& p) {
  const bool fp8 = starts(p.weights, "fp8");
  if (fp8 && p.tensor == 4) return {"fp8", std::string(kDeepseekOnFour)};
  // The script of the 8-bit runs says 128 seats, but those of more requests did not queue.
  const std::int64_t seats = fp8 ? std::max<std::int64_t>(128, p.batch) : 256;
  std::string engine = fmt::format(
      "  disable_radix_cache: true\n  scheduler_recv_interval: {}\n  max_num_seqs: {}\n"
      "  max_cudagraph_capture_size: {}\n  mem_fraction_static: {}\n  chunked_prefill_size: {}\n",
      p.batch >= 16 ? 30 : 10, seats, seats, fp8 ? 0.82 : 0.85, fp8 ? 32768 : 16384);
  if (fp8) engine += "  max_prefill_tokens: 32768\n";
  Recipe r{"fp8", engine};
  r.spreads_experts = !fp8 && day_of(p) <= "2025-11-10";
  return r;
}

// qwen3.5_{bf16,fp8,fp4}_b200.sh at 29d69fa, 01fa35c and 48d35c4; the tokenizer works in six processes.
Recipe qwen35_sglang(const Point& p) {
  const bool wide = starts(p.weights, "bf16");
  return {wide ? "auto" : "fp8",
          fmt::format("  disable_radix_cache: true\n  scheduler_recv_interval: {}\n  max_num_seqs: 128\n"
                      "  max_cudagraph_capture_size: {}\n  mem_fraction_static: {}\n"
                      "  chunked_prefill_size: 32768\n  max_prefill_tokens: 32768\n",
                      p.batch >= 16 ? 30 : 10, p.batch, starts(p.weights, "nvfp4") ? 0.85 : 0.82),
          "cost: {per_prompt_token: 1 us}\n"};
}

// gptoss_fp4_{b200,b200_trt,h100,h200}.sh at 1fc5d73, 1825e7f and 34bc7c4; those before vLLM 0.14 asked to plan ahead
// (7103d66, 25506e8, 4e52ed4).
Recipe gpt_oss(const Point& p) {
  const bool blackwell = starts(p.gpu, "B") || starts(p.gpu, "GB");
  if (starts(p.framework, "trtllm"))
    return {"fp8",
            fmt::format("  max_num_batched_tokens: 20000\n  max_num_seqs: 512\n  free_gpu_memory_fraction: 0.85\n"
                        "  max_cudagraph_capture_size: {}\n",
                        p.batch)};
  return {blackwell ? "fp8" : "auto",
          fmt::format("  enable_prefix_caching: false\n  max_num_batched_tokens: 8192\n  max_num_seqs: {}\n"
                      "  max_cudagraph_capture_size: 2048\n  async_scheduling: true\n  moe_backend: {}\n",
                      blackwell ? 512 : p.batch, blackwell ? "trtllm_mxfp8" : "marlin")};
}

// minimaxm2.5_fp{4,8}_b200.sh from 626932a to 8c3eb5b, minimaxm2.5_fp8_h100.sh at 7373098.
Recipe minimax_vllm(const Point& p) {
  if (starts(p.gpu, "H100")) return {"auto", "  max_num_seqs: 256\n"};
  const bool first = starts(p.weights, "fp8") && day_of(p) < "2026-04-03";
  const std::string block = starts(p.weights, "fp8") ? "  block_size: 32\n" : "";
  // VLLM_USE_FLASHINFER_MOE_FP8=0, VLLM_MOE_USE_DEEP_GEMM=0
  if (first) return {"auto", block + "  gpu_memory_utilization: 0.95\n  moe_backend: triton\n"};
  // VLLM_FLOAT32_MATMUL_PRECISION, from 41ed82d and 13962fc on
  const std::string_view products = day_of(p) >= "2026-04-21" ? "  float32_matmul_precision: high\n" : "";
  return {"fp8", block + fmt::format("  max_num_batched_tokens: {}\n  max_cudagraph_capture_size: 2048\n{}",
                                     2 * p.prompt_tokens, products)};
}

// The client of these runs sent one prompt alone and then all that it measured, until 2026-01-21 (d053ae2, pull request
// 480: twice the concurrency goes ahead). SGLang makes kernels for a size of step when it first comes. A run of
// DeepSeek in 4 bits on 0.5.6 (issue 870) has means of TTFT of 0.20, 0.20, 0.35 and 0.39 s with 4 to 32 requests,
// and 5.7 s with 64, of which the last percentile took 73 s. In the rows here TTFT rises by seconds where the first
// prompts fill a chunk (32 of 1,024 tokens, 4 of 8,192; with chunks of twice the size twice as many), and no further
// with load.
bool is_cold(const Point& p) {
  return starts(p.framework, "sglang") && day_of(p) < "2026-01-21";
}

// DeepSeek in release 1.3.0rc1, which Dynamo 0.9 served as aiconfigurator had written it (the source's own table names
// image and day: ai-dynamo/aiconfigurator:aic-core/src/aiconfigurator_core/systems/silicon_sample.csv). From 2026-03-04
// (21ab3c64e) to 2026-04-14 (51627bb15) its mapping has no name for this engine's CUDA graphs, experts and cache, so
// that its template's own values stand (extra_engine_args.1.3.0rc1.yaml.j2): graphs of 1, 2, 4, 8, 16 ... 256 requests,
// not padded to, where these ranks have 5, 6, 10, 12, 28 and 56. Every step is launched kernel by kernel: 85 to 92 ms a
// token at any load. What a layer's launches take is read from the first three of these six runs.
Recipe generated_tensorrt(const Point& p) {
  constexpr std::int64_t kSeats = 512, kRoom = 1500, kBlock = 32;
  const std::int64_t tokens = (kSeats + p.prompt_tokens + kRoom + kBlock - 1) / kBlock * kBlock;
  Recipe r{"",
           fmt::format("  enforce_eager: true\n  moe_backend: cutlass\n  free_gpu_memory_fraction: 0.8\n"
                       "  max_num_seqs: {}\n  max_num_batched_tokens: {}\n",
                       kSeats, tokens),
           "cost: {per_layer: 1.3 ms}\n"};
  r.rounds = 50;  // bench_run.sh.j2
  return r;
}

// In-house runs of NVIDIA: no script is public; what follows is read from the results.
Recipe in_house_tensorrt(const Point& p) {
  if (starts(p.model_family, "deepseek") && p.framework == "trtllm 1.3.0rc1") return generated_tensorrt(p);
  // TTFT less that of a lone prompt is E2E / concurrency at all output lengths, which by Little's law is one request
  // that always waits: the engine seats one fewer than the client sends.
  if (starts(p.model_family, "llama3-8b"))
    return {"", fmt::format("  max_num_seqs: {}\n", std::max<std::int64_t>(1, p.batch - 1))};
  return {};
}

// `trtllm-bench` gives tokens to the engine in its own process, and takes tokens when a request ends: nothing is split
// into words, put together again or streamed.
std::string without_front_end(const Point& p) {
  // With pipeline stages the engine's own work on sequences is not hidden.
  return fmt::format("cost: {{per_request: 0 s, per_prompt_token: 0 s{}}}\n",
                     p.pipeline > 1 ? "" : ", per_sequence: 0 s");
}

// TensorRT-LLM's tables of offline throughput (NVIDIA/TensorRT-LLM:docs/source/performance/perf-overview.md of 0.17
// and 1.0, NVIDIA/TensorRT-LLM:docs/source/developer-guide/perf-overview.md of 1.1): share of memory, captured batches
// and libraries of experts as written there, and where nothing is, as that release's defaults are (CUTLASS). That of
// DeepSeek is written as CUTLASS too, whose table is slower than those servers (see expert_kernels.cpp). Checkpoints of
// ModelOpt, whose 8- and 4-bit ones carry scales for an 8-bit cache.
Recipe offline_tensorrt(const Point& p) {
  const bool hopper = starts(p.gpu, "H100");
  const bool gpt_oss = starts(p.model_family, "gpt-oss");
  const bool wide = starts(p.weights, "bf16") || starts(p.weights, "fp16") || (gpt_oss && hopper);
  Recipe r{wide ? "auto" : "fp8", "  free_gpu_memory_fraction: 0.95\n", without_front_end(p)};
  r.bench_limits = true;
  r.chunked = starts(p.framework, "TensorRT-LLM 0");
  if (r.chunked)
    r.engine += "  enable_chunked_prefill: true\n";
  else
    r.engine += "  cudagraph_capture_sizes: [1, 2, 4, 8, 16, 32, 64, 128, 256, 384, 512, 1024, 2048, 4096, 8192]\n";
  if (gpt_oss) {
    if (hopper) r.engine += "  moe_backend: triton\n";
  } else if (!starts(p.model_family, "deepseek") && starts(p.gpu, "B200")) {
    r.engine += "  moe_backend: cutlass\n";
  }
  if (starts(p.model_family, "deepseek"))
    r.engine +=
        "  attention_dp_enable_balance: true\n  attention_dp_timeout_iters: 60\n"
        "  attention_dp_batching_wait_iters: 0\n";
  return r;
}

Recipe inference_x(const Point& p) {
  const bool vllm = starts(p.framework, "vllm"), sglang = starts(p.framework, "sglang");
  const bool tensorrt = starts(p.framework, "trtllm");
  if (starts(p.model_family, "llama-70b")) return vllm ? llama_vllm(p) : tensorrt ? llama_tensorrt(p) : Recipe{};
  if (starts(p.model_family, "deepseek"))
    return sglang ? deepseek_sglang(p) : tensorrt ? deepseek_tensorrt(p) : Recipe{};
  if (starts(p.model_family, "minimax")) return vllm ? minimax_vllm(p) : Recipe{};
  if (starts(p.model_family, "qwen3.5")) return sglang ? qwen35_sglang(p) : Recipe{};
  if (starts(p.model_family, "gpt-oss")) return vllm || tensorrt ? gpt_oss(p) : Recipe{};
  return {};
}

}  // namespace

Recipe recipe_of(const Point& p) {
  if (p.notes.starts_with("offline max throughput")) return offline_tensorrt(p);
  if (p.notes.find("NVIDIA in-house run") != std::string::npos && starts(p.framework, "trtllm"))
    return in_house_tensorrt(p);
  if (day_of(p).empty()) return {};
  Recipe recipe = inference_x(p);
  recipe.cold = is_cold(p);
  return recipe;
}

}  // namespace foretoken
