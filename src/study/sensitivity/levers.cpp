// Hardware moves with the constants its coefficient sets were fitted with, so that a faster GPU is faster at every cost
// level.
#include "study/sensitivity/levers.hpp"

#include <algorithm>
#include <cmath>

#include "base/math.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

void change_devices(Scenario& scenario, const std::function<void(CalibrationDevice&)>& change) {
  scenario.deployment.calibration.change([&](CalibrationTable& table) {
    for (CalibrationDevice& device : table.devices) change(device);
  });
}

class Levers {
 public:
  explicit Levers(const Scenario& s) : s_(s) {}

  // One that multiplies exactly.
  void add(LeverGroup group, std::string name, std::string unit, double now,
           std::function<void(Scenario&, double)> scale) {
    if (!(now > 0) || !std::isfinite(now)) return;
    levers_.push_back({std::move(name), group, now, std::move(unit), [scale = std::move(scale)](Scenario& s, double f) {
                         scale(s, f);
                         return f;
                       }});
  }
  void overhead(std::string name, double OverheadTerms::*term) {
    add(LeverGroup::cost, std::move(name), "us", s_.deployment.overhead.*term * 1e6,
        [term](Scenario& s, double f) { s.deployment.overhead.*term *= f; });
  }
  void affine(std::string name, double AffineTerms::*term) {
    add(LeverGroup::cost, std::move(name), "us", s_.deployment.affine.*term * 1e6,
        [term](Scenario& s, double f) { s.deployment.affine.*term *= f; });
  }
  // `set` stores the rounded value wherever it counts.
  void integer(LeverGroup group, std::string name, std::int64_t now, std::function<void(Scenario&, std::int64_t)> set) {
    if (now < 1) return;
    const auto value = static_cast<double>(now);
    levers_.push_back({std::move(name), group, value, "", [value, set = std::move(set)](Scenario& s, double f) {
                         const double to = std::max(1.0, std::round(value * f));
                         set(s, static_cast<std::int64_t>(to));
                         return to / value;
                       }});
  }
  [[nodiscard]] std::vector<Lever>& all() { return levers_; }

 private:
  const Scenario& s_;
  std::vector<Lever> levers_;
};

void scale(std::optional<ComputeRate>& rate, double f) {
  if (rate) rate->value *= f;
}

void scale_link(LinkSpec& link, double f) {
  link.per_direction.value *= f;
  link.per_lane.value *= f;
  link.per_peer.value *= f;
}

void add_hardware(Levers& levers, const Scenario& s) {
  const GpuSpec& gpu = s.deployment.gpu;
  const auto hardware = LeverGroup::hardware;
  levers.add(hardware, "peak FLOP/s", "TFLOP/s", gpu.peak_bf16.value * 1e-12, [](Scenario& c, double f) {
    GpuSpec& g = c.deployment.gpu;
    g.peak_bf16.value *= f;
    for (auto* rate : {&g.peak_fp8, &g.peak_int8, &g.peak_fp4, &g.measured_bf16, &g.measured_fp8}) scale(*rate, f);
    change_devices(c, [&](CalibrationDevice& d) { d.flops_bf16 *= f, d.flops_fp8 *= f, d.flops_fp4 *= f; });
  });
  levers.add(hardware, "memory bandwidth", "TB/s", gpu.memory_bandwidth.value_or(Bandwidth{}).value * 1e-12,
             [](Scenario& c, double f) {
               c.deployment.gpu.memory_bandwidth->value *= f;
               change_devices(c, [&](CalibrationDevice& d) { d.bandwidth *= f; });
             });
  if (!s.memory.num_gpu_blocks_override) {
    levers.add(hardware, "memory capacity", "GiB", gpu.memory_capacity.value / kGiB,
               [](Scenario& c, double f) { c.deployment.gpu.memory_capacity.value *= f; });
  }
  if (s.deployment.parallelism.gpus() > 1) {
    levers.add(hardware, "link bandwidth", "GB/s", gpu.scale_up_link.per_direction.value * 1e-9,
               [](Scenario& c, double f) {
                 scale_link(c.deployment.gpu.scale_up_link, f);
                 scale_link(c.deployment.gpu.host_link, f);
                 scale_link(c.deployment.node.scale_out_link, f);
                 change_devices(c, [&](CalibrationDevice& d) { d.link_bandwidth *= f; });
               });
  }
}

void add_costs(Levers& levers, const Scenario& s) {
  if (s.deployment.level == CostLevel::affine) {
    levers.affine("cost.affine.per_step", &AffineTerms::per_step);
    levers.affine("cost.affine.per_prefill_token", &AffineTerms::per_prefill_token);
    levers.affine("cost.affine.per_decode_token", &AffineTerms::per_decode_token);
    levers.affine("cost.affine.per_context_token", &AffineTerms::per_context_token);
  }
  levers.overhead("cost.per_step", &OverheadTerms::per_step);
  levers.overhead("cost.per_layer", &OverheadTerms::per_layer);
  levers.overhead("cost.per_sequence", &OverheadTerms::per_sequence);
  levers.overhead("cost.per_prefill_layer", &OverheadTerms::per_prefill_layer);
  if (s.deployment.parallelism.gpus() > 1) levers.overhead("cost.per_allreduce", &OverheadTerms::per_allreduce);
}

void add_knobs(Levers& levers, const Scenario& s) {
  const auto knob = LeverGroup::knob;
  levers.integer(knob, "engine.max_num_seqs", s.engine.max_num_seqs,
                 [](Scenario& c, std::int64_t to) { c.engine.max_num_seqs = c.memory.max_num_seqs = to; });
  const EngineProfile& profile = find_engine(s.engine.name);
  const TokenBudgetKnob& budget = profile.token_budget;
  if (budget.limits(s.engine)) {
    levers.integer(knob, std::string(budget.key), s.engine.max_num_batched_tokens,
                   [budget](Scenario& c, std::int64_t to) {
                     c.memory.max_num_batched_tokens = to;
                     budget.set(c.engine, to);
                   });
  }
  if (s.memory.num_gpu_blocks_override) {
    levers.integer(
        knob, "engine.num_gpu_blocks_override", *s.memory.num_gpu_blocks_override,
        [](Scenario& c, std::int64_t to) { c.memory.num_gpu_blocks_override = c.engine.num_gpu_blocks = to; });
  } else if (s.deployment.level != CostLevel::affine) {
    const double now = s.memory.gpu_memory_utilization;
    levers.all().push_back({std::string(profile.memory_share.key), knob, now, "", [now](Scenario& c, double f) {
                              c.memory.gpu_memory_utilization = std::min(1.0, now * f);
                              return c.memory.gpu_memory_utilization / now;
                            }});
  }
}

// The mean times f; shapes stay.
void scale_length(LengthConfig& length, double f) {
  const auto tokens = [f](std::int64_t n) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(n) * f));
  };
  struct Scale {
    double f;
    const decltype(tokens)& times;
    void operator()(FixedLength& l) const { l.tokens = times(l.tokens); }
    void operator()(UniformLength& l) const { l.low = times(l.low), l.high = times(l.high); }
    void operator()(LognormalLength& l) const { l.mu += exact_log(f), l.min = times(l.min), l.max = times(l.max); }
    void operator()(ZipfLength& l) const { l.min = times(l.min), l.max = times(l.max); }
    void operator()(ExponentialLength& l) const { l.mean *= f, l.max = times(l.max); }
    void operator()(EmpiricalLength& l) const {
      for (std::int64_t& n : l.tokens) n = times(n);
    }
  };
  std::visit(Scale{f, tokens}, length);
}

void scale_lengths(WorkloadConfig& w, LengthConfig LengthPairConfig::*which, double f) {
  scale_length(w.lengths.*which, f);
  for (RequestClass& c : w.classes) scale_length(c.lengths.*which, f);
}

void scale_rate(WorkloadConfig& w, double f) {
  struct Scale {
    double f;
    void operator()(RenewalArrivals& a) const { a.rate *= f; }
    void operator()(AllAtOnceArrivals&) const {}
    void operator()(RampArrivals& a) const { a.start_rate *= f, a.end_rate *= f; }
    void operator()(TwoStateArrivals& a) const { a.low_rate *= f, a.high_rate *= f; }
    void operator()(ProfileArrivals& a) const {
      for (double& rate : a.rates) rate *= f;
    }
    void operator()(TraceConfig& a) const { a.rate_scale *= f; }
  };
  std::visit(Scale{f}, w.arrivals);
}

void add_load(Levers& levers, const Scenario& s) {
  const WorkloadConfig& w = s.workload;
  const auto load = LeverGroup::load;
  const Result<WorkloadSummary> summary = workload_summary(s);
  if (!summary) return;
  if (!std::holds_alternative<AllAtOnceArrivals>(w.arrivals))
    levers.add(load, "request rate", "requests/s", summary->offered_rate,
               [](Scenario& c, double f) { scale_rate(c.workload, f); });
  if (w.max_concurrency) {
    levers.integer(load, "workload.max_concurrency", *w.max_concurrency,
                   [](Scenario& c, std::int64_t to) { c.workload.max_concurrency = to; });
  }
  const auto paired = [](const LengthPairConfig& l) { return l.paired.has_value(); };
  const bool from_file =
      std::holds_alternative<TraceConfig>(w.arrivals) || paired(w.lengths) ||
      std::any_of(w.classes.begin(), w.classes.end(), [&](const RequestClass& c) { return paired(c.lengths); });
  if (from_file) return;
  levers.add(load, "prompt length", "tokens", summary->mean_prompt_tokens,
             [](Scenario& c, double f) { scale_lengths(c.workload, &LengthPairConfig::input, f); });
  levers.add(load, "output length", "tokens", summary->mean_output_tokens,
             [](Scenario& c, double f) { scale_lengths(c.workload, &LengthPairConfig::output, f); });
}

void add_deployment(Levers& levers, const Scenario& s) {
  if (s.deployment.level != CostLevel::affine) add_hardware(levers, s);
  add_costs(levers, s);
  add_knobs(levers, s);
}

// The same of one pool of several, by itself.
void add_pool(Levers& levers, const Scenario& s, std::size_t index) {
  const Scenario alone = only_pool(s, s.pools[index]);
  Levers own(alone);
  add_deployment(own, alone);
  for (Lever& lever : own.all()) {
    lever.name = s.pools[index].name + ": " + lever.name;
    lever.scale = [index, scale = std::move(lever.scale)](Scenario& c, double f) {
      PoolPlan& pool = c.pools[index];
      const bool is_main = &pool == &main_pool(c.pools);
      Scenario one = only_pool(c, pool);
      const double done = scale(one, f);
      pool.deployment = one.deployment;
      pool.memory = one.memory;
      one.engine.per_request = pool.engine.per_request;
      pool.engine = one.engine;
      if (is_main) {
        c.deployment = std::move(one.deployment);
        c.memory = one.memory;
        const Duration per_request = c.engine.per_request;
        c.engine = std::move(one.engine);
        c.engine.per_request = per_request;
      }
      return done;
    };
    levers.all().push_back(std::move(lever));
  }
}

// Of replicas that come and go: `of` finds the fleet in a scenario, `pool` is its name where there are several.
void add_fleet(Levers& levers, const FleetConfig& now, const std::string& pool,
               const std::function<FleetConfig&(Scenario&)>& of) {
  if (!now.on) return;
  constexpr double kHour = 3600;
  const auto grow = [](Duration& time, double f) {
    time = Duration{std::llround(static_cast<double>(time.count()) * f)};
  };
  const auto add = [&](const char* name, const char* unit, double value,
                       std::function<void(FleetConfig&, double)> scale) {
    const std::string named = pool.empty() ? name : pool + ": " + name;
    levers.add(LeverGroup::fleet, named, unit, value,
               [of, scale = std::move(scale)](Scenario& c, double f) { scale(of(c), f); });
  };
  add("cold start", "s", to_seconds(now.cold_start.total()), [grow](FleetConfig& c, double f) {
    for (Duration* part :
         {&c.cold_start.provisioning, &c.cold_start.pulling, &c.cold_start.loading, &c.cold_start.warming})
      grow(*part, f);
  });
  const AutoscalerConfig& a = now.autoscaler;
  if (a.policy != AutoscalerPolicy::none) {
    if (a.policy != AutoscalerPolicy::dynamo && a.policy != AutoscalerPolicy::wva)
      add("fleet.autoscaler.target", "", a.target, [](FleetConfig& c, double f) { c.autoscaler.target *= f; });
    add("fleet.autoscaler.metric_age", "s", to_seconds(a.age),
        [grow](FleetConfig& c, double f) { grow(c.autoscaler.age, f); });
  }
  add("fleet.mtbf", "h", to_seconds(now.failures.mtbf) / kHour,
      [grow](FleetConfig& c, double f) { grow(c.failures.mtbf, f); });
  add("fleet.domain_mtbf", "h", to_seconds(now.failures.domain_mtbf) / kHour,
      [grow](FleetConfig& c, double f) { grow(c.failures.domain_mtbf, f); });
  add("fleet.repair", "s", to_seconds(now.failures.repair),
      [grow](FleetConfig& c, double f) { grow(c.failures.repair, f); });
  add("fleet.detection", "s", to_seconds(now.failures.detection),
      [grow](FleetConfig& c, double f) { grow(c.failures.detection, f); });
}

// Of KV caches from pool to pool, all but the setup: links at both ends, and the pieces that are posted one by one.
void add_links(Levers& levers, const Scenario& s) {
  if (s.hand_over.semantics.empty()) return;
  const auto now = static_cast<double>(main_pool(s.pools).flow_bandwidth);
  levers.add(LeverGroup::hardware, "KV transfers", "GB/s", now * 1e-9, [](Scenario& c, double f) {
    const auto scale = [f](std::int64_t& rate) { rate = std::llround(static_cast<double>(rate) * f); };
    for (PoolPlan& pool : c.pools) scale(pool.link_bandwidth), scale(pool.flow_bandwidth);
    scale(c.hand_over.rules.core_bandwidth);
  });
}

}  // namespace

std::vector<Lever> levers_of(const Scenario& scenario) {
  Levers levers(scenario);
  if (scenario.pools.empty()) {
    add_deployment(levers, scenario);
    add_fleet(levers, scenario.cluster.fleet, "", [](Scenario& c) -> FleetConfig& { return c.cluster.fleet; });
  } else {
    for (std::size_t i = 0; i < scenario.pools.size(); ++i) {
      add_pool(levers, scenario, i);
      add_fleet(levers, scenario.pools[i].cluster.fleet, scenario.pools[i].name,
                [i](Scenario& c) -> FleetConfig& { return c.pools[i].cluster.fleet; });
    }
    add_links(levers, scenario);
  }
  add_load(levers, scenario);
  return std::move(levers.all());
}

}  // namespace foretoken
