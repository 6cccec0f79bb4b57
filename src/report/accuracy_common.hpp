// Pieces that the reports of all accuracy studies share.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "foretoken/base/json.hpp"
#include "foretoken/report/report.hpp"
#include "measurement/accuracy/accuracy.hpp"

namespace foretoken {

// Header and cells of one line of statistics: rows, median, p90, bias, worst.
[[nodiscard]] std::vector<std::string> error_titles();
[[nodiscard]] std::vector<std::string> error_cells(const ErrorStatistics& errors);
inline constexpr const char* kErrorAlignments = "rrrrrrl";
inline constexpr const char* kErrorImportance = "5400123";
[[nodiscard]] std::string signed_percent(double percent);

[[nodiscard]] Json accuracy_head(const char* kind, const std::string& path);

// Reasons with how many rows each has, the most frequent first.
class SkippedRows {
 public:
  void add(const std::string& reason) { ++reasons_[reason]; }
  [[nodiscard]] std::int64_t total() const;
  [[nodiscard]] std::string text(const TextStyle& style) const;
  [[nodiscard]] Json json() const;

 private:
  [[nodiscard]] std::vector<std::pair<std::string, std::int64_t>> ordered() const;
  std::map<std::string, std::int64_t> reasons_;
};

}  // namespace foretoken
