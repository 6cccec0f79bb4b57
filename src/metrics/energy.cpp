// Energy by the time of steps, the bytes and the FLOPs in them.
#include "metrics/energy.hpp"

#include <algorithm>

#include "metrics/fleet_columns.hpp"

namespace foretoken {
namespace {

double seconds_of(FineTotal units) {
  return static_cast<double>(units) / static_cast<double>(FineDuration::kPerNanosecond) * 1e-9;
}

// A device's load in one phase of steps, and what it draws for it, J. Waiting for the host is not work; waiting for
// other devices is (NCCL spins); of a pipeline's stages one works at a time.
double phase_joules(const std::array<FineTotal, kTimeParts>& parts, FineTotal flops, FineTotal bytes, double host,
                    const PoolDevice& device) {
  double seconds = 0;
  for (const FineTotal part : parts) seconds += seconds_of(part);
  if (!(seconds > 0)) return 0;
  const double working = std::max(0.0, seconds - host) / device.pipeline_stages;
  const auto share = [&](FineTotal amount, double peak) {
    return peak > 0 ? static_cast<double>(amount) / (seconds * peak) : 0.0;
  };
  const DeviceLoad load{working / seconds, share(bytes, device.memory_bandwidth), share(flops, device.peak_flops)};
  return seconds * mean_watts(device.power, device.tdp_watts, device.idle_watts, device.power_cap, load);
}

// Of one device of a rank over so many seconds.
Energy energy_of(const ReplicaTotals& engine, double seconds, const PoolDevice& device) {
  const auto overhead = static_cast<std::size_t>(TimePart::overhead);
  const double of_prefill = seconds_of(engine.prefill_parts[overhead]);
  const double of_decode = seconds_of(engine.decode_parts[overhead]);
  const double host =
      std::min(of_prefill + of_decode, static_cast<double>(engine.steps) * device.host_per_step +
                                           static_cast<double>(engine.decode_tokens) * device.host_per_token);
  const double share = of_prefill + of_decode > 0 ? host / (of_prefill + of_decode) : 0;
  Energy energy;
  energy.prefill =
      phase_joules(engine.prefill_parts, engine.prefill_flops, engine.prefill_bytes, share * of_prefill, device);
  energy.decode = phase_joules(engine.decode_parts, engine.flops - engine.prefill_flops,
                               engine.bytes - engine.prefill_bytes, share * of_decode, device);
  double steps = 0;
  for (std::size_t i = 0; i < engine.decode_parts.size(); ++i)
    steps += seconds_of(engine.prefill_parts[i] + engine.decode_parts[i]);
  energy.idle = std::max(0.0, seconds - steps) * device.idle_watts;
  return energy;
}
PoolDevice device_of(const MeasureView& v) {
  PoolDevice device;
  device.gpus_per_rank = static_cast<double>(v.device.num_gpus) / std::max(1, v.run.replicas);
  device.peak_flops = v.device.peak_flops;
  device.memory_bandwidth = v.device.memory_bandwidth;
  device.tdp_watts = v.device.tdp_watts;
  device.idle_watts = v.device.idle_watts;
  device.pipeline_stages = v.device.pipeline_stages;
  device.power = v.device.power;
  device.power_cap = v.device.power_cap;
  device.host_per_step = v.device.host_per_step;
  device.host_per_token = v.device.host_per_token;
  return device;
}

}  // namespace

std::optional<Energy> energy_of(const MeasureView& v) {
  if (v.scope != Scope::run || !(v.run.engine_duration() > 0)) return std::nullopt;
  Energy sum;
  // A replica that is not there draws nothing.
  const auto add = [&](const ReplicaTotals& engine, int ranks, const FleetTotals& fleet, const PoolDevice& device) {
    const Energy one = energy_of(engine, v.run.engine_duration() * paid_share(fleet) * ranks, device);
    sum.prefill += device.gpus_per_rank * one.prefill;
    sum.decode += device.gpus_per_rank * one.decode;
    sum.idle += device.gpus_per_rank * one.idle;
    return device.tdp_watts > 0;
  };
  if (v.device.pools.empty()) {
    if (!add(v.run.engine, v.run.replicas, v.run.fleet, device_of(v))) return std::nullopt;
    return sum;
  }
  for (std::size_t i = 0; i < v.device.pools.size(); ++i) {
    const PoolMeasures& pool = v.run.pools[i];
    if (!add(pool.engine, pool.ranks, pool.fleet, v.device.pools[i])) return std::nullopt;
  }
  return sum;
}

}  // namespace foretoken
