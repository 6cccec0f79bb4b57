// What only shows when the parts meet: lengths against limits, and keys without effect.
#include <fmt/format.h>

#include <algorithm>

#include "foretoken/workload/request_source.hpp"
#include "scenario/build.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

// A tail cut at a far bound says little about what will be drawn.
bool has_open_tail(const LengthPairConfig& lengths) {
  const auto open = [](const LengthConfig& c) {
    return std::holds_alternative<LognormalLength>(c) || std::holds_alternative<ExponentialLength>(c) ||
           std::holds_alternative<ZipfLength>(c);
  };
  return !lengths.paired && open(lengths.input);
}

// Longest prompt against max_model_len: what can never be served is an error where it is
// certain to be sent, and a warning where it may be drawn.
void check_lengths(Resolver& values, const Scenario& s, const WorkloadSummary& workload) {
  const std::int64_t limit = s.engine.max_model_len;
  const WorkloadConfig& w = s.workload;
  const bool tail = w.sessions.has_value() ||
                    (!std::holds_alternative<TraceConfig>(w.arrivals) &&
                     (w.classes.empty() ? has_open_tail(w.lengths)
                                        : std::any_of(w.classes.begin(), w.classes.end(),
                                                      [](const RequestClass& c) { return has_open_tail(c.lengths); })));
  const bool hopeless = workload.mean_prompt_tokens >= static_cast<double>(limit);
  if (workload.max_prompt_tokens >= limit && (!tail || hopeless)) {
    values.error("engine.max_model_len",
                 fmt::format("a prompt of {} tokens does not fit max_model_len {}, which must hold it and its output",
                             workload.max_prompt_tokens, limit),
                 fmt::format("set engine.max_model_len to {} or more, or shorten the prompts",
                             std::max(workload.max_total_tokens, workload.max_prompt_tokens + 1)));
  } else if (workload.max_prompt_tokens >= limit) {
    values.warning("engine.max_model_len",
                   fmt::format("prompts may reach {} tokens; those of max_model_len {} or more will be rejected",
                               workload.max_prompt_tokens, limit));
  } else if (workload.max_total_tokens > limit) {
    values.warning("engine.max_model_len",
                   fmt::format("prompt and output may reach {} tokens; outputs will be cut at max_model_len {}",
                               workload.max_total_tokens, limit));
  }
}

// The workload layer knows no keys; its sentences name what they are about.
std::string place_in_workload(const Resolver& values, const std::string& message) {
  struct Place {
    std::string_view word, path;
  };
  constexpr Place kPlaces[] = {{"class", "workload.classes"},
                               {"weight", "workload.classes"},
                               {"input length", "workload.input_lengths"},
                               {"output length", "workload.output_lengths"},
                               {"turns", "workload.sessions.turns"},
                               {"sessions", "workload.sessions"},
                               {"profile", "workload.rate_profile"},
                               {"states", "workload.bursts"},
                               {"slice", "workload.trace"},
                               {"ramp", "workload.ramp_up_strategy"},
                               {"burstiness", "workload.burstiness"},
                               {"request_rate", "workload.request_rate"},
                               {"duration", "workload.duration"},
                               {"num_prompts", "workload.num_prompts"}};
  for (const Place& place : kPlaces) {
    if (message.find(place.word) != std::string::npos && values.given(std::string(place.path)))
      return std::string(place.path);
  }
  return "workload";
}

constexpr double kLongestRun = 3.2e9;  // seconds, a century: times are ns in 64 bits

void check_run_length(Resolver& values, const Scenario& s, const WorkloadSummary& workload) {
  if (s.workload.duration || !workload.requests || workload.offered_rate <= 0) return;
  const double seconds = static_cast<double>(*workload.requests) / workload.offered_rate;
  if (seconds <= kLongestRun) return;
  values.error(
      "workload.num_prompts",
      fmt::format("{} requests at {:g} per second take more than a century", *workload.requests, workload.offered_rate),
      "raise the rate, lower num_prompts, or set workload.duration");
}

// Priced all the same, but no engine starts with it.
void check_kv_format(Resolver& values, const Scenario& s) {
  const char* key = "engine.kv_cache_dtype";
  if (!values.given(key) || s.deployment.level == CostLevel::affine) return;
  const std::span<const KvFormat> formats = find_engine(s.engine.name).kv_formats;
  if (formats.empty() || std::find(formats.begin(), formats.end(), s.deployment.kv_format) != formats.end()) return;
  values.warning(key,
                 fmt::format("{} has no KV cache in the format of '{}': it is priced, but not served", s.engine.name,
                             values.text(key)),
                 "`foretoken memory` lists what it has");
}

void check_budget(Resolver& values, const EngineConfig& engine, const WorkloadSummary& workload) {
  if (engine.enable_chunked_prefill || !find_engine(engine.name).budget_must_hold_prompts ||
      engine.max_num_batched_tokens >= std::min(workload.max_prompt_tokens, engine.max_model_len))
    return;
  values.error(
      "engine.max_num_batched_tokens",
      fmt::format("max_num_batched_tokens {} is too small to ever admit a prompt of {} tokens without chunked prefill",
                  engine.max_num_batched_tokens, workload.max_prompt_tokens),
      "raise it to max_model_len, or set engine.enable_chunked_prefill: true");
}

// Of several models, each pool's with the prompts that come to it.
void check_prompts(Resolver& values, const Scenario& s, const WorkloadSummary& workload) {
  if (!has_several_models(s)) {
    check_lengths(values, s, workload);
    return check_budget(values, s.engine, workload);
  }
  for (const PoolPlan& pool : s.pools) {
    const Scenario one = only_pool(s, pool);
    const auto own = summarise_workload(one.workload);
    if (!own) continue;
    check_lengths(values, one, *own);
    check_budget(values, one.engine, *own);
  }
}

}  // namespace

void check_together(Resolver& values, Scenario& s) {
  const EngineConfig& engine = s.engine;
  const auto workload = summarise_workload(s.workload);
  if (!workload) {
    const Diagnostics found = workload.error();
    for (const Diagnostic& d : found.items()) {
      if (d.where.file.empty())
        values.error(place_in_workload(values, d.message), d.message, d.hint);
      else
        values.diagnostics().error(d.where, d.message, d.hint, d.source_line);
    }
    return;
  }
  s.known_workload = KnownWorkload{s.workload, *workload};
  check_prompts(values, s, *workload);
  check_run_length(values, s, *workload);
  if (s.pools.empty()) check_signals(values, s.cluster, s, *workload);
  if (s.pools.empty()) check_kv_format(values, s);
  if (s.pools.empty() && s.cluster.fleet.autoscaler.aim == PlannerAim::sla)
    values.error("fleet.autoscaler.optimize",
                 "'optimize: sla' is of pools of role prefill and decode, and here replicas do both",
                 "optimize: latency, or throughput");
  if (s.engine.ignore_eos_admission && !s.workload.ignore_eos) s.engine.ignore_eos_admission = false;
  const std::int64_t usable_tokens =
      engine.kv_layout.longest(std::max<std::int64_t>(0, engine.usable_blocks()), engine.max_num_batched_tokens,
                               engine.block_size, engine.max_model_len);
  if (s.pools.empty() && s.memory.num_gpu_blocks_override && usable_tokens < engine.max_model_len) {
    values.error("engine.num_gpu_blocks_override",
                 fmt::format("{} KV blocks of {} tokens hold {} tokens, less than one request of max_model_len {}",
                             *s.memory.num_gpu_blocks_override, engine.block_size, usable_tokens, engine.max_model_len),
                 "raise the blocks or lower engine.max_model_len");
  }
  const bool all_at_once =
      std::holds_alternative<AllAtOnceArrivals>(s.workload.arrivals) && !s.workload.max_concurrency;
  if (all_at_once && workload->requests.value_or(0) > 20'000'000) {
    values.error(
        "workload.num_prompts",
        fmt::format("{} requests all at once would be held in memory; at most 20,000,000", *workload->requests),
        "set workload.request_rate or workload.max_concurrency");
  }
}

Result<WorkloadSummary> workload_summary(const Scenario& scenario) {
  if (scenario.known_workload && scenario.known_workload->config == scenario.workload)
    return scenario.known_workload->summary;
  return summarise_workload(scenario.workload);
}

}  // namespace foretoken
