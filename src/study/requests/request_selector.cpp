// Names of requests: p99, p95..p99, worst, violators, 17.
#include <fmt/format.h>

#include <cmath>

#include "base/csv.hpp"
#include "study/requests/slow_requests.hpp"

namespace foretoken {
namespace {

// p99 -> 0.99; nothing for other words.
std::optional<double> quantile_of(std::string_view text) {
  if (text == "median") return 0.5;
  if (text == "worst" || text == "max") return 1;
  if (text == "best" || text == "min") return 0;
  double percent = 0;
  if (!text.starts_with("p") || !parse_number(text.substr(1), percent)) return std::nullopt;
  return percent >= 0 && percent <= 100 ? std::optional(percent / 100) : std::nullopt;
}

}  // namespace

std::string_view to_string(RequestMetric metric) {
  switch (metric) {
    case RequestMetric::ttft:
      return "ttft";
    case RequestMetric::tpot:
      return "tpot";
    case RequestMetric::e2el:
      return "e2el";
  }
  return "unknown";
}

Result<RequestSelector> parse_request_selector(const std::string& text) {
  RequestSelector selector;
  selector.text = text;
  Diagnostics problems;
  const auto refuse = [&](std::string why) {
    problems.error({"--request", 0, 0}, std::move(why),
                   "p99, p50, worst, best, a band p95..p99, violators, or the index of a request (17)");
    return problems;
  };
  if (text == "violators") {
    selector.kind = RequestSelector::Kind::violators;
    return selector;
  }
  if (const auto dots = text.find(".."); dots != std::string::npos) {
    const auto low = quantile_of(text.substr(0, dots)), high = quantile_of(text.substr(dots + 2));
    if (!low || !high) return refuse(fmt::format("'{}' is no band of percentiles", text));
    if (!(*low < *high)) return refuse(fmt::format("the band '{}' does not rise", text));
    selector.kind = RequestSelector::Kind::band;
    selector.low = *low;
    selector.high = *high;
    return selector;
  }
  if (const auto quantile = quantile_of(text)) {
    selector.high = *quantile;
    return selector;
  }
  double id = 0;
  constexpr double kExactIntegers = 9e15;
  if (!parse_number(text, id) || id != std::floor(id) || id < 0 || id > kExactIntegers)
    return refuse(fmt::format("'{}' names no request", text));
  selector.kind = RequestSelector::Kind::id;
  selector.id = static_cast<std::int64_t>(id);
  return selector;
}

}  // namespace foretoken
