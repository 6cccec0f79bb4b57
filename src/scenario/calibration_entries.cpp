// Calibration files: operation, number format and level down to named coefficients.
#include "scenario/calibration_entries.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "scenario/catalog_fields.hpp"

namespace foretoken {
namespace {

constexpr double kLargestTime = 1;          // s, of one constant
constexpr double kLargestBandwidth = 1e18;  // byte/s
constexpr double kLargestNumber = 1e6;
constexpr double kLargestShape = 1e15;
constexpr std::string_view kFormats[] = {"bf16",    "fp16",   "fp8", "fp8_block",   "int8",       "int8_wo",
                                         "int4_wo", "nvfp4",  "any", "w4a16_mxfp4", "w4a8_mxfp4", "w4a8_mxfp4_mxfp8",
                                         "kv_bf16", "kv_fp8", "kda"};
// Experts: whose kernel, where several serve a format. `fp8_block.triton`.
constexpr std::string_view kLibraries[] = {"triton",  "cutlass",  "trtllm", "modular", "marlin",
                                           "cutedsl", "deepgemm", "torch",  "ungated"};
constexpr std::string_view kDimensions[] = {"m",       "n",      "k",      "new_tokens", "history",      "batch",
                                            "context", "tokens", "hidden", "bytes",      "message_bytes"};

std::optional<double> coefficient(CatalogFields& fields, const CoefficientName& name) {
  switch (name.unit) {
    case CoefficientName::Unit::seconds:
      return fields.quantity(name.name, Dimension::time, kLargestTime);
    case CoefficientName::Unit::bytes_per_second:
      return fields.quantity(name.name, Dimension::bandwidth, kLargestBandwidth);
    case CoefficientName::Unit::none:
      break;
  }
  return fields.number(name.name, 0, kLargestNumber);
}

// `m: [1, 32768]`
void read_ranges(CatalogFields& fields, std::vector<FittedRange>& ranges) {
  for (const std::string_view dimension : kDimensions) {
    if (!fields.has(dimension)) continue;
    const std::vector<std::string> ends = fields.texts(dimension);
    double value[2] = {0, 0};
    bool good = ends.size() == 2;
    for (std::size_t i = 0; i < 2 && good; ++i) {
      const char* end = ends[i].data() + ends[i].size();
      const auto [stop, failed] = std::from_chars(ends[i].data(), end, value[i]);
      good = failed == std::errc{} && stop == end && value[i] >= 0 && value[i] <= kLargestShape;
    }
    if (!good || value[0] > value[1]) {
      fields.error(dimension, fmt::format("`{}` must be [lowest, highest] of the fitted shapes", dimension));
      continue;
    }
    ranges.push_back({std::string(dimension), value[0], value[1]});
  }
  fields.refuse_others();
}

void read_set(CatalogFields& fields, const std::vector<CoefficientName>& names, std::size_t optional,
              CoefficientSet& set) {
  if (auto values = fields.required_object("coefficients", "the coefficients of the formula")) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      // A roofline of one bound has no efficiency for the other.
      const bool may_miss = i + optional >= names.size() || (set.level == CostLevel::roofline && i > 0);
      if (const auto value = coefficient(*values, names[i])) {
        set.coefficients.push_back({std::string(names[i].name), *value});
      } else if (!may_miss && !values->has(names[i].name)) {
        values->missing(names[i].name, "every coefficient of the formula");
      }
    }
    values->refuse_others();
  }
  if (auto fitted = fields.object("fitted")) read_ranges(*fitted, set.ranges);
  set.fitted_rows = fields.count("rows", 1, 1'000'000'000).value_or(0);
  set.held_out_error = fields.number("held_out_error", 0, 100).value_or(0);
  set.unusable = !fields.flag("usable").value_or(true);
  set.transferable = fields.flag("transfers").value_or(true);
  set.note = fields.text("note").value_or("");
  fields.refuse_others();
}

void read_format(CatalogFields& fields, const OperationCoefficients& operation, CoefficientSet set,
                 CalibrationTable& table) {
  if (auto calibrated = fields.object("calibrated")) {
    CoefficientSet own = set;
    own.level = CostLevel::calibrated;
    read_set(*calibrated, operation.names, operation.optional, own);
    table.sets.push_back(std::move(own));
  }
  if (auto roofline = fields.object("roofline")) {
    CoefficientSet own = set;
    own.level = CostLevel::roofline;
    read_set(*roofline, roofline_coefficients(), 0, own);
    table.sets.push_back(std::move(own));
  }
  fields.refuse_others();
}

void read_sets(CatalogFields& fields, CalibrationTable& table) {
  CoefficientSet set;
  set.gpu = fields.text("gpu").value_or("");
  set.engine = fields.text("engine").value_or("");
  if (set.gpu.empty()) fields.missing("gpu", "the accelerator's id, or `device` for its constants");
  if (set.engine.empty()) fields.missing("engine", "the engine whose kernels were timed");
  set.version = fields.text("version").value_or("");
  const std::vector<std::string> sources = fields.texts("sources");
  if (sources.empty())
    fields.missing("sources", "where the measurements come from");
  else
    set.fitted_by = sources.front();
  for (const OperationCoefficients& operation : calibrated_operations()) {
    auto formats = fields.object(operation.operation);
    if (!formats) continue;
    set.operation = operation.operation;
    const auto read = [&](const std::string& format) {
      auto levels = formats->object(format);
      if (!levels) return;
      set.format = format;
      read_format(*levels, operation, set, table);
    };
    for (const std::string_view format : kFormats) {
      read(std::string(format));
      if (operation.operation != "moe") continue;
      for (const std::string_view library : kLibraries) read(fmt::format("{}.{}", format, library));
    }
    formats->refuse_others();
  }
}

void read_device(CatalogFields& fields, CalibrationTable& table) {
  constexpr double kLargestRate = 1e21;
  CalibrationDevice device;
  device.gpu = fields.text("device").value_or("");
  device.generation = fields.text("generation").value_or("");
  const auto required = [](CatalogFields& at, std::string_view key, Dimension dimension, double most) {
    if (!at.has(key)) at.missing(key, "a figure the coefficients were fitted with");
    return at.quantity(key, dimension, most).value_or(1);
  };
  if (auto peak = fields.required_object("peak_dense", "the dense peaks")) {
    device.flops_bf16 = required(*peak, "bf16", Dimension::compute_rate, kLargestRate);
    device.flops_fp8 = peak->quantity("fp8", Dimension::compute_rate, kLargestRate).value_or(0);
    device.flops_fp4 = peak->quantity("fp4", Dimension::compute_rate, kLargestRate).value_or(0);
    peak->refuse_others();
  }
  device.bandwidth = required(fields, "bandwidth", Dimension::bandwidth, kLargestBandwidth);
  if (!fields.has("compute_units")) fields.missing("compute_units", "SMs");
  device.compute_units = fields.count("compute_units", 1, 100'000).value_or(1);
  device.l2_bytes = required(fields, "l2_cache", Dimension::bytes, 1e12);
  device.link_bandwidth = required(fields, "link", Dimension::bandwidth, kLargestBandwidth);
  if (fields.texts("sources").empty()) fields.missing("sources", "where the figures come from");
  table.devices.push_back(std::move(device));
}

}  // namespace

Diagnostics read_calibration(const Catalog::File& file, CalibrationTable& table) {
  CatalogDocument document(file);
  if (!document.valid()) return document.problems();
  CatalogFields fields = document.root();
  if (fields.has("device")) {
    read_device(fields, table);
  } else {
    read_sets(fields, table);
  }
  fields.refuse_others();
  return document.problems();
}

}  // namespace foretoken
