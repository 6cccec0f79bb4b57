// LoRA adapters: slots of the engine, and who asks for which.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/math.hpp"
#include "scenario/build.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

// vLLM's config/lora.py.
constexpr int kLoraRanks[] = {1, 8, 16, 32, 64, 128, 256, 320, 512};
constexpr std::int64_t kMostAdapters = 30'000;  // of a number in 16 bits

bool is_lora_rank(std::int64_t rank) {
  return std::find(std::begin(kLoraRanks), std::end(kLoraRanks), rank) != std::end(kLoraRanks);
}

std::vector<double> popularity_of_adapters(Resolver& values, std::int64_t count) {
  const std::string how = values.text("workload.adapters.popularity");
  if (how != "zipf" && values.given("workload.adapters.zipf_alpha"))
    values.warning("workload.adapters.zipf_alpha",
                   fmt::format("'workload.adapters.zipf_alpha' has no effect: popularity is {}", how));
  std::vector<double> weights(static_cast<std::size_t>(count), 1);
  if (how != "zipf") return weights;
  const double alpha = values.number("workload.adapters.zipf_alpha");
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = exact_pow(static_cast<double>(i + 1), -alpha);
  return weights;
}

std::vector<double> read_adapter_weights(Resolver& values) {
  const char* key = "workload.adapters.weights";
  if (!values.given(key)) {
    const auto count = values.maybe_integer("workload.adapters.count");
    if (!count)
      values.error("workload.adapters", "'workload.adapters.count' is missing",
                   "say how many there are, or give the weight of each as 'weights'");
    return popularity_of_adapters(values, count.value_or(1));
  }
  std::vector<double> weights = values.numbers(key);
  values.record_given(key);
  for (const char* other :
       {"workload.adapters.count", "workload.adapters.popularity", "workload.adapters.zipf_alpha"}) {
    if (!values.given(other)) continue;
    values.mark_read(other);
    values.error(other, fmt::format("'{}' and '{}' both say who asks for which adapter", key, other),
                 "keep one of them");
  }
  double sum = 0;
  for (const double weight : weights) sum += weight;
  if (!(sum > 0)) values.error(key, fmt::format("'{}' sum to nothing", key), "give at least one above 0");
  if (weights.size() > static_cast<std::size_t>(kMostAdapters))
    values.error(key, fmt::format("more than {} adapters", kMostAdapters));
  return weights;
}

std::vector<int> read_adapter_ranks(Resolver& values, std::size_t adapters) {
  const char* key = "workload.adapters.ranks";
  std::vector<int> ranks;
  for (const double rank : values.numbers(key)) {
    if (rank != std::floor(rank)) {
      values.error(key, fmt::format("a rank of {} cannot be", rank), "whole numbers");
      return std::vector<int>(adapters, 16);
    }
    ranks.push_back(static_cast<int>(rank));
  }
  if (ranks.empty()) ranks.push_back(16);
  if (ranks.size() != 1 && ranks.size() != adapters)
    values.error(key, fmt::format("'{}' has {} ranks for {} adapters", key, ranks.size(), adapters),
                 "give one for each, or one for all");
  ranks.resize(adapters, ranks.front());
  return ranks;
}

// TensorRT-LLM's pages. Without a model adapters take one place each.
void read_adapter_pages(Resolver& values, Scenario& s) {
  const Deployment& d = s.deployment;
  if (d.level == CostLevel::affine) return;
  const ModelSpec& m = d.model;
  if (m.moe.experts > 0 || m.attention != AttentionKind::grouped_query || m.recurrent.layers > 0) {
    values.error("engine.enable_lora",
                 fmt::format("LoRA adapters of {} are modelled for models whose layers are dense, with keys and values "
                             "per head, and {} is none",
                             d.engine_name, m.id),
                 "engine.name: vllm-v1 or sglang");
    return;
  }
  const AdapterPages pages = adapter_pages(m, d.parallelism, d.lora.max_rank, d.lora.max_loras);
  s.engine.lora.max_loras = pages.pages;
  s.deployment.lora.pool_bytes = pages.bytes();
}

// Places that all adapters of the load take together, in the pool's slots or pages.
std::int64_t places_of_all(const AdapterConfig& adapters, const LoraConfig& slots) {
  if (!slots.places.empty()) return std::accumulate(slots.places.begin(), slots.places.end(), std::int64_t{0});
  return static_cast<std::int64_t>(adapters.weights.size()) +
         (slots.base_takes_slot && adapters.base_share > 0 ? 1 : 0);
}

// Each pool has read its own (build_pools.cpp). Where a request decodes it takes a seat past the queue in engines but
// vLLM: SGLang's get_new_prebuilt_batch does not look at slots, so a batch with more adapters than these stops the
// server, and what TensorRT-LLM's pages do there was not read.
void check_adapters_of_pools(Resolver& values, const Scenario& s) {
  const bool asked = !s.workload.adapters.weights.empty();
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    const PoolPlan& pool = s.pools[i];
    const std::string key = fmt::format("pools[{}].engine.enable_lora", i);
    if (asked && !pool.engine.lora.on())
      values.error(key, fmt::format("requests ask for LoRA adapters, and pool '{}' has none", pool.name),
                   "set engine.enable_lora: true for all pools");
    const bool past_the_queue =
        pool.role == PoolRole::decode && s.hand_over.semantics != "nixl" && s.hand_over.semantics != "p2p-nccl";
    if (!pool.engine.lora.on() || !past_the_queue) continue;
    const std::int64_t wanted = places_of_all(s.workload.adapters, pool.engine.lora);
    if (wanted > pool.engine.lora.max_loras)
      values.error(key,
                   fmt::format("with disaggregation.semantics {} a pool that decodes must have room for all adapters "
                               "at once: they take {} places, and pool '{}' has {}",
                               s.hand_over.semantics, wanted, pool.name, pool.engine.lora.max_loras),
                   "raise engine.max_loras of that pool");
  }
}

}  // namespace

void build_lora(Resolver& values, Scenario& s) {
  const EngineProfile& engine = find_engine(s.deployment.engine_name);
  if (!engine.reads("engine.enable_lora") || !values.flag("engine.enable_lora")) return;
  LoraSpec& lora = s.deployment.lora;
  LoraConfig& slots = s.engine.lora;
  const LoraProfile& profile = engine.lora;
  slots.max_loras =
      values.integer("engine.max_loras", {profile.max_loras, Origin::engine_default, std::string(engine.info.name)});
  slots.base_takes_slot = profile.base_takes_slot;
  slots.loaded_at_start = profile.keeps_all;
  lora.max_loras = static_cast<int>(slots.max_loras);
  lora.max_rank = static_cast<int>(values.integer(
      "engine.max_lora_rank", {profile.max_rank, Origin::engine_default, std::string(engine.info.name)}));
  if (!is_lora_rank(lora.max_rank))
    values.error("engine.max_lora_rank", fmt::format("'engine.max_lora_rank' is {}", lora.max_rank),
                 fmt::format("allowed: {}", fmt::join(kLoraRanks, ", ")));
  const std::int64_t all = std::max(slots.max_loras, kMostAdapters);
  slots.max_cpu_loras = all;
  if (engine.reads("engine.max_cpu_loras"))
    slots.max_cpu_loras =
        values.integer("engine.max_cpu_loras", {profile.keeps_all ? all : slots.max_loras, Origin::engine_default,
                                                profile.keeps_all ? "all adapters stay in host memory" : "max_loras"});
  if (slots.max_cpu_loras < slots.max_loras)
    values.error("engine.max_cpu_loras",
                 fmt::format("'engine.max_cpu_loras' is {}, less than engine.max_loras {}: {} refuses to start",
                             slots.max_cpu_loras, slots.max_loras, engine.info.name),
                 fmt::format("set it to {} or more", slots.max_loras));
  if (profile.in_pages) read_adapter_pages(values, s);
  const bool bare = s.deployment.level == CostLevel::datasheet || s.deployment.level == CostLevel::affine;
  const Origin origin = bare ? Origin::default_value : Origin::derived;
  lora.per_adapter =
      values.number("cost.per_adapter", {bare ? 0 : kStepPerAdapter, origin, bare ? "" : "measured on H100"});
  lora.with_adapters = values.number(
      "cost.with_adapters", {bare ? 0 : profile.with_adapters, origin, bare ? "" : std::string(engine.info.name)});
}

namespace {

// Of classes that name one: it has to be there, and those that are asked for have to be all.
void check_adapters_of_classes(Resolver& values, const WorkloadConfig& w) {
  const auto adapters = static_cast<std::int64_t>(w.adapters.weights.size());
  bool all_name_one = !w.classes.empty();
  for (std::size_t i = 0; i < w.classes.size(); ++i) {
    const RequestClass& c = w.classes[i];
    all_name_one = all_name_one && c.adapter;
    const std::string path = fmt::format("workload.classes[{}].adapter", i);
    if (c.adapter && *c.adapter >= 0 && adapters == 0)
      values.error(path, fmt::format("class '{}' asks for adapter {}, and there are none", c.name, *c.adapter),
                   fmt::format("workload.adapters: {{count: {}}}", std::max(1, *c.adapter + 1)));
    else if (c.adapter && *c.adapter >= adapters)
      values.error(path, fmt::format("class '{}' asks for adapter {}: there are {}", c.name, *c.adapter, adapters),
                   fmt::format("0 to {}, or -1 for the base model", adapters - 1));
  }
  for (const char* key : {"popularity", "zipf_alpha", "weights", "base_share"}) {
    const std::string path = std::string("workload.adapters.") + key;
    if (all_name_one && values.given(path))
      values.warning(path, fmt::format("'{}' has no effect: every class names its adapter", path));
  }
}

}  // namespace

void read_adapters(Resolver& values, WorkloadConfig& w) {
  if (!values.given("workload.adapters")) return check_adapters_of_classes(values, w);
  AdapterConfig& adapters = w.adapters;
  adapters.weights = read_adapter_weights(values);
  adapters.ranks = read_adapter_ranks(values, adapters.weights.size());
  adapters.base_share = values.number("workload.adapters.base_share");
  check_adapters_of_classes(values, w);
}

// Loads, and what only shows when engine and workload meet.
void build_adapters(Resolver& values, Scenario& s) {
  const AdapterConfig& adapters = s.workload.adapters;
  if (!s.pools.empty()) return check_adapters_of_pools(values, s);
  LoraConfig& slots = s.engine.lora;
  if (!slots.on()) {
    if (adapters.weights.empty()) return;
    const bool can = find_engine(s.deployment.engine_name).reads("engine.enable_lora");
    values.error(
        "workload.adapters",
        can ? "requests ask for LoRA adapters, and engine.enable_lora is false"
            : fmt::format("LoRA adapters of {} are not modelled", s.deployment.engine_name),
        can ? "set engine.enable_lora: true" : "engines that have them here: vllm-v1, vllm-v0, sglang, tensorrt-llm");
    return;
  }
  const Deployment& d = s.deployment;
  const bool bare = d.level == CostLevel::affine;
  const auto load = values.maybe_quantity("cost.adapter_load"), read = values.maybe_quantity("cost.adapter_read");
  for (std::size_t i = 0; i < adapters.ranks.size(); ++i) {
    const int rank = adapters.ranks[i];
    if (rank < 1 || rank > d.lora.max_rank) {
      values.error("workload.adapters.ranks",
                   fmt::format("adapter {} has rank {}, more than engine.max_lora_rank {}", i, rank, d.lora.max_rank),
                   fmt::format("set engine.max_lora_rank to {} or more", rank));
      return;
    }
    // What lies in pages is as large as it is; a slot is filled up.
    const bool in_pages = d.lora.pool_bytes > 0;
    const double into_slot =
        load.value_or(bare ? 0 : adapter_load_seconds(d.model, d.parallelism, rank, in_pages ? rank : d.lora.max_rank));
    if (in_pages) slots.places.push_back(pages_of_adapter(d.model, d.parallelism, rank, d.lora.max_rank));
    const double from_disk = read.value_or(bare ? 0 : adapter_read_seconds(d.model, rank));
    slots.loads.push_back({duration_from_seconds(into_slot), duration_from_seconds(into_slot + from_disk)});
  }
  if (adapters.weights.empty()) return;  // nobody says how many there are
  slots.max_cpu_loras =
      std::min(slots.max_cpu_loras, std::max(slots.max_loras, static_cast<std::int64_t>(adapters.weights.size())));
}

void build_answers(Resolver& values, Scenario& s) {
  WorkloadConfig& w = s.workload;
  AnswersConfig& a = w.answers;
  a.n = static_cast<int>(values.integer("workload.n"));
  a.best_of = static_cast<int>(values.integer("workload.best_of", {a.n, Origin::derived, "workload.n"}));
  a.beam_width = static_cast<int>(values.maybe_integer("workload.beam_width").value_or(0));
  if (a.best_of < a.n)
    values.error("workload.best_of", fmt::format("'workload.best_of' is {}, less than workload.n {}", a.best_of, a.n),
                 "best_of answers are computed, and n of them come back");
  if (a.beam_width > 0 && a.best_of > 1)
    values.error("workload.beam_width", "'workload.beam_width' and 'workload.n' both say how many answers there are",
                 "keep one of them");
  if (!a.on()) return;
  const char* key = a.beam_width > 0 ? "workload.beam_width" : a.best_of > a.n ? "workload.best_of" : "workload.n";
  const auto refuse = [&](const std::string& what) {
    values.error(key, fmt::format("several answers to a request {} are not modelled", what), "leave one of them out");
  };
  // The blocks where the prompt was computed are free when one answer has read them: what the others read may be
  // another request's (src/serving/README.md, "Several answers").
  if (!s.pools.empty()) refuse("with several pools");
  if (w.client.migrations > 0) refuse("that migrates");
  if (s.cluster.admission.queues) refuse("that wait before the router (admission.flow_control)");
  const EngineProfile& engine = find_engine(s.deployment.engine_name);
  if (engine.forks_answers && a.beam_width == 0)
    refuse(fmt::format("of {}, which computes their prompt once,", engine.info.name));
}

}  // namespace foretoken
