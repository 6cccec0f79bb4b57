// Typical steps and floors from the cost model alone.
#include "foretoken/experiment/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiment/explain/what_fits.hpp"
#include "foretoken/experiment/run.hpp"

namespace foretoken {
namespace {

std::int64_t at_least_one(double value) {
  return std::max<std::int64_t>(1, std::llround(value));
}

DecodeShape decode_of(std::int64_t sequences, std::int64_t context, std::int64_t window, std::int64_t drafts) {
  const std::int64_t windowed = window > 0 ? std::min(context, window) * sequences : 0;
  return {sequences, context * sequences, windowed, sequences * drafts};
}

StepExplanation explain_step(const CostModel& cost, const StepShape& shape, std::string title) {
  StepExplanation step;
  step.title = std::move(title);
  for (const PrefillChunk& chunk : shape.prefill) step.prefill_tokens += chunk.new_tokens;
  step.sequences = shape.decode.sequences;
  step.context = step.sequences > 0 ? shape.decode.context / step.sequences : 0;
  step.breakdown = cost.breakdown(shape);
  for (const OperatorCost& op : step.breakdown.operators) {
    step.flops += op.flops;
    step.bytes += op.bytes;
  }
  return step;
}

// What a mean prompt brings beside text: as many items as in the mean, of the kind that most are of.
std::vector<EncodedItem> mean_items(const Scenario& s) {
  const MediaConfig& media = s.workload.media;
  if (!media.on() || s.deployment.encoded_elsewhere) return {};
  const auto kind = std::max_element(media.kinds.begin(), media.kinds.end(),
                                     [](const MediaKind& a, const MediaKind& b) { return a.weight < b.weight; });
  return std::vector<EncodedItem>(static_cast<std::size_t>(media.items),
                                  EncodedItem{kind->tokens, kind->sequences, kind->patches});
}

// A lone prompt goes through in chunks of the token budget.
Floors lone_request(const CostModel& cost, const Scenario& s, std::int64_t prompt, std::int64_t output) {
  Floors floors;
  floors.prompt_tokens = prompt;
  floors.output_tokens = output;
  const std::int64_t budget = s.engine.enable_chunked_prefill ? s.engine.max_num_batched_tokens : prompt;
  double ttft = to_seconds(s.engine.per_request + s.engine.per_prompt_token * prompt), datasheet_ttft = 0;
  // Items that recur may be found.
  const std::vector<EncodedItem> items = s.workload.media.distinct == 0 ? mean_items(s) : std::vector<EncodedItem>{};
  for (std::int64_t done = 0; done < prompt;) {
    const std::int64_t tokens = std::min(std::max<std::int64_t>(budget, 1), prompt - done);
    const PrefillChunk chunk{tokens, done, done + tokens == prompt};
    const StepBreakdown step = cost.breakdown(
        {std::span(&chunk, 1), {}, {}, 0, done == 0 ? std::span(items) : std::span<const EncodedItem>()});
    ttft += step.seconds;
    datasheet_ttft += step.datasheet_seconds;
    done += tokens;
  }
  floors.ttft_ms = ttft * 1e3;
  floors.datasheet_ttft_ms = datasheet_ttft * 1e3;
  // The mean decode step stands at the middle of the output; N - 1 of them follow the first token. With drafts fewer:
  // those that are accepted in the mean, and for the bound all.
  const std::int64_t drafts = s.engine.speculation.tokens;
  const StepBreakdown step = cost.breakdown({{}, decode_of(1, prompt + output / 2, cost.sliding_window(), drafts)});
  const double steps_per_token = static_cast<double>(output - 1) / static_cast<double>(output);
  floors.tpot_ms = step.seconds * steps_per_token / tokens_per_row(s) * 1e3;
  floors.datasheet_tpot_ms = step.datasheet_seconds * steps_per_token / static_cast<double>(1 + drafts) * 1e3;
  floors.e2el_ms = floors.ttft_ms + floors.tpot_ms * static_cast<double>(output);
  return floors;
}

// As many sequences of mean length as seats and KV blocks allow: the limit, and what sets it.
struct FullBatch {
  std::int64_t sequences = 1;
  const char* limit = "";
};
FullBatch full_batch(const Scenario& s, std::int64_t context) {
  const std::int64_t by_memory =
      s.engine.usable_blocks() / std::max<std::int64_t>(1, s.engine.blocks_of(std::max<std::int64_t>(1, context)));
  FullBatch batch{s.engine.max_num_seqs, "the seats of max_num_seqs"};
  if (by_memory < batch.sequences) batch = {by_memory, "what the KV cache holds"};
  if (s.workload.max_concurrency) {
    const std::int64_t each =
        *s.workload.max_concurrency / std::max(1, s.cluster.replicas * s.engine.data_parallel_size);
    if (each < batch.sequences) batch = {each, "max_concurrency"};
  }
  batch.sequences = std::max<std::int64_t>(1, batch.sequences);
  return batch;
}

// Where KV caches lie beside the GPU, and how long a prompt takes from there; copies are alone on their links.
KvTiersExplanation explain_kv_tiers(const Scenario& s, const Floors& lone) {
  const KvOffloadConfig& kv = s.engine.kv_offload;
  KvTiersExplanation e;
  e.backend = kv.backend;
  e.prompt_tokens = lone.prompt_tokens;
  e.recompute_ms =
      lone.ttft_ms - 1e3 * to_seconds(s.engine.per_request + s.engine.per_prompt_token * lone.prompt_tokens);
  const double units = std::ceil(static_cast<double>(lone.prompt_tokens) / static_cast<double>(kv.unit_tokens));
  const double bytes = units * static_cast<double>(kv.unit_bytes);
  double load =
      std::max(bytes / static_cast<double>(kv.tiers.front().read_bandwidth), units * to_seconds(kv.unit_copy));
  if (kv.swaps()) {
    e.swap_blocks = kv.swap_blocks;
    e.swap_ms = load * 1e3;
    return e;
  }
  for (const KvTierConfig& tier : kv.tiers) {
    const bool host = &tier == &kv.tiers.front();
    const double fetch = host ? 0 : bytes / static_cast<double>(tier.read_bandwidth) + to_seconds(tier.latency);
    e.tiers.push_back({tier.tier, static_cast<double>(tier.units) * static_cast<double>(kv.unit_bytes),
                       tier.units * kv.unit_tokens, static_cast<double>(tier.read_bandwidth),
                       static_cast<double>(tier.write_bandwidth), (load + fetch) * 1e3});
  }
  return e;
}

Result<Explanation> explain_one(const Scenario& scenario) {
  Explanation e;
  e.scenario = scenario;
  const Fit fit = fit_of(scenario, true);
  e.memory = fit.memory;
  e.feasible = fit.feasible;
  Result<WorkloadSummary> workload = workload_summary(scenario);
  if (!workload) return workload.error();
  e.workload = *workload;
  const DeviceFigures device = device_figures(scenario);
  if (device.memory_bandwidth > 0) e.ridge_point = device.peak_flops / device.memory_bandwidth;

  const std::unique_ptr<CostModel> cost = make_cost_model(scenario.deployment);
  const std::int64_t prompt = at_least_one(e.workload.mean_prompt_tokens);
  const std::int64_t output = at_least_one(e.workload.mean_output_tokens);
  const std::int64_t context = prompt + output / 2;
  const std::int64_t tokens = std::min(prompt, scenario.engine.max_num_batched_tokens);
  const PrefillChunk chunk{tokens, 0, tokens == prompt};
  const std::vector<EncodedItem> items = mean_items(scenario);
  if (scenario.deployment.encodes_only) {
    e.steps.push_back(
        explain_step(*cost, {{}, {}, {}, 0, items}, fmt::format("encoder step: {} images and sounds", items.size())));
    return e;
  }
  e.steps.push_back(
      explain_step(*cost, {std::span(&chunk, 1), {}, {}, 0, items},
                   fmt::format("prefill step: {} prompt tokens{}", tokens,
                               items.empty() ? "" : fmt::format(", {} of images and sounds encoded", items.size()))));
  const auto decode_step = [&](std::int64_t batch, const std::string& which) {
    e.steps.push_back(explain_step(
        *cost, {{}, decode_of(batch, context, cost->sliding_window(), scenario.engine.speculation.tokens)},
        fmt::format("decode step: {} sequence{} at context {}{}", batch, batch == 1 ? "" : "s", context, which)));
  };
  decode_step(1, "");
  const FullBatch full = full_batch(scenario, prompt + output);
  if (full.sequences > 1)
    decode_step(full.sequences,
                fmt::format(", the most at once ({}); how many run under the load: `foretoken run`", full.limit));
  if (scenario.engine.speculation.on()) e.speculation = explain_speculation(scenario, context, full.sequences);
  e.floors = lone_request(*cost, scenario, prompt, output);
  if (const KvOffloadConfig& kv = scenario.engine.kv_offload; kv.on() || kv.swaps())
    e.kv_tiers = explain_kv_tiers(scenario, e.floors);
  return e;
}

// Prompts as in the pool where requests enter, the rest as where they are decoded.
Result<Explanation> explain_together(const Scenario& s, std::vector<PoolExplanation> pools) {
  Scenario main = s;
  main.pools.clear();
  Result<Explanation> e = explain_one(main);
  if (!e) return e;
  const Fit fit = fit_of(s, true);
  e->scenario = s;
  e->memory = fit.memory;
  e->feasible = fit.feasible;
  const auto entry = std::find_if(pools.begin(), pools.end(),
                                  [&](const PoolExplanation& p) { return p.name == entry_pool(s.pools).name; });
  const Floors& before = entry->alone.floors;
  Floors& floors = e->floors;
  e->steps.front() = entry->alone.steps.front();
  floors.ttft_ms = before.ttft_ms;
  floors.datasheet_ttft_ms = before.datasheet_ttft_ms;
  floors.e2el_ms = floors.ttft_ms + floors.tpot_ms * static_cast<double>(floors.output_tokens);
  e->pools = std::move(pools);
  return e;
}

}  // namespace

Result<Explanation> explain(const Scenario& scenario) {
  if (scenario.pools.empty()) return explain_one(scenario);
  std::vector<PoolExplanation> pools;
  for (const PoolPlan& pool : scenario.pools) {
    Result<Explanation> alone = explain_one(only_pool(scenario, pool));
    if (!alone) return alone;
    pools.push_back({pool.name, pool.role, std::move(*alone)});
  }
  return explain_together(scenario, std::move(pools));
}

}  // namespace foretoken
