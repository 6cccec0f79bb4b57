// The power of a device at work (src/cost/README.md, "Power").
#include <algorithm>
#include <iterator>

#include "cost/levels/power_cap.hpp"
#include "foretoken/cost/deployment.hpp"

namespace foretoken {
namespace {

constexpr double kMostOfTdp = 0.98;  // what devices were seen to draw at most

struct MeasuredTerms {
  std::string_view architecture;
  PowerTerms terms;
};
// Fitted to vLLM serving chats on H100 and B200 (ml-energy/leaderboard 0cd52da): 7.2 and 5.5 % off in the median.
// Ampere as Hopper, a guess.
constexpr MeasuredTerms kMeasuredTerms[] = {
    {"Hopper", {.60, .05, 1.2}}, {"Ampere", {.60, .05, 1.2}}, {"Blackwell", {.46, .60, 1.8}}};
constexpr PowerTerms kOtherTerms{.44, .5, 1.6};

}  // namespace

PowerTerms power_terms(const GpuSpec& gpu) {
  const auto* at = std::find_if(std::begin(kMeasuredTerms), std::end(kMeasuredTerms),
                                [&](const MeasuredTerms& m) { return m.architecture == gpu.architecture; });
  return at == std::end(kMeasuredTerms) ? kOtherTerms : at->terms;
}

double working_watts(const PowerTerms& terms, double tdp, double memory, double compute) {
  const double watts =
      tdp * (terms.floor + terms.memory * std::min(1.0, memory) + terms.compute * std::min(1.0, compute));
  return std::min(watts, kMostOfTdp * tdp);
}

// While it works it draws no more than the cap or nearly its TDP.
double mean_watts(const PowerTerms& terms, double tdp, double idle, double cap, const DeviceLoad& load) {
  if (!(load.busy > 0)) return idle;
  const double busy = std::min(1.0, load.busy);
  const double demand = idle + busy * (terms.floor * tdp - idle) +
                        tdp * (terms.memory * std::min(1.0, load.memory) + terms.compute * std::min(1.0, load.compute));
  const double most = cap > 0 ? std::min(cap, kMostOfTdp * tdp) : kMostOfTdp * tdp;
  return std::max(idle, std::min(demand, idle + busy * (most - idle)));
}

// Prefill of a mixture of experts on RTX 3090 at 350 to 100 W (README): its throughput over the share of the power
// above idle that is left. One kind of GPU, so a guess for others.
double clock_under_cap(double cap, double demand, double idle) {
  if (!(cap > 0) || demand <= cap || demand <= idle) return 1;
  constexpr double kPoints[][2] = {{.22, .14}, {.375, .26}, {.53, .60}, {.69, .853}, {.84, .943}, {1, 1}};
  const double x = (cap - idle) / (demand - idle);
  if (x <= kPoints[0][0]) return kPoints[0][1];
  for (std::size_t i = 1; i < std::size(kPoints); ++i) {
    const auto& [left, below] = kPoints[i - 1];
    const auto& [right, above] = kPoints[i];
    if (x <= right) return below + (x - left) / (right - left) * (above - below);
  }
  return 1;
}

double memory_rate_at(double clock) {
  constexpr double kEnough = .75;  // a guess
  return clock >= kEnough ? 1 : clock / kEnough;
}

}  // namespace foretoken
