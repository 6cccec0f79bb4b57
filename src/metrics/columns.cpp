// The table of plain figures: one row each, with its function. What several rows need stands above.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "foretoken/metrics/summary.hpp"
#include "metrics/energy.hpp"
#include "metrics/fleet_columns.hpp"
#include "metrics/kv_tier_columns.hpp"

namespace foretoken {
namespace {

double number(std::int64_t v) {
  return static_cast<double>(v);
}
double per(double value, double by) {
  return by > 0 ? value / by : kMissing;
}
double fine_seconds(FineTotal units) {
  return static_cast<double>(units) / static_cast<double>(FineDuration::kPerNanosecond) * 1e-9;
}

// Rates of the steady state are counted on the clock, in its window.
double rate(const MeasureView& v, std::int64_t over_run, double WindowRates::*in_window) {
  if (v.scope != Scope::steady) return per(number(over_run), v.run.duration());
  return v.run.window ? per((*v.run.window).*in_window, v.run.window->seconds) : kMissing;
}
std::size_t convention(const MeasureView& v) {
  return static_cast<std::size_t>(v.tpot);
}
bool whole_run(const MeasureView& v) {
  return v.scope == Scope::run;
}
// Figures of the cluster exist for the run as a whole only.
double of_run(const MeasureView& v, double value) {
  return whole_run(v) ? value : kMissing;
}

double request_throughput(const MeasureView& v) {
  return rate(v, v.requests.completed, &WindowRates::completed);
}
double output_throughput(const MeasureView& v) {
  return rate(v, v.requests.output_tokens, &WindowRates::output_tokens);
}
double input_throughput(const MeasureView& v) {
  return rate(v, v.requests.input_tokens, &WindowRates::input_tokens);
}
double total_throughput(const MeasureView& v) {
  return input_throughput(v) + output_throughput(v);
}

double goodput_rate(const MeasureView& v, const std::array<std::int64_t, 2>& good) {
  const double seconds = v.scope == Scope::steady ? kMissing : v.run.duration();
  return v.requests.limited > 0 ? per(number(good[convention(v)]), seconds) : kMissing;
}

double total_seconds(const Distribution& d) {
  return d.mean() * number(d.count()) * 1e-9;
}
// Little's law: time in a state, summed over the completed requests, per second of the run.
double concurrency(const MeasureView& v) {
  return of_run(v, per(total_seconds(v.requests.latency.e2el), v.run.duration()));
}
double mean_waiting(const MeasureView& v) {
  return of_run(v, per(total_seconds(v.requests.latency.queue_time), v.run.duration()));
}

double rank_seconds(const MeasureView& v) {
  return paid_rank_seconds(v.run);
}
const SpeculationTotals& speculation(const MeasureView& v) {
  return v.run.engine.speculation;
}
// Of runs whose prompts bring images or sound.
double of_media(const MeasureView& v, double value) {
  return v.run.engine.encoder.queries > 0 ? of_run(v, value) : kMissing;
}
double of_drafts(const MeasureView& v, double value) {
  return speculation(v).drafts > 0 ? of_run(v, value) : kMissing;
}
double busy(const MeasureView& v) {
  return of_run(v, per(fine_seconds(v.run.engine.busy), rank_seconds(v)));
}
// Of all ranks, while they were paid.
double kv_blocks(const MeasureView& v) {
  if (v.device.pools.empty()) return number(v.device.usable_kv_blocks) * v.run.replicas * paid_share(v.run.fleet);
  double blocks = 0;
  for (std::size_t i = 0; i < v.device.pools.size(); ++i)
    blocks += number(v.device.pools[i].usable_kv_blocks) * v.run.pools[i].ranks * paid_share(v.run.pools[i].fleet);
  return blocks;
}
double peak_kv_share(const MeasureView& v) {
  if (v.device.pools.empty()) return per(number(v.run.engine.peak_kv_blocks), number(v.device.usable_kv_blocks));
  double peak = 0;
  for (std::size_t i = 0; i < v.device.pools.size(); ++i) {
    const double share = per(number(v.run.pools[i].engine.peak_kv_blocks), number(v.device.pools[i].usable_kv_blocks));
    peak = std::max(peak, share);
  }
  return peak;
}
// Counters of one device, summed over replicas: per device of the whole run.
double device_rate(const MeasureView& v, FineTotal ReplicaTotals::*amount_of, double PoolDevice::*peak_of,
                   double peak) {
  if (!v.device.pools.empty()) {
    // Devices of different kinds: what all did over what all could have done.
    double done = 0, possible = 0;
    for (std::size_t i = 0; i < v.run.pools.size(); ++i) {
      const PoolDevice& device = v.device.pools[i];
      done += static_cast<double>(v.run.pools[i].engine.*amount_of) * device.gpus_per_rank;
      possible += device.*peak_of * device.gpus_per_rank * v.run.pools[i].ranks * paid_share(v.run.pools[i].fleet);
    }
    return of_run(v, done > 0 ? per(done, v.run.engine_duration() * possible) : kMissing);
  }
  const FineTotal amount = v.run.engine.*amount_of;
  return of_run(v, amount > 0 ? per(static_cast<double>(amount), rank_seconds(v) * peak) : kMissing);
}

// Price of a second over the rate: the whole run's cost over its count, or the window's. A class does not pay for
// the whole deployment.
double cost_of_rate(const MeasureView& v, double rate, double share = 1) {
  if (v.scope == Scope::request_class || !(v.device.usd_per_hour > 0) || !(share > 0)) return kMissing;
  return per(share * paid_usd_per_hour(v) / 3600, rate);
}
// Of the time of all steps. In a mixed step prefill's is what the step takes longer than its decodes alone.
double prefill_share(const MeasureView& v) {
  double prefill = 0, decode = 0;
  for (std::size_t i = 0; i < v.device.pools.size(); ++i) {
    const ReplicaTotals& engine = v.run.pools[i].engine;
    const double usd = v.device.pools[i].usd_per_hour / v.run.pools[i].ranks;
    for (const FineTotal part : engine.prefill_parts) prefill += usd * fine_seconds(part);
    for (const FineTotal part : engine.decode_parts) decode += usd * fine_seconds(part);
  }
  if (!v.device.pools.empty()) return per(prefill, prefill + decode);
  for (const FineTotal part : v.run.engine.prefill_parts) prefill += fine_seconds(part);
  for (const FineTotal part : v.run.engine.decode_parts) decode += fine_seconds(part);
  return per(prefill, prefill + decode);
}
double cost_per_hour(const MeasureView& v) {
  if (v.scope == Scope::request_class || !(v.device.usd_per_hour > 0)) return kMissing;
  return paid_usd_per_hour(v);
}

// Prefill's part of the price by the prompt tokens that were computed, decode's by output tokens: all classes together
// pay what the run cost.
double bill_of_class(const MeasureView& v) {
  if (v.scope != Scope::request_class || !(v.device.usd_per_hour > 0)) return kMissing;
  const Measures &own = v.requests, &all = v.run.all;
  const auto share = [](std::int64_t part, std::int64_t whole) {
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
  };
  const double prefill = prefill_share(v);
  const double computed = share(own.input_tokens - own.cached_tokens, all.input_tokens - all.cached_tokens);
  const double of_price =
      std::isnan(prefill) ? kMissing : prefill * computed + (1 - prefill) * share(own.output_tokens, all.output_tokens);
  return of_price * paid_usd_per_hour(v) * v.run.engine_duration() / 3600;
}

double mean_power(const MeasureView& v) {
  const std::optional<Energy> all = energy_of(v);
  return all ? all->sum() / v.run.engine_duration() : kMissing;
}
double energy_joules(const MeasureView& v) {
  return mean_power(v) * v.run.engine_duration();
}
double joules_per_token(const MeasureView& v) {
  return per(energy_joules(v), number(v.requests.input_tokens + v.requests.output_tokens));
}
double kwh_per_million(const MeasureView& v) {
  return joules_per_token(v) * 1e6 / 3.6e6;
}

using G = ColumnGroup;
using View = const MeasureView&;
constexpr Column kColumns[] = {
    {"duration", "Duration", "s", G::requests, false,
     [](View v) {
       if (v.scope == Scope::steady) return v.run.window ? v.run.window->seconds : kMissing;
       return v.run.duration();
     },
     "first send to last completion; steady state: length of the window"},
    {"num_prompts", "Requests offered", "", G::requests, true, [](View v) { return number(v.requests.offered()); },
     "requests that arrived"},
    {"completed", "Completed requests", "", G::requests, true, [](View v) { return number(v.requests.completed); },
     "requests that got all their tokens"},
    {"failed", "Failed requests", "", G::requests, true, [](View v) { return number(v.requests.failed()); },
     "rejected, timed out or unfinished"},
    {"rejected", "  rejected", "", G::requests, true, [](View v) { return number(v.requests.rejected); },
     "refused on arrival: the queue was full or the prompt can never fit"},
    {"timed_out", "  timed out", "", G::requests, true, [](View v) { return number(v.requests.timed_out); },
     "left the queue after queue_timeout"},
    {"unfinished", "  unfinished", "", G::requests, true, [](View v) { return number(v.requests.unfinished); },
     "still in the system when the run was interrupted"},
    {"aborted", "Aborted requests", "", G::requests, true,
     [](View v) { return v.run.clients.on ? number(v.requests.aborted) : kMissing; },
     "whose client closed the connection; offered, and neither completed nor failed"},
    {"lost_transfers", "  lost between pools", "", G::requests, true,
     [](View v) { return v.device.pools.empty() || v.run.fleet.on ? kMissing : number(v.requests.lost); },
     "requests that ended because their KV cache did not arrive; pools only"},
    {"total_input_tokens", "Input tokens", "tok", G::requests, true,
     [](View v) { return number(v.requests.input_tokens); }, "prompt tokens of completed requests"},
    {"total_output_tokens", "Output tokens", "tok", G::requests, true,
     [](View v) { return number(v.requests.output_tokens); }, "tokens generated for completed requests"},
    {"request_throughput", "Request throughput (RPS)", "req/s", G::throughput, false, request_throughput,
     "completed requests per second of the duration"},
    {"output_throughput", "Output throughput (TPS)", "tok/s", G::throughput, false, output_throughput,
     "output tokens per second, all requests together"},
    {"total_token_throughput", "Total throughput (in + out)", "tok/s", G::throughput, false, total_throughput,
     "input and output tokens per second"},
    {"tokens_per_s_per_gpu", "Output throughput per GPU", "tok/s", G::throughput, false,
     [](View v) { return per(output_throughput(v), v.device.num_gpus); }, "output_throughput over the number of GPUs"},
    {"interactivity_tok_s", "Speed seen by one user", "tok/s", G::throughput, false,
     [](View v) {
       const Distribution& tpot = v.requests.latency.tpot[convention(v)];
       return tpot.count() > 0 ? per(1e9, tpot.mean()) : kMissing;
     },
     "1 / mean TPOT"},
    {"max_output_tokens_per_s", "Peak output (busiest second)", "tok/s", G::throughput, false,
     [](View v) { return of_run(v, v.run.max_output_tokens_per_s); },
     "most output tokens in one second of the clock; absent in runs over 12 days"},
    {"offered_request_rate", "Offered request rate", "req/s", G::load, false,
     [](View v) {
       return v.requests.offered() > 1 ? per(number(v.requests.offered() - 1),
                                             to_seconds(v.requests.last_arrival - v.requests.first_arrival))
                                       : kMissing;
     },
     "arrivals per second, from the first to the last"},
    {"slo_attainment", "SLO attainment", "", G::goodput, false,
     [](View v) { return per(number(v.requests.good[convention(v)]), number(v.requests.limited)); },
     "share of the requests offered that met every goodput limit"},
    {"request_goodput", "Request goodput", "req/s", G::goodput, false,
     [](View v) { return goodput_rate(v, v.requests.good); }, "requests within every goodput limit, per second"},
    {"goodput_output_throughput", "Output goodput", "tok/s", G::goodput, false,
     [](View v) { return goodput_rate(v, v.requests.good_output_tokens); },
     "output tokens of requests within every goodput limit, per second"},
    {"concurrency", "Mean concurrency", "", G::load, false, concurrency,
     "sum of end-to-end latencies over the duration"},
    {"max_concurrent_requests", "Peak concurrent requests", "", G::load, true,
     [](View v) { return of_run(v, number(v.run.max_concurrent_requests)); }, "most in the system at once"},
    {"mean_num_requests_running", "Mean requests running", "", G::load, false,
     [](View v) { return concurrency(v) - mean_waiting(v); },
     "started and not finished (a preempted request counts), time average"},
    {"max_num_requests_running", "Peak requests running", "", G::load, true,
     [](View v) { return of_run(v, number(v.run.engine.peak_running)); }, "on one replica"},
    {"mean_num_requests_waiting", "Mean requests waiting", "", G::load, false, mean_waiting,
     "arrived and never yet scheduled, time average"},
    {"mean_client_queue_time_ms", "Mean wait at the client", "ms", G::load, false,
     [](View v) { return per(static_cast<double>(v.requests.client_wait) * 1e-6, number(v.requests.offered())); },
     "for a max_concurrency seat; not in TTFT or E2E latency"},
    {"mean_kv_cache_usage_perc", "KV cache usage, mean", "", G::load, false,
     [](View v) {
       return of_run(v, per(fine_seconds(v.run.engine.kv_block_time),
                            kv_blocks(v) * v.run.engine_duration()));
     },
     "share of the usable blocks, time average; 1 = all"},
    {"max_kv_cache_usage_perc", "KV cache usage, peak", "", G::load, false,
     [](View v) { return of_run(v, peak_kv_share(v)); }, "of the fullest replica; 1 = all"},
    {"preemption_count", "Preemptions", "", G::load, true, [](View v) { return number(v.requests.preemptions); },
     "requests put back for lack of KV blocks"},
    {"prefix_cache_hit_rate", "Prefix cache hit rate", "", G::load, false,
     [](View v) { return per(number(v.requests.cached_tokens), number(v.requests.input_tokens)); },
     "prompt tokens found in the cache over all prompt tokens"},
    {"prefix_cache_queries", "Prefix cache queries", "tok", G::load, true,
     [](View v) { return of_run(v, number(v.run.engine.prefix_cache_queries)); },
     "prompt tokens looked up on first admission"},
    {"prefix_cache_hits", "Prefix cache hits", "tok", G::load, true,
     [](View v) { return of_run(v, number(v.run.engine.prefix_cache_hits)); }, "of these, found in the cache"},
    {"mean_acceptance_length", "Mean acceptance length", "tok", G::load, false,
     [](View v) {
       return of_drafts(v, 1 + per(number(speculation(v).accepted_tokens), number(speculation(v).drafts)));
     },
     "tokens that a row with drafts puts out, its own included; speculation only, as the next five"},
    {"draft_acceptance_rate", "Draft acceptance rate", "", G::load, false,
     [](View v) {
       return of_drafts(v, per(number(speculation(v).accepted_tokens), number(speculation(v).draft_tokens)));
     },
     "accepted draft tokens over those verified"},
    {"spec_decode_num_drafts", "Rows with drafts", "", G::load, true,
     [](View v) { return of_drafts(v, number(speculation(v).drafts)); }, "rows of steps that verified any"},
    {"spec_decode_num_draft_tokens", "Draft tokens verified", "tok", G::load, true,
     [](View v) { return of_drafts(v, number(speculation(v).draft_tokens)); }, "in these rows"},
    {"spec_decode_num_accepted_tokens", "Draft tokens accepted", "tok", G::load, true,
     [](View v) { return of_drafts(v, number(speculation(v).accepted_tokens)); },
     "of these, also where the answer ended before"},
    {"wasted_draft_tokens", "Draft tokens for nothing", "tok", G::load, true,
     [](View v) {
       const SpeculationTotals& s = speculation(v);
       return of_drafts(v, number(s.draft_tokens - s.accepted_tokens + s.dropped_tokens));
     },
     "rejected, or beyond the end of their answer"},
    {"encoder_items", "Images and sounds encoded", "", G::load, true,
     [](View v) { return of_media(v, number(v.run.engine.encoder.items)); },
     "by the encoder, again after a preemption too; with images or sound only, as the next three"},
    {"encoder_tokens", "Embeddings computed", "tok", G::load, true,
     [](View v) { return of_media(v, number(v.run.engine.encoder.tokens)); }, "tokens that these became"},
    {"encoder_cache_hit_rate", "Encoder cache hit rate", "", G::load, false,
     [](View v) { return of_media(v, per(number(v.run.engine.encoder.hits), number(v.run.engine.encoder.queries))); },
     "items whose embeddings were there, over those that chunks reached"},
    {"encoder_time_share", "Time of the encoder", "", G::load, false,
     [](View v) {
       return of_media(v, per(static_cast<double>(v.run.engine.encoder.time), static_cast<double>(v.run.engine.busy)));
     },
     "share of the time of engine steps"},
    {"engine_steps", "Engine steps", "", G::device, true, [](View v) { return of_run(v, number(v.run.engine.steps)); },
     "of all replicas"},
    {"mean_decode_batch", "Mean decode batch", "", G::device, false,
     [](View v) { return of_run(v, per(number(v.run.engine.decode_tokens), number(v.run.engine.steps))); },
     "tokens decoded per engine step"},
    {"engine_busy", "Engine busy", "", G::device, false, busy,
     "share of the time up to the end of the last step that is spent in steps"},
    {"mfu", "Compute utilisation (MFU)", "", G::device, false,
     [](View v) { return device_rate(v, &ReplicaTotals::flops, &PoolDevice::peak_flops, v.device.peak_flops); },
     "model FLOPs over the dense peak for the duration"},
    {"mbu", "Bandwidth utilisation (MBU)", "", G::device, false,
     [](View v) {
       return device_rate(v, &ReplicaTotals::bytes, &PoolDevice::memory_bandwidth, v.device.memory_bandwidth);
     },
     "memory traffic over the peak bandwidth for the duration"},
    {"arithmetic_intensity", "Arithmetic intensity", "FLOP/B", G::device, false,
     [](View v) {
       return of_run(v, per(static_cast<double>(v.run.engine.flops), static_cast<double>(v.run.engine.bytes)));
     },
     "FLOPs per byte of memory traffic over the run"},
    {"ridge_point", "Ridge point", "FLOP/B", G::device, false,
     [](View v) {
       const bool one = v.device.pools.empty() && v.device.peak_flops > 0;
       return of_run(v, one ? per(v.device.peak_flops, v.device.memory_bandwidth) : kMissing);
     },
     "peak FLOPs over peak bandwidth: above it compute is the bound"},
    {"cost_per_hour", "Price of the deployment", "$/h", G::money, false, cost_per_hour,
     "of all its GPUs, by the prices of the scenario"},
    {"cost_per_1m_tokens", "Cost of 1M tokens (in + out)", "$", G::money, false,
     [](View v) { return 1e6 * cost_of_rate(v, total_throughput(v)); },
     "price of the time over input and output tokens"},
    {"cost_per_1m_input_tokens", "Cost of 1M input tokens", "$", G::money, false,
     [](View v) { return 1e6 * cost_of_rate(v, input_throughput(v), prefill_share(v)); },
     "prefill's share of the price over input tokens, by the time of prefill and decode in steps"},
    {"cost_per_1m_output_tokens", "Cost of 1M output tokens", "$", G::money, false,
     [](View v) { return 1e6 * cost_of_rate(v, output_throughput(v), 1 - prefill_share(v)); },
     "decode's share of the price over output tokens, by the time of prefill and decode in steps"},
    {"full_cost_per_1m_output_tokens", "Full cost over 1M output tokens", "$", G::money, false,
     [](View v) { return 1e6 * cost_of_rate(v, output_throughput(v)); },
     "the whole price, prefill's share too, over output tokens"},
    {"cost_per_request", "Cost of a request", "$", G::money, false,
     [](View v) { return cost_of_rate(v, request_throughput(v)); }, "price of the time over completed requests"},
    {"class_bill", "Bill of the class", "$", G::money, false, bill_of_class,
     "its part of the price of the run: prefill's by computed prompt tokens, decode's by output tokens"},
    {"idle_cost_share", "Share paid while idle", "", G::money, false,
     [](View v) { return v.device.usd_per_hour > 0 ? 1 - busy(v) : kMissing; },
     "share of the price paid for time outside steps"},
    {"example_price", "EXAMPLE PRICE, not a quote", "", G::money, true,
     [](View v) { return v.device.example_price && !std::isnan(cost_per_hour(v)) ? 1 : kMissing; },
     "1 where the price is the catalog's example: it stands in every table that has figures in money"},
    {"mean_power_w", "Mean power of the GPUs", "W", G::energy, false, mean_power,
     "estimate: a floor while steps run, and more by the bandwidth and the FLOPs that they reach; GPUs alone"},
    {"energy_kwh", "Energy of the run", "kWh", G::energy, false, [](View v) { return energy_joules(v) / 3.6e6; },
     "mean power over the duration"},
    {"energy_j_per_token", "Energy per token (in + out)", "J", G::energy, false, joules_per_token,
     "energy over input and output tokens"},
    {"energy_j_per_output_token", "Energy per output token", "J", G::energy, false,
     [](View v) { return per(energy_joules(v), number(v.requests.output_tokens)); }, "all energy over output tokens"},
    {"prefill_j_per_token", "Energy of prefill per token", "J", G::energy, false,
     [](View v) {
       const std::optional<Energy> all = energy_of(v);
       return all ? per(all->prefill, number(v.run.engine.prefill_tokens)) : kMissing;
     },
     "of the prompt tokens computed: what steps draw beyond their decodes"},
    {"decode_j_per_token", "Energy of decode per token", "J", G::energy, false,
     [](View v) {
       const std::optional<Energy> all = energy_of(v);
       return all ? per(all->decode, number(v.run.engine.decode_tokens)) : kMissing;
     },
     "of the tokens decoded, without idle time"},
    {"energy_cost_per_1m_tokens", "Energy cost of 1M tokens", "$", G::energy, false,
     [](View v) { return v.device.usd_per_kwh > 0 ? v.device.usd_per_kwh * kwh_per_million(v) : kMissing; },
     "of input and output tokens, at prices.kwh; not part of the costs by the GPU-hour"},
    {"co2e_g_per_1m_tokens", "CO2e of 1M tokens", "g", G::energy, false,
     [](View v) { return v.device.grid_g_per_kwh ? *v.device.grid_g_per_kwh * kwh_per_million(v) : kMissing; },
     "of input and output tokens, at prices.grid_g_per_kwh"},
};

}  // namespace

std::span<const Column> columns() {
  static const std::vector<Column> all = [] {
    std::vector<Column> both(std::begin(kColumns), std::end(kColumns));
    const auto after_hits =
        std::find_if(both.begin(), both.end(), [](auto& c) { return c.key == "prefix_cache_hits"; });
    both.insert(after_hits + 1, kv_tier_columns().begin(), kv_tier_columns().end());
    // Figures in money stand together.
    const auto money = std::find_if(both.begin(), both.end(), [](const Column& c) { return c.group == G::money; });
    both.insert(money, fleet_columns().begin(), fleet_columns().end());
    return both;
  }();
  return all;
}

}  // namespace foretoken
