// What the cost model prices: a model in given number formats, on given GPUs,
// split in a given way, run by a given engine.
#pragma once

#include <string>

#include "foretoken/cost/calibration.hpp"
#include "foretoken/hardware/gpu_spec.hpp"
#include "foretoken/model/model_spec.hpp"

namespace foretoken {

// Number format of weights (and of the activations inside the matrix unit),
// src/cost/README.md, "Number formats". Bytes per element include the scales.
enum class WeightFormat {
  bf16,              // fp16 as well
  fp8,               // per tensor or channel, dynamic activation scales
  fp8_static,        // static activation scales: no quantisation kernel
  fp8_block,         // 128 x 128 block scales
  int8,              // W8A8
  int8_weight_only,  // W8A16
  int4_weight_only,  // W4A16, group 128 (AWQ, GPTQ)
  nvfp4,             // 16-element blocks
  mxfp4,             // 32-element blocks, W4A16
  mxfp4_mxfp8,       // the same weights, activations in 8 bits
};
// Number format of the KV cache. Scales: one for a tensor (fp8, int8), or for every token and head; of 16 elements
// (fp4).
enum class KvFormat { bf16, fp8, int8, int4, fp4, fp8_per_token_head, int8_per_token_head };

[[nodiscard]] double weight_bytes_per_element(WeightFormat format);
[[nodiscard]] double kv_bytes_per_element(KvFormat format);
struct Deployment;
// The same where scales hang on the model's heads (src/cost/README.md, "KV formats").
[[nodiscard]] double kv_bytes_per_element(const Deployment& deployment);

struct Parallelism {
  int tensor = 1;
  int pipeline = 1;              // stages that a step passes in series
  bool micro_batches = false;    // ... while other micro-batches of the same step pass the other stages
  int data = 1;                  // attention data parallelism inside one replica (MoE); 1 elsewhere. A step
                                 // is then one rank's (see GroupShape for the others' load)
  bool expert_parallel = false;  // experts spread over tensor*data ranks instead of sliced
  [[nodiscard]] int gpus() const { return tensor * pipeline * data; }
  bool operator==(const Parallelism&) const = default;
};

// How tokens get to the ranks of their experts, and back.
enum class ExpertExchange { allgather_reducescatter, deepep_high_throughput, deepep_low_latency };

// Efficiencies of the roofline in place of the defaults and of measured sets. They do
// not touch operators that a calibrated set serves.
struct RooflineTerms {
  double compute_efficiency = 0;  // 0 = the operator's default
  double memory_efficiency = 0;
  double link_efficiency = 0;
  bool operator==(const RooflineTerms&) const = default;
};

// Factors on the FLOP/s and the memory bandwidth that the operators of every level above the
// datasheet reach: what a fit to one's own measurements moves. Nothing gets below the datasheet.
struct EfficiencyScales {
  double compute = 1;
  double memory = 1;
  bool operator==(const EfficiencyScales&) const = default;
};

// Engine overheads per step (src/cost/README.md, "Host overhead"), all in seconds except scale.
struct OverheadTerms {
  double per_step = 0;       // c_step
  double per_layer = 0;      // c_layer
  double per_sequence = 0;   // c_seq, per sampled row
  double per_allreduce = 0;  // a_ar, added to each of the two all-reduces of a layer
  double scale = 1;          // of GPU time
  // Launching one layer of a step with prefill outside CUDA graphs. Hides behind GPU time: 4-norm.
  double per_prefill_layer = 0;
  double per_prefill_moe_layer = 0;  // one with routed experts
  bool operator==(const OverheadTerms&) const = default;
};

// What the engine's own data asks for (src/cost/README.md, "Host overhead"): vllm-v1 and sglang and
// tensorrt-llm from 1.0 on hide nearly all host work; earlier generations do not.
[[nodiscard]] OverheadTerms default_overhead(const std::string& engine_name, const std::string& engine_version);
// The same with the factor on GPU time that holds for calibrated kernels of this GPU, of an engine of so many pipeline
// stages.
[[nodiscard]] OverheadTerms default_overhead(const std::string& engine_name, const std::string& engine_version,
                                             const GpuSpec& gpu, int stages = 1);

// What an engine's front end does with a request before its scheduler knows it (src/cost/README.md, "Front end");
// seconds.
struct FrontEndTerms {
  double per_request = 0;       // each on its own
  double per_prompt_token = 0;  // one prompt after the other
};
// `experts`: the model has routed experts.
[[nodiscard]] FrontEndTerms default_front_end(const std::string& engine_name, const std::string& engine_version,
                                              bool experts);

// What proposes tokens that the next step verifies, under vLLM's names.
enum class DraftMethod { none, ngram, suffix, draft_model, medusa, eagle, eagle3, mtp };
[[nodiscard]] std::string_view to_string(DraftMethod method);

// The drafter of a deployment (src/cost/README.md, "Drafting"): after every step it passes its layers `passes` times,
// first over all tokens of the step, then over `branches` rows of each request.
struct DraftSpec {
  DraftMethod method = DraftMethod::none;
  int tokens = 0;               // that a row verifies beyond its own, at most
  int passes = 0;               // 0: nothing runs on the GPU (ngram, suffix)
  int branches = 1;             // of a tree (SGLang's eagle_topk)
  bool parallel = false;        // one pass makes all drafts (vLLM's parallel_drafting)
  ModelSpec model;              // what a pass computes; no layers: heads alone (medusa)
  std::string checkpoint = {};  // the drafter's own, as the scenario names it
  WeightFormat format = WeightFormat::bf16;
  int fused_inputs = 0;      // hidden states that a pass first projects to one: EAGLE and MTP 2, EAGLE-3 3
  bool fuses_once = false;   // ... in the first pass only (EAGLE-3)
  bool own_tables = false;   // embedding and LM head are not the target's
  double host_per_step = 0;  // s, that neither the target's nor the drafter's work hides
  double host_per_pass = 0;
  [[nodiscard]] bool on() const { return method != DraftMethod::none; }
  // Rows that its first pass has for each request beyond the target's: the token that was just sampled, of a draft
  // model, and a mask for every draft after the first, of a parallel one.
  [[nodiscard]] int slots() const { return (method == DraftMethod::draft_model) + (parallel ? tokens - 1 : 0); }
  bool operator==(const DraftSpec&) const = default;
};

// What a method's drafter is for this model: one layer of its own kind or of a dense one, heads, or `model`. The host
// times are those of the engine's release.
[[nodiscard]] DraftSpec draft_spec(DraftMethod method, const ModelSpec& target, WeightFormat format, int tokens,
                                   const std::string& engine_name, const std::string& engine_version);
// The same drafter, trained to make all drafts in one pass. Precondition: a head of EAGLE or a draft model.
[[nodiscard]] DraftSpec in_parallel(DraftSpec draft);

// LoRA adapters beside the model (src/cost/README.md, "Adapters").
struct LoraSpec {
  int max_loras = 0;  // slots on the GPU, each of max_rank; 0 = off
  int max_rank = 16;
  double per_adapter = 0;    // by which each distinct adapter of a step makes it longer, as a share of it
  double with_adapters = 0;  // the same once, where a step has any
  double pool_bytes = 0;     // of a pool of pages instead of slots (TensorRT-LLM); 0: slots
  [[nodiscard]] bool on() const { return max_loras > 0; }
  bool operator==(const LoraSpec&) const = default;
};
// Bytes of an adapter of this rank on one GPU, and of a slot (as large as one of max_rank, and its buffers).
[[nodiscard]] double adapter_bytes(const ModelSpec& model, const Parallelism& split, int rank);
[[nodiscard]] double adapter_slot_bytes(const ModelSpec& model, const Parallelism& split, int max_rank);
// TensorRT-LLM keeps adapters in pages: how many there are on a GPU for `max_loras` of `max_rank`, how large one is,
// and how many an adapter takes. Precondition: dense layers with keys and values per head.
struct AdapterPages {
  std::int64_t pages = 0;
  std::int64_t slots = 0;  // rows of a page, each as wide as the smallest projection
  double width = 0;        // numbers in such a row
  [[nodiscard]] double bytes() const { return 2.0 * static_cast<double>(pages * slots) * width; }
};
[[nodiscard]] AdapterPages adapter_pages(const ModelSpec& model, const Parallelism& split, int max_rank, int max_loras);
[[nodiscard]] std::int64_t pages_of_adapter(const ModelSpec& model, const Parallelism& split, int rank, int max_rank);
// Seconds in which a step waits for an adapter of this rank to come from host memory, and from disk to there.
[[nodiscard]] double adapter_load_seconds(const ModelSpec& model, const Parallelism& split, int rank, int max_rank);
[[nodiscard]] double adapter_read_seconds(const ModelSpec& model, int rank);
// By which each distinct adapter of a step makes it longer: Llama-3.1-8B and Qwen2.5-7B on H100, ranks 8 to 32.
inline constexpr double kStepPerAdapter = 0.0095;

// Step time = step + per_prefill_token*prefill tokens + per_decode_token*(decode
// rows + drafts) + per_context_token*context tokens attended by decodes + per_draft_pass*passes of the drafter;
// seconds.
struct AffineTerms {
  double per_step = 0;
  double per_prefill_token = 0;
  double per_decode_token = 0;
  double per_context_token = 0;
  double per_draft_pass = 0;
  bool operator==(const AffineTerms&) const = default;
};

// What a device draws at work: busy x floor x TDP, and TDP x (memory x share of its bandwidth + compute x share of
// its peak) (src/cost/README.md, "Power").
struct PowerTerms {
  double floor = 0;
  double memory = 0;
  double compute = 0;
  bool operator==(const PowerTerms&) const = default;
};
[[nodiscard]] PowerTerms power_terms(const GpuSpec& gpu);

// What a device does over some time, as shares of it.
struct DeviceLoad {
  double busy = 0;     // in which it works
  double memory = 0;   // bytes moved over what the datasheet's bandwidth allows
  double compute = 0;  // FLOPs over the datasheet's peak
};
// In the mean, W. cap: of its power; 0 = none.
[[nodiscard]] double mean_watts(const PowerTerms& terms, double tdp, double idle, double cap, const DeviceLoad& load);

struct Deployment {
  GpuSpec gpu;
  NodeSpec node;
  ModelSpec model;
  Parallelism parallelism;
  WeightFormat dense_format = WeightFormat::bf16;   // attention and dense MLP projections
  WeightFormat expert_format = WeightFormat::bf16;  // routed experts
  std::string moe_backend = {};  // library of the routed experts' kernels; empty = the engine's choice
  bool tf32 = false;             // products in 32 bits take the upper 19 bits of their operands
  KvFormat kv_format = KvFormat::bf16;
  ExpertExchange expert_exchange = ExpertExchange::allgather_reducescatter;
  std::string engine_name = "vllm-v1";  // for coefficient sets and overheads
  std::string engine_version = "0.19";
  // CUDA-graph padding of decode batches: captured up to this many rows, 0 = eager.
  int cuda_graph_max_rows = 512;
  std::vector<std::int64_t> captured_sizes = {};  // ascending; empty = the engine's
  CostLevel level = CostLevel::roofline;
  RooflineTerms roofline;
  EfficiencyScales efficiency;
  OverheadTerms overhead;
  AffineTerms affine;
  DraftSpec draft;
  LoraSpec lora = {};
  std::int64_t largest_item = 0;  // tokens of the largest image or sound that prompts bring; 0: text alone
  bool encoder_data_parallel =
      false;                       // tensor ranks deal out items instead of slicing the encoder (mm_encoder_tp_mode)
  bool encodes_only = false;       // images and sound, without the language model
  bool encoded_elsewhere = false;  // the language model, without their encoder
  double power_cap = 0;            // W of a GPU; 0 = none
  SharedCalibration calibration;   // measured coefficient sets to choose from; empty = roofline defaults
  bool operator==(const Deployment&) const = default;
};

}  // namespace foretoken
