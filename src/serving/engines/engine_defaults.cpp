// Default rules that several engines share (src/serving/README.md, "Defaults").
#include <fmt/format.h>

#include <algorithm>

#include "foretoken/base/result.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {

// vLLM looks for "a100" in the device's name, whatever its memory.
bool is_large_gpu(const GpuSpec& gpu) {
  const bool is_a100 = lower_case(gpu.id + " " + gpu.display_name).find("a100") != std::string::npos;
  return gpu.memory_capacity.value >= 70 * kGiB && !is_a100;
}

std::string large_gpu_reason(bool large) {
  return large ? "GPU of 70 GiB or more" : "GPU below 70 GiB, or A100";
}

void read_budget_by_gpu(EngineKnobs& knobs, EngineSetting& setting) {
  EngineConfig& engine = setting.engine;
  const bool large = is_large_gpu(setting.deployment.gpu);
  KnobRule<std::int64_t> rule{large ? 8192 : 2048, large_gpu_reason(large)};
  if (engine.max_num_seqs * engine.max_model_len < rule.value)
    rule = {engine.max_num_seqs * engine.max_model_len, "max_num_seqs x max_model_len"};
  if (!engine.enable_chunked_prefill && engine.max_model_len > rule.value)
    rule = {engine.max_model_len, "max_model_len, without chunked prefill"};
  engine.max_num_batched_tokens = knobs.integer("engine.max_num_batched_tokens", rule);
}

double read_gpu_memory_utilization(EngineKnobs& knobs, const EngineSetting& setting) {
  return knobs.number("engine.gpu_memory_utilization",
                      {0.9, fmt::format("{} {}", setting.engine.name, setting.engine.version)});
}

KnobRule<std::int64_t> captured_by_seats(const EngineSetting& setting) {
  const EngineConfig& engine = setting.engine;
  const std::int64_t per_row = 1 + engine.speculation.tokens;
  return {std::min<std::int64_t>({2 * engine.max_num_seqs * per_row, 512, engine.max_num_batched_tokens}),
          per_row > 1 ? "min(2 x max_num_seqs x (1 + drafts), 512, budget)" : "min(2 x max_num_seqs, 512, budget)"};
}

DraftTree draft_chain(DraftMethod method, const ModelSpec&, const DraftSize& given) {
  DraftTree tree;
  if (!given.steps && method != DraftMethod::suffix) {
    tree.problem = "'engine.speculative_config.num_speculative_tokens' is missing";
    return tree;
  }
  tree.steps = static_cast<int>(given.steps.value_or(24));  // vLLM's default for suffix
  tree.tokens = tree.steps + 1;
  return tree;
}

}  // namespace foretoken
