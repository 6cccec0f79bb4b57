// What a picture shows beside the figures of a result document: distributions, the run over time, single requests.
#pragma once

#include <string>

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/run.hpp"
#include "metrics/run_series.hpp"

namespace foretoken {

// Adds `curves` (of the latencies), `timeseries` and `requests` (of the first replication), and to the document of
// another question the figures of the run as well.
void add_series(Json& document, const RunResult& run, const RunSeries& series);
// Adds `explanation`: the document of `foretoken explain --format json`, without its fields.
void add_explanation(Json& document, const Explanation& explanation);

}  // namespace foretoken
