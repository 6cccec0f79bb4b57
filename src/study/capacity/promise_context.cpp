// The longest context by memory in closed form, and by the objectives with the search that finds loads.
#include "study/capacity/promise_context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "study/capacity/answer.hpp"
#include "study/capacity/look.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kReplicationsOfALook = 10;
constexpr double kContextPrecision = 0.05;

std::int64_t divided_up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// Where sequences decode: ranks of one kind.
struct Decoding {
  std::int64_t ranks = 0;
  const EngineConfig* engine = nullptr;
};

std::vector<Decoding> decoding(const Scenario& s) {
  std::vector<Decoding> all;
  const auto add = [&](int replicas, const EngineConfig& engine) {
    all.push_back({std::int64_t{replicas} * std::max(1, engine.data_parallel_size), &engine});
  };
  if (s.pools.empty()) add(s.cluster.replicas, s.engine);
  for (const PoolPlan& pool : s.pools) {
    if (pool.role != PoolRole::prefill && pool.role != PoolRole::encoder) add(pool.cluster.replicas, pool.engine);
  }
  return all;
}

// Tokens of each of n sequences on a rank: floor(blocks / n) blocks, whoever came first.
std::int64_t longest_of(const EngineConfig& e, std::int64_t sequences) {
  return e.kv_layout.longest(e.usable_blocks() / sequences, e.max_num_batched_tokens, e.block_size, e.max_model_len);
}

}  // namespace

std::int64_t max_model_len_of(const Scenario& s) {
  std::int64_t least = s.engine.max_model_len;
  for (const PoolPlan& pool : s.pools) least = std::min(least, pool.engine.max_model_len);
  return least;
}

std::vector<std::string> lengths_of(std::int64_t prompt, std::int64_t output) {
  return {"workload.dataset_name=null",
          "workload.dataset_path=null",
          "workload.input_lengths=null",
          "workload.output_lengths=null",
          "workload.random_range_ratio=null",
          "workload.classes=null",
          fmt::format("workload.random_input_len={}", prompt),
          fmt::format("workload.random_output_len={}", output)};
}

// With pools n sequences are spread over all ranks that decode, and a pool of role prefill holds the whole of one.
std::vector<ContextByMemory> contexts_by_memory(const Scenario& s) {
  const std::vector<Decoding> decodes = decoding(s);
  std::int64_t ranks = 0, most = 0, longest = max_model_len_of(s);
  for (const Decoding& d : decodes) {
    ranks += d.ranks;
    most += d.ranks * d.engine->max_num_seqs;
  }
  for (const PoolPlan& pool : s.pools) {
    if (pool.role == PoolRole::prefill) longest = std::min(longest, longest_of(pool.engine, 1));
  }
  std::vector<std::int64_t> counts;
  for (std::int64_t n = 1; n < most; n *= 4) counts.push_back(n);
  counts.push_back(most);
  if (s.workload.max_concurrency) counts.push_back(*s.workload.max_concurrency);
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  std::vector<ContextByMemory> contexts;
  for (const std::int64_t n : counts) {
    ContextByMemory context{n, 0, false};
    const std::int64_t each = divided_up(n, ranks);
    if (std::all_of(decodes.begin(), decodes.end(), [&](const auto& d) { return each <= d.engine->max_num_seqs; })) {
      context.tokens = longest;
      for (const Decoding& d : decodes) context.tokens = std::min(context.tokens, longest_of(*d.engine, each));
      context.by_model_len = context.tokens >= max_model_len_of(s);
    }
    contexts.push_back(context);
  }
  return contexts;
}

Diagnostics longest_by_slo(PromiseResult& r, const Question& question, const LoadKnob& knob,
                           const RunOptions& options) {
  const Result<WorkloadSummary> workload = workload_summary(r.scenario);
  if (!workload) return workload.error();
  ContextBySlo& by_slo = r.by_slo;
  by_slo.load = knob.offered;
  by_slo.output = std::max<std::int64_t>(1, std::llround(workload->mean_output_tokens));
  SearchRange range;
  range.whole = true;
  range.least = 1;
  range.most = static_cast<double>(max_model_len_of(r.scenario) - by_slo.output);
  range.start = std::max(1.0, workload->mean_prompt_tokens);
  range.precision = kContextPrecision;
  range.check_from = 1;
  if (range.most < range.least) {
    by_slo.outcome = CapacityOutcome::nothing_meets;
    by_slo.reason = "outputs alone fill engine.max_model_len";
    return {};
  }
  RunOptions quiet = options;
  quiet.progress = nullptr;
  LoadJudge judge(question, quiet, kReplicationsOfALook);
  judge.loads_differ_in_kind();
  CapacityResult looks;
  looks.scenario = r.scenario;
  looks.unit = "prompt tokens";
  Diagnostics problems;
  LoadSearch search(range, [&](double prompt) -> std::optional<LoadSide> {
    if (options.stop != nullptr && options.stop->load()) return std::nullopt;
    Result<CapacityLook> at = judge(prompt, lengths_of(std::llround(prompt), by_slo.output));
    if (!at) problems = at.error();
    if (!at || (!at->verdict && !at->bound)) return std::nullopt;
    // A longer prompt is no more load of the kind that a floor on throughput lacks.
    at->too_little = false;
    const LoadSide side = side_of(*at);
    looks.looks.push_back(std::move(*at));
    return side;
  });
  search.run();
  r.requests += judge.requests();
  conclude(looks, search, range);
  by_slo.outcome = looks.outcome;
  by_slo.reason = looks.reason;
  if (looks.outcome == CapacityOutcome::everything_meets) by_slo.reason = "up to engine.max_model_len";
  if (looks.outcome == CapacityOutcome::nothing_meets) by_slo.reason = "missed with a prompt of one token";
  if (looks.capacity) by_slo.prompt = std::llround(*looks.capacity);
  if (looks.missed) by_slo.missed = std::llround(*looks.missed);
  return problems;
}

}  // namespace foretoken
