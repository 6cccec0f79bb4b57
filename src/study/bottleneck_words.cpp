// What a run at the capacity was limited by, in sentences.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "study/capacity_answer.hpp"
#include "study/latency_key.hpp"

namespace foretoken {
namespace {

constexpr double kNearlyAll = 0.97;

std::string_view words_of(AttributionPart part) {
  switch (part) {
    case AttributionPart::queue:
      return "waiting in the queue for a seat or for room in a step";
    case AttributionPart::kv_wait:
      return "waiting for KV cache blocks";
    case AttributionPart::prefill_compute:
      return "its own prefill, bound by compute";
    case AttributionPart::prefill_memory:
      return "its own prefill, bound by memory bandwidth";
    case AttributionPart::interference:
      return "the prefills of other requests in the same steps";
    case AttributionPart::decode_memory:
      return "decode steps bound by memory bandwidth";
    case AttributionPart::decode_compute:
      return "decode steps bound by compute";
    case AttributionPart::communication:
      return "communication between GPUs";
    case AttributionPart::engine_overhead:
      return "overhead of the engine";
    case AttributionPart::preemption_recompute:
      return "recomputation after preemptions";
    case AttributionPart::kv_transfer:
      return "transfer of KV blocks";
  }
  return "unknown";
}

// The two largest parts of a time, if there is any.
std::string largest_parts(const char* what, const double (&ms)[kAttributionParts], bool decode_only) {
  std::vector<std::pair<double, int>> parts;
  double total = 0;
  for (int i = 0; i < kAttributionParts; ++i) {
    const auto part = static_cast<AttributionPart>(i);
    const bool before_decode = part == AttributionPart::queue || part == AttributionPart::kv_wait ||
                               part == AttributionPart::prefill_compute || part == AttributionPart::prefill_memory;
    if (decode_only && before_decode) continue;
    parts.emplace_back(ms[i], i);
    total += ms[i];
  }
  if (!(total > 0)) return {};
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text =
      fmt::format("on average {:.0f} % of {} is {}", 100 * parts[0].first / total, what,
                  words_of(static_cast<AttributionPart>(parts[0].second)));
  if (parts.size() > 1 && parts[1].first > 0.1 * total)
    text += fmt::format(", {:.0f} % {}", 100 * parts[1].first / total,
                        words_of(static_cast<AttributionPart>(parts[1].second)));
  return text;
}

std::string bound_words(const char* phase, const Bottleneck& b) {
  if (b.bound.empty() || b.bound == "none") return {};
  return fmt::format("{} steps are bound by {}", phase, b.bound);
}

void add_resources(std::vector<std::string>& out, const Scenario& s, const Summary& summary) {
  if (summary["max_num_requests_running"] >= static_cast<double>(s.engine.max_num_seqs))
    out.push_back(fmt::format("all {} seats of a replica (engine.max_num_seqs) are taken at times",
                              s.engine.max_num_seqs));
  if (summary["preemption_count"] > 0)
    out.push_back(fmt::format("the KV cache is too small: {:.0f} preemptions", summary["preemption_count"]));
  else if (summary["max_kv_cache_usage_perc"] >= kNearlyAll)
    out.push_back("the KV cache is full at times");
  const double busy = summary["engine_busy"];
  if (!std::isnan(busy)) out.push_back(fmt::format("engines are in a step {:.0f} % of the time", 100 * busy));
}

}  // namespace

void describe_bottleneck(CapacityResult& r, const Scenario& there, const RunOptions& options) {
  Scenario once = there;
  once.replications = 1;
  RunOptions quiet = options;
  quiet.progress = nullptr;
  const Result<RunResult> run = run_scenario(once, quiet);
  if (!run || run->interrupted) return;
  const auto key = latency_key_parts(r.scenario.slo[r.binding.value_or(0)].metric);
  const bool first = key && (key->metric == "ttft" || key->metric == "queue_time");
  const bool gaps = key && (key->metric == "tpot" || key->metric == "itl");
  const std::string where = first  ? largest_parts("TTFT", run->attribution.ttft_ms, false)
                            : gaps ? largest_parts("the time between tokens", run->attribution.e2e_ms, true)
                                   : largest_parts("a request's time", run->attribution.e2e_ms, false);
  if (!where.empty()) r.bottleneck.push_back(where);
  const std::string prefill = bound_words("prefill", run->prefill), decode = bound_words("decode", run->decode);
  if (!prefill.empty() || !decode.empty())
    r.bottleneck.push_back(prefill + (prefill.empty() || decode.empty() ? "" : ", ") + decode);
  add_resources(r.bottleneck, there, run->summary);
}

}  // namespace foretoken
