// Results for people: plain text in columns, UTF-8, colour only when asked.
#pragma once

#include <string>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/run.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/text_style.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const RunResult& result, const TextStyle& style = {});
[[nodiscard]] std::string to_text(const SweepResult& result, const TextStyle& style = {});
[[nodiscard]] std::string to_text(const Explanation& explanation, const TextStyle& style = {});

}  // namespace foretoken
