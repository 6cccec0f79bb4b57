// A sweep as it is stored: without the scenario it came from, so that files of several processes
// can be put together.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/sweep.hpp"

namespace foretoken {

// What the reports say of the base scenario.
struct SweepHead {
  std::string name;
  std::string description;
  std::string deployment;  // in words
  std::string version;     // of foretoken
  std::string scenario_sha256;
  std::uint64_t seed = 0;
  Json config;
  Json origins;
  std::vector<std::string> slo;  // as written
  TpotConvention tpot = TpotConvention::per_output_token;
};

struct SweepTable {
  SweepHead head;
  std::vector<SweepAxis> axes;
  std::vector<SweepPoint> points;
  std::vector<SweepFrontier> frontiers;
  bool interrupted = false;
};

// ---- stored points: one line of JSON each, checked, exact to the last bit ----

// What the points of a file belong to. Files of one sweep differ in the part alone.
struct SweepIdentity {
  std::string question_sha256;
  std::string version;
  std::uint64_t seed = 0;
  std::size_t part_index = 0;
  std::size_t part_count = 1;
  bool operator==(const SweepIdentity&) const = default;
};

struct SweepFileHead {
  SweepIdentity identity;
  SweepHead head;
  std::vector<SweepAxis> axes;
};

// Lines end with a line break.
[[nodiscard]] std::string head_line(const SweepFileHead& head);
[[nodiscard]] std::string point_line(std::size_t index, const SweepPoint& point);

// Errors: damaged, cut off, of another kind. `where` names the line.
[[nodiscard]] Result<SweepFileHead> parse_head_line(std::string_view line, const SourceLocation& where);
struct StoredPoint {
  std::size_t index = 0;
  SweepPoint point;
};
[[nodiscard]] Result<StoredPoint> parse_point_line(std::string_view line, const SweepFileHead& head,
                                                   const SourceLocation& where);

// The files of all parts put together, in any order. Errors, all at once: a part that is missing, given
// twice or cut short, points that are damaged, files of another scenario, seed or version.
[[nodiscard]] Result<SweepTable> merge_sweeps(const std::vector<std::string>& paths);

}  // namespace foretoken
