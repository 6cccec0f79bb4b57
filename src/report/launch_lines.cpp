// Flags as the engines spell them: vllm serve, python -m sglang.launch_server, trtllm-serve.
#include "report/launch_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace foretoken {
namespace {

class Line {
 public:
  explicit Line(std::string start) : text_(std::move(start)) {}
  template <class T>
  void flag(std::string_view name, const T& value) {
    text_ += fmt::format(" {} {}", name, value);
  }
  void size(std::string_view name, int value) {
    if (value > 1) flag(name, value);
  }
  void word(std::string_view word) { text_ += fmt::format(" {}", word); }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// As the scenario resolved it; empty when it is no field of it.
std::string resolved(const Scenario& s, std::string_view path) {
  const auto at =
      std::find_if(s.fields.begin(), s.fields.end(), [&](const ResolvedField& f) { return f.path == path; });
  if (at == s.fields.end()) return {};
  std::string text = to_text(at->value, 0);
  if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

// The checkpoint of this name holds the format; nothing need be said.
bool format_is_in_checkpoint(const Scenario& s) {
  const auto at = std::find_if(s.fields.begin(), s.fields.end(),
                               [](const ResolvedField& f) { return f.path == "engine.quantization"; });
  return at == s.fields.end() || at->origin == Origin::model;
}

bool is_sixteen_bits(const Scenario& s) {
  const std::string name = resolved(s, "engine.quantization");
  return name.empty() || name == "none" || name.find("float") != std::string::npos;
}

// vLLM's name of what it quantises or unpacks itself; empty: only a checkpoint can bring the format.
std::string vllm_quantization(const Scenario& s) {
  const std::string name = resolved(s, "engine.quantization");
  if (name.starts_with("fp8")) return "fp8";
  return name == "awq" || name == "gptq" ? name : std::string();
}

std::string vllm_line(const Scenario& s) {
  const Parallelism& p = s.deployment.parallelism;
  Line line("vllm serve " + served_model_name(s));
  line.flag("--tensor-parallel-size", p.tensor);
  line.size("--pipeline-parallel-size", p.pipeline);
  line.size("--data-parallel-size", p.data);
  if (p.expert_parallel) line.word("--enable-expert-parallel");
  line.flag("--max-model-len", s.engine.max_model_len);
  line.flag("--max-num-seqs", s.engine.max_num_seqs);
  line.flag("--max-num-batched-tokens", s.engine.max_num_batched_tokens);
  line.flag("--gpu-memory-utilization", fmt::format("{:g}", s.memory.gpu_memory_utilization));
  if (const std::string q = vllm_quantization(s); !q.empty() && !format_is_in_checkpoint(s))
    line.flag("--quantization", q);
  if (s.deployment.kv_format == KvFormat::fp8) line.flag("--kv-cache-dtype", "fp8");
  line.word(s.engine.enable_prefix_caching ? "--enable-prefix-caching" : "--no-enable-prefix-caching");
  if (s.deployment.cuda_graph_max_rows == 0) line.word("--enforce-eager");
  if (!s.engine.enable_chunked_prefill) line.word("--no-enable-chunked-prefill");
  if (s.engine.long_prefill_token_threshold > 0)
    line.flag("--long-prefill-token-threshold", s.engine.long_prefill_token_threshold);
  if (s.engine.scheduling_policy != "fcfs") line.flag("--scheduling-policy", s.engine.scheduling_policy);
  if (s.engine.block_size != 16) line.flag("--block-size", s.engine.block_size);
  return line.take();
}

std::string sglang_line(const Scenario& s) {
  const Parallelism& p = s.deployment.parallelism;
  Line line("python -m sglang.launch_server --model-path " + served_model_name(s));
  line.flag("--tp-size", p.tensor * p.data);
  line.size("--pp-size", p.pipeline);
  if (p.data > 1) line.word(fmt::format("--dp-size {} --enable-dp-attention", p.data));
  line.flag("--context-length", s.engine.max_model_len);
  line.flag("--max-running-requests", s.engine.max_num_seqs * p.data);
  line.flag("--chunked-prefill-size", s.engine.enable_chunked_prefill ? s.engine.chunked_prefill_size * p.data : -1);
  line.flag("--mem-fraction-static", fmt::format("{:.3g}", s.memory.gpu_memory_utilization));
  return line.take();
}

std::string tensorrt_llm_line(const Scenario& s) {
  const Parallelism& p = s.deployment.parallelism;
  Line line("trtllm-serve " + served_model_name(s));
  line.flag("--tp_size", p.tensor * p.data);
  line.size("--pp_size", p.pipeline);
  line.flag("--max_seq_len", s.engine.max_model_len);
  line.flag("--max_batch_size", s.engine.max_num_seqs);
  line.flag("--max_num_tokens", s.engine.max_num_batched_tokens);
  line.flag("--kv_cache_free_gpu_memory_fraction", fmt::format("{:g}", s.memory.gpu_memory_utilization));
  return line.take();
}

// Uniform on [L(1 - r), L(1 + r)], which is all that the random dataset has.
struct Span {
  double middle = 0, ratio = 0;
};
bool span_of(const LengthConfig& lengths, Span& span) {
  if (const auto* fixed = std::get_if<FixedLength>(&lengths)) {
    span = {static_cast<double>(fixed->tokens), 0};
    return true;
  }
  const auto* uniform = std::get_if<UniformLength>(&lengths);
  if (uniform == nullptr) return false;
  const auto low = static_cast<double>(uniform->low), high = static_cast<double>(uniform->high);
  span = {(low + high) / 2, (high - low) / (high + low)};
  return true;
}

// Has the random dataset such a distribution?
bool lengths_are_exact(const Scenario& s, Span& input, Span& output) {
  const LengthPairConfig& lengths = s.workload.lengths;
  return !lengths.paired && s.workload.classes.empty() && span_of(lengths.input, input) &&
         span_of(lengths.output, output) && std::abs(input.ratio - output.ratio) < 1e-3;
}

// Lengths of the load; the means where they can't be said.
bool add_lengths(Line& line, const Scenario& s) {
  Span input, output;
  const bool exact = lengths_are_exact(s, input, output);
  if (!exact) {
    const Result<WorkloadSummary> workload = workload_summary(s);
    if (!workload) return false;
    input = {workload->mean_prompt_tokens, 0};
    output = {workload->mean_output_tokens, 0};
  }
  // The prefix counts apart from the random part; a mean includes it.
  const std::int64_t prefix = s.workload.classes.empty() ? s.workload.shared_prefix : 0;
  if (prefix > 0) line.flag("--random-prefix-len", prefix);
  line.flag("--random-input-len", std::max<std::int64_t>(1, std::llround(input.middle) - (exact ? 0 : prefix)));
  line.flag("--random-output-len", std::llround(output.middle));
  if (exact && input.ratio > 0) line.flag("--random-range-ratio", fmt::format("{:.3g}", input.ratio));
  return true;
}

}  // namespace

std::string served_model_name(const Scenario& s) {
  return s.deployment.model.hf_id.empty() ? s.deployment.model.id : s.deployment.model.hf_id;
}

std::string serve_line(const Scenario& s) {
  if (s.deployment.level == CostLevel::affine) return {};
  if (s.engine.name.starts_with("vllm")) return vllm_line(s);
  if (s.engine.name == "sglang") return sglang_line(s);
  return s.engine.name == "tensorrt-llm" ? tensorrt_llm_line(s) : std::string{};
}

std::string bench_line(const Scenario& s) {
  if (serve_line(s).empty() || s.workload.sessions) return {};
  Line line("vllm bench serve --model " + served_model_name(s) + " --dataset-name random");
  if (!add_lengths(line, s)) return {};
  if (s.workload.num_prompts) line.flag("--num-prompts", *s.workload.num_prompts);
  if (const auto* renewal = std::get_if<RenewalArrivals>(&s.workload.arrivals)) {
    line.flag("--request-rate", fmt::format("{:g}", renewal->rate));
    if (renewal->burstiness != 1) line.flag("--burstiness", fmt::format("{:g}", renewal->burstiness));
  } else if (!std::holds_alternative<AllAtOnceArrivals>(s.workload.arrivals)) {
    return {};
  }
  if (s.workload.max_concurrency) line.flag("--max-concurrency", *s.workload.max_concurrency);
  if (s.workload.ignore_eos) line.word("--ignore-eos");
  line.flag("--seed", s.seed);
  return line.take() + bench_measures(s);
}

bool bench_lengths_are_exact(const Scenario& s) {
  Span input, output;
  return lengths_are_exact(s, input, output);
}

std::string bench_measures(const Scenario& s) {
  Line line(" --percentile-metrics ttft,tpot,itl,e2el --metric-percentiles 50,90,95,99");
  const GoodputLimits& g = s.workload.goodput;
  if (g.any()) line.word("--goodput");
  if (g.ttft_ms) line.word(fmt::format("ttft:{:g}", *g.ttft_ms));
  if (g.tpot_ms) line.word(fmt::format("tpot:{:g}", *g.tpot_ms));
  if (g.e2el_ms) line.word(fmt::format("e2el:{:g}", *g.e2el_ms));
  return line.take();
}

std::vector<std::string> launch_differences(const Scenario& s, bool load_is_replayed) {
  if (serve_line(s).empty()) return {};
  std::vector<std::string> differences;
  if (!is_sixteen_bits(s) && !format_is_in_checkpoint(s) &&
      (!s.engine.name.starts_with("vllm") || vllm_quantization(s).empty())) {
    differences.push_back(fmt::format("{} weights were simulated: serve a checkpoint that holds them instead of {}",
                                      resolved(s, "engine.quantization"), served_model_name(s)));
  }
  if (!load_is_replayed && bench_line(s).empty()) {
    differences.emplace_back(
        s.workload.sessions ? "no `vllm bench serve` line makes conversations, whose turns wait for each other"
                            : "no `vllm bench serve` flags make these arrivals: `recommend --emit` writes the load as a file "
                              "that it replays");
    return differences;
  }
  if (!load_is_replayed && !bench_lengths_are_exact(s)) {
    differences.push_back(
        fmt::format("every request of the bench line has the mean lengths; simulated were {} (`recommend --emit` writes "
                    "them as a file that it replays)",
                    s.workload.classes.empty() ? "distributions of lengths" : "classes with lengths of their own"));
  }
  if (!load_is_replayed && may_share_prefixes(s.workload) && bench_line(s).find("--random-prefix-len") == std::string::npos)
    differences.emplace_back("prompts of the bench line share no prefix; those simulated do");
  if (s.deployment.kv_format != KvFormat::bf16 && s.deployment.kv_format != KvFormat::fp8)
    differences.emplace_back("the KV format that was simulated is none of vLLM's");
  if (!s.workload.ignore_eos)
    differences.emplace_back(
        "a model ends its answers itself: the output lengths of the bench are at most those simulated");
  return differences;
}

}  // namespace foretoken
