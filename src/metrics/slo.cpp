// Reader and judge of one-line objectives.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/csv.hpp"
#include "foretoken/base/units.hpp"
#include "foretoken/metrics/summary.hpp"

namespace foretoken {
namespace {

std::string_view trimmed(std::string_view s) {
  const auto begin = s.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return s.substr(begin, s.find_last_not_of(" \t") - begin + 1);
}

struct Operator {
  std::string_view text;
  Comparison comparison;
};
// Longer spellings first.
constexpr Operator kOperators[] = {{"<=", Comparison::at_most}, {">=", Comparison::at_least},
                                   {"≤", Comparison::at_most},  {"≥", Comparison::at_least},
                                   {"<", Comparison::below},    {">", Comparison::above}};

// Words that people use for a key of the summary.
std::string_view plain_alias(std::string_view name) {
  if (name == "tps") return "output_throughput";
  if (name == "rps") return "request_throughput";
  if (name == "goodput") return "request_goodput";
  return name;
}

std::string resolve_metric(std::string_view name) {
  if (std::string key = canonical_metric(plain_alias(name)); !key.empty()) return key;
  // e2e and latency for e2el: p99_e2e, p99_e2e_ms.
  std::string spelled(name);
  const bool ms = spelled.ends_with("_ms");
  if (ms) spelled.resize(spelled.size() - 3);
  if (spelled.ends_with("_e2e")) spelled += "l";
  return canonical_metric(spelled);
}

// What is counted request by request, and so of each class too.
bool is_of_requests(std::string_view key) {
  if (key == "slo_attainment") return true;
  if (!key.ends_with("_ms")) return false;
  return std::any_of(latency_metrics().begin(), latency_metrics().end(), [&](const LatencyMetric& m) {
    return m.per_request && key.substr(0, key.size() - 3).ends_with(m.name);
  });
}

// The metric of `name`, which may name a class behind it; empty when it is none, and `problem` may say why.
std::string resolve_metric_of_class(std::string_view name, std::string& problem) {
  const MetricName parts = split_metric(name);
  const std::string key = resolve_metric(trimmed(parts.key));
  if (key.empty() || parts.request_class.empty()) return key;
  if (is_of_requests(key)) return fmt::format("{} of {}", key, trimmed(parts.request_class));
  problem = fmt::format(
      "{} is not counted by class; of a class are known latencies (of ttft, tpot, e2el, queue_time) and slo_attainment",
      key);
  return {};
}

std::string unknown_metric(std::string_view name, std::string_view key) {
  return fmt::format(
      "unknown metric '{}' in {}; allowed are mean, median, std, min, max or a percentile (p50, p99, "
      "p99.9) of ttft, tpot, itl, e2el and queue_time, and the plain keys of the summary such as "
      "output_throughput, request_throughput, request_goodput, slo_attainment",
      name, key);
}

std::string did_you_mean(std::string_view name) {
  std::vector<std::string> candidates = metric_names();
  const std::size_t whole = candidates.size();
  for (std::size_t i = 0; i < whole; ++i) {
    if (candidates[i].ends_with("_ms")) candidates.push_back(candidates[i].substr(0, candidates[i].size() - 3));
  }
  const std::string close = closest_match(name, candidates);
  return close.empty() ? std::string() : fmt::format("did you mean '{}'?", close);
}

bool has_plain_unit(std::string_view given, std::string_view key_unit) {
  if (key_unit == "tok/s") return given == "tok/s" || given == "tokens/s" || given == "token/s";
  if (key_unit == "req/s") return given == "req/s" || given == "requests/s" || given == "request/s";
  return !given.empty() && given == key_unit;
}

struct Limit {
  double value = 0;
  std::string problem;  // empty = fine
};

// A time names its unit unless the key does; a share may be in percent.
Limit parse_limit(std::string_view text, std::string_view name, std::string_view key) {
  const std::string_view unit = metric_unit(key);
  const bool time = unit == "ms" || unit == "s";
  double number = 0;
  if (parse_number(text, number)) {
    if (time && !name.ends_with("_ms") && name != key) {
      return {0, fmt::format("limit '{}' of {} has no unit; write '{} ms' or '{} s'", text, name, text, text)};
    }
    return {number, {}};
  }
  if (time) {
    const Result<double> seconds = parse_quantity(text, Dimension::time);
    if (!seconds) {
      return {0, fmt::format("limit '{}' of {} is not a time; allowed units: {}", text, name,
                             allowed_units(Dimension::time))};
    }
    return {unit == "ms" ? *seconds * 1e3 : *seconds, {}};
  }
  const auto digits_end = text.find_last_of("0123456789.");
  const std::string_view digits =
      digits_end == std::string_view::npos ? std::string_view{} : text.substr(0, digits_end + 1);
  const std::string_view suffix = trimmed(text.substr(digits.size()));
  if (parse_number(digits, number)) {
    if (suffix == "%" && unit.empty()) return {number / 100, {}};
    if (has_plain_unit(suffix, unit)) return {number, {}};
  }
  const std::string allowed = unit.empty() ? "a plain number (or a share in %)" : fmt::format("a number in {}", unit);
  return {0, fmt::format("limit '{}' of {} is not {}", text, name, allowed)};
}

}  // namespace

Result<SloLine> parse_slo_line(const std::string& text, const SourceLocation& where) {
  Diagnostics problems;
  const auto fail = [&](std::string message, std::string hint) -> Result<SloLine> {
    problems.error(where, std::move(message), std::move(hint));
    return problems;
  };
  const std::string_view line = trimmed(text);
  const auto at = std::min({line.find_first_of("<>=!"), line.find("≤"), line.find("≥")});
  const std::string_view rest = at == std::string_view::npos ? std::string_view{} : line.substr(at);
  const Operator* op = nullptr;
  for (const Operator& candidate : kOperators) {
    if (op == nullptr && rest.starts_with(candidate.text)) op = &candidate;
  }
  if (op == nullptr) {
    return fail(fmt::format("'{}' is not a comparison; allowed are <=, <, >= and >", text),
                "write one comparison a line, such as p99_ttft <= 500 ms");
  }
  const std::string_view name = trimmed(line.substr(0, at));
  const std::string_view limit_text = trimmed(rest.substr(op->text.size()));
  std::string not_of_class;
  SloLine slo{text, resolve_metric_of_class(name, not_of_class), op->comparison, 0};
  if (!not_of_class.empty())
    problems.error(where, not_of_class, {});
  else if (slo.metric.empty())
    problems.error(where, unknown_metric(split_metric(name).key, "slo"), did_you_mean(split_metric(name).key));
  if (limit_text.empty()) {
    problems.error(where, fmt::format("'{}' has no limit", text), "such as p99_ttft <= 500 ms");
  } else if (!slo.metric.empty()) {
    const Limit limit = parse_limit(limit_text, split_metric(name).key, split_metric(slo.metric).key);
    slo.limit = limit.value;
    if (!limit.problem.empty()) {
      problems.error(where, limit.problem, {});
    } else if (slo.limit < 0) {
      problems.error(where, fmt::format("limit '{}' of {} is negative", limit_text, name), {});
    }
  }
  if (problems.has_errors()) return problems;
  return slo;
}

Result<PrecisionGoal> parse_precision_goal(const std::string& text, const SourceLocation& where) {
  constexpr std::string_view kExample = "such as p99_ttft +- 3 %";
  Diagnostics problems;
  const std::string_view line = trimmed(text);
  std::size_t at = std::string_view::npos, length = 0;
  for (const std::string_view sign : {"+-", "+/-", "±"}) {
    if (const auto found = line.find(sign); found != std::string_view::npos && found < at) {
      at = found;
      length = sign.size();
    }
  }
  if (at == std::string_view::npos) {
    problems.error(where, fmt::format("'{}' is not a precision; write a metric, +- or ±, and a share in %", text),
                   std::string(kExample));
    return problems;
  }
  const std::string_view name = trimmed(line.substr(0, at));
  std::string_view share = trimmed(line.substr(at + length));
  std::string not_of_class;
  PrecisionGoal goal{text, resolve_metric_of_class(name, not_of_class), 0};
  if (!not_of_class.empty())
    problems.error(where, not_of_class, {});
  else if (goal.metric.empty())
    problems.error(where, unknown_metric(split_metric(name).key, "study.until"), did_you_mean(split_metric(name).key));
  const bool in_percent = share.ends_with("%");
  if (in_percent) share = trimmed(share.substr(0, share.size() - 1));
  double percent = 0;
  if (!in_percent || !parse_number(share, percent) || !(percent >= 0.01 && percent <= 100)) {
    problems.error(where, fmt::format("the precision of '{}' must be from 0.01 % to 100 %", text),
                   std::string(kExample));
  }
  goal.share = percent / 100;
  if (problems.has_errors()) return problems;
  return goal;
}

SloVerdict judge(const SloLine& line, double value) {
  SloVerdict verdict{line, value, false, std::numeric_limits<double>::quiet_NaN()};
  const bool upper = is_upper_limit(line.comparison);
  if (line.limit > 0 && !std::isnan(value))
    verdict.margin = (upper ? line.limit - value : value - line.limit) / line.limit;
  switch (line.comparison) {
    case Comparison::at_most:
      verdict.ok = value <= line.limit;
      break;
    case Comparison::below:
      verdict.ok = value < line.limit;
      break;
    case Comparison::at_least:
      verdict.ok = value >= line.limit;
      break;
    case Comparison::above:
      verdict.ok = value > line.limit;
      break;
  }
  return verdict;
}

std::string_view to_string(Comparison comparison) {
  switch (comparison) {
    case Comparison::at_most:
      return "<=";
    case Comparison::below:
      return "<";
    case Comparison::at_least:
      return ">=";
    case Comparison::above:
      return ">";
  }
  return "?";
}

}  // namespace foretoken
