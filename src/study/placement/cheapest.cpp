// Branch and bound: demands in turn, each divided over its kinds in every way, as long as it can still be cheap enough.
#include "study/placement/cheapest.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <tuple>

namespace foretoken {
namespace {

constexpr double kNothing = 1e-9;  // sums of shares are rounded
constexpr std::int64_t kMostNodes = 20'000'000;

// One way to divide a demand: what it loads each kind with, in replicas.
struct Division {
  std::vector<int> slices;  // [kind]
  double cost = 0;          // of the load, replicas not rounded up
  int parts = 0;
};

class PlanSearch {
 public:
  PlanSearch(const PlacementProblem& problem, std::size_t how_many)
      : p_(problem), how_many_(how_many), load_(problem.kinds.size(), 0), chosen_(problem.demands.size(), nullptr) {
    for (std::size_t d = 0; d < p_.demands.size(); ++d) divisions_.push_back(divisions_of(d));
    order_.resize(p_.demands.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    // What costs most is decided first: the rest changes little.
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return least(a) > least(b); });
    left_.assign(order_.size() + 1, 0);
    for (std::size_t i = order_.size(); i-- > 0;) left_[i] = left_[i + 1] + least(order_[i]);
  }

  CheapestPlans run() {
    if (std::none_of(divisions_.begin(), divisions_.end(), [](const auto& ways) { return ways.empty(); })) place(0, 0);
    return std::move(found_);
  }

 private:
  [[nodiscard]] double least(std::size_t demand) const {
    return divisions_[demand].empty() ? std::numeric_limits<double>::infinity() : divisions_[demand].front().cost;
  }

  [[nodiscard]] std::vector<Division> divisions_of(std::size_t demand) const {
    std::vector<std::size_t> able;
    for (std::size_t k = 0; k < p_.kinds.size(); ++k) {
      if (p_.kinds[k].model == p_.demands[demand].model && p_.capacity[demand][k] > 0) able.push_back(k);
    }
    std::vector<Division> ways;
    Division now;
    now.slices.assign(p_.kinds.size(), 0);
    divide(demand, able, 0, p_.slices, now, ways);
    std::stable_sort(ways.begin(), ways.end(), [](const Division& a, const Division& b) {
      return std::tie(a.cost, a.parts) < std::tie(b.cost, b.parts);
    });
    return ways;
  }

  void divide(std::size_t demand, const std::vector<std::size_t>& able, std::size_t from, int left, Division& now,
              std::vector<Division>& ways) const {
    if (left == 0) {
      ways.push_back(now);
      return;
    }
    if (from == able.size()) return;
    const std::size_t kind = able[from];
    const Division before = now;
    for (int part = 0; part <= left; ++part) {
      now.slices[kind] = part;
      now.cost = before.cost + p_.kinds[kind].cost * load_of(demand, kind, part);
      now.parts = before.parts + (part > 0 ? 1 : 0);
      divide(demand, able, from + 1, left - part, now, ways);
    }
    now = before;
  }

  // In replicas.
  [[nodiscard]] double load_of(std::size_t demand, std::size_t kind, int slices) const {
    if (slices == 0) return 0;
    return p_.demands[demand].rate * slices / p_.slices / p_.capacity[demand][kind];
  }

  [[nodiscard]] static int whole(double load) { return static_cast<int>(std::ceil(load - kNothing)); }

  [[nodiscard]] double cost_of_whole() const {
    double cost = 0;
    for (std::size_t k = 0; k < load_.size(); ++k) cost += p_.kinds[k].cost * whole(load_[k]);
    return cost;
  }

  [[nodiscard]] bool is_available() const {
    std::vector<int> used(p_.available.size(), 0);
    for (std::size_t k = 0; k < load_.size(); ++k)
      used[static_cast<std::size_t>(p_.kinds[k].gpu_kind)] += p_.kinds[k].gpus * whole(load_[k]);
    for (std::size_t g = 0; g < used.size(); ++g) {
      if (p_.available[g] >= 0 && used[g] > p_.available[g]) return false;
    }
    return true;
  }

  // `cost`: of all loads placed so far, not rounded up.
  void place(std::size_t next, double cost) {
    if (++nodes_ > kMostNodes) {
      found_.exact = false;
      return;
    }
    // No replicas less than these, and no less than the loads that are left.
    const double bound = std::max(cost_of_whole(), cost + left_[next]);
    const bool enough = found_.plans.size() == how_many_;
    if ((enough && bound > found_.plans.back().cost + kNothing) || !is_available()) return;
    if (next == order_.size()) return keep();
    const std::size_t demand = order_[next];
    for (const Division& way : divisions_[demand]) {
      if (found_.plans.size() == how_many_ && cost + way.cost + left_[next + 1] > found_.plans.back().cost + kNothing)
        break;  // those behind it cost more
      const std::vector<double> before = load_;
      for (std::size_t k = 0; k < load_.size(); ++k) load_[k] += load_of(demand, k, way.slices[k]);
      chosen_[demand] = &way;
      place(next + 1, cost + way.cost);
      load_ = before;
    }
  }

  // A router knows nothing of the plan: whoever it chooses must be able to serve.
  [[nodiscard]] bool is_served_by_all(const PlacementPlan& plan) const {
    const std::vector<int> routers = routers_of(plan.share, p_.kinds.size());
    for (std::size_t d = 0; d < plan.share.size(); ++d) {
      const auto first = std::find_if(plan.share[d].begin(), plan.share[d].end(), [](double x) { return x > 0; });
      const int router = routers[static_cast<std::size_t>(first - plan.share[d].begin())];
      for (std::size_t k = 0; k < routers.size(); ++k) {
        if (routers[k] == router && !(p_.capacity[d][k] > 0)) return false;
      }
    }
    return true;
  }

  void keep() {
    PlacementPlan plan;
    for (std::size_t k = 0; k < load_.size(); ++k) {
      plan.replicas.push_back(whole(load_[k]));
      plan.gpus += p_.kinds[k].gpus * plan.replicas.back();
    }
    plan.cost = cost_of_whole();
    for (const Division* way : chosen_) {
      std::vector<double> share;
      for (const int slices : way->slices) share.push_back(static_cast<double>(slices) / p_.slices);
      plan.share.push_back(std::move(share));
      plan.parts += way->parts;
    }
    if (!is_served_by_all(plan)) return;
    const auto rank = [](const PlacementPlan& x) { return std::tie(x.cost, x.gpus, x.parts); };
    std::vector<PlacementPlan>& plans = found_.plans;
    const auto same = std::find_if(plans.begin(), plans.end(),
                                   [&](const PlacementPlan& other) { return other.replicas == plan.replicas; });
    if (same != plans.end()) {
      if (same->parts > plan.parts) *same = std::move(plan);
    } else {
      plans.push_back(std::move(plan));
    }
    std::stable_sort(plans.begin(), plans.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    if (plans.size() > how_many_) plans.pop_back();
  }

  const PlacementProblem& p_;
  std::size_t how_many_;
  std::vector<std::vector<Division>> divisions_;  // [demand]
  std::vector<std::size_t> order_;                // of the demands
  std::vector<double> left_;                      // [place in the order]: least cost of the demands from there on
  std::vector<double> load_;                      // [kind], in replicas
  std::vector<const Division*> chosen_;           // [demand]
  CheapestPlans found_;
  std::int64_t nodes_ = 0;
};

}  // namespace

std::vector<int> routers_of(const std::vector<std::vector<double>>& share, std::size_t kinds) {
  std::vector<int> routers(kinds, -1);
  for (std::size_t d = 0; d < share.size(); ++d) {
    const auto mine = static_cast<int>(d);
    for (std::size_t k = 0; k < kinds; ++k) {
      if (!(share[d][k] > 0)) continue;
      const int other = routers[k];
      routers[k] = mine;
      if (other >= 0) std::replace(routers.begin(), routers.end(), other, mine);
    }
  }
  return routers;
}

CheapestPlans cheapest_plans(const PlacementProblem& problem, std::size_t how_many) {
  return PlanSearch(problem, std::max<std::size_t>(1, how_many)).run();
}

}  // namespace foretoken
