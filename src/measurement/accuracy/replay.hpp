// A recorded engine run simulated with its own arrivals, lengths and arguments.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "measurement/accuracy/accuracy.hpp"

namespace foretoken {

enum class ReplayMetric { ttft, tpot, e2e };
inline constexpr std::size_t kReplayMetrics = 3;
[[nodiscard]] std::string_view to_string(ReplayMetric metric);  // ttft_ms ...

// Milliseconds; TPOT divides by N - 1 and does not exist for one token (NaN).
using RequestTimes = std::array<double, kReplayMetrics>;

struct ReplayRequest {
  std::string id;
  double arrival_seconds = 0;  // since the first arrival
  RequestTimes measured{};
  RequestTimes predicted{};
};
struct ReplayDistribution {
  ReplayMetric metric = ReplayMetric::ttft;
  struct Line {
    std::string statistic;  // mean, p50, p90, p99
    double measured = 0;
    double predicted = 0;
  };
  std::vector<Line> lines;
  ErrorStatistics per_request;
};

// One count over time, at the seconds of the recording.
struct ReplaySeries {
  std::string name;  // running, waiting, kv_cache_pct
  std::vector<double> measured;
  std::vector<double> predicted;
  double mean_measured = 0;
  double mean_predicted = 0;
  double mean_distance = 0;  // of the two at the same second
};

struct ReplayAccuracy {
  std::string path;
  std::string deployment;                 // in words
  double clock_offset_seconds = 0;        // engine clock - client clock
  std::vector<std::string> not_modelled;  // arguments of the run that the simulation ignores
  std::vector<ReplayRequest> requests;    // by arrival
  std::vector<ReplayDistribution> distributions;
  std::vector<double> seconds;       // of the series
  std::vector<ReplaySeries> series;  // KV only where the recording has it
};

// `folder` holds meta.json, requests.jsonl and timeseries.csv. `gpu` names the accelerator;
// empty = what the folder's name begins with. Errors: files that cannot be read, time stamps
// out of order, arguments that make no scenario.
[[nodiscard]] Result<ReplayAccuracy> compare_replay(const std::string& folder, const std::string& gpu,
                                                    const AccuracyOptions& options = {});

}  // namespace foretoken
