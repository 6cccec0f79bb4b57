// What a fit of kernels found.
#include "report/kernel_fit_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <map>

#include "foretoken/experiment/version.hpp"
#include "report/common.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

std::string of_engine(const CoefficientSet& set) {
  return fmt::format("{}-{}-{}", set.gpu, set.engine, set.version);
}

CoefficientName::Unit unit_of(const CoefficientSet& set, const std::string& name) {
  for (const OperationCoefficients& operation : calibrated_operations()) {
    if (operation.operation != set.operation) continue;
    for (const CoefficientName& c : operation.names) {
      if (c.name == name) return c.unit;
    }
  }
  return CoefficientName::Unit::none;
}

std::string coefficients_text(const CoefficientSet& set) {
  std::vector<std::string> parts;
  for (const Coefficient& c : set.coefficients) {
    switch (unit_of(set, c.name)) {
      case CoefficientName::Unit::seconds:
        parts.push_back(fmt::format("{}: {:.6g} us", c.name, c.value * 1e6));
        break;
      case CoefficientName::Unit::bytes_per_second:
        parts.push_back(fmt::format("{}: {:.6g} TB/s", c.name, c.value * 1e-12));
        break;
      case CoefficientName::Unit::none:
        parts.push_back(fmt::format("{}: {:.6g}", c.name, c.value));
        break;
    }
  }
  return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

std::string set_text(const CoefficientSet& set) {
  std::vector<std::string> ranges;
  for (const FittedRange& r : set.ranges)
    ranges.push_back(fmt::format("{}: [{:.0f}, {:.0f}]", r.dimension, r.low, r.high));
  std::string text =
      fmt::format("  {}:\n    calibrated:\n      coefficients: {}\n", set.format, coefficients_text(set));
  if (!ranges.empty()) text += fmt::format("      fitted: {{{}}}\n", fmt::join(ranges, ", "));
  text += fmt::format("      rows: {}\n", set.fitted_rows);
  if (set.held_out_error > 0) text += fmt::format("      held_out_error: {:.3f}\n", set.held_out_error);
  if (set.unusable) text += "      usable: false\n";
  return text;
}

std::string device_text(const CalibrationDevice& d) {
  std::string peaks = fmt::format("  bf16: {:g} TFLOP/s\n", d.flops_bf16 * 1e-12);
  if (d.flops_fp8 > 0) peaks += fmt::format("  fp8: {:g} TFLOP/s\n", d.flops_fp8 * 1e-12);
  if (d.flops_fp4 > 0) peaks += fmt::format("  fp4: {:g} TFLOP/s\n", d.flops_fp4 * 1e-12);
  return fmt::format(
      "# The {} as the coefficient sets see it: they were fitted with these constants, which stay with them even "
      "where\n"
      "# the accelerator's own file has a better figure.\n"
      "device: {}\ngeneration: {}\npeak_dense:\n{}bandwidth: {:g} TB/s\ncompute_units: {:g}\nl2_cache: {:g} MB\n"
      "link: {:g} GB/s   # per direction\nsources:\n  - the catalog's figures of the accelerator\n",
      d.gpu, d.gpu, d.generation, peaks, d.bandwidth * 1e-12, d.compute_units, d.l2_bytes * 1e-6,
      d.link_bandwidth * 1e-9);
}

std::string error_cell(double share) {
  return share > 0 ? fmt::format("{:.1f}", 100 * share) : "-";
}

}  // namespace

Json to_json(const KernelFit& fit) {
  Json json = Json::object();
  json["schema"] = "foretoken.kernel-fit/1";
  json["foretoken_version"] = version();
  json["source"] = fit.path;
  Json sets = Json::array();
  for (const FittedKernelSet& f : fit.sets) {
    Json set = Json::object();
    set["gpu"] = f.set.gpu;
    set["engine"] = f.set.engine;
    set["version"] = f.set.version;
    set["operation"] = f.set.operation;
    set["format"] = f.set.format;
    Json coefficients = Json::object();
    for (const Coefficient& c : f.set.coefficients) coefficients[c.name] = c.value;
    set["coefficients_si"] = std::move(coefficients);
    set["rows"] = f.set.fitted_rows;
    set["error_pct"] = 100 * f.error;
    if (f.set.held_out_error > 0) set["held_out_error_pct"] = 100 * f.set.held_out_error;
    sets.push_back(std::move(set));
  }
  json["sets"] = std::move(sets);
  Json left_out = Json::array();
  for (const UnfittedKernels& u : fit.left_out) {
    Json entry = Json::object();
    entry["what"] = u.what;
    entry["rows"] = u.rows;
    entry["reason"] = u.reason;
    left_out.push_back(std::move(entry));
  }
  json["left_out"] = std::move(left_out);
  return json;
}

std::string to_text(const KernelFit& fit, const TextStyle& style) {
  TextTable table("llllrrr", "4321056");
  table.row({"GPU", "engine", "operation", "format", "rows", "error %", "held out %"});
  for (const FittedKernelSet& f : fit.sets)
    table.row({f.set.gpu, f.set.engine + " " + f.set.version, f.set.operation, f.set.format,
               fmt::format("{}", f.set.fitted_rows), error_cell(f.error), error_cell(f.set.held_out_error)});
  std::string out = section("Coefficient sets", table.text(style, "  "), style);
  std::string others;
  for (const UnfittedKernels& u : fit.left_out) others += fmt::format("  {} rows: {}: {}\n", u.rows, u.what, u.reason);
  out += section("Rows without a set", others, style);
  return within_width(
      out + section("Conventions",
                    "  error = mean of |predicted / measured - 1| on the rows of the fit; held out: on models "
                    "that a fit without them predicts\n",
                    style),
      style);
}

std::string to_measured_experts(const KernelFit& fit) {
  std::string text =
      "// Times of expert kernels at the shapes that were timed: a line has experts/active ones, hidden size x width "
      "on "
      "a device,\n"
      "// ranks, routing (e: even, p: by a power law), and tokens:percent of what the formula of its set says.\n"
      "// Source: ai-dynamo/aiconfigurator@095f58a:aic-core/src/aiconfigurator_core/systems/data (Apache-2.0). Written "
      "by\n"
      "//   foretoken calibrate --kernels kernels2.csv --operations moe --format experts -o "
      "src/cost/levels/measured_experts.inc\n";
  for (const FittedKernelSet& f : fit.sets) {
    if (f.curves.empty()) continue;
    text += fmt::format("{{\"{} {} {} {}\", R\"(\n", f.set.gpu, f.set.engine, f.set.version, f.set.format);
    for (const MeasuredCurve& c : f.curves) {
      text += fmt::format("{}/{} {}x{} {}{}", c.experts, c.active, c.hidden, c.width, c.ranks, c.even ? "e" : "p");
      for (const auto& [tokens, ratio] : c.points) text += fmt::format(" {:.0f}:{:.0f}", tokens, 100 * ratio);
      text += "\n";
    }
    text += ")\"},\n";
  }
  return text;
}

std::vector<CatalogFile> to_catalog_files(const KernelFit& fit) {
  std::vector<CatalogFile> files;
  for (const CalibrationDevice& d : fit.devices) files.push_back({d.gpu, device_text(d)});
  std::map<std::string, std::string> texts;
  std::map<std::string, std::string> operation;  // written last
  const std::string source = std::filesystem::path(fit.path).filename().string();
  for (const FittedKernelSet& f : fit.sets) {
    const std::string stem = of_engine(f.set) + "-fitted";
    std::string& text = texts[stem];
    if (text.empty())
      text = fmt::format(
          "# Times of {} {} on {}, fitted by `foretoken calibrate --kernels`: written by the program.\n"
          "gpu: {}\nengine: {}\nversion: \"{}\"\nsources:\n  - {}\n",
          f.set.engine, f.set.version, f.set.gpu, f.set.gpu, f.set.engine, f.set.version, source);
    if (operation[stem] != f.set.operation) text += (operation[stem] = f.set.operation) + ":\n";
    text += set_text(f.set);
  }
  for (auto& [stem, text] : texts) files.push_back({stem, std::move(text)});
  return files;
}

}  // namespace foretoken
