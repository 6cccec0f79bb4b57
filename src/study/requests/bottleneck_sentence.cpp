// From parts of a latency to causes, and from the largest cause to words.
#include "study/requests/bottleneck_sentence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/figures.hpp"
#include "serving/engines/engine_profile.hpp"
#include "study/batch/static.hpp"

namespace foretoken {
namespace {

// Twice the seats must serve this much more for the seats to be the limit and not the hardware.
constexpr double kSeatsHelp = 1.1;

std::string ms(double value) {
  return value >= 100 ? plain_figure(std::round(value), 15) + " ms" : fmt::format("{:.3g} ms", value);
}
std::string share(double value) {
  return fmt::format("{:.0f} %", value * 100);
}

// Requests per second that `seats` decoding together leave room for: each needs its prefill for itself and its share
// of the decode steps, 1 / (p + N t(B) / B). A mean over lengths; the queue and the KV cache are not in it.
double served_rate(const Scenario& s, const CostModel& cost, const MeanRequest& request, std::int64_t seats) {
  const StaticBatch one = static_batch(s, cost, 1, request), many = static_batch(s, cost, seats, request);
  const double decode = many.decode_step_ms * static_cast<double>(request.output) / static_cast<double>(seats);
  return 1e3 / (one.ttft_ms + decode);
}

double gain_of_twice_the_seats(const Scenario& s) {
  const Result<WorkloadSummary> workload = workload_summary(s);
  if (!workload) return 1;
  const MeanRequest request{std::max<std::int64_t>(1, std::llround(workload->mean_prompt_tokens)),
                            std::max<std::int64_t>(1, std::llround(workload->mean_output_tokens))};
  const std::int64_t seats = s.engine.max_num_seqs;
  const std::int64_t held = s.engine.usable_blocks() / full_length_blocks(s, request);
  const std::int64_t twice = std::min(2 * seats, std::max<std::int64_t>(1, held));
  if (twice <= seats) return 1;
  const std::unique_ptr<CostModel> cost = make_cost_model(s.deployment);
  return served_rate(s, *cost, request, twice) / served_rate(s, *cost, request, seats);
}

std::int64_t part(const RequestTime& time, AttributionPart p) {
  return time.parts[static_cast<std::size_t>(p)];
}

std::int64_t token_budget(const EngineConfig& engine) {
  return find_engine(engine.name).token_budget.of(engine);
}

// pool prefill computes 97 % of the time, decode 61 %
std::string busy_pools(const RequestExplanation& e) {
  std::string text;
  for (std::size_t i = 0; i < e.pool_busy.size(); ++i)
    text += fmt::format("{} {} computes {} of the time", i == 0 ? "pool" : ", pool", e.scenario.pools[i].name,
                        share(e.pool_busy[i]));
  return text;
}

// Of a fleet, whose replicas may not have been there yet.
std::string ready_replicas(const RequestExplanation& e) {
  if (!(e.ready_mean > 0)) return {};
  return fmt::format("; {} replicas were ready then, {} in the mean of the run", plain_figure(e.ready_then, 3),
                     plain_figure(e.ready_mean, 3));
}

// All of these follow "of which 640 ms".
std::string words_for_waiting(const RequestExplanation& e, Cause cause) {
  if (!e.scenario.pools.empty()) {
    if (cause != Cause::overload) return "waited for its turn: " + busy_pools(e);
    return fmt::format("waited in a queue that grows by {} of {} requests/s: {}", plain_figure(e.backlog_growth, 3),
                       plain_figure(e.arrival_rate, 3), busy_pools(e));
  }
  const EngineConfig& engine = e.scenario.engine;
  const std::string seats =
      fmt::format("max_num_seqs {} was full {} of the time", engine.max_num_seqs, share(e.seats_full));
  if (cause == Cause::overload) {
    const std::string growth = fmt::format("waited in a queue that grows by {} of {} requests/s",
                                           plain_figure(e.backlog_growth, 3), plain_figure(e.arrival_rate, 3));
    if (e.more_with_seats >= kSeatsHelp)
      return fmt::format("{}: {}; twice the seats would serve some {} more", growth, seats,
                         share(e.more_with_seats - 1));
    return growth + ": more arrives than this deployment serves";
  }
  if (cause == Cause::seats) return fmt::format("waited for a seat: {}", seats);
  const EngineProfile& profile = find_engine(engine.name);
  if (profile.closed_batches) return "waited for the batch before to end: static batching";
  return fmt::format("waited for the token budget or the end of a step ({} {})", profile.token_budget.name(),
                     token_budget(engine));
}

std::string words_for_queue(const RequestExplanation& e, Cause cause) {
  return words_for_waiting(e, cause) + ready_replicas(e);
}

std::string words_for_kv(const RequestExplanation& e) {
  const std::int64_t wait = part(e.selected, AttributionPart::kv_wait);
  const std::int64_t again = part(e.selected, AttributionPart::preemption_recompute);
  const std::string blocks = fmt::format("{} blocks of {} tokens, {} in use at the peak, {} preemption{} in the run",
                                         e.scenario.engine.usable_blocks(), e.scenario.engine.block_size,
                                         share(e.kv_peak), e.preemptions, e.preemptions == 1 ? "" : "s");
  return fmt::format("{} KV blocks: {}", again > wait ? "was lost to preemptions for lack of" : "waited for", blocks);
}

std::string words_for(const RequestExplanation& e, Cause cause) {
  const RequestTime& t = e.selected;
  switch (cause) {
    case Cause::overload:
    case Cause::seats:
    case Cause::step:
      return words_for_queue(e, cause);
    case Cause::kv_blocks:
      return words_for_kv(e);
    case Cause::prefill: {
      const bool compute = part(t, AttributionPart::prefill_compute) >= part(t, AttributionPart::prefill_memory);
      const std::string tokens = e.request ? fmt::format(" of {} tokens", e.request->request.prompt_tokens) : "";
      return fmt::format("was the prefill of its own prompt{}, bound by {}", tokens, compute ? "compute" : "memory");
    }
    case Cause::interference:
      return fmt::format("was steps made longer by other requests' prefill (up to {} tokens a step)",
                         token_budget(e.scenario.engine));
    case Cause::decode: {
      const bool memory = part(t, AttributionPart::decode_memory) >= part(t, AttributionPart::decode_compute);
      return memory ? "was decode steps that stream weights and KV cache: bound by memory bandwidth"
                    : "was decode steps bound by compute";
    }
    case Cause::communication:
      return "was communication between GPUs";
    case Cause::overhead:
      return "was the engine's own work on the host (cost.per_request, cost.per_prompt_token, cost.per_step, "
             "cost.per_sequence, launches)";
    case Cause::kv_transfer:
      return "was the transfer of KV cache";
    case Cause::hand_over:
      return "was the hand-over from pool to pool: the hop, and until a step of the decode pool had seen the KV cache";
    case Cause::attempts:
      return "was attempts before that failed or were given up";
    case Cause::replica:
      return e.scenario.pools.empty() ? "was the wait for a replica: none was ready"
                                      : "was the wait for a replica: none was ready where it enters, or would decode";
  }
  return {};
}

// What the selection has more of than the median request, where that is another cause than the largest. Empty: the same
// one.
std::string against_the_median(const RequestExplanation& e, Cause largest) {
  if (!(e.selected.milliseconds() > e.median.milliseconds())) return {};
  const std::vector<CauseShare> median = causes_of(e.median);
  CauseShare most;
  double gap = 0;
  for (const CauseShare& c : causes_of(e.selected)) {
    const auto same =
        std::find_if(median.begin(), median.end(), [&](const CauseShare& m) { return m.cause == c.cause; });
    const double more = e.selected.per(c.ns) - e.median.per(same->ns);
    if (more > gap) gap = more, most = c;
  }
  if (!(gap > 0) || most.cause == largest) return {};
  return fmt::format(" The median has {}; most of the difference is {} (+{}).", ms(e.median.milliseconds()),
                     to_string(most.cause), ms(gap));
}

}  // namespace

std::string_view to_string(Cause cause) {
  switch (cause) {
    case Cause::overload:
      return "overload";
    case Cause::seats:
      return "waiting for a seat";
    case Cause::step:
      return "waiting for a step";
    case Cause::kv_blocks:
      return "KV blocks";
    case Cause::prefill:
      return "own prefill";
    case Cause::interference:
      return "others' prefill";
    case Cause::decode:
      return "decode";
    case Cause::communication:
      return "communication";
    case Cause::overhead:
      return "engine overhead";
    case Cause::kv_transfer:
      return "KV transfer";
    case Cause::hand_over:
      return "hand-over";
    case Cause::attempts:
      return "earlier attempts";
    case Cause::replica:
      return "waiting for a replica";
  }
  return "unknown";
}

std::vector<CauseShare> causes_of(const RequestTime& t) {
  using P = AttributionPart;
  std::vector<CauseShare> causes{{Cause::seats, t.waiting_for_seat},
                                 {Cause::step, part(t, P::queue) - t.waiting_for_seat},
                                 {Cause::kv_blocks, part(t, P::kv_wait) + part(t, P::preemption_recompute)},
                                 {Cause::prefill, part(t, P::prefill_compute) + part(t, P::prefill_memory)},
                                 {Cause::interference, part(t, P::interference)},
                                 {Cause::decode, part(t, P::decode_memory) + part(t, P::decode_compute)},
                                 {Cause::communication, part(t, P::communication)},
                                 {Cause::overhead, part(t, P::engine_overhead)},
                                 {Cause::kv_transfer, part(t, P::kv_transfer)},
                                 {Cause::hand_over, part(t, P::hand_over_wait)},
                                 {Cause::attempts, part(t, P::earlier_attempts)},
                                 {Cause::replica, part(t, P::fleet_wait)}};
  std::stable_sort(causes.begin(), causes.end(), [](const CauseShare& a, const CauseShare& b) { return a.ns > b.ns; });
  return causes;
}

void say_bottleneck(RequestExplanation& e) {
  const CauseShare largest = causes_of(e.selected).front();
  e.cause = largest.cause;
  std::int64_t ns = largest.ns;
  if (e.cause == Cause::seats || e.cause == Cause::step) {
    e.more_with_seats = e.scenario.pools.empty() ? gain_of_twice_the_seats(e.scenario) : 1;
    if (e.overloaded) {
      e.cause = Cause::overload;
      ns = part(e.selected, AttributionPart::queue);
    }
  }
  std::string name = e.selector.text;
  if (e.selector.kind == RequestSelector::Kind::id) name = fmt::format("request {}:", e.selector.id);
  const bool several = e.selected.requests > 1;
  e.sentence = fmt::format("{} {} is {}{}, of which {} {}.", name, in_words(e.metric), ms(e.selected.milliseconds()),
                           several ? fmt::format(" (mean of {} requests)", e.selected.requests) : "",
                           ms(e.selected.per(ns)), words_for(e, e.cause)) +
               against_the_median(e, largest.cause);
}

std::string_view in_words(RequestMetric metric) {
  return metric == RequestMetric::ttft ? "TTFT" : metric == RequestMetric::tpot ? "TPOT" : "E2E latency";
}

}  // namespace foretoken
