// What only shows of pools when the workload is known.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scenario/build.hpp"

namespace foretoken {
namespace {

// KV caches that come faster than they can go: the queue for the link grows without end.
void warn_of_full_links(Resolver& values, const Scenario& s, const WorkloadSummary& workload) {
  double out = 0, in = 0, per_prompt = 0;
  for (const PoolPlan& pool : s.pools) {
    const double bandwidth = static_cast<double>(pool.link_bandwidth) * pool.cluster.replicas;
    if (pool.role == PoolRole::prefill) out += bandwidth;
    if (pool.role != PoolRole::decode) continue;
    in += bandwidth;
    const auto tokens = std::max<std::int64_t>(1, std::llround(workload.mean_prompt_tokens));
    const double blocks = pool.engine.kv_layout.is_plain() ? workload.mean_prompt_tokens / pool.engine.block_size
                                                           : static_cast<double>(pool.engine.blocks_of(tokens));
    per_prompt = blocks * static_cast<double>(pool.kv_block_bytes) + static_cast<double>(pool.kv_state_bytes);
  }
  const double needed = workload.offered_rate * per_prompt;
  const double most = std::min(out, in);
  const bool both =
      std::any_of(s.pools.begin(), s.pools.end(), [](const PoolPlan& p) { return p.role == PoolRole::both; });
  if (!(most > 0) || !(needed >= most) || both) return;
  values.warning(
      "disaggregation",
      fmt::format("KV caches of {:.3g} GB a second are computed, and the links between the pools carry {:.3g}",
                  needed * 1e-9, most * 1e-9),
      "the queue for the link grows: a faster disaggregation.link, more replicas, or a smaller load");
}

// Prompts that a pool can never take.
void check_prompts_of(Resolver& values, const std::string& at, const PoolPlan& pool, const WorkloadSummary& workload,
                      std::int64_t max_model_len) {
  const EngineConfig& engine = pool.engine;
  const std::int64_t longest = std::min(workload.max_prompt_tokens, max_model_len - 1);
  const std::int64_t held = engine.kv_layout.longest(std::max<std::int64_t>(0, engine.usable_blocks()),
                                                     engine.max_num_batched_tokens, engine.block_size, longest + 1);
  if (engine.max_model_len <= longest)
    values.error(at + ".engine.max_model_len",
                 fmt::format("prompts of {} tokens do not fit max_model_len {} of pool '{}'", longest,
                             engine.max_model_len, pool.name),
                 fmt::format("set it to {} or more", workload.max_total_tokens));
  if (pool.memory.num_gpu_blocks_override && held <= longest)
    values.error(at + ".engine.num_gpu_blocks_override",
                 fmt::format("{} KV blocks of pool '{}' hold {} tokens: less than one prompt of {}",
                             *pool.memory.num_gpu_blocks_override, pool.name, held, longest),
                 "raise the blocks");
}

}  // namespace

std::string key_of_pool(Resolver& values, const PoolPlan& pool) {
  const auto key = [](std::size_t i) { return fmt::format("pools[{}]", i); };
  std::size_t i = 0;
  while (i + 1 < values.count("pools") && values.maybe_text(key(i) + ".name") != pool.name) ++i;
  return key(i);
}

void check_pools(Resolver& values, Scenario& s) {
  const Result<WorkloadSummary> workload = workload_summary(s);
  if (!workload) return;  // reported
  const bool several = has_several_models(s);
  check_signals(values, entry_pool(s.pools).cluster, s, *workload);
  for (PoolPlan& pool : s.pools) {
    if (pool.role == PoolRole::encoder) continue;
    if (pool.engine.ignore_eos_admission && !s.workload.ignore_eos) pool.engine.ignore_eos_admission = false;
    if (!several) {
      check_prompts_of(values, key_of_pool(values, pool), pool, *workload, s.engine.max_model_len);
    } else if (const auto own = summarise_workload(workload_of_model(s.workload, pool.served_model_name)); own) {
      check_prompts_of(values, key_of_pool(values, pool), pool, *own, pool.engine.max_model_len);
    }
  }
  warn_of_full_links(values, s, *workload);
}

}  // namespace foretoken
