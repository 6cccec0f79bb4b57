// Replicas that nobody named: how many more are looked at, and when no more are.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "study/recommend/search.hpp"

namespace foretoken {
namespace {

// They end here, or where twice as many bring so little of a limit.
constexpr int kMostReplicas = 1024;
constexpr double kRoomOfMoreReplicas = 0.01;

}  // namespace

void widen_replicas(std::vector<SweepAxis>& domain) {
  for (SweepAxis& axis : domain) {
    if (axis.path != "replicas") continue;
    const std::size_t most = axis.values.size();
    for (std::size_t n = most + 1; n <= 2 * most; ++n) axis.values.push_back(std::to_string(n));
  }
}

std::size_t index_in(const std::vector<SweepAxis>& wider, const std::vector<SweepAxis>& narrow, std::size_t index) {
  std::size_t result = 0, factor = 1;
  for (std::size_t i = narrow.size(); i-- > 0;) {
    result += index % narrow[i].values.size() * factor;
    index /= narrow[i].values.size();
    factor *= wider[i].values.size();
  }
  return result;
}

std::vector<AddedCandidate> added_candidates(const std::vector<SweepAxis>& wider,
                                             const std::vector<SweepAxis>& narrow) {
  std::size_t axis = 0, below = 1;  // candidates between two numbers of replicas
  for (std::size_t i = 0; i < wider.size(); ++i) {
    if (wider[i].path == "replicas") axis = i;
  }
  for (std::size_t i = axis + 1; i < wider.size(); ++i) below *= wider[i].values.size();
  const std::size_t now = wider[axis].values.size(), before = narrow[axis].values.size();
  std::vector<AddedCandidate> added;
  for (std::size_t i = 0; i < point_count(wider); ++i) {
    const std::size_t at = i / below % now;
    if (at >= before) added.push_back({i, i - (at - (before - 1)) * below, static_cast<int>(at) + 1});
  }
  return added;
}

bool may_be_helped(const Screened& s) {
  return s.fate != Fate::invalid && s.fate != Fate::does_not_fit && !s.never;
}

Screened with_replicas(const Screened& s, int replicas) {
  Screened more = s;
  more.replicas = replicas;
  more.cost.gpus = s.cost.gpus / s.replicas * replicas;
  if (more.cost.usd_per_hour) *more.cost.usd_per_hour *= static_cast<double>(replicas) / s.replicas;
  return more;
}

std::string why_no_wider(const std::vector<Screened>& screened, const WideningSoFar& so_far) {
  int most = 1;
  for (const Screened& s : screened) most = std::max(most, s.replicas);
  const bool found = std::isfinite(so_far.cheapest);
  const bool is_open = std::any_of(screened.begin(), screened.end(), [&](const Screened& s) {
    const double next = s.cost.rank(so_far.by_money) * (most + 1) / most;
    return s.replicas == most && may_be_helped(s) && (!so_far.own_prices || s.own_price) && next < so_far.cheapest;
  });
  if (!is_open && found) return fmt::format("up to {}: more of them cost more than what meets", most);
  if (!is_open)
    return fmt::format("up to {}: no number of them helps, a bound forbids it or the model does not fit", most);
  if (so_far.concurrency && most >= *so_far.concurrency)
    return fmt::format("up to {}, as many as requests at a time", most);
  if (!found && std::isfinite(so_far.room_gained) && so_far.room_gained < kRoomOfMoreReplicas)
    return fmt::format("up to {}: twice as many came no nearer to the objectives", most);
  if (2 * most > kMostReplicas || 2 * screened.size() > kMostCandidates)
    return fmt::format("up to {}, where the search ends: name more with --over replicas=...", most);
  return {};
}

}  // namespace foretoken
