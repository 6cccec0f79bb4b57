// The cause of a latency in a sentence.
#pragma once

#include "study/requests/slow_requests.hpp"

namespace foretoken {

// Fills cause, sentence and more_with_seats of an explanation whose times are there.
void say_bottleneck(RequestExplanation& explanation);

// TTFT, TPOT, E2E latency.
[[nodiscard]] std::string_view in_words(RequestMetric metric);

}  // namespace foretoken
