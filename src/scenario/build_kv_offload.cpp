// KV caches outside the GPU: what an engine keeps there, how much fits, and how fast it moves.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/counts.hpp"
#include "scenario/build.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

// src/cost/README.md, "Copies to the host": what H100 reaches of PCIe 5, for links that nobody measured.
constexpr double kHostEfficiency = 50.0 / 64, kBothDirections = 83.4 / 50;
// What NICs reach of their line (src/serving/README.md, "Hand-overs").
constexpr double kRemoteEfficiency = 0.75;

std::int64_t whole(double value) {
  return std::max<std::int64_t>(1, std::llround(value));
}

// The key that asks for KV caches outside the GPU; empty: none does.
std::string asked_by(Resolver& values) {
  for (const char* key : {"engine.kv_offloading_size", "engine.enable_hierarchical_cache", "engine.preemption_mode"}) {
    if (values.given(key)) return key;
  }
  return "engine";
}

// Of one GPU: large copies in one direction, and in both together.
struct HostLink {
  double one = 0, both = 0;
};
HostLink host_link(Resolver& values, const Scenario& s) {
  const LinkSpec& link = s.deployment.gpu.host_link;
  const bool measured = link.measured_copy.has_value();
  const double one = measured ? link.measured_copy->value : link.per_direction.value * kHostEfficiency;
  if (!(one > 0) && !values.given("hardware.host_bandwidth")) {
    values.error("hardware.gpu", fmt::format("the catalog has no host link of {}", s.deployment.gpu.id),
                 "give hardware.host_bandwidth");
    return {};
  }
  HostLink host;
  host.one = values.quantity("hardware.host_bandwidth",
                             {one, Origin::gpu, measured ? "measured on " + link.id : "0.78 of " + link.id});
  const double both = link.measured_copy_both && measured ? link.measured_copy_both->value / one * host.one
                                                          : kBothDirections * host.one;
  host.both = values.quantity("hardware.host_bandwidth_both",
                              {both, Origin::gpu, link.measured_copy_both ? "measured on " + link.id : "as on PCIe 5"});
  if (host.both < host.one)
    values.error("hardware.host_bandwidth_both",
                 fmt::format("both directions together have less than one alone, {:.3g} GB/s", host.one * 1e-9),
                 "it lies between host_bandwidth and twice as much");
  return host;
}

void add_tier(Resolver& values, const char* name, KvTier tier, double read, const std::string& reason, Scenario& s) {
  const auto key = [&](const char* part) { return fmt::format("engine.{}.{}", name, part); };
  const std::string map = fmt::format("engine.{}", name);
  if (!values.given(map)) return;
  KvOffloadConfig& kv = s.engine.kv_offload;
  if (!kv.on()) {
    values.error(map, fmt::format("'{}' stands behind host memory, and no KV cache goes there", map),
                 "give engine.kv_offloading_size (vllm-v1) or engine.enable_hierarchical_cache (sglang)");
    values.mark_tree_read(map);
    return;
  }
  const auto size = values.maybe_quantity(key("size"));
  if (!size) {
    values.error(map, fmt::format("'{}' is missing", key("size")), "say how much it holds, as 2 TB");
    return;
  }
  KvTierConfig config;
  config.tier = tier;
  config.units = static_cast<std::int64_t>(*size / static_cast<double>(kv.unit_bytes));
  if (config.units == 0)
    values.error(key("size"), fmt::format("'{}' holds not even one unit of {} bytes", key("size"), kv.unit_bytes),
                 "give more, or leave it out");
  const bool remote = tier == KvTier::remote;
  const double reads = remote ? values.quantity(key("read_bandwidth"), {read, Origin::gpu, reason})
                              : values.quantity(key("read_bandwidth"));
  config.read_bandwidth = whole(reads);
  config.write_bandwidth = whole(remote ? values.quantity(key("write_bandwidth"), {reads, Origin::derived, "as read"})
                                        : values.quantity(key("write_bandwidth")));
  config.latency = values.duration(key("latency"));
  if (remote) {
    config.shared = values.flag(key("shared"));
    if (const auto all = values.maybe_quantity(key("store_bandwidth"))) config.store_bandwidth = whole(*all);
    config.name = values.maybe_text(key("name")).value_or("");
    for (const char* part : {"store_bandwidth", "name"}) {
      if (!values.given(key(part)) || config.shared) continue;
      values.error(key(part), fmt::format("'{}' is of a store that replicas share", key(part)),
                   "set engine.kv_remote.shared: true, or leave it out");
    }
  }
  kv.tiers.push_back(config);
}

// False: it cannot be simulated.
bool check_modelled(Resolver& values, const Scenario& s) {
  const std::string key = asked_by(values);
  const auto refuse = [&](const char* what, const char* hint) {
    values.error(key, what, hint);
    return false;
  };
  if (s.deployment.level == CostLevel::affine)
    return refuse("affine costs have no KV cache of any size to move", "it needs hardware: another cost.level");
  if (s.engine.data_parallel_size > 1)
    return refuse("KV caches outside the GPU with attention data parallelism are not modelled",
                  "set engine.data_parallel_size: 1");
  if (s.engine.speculation.on())
    return refuse("KV caches outside the GPU with speculative decoding are not modelled",
                  "leave engine.speculative_config out");
  return true;
}

}  // namespace

void build_kv_offload(Resolver& values, EngineKnobs& knobs, Scenario& s) {
  const EngineProfile& profile = find_engine(s.engine.name);
  KvOffloadConfig& kv = s.engine.kv_offload;
  KvOffloadSetting setting{kv};
  if (profile.read_kv_offload != nullptr) profile.read_kv_offload(knobs, {s.deployment, s.engine, s.memory}, setting);
  if ((!kv.on() && setting.swap_bytes == 0) || values.diagnostics().has_errors() || !check_modelled(values, s)) {
    add_tier(values, "kv_disk", KvTier::disk, 0, {}, s);
    add_tier(values, "kv_remote", KvTier::remote, 0, {}, s);
    return;
  }
  const Deployment& d = s.deployment;
  const bool latent = d.model.attention == AttentionKind::latent;
  const int gpus = d.parallelism.tensor * d.parallelism.pipeline;
  const double copies = latent && setting.latent_once ? 1 : d.parallelism.tensor;
  const double per_token =
      kv_elements_per_token(d.model, d.parallelism.tensor) * copies * kv_bytes_per_element(d.kv_format);
  const HostLink link = host_link(values, s);
  const Duration per_copy = values.duration("hardware.per_host_copy");
  const int kinds = latent ? 1 : 2;
  kv.layers = std::max<std::int64_t>(1, count_parameters(d.model).attention_layers);
  const auto calls =
      static_cast<std::int64_t>(std::ceil(static_cast<double>(kv.layers) / d.parallelism.pipeline) * kinds);
  kv.unit_copy = setting.copies_each_layer ? per_copy * calls : setting.copies_each_unit ? per_copy : Duration{};
  KvTierConfig host;
  host.read_bandwidth = host.write_bandwidth = whole(link.one * gpus);
  host.shared_bandwidth = std::max(host.read_bandwidth, whole(link.both * gpus));
  if (!kv.on()) {
    kv.unit_tokens = s.engine.block_size;
    kv.unit_bytes = whole(per_token * static_cast<double>(kv.unit_tokens));
    kv.swap_blocks = static_cast<std::int64_t>(setting.swap_bytes / static_cast<double>(kv.unit_bytes));
    kv.tiers = {host};
    kv.tiers.front().units = kv.swap_blocks;
    add_tier(values, "kv_disk", KvTier::disk, 0, {}, s);
    add_tier(values, "kv_remote", KvTier::remote, 0, {}, s);
    return;
  }
  kv.unit_bytes = whole(per_token * static_cast<double>(kv.unit_tokens));
  const double of_gpu = static_cast<double>(s.engine.usable_blocks()) * s.engine.block_size * per_token;
  const double bytes = setting.host_to_gpu > 0 ? setting.host_to_gpu * of_gpu : setting.host_bytes;
  host.units = static_cast<std::int64_t>(bytes / static_cast<double>(kv.unit_bytes));
  if (host.units == 0)
    values.error(asked_by(values),
                 fmt::format("{:.3g} GB of host memory hold not even one unit of {} tokens ({:.3g} MB)", bytes * 1e-9,
                             kv.unit_tokens, static_cast<double>(kv.unit_bytes) * 1e-6),
                 "give more, or leave it out");
  kv.tiers = {host};
  add_tier(values, "kv_disk", KvTier::disk, 0, {}, s);
  add_tier(values, "kv_remote", KvTier::remote, d.node.bandwidth_per_device() * kRemoteEfficiency * gpus,
           "0.75 of " + d.node.scale_out_link.id, s);
}

}  // namespace foretoken
