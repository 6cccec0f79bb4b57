// A run as a page of metrics (OpenMetrics 1.0 text), under the names that vLLM's dashboards ask for.
#pragma once

#include <cstdint>
#include <string>

#include "foretoken/experiment/run.hpp"
#include "metrics/server_metrics.hpp"

namespace foretoken {

[[nodiscard]] ServerMetricsConfig server_metrics_config(const Scenario& scenario, Duration interval);

// With an interval: every sample with its time, `start` in Unix seconds being the run's first instant. Without: the
// counts at the end of the run, and no times.
[[nodiscard]] std::string to_openmetrics(const Scenario& scenario, const ServerMetrics& metrics, std::int64_t start);

}  // namespace foretoken
