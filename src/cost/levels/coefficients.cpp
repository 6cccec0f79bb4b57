// Coefficient sets by key, and the nearest one when the key has none.
#include "cost/levels/coefficients.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include "cost/levels/engine_costs.hpp"

namespace foretoken {
namespace {

const OperationCoefficients* coefficient_names(std::string_view operation) {
  for (const OperationCoefficients& o : calibrated_operations()) {
    if (o.operation == operation) return &o;
  }
  return nullptr;
}

bool has_name(const std::vector<CoefficientName>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](const CoefficientName& n) { return n.name == name; });
}

// Coefficients that the formulas divide by.
const std::vector<std::string_view> kDivisors = {"ec", "em", "l2", "p",  "e64", "e1", "e2",
                                                 "eL", "eS", "x1", "x2", "x3",  "bw"};

const double* value_of(const CoefficientSet& set, std::string_view name) {
  for (const Coefficient& c : set.coefficients) {
    if (c.name == name) return &c.value;
  }
  return nullptr;
}

const CalibrationDevice* device_of(const CalibrationTable& table, std::string_view gpu) {
  for (const CalibrationDevice& d : table.devices) {
    if (d.gpu == gpu) return &d;
  }
  return nullptr;
}

// 0.24.0 -> 24000.999, 1.3.0rc20 -> 1003000.02.
double version_number(std::string_view version) {
  double number = 0;
  const auto candidate = version.find("rc");
  int of_candidates = 999;
  if (candidate != std::string_view::npos)
    std::from_chars(version.data() + candidate + 2, version.data() + version.size(), of_candidates);
  number += of_candidates / 1000.0;
  double weight = 1e6;
  while (!version.empty() && weight >= 1) {
    int part = 0;
    const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), part);
    if (error != std::errc{}) break;
    number += weight * part;
    weight /= 1000;
    version.remove_prefix(static_cast<std::size_t>(end - version.data()));
    if (version.empty() || version.front() != '.') break;
    version.remove_prefix(1);
  }
  return number;
}

std::size_t position(const std::vector<std::string_view>& list, std::string_view value) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == value) return i;
  }
  return list.size();
}

// Smaller is nearer: GPU, engine, machine balance, version; newer sets win ties.
using Distance = std::tuple<int, std::size_t, double, double, double>;

struct Candidate {
  const CoefficientSet* set = nullptr;
  const CalibrationDevice* device = nullptr;
  Distance distance;
};

// Kernels take the same time in both 16-bit formats.
bool describes(std::string_view fitted, std::string_view wanted) {
  return fitted == wanted || fitted == "any" || (fitted == "fp16" && wanted == "bf16");
}

bool comparable_links(double a, double b) {
  return a <= 0 || b <= 0 || (a < 3 * b && b < 3 * a);
}

std::optional<Candidate> nearest(const CalibrationTable& table, const GpuSpec& gpu, const SetQuery& query,
                                 CostLevel level, std::string_view format, bool same_gpu_only) {
  const std::string generation = gpu_generation(gpu);
  const Device own = datasheet_device(gpu);
  std::optional<Candidate> best;
  for (const CoefficientSet& set : table.sets) {
    if (set.unusable || set.level != level || set.operation != query.operation) continue;
    if (!describes(set.format, format)) continue;
    const std::size_t engine = position(query.engines, set.engine);
    const CalibrationDevice* device = device_of(table, set.gpu);
    if (engine == query.engines.size() || device == nullptr) continue;
    const bool same_gpu = set.gpu == gpu.id;
    if (!same_gpu && (same_gpu_only || !set.transferable)) continue;
    if (!same_gpu && !comparable_links(query.link_bandwidth, query.link_bandwidth > 0 ? device->link_bandwidth : 0)) {
      continue;
    }
    const int gpu_class = same_gpu ? 0 : device->generation == generation ? 1 : 2;
    const double balance = own.bandwidth / own.flops_bf16 / (device->bandwidth / device->flops_bf16);
    const double version = version_number(set.version);
    const bool by_version = engine == 0 && !query.version.empty();
    const double version_gap = by_version ? std::abs(version - version_number(query.version)) : 0;
    const Distance distance{gpu_class, engine, same_gpu ? 0 : std::abs(std::log(balance)), version_gap, -version};
    if (!best || distance < best->distance) best = Candidate{&set, device, distance};
  }
  return best;
}

// Where a source gives no error: that of the middling sets. A neighbour's set is half as far off again
// (src/cost/README.md, "Choice of coefficients": 8 to 21 % on another GPU of the generation against 7 to 12 % on its
// own).
constexpr double kUnknownError = 0.15;
constexpr double kNeighbourFactor = 1.5;

double expected_error(const CoefficientSet& set, bool neighbour) {
  return (set.held_out_error > 0 ? set.held_out_error : kUnknownError) * (neighbour ? kNeighbourFactor : 1);
}

std::string key_of(const CoefficientSet& set) {
  return fmt::format("{} {} {} {}", set.gpu, set.engine, set.version, set.format);
}

std::string describe(const CoefficientSet& set, bool neighbour) {
  return fmt::format("{} {}{}", key_of(set), set.level == CostLevel::calibrated ? "calibrated" : "roofline",
                     neighbour ? ", set of a neighbouring GPU" : "");
}

ServedSet serve(const Candidate& candidate, const CalibrationTable& table, const GpuSpec& gpu,
                std::string_view operation) {
  const CoefficientSet& set = *candidate.set;
  const bool neighbour = set.gpu != gpu.id;
  ServedSet served;
  served.level = set.level;
  served.ranges = set.ranges;
  served.name = describe(set, neighbour);
  served.engine = set.engine;
  if (!neighbour && !set.of_a_user && set.level == CostLevel::calibrated) served.timed_as = key_of(set);
  served.error = expected_error(set, neighbour);
  served.routes = operation == "moe" && (!routes_apart(set.engine) || set.format.ends_with(".trtllm"));
  served.small_tiles = operation == "moe" && set.format.find('.') != std::string::npos;
  const CalibrationDevice* own = device_of(table, gpu.id);
  served.device = own != nullptr ? calibration_device(*own) : datasheet_device(gpu);
  // Not found in a source: the neighbour's figure is the best guess.
  if (!(served.device.compute_units > 0)) served.device.compute_units = candidate.device->compute_units;
  if (!(served.device.l2_bytes > 0)) served.device.l2_bytes = candidate.device->l2_bytes;
  if (set.level == CostLevel::roofline) {
    const auto read = [&set](std::string_view name, double otherwise) {
      const double* value = value_of(set, name);
      return value != nullptr ? *value : otherwise;
    };
    served.roofline = {read("t0", 0), read("ec", 1), read("em", 1)};
    return served;
  }
  const OperationCoefficients& names = *coefficient_names(operation);
  for (const auto& coefficient : names.names) {
    const double* value = value_of(set, coefficient.name);
    if (value == nullptr) break;
    served.c[served.coefficients++] = *value;
  }
  // L2 bandwidth follows the matrix units; everything else is relative or a latency.
  if (neighbour && operation == "gemm") served.c[3] *= served.device.flops_bf16 / candidate.device->flops_bf16;
  return served;
}

std::optional<ServedSet> find(const CalibrationTable& table, const GpuSpec& gpu, const SetQuery& query, CostLevel level,
                              bool same_gpu_only) {
  for (const std::string& format : query.formats) {
    if (const auto candidate = nearest(table, gpu, query, level, format, same_gpu_only)) {
      return serve(*candidate, table, gpu, query.operation);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<ServedSet> find_calibrated(const CalibrationTable& table, const GpuSpec& gpu, const SetQuery& query) {
  return find(table, gpu, query, CostLevel::calibrated, gpu.vendor != "NVIDIA");
}

std::optional<ServedSet> find_roofline(const CalibrationTable& table, const GpuSpec& gpu, const SetQuery& query) {
  return find(table, gpu, query, CostLevel::roofline, true);
}

std::optional<ServedSet> find_exact(const CalibrationTable& table, std::string_view gpu, std::string_view engine,
                                    std::string_view version, std::string_view format, std::string_view operation) {
  const CalibrationDevice* device = device_of(table, gpu);
  if (device == nullptr) return std::nullopt;
  for (const CoefficientSet& set : table.sets) {
    if (set.level != CostLevel::calibrated || set.gpu != gpu || set.engine != engine || set.version != version ||
        set.format != format || set.operation != operation) {
      continue;
    }
    GpuSpec same;
    same.id = gpu;
    return serve({&set, device, {}}, table, same, operation);
  }
  return std::nullopt;
}

std::vector<std::string> calibration_problems(const CalibrationTable& table) {
  std::vector<std::string> problems;
  for (const CoefficientSet& set : table.sets) {
    const std::string key =
        fmt::format("calibration set {}/{}/{}/{}/{}", set.gpu, set.engine, set.version, set.format, set.operation);
    if (device_of(table, set.gpu) == nullptr) problems.push_back(key + ": no constants are given for this GPU");
    const OperationCoefficients* names = coefficient_names(set.operation);
    if (names == nullptr) {
      problems.push_back(key + ": unknown operation");
      continue;
    }
    for (const Coefficient& c : set.coefficients) {
      const bool divides = position(kDivisors, c.name) < kDivisors.size();
      if (!std::isfinite(c.value) || c.value < 0 || (divides && c.value == 0)) {
        problems.push_back(fmt::format("{}: {} is {}; it must be finite and {}", key, c.name, c.value,
                                       divides ? "above 0" : "not negative"));
      }
      const bool known = has_name(set.level == CostLevel::roofline ? roofline_coefficients() : names->names, c.name);
      if (!known) problems.push_back(fmt::format("{}: unknown coefficient {}", key, c.name));
    }
    if (set.level == CostLevel::roofline) continue;
    for (std::size_t i = 0; i + names->optional < names->names.size(); ++i) {
      if (value_of(set, names->names[i].name) == nullptr) {
        problems.push_back(fmt::format("{}: coefficient {} is missing", key, names->names[i].name));
      }
    }
  }
  return problems;
}

}  // namespace foretoken
