// From the attribution of two runs to sentences.
#include "study/compare/reason.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/figures.hpp"

namespace foretoken {
namespace {

// Parts that change less than this share of the whole change are not named.
constexpr double kNamed = 0.1;
constexpr std::size_t kMostNamed = 3;

const char* in_words(AttributionPart part) {
  switch (part) {
    case AttributionPart::queue:
      return "the queue";
    case AttributionPart::kv_wait:
      return "waiting for KV blocks";
    case AttributionPart::prefill_compute:
    case AttributionPart::prefill_memory:
      return "the own prefill";
    case AttributionPart::interference:
      return "other requests' prefill";
    case AttributionPart::decode_memory:
    case AttributionPart::decode_compute:
      return "the decode steps themselves";
    case AttributionPart::communication:
      return "communication";
    case AttributionPart::engine_overhead:
      return "the engine's host work";
    case AttributionPart::preemption_recompute:
      return "preemptions";
    case AttributionPart::kv_transfer:
      return "the transfer of KV caches";
    case AttributionPart::hand_over_wait:
      return "waiting at the hand-over";
    case AttributionPart::earlier_attempts:
      return "attempts before";
    case AttributionPart::fleet_wait:
      return "waiting for a replica";
  }
  return "the rest";
}

std::vector<PartChange> changes_of(const double (&before)[kAttributionParts],
                                   const double (&after)[kAttributionParts]) {
  std::vector<PartChange> parts;
  for (int i = 0; i < kAttributionParts; ++i) parts.push_back({static_cast<AttributionPart>(i), before[i], after[i]});
  std::stable_sort(parts.begin(), parts.end(),
                   [](const PartChange& a, const PartChange& b) { return std::abs(a.more()) > std::abs(b.more()); });
  return parts;
}

std::vector<PartChange> per_token(const RunResult& before, const RunResult& after) {
  double parts[2][kAttributionParts] = {};
  const RunResult* runs[] = {&before, &after};
  for (int side = 0; side < 2; ++side) {
    const AttributionMeans& means = runs[side]->attribution;
    const double completed = runs[side]->summary["completed"];
    const double tokens = runs[side]->summary["total_output_tokens"] / completed - 1;
    for (int i = 0; i < kAttributionParts && tokens > 0; ++i)
      parts[side][i] = (means.e2e_ms[i] - means.ttft_ms[i]) / tokens;
  }
  return changes_of(parts[0], parts[1]);
}

std::string signed_ms(double ms) {
  return fmt::format("{} {}", plain_figure(std::abs(ms), 3), ms < 0 ? "ms less" : "ms more");
}

// "mean TTFT is 404 ms more (567 after 162 ms): 362 ms more is the transfer of KV caches, ...". The parts that pull the
// other way are named too.
std::string sentence(const std::string& what, const std::vector<PartChange>& parts) {
  double before = 0, after = 0;
  for (const PartChange& p : parts) before += p.before_ms, after += p.after_ms;
  std::string text = fmt::format("{} takes {} ({} ms, together {} ms)", what, signed_ms(after - before),
                                 plain_figure(after, 4), plain_figure(before, 4));
  std::vector<std::pair<std::string, double>> named;
  for (const PartChange& p : parts) {
    const std::string words = in_words(p.part);
    const auto at = std::find_if(named.begin(), named.end(), [&](const auto& n) { return n.first == words; });
    if (at == named.end())
      named.emplace_back(words, p.more());
    else
      at->second += p.more();
  }
  std::stable_sort(named.begin(), named.end(),
                   [](const auto& a, const auto& b) { return std::abs(a.second) > std::abs(b.second); });
  const double largest = std::abs(named.front().second);
  for (std::size_t i = 0; i < named.size() && i < kMostNamed && largest > 0; ++i) {
    if (std::abs(named[i].second) < kNamed * largest) break;
    text += fmt::format("{} {} for {}", i == 0 ? ":" : ",", signed_ms(named[i].second), named[i].first);
  }
  return text;
}

// "of the pools, decode is the busiest: steps run 93 % of the time, of prefill 41 %".
std::string busiest(const RunResult& apart, const RunResult& together) {
  std::vector<std::pair<std::string, double>> busy;
  for (const PoolResult& pool : apart.pools) busy.emplace_back(pool.name, pool.summary["engine_busy"]);
  std::stable_sort(busy.begin(), busy.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text = fmt::format("the busiest pool is {}: it runs steps {:.0f} % of the time", busy.front().first,
                                 100 * busy.front().second);
  for (std::size_t i = 1; i < busy.size(); ++i)
    text += fmt::format(", {} {:.0f} %", busy[i].first, 100 * busy[i].second);
  if (together.pools.empty()) text += fmt::format("; together {:.0f} %", 100 * together.summary["engine_busy"]);
  return text;
}

}  // namespace

std::optional<PoolsReason> reason_of_pools(const Scenario& before, const Scenario& after, const RunOptions& options) {
  if (before.pools.empty() == after.pools.empty()) return std::nullopt;
  RunOptions once = options;
  once.progress = nullptr;
  const auto run_once = [&](Scenario s) {
    s.replications = 1;
    return run_scenario(s, once);
  };
  const Result<RunResult> one = run_once(before), other = run_once(after);
  if (!one || !other || one->interrupted || other->interrupted) return std::nullopt;
  PoolsReason why;
  why.ttft = changes_of(one->attribution.ttft_ms, other->attribution.ttft_ms);
  why.per_token = per_token(*one, *other);
  // Said of pools against none, whichever came first.
  const bool turned = after.pools.empty();
  const RunResult& together = turned ? *other : *one;
  const RunResult& apart = turned ? *one : *other;
  why.sentences.push_back(
      sentence("apart, the first token", changes_of(together.attribution.ttft_ms, apart.attribution.ttft_ms)));
  why.sentences.push_back(sentence("apart, each token after it", per_token(together, apart)));
  why.sentences.push_back(busiest(apart, together));
  return why;
}

}  // namespace foretoken
