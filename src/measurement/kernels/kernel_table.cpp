// Reads kernel tables. Columns that an operation does not need may be empty or absent.
#include "measurement/kernels/kernel_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "measurement/tables/csv_table.hpp"
#include "measurement/tables/names.hpp"

namespace foretoken {
namespace {

const CsvTable::Columns kKernelColumns{
    {"op", "gpu", "engine", "engine_version", "dtype", "measured_us"},
    {"m",        "n",           "k",        "batch",    "seqlen_new", "history",       "context",
     "n_decode", "q_heads",     "kv_heads", "head_dim", "window",     "experts",       "topk",
     "hidden",   "inter",       "tp",       "ep",       "tokens",     "message_bytes", "ranks",
     "bytes",    "measured_us", "m3_us",    "k_heads",  "v_heads",    "k_head_dim",    "v_head_dim"},
    {}};

// A layer of latent attention in a decode step, timed as one.
constexpr std::string_view kWholeLayer = "mla_module_decode";

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
  [[nodiscard]] bool eager() const { return mentions("kernel", "eager") || text("mode") == "eager"; }
};

std::string operation_of(const Source& row) {
  const std::string& op = row.text("op");
  if (op == "allreduce") return row.eager() ? "allreduce_eager" : "allreduce_custom";
  if (op.starts_with("nccl_")) return op.substr(5) + "_nccl";
  if (op == "gdn") {  // the others follow from it
    // The convolution over prompts is hidden in what is said of their scan.
    if (row.mentions("kernel", "conv")) return row.text("phase") == "decode" ? "linear_conv" : "conv over prompts";
    return row.text("phase") == "decode" ? "linear_update" : "linear_scan";
  }
  if (op == "kda") {
    const std::string& kernel = row.text("kernel");
    if (kernel == "fused_recurrent_kda_packed_decode") return "linear_update";
    if (kernel == "chunk_kda" || kernel == "flashkda_fwd") return "linear_scan";
    return "other kernels of delta attention";  // convolutions, those that verify drafts, fused ones of one model
  }
  // A cast from 16 to 8 bits: vLLM's streams as its other passes do; those of others are kernels of their own kind.
  if (op == "quantize_cast" && row.text("engine") == "vllm") return "elementwise_pass";
  if (op != "elementwise") return op;
  if (row.mentions("kernel", "norm")) return "elementwise_rmsnorm";
  if (row.mentions("kernel", "rot") || row.mentions("kernel", "rope")) return "elementwise_rope";
  return row.text("kernel") == "add" ? "elementwise_add" : "elementwise_act";
}

// The library whose expert kernel was timed, as the catalog spells it behind a format.
std::string_view expert_library(const Source& row) {
  struct Word {
    std::string_view in_kernel, library;
  };
  // The first that is found counts.
  constexpr Word kWords[] = {{"min_latency", "trtllm"}, {"nongated", "ungated"},      {"modular", "modular"},
                             {"cutedsl", "cutedsl"},    {"marlin", "marlin"},         {"flashinfer_cutlass", "cutlass"},
                             {"flashinfer", "trtllm"},  {"cutlass", "cutlass"},       {"deepgemm", "deepgemm"},
                             {"triton", "triton"},      {"vllm_fused_moe", "triton"}, {"moe_torch_flow", "torch"}};
  for (const Word& w : kWords) {
    if (row.mentions("kernel", w.in_kernel)) return w.library;
  }
  return {};
}

// The key of the set, where it is not spelt in the row.
void find_set(const Source& row, KernelQuery& q) {
  q.engine = row.text("engine");
  q.version = row.text("engine_version");
  q.version = q.version.substr(0, q.version.find(' '));
  q.format = row.text("dtype");
  if (q.format == "bfloat16") q.format = "bf16";
  if (q.operation.starts_with("allreduce") || q.operation.ends_with("_nccl")) q.format = "any";
  if (q.operation.starts_with("mla_")) q.format = row.text("kv_dtype") == "fp8" ? "kv_fp8" : "kv_bf16";
  if (q.operation == "elementwise_pass") q.format = "bf16";  // what it reads
  if (row.text("op") == "kda") q.format = "kda";
  if (q.operation == "moe") q.library = expert_library(row);
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
  if (q.operation.starts_with("linear_")) {
    q.query_heads = row.number("v_heads");
    q.kv_heads = row.number("k_heads");
    q.head_size = row.number("k_head_dim");
    q.value_size = row.number("v_head_dim");
    q.new_tokens = std::max(1.0, q.new_tokens);
  }
  q.expert_matrices = q.library == "ungated" ? 2 : 3;
  q.tokens = row.number("tokens");
  const auto popularity = popularity_of(row.text("distribution"));
  if (!popularity) return std::nullopt;
  q.power_law = *popularity;
  q.message_bytes = row.number("message_bytes");
  q.ranks = row.number("ranks");
  q.bytes = q.operation == "elementwise_pass" ? 3 * q.m * q.k : row.number("bytes");
  return q;
}

// The shape numbers that an operation cannot do without.
std::string missing_shape(const Source& row, const KernelQuery& q) {
  std::vector<std::string_view> needed;
  if (q.operation == "gemm") needed = {"m", "n", "k"};
  if (q.operation == "attention_prefill") needed = {"batch", "seqlen_new", "q_heads", "kv_heads", "head_dim"};
  if (q.operation == "attention_decode") needed = {"batch", "context", "q_heads", "kv_heads", "head_dim"};
  if (q.operation == "attention_mixed") needed = {"q_heads", "kv_heads", "head_dim"};
  if (q.operation.starts_with("linear_")) needed = {"batch"};
  if (q.operation == "mla_prefill") needed = {"batch", "seqlen_new", "q_heads"};
  if (q.operation == "mla_decode" || q.operation == kWholeLayer) needed = {"batch", "context", "q_heads"};
  if (q.operation == "moe") needed = {"experts", "topk", "hidden", "inter", "tokens"};
  if (q.operation.starts_with("allreduce") || q.operation.ends_with("_nccl")) needed = {"message_bytes", "ranks"};
  if (q.operation == "elementwise_pass")
    needed = {"m", "k"};
  else if (q.operation.starts_with("elementwise"))
    needed = {"bytes"};
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
  if (row.eager()) type += " eager";
  return fmt::format("{} | {} | {} {} | {}", row.text("op"), row.text("gpu"), row.text("engine"),
                     row.text("engine_version"), type);
}

std::string family_of(const KernelQuery& q) {
  if (q.operation == "gemm") return fmt::format("{}x{}", q.n, q.k);
  if (q.operation == "moe")
    return fmt::format("{} of {}, {}x{}", q.active_experts, q.experts, q.hidden, q.expert_width * q.expert_parallel);
  if (q.operation.starts_with("attention") || q.operation.starts_with("mla_") || q.operation.starts_with("linear_"))
    return fmt::format("{}/{} heads of {}", q.query_heads, q.kv_heads, q.head_size);
  if (q.ranks > 0) return fmt::format("{} bytes", q.message_bytes);
  return fmt::format("{}", q.bytes);
}

TableKernel kernel_of(const Source& row) {
  TableKernel out;
  out.line = row.table.line(row.row);
  out.measured_us = row.number("measured_us");
  out.suspect = row.text("suspect") == "1";
  const double reference = row.number("m3_us");
  if (reference > 0) out.reference_us = reference;
  const std::optional<KernelQuery> query = query_of(row);
  out.kernel_class = class_of(row);
  if (row.gpu.empty())
    out.skipped = fmt::format("the catalog has no GPU '{}'", row.text("gpu"));
  else if (!(out.measured_us > 0))
    out.skipped = "measured_us is empty or 0";
  else if (!query)
    out.skipped = fmt::format("unknown distribution '{}'", row.text("distribution"));
  else if (const std::string missing = missing_shape(row, *query); !missing.empty())
    out.skipped = fmt::format("needs {}", missing);
  if (!out.skipped.empty()) return out;
  out.query = *query;
  if (query->operation == kWholeLayer) out.projections = row.text("gemm_dtype");
  out.family = family_of(*query);
  return out;
}

}  // namespace

Result<std::vector<TableKernel>> read_kernel_table(const std::string& path, const std::string& names_path,
                                                   const Catalog& catalog) {
  const Result<CsvTable> table = CsvTable::read(path, kKernelColumns);
  const Result<NameTable> names = NameTable::open(names_path, path);
  Diagnostics problems;
  if (!table) problems.append(table.error());
  if (!names) problems.append(names.error());
  if (problems.has_errors()) return problems;
  std::map<std::string, std::string> ids;
  std::vector<TableKernel> kernels;
  kernels.reserve(table->size());
  for (std::size_t i = 0; i < table->size(); ++i) {
    const std::string& gpu = table->text(i, "gpu");
    auto id = ids.find(gpu);
    if (id == ids.end()) {
      const Result<GpuSpec> found = catalog.gpu(names->gpu(gpu));
      id = ids.emplace(gpu, found ? found->id : std::string()).first;
    }
    kernels.push_back(kernel_of({*table, i, id->second}));
  }
  return kernels;
}

}  // namespace foretoken
