// Which change shortens the latency of the requests that were asked about: shown by running it.
#pragma once

#include "study/requests/slow_requests.hpp"

namespace foretoken {

// Fills tried, knob and advice of an explanation whose cause is known. Changes of settings first; where none helps,
// more or other hardware, then less load. Errors: a workload that cannot be read.
[[nodiscard]] Diagnostics try_knobs(RequestExplanation& explanation, const Question& question,
                                    const RunOptions& options);

// In nanoseconds; empty for a request that has none.
[[nodiscard]] std::optional<std::int64_t> latency_of(const RequestRecord& record, RequestMetric metric,
                                                     TpotConvention convention);
// Place of a quantile among `count` in order, from 1: the nearest rank.
[[nodiscard]] std::size_t nearest_rank(double q, std::size_t count);

}  // namespace foretoken
