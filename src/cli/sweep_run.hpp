// A sweep from its question to its output, for every command that has one.
#pragma once

#include <optional>
#include <string>

#include "cli/options.hpp"
#include "cli/pictures.hpp"
#include "cli/shard.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "report/sweep_report.hpp"
#include "study/front/sweep_front.hpp"

namespace foretoken {

class PointRanks;

struct SweepRun {
  SweepQuestion question;
  OutputOptions output;
  SweepOptions options;
  std::string journal;         // empty = none
  std::optional<Shard> shard;  // the output is then the points of this part, as lines
  PointRanks* ranks = nullptr;
  std::string vllm_folder;          // also as `vllm bench sweep serve` leaves it; empty = not
  std::optional<SweepFront> front;  // its two figures; the points are found at the end
};

// The exit code. Says what is wrong.
[[nodiscard]] int run_and_deliver(SweepRun sweep);
// Prints the points and whether each is a scenario that fits.
[[nodiscard]] int deliver_plan(SweepRun sweep);

// The output format that the user asked for.
[[nodiscard]] std::string render(const SweepTable& table, const OutputOptions& output,
                                 std::optional<SweepFront> front = std::nullopt);
// The same for pictures.
[[nodiscard]] Pictured pictured_sweep(const SweepTable& table, std::optional<SweepFront> front);
// 0, or 3 when nothing fits.
[[nodiscard]] bool any_fits(const std::vector<SweepPoint>& points);

}  // namespace foretoken
