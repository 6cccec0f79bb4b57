// Kernel tables: every launch of the file priced by the coefficient set of its own GPU,
// engine, version and format, as if operands stayed in L2 where they were timed so.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "foretoken/scenario/catalog.hpp"
#include "measurement/accuracy/accuracy.hpp"
#include "measurement/accuracy/csv_table.hpp"
#include "measurement/accuracy/names.hpp"

namespace foretoken {
namespace {

const CsvTable::Columns kKernelColumns{
    {"op", "gpu", "engine", "engine_version", "dtype", "measured_us"},
    {"m",       "n",        "k",        "batch",         "seqlen_new", "history", "context",     "n_decode",
     "q_heads", "kv_heads", "head_dim", "window",        "experts",    "topk",    "hidden",      "inter",
     "tp",      "ep",       "tokens",   "message_bytes", "ranks",      "bytes",   "measured_us", "m3_us"},
    {}};

// A row with the catalog ids of its GPU.
struct Source {
  const CsvTable& table;
  std::size_t row = 0;
  std::string gpu;
  [[nodiscard]] const std::string& text(std::string_view column) const { return table.text(row, column); }
  [[nodiscard]] double number(std::string_view column) const { return table.number(row, column).value_or(0); }
  [[nodiscard]] bool mentions(std::string_view column, std::string_view word) const {
    return text(column).find(word) != std::string::npos;
  }
};

std::string operation_of(const Source& row) {
  const std::string& op = row.text("op");
  if (op == "allreduce") return row.mentions("kernel", "eager") ? "allreduce_eager" : "allreduce_custom";
  if (op.starts_with("nccl_")) return op.substr(5) + "_nccl";
  if (op != "elementwise") return op;
  if (row.mentions("kernel", "norm")) return "elementwise_rmsnorm";
  if (row.mentions("kernel", "rot") || row.mentions("kernel", "rope")) return "elementwise_rope";
  return row.text("kernel") == "add" ? "elementwise_add" : "elementwise_act";
}

// The key of the set, where it is not spelt in the row.
void find_set(const Source& row, KernelQuery& q) {
  q.engine = row.text("engine");
  q.version = row.text("engine_version");
  q.version = q.version.substr(0, q.version.find(' '));
  q.format = row.text("dtype");
  if (q.format == "bfloat16") q.format = "bf16";
  if (q.operation.starts_with("allreduce") || q.operation.ends_with("_nccl")) q.format = "any";
  // All-reduces that a profiler of another project timed run the same library.
  if (q.operation.ends_with("_nccl") && q.engine != "nccl") {
    q.engine = "nccl";
    q.version = q.gpu == "a100_sxm" ? "2.27.3" : "2.29.2";
  }
  // The 0.19 profiles time projections of the same library as the 0.24.0 tables, and prompts
  // in the kernel that serves mixed batches.
  if (q.version == "0.19" && q.operation == "gemm") q.version = "0.24.0";
  if (q.version == "0.19" && q.operation == "attention_prefill") q.operation = "attention_mixed";
}

// power_law_1.01 → 1.01; balanced → 0; nothing for any other word.
std::optional<double> popularity_of(const std::string& distribution) {
  constexpr std::string_view kPrefix = "power_law_";
  if (!distribution.starts_with(kPrefix)) return 0.0;
  double exponent = 0;
  if (!parse_number(std::string_view(distribution).substr(kPrefix.size()), exponent)) return std::nullopt;
  return exponent;
}

std::optional<KernelQuery> query_of(const Source& row) {
  KernelQuery q;
  q.operation = operation_of(row);
  q.gpu = row.gpu;
  find_set(row, q);
  // Kernels of these tables ran back to back, unless the source says otherwise.
  q.resident = !row.mentions("source", "[nonresident]") && row.text("engine") != "vidur";
  q.m = row.number("m");
  q.n = row.number("n");
  q.k = row.number("k");
  q.batch = row.number("batch");
  q.new_tokens = row.number("seqlen_new");
  q.history = row.number("history");
  q.context = row.number("context");
  q.decodes = row.number("n_decode");
  q.query_heads = row.number("q_heads");
  q.kv_heads = row.number("kv_heads");
  q.head_size = row.number("head_dim");
  q.window = row.number("window");
  q.kv_bytes = row.text("kv_dtype") == "fp8" ? 1 : 2;
  q.experts = row.number("experts");
  q.active_experts = row.number("topk");
  q.hidden = row.number("hidden");
  q.expert_width = row.number("inter") / std::max(1.0, row.number("tp"));
  q.expert_parallel = std::max(1.0, row.number("ep"));
  q.tokens = row.number("tokens");
  const auto popularity = popularity_of(row.text("distribution"));
  if (!popularity) return std::nullopt;
  q.power_law = *popularity;
  q.message_bytes = row.number("message_bytes");
  q.ranks = row.number("ranks");
  q.bytes = row.number("bytes");
  return q;
}

// The shape numbers that an operation cannot do without.
std::string missing_shape(const Source& row, const KernelQuery& q) {
  std::vector<std::string_view> needed;
  if (q.operation == "gemm") needed = {"m", "n", "k"};
  if (q.operation == "attention_prefill") needed = {"batch", "seqlen_new", "q_heads", "kv_heads", "head_dim"};
  if (q.operation == "attention_decode") needed = {"batch", "context", "q_heads", "kv_heads", "head_dim"};
  if (q.operation == "attention_mixed") needed = {"q_heads", "kv_heads", "head_dim"};
  if (q.operation == "moe") needed = {"experts", "topk", "hidden", "inter", "tokens"};
  if (q.operation.starts_with("allreduce") || q.operation.ends_with("_nccl")) needed = {"message_bytes", "ranks"};
  if (q.operation.starts_with("elementwise")) needed = {"bytes"};
  std::string missing;
  for (const std::string_view column : needed) {
    if (!(row.number(column) > 0)) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", column);
  }
  return missing;
}

std::string class_of(const Source& row) {
  std::string type = row.text("dtype");
  if (row.text("kv_dtype") == "fp8") type += " kv8";
  if (row.number("window") > 0) type += " window";
  if (row.mentions("kernel", "eager")) type += " eager";
  return fmt::format("{} | {} | {} {} | {}", row.text("op"), row.text("gpu"), row.text("engine"),
                     row.text("engine_version"), type);
}

KernelRow predicted(const Source& row, const CalibrationTable& calibration) {
  KernelRow out;
  out.line = row.table.line(row.row);
  out.kernel_class = class_of(row);
  out.measured_us = row.number("measured_us");
  const double reference = row.number("m3_us");
  if (reference > 0) out.reference_us = reference;
  if (row.gpu.empty()) {
    out.skipped = fmt::format("the catalog has no GPU '{}'", row.text("gpu"));
    return out;
  }
  if (!(out.measured_us > 0)) {
    out.skipped = "measured_us is empty or 0";
    return out;
  }
  const std::optional<KernelQuery> query = query_of(row);
  if (!query) {
    out.skipped = fmt::format("unknown distribution '{}'", row.text("distribution"));
    return out;
  }
  if (const std::string missing = missing_shape(row, *query); !missing.empty()) {
    out.skipped = fmt::format("needs {}", missing);
    return out;
  }
  const auto prediction = predict_kernel(calibration, *query);
  if (!prediction) {
    out.skipped = fmt::format("no coefficient set {}/{}/{}/{}/{}", query->gpu, query->engine, query->version,
                              query->format, query->operation);
    return out;
  }
  out.predicted_us = prediction->seconds * 1e6;
  out.error_percent = (*out.predicted_us / out.measured_us - 1) * 100;
  out.served_by = prediction->served_by;
  return out;
}

void widen(std::optional<double>& gap, double percent) {
  gap = std::max(gap.value_or(0), percent);
}

void summarise(KernelAccuracy& result) {
  std::map<std::string, std::vector<ErrorSample>> samples;
  std::map<std::string, std::optional<double>> gaps;
  std::vector<ErrorSample> all;
  for (const KernelRow& row : result.rows) {
    if (!row.error_percent) continue;
    const std::string name = fmt::format("line {}", row.line);
    samples[row.kernel_class].push_back({*row.error_percent, name, {}});
    all.push_back({*row.error_percent, name, row.kernel_class});
    if (!row.reference_us) continue;
    const double gap = std::abs(*row.predicted_us / *row.reference_us - 1) * 100;
    widen(gaps[row.kernel_class], gap);
    widen(result.reference_gap_percent, gap);
  }
  for (const auto& [name, errors] : samples) {
    result.classes.push_back({name, error_statistics(errors), gaps[name]});
  }
  result.overall = error_statistics(all);
}

}  // namespace

Result<KernelAccuracy> compare_kernels(const std::string& path, const AccuracyOptions& options) {
  const Result<CsvTable> table = CsvTable::read(path, kKernelColumns);
  const Result<NameTable> names = NameTable::open(options, path);
  const Catalog catalog(options.catalog_dir);
  const Result<SharedCalibration> calibration = catalog.calibration();
  Diagnostics problems;
  if (!table) problems.append(table.error());
  if (!names) problems.append(names.error());
  if (!calibration) problems.append(calibration.error());
  if (problems.has_errors()) return problems;

  KernelAccuracy result;
  result.path = path;
  std::map<std::string, std::string> ids;
  for (std::size_t i = 0; i < table->size(); ++i) {
    const std::string& gpu = table->text(i, "gpu");
    auto id = ids.find(gpu);
    if (id == ids.end()) {
      const Result<GpuSpec> found = catalog.gpu(names->gpu(gpu));
      id = ids.emplace(gpu, found ? found->id : std::string()).first;
    }
    result.rows.push_back(predicted({*table, i, id->second}, *calibration));
  }
  summarise(result);
  return result;
}

}  // namespace foretoken
