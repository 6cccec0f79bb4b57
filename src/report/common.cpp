// Formatting for people.
#include "report/common.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "foretoken/base/visible.hpp"

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

std::string deployment_line(const Scenario& s) {
  const Deployment& d = s.deployment;
  const std::string engine = fmt::format("{} {}", s.engine.name, s.engine.version);
  if (d.level == CostLevel::affine) return fmt::format("{}, affine step times", engine);
  std::string split;
  const auto add = [&](const char* name, int n) {
    if (n > 1) split += fmt::format("{}{} {}", split.empty() ? "" : ", ", name, n);
  };
  add("TP", d.parallelism.tensor);
  add("PP", d.parallelism.pipeline);
  add("DP", d.parallelism.data);
  add("replicas", s.cluster.replicas);
  if (!split.empty()) split = fmt::format(" ({})", split);
  return fmt::format("{} on {} x {}{}, {}", d.model.id, s.num_gpus, d.gpu.id, split, engine);
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

std::string percent(double share) {
  return std::isfinite(share) ? fmt::format("{:.1f} %", share * 100) : "-";
}

std::string model_sentence(const ModelBand& band) {
  std::string text = band.decode <= 0 ? std::string("no band: this cost level predicts no hardware")
                                      : fmt::format("step times within ± {} (decode) and ± {} (prefill) with 95 %",
                                                    percent(band.decode), percent(band.prefill));
  return text + (band.inside_range ? ", inside the calibrated range"
                                   : fmt::format(", outside the calibrated range: {} ({} of a step)", fmt::join(band.outside, ", "),
                                                 percent(band.outside_share)));
}

std::string price_sentence(const HourlyPrice& price) {
  return fmt::format("{:.2f} $ per hour, {:.2f} $ per GPU and hour{} ({})", price.usd, price.usd_per_gpu,
                     price.example ? ": an EXAMPLE PRICE, not a quote" : "", price.source);
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
  return readable(value) + (unit.empty() ? "" : " " + unit);
}

const char* mark_of(Decision decision) {
  return decision == Decision::meets ? "✓" : decision == Decision::misses ? "✗" : "?";
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void TextTable::row(std::vector<std::string> cells) {
  for (std::string& cell : cells) {
    if (find_control(cell) != std::string::npos) cell = visible(cell);
    std::replace(cell.begin(), cell.end(), '\n', ' ');
  }
  rows_.push_back(std::move(cells));
}

std::string TextTable::text(std::string_view indent) const {
  std::vector<std::size_t> widths;
  for (const auto& cells : rows_) {
    widths.resize(std::max(widths.size(), cells.size()), 0);
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], display_width(cells[i]));
  }
  std::string out;
  for (const auto& cells : rows_) {
    std::string line(indent);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string padding(widths[i] - display_width(cells[i]), ' ');
      const bool right = i < alignments_.size() && alignments_[i] == 'r';
      if (i > 0) line += "  ";
      line += right ? padding + cells[i] : cells[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
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
