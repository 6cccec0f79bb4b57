// What an accuracy study found, for people and for programs (schema foretoken.accuracy/1).
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "measurement/accuracy/accuracy.hpp"
#include "measurement/accuracy/replay.hpp"

namespace foretoken {

[[nodiscard]] Json to_json(const ErrorStatistics& errors);
[[nodiscard]] Json to_json(const KernelAccuracy& accuracy);
[[nodiscard]] std::string to_text(const KernelAccuracy& accuracy, const TextStyle& style = {});
[[nodiscard]] Json to_json(const PointAccuracy& accuracy);
[[nodiscard]] std::string to_text(const PointAccuracy& accuracy, bool by_cell, const TextStyle& style = {});
// As src/experiment/uncertainty/measured_errors.cpp includes it.
[[nodiscard]] std::string to_source(const RunErrorTable& table);
[[nodiscard]] Json to_json(const ReplayAccuracy& accuracy);
[[nodiscard]] std::string to_text(const ReplayAccuracy& accuracy, const TextStyle& style = {});

}  // namespace foretoken
