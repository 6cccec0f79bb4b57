// Which launches make a set, and what is said of it.
#include "measurement/kernels/fit_kernels.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "experiment/parallel.hpp"
#include "measurement/kernels/attention_layer.hpp"
#include "measurement/kernels/fit_set.hpp"
#include "measurement/kernels/kernel_table.hpp"

namespace foretoken {
namespace {

// More launches than these tell a set of ten coefficients nothing new; every n-th of the table stands for all.
constexpr std::size_t kMostRows = 1000;
// A set that is further off on models that it has not seen is kept as a record.
constexpr double kBadFit = 0.3;

// GPU, engine, version, operation, format.
using Key = std::tuple<std::string, std::string, std::string, std::string, std::string>;
using Kernels = std::vector<const TableKernel*>;

struct Job {
  Key key;
  Kernels kernels;
};

const OperationCoefficients* formula_of(const std::string& operation) {
  for (const OperationCoefficients& o : calibrated_operations()) {
    if (o.operation == operation) return &o;
  }
  return nullptr;
}

// Why a launch says nothing of its set. Windows and narrow caches follow from the formula of full attention over 16-bit
// caches (src/cost/README.md, "Prefill attention").
std::string not_fitted(const TableKernel& k, const std::vector<std::string>& operations) {
  if (!k.skipped.empty()) return k.skipped;
  const std::string& operation = k.query.operation;
  if (formula_of(operation) == nullptr) return "no calibrated formula";
  if (!operations.empty() && std::find(operations.begin(), operations.end(), operation) == operations.end())
    return "not asked for";
  if (k.suspect) return "marked as suspect";
  if (operation.starts_with("attention") && k.query.window > 0) return "sliding windows follow from full attention";
  if (operation.starts_with("attention") && (k.query.kv_bytes < 2 || k.query.format != "bf16"))
    return "8-bit caches follow from 16-bit ones";
  return {};
}

std::string set_format(const KernelQuery& q) {
  return q.library.empty() ? q.format : q.format + "." + q.library;
}

double shape_of(const KernelQuery& q, std::string_view dimension) {
  if (dimension == "m") return q.m;
  if (dimension == "n") return q.n;
  if (dimension == "k") return q.k;
  if (dimension == "new_tokens") return q.new_tokens;
  if (dimension == "history") return q.history;
  if (dimension == "batch") return q.batch;
  if (dimension == "context") return q.context;
  if (dimension == "tokens") return q.tokens;
  if (dimension == "hidden") return q.hidden;
  if (dimension == "bytes") return q.bytes;
  return q.message_bytes;
}

std::vector<std::string_view> dimensions_of(std::string_view operation) {
  if (operation == "gemm") return {"m", "n", "k"};
  if (operation == "attention_prefill" || operation == "mla_prefill") return {"new_tokens", "history"};
  if (operation == "attention_decode" || operation == "mla_decode") return {"batch", "context"};
  if (operation == "moe") return {"tokens", "hidden"};
  if (operation.starts_with("linear_")) return {"batch", "new_tokens"};
  if (operation.starts_with("elementwise")) return {"bytes"};
  if (operation.starts_with("all") || operation.starts_with("reduce")) return {"message_bytes"};
  return {};
}

Kernels thinned(const Kernels& all) {
  const std::size_t step = (all.size() + kMostRows - 1) / kMostRows;
  Kernels some;
  for (std::size_t i = 0; i < all.size(); i += step) some.push_back(all[i]);
  return some;
}

// Points that lie within this of a straight line between their neighbours say nothing of their own.
constexpr double kStraight = 0.05;
void thin_out(MeasuredCurve& curve) {
  for (std::size_t i = 1; i + 1 < curve.points.size();) {
    const auto& [t0, r0] = curve.points[i - 1];
    const auto& [t1, r1] = curve.points[i];
    const auto& [t2, r2] = curve.points[i + 1];
    const double line = r0 + (r2 - r0) * std::log(t1 / t0) / std::log(t2 / t0);
    if (std::abs(line / r1 - 1) < kStraight)
      curve.points.erase(curve.points.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
  }
}

std::vector<MeasuredCurve> curves_of(const Kernels& kernels, const CalibrationDevice& device,
                                     const std::vector<double>& coefficients) {
  using Shape = std::tuple<int, int, int, int, int, bool>;
  std::map<Shape, std::map<double, double>> shapes;
  for (const TableKernel* k : kernels) {
    const KernelQuery& q = k->query;
    const double seconds = kernel_seconds(device, q, coefficients).value_or(0);
    if (!(seconds > 0)) continue;
    const Shape shape{static_cast<int>(q.experts),         static_cast<int>(q.active_experts),
                      static_cast<int>(q.hidden),          static_cast<int>(std::ceil(q.expert_width)),
                      static_cast<int>(q.expert_parallel), !(q.power_law > 0)};
    shapes[shape].emplace(q.tokens, k->measured_us * 1e-6 / seconds);
  }
  std::vector<MeasuredCurve> curves;
  for (const auto& [shape, points] : shapes) {
    const auto& [experts, active, hidden, width, ranks, even] = shape;
    MeasuredCurve curve{experts, active, hidden, width, ranks, even, {points.begin(), points.end()}};
    thin_out(curve);
    if (curve.points.size() > 1) curves.push_back(std::move(curve));
  }
  return curves;
}

FittedKernelSet fitted(const Job& job, const CalibrationDevice& device) {
  FittedKernelSet result;
  CoefficientSet& set = result.set;
  std::tie(set.gpu, set.engine, set.version, set.operation, set.format) = job.key;
  const Kernels kernels = thinned(job.kernels);
  OperationCoefficients formula = *formula_of(set.operation);
  // Its last coefficient is of passes beside the kernel.
  if (set.operation == "mla_decode" && kernels.front()->projections.empty()) formula.names.pop_back();
  const FittedSet fit = fit_set(formula, device, kernels);
  for (std::size_t i = 0; i < fit.coefficients.size(); ++i)
    set.coefficients.push_back({std::string(formula.names[i].name), fit.coefficients[i]});
  for (const std::string_view dimension : dimensions_of(set.operation)) {
    FittedRange range{std::string(dimension), shape_of(kernels.front()->query, dimension), 0};
    for (const TableKernel* k : kernels) {
      range.low = std::min(range.low, shape_of(k->query, dimension));
      range.high = std::max(range.high, shape_of(k->query, dimension));
    }
    set.ranges.push_back(std::move(range));
  }
  set.fitted_rows = static_cast<int>(kernels.size());
  set.held_out_error = fit.held_out_error;
  set.unusable = std::max(fit.error, fit.held_out_error) > kBadFit;
  result.error = fit.error;
  if (set.operation == "moe" && !set.unusable) result.curves = curves_of(job.kernels, device, fit.coefficients);
  return result;
}

// The constants that sets of this GPU have, or those of its datasheet.
std::optional<CalibrationDevice> device_of(const std::string& gpu, const CalibrationTable& known,
                                           const Catalog& catalog) {
  for (const CalibrationDevice& d : known.devices) {
    if (d.gpu == gpu) return d;
  }
  const Result<GpuSpec> spec = catalog.gpu(gpu);
  if (!spec) return std::nullopt;
  return datasheet_calibration_device(*spec);
}

// Curves are of sets that the program carries.
void forget_others(KernelFit& fit, const CalibrationTable& carried) {
  for (FittedKernelSet& f : fit.sets) {
    const bool known = std::any_of(carried.sets.begin(), carried.sets.end(), [&](const CoefficientSet& s) {
      return s.gpu == f.set.gpu && s.engine == f.set.engine && s.version == f.set.version &&
             s.operation == f.set.operation && s.format == f.set.format;
    });
    if (!known) f.curves.clear();
  }
}

// The engines' own core kernels of latent attention, where the table times only whole layers of them: what a layer
// takes beyond its other operators.
Diagnostics take_cores_of_layers(std::vector<TableKernel>& table, const Catalog& catalog,
                                 const SharedCalibration& calibration) {
  const auto key = [](const TableKernel& k) {
    return std::tuple(k.query.gpu, k.query.engine, k.query.version, k.query.format);
  };
  std::set<std::tuple<std::string, std::string, std::string, std::string>> alone;
  for (const TableKernel& k : table) {
    if (k.query.operation == "mla_decode") alone.insert(key(k));
  }
  Result<ModelSpec> model = catalog.model("DeepSeek-V3");
  if (!model) return model.error();
  std::map<std::string, GpuSpec> gpus;
  for (TableKernel& k : table) {
    if (k.projections.empty() || alone.contains(key(k))) continue;
    KernelQuery& q = k.query;
    auto gpu = gpus.find(q.gpu);
    if (gpu == gpus.end()) gpu = gpus.emplace(q.gpu, catalog.gpu(q.gpu).value()).first;
    const AttentionLayer layer{q.engine,
                               q.version,
                               k.projections,
                               q.kv_bytes < 2,
                               static_cast<int>(q.query_heads),
                               static_cast<int>(q.batch),
                               static_cast<int>(q.context)};
    const AttentionLayerTime time = attention_layer_time(layer, gpu->second, *model, calibration);
    k.beside_us = (time.beside + time.unfused) * 1e6;
    q.operation = "mla_decode";
  }
  return {};
}

void leave_out(std::map<std::pair<std::string, std::string>, std::int64_t>& counts, KernelFit& fit) {
  for (const auto& [what, rows] : counts) fit.left_out.push_back({what.first, rows, what.second});
}

}  // namespace

Result<KernelFit> fit_kernels(const std::string& path, const KernelFitOptions& options) {
  const Catalog catalog(options.catalog_dir);
  Result<std::vector<TableKernel>> table = read_kernel_table(path, options.names_path, catalog);
  const Result<SharedCalibration> calibration = catalog.calibration();
  Diagnostics problems;
  if (!table) problems.append(table.error());
  if (!calibration) problems.append(calibration.error());
  if (problems.has_errors()) return problems;

  KernelFit fit;
  fit.path = path;
  if (Diagnostics found = take_cores_of_layers(*table, catalog, *calibration); found.has_errors()) return found;
  std::map<std::pair<std::string, std::string>, std::int64_t> left_out;
  std::map<Key, Kernels> by_key;
  for (TableKernel& k : *table) {
    if (const std::string why = not_fitted(k, options.operations); !why.empty()) {
      if (why != "not asked for") ++left_out[{k.query.operation.empty() ? k.kernel_class : k.query.operation, why}];
      continue;
    }
    const KernelQuery& q = k.query;
    if (q.operation == "moe") k.query.loads = expert_loads_of(q);
    by_key[{q.gpu, q.engine, q.version, q.operation, set_format(q)}].push_back(&k);
  }
  std::map<std::string, CalibrationDevice> devices;
  std::vector<Job> jobs;
  for (auto& [key, kernels] : by_key) {
    const auto& [gpu, engine, version, operation, format] = key;
    const auto device = device_of(gpu, **calibration, catalog);
    const std::string what = fmt::format("{} {} of {} {} on {}", operation, format, engine, version, gpu);
    if (!device) {
      left_out[{what, "the catalog has no figures of the GPU"}] += static_cast<std::int64_t>(kernels.size());
    } else if (kernels.size() < 2 * formula_of(operation)->names.size()) {
      left_out[{what, "too few rows for its formula"}] += static_cast<std::int64_t>(kernels.size());
    } else {
      devices.emplace(gpu, *device);
      jobs.push_back({key, std::move(kernels)});
    }
  }
  if (jobs.empty()) {
    problems.error({path, 0, 0}, "no coefficient set can be fitted from this table",
                   "a set needs rows of one operation, GPU, engine, version and format, twice as many as coefficients");
    return problems;
  }
  fit.sets.resize(jobs.size());
  parallel_for(jobs.size(), options.threads,
               [&](std::size_t i) { fit.sets[i] = fitted(jobs[i], devices.at(std::get<0>(jobs[i].key))); });
  for (const auto& [gpu, device] : devices) fit.devices.push_back(device);
  forget_others(fit, **calibration);
  leave_out(left_out, fit);
  return fit;
}

}  // namespace foretoken
