// Formatting for people.
#include "report/common.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace foretoken {

std::string_view tpot_definition(TpotConvention convention) {
  return convention == TpotConvention::vllm ? "(finish - first token) / (N - 1), as vllm bench serve"
                                            : "(finish - first token) / N, so that E2E = TTFT + TPOT x N";
}

std::string_view to_string(Origin origin) {
  switch (origin) {
    case Origin::default_value:
      return "default";
    case Origin::engine_default:
      return "engine default";
    case Origin::model:
      return "model";
    case Origin::gpu:
      return "gpu";
    case Origin::derived:
      return "derived";
    case Origin::file:
      return "file";
    case Origin::command_line:
      return "command line";
  }
  return "unknown";
}

std::string_view to_string(CostLevel level) {
  switch (level) {
    case CostLevel::datasheet:
      return "datasheet";
    case CostLevel::roofline:
      return "roofline";
    case CostLevel::calibrated:
      return "calibrated";
    case CostLevel::affine:
      return "affine";
  }
  return "unknown";
}

namespace {

std::string load_clause(const Scenario& s) {
  return s.load_factor == 1 ? "" : fmt::format(", load x {:g}", s.load_factor);
}

std::string split_of(const Parallelism& p, int replicas) {
  std::string split;
  const auto add = [&](const char* name, int n) {
    if (n > 1) split += fmt::format("{}{} {}", split.empty() ? "" : ", ", name, n);
  };
  add("TP", p.tensor);
  add("PP", p.pipeline);
  add("DP", p.data);
  add("replicas", replicas);
  return split.empty() ? split : fmt::format(" ({})", split);
}

// Llama-3.1-70B: prefill on 2 x h100_sxm (replicas 2), decode on 4 x h200 (TP 4), vllm-v1 0.19.
std::string pools_line(const Scenario& s) {
  const bool several = has_several_models(s);
  std::string text = several                                   ? "several models"
                     : s.deployment.level == CostLevel::affine ? "affine step times"
                                                               : s.deployment.model.id;
  std::string engines;
  for (const PoolPlan& pool : s.pools) {
    const bool affine = pool.deployment.level == CostLevel::affine;
    const std::string served = several ? fmt::format(" ({})", pool.served_model_name) : "";
    text += fmt::format("{} {}{} on {} x {}{}", &pool == &s.pools.front() ? ":" : ",", pool.name, served, pool.num_gpus,
                        affine ? "no hardware" : pool.deployment.gpu.id,
                        split_of(pool.deployment.parallelism, pool.cluster.replicas));
    const std::string engine = fmt::format("{} {}", pool.engine.name, pool.engine.version);
    if (engines.find(engine) == std::string::npos) engines += (engines.empty() ? "" : " and ") + engine;
  }
  return fmt::format("{}, {}{}", text, engines, load_clause(s));
}

}  // namespace

std::string deployment_line(const Scenario& s) {
  if (!s.pools.empty()) return pools_line(s);
  const Deployment& d = s.deployment;
  const std::string engine = fmt::format("{} {}", s.engine.name, s.engine.version);
  if (d.level == CostLevel::affine) return fmt::format("{}, affine step times{}", engine, load_clause(s));
  return fmt::format("{} on {} x {}{}, {}{}", d.model.id, s.num_gpus, d.gpu.id,
                     split_of(d.parallelism, replicas_in_all(s)), engine, load_clause(s));
}

std::string spare_clause(const Scenario& s) {
  return s.replicas_down > 0 ? fmt::format(" with {} of {} replicas down", s.replicas_down, replicas_in_all(s)) : "";
}

std::string readable(std::int64_t value) {
  std::string digits = fmt::format("{}", value < 0 ? -value : value);
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<std::size_t>(i), 1, ',');
  if (value < 0) digits.insert(0, 1, '-');
  return digits;
}

std::string readable(double value) {
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const double size = std::abs(value);
  if (size >= 1e15) return fmt::format("{:.4g}", value);
  if (size >= 999.95) return readable(static_cast<std::int64_t>(std::llround(value)));
  if (size >= 99.995) return fmt::format("{:.1f}", value);
  if (size >= 0.9995) return fmt::format("{:.2f}", value);
  return value == 0 ? "0" : fmt::format("{:.3g}", value);
}

std::string readable_count(double value) {
  const bool whole = std::abs(value) < 1e15 && value == std::floor(value);
  return whole ? readable(static_cast<std::int64_t>(value)) : readable(value);
}

std::string dollars(double usd) {
  if (!std::isfinite(usd) || std::abs(usd) >= 1e13) return readable(usd);
  const std::int64_t cents = std::llround(std::abs(usd) * 100);
  return fmt::format("{}{}.{:02}", usd < 0 && cents > 0 ? "-" : "", readable(cents / 100), cents % 100);
}

std::string percent(double share) {
  if (!std::isfinite(share)) return "-";
  return std::abs(share) < 10 ? fmt::format("{:.1f} %", share * 100) : readable(share * 100) + " %";
}

std::string model_sentence(const ModelBand& band) {
  std::string text = band.decode <= 0 ? std::string("no band: this cost level predicts no hardware")
                                      : fmt::format("step times within ± {} (decode) and ± {} (prefill) with 95 %",
                                                    percent(band.decode), percent(band.prefill));
  return text + (band.inside_range ? ", inside the calibrated range"
                                   : fmt::format(", outside the calibrated range: {} ({} of a step)",
                                                 fmt::join(band.outside, ", "), percent(band.outside_share)));
}

std::string price_sentence(const HourlyPrice& price) {
  return fmt::format("{} $ per hour, {} $ per GPU and hour{} ({})", dollars(price.usd), dollars(price.usd_per_gpu),
                     price.example ? ": an EXAMPLE PRICE, not a quote" : "", price.source);
}

std::string time_left(double seconds, double share) {
  // The start of a run is unlike the rest: queues fill, threads and caches warm up.
  constexpr double kLeastShare = 0.05, kLeastSeconds = 2;
  if (!(share > 0) || share >= 1 || (seconds < kLeastSeconds && share < 0.5) || share < kLeastShare) return {};
  const auto left = std::llround(seconds / share - seconds);
  if (left < 1) return {};
  constexpr long long kMinute = 60, kHour = 3600;
  if (left < 2 * kMinute) return fmt::format(", about {} s left", left);
  if (left < 2 * kHour) return fmt::format(", about {} min left", (left + kMinute / 2) / kMinute);
  return fmt::format(", about {} h left", readable(static_cast<std::int64_t>((left + kHour / 2) / kHour)));
}

std::string bar(double share, int width) {
  const int filled = std::isfinite(share) ? std::clamp(static_cast<int>(std::lround(share * width)), 0, width) : 0;
  std::string text;
  for (int i = 0; i < width; ++i) text += i < filled ? "█" : "░";
  return text;
}

std::string readable_signed(double value) {
  return (value > 0 ? "+" : "") + readable(value);
}

std::string with_unit_of(double value, std::string_view metric) {
  const std::string unit(metric_unit(metric));
  return readable(value) + (unit.empty() || !std::isfinite(value) ? "" : " " + unit);
}

const char* mark_of(Decision decision) {
  return decision == Decision::meets ? "✓" : decision == Decision::misses ? "✗" : "?";
}

std::string csv_text(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace foretoken
