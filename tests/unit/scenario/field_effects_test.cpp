// Every row of the field table lands in the scenario: a legal value other than the default, set
// as a user would, shows in the resolved scenario at its key, and nobody says it has no effect.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "foretoken/scenario/scenario.hpp"
#include "scenario/field_table.hpp"
#include "support/temporary_file.hpp"
#include "test_paths.hpp"
#include "unit/scenario/fleet_examples.hpp"
#include "unit/scenario/kv_offload_examples.hpp"
#include "unit/scenario/question_examples.hpp"

namespace foretoken {
namespace {

using test::Example;

constexpr const char* kPlain =
    "model: Llama-3.1-8B\n"
    "hardware: {gpu: h100_sxm}\n"
    "workload: {random_input_len: 100, random_output_len: 10, num_prompts: 50}\n";

const std::string kTrace = std::string(FORETOKEN_SOURCE_DIR) + "/scenarios/traces/small-conversation.csv";

// Readable as azure and as csv.
const std::string& file_of_two_formats() {
  static const test::TemporaryFile file(
      "TIMESTAMP,ContextTokens,GeneratedTokens,arrival_s,input_tokens,output_tokens\n"
      "2023-11-16 18:17:03,10,5,0,20,6\n2023-11-16 18:17:43,11,6,40,21,7\n");
  return file.path();
}

const std::string& calibration_file() {
  static const test::TemporaryFile file("foretoken_calibration: 1\nterms: {per_step: {value: 321 us}}\n", ".yaml");
  return file.path();
}

std::string no_lengths(const std::string& rest) {
  return "workload={" + rest + "}";
}

std::vector<std::string> routed(const std::string& router) {
  return {"replicas=2", "router=" + router};
}

const std::map<std::string, Example>& examples() {
  const std::string rate = "workload.request_rate=5";
  const std::string affine = "cost.level=affine";
  const std::string roofline = "cost.level=roofline";
  const std::string two = "engine.tensor_parallel_size=2";
  const std::string fixed = "engine.name=static";
  const std::string sglang = "engine.name=sglang";
  const std::string tensorrt = "engine.name=tensorrt-llm";
  const std::vector<std::string> two_ranks = {tensorrt, "model=Qwen3-30B-A3B", "engine.data_parallel_size=2"};
  std::vector<std::string> balanced = two_ranks;
  balanced.push_back("engine.attention_dp_enable_balance=true");
  const std::string loop = "workload.max_concurrency=4";
  const std::string moe = "model=Qwen3-30B-A3B";
  const std::string ramp =
      "workload={ramp_up_strategy: linear, ramp_up_start_rps: 1, ramp_up_end_rps: 5, num_prompts: 50}";
  const std::string bursts = no_lengths("bursts: {low_rate: 1, high_rate: 9, mean_low: 5 s, mean_high: 1 s}");
  const std::string profile = no_lengths("rate_profile: {period: 60 s, rates: [1, 2]}");
  const std::string trace = no_lengths("trace: {path: " + file_of_two_formats() + "}");
  const std::string azure = "dataset_name: azure, dataset_path: " + file_of_two_formats();
  const std::string sessions = "workload.sessions={turns: 3}";
  const std::string room = "engine.max_model_len=16384";  // for the longest row of kTrace
  const std::string sized_class = "workload.classes=[{name: a, random_input_len: 100, random_output_len: 10}]";
  const std::string classes = "workload.classes=[{name: a}, {name: b}]";
  const std::string class_pairs = "workload.classes=[{name: a, " + azure + "}]";
  const std::string drafts = "engine.speculative_config={method: eagle3, num_speculative_tokens: 3}";
  const std::string draft_model =
      "engine.speculative_config={method: draft_model, model: Llama-3.2-1B, num_speculative_tokens: 3}";
  const std::string ngram = "engine.speculative_config={method: ngram, num_speculative_tokens: 3}";
  const std::vector<std::string> two_pools = {"pools=[{name: a, role: prefill}, {name: b, role: decode}]"};
  const std::vector<std::string> two_sglang_pools = {two_pools.front(), sglang};
  const std::vector<std::string> two_plain_pools = {two_pools.front(), "disaggregation={semantics: plain}"};
  const std::vector<std::string> two_p2p_pools = {two_pools.front(), "engine.version=0.19",
                                                  "disaggregation={semantics: p2p-nccl}"};
  const std::string sees = "model=Qwen2.5-VL-7B";
  const std::string images =
      "workload.random_mm_bucket_config=[{height: 300, width: 400}, {height: 100, width: 200, weight: 2}]";
  const std::string large_images = "workload.random_mm_bucket_config=[{height: 1080, width: 1920}]";
  static std::map<std::string, Example> all = {
      {"description", {"some words"}},
      {"model", {"Llama-3.1-70B"}},
      {"hardware.gpu", {"a100_sxm"}},
      {"hardware.num_gpus", {"2"}},
      {"hardware.mig_profile", {"3g.40gb", {"model=Qwen3-0.6B"}}},
      {"hardware.power_cap", {"400 W"}},
      {"hardware.gpus_per_node", {"2"}},
      {"hardware.nodes", {"2", {"hardware.num_gpus=2", two}}},
      {"hardware.scale_out_link", {"infiniband_hdr200", {"hardware.num_gpus=2", "hardware.nodes=2", two}}},
      {"hardware.nics_per_node", {"4", {"hardware.num_gpus=16", "hardware.nodes=2", "engine.tensor_parallel_size=16"}}},
      {"hardware.oversubscription", {"2", {"hardware.num_gpus=2", "hardware.nodes=2", two}}},
      {"engine.name", {"orca"}},
      {"engine.version", {"0.24"}},
      {"engine.tensor_parallel_size", {"2"}},
      {"engine.pipeline_parallel_size", {"2"}},
      {"engine.data_parallel_size", {"2", {moe}}},
      {"engine.api_server_count", {"2", {moe, "engine.data_parallel_size=2"}}},
      {"engine.enable_expert_parallel", {"true", {moe, two}}},
      {"engine.all2all_backend",
       {"deepep_low_latency", {moe, "engine.data_parallel_size=2", "engine.enable_expert_parallel=true"}}},
      {"engine.dtype", {"float16"}},
      {"engine.quantization", {"fp8"}},
      {"engine.moe_backend", {"triton", {moe}}},
      {"engine.float32_matmul_precision",
       {"high", {"model=MiniMax-M2", "hardware.num_gpus=4", "engine.tensor_parallel_size=4"}}},
      {"engine.kv_cache_dtype", {"fp8"}},
      {"engine.max_model_len", {"4096"}},
      {"engine.max_num_seqs", {"64"}},
      {"engine.max_num_batched_tokens", {"4096"}},
      {"engine.enable_chunked_prefill", {"false"}},
      {"engine.long_prefill_token_threshold", {"64"}},
      {"engine.enable_prefix_caching", {"false"}},
      {"engine.block_size", {"32"}},
      {"engine.gpu_memory_utilization", {"0.8"}},
      {"engine.num_gpu_blocks_override", {"5000"}},
      {"engine.disable_hybrid_kv_cache_manager", {"true", {"model=gpt-oss-20b"}}},
      {"engine.scheduling_policy", {"priority"}},
      {"engine.async_scheduling", {"false"}},
      {"engine.scheduler_reserve_full_isl", {"false"}},
      {"engine.watermark", {"0.1", {"engine.version='0.24'"}}},
      {"engine.max_wait", {"5 ms", {fixed}}},
      {"engine.padded", {"false", {fixed}}},
      {"engine.max_waiting_requests", {"5"}},
      {"engine.queue_timeout", {"5 s"}},
      {"engine.enforce_eager", {"true"}},
      {"engine.max_cudagraph_capture_size", {"64"}},
      {"engine.cudagraph_capture_sizes", {"[1, 256]"}},
      {"engine.chunked_prefill_size", {"4096", {sglang}}},
      {"engine.max_prefill_tokens", {"8192", {sglang}}},
      {"engine.enable_mixed_chunk", {"true", {sglang}}},
      {"engine.schedule_conservativeness", {"0.5", {sglang}}},
      {"engine.disable_radix_cache", {"true", {sglang}}},
      {"engine.scheduler_recv_interval", {"30", {sglang}}},
      {"engine.mem_fraction_static", {"0.7", {sglang}}},
      {"engine.capacity_scheduler_policy", {"MAX_UTILIZATION", {tensorrt}}},
      {"engine.context_chunking_policy", {"EQUAL_PROGRESS", {tensorrt, "engine.enable_chunked_prefill=true"}}},
      {"engine.batch_wait_timeout_iters", {"20", {tensorrt, "engine.batch_wait_max_tokens_ratio=0.9"}}},
      {"engine.attention_dp_enable_balance", {"true", two_ranks}},
      {"engine.attention_dp_timeout_iters", {"2", balanced}},
      {"engine.attention_dp_batching_wait_iters", {"3", balanced}},
      {"engine.batch_wait_max_tokens_ratio", {"0.02", {tensorrt, "engine.batch_wait_timeout_iters=20"}}},
      {"engine.free_gpu_memory_fraction", {"0.5", {tensorrt}}},
      {"memory.startup_log", {"'INFO kv_cache_utils.py: GPU KV cache size: 62,336 tokens'"}},
      {"memory.activations", {"1 GiB"}},
      {"memory.cuda_graphs", {"1 GiB"}},
      {"memory.non_torch", {"1 GiB"}},
      {"cost.level", {"roofline"}},
      {"cost.compute_efficiency", {"0.5", {roofline}}},
      {"cost.memory_efficiency", {"0.5", {roofline}}},
      {"cost.link_efficiency", {"0.5", {roofline, two}}},
      {"cost.calibration", {calibration_file().c_str()}},
      {"cost.compute_efficiency_scale", {"0.5"}},
      {"cost.memory_efficiency_scale", {"0.5"}},
      {"cost.per_request", {"5 ms"}},
      {"cost.per_prompt_token", {"20 us"}},
      {"cost.per_step", {"1 ms"}},
      {"cost.per_layer", {"1 us"}},
      {"cost.per_sequence", {"1 us"}},
      {"cost.per_allreduce", {"1 us", {two}}},
      {"cost.per_prefill_layer", {"2 ms"}},
      {"cost.per_prefill_moe_layer", {"2 ms", {"model=DeepSeek-V2-Lite"}}},
      {"cost.scale", {"1.5"}},
      {"cost.affine.per_step", {"1 ms", {affine}}},
      {"cost.affine.per_prefill_token", {"1 us", {affine}}},
      {"cost.affine.per_decode_token", {"1 us", {affine}}},
      {"cost.affine.per_context_token", {"1 ns", {affine}}},
      {"replicas", {"2"}},
      {"spare", {"1", {"replicas=3"}}},
      {"disaggregation.semantics", {"plain", two_pools}},
      {"disaggregation.send_type", {"GET", two_p2p_pools}},
      {"disaggregation.transfer", {"layerwise", two_plain_pools}},
      {"disaggregation.pick_up", {"next_call", two_pools}},
      {"disaggregation.link", {"infiniband_hdr200", two_pools}},
      {"disaggregation.bandwidth", {"12 GB/s", two_pools}},
      {"disaggregation.core_bandwidth", {"100 GB/s", two_pools}},
      {"disaggregation.efficiency", {"0.5", two_pools}},
      {"disaggregation.setup", {"1 ms", two_pools}},
      {"disaggregation.per_descriptor", {"2 us", two_pools}},
      {"disaggregation.hop", {"3 ms", two_pools}},
      {"disaggregation.launch", {"5 ms", two_pools}},
      {"disaggregation.pin_timeout", {"30 s", two_pools}},
      {"disaggregation.enforce_handshake_compat", {"false", two_pools}},
      {"disaggregation.on_failure", {"recompute", two_pools}},
      {"disaggregation.failure_probability", {"0.01", two_pools}},
      {"disaggregation.local_prefill_below", {"2048", two_pools}},
      {"disaggregation.local_prefill_ratio", {"0.7", two_pools}},
      {"disaggregation.most_unstarted", {"0.05", two_pools}},
      {"disaggregation.num_reserved_decode_tokens", {"256", two_sglang_pools}},
      {"pools", {"[{name: a, replicas: 2}]"}},
      {"pools[].name", {"b", {"pools=[{name: a}]"}}},
      {"pools[].role",
       {"both", {"pools=[{name: a, role: prefill}, {name: b, role: prefill}, {name: c, role: decode}]"}}},
      {"pools[].replicas", {"2", {"pools=[{name: a}]"}}},
      {"pools[].router", {"least_outstanding", {"pools=[{name: a, replicas: 2}]"}}},
      {"router", {"least_outstanding", {"replicas=2"}}},
      {"routing.signal_period", {"50 ms", routed("least_kv")}},
      {"routing.signal_delay", {"5 ms", routed("llm_d")}},
      {"routing.signals_together", {"true", routed("shortest_queue")}},
      {"routing.count_own_dispatches", {"true", routed("shortest_queue")}},
      {"routing.random_ties", {"true", routed("shortest_queue")}},
      {"routing.prefix_index", {"router", routed("least_tokens")}},
      {"routing.prefix_index_blocks", {"1000", routed("prefix_affinity")}},
      {"routing.choices", {"3", routed("power_of_two")}},
      {"routing.cache_threshold", {"0.5", routed("sglang")}},
      {"routing.balance_abs_threshold", {"32", routed("sglang")}},
      {"routing.balance_rel_threshold", {"1.1", routed("sglang")}},
      {"routing.overlap_credit", {"0.5", routed("dynamo")}},
      {"routing.prefill_load_scale", {"2", routed("dynamo")}},
      {"routing.active_request_weight", {"1", routed("dynamo")}},
      {"routing.temperature", {"0.5", routed("dynamo")}},
      {"routing.queue_weight", {"1", routed("llm_d")}},
      {"routing.kv_weight", {"1", routed("llm_d")}},
      {"routing.prefix_weight", {"4", routed("llm_d")}},
      {"routing.affinity_threshold", {"0.5", routed("prefix_affinity")}},
      {"routing.max_ttft_penalty", {"5 s", routed("prefix_affinity")}},
      {"routing.prefill_throughput", {"9000", routed("prefix_affinity")}},
      {"routing.short_prompt_tokens", {"100", routed("length_pools")}},
      {"routing.short_replicas", {"1", {"replicas=3", "router=length_pools"}}},
      {"routing.hash_load_factor", {"2", routed("prefix_hash")}},
      {"routing.balancing_threshold", {"3", routed("mooncake")}},
      {"routing.fetch_throughput", {"10000", routed("mooncake")}},
      {"routing.max_ttft", {"5 s", routed("mooncake")}},
      {"workload.dataset_name", {"csv", {no_lengths(azure)}}},
      {"workload.dataset_path", {kTrace.c_str(), {no_lengths(azure), room}}},
      {"workload.random_input_len", {"200"}},
      {"workload.random_output_len", {"20"}},
      {"workload.random_range_ratio", {"0.5"}},
      {"workload.random_prefix_len", {"64"}},
      {"workload.random_mm_base_items_per_request", {"2", {sees, images}}},
      {"workload.random_mm_num_mm_items_range_ratio", {"0.5", {sees, images}}},
      {"workload.random_mm_distinct_items", {"3", {sees, images}}},
      {"workload.random_mm_bucket_config", {"[{height: 300, width: 400}]", {sees}}},
      {"workload.random_mm_bucket_config[].height", {"700", {sees, images}}},
      {"workload.random_mm_bucket_config[].width", {"700", {sees, images}}},
      {"workload.random_mm_bucket_config[].num_frames", {"4", {sees, images}}},
      {"workload.random_mm_bucket_config[].seconds",
       {"20 s", {"model=Qwen2-Audio-7B", "workload.random_mm_bucket_config=[{seconds: 5 s}]"}}},
      {"workload.random_mm_bucket_config[].weight", {"5", {sees, images}}},
      {"workload.classes[].random_mm_base_items_per_request", {"2", {classes, sees, images}}},
      {"engine.disable_chunked_mm_input", {"true", {sees, large_images, "engine.max_num_batched_tokens=3000"}}},
      {"engine.mm_encoder_tp_mode", {"data", {sees, images, "engine.tensor_parallel_size=2"}}},
      {"workload.input_lengths", {"{distribution: uniform, min: 5, max: 9}", {no_lengths("num_prompts: 50")}}},
      {"workload.output_lengths", {"{distribution: uniform, min: 5, max: 9}", {no_lengths("num_prompts: 50")}}},
      {"workload.num_prompts", {"60"}},
      {"workload.load_factor", {"2"}},
      {"workload.duration", {"30 s", {rate}}},
      {"workload.request_rate", {"6"}},
      {"workload.burstiness", {"2", {rate}}},
      {"workload.vllm_rescale", {"true", {rate}}},
      {"workload.max_concurrency", {"4"}},
      {"workload.ramp_up_strategy", {"exponential", {ramp}}},
      {"workload.ramp_up_start_rps", {"2", {ramp}}},
      {"workload.ramp_up_end_rps", {"7", {ramp}}},
      {"workload.bursts.low_rate", {"2", {bursts}}},
      {"workload.bursts.high_rate", {"20", {bursts}}},
      {"workload.bursts.mean_low", {"7 s", {bursts}}},
      {"workload.bursts.mean_high", {"2 s", {bursts}}},
      {"workload.rate_profile.period", {"90 s", {profile}}},
      {"workload.rate_profile.rates", {"[3, 4]", {profile}}},
      {"workload.trace.path", {kTrace.c_str(), {trace, room}}},
      {"workload.trace.format", {"azure", {trace}}},
      {"workload.trace.time_scale", {"2", {trace}}},
      {"workload.trace.rate_scale", {"2", {trace}}},
      {"workload.trace.start", {"1 s", {trace}}},
      {"workload.trace.end", {"30 s", {trace}}},
      {"workload.think_time", {"2 s", {loop}}},
      {"workload.think_time_distribution", {"exponential", {loop, "workload.think_time=2 s"}}},
      {"workload.client_delay", {"1 ms", {loop}}},
      {"workload.sessions.turns", {"4", {sessions}}},
      {"workload.sessions.think_time", {"2 s", {sessions}}},
      {"workload.sessions.think_time_distribution", {"exponential", {"workload.sessions={think_time: 2 s}"}}},
      {"workload.classes", {"[{name: c}]"}},
      {"engine.speculative_config.method", {"eagle", {drafts}}},
      {"engine.speculative_config.num_speculative_tokens", {"4", {drafts}}},
      {"engine.speculative_config.model", {"Llama-3.2-3B", {draft_model}}},
      {"engine.speculative_config.max_model_len", {"4096", {draft_model}}},
      {"engine.speculative_config.num_speculative_tokens_per_batch_size",
       {"[[1, 4, 3], [8, 64, 1]]", {drafts, "engine.version=\"0.24\""}}},
      {"engine.speculative_config.parallel_drafting", {"true", {drafts}}},
      {"engine.speculative_config.eagle_topk", {"2", {sglang, drafts}}},
      {"engine.speculative_config.num_draft_tokens", {"6", {sglang, drafts, "engine.speculative_config.eagle_topk=2"}}},
      {"engine.speculative_config.acceptance_rate", {"0.5", {drafts}}},
      {"engine.speculative_config.acceptance_rates", {"[0.5, 0.25]", {drafts}}},
      {"engine.speculative_config.synthetic_acceptance_rates", {"[0.5, 0.25, 0]", {drafts}}},
      {"engine.speculative_config.synthetic_acceptance_length", {"2.5", {drafts}}},
      {"engine.speculative_config.acceptance_dataset", {"coding", {drafts}}},
      {"engine.speculative_config.acceptance_concentration",
       {"4", {drafts, "engine.speculative_config.acceptance_rate=0.5"}}},
      {"engine.speculative_config.match_rate", {"0.5", {ngram}}},
      {"cost.per_draft_step", {"1 ms", {drafts}}},
      {"cost.per_draft_pass", {"1 ms", {drafts}}},
      {"cost.affine.per_draft_pass", {"1 ms", {affine, drafts}}},
      {"workload.classes[].acceptance_rate", {"0.5", {classes, drafts}}},
      {"workload.classes[].acceptance_rates", {"[0.5, 0.25]", {classes, drafts}}},
      {"workload.classes[].name", {"c", {classes}}},
      {"workload.classes[].weight", {"3", {classes}}},
      {"workload.classes[].dataset_name", {"csv", {class_pairs}}},
      {"workload.classes[].dataset_path", {kTrace.c_str(), {class_pairs, room}}},
      {"workload.classes[].random_input_len", {"200", {classes}}},
      {"workload.classes[].random_output_len", {"20", {classes}}},
      {"workload.classes[].random_range_ratio", {"0.5", {sized_class}}},
      {"workload.classes[].random_prefix_len", {"64", {classes}}},
      {"workload.classes[].input_lengths", {"{distribution: uniform, min: 5, max: 9}", {classes}}},
      {"workload.classes[].output_lengths", {"{distribution: uniform, min: 5, max: 9}", {classes}}},
      {"workload.classes[].priority", {"3", {classes, "engine.scheduling_policy=priority"}}},
      {"workload.classes[].goodput.ttft", {"300", {classes}}},
      {"workload.classes[].goodput.tpot", {"30", {classes}}},
      {"workload.classes[].goodput.e2el", {"3000", {classes}}},
      {"workload.ignore_eos", {"false", {"workload.max_tokens=200"}}},
      {"workload.max_tokens", {"300", {"workload.ignore_eos=false", "workload.max_tokens=200"}}},
      {"goodput.ttft", {"300"}},
      {"goodput.tpot", {"30"}},
      {"goodput.e2el", {"3000"}},
      {"slo", {"['p99_ttft <= 700 ms']"}},
      {"assert", {"['p99_ttft <= 700 ms']"}},
      {"prices.gpu_hour", {"2.5"}},
      {"prices.purchase", {"spot", {"prices.gpu_hour={on_demand: 3, spot: 2}"}}},
      {"prices.examples", {"true"}},
      {"prices.kwh", {"0.2"}},
      {"prices.load_profile", {"[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]"}},
      {"prices.capacity_per_replica", {"4"}},
      {"prices.min_replicas", {"2"}},
      {"prices.grid_g_per_kwh", {"400"}},
      {"sweep", {"{engine.max_num_seqs: [1, 2]}"}},
      {"recommend.over", {"{engine.max_num_seqs: {choices: [1, 2]}}"}},
      {"conventions.tpot", {"vllm"}},
      {"warmup_fraction", {"0.2"}},
      {"seed", {"3"}},
      {"replications", {"2"}},
  };
  all.merge(test::fleet_examples());
  all.merge(test::question_examples());
  all.merge(test::adapter_examples());
  all.merge(test::kv_offload_examples());
  return all;
}

bool is_at(const ResolvedField& f, const std::string& path) {
  return f.path.starts_with(path) || (f.path.starts_with("pools[") && f.path.ends_with("]." + path));
}

std::string value_at(const Scenario& s, const std::string& path) {
  for (const ResolvedField& f : s.fields) {
    if (is_at(f, path) && f.path.ends_with(path)) return to_text(f.value, 0);
  }
  return "none";
}

// "a[].b" → "a[0].b"
std::string first_element(std::string path) {
  if (const auto list = path.find("[]"); list != std::string::npos) path.insert(list + 1, "0");
  return path;
}

TEST(FieldTable, EveryRowLandsInTheScenario) {
  for (const Field& f : scenario_fields()) {
    const std::string row(f.path);
    SCOPED_TRACE(row);
    if (f.kind == FieldKind::map) continue;  // its keys have rows
    const bool only_default = (f.choices != nullptr && f.choices().size() == 1);
    const auto example = examples().find(row);
    EXPECT_EQ(example == examples().end(), only_default) << "an example value belongs into examples()";
    if (example == examples().end()) continue;
    const std::string path = first_element(row);
    const std::string override_text = fmt::format("{}={}", path, example->second.value);
    std::vector<std::string> overrides = example->second.context;
    const auto before = parse_scenario(kPlain, "base.yaml", {overrides, {}});
    overrides.push_back(override_text);
    Diagnostics warnings;
    const auto after = parse_scenario(kPlain, "base.yaml", {overrides, {}}, &warnings);
    if (!before || !after) {
      ADD_FAILURE() << format(before ? after.error() : before.error());
      continue;
    }
    for (const Diagnostic& d : warnings.items()) {
      EXPECT_TRUE(d.where.file != "--set " + override_text || d.message.find("no effect") == std::string::npos)
          << format(d);
    }
    EXPECT_NE(scenario_sha256(*before), scenario_sha256(*after));
    if (f.is_leaf() && f.kind != FieldKind::lengths) {
      EXPECT_NE(value_at(*before, path), value_at(*after, path)) << value_at(*after, path);
    }
    const auto there = std::find_if(after->fields.begin(), after->fields.end(), [&](const ResolvedField& field) {
      return is_at(field, path) && field.origin == Origin::command_line;
    });
    EXPECT_NE(there, after->fields.end()) << "its origin is the command line";
  }
}

}  // namespace
}  // namespace foretoken
