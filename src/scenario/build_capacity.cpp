// The questions of capacity and of promises: what to raise, how closely, how fast the load grows, which lengths.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/csv.hpp"
#include "scenario/build.hpp"

namespace foretoken {
namespace {

struct Period {
  std::string_view name;
  double days;
};
// The Gregorian mean year of 365.2425 days is 365.25 to four digits; a month is a twelfth of it.
constexpr double kYear = 365.25;
constexpr Period kPeriods[] = {{"day", 1}, {"week", 7}, {"month", kYear / 12}, {"quarter", kYear / 4}, {"year", kYear}};

// Beyond these nothing is a plan any more.
constexpr double kMostPercent = 10'000;
constexpr double kLeastPercent = -100;

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Rising and each once, whatever the order in the file.
std::vector<std::int64_t> read_token_counts(Resolver& values, const std::string& path) {
  std::vector<std::int64_t> counts;
  for (const double tokens : values.numbers(path)) {
    if (tokens != std::floor(tokens)) {
      values.error(path, fmt::format("'{}' are numbers of tokens; got {}", path, tokens));
      return {};
    }
    counts.push_back(static_cast<std::int64_t>(tokens));
  }
  constexpr std::size_t kMost = 32;
  if (counts.size() > kMost) values.error(path, fmt::format("'{}' has more than {} lengths", path, kMost));
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

constexpr std::int64_t kMostGpus = 1'000'000;

// `h100_sxm: 8`
void read_stock(Resolver& values, const Catalog& catalog, const YamlNode::Entry& entry, Scenario& s) {
  const Result<GpuSpec> gpu = catalog.gpu(entry.key);
  if (!gpu) {
    const Diagnostics found = gpu.error();
    for (const Diagnostic& d : found.items()) values.error_at(entry.where, d.message, d.hint);
    return;
  }
  double count = 0;
  const bool number = plain_number(entry.value, count);
  if (!number || count != std::floor(count) || count < 0 || count > static_cast<double>(kMostGpus)) {
    values.error_at(entry.value.where, fmt::format("'{}' is no number of GPUs; whole numbers from 0 to {} are allowed",
                                                   entry.value.text, kMostGpus));
    return;
  }
  const auto same = [&](const GpuStock& other) { return other.gpu == gpu->id; };
  if (std::any_of(s.available.begin(), s.available.end(), same))
    values.error_at(entry.where,
                    fmt::format("'{}' is another name of {}, whose number is there already", entry.key, gpu->id));
  s.available.push_back({gpu->id, static_cast<int>(count)});
}

}  // namespace

void build_placement(Resolver& values, const Catalog& catalog, Scenario& s) {
  const YamlNode* node = values.node("placement.available");
  if (node == nullptr || node->kind == YamlNode::Kind::null) return;
  values.record_given("placement.available");
  if (node->kind != YamlNode::Kind::map || node->entries.empty()) {
    values.error("placement.available", "'placement.available' must be a map from GPU to number",
                 "available: {h100_sxm: 8, l4: 16}");
    return;
  }
  for (const YamlNode::Entry& entry : node->entries) read_stock(values, catalog, entry, s);
}

std::string_view to_string(LoadVariable variable) {
  switch (variable) {
    case LoadVariable::request_rate:
      return "request_rate";
    case LoadVariable::max_concurrency:
      return "max_concurrency";
    case LoadVariable::users:
      return "users";
  }
  return "unknown";
}

Result<GrowthRate> parse_growth(const std::string& text, const SourceLocation& where) {
  Diagnostics problems;
  const auto slash = text.find('/');
  std::string_view share = without_blanks(std::string_view(text).substr(0, slash));
  const std::string_view unit =
      slash == std::string::npos ? std::string_view{} : without_blanks(std::string_view(text).substr(slash + 1));
  const bool in_percent = share.ends_with("%");
  if (in_percent) share = without_blanks(share.substr(0, share.size() - 1));
  double percent = 0;
  if (!in_percent || slash == std::string::npos || !parse_number(share, percent)) {
    problems.error(where, fmt::format("'{}' is not a growth rate: write a share in % per period", text),
                   "such as 5 %/month");
    return problems;
  }
  if (!(percent > kLeastPercent && percent <= kMostPercent)) {
    problems.error(where, fmt::format("a growth of {} % is not possible; above {} to {} are allowed", share,
                                      kLeastPercent, kMostPercent));
    return problems;
  }
  for (const Period& period : kPeriods) {
    if (unit == period.name) return GrowthRate{percent / 100, period.days, text};
  }
  problems.error(where, fmt::format("'{}' is no period; allowed are day, week, month, quarter, year", unit));
  return problems;
}

void build_capacity(Resolver& values, Scenario& s) {
  s.capacity.precision = values.number("capacity.precision");
  s.promise.precision = values.number("promise.precision");
  s.promise.input_len = read_token_counts(values, "promise.input_len");
  s.promise.output_len = read_token_counts(values, "promise.output_len");
  if (const auto variable = values.maybe_text("capacity.variable")) {
    for (const LoadVariable v : {LoadVariable::request_rate, LoadVariable::max_concurrency, LoadVariable::users}) {
      if (*variable == to_string(v)) s.capacity.variable = v;
    }
  }
  const auto growth = values.maybe_text("capacity.growth");
  if (!growth) return;
  const YamlNode* node = values.node("capacity.growth");
  const Result<GrowthRate> rate = parse_growth(*growth, node->where);
  if (rate) {
    s.capacity.growth = *rate;
    return;
  }
  const Diagnostics found = rate.error();
  for (const Diagnostic& d : found.items()) values.error_at(node->where, d.message, d.hint);
}

}  // namespace foretoken
