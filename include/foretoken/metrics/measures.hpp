// What was measured in one run: sums and distributions from which every figure of
// the summary is computed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "foretoken/base/statistics.hpp"
#include "foretoken/metrics/conventions.hpp"
#include "foretoken/serving/simulation.hpp"

namespace foretoken {

// Arrival a, first scheduled s, first token f, finish c, N output tokens; completed requests only.
struct LatencyDistributions {
  Distribution ttft;                 // f - a
  std::array<Distribution, 2> tpot;  // by TpotConvention; requests with N > 1
  Distribution e2el;                 // c - a
  Distribution queue_time;           // s - a
  void merge(const LatencyDistributions& other);
};

// A set of requests: all of them, those of the steady state, or those of one class.
struct Measures {
  LatencyDistributions latency;
  std::int64_t completed = 0;
  std::int64_t rejected = 0;
  std::int64_t timed_out = 0;
  std::int64_t unfinished = 0;
  std::int64_t input_tokens = 0;  // of completed requests, as the next three
  std::int64_t output_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t preemptions = 0;
  FineTotal client_wait{};  // ns, of all requests: waited for a max_concurrency seat
  // Completed requests within every goodput limit of their class, by TPOT convention.
  std::array<std::int64_t, 2> good{};
  std::array<std::int64_t, 2> good_output_tokens{};
  // Requests for which limits were given, whatever became of them.
  std::int64_t limited = 0;
  TimePoint first_arrival = TimePoint::max();
  TimePoint last_arrival = TimePoint::min();
  TimePoint last_finish = TimePoint::min();

  [[nodiscard]] std::int64_t failed() const { return rejected + timed_out + unfinished; }
  [[nodiscard]] std::int64_t offered() const { return completed + failed(); }
  void merge(const Measures& other);
};

struct ClassMeasures {
  std::string name;
  Measures measures;
};

// Rates within the steady window, counted on the clock and not by request.
struct WindowRates {
  double seconds = 0;
  double completed = 0;
  double input_tokens = 0;   // of requests that completed in the window
  double output_tokens = 0;  // emitted in the window
};

struct RunMeasures {
  Measures all;
  Measures steady;                                        // without the first and last part of the requests
  std::vector<ClassMeasures> classes;                     // empty when the workload has no named classes
  std::optional<WindowRates> window;                      // of `steady`; empty when it is too short to count in
  Distribution itl;                                       // gaps between tokens, pooled over all requests
  Distribution steady_itl;                                // of steps that end in a window that was opened on the clock
  std::array<FineTotal, kAttributionParts> ttft_parts{};  // ns, summed over completed requests
  std::array<FineTotal, kAttributionParts> e2e_parts{};
  double max_output_tokens_per_s = 0;        // busiest second; NaN when the run is too long for 1 s buckets
  std::int64_t max_concurrent_requests = 0;  // most in the system at once
  ReplicaTotals engine;                      // summed over replicas; peaks are maxima
  int replicas = 0;
  TimePoint end = TimePoint::min();  // of the last event: a step may end after the last completion
  bool interrupted = false;

  // First send to last completion, in seconds; 0 when nothing completed.
  [[nodiscard]] double duration() const;
  // First send to the end of the last step: what shares of the engine's time are of.
  [[nodiscard]] double engine_duration() const;
};

// Sums, and maxima of the peaks.
[[nodiscard]] ReplicaTotals sum_of(const std::vector<ReplicaTotals>& replicas);

}  // namespace foretoken
