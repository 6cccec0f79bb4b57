// Does more come than goes while requests arrive? One run's answer, in words.
#pragma once

#include <string>

#include "foretoken/scenario/scenario.hpp"
#include "metrics/backlog.hpp"

namespace foretoken {

// Loads that could go on for ever and that nothing holds back: only they can be too much.
[[nodiscard]] bool may_overload(const Scenario& scenario);

// Empty when the number in the system settles, or when the run is too short to tell.
[[nodiscard]] std::string overload_sentence(const BacklogSeries& backlog);

// A load that could be carried, but that is not any more: retries, or work for nobody, keep the service from answering.
// Empty where it answers, or could not anyway.
[[nodiscard]] std::string metastable_sentence(const ClientTotals& clients);

}  // namespace foretoken
