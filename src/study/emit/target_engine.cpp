// Knobs of one engine as another's.
#include "study/emit/target_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

std::string shown(const Json& value) {
  const std::string* text = value.if_string();
  return text != nullptr ? *text : to_text(value, 0);
}

// Tokens of KV cache of one rank.
double kv_tokens(const Scenario& s) {
  const EngineConfig& e = s.engine;
  if (e.kv_layout.is_plain()) return static_cast<double>(e.num_gpu_blocks) * e.block_size;
  return static_cast<double>(e.num_gpu_blocks) / static_cast<double>(e.most_blocks_of(e.max_model_len)) *
         static_cast<double>(e.max_model_len);
}

class Conversion {
 public:
  Conversion(const Question& question, const Scenario& from, Program program)
      : question_(question),
        from_(from),
        source_(find_engine(from.engine.name)),
        target_(find_engine(engine_name_of(program))) {
    result_.program = program;
  }

  Result<TargetDeployment> run() {
    set("engine.name", std::string(target_.info.name));
    set("engine.version", "null");
    settle_given();
    set("engine.max_model_len", fmt::format("{}", from_.engine.max_model_len));
    seats();
    budget();
    prefix_caching();
    if (Diagnostics problems = memory(); problems.has_errors()) return problems;
    Result<Scenario> scenario = question_.with(overrides_).scenario();
    if (!scenario) return scenario.error();
    result_.scenario = std::move(*scenario);
    return std::move(result_);
  }

 private:
  void set(const std::string& path, const std::string& value) { overrides_.push_back(path + "=" + value); }
  void converted(std::string_view from, const std::string& was, std::string_view to, const std::string& is) {
    result_.converted.push_back(
        fmt::format("{} {} of {} is {} {} of {}", from, was, source_.info.name, to, is, target_.info.name));
  }

  // What was said for one engine only is unset; what the other calls otherwise is set again below.
  void settle_given() {
    for (const ResolvedField& field : from_.fields) {
      if (!field.path.starts_with("engine.") || !is_given(field)) continue;
      const std::string_view key = field.path;
      const bool settled = key == source_.token_budget.key || key == source_.memory_share.key ||
                           key == "engine.max_num_seqs" || key == "engine.max_model_len" || key == "engine.name" ||
                           key == "engine.version" || key == "engine.num_gpu_blocks_override" ||
                           key == "engine.enable_prefix_caching" || key == "engine.disable_radix_cache" ||
                           key == "engine.enable_chunked_prefill";
      const bool everyones = engines_with_own(key).empty() && !drafts_otherwise(key);
      if (!settled && (everyones || target_.reads(key))) continue;
      if (key != "engine.name" && key != "engine.version") set(field.path, "null");
      if (!settled) result_.dropped.push_back(fmt::format("{}: {}", field.path, shown(field.value)));
    }
  }

  // Ways to draft that the target has not.
  [[nodiscard]] bool drafts_otherwise(std::string_view key) const {
    if (key == "engine.speculative_config.parallel_drafting") return target_.speculation.parallel_from.empty();
    const bool tree =
        key == "engine.speculative_config.eagle_topk" || key == "engine.speculative_config.num_draft_tokens";
    return tree && !target_.speculation.has_trees;
  }

  void seats() {
    const std::int64_t ranks = from_.engine.data_parallel_size;
    const std::int64_t target = from_.engine.max_num_seqs * (target_.seats_of_all_ranks ? ranks : 1);
    set("engine.max_num_seqs", fmt::format("{}", target));
    if (source_.seats_of_all_ranks != target_.seats_of_all_ranks && ranks > 1)
      result_.converted.push_back(fmt::format("max_num_seqs {} of a rank is {} of {} {}", from_.engine.max_num_seqs,
                                              target, target_.seats_of_all_ranks ? "all ranks of" : "a rank of",
                                              target_.info.name));
  }

  void budget() {
    const bool limited = source_.token_budget.limits(from_.engine) && from_.engine.enable_chunked_prefill;
    const std::int64_t ranks = from_.engine.data_parallel_size;
    const std::int64_t of_rank = source_.token_budget.of(from_.engine);
    const std::int64_t tokens = limited                      ? of_rank * (target_.seats_of_all_ranks ? ranks : 1)
                                : target_.seats_of_all_ranks ? -1
                                                             : of_rank;
    set(std::string(target_.token_budget.key), fmt::format("{}", tokens));
    if (target_.reads("engine.enable_chunked_prefill") || !target_.seats_of_all_ranks)
      set("engine.enable_chunked_prefill", limited ? "true" : "false");
    if (source_.token_budget.key != target_.token_budget.key)
      converted(source_.token_budget.key, limited ? fmt::format("{}", of_rank) : "without a limit",
                target_.token_budget.key, fmt::format("{}", tokens));
  }

  void prefix_caching() {
    const bool on = from_.engine.enable_prefix_caching;
    if (!target_.reads("engine.disable_radix_cache"))
      set("engine.enable_prefix_caching", on ? "true" : "false");
    else if (!on)
      set("engine.disable_radix_cache", "true");
  }

  // The shares of the engines are of different wholes: what counts is the cache that is left.
  Diagnostics memory() {
    const std::string key(target_.memory_share.key);
    const auto tokens_at = [&](double share) -> Result<double> {
      std::vector<std::string> overrides = overrides_;
      overrides.push_back(fmt::format("{}={}", key, share));
      const Result<Scenario> scenario = question_.with(overrides).scenario();
      if (!scenario) return scenario.error();
      return kv_tokens(*scenario);
    };
    double low = 0.01, high = 1;
    constexpr int kShareHalvings = 14;  // to four digits
    for (int i = 0; i < kShareHalvings; ++i) {
      const double middle = (low + high) / 2;
      const Result<double> tokens = tokens_at(middle);
      if (!tokens) return tokens.error();
      (*tokens < kv_tokens(from_) ? low : high) = middle;
    }
    const std::string share = fmt::format("{:.4f}", high);
    set(key, share);
    converted(source_.memory_share.key, fmt::format("{:.4g}", from_.memory.gpu_memory_utilization), key,
              fmt::format("{} (as many tokens of KV cache: {:.0f})", share, kv_tokens(from_)));
    return {};
  }

  const Question& question_;
  const Scenario& from_;
  const EngineProfile& source_;
  const EngineProfile& target_;
  std::vector<std::string> overrides_;
  TargetDeployment result_;
};

}  // namespace

std::optional<Program> program_named(std::string_view name) {
  constexpr std::pair<std::string_view, Program> kNames[] = {
      {"vllm", Program::vllm}, {"sglang", Program::sglang}, {"trtllm", Program::tensorrt_llm}};
  for (const auto& [known, program] : kNames) {
    if (known == name) return program;
  }
  return std::nullopt;
}

std::optional<Program> program_of(const Scenario& scenario) {
  for (const Program program : {Program::vllm, Program::sglang, Program::tensorrt_llm}) {
    const auto own = find_engine(engine_name_of(program)).launch_line;
    if (own != nullptr && find_engine(scenario.engine.name).launch_line == own) return program;
  }
  return std::nullopt;
}

Result<TargetDeployment> target_deployment(const Question& question, const Scenario& scenario, Program program) {
  Result<TargetDeployment> target = TargetDeployment{};
  if (program_of(scenario) == program) {
    target->scenario = scenario;
    target->program = program;
  } else {
    target = Conversion(question, scenario, program).run();
  }
  if (!target || target->scenario.pools.empty()) return target;
  const PoolPlan& main = main_pool(target->scenario.pools);
  for (const PoolPlan& pool : target->scenario.pools) {
    if (pool.name != main.name) target->left_out.push_back(pool.name);
  }
  target->scenario = only_pool(target->scenario, PoolPlan(main));
  return target;
}

}  // namespace foretoken
