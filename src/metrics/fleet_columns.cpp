// What a fleet cost and did, and what clients had to do for their answers.
#include "metrics/fleet_columns.hpp"

#include <algorithm>

namespace foretoken {
namespace {

using G = ColumnGroup;
using View = const MeasureView&;

double count(std::int64_t v) {
  return static_cast<double>(v);
}
double hours(std::int64_t nanoseconds) {
  return count(nanoseconds) * 1e-9 / 3600;
}
double of_fleet(View v, double value) {
  return v.scope == Scope::run && v.run.fleet.on ? value : kMissing;
}
double of_clients(View v, double value) {
  return v.scope == Scope::run && v.run.clients.on ? value : kMissing;
}
// Of all routers together.
double of_routers(View v, std::optional<std::int64_t> RouterTotals::*counter) {
  double sum = kMissing;
  for (const RouterTotals& router : v.run.routers)
    if (v.scope == Scope::run && router.*counter) sum = (std::isnan(sum) ? 0 : sum) + count(*(router.*counter));
  return sum;
}
// GPU-hours of what `time_of` says of a fleet.
double gpu_hours_of(View v, std::int64_t (FleetTotals::*time_of)() const) {
  if (v.device.pools.empty())
    return of_fleet(v, hours((v.run.fleet.*time_of)()) * v.device.num_gpus / std::max(1, v.run.fleet.places));
  double sum = 0;
  for (std::size_t i = 0; i < v.device.pools.size(); ++i) {
    const PoolMeasures& pool = v.run.pools[i];
    const double gpus = v.device.pools[i].gpus_per_rank * pool.ranks;
    sum += hours((pool.fleet.*time_of)()) * gpus / std::max(1, pool.fleet.places);
  }
  return of_fleet(v, sum);
}
double gpu_hours(View v) {
  return gpu_hours_of(v, &FleetTotals::paid);
}
double of_all_time(View v, std::int64_t nanoseconds) {
  std::int64_t all = 0;
  for (const std::int64_t state : v.run.fleet.in_state) all += state;
  return of_fleet(v, all > 0 ? count(nanoseconds) / count(all) * v.run.fleet.places : kMissing);
}

constexpr double kNanosecondsToMs = 1e-6;

double of_adapters(View v, double value) {
  return v.scope == Scope::run && !v.run.adapters.empty() ? value : kMissing;
}
double of_answers(View v, double value) {
  return v.scope == Scope::run && v.run.answers_completed > 0 ? value : kMissing;
}
double of_answers_ms(View v, const Distribution& d, double percentile) {
  if (d.count() == 0) return kMissing;
  return of_answers(v, (percentile < 0 ? d.mean() : d.percentile(percentile)) * kNanosecondsToMs);
}
constexpr double kMean = -1;

constexpr Column kFleetColumns[] = {
    {"answers_completed", "Answers completed", "", G::answers, true,
     [](View v) { return of_answers(v, count(v.run.answers_completed)); },
     "with several answers to a request (n, best_of): all that were computed to their ends"},
    {"answers_mean_ttft_ms", "  mean TTFT of each", "ms", G::answers, false,
     [](View v) { return of_answers_ms(v, v.run.answers.ttft, kMean); },
     "first token of an answer; of a request, that of its first answer"},
    {"answers_p99_ttft_ms", "  p99 TTFT of each", "ms", G::answers, false,
     [](View v) { return of_answers_ms(v, v.run.answers.ttft, 99); }, "the same"},
    {"answers_mean_tpot_ms", "  mean TPOT of each", "ms", G::answers, false,
     [](View v) { return of_answers_ms(v, v.run.answers.tpot[static_cast<std::size_t>(v.tpot)], kMean); },
     "decode time of an answer over its own tokens"},
    {"answers_mean_e2el_ms", "  mean end-to-end of each", "ms", G::answers, false,
     [](View v) { return of_answers_ms(v, v.run.answers.e2el, kMean); }, "of a request, that of its last answer"},
    {"adapter_loads", "Adapters loaded", "", G::adapters, true,
     [](View v) { return of_adapters(v, count(v.run.engine.adapters.loads)); },
     "LoRA adapters that came into a slot of a GPU"},
    {"adapter_disk_loads", "  of these, from disk", "", G::adapters, true,
     [](View v) { return of_adapters(v, count(v.run.engine.adapters.disk_loads)); }, "that were not in host memory"},
    {"adapter_load_time_share", "Share of busy time spent loading", "", G::adapters, false,
     [](View v) {
       const double busy = static_cast<double>(v.run.engine.busy) / static_cast<double>(FineDuration::kPerNanosecond);
       return of_adapters(v, busy > 0 ? count(v.run.engine.adapters.load_time.count()) / busy : kMissing);
     },
     "the whole batch waits for a load"},
    {"mean_adapters_per_step", "Distinct adapters in a step, mean", "", G::adapters, false,
     [](View v) {
       const AdapterTotals& a = v.run.engine.adapters;
       return of_adapters(
           v, a.step_time > 0 ? static_cast<double>(a.adapter_time) / static_cast<double>(a.step_time) : kMissing);
     },
     "of the steps that have any, by their time"},
    {"attempts_per_request", "Attempts per request", "", G::clients, false,
     [](View v) {
       const ClientTotals& c = v.run.clients;
       return of_clients(v, c.requests > 0 ? count(c.attempts) / count(c.requests) : kMissing);
     },
     "sends, retries included, over requests"},
    {"attempts_given_up", "Attempts given up", "", G::clients, true,
     [](View v) { return of_clients(v, count(v.run.clients.timeouts)); },
     "that the client waited for longer than its time-out"},
    {"migrated_attempts", "Attempts that went on elsewhere", "", G::clients, true,
     [](View v) { return of_clients(v, count(v.run.clients.migrated)); },
     "with the tokens that a lost replica had put out (migration_limit)"},
    {"retries_over_budget", "Retries over the budget", "", G::clients, true,
     [](View v) { return of_clients(v, count(v.run.clients.over_budget)); }, "that the retry budget did not allow"},
    {"late_answers", "Answers for nobody", "", G::clients, true,
     [](View v) { return of_clients(v, count(v.run.clients.late)); },
     "that the server finished after the client had given up"},
    {"late_output_tokens", "  their output tokens", "tok", G::clients, true,
     [](View v) { return of_clients(v, count(v.run.clients.late_output_tokens)); }, "work that nobody got"},
    {"aborted_output_tokens", "Output tokens of aborted attempts", "tok", G::clients, true,
     [](View v) { return of_clients(v, count(v.run.clients.aborted_output_tokens)); },
     "that were out when the engine let them go: streamed, but of no finished request"},
    {"last_unanswered_s", "Last request without an answer", "s", G::clients, false,
     [](View v) {
       return v.run.clients.unanswered > 0 ? of_clients(v, to_seconds(v.run.clients.last_unanswered)) : kMissing;
     },
     "when it was first sent; absent where all were answered: from then on the service was well"},
    {"gpu_hours", "GPU-hours paid", "h", G::fleet, false, gpu_hours,
     "from the order for a replica until it is gone, times its GPUs"},
    {"mean_replicas_paid", "Replicas paid, mean", "", G::fleet, false,
     [](View v) { return of_all_time(v, v.run.fleet.paid()); }, "time average, those that start and drain included"},
    {"mean_replicas_ready", "Replicas ready, mean", "", G::fleet, false,
     [](View v) { return of_all_time(v, v.run.fleet.in_state[static_cast<std::size_t>(ReplicaState::ready)]); },
     "time average"},
    {"max_replicas_ready", "Replicas ready, most", "", G::fleet, true,
     [](View v) { return of_fleet(v, v.run.fleet.most_ready); }, "at once"},
    {"cold_starts", "Cold starts", "", G::fleet, true, [](View v) { return of_fleet(v, count(v.run.fleet.starts)); },
     "replicas that were ordered in the run"},
    {"cold_start_gpu_hours", "  GPU-hours of them", "h", G::fleet, false,
     [](View v) { return gpu_hours_of(v, &FleetTotals::starting); }, "paid before the replicas were ready"},
    {"replicas_stopped", "Replicas stopped", "", G::fleet, true,
     [](View v) { return of_fleet(v, count(v.run.fleet.stops)); }, "that were told to go"},
    {"scale_events", "Changes of the number wanted", "", G::fleet, true,
     [](View v) { return of_fleet(v, count(v.run.fleet.changes)); }, "up and down"},
    {"held_requests", "Requests that waited for a replica", "", G::fleet, true,
     [](View v) { return of_fleet(v, count(v.run.fleet.held)); }, "because none was ready"},
    {"turned_away", "  turned away", "", G::fleet, true,
     [](View v) { return of_fleet(v, count(v.run.fleet.turned_away)); },
     "because none was ready, and none in time; also those that gave up meanwhile"},
    {"replica_failures", "Replicas that died", "", G::fleet, true,
     [](View v) { return of_fleet(v, count(v.run.fleet.failures)); }, "planned or by chance (MTBF)"},
    {"lost_requests", "  requests that they had", "", G::fleet, true,
     [](View v) { return of_fleet(v, count(v.run.fleet.lost)); }, "each time one was lost; it may have been repeated"},
    {"refused_requests", "  sent to the dead", "", G::fleet, true,
     [](View v) { return of_fleet(v, count(v.run.fleet.refused)); }, "before routers knew: the connection was refused"},
    {"stale_choices", "Sent by stale signals", "", G::requests, true,
     [](View v) { return of_routers(v, &RouterTotals::stale_choices); },
     "requests that a router sent by signals older than admission.stale_after, or to a replica of which it had heard "
     "nothing; routers of published signals"},
    {"stale_admission_signals", "Stale signals in admission", "", G::requests, true,
     [](View v) {
       const bool any = v.scope == Scope::run && v.run.stale_admission_signals;
       return any ? count(*v.run.stale_admission_signals) : kMissing;
     },
     "that counted as those of a full replica; with admission.stale_after"},
    {"rebinds", "Conversations bound anew", "", G::requests, true,
     [](View v) { return of_routers(v, &RouterTotals::rebinds); },
     "because their replica took no requests any more; what it had cached of them is lost"},
    {"run_cost", "Price of the run", "$", G::money, false,
     [](View v) {
       const double per_gpu_hour = v.device.usd_per_hour / v.device.num_gpus;
       return v.device.usd_per_hour > 0 ? gpu_hours(v) * per_gpu_hour : kMissing;
     },
     "GPU-hours paid at the scenario's price"},
};

}  // namespace

std::span<const Column> fleet_columns() {
  return kFleetColumns;
}

double paid_share(const FleetTotals& fleet) {
  if (!fleet.on) return 1;
  std::int64_t all = 0;
  for (const std::int64_t state : fleet.in_state) all += state;
  return all > 0 ? count(fleet.paid()) / count(all) : 1;
}

double paid_rank_seconds(const RunMeasures& run) {
  if (run.pools.empty()) return run.engine_duration() * run.replicas * paid_share(run.fleet);
  double ranks = 0;
  for (const PoolMeasures& pool : run.pools) ranks += pool.ranks * paid_share(pool.fleet);
  return run.engine_duration() * ranks;
}

double paid_usd_per_hour(const MeasureView& v) {
  if (v.device.pools.empty()) return v.device.usd_per_hour * paid_share(v.run.fleet);
  if (!v.run.fleet.on) return v.device.usd_per_hour;
  double usd = 0;
  for (std::size_t i = 0; i < v.device.pools.size(); ++i)
    usd += v.device.pools[i].usd_per_hour * paid_share(v.run.pools[i].fleet);
  return usd;
}

}  // namespace foretoken
