// The start line of the scenario's engine (src/serving/engines spells its flags), and vllm bench serve.
#include "report/launch_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "serving/engines/engine_profile.hpp"
#include "serving/engines/launch_line.hpp"

namespace foretoken {
namespace {

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

// Can the scenario's engine make the format from a checkpoint without it?
bool quantizes_itself(const Scenario& s) {
  const auto own_name = find_engine(s.engine.name).quantizes;
  return own_name != nullptr && !own_name(resolved(s, "engine.quantization")).empty();
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
bool add_lengths(LaunchLine& line, const Scenario& s) {
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
  const auto launch_line = find_engine(s.engine.name).launch_line;
  if (launch_line == nullptr) return {};
  return launch_line({s.deployment, s.engine, s.memory, served_model_name(s), resolved(s, "engine.quantization"),
                      format_is_in_checkpoint(s)});
}

std::string role_flags(const Scenario& s, const PoolPlan& pool) {
  const auto flags = find_engine(pool.engine.name).role_flags;
  const bool hands_over = pool.role == PoolRole::prefill || pool.role == PoolRole::decode;
  if (!hands_over || flags == nullptr) return {};
  return flags(pool.role == PoolRole::prefill, s.hand_over.semantics);
}

std::string bench_line(const Scenario& s) {
  if (serve_line(s).empty() || s.workload.sessions) return {};
  LaunchLine line("vllm bench serve --model " + served_model_name(s) + " --dataset-name random");
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
  LaunchLine line(" --percentile-metrics ttft,tpot,itl,e2el --metric-percentiles 50,90,95,99");
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
  if (!is_sixteen_bits(s) && !format_is_in_checkpoint(s) && !quantizes_itself(s)) {
    differences.push_back(fmt::format("{} weights were simulated: serve a checkpoint that holds them instead of {}",
                                      resolved(s, "engine.quantization"), served_model_name(s)));
  }
  if (!load_is_replayed && bench_line(s).empty()) {
    differences.emplace_back(
        s.workload.sessions
            ? "no `vllm bench serve` line makes conversations, whose turns wait for each other"
            : "no `vllm bench serve` flags make these arrivals: `recommend --emit` writes the load as a file "
              "that it replays");
    return differences;
  }
  if (!load_is_replayed && !bench_lengths_are_exact(s)) {
    differences.push_back(fmt::format(
        "every request of the bench line has the mean lengths; simulated were {} (`recommend --emit` writes "
        "them as a file that it replays)",
        s.workload.classes.empty() ? "distributions of lengths" : "classes with lengths of their own"));
  }
  if (!load_is_replayed && may_share_prefixes(s.workload) &&
      bench_line(s).find("--random-prefix-len") == std::string::npos)
    differences.emplace_back("prompts of the bench line share no prefix; those simulated do");
  if (has_several_models(s))
    differences.emplace_back(
        "the bench line asks for one model; simulated was each class asking for its own, by the served name of its "
        "pool");
  if (s.workload.media.on())
    differences.emplace_back(
        "the bench line sends text alone: its flags for images are --random-mm-bucket-config and "
        "--random-mm-base-items-per-request, with --dataset-name random-mm");
  const std::span<const KvFormat> kv_formats = find_engine("vllm-v1").kv_formats;
  if (std::find(kv_formats.begin(), kv_formats.end(), s.deployment.kv_format) == kv_formats.end())
    differences.emplace_back("the KV format that was simulated is none of vLLM's");
  if (!load_is_replayed && !s.workload.adapters.weights.empty())
    differences.emplace_back("requests of the bench line ask for no LoRA adapters: give it --lora-modules");
  if (!load_is_replayed && s.workload.answers.on())
    differences.emplace_back("requests of the bench line ask for one answer each");
  if (s.workload.client.abort_share > 0) differences.emplace_back("no client of the bench line closes its connection");
  if (!s.workload.ignore_eos)
    differences.emplace_back(
        "a model ends its answers itself: the output lengths of the bench are at most those simulated");
  return differences;
}

}  // namespace foretoken
