// How often studies of queues with exact answers are right: their intervals, and their verdicts.
#pragma once

#include <array>
#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "support/queue_scenarios.hpp"

namespace foretoken::test {

// The length of a study is the study's matter: what the scenario says changes from seed to seed.
inline constexpr std::array<std::int64_t, 4> kNumPrompts = {200, 1'000, 10'000, 100'000};

// One figure of one queue at one load.
struct Coverage {
  std::string queue, metric;
  double load = 0, truth_ms = 0;
  int studies = 0;
  int holds = 0;        // the 95 % interval holds the truth
  int below = 0;        // it lies below
  int unsettled = 0;    // the study gave no figure
  double bias = 0;      // mean of estimate / truth - 1
  double width = 0;     // mean half-width / truth
  double requests = 0;  // a study
  [[nodiscard]] int decided() const { return studies - unsettled; }
  [[nodiscard]] double share() const { return static_cast<double>(holds) / decided(); }
};

// Intervals of the mean, p95 and p99 wait at the first look, by as many seeds. Percentiles at which nobody waits are
// left out.
[[nodiscard]] std::vector<Coverage> coverage_of(QueueKind kind, double load, int seeds, std::uint64_t first_seed);
void print_table(std::ostream& out, const std::vector<Coverage>& rows);

// Objectives whose limit is so far from the truth, judged to the end.
struct Judgements {
  std::string queue, metric;
  double load = 0, distance = 0;  // limit / truth - 1
  int studies = 0;
  int wrong = 0;
  int not_decided = 0;
  double requests = 0;  // a study
};
// One study judges all the metrics with limits at all these distances.
[[nodiscard]] std::vector<Judgements> judgements_of(QueueKind kind, double load, std::span<const double> distances,
                                                    int seeds, std::uint64_t first_seed, std::int64_t max_requests);
void print_table(std::ostream& out, const std::vector<Judgements>& rows);

}  // namespace foretoken::test
