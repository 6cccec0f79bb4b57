// Tables of a sweep, and of its points before they are run: as text, JSON and CSV.
#pragma once

#include <string>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "persistence/sweep_store.hpp"

namespace foretoken {

[[nodiscard]] SweepHead sweep_head(const Scenario& base);
[[nodiscard]] SweepTable sweep_table(const SweepResult& result);

[[nodiscard]] std::string to_text(const SweepTable& sweep, const TextStyle& style = {});
// Schema foretoken.sweep/1.
[[nodiscard]] Json to_json(const SweepTable& sweep);
// One row per point: axes, status, reason, every key of the summaries, objectives, bounds.
[[nodiscard]] std::string to_csv(const SweepTable& sweep);

// ---- the points before they are run: `skipped` ones can run ----
struct SweepPart {
  std::size_t index = 0;
  std::size_t count = 1;
};
[[nodiscard]] std::string plan_text(const SweepTable& sweep, const SweepPart& part, const TextStyle& style = {});
// Schema foretoken.sweep_plan/1.
[[nodiscard]] Json plan_json(const SweepTable& sweep, const SweepPart& part);
[[nodiscard]] std::string plan_csv(const SweepTable& sweep, const SweepPart& part);

}  // namespace foretoken
