// Coefficient sets from tables: what a table was made with is found again, on every operation that has a formula; what
// no set can come of is said.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "measurement/kernels/coefficient_bounds.hpp"
#include "measurement/kernels/fit_kernels.hpp"
#include "measurement/kernels/kernel_table.hpp"
#include "support/temporary_file.hpp"

namespace foretoken {
namespace {

using test::TemporaryFile;
using ::testing::HasSubstr;

using Cells = std::map<std::string, std::string>;

const std::vector<std::string> kColumns = {
    "op",         "gpu",      "engine",  "engine_version", "dtype",         "m",
    "n",          "k",        "batch",   "seqlen_new",     "context",       "q_heads",
    "kv_heads",   "head_dim", "experts", "topk",           "hidden",        "inter",
    "tp",         "ep",       "tokens",  "distribution",   "message_bytes", "ranks",
    "kernel",     "phase",    "k_heads", "v_heads",        "k_head_dim",    "v_head_dim",
    "measured_us"};

std::string line(const Cells& cells) {
  Cells all = {{"gpu", "h100_sxm"}, {"engine", "mine"}, {"engine_version", "1.0"}, {"dtype", "bfloat16"}};
  for (const auto& [column, value] : cells) all[column] = value;
  std::string text;
  for (const std::string& column : kColumns) text += (text.empty() ? "" : ",") + all[column];
  return text + "\n";
}

std::string header() {
  return fmt::format("{}\n", fmt::join(kColumns, ","));
}

Cells launch(const std::string& operation, int n, int shape) {
  const auto text = [](int value) { return std::to_string(value); };
  if (operation == "gemm")
    return {{"op", "gemm"}, {"m", text(n)}, {"n", text(1024 << shape)}, {"k", text(4096 + 512 * shape)}};
  if (operation == "moe")
    return {{"op", "moe"},        {"experts", text(64 + 32 * shape)},
            {"topk", "8"},        {"hidden", text(1024 + 512 * shape)},
            {"inter", "768"},     {"tp", "1"},
            {"ep", "1"},          {"tokens", text(n)},
            {"kernel", "triton"}, {"distribution", "balanced"}};
  if (operation == "attention_decode")
    return {
        {"op", operation}, {"batch", text(n)}, {"context", text(1024 << shape)}, {"q_heads", text(8 << (shape % 3))},
        {"kv_heads", "8"}, {"head_dim", "128"}};
  if (operation == "linear_update")
    return {{"op", "gdn"},
            {"batch", text(n)},
            {"seqlen_new", "1"},
            {"kernel", "update"},
            {"phase", "decode"},
            {"k_heads", "16"},
            {"v_heads", text(16 * (shape + 1))},
            {"k_head_dim", "128"},
            {"v_head_dim", "128"}};
  return {
      {"op", "allreduce"}, {"message_bytes", text(1024 * n)}, {"ranks", text(2 << (shape % 3))}, {"kernel", "graph"}};
}

std::vector<Cells> launches(const std::string& operation) {
  std::vector<Cells> all;
  for (int size = 0; size <= 11; ++size) {
    for (int shape = 0; shape < 5; ++shape) all.push_back(launch(operation, 1 << size, shape));
  }
  return all;
}

// The same table with the times that these coefficients give, and what they are.
struct Planted {
  std::string table;
  std::vector<double> coefficients;
};

Planted planted(const std::string& operation) {
  std::vector<Cells> rows = launches(operation);
  std::string untimed = header();
  for (Cells& row : rows) {
    row["measured_us"] = "1";
    untimed += line(row);
  }
  const TemporaryFile file(untimed, ".csv");
  const auto kernels = read_kernel_table(file.path(), "", Catalog());
  if (!kernels) throw std::runtime_error(format(kernels.error()));
  const CalibrationTable known = **Catalog().calibration();
  const auto device = std::find_if(known.devices.begin(), known.devices.end(),
                                   [](const CalibrationDevice& d) { return d.gpu == "h100_sxm"; });
  Planted result{header(), {}};
  for (const OperationCoefficients& o : calibrated_operations()) {
    if (o.operation != operation) continue;
    for (std::size_t i = 0; i < o.names.size(); ++i) {
      const CoefficientBounds b = coefficient_bounds(operation, o.names[i].name);
      result.coefficients.push_back(i % 2 == 0 ? b.start * 0.85 : std::min(b.most, b.start * 1.15));
    }
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double seconds = *kernel_seconds(*device, kernels->at(i).query, result.coefficients);
    rows[i]["measured_us"] = fmt::format("{}", seconds * 1e6);
    result.table += line(rows[i]);
  }
  return result;
}

// Kimi delta attention: a format of its own, the generic kernel of decodes and those of prompts.
TEST(KernelFit, KeepsDeltaAttentionWithGatesOfChannelsApart) {
  std::string table = header();
  for (const auto& [kernel, phase] : {std::pair("fused_recurrent_kda_packed_decode", "decode"),
                                      {"flashkda_fwd", "prefill"},
                                      {"causal_conv1d_update", "decode"},
                                      {"fused_recurrent_kda", "verify"}}) {
    Cells row = launch("linear_update", 8, 1);
    row["op"] = "kda";
    row["kernel"] = kernel;
    row["phase"] = phase;
    row["measured_us"] = "10";
    table += line(row);
  }
  const TemporaryFile file(table, ".csv");
  const auto kernels = read_kernel_table(file.path(), "", Catalog());
  ASSERT_TRUE(kernels) << format(kernels.error());
  EXPECT_EQ(kernels->at(0).query.operation, "linear_update");
  EXPECT_EQ(kernels->at(1).query.operation, "linear_scan");
  EXPECT_EQ(kernels->at(2).query.operation, "other kernels of delta attention");
  EXPECT_EQ(kernels->at(3).query.operation, kernels->at(2).query.operation);
  EXPECT_EQ(kernels->at(0).query.format, "kda");
  EXPECT_EQ(kernels->at(0).query.value_size, 128);
}

TEST(KernelFit, FindsWhatATableWasMadeWith) {
  for (const std::string operation : {"gemm", "moe", "attention_decode", "linear_update", "allreduce_custom"}) {
    SCOPED_TRACE(operation);
    const Planted made = planted(operation);
    const TemporaryFile file(made.table, ".csv");
    const Result<KernelFit> fit = fit_kernels(file.path());
    ASSERT_TRUE(fit) << format(fit.error());
    ASSERT_EQ(fit->sets.size(), 1u);
    const CoefficientSet& set = fit->sets[0].set;
    EXPECT_EQ(set.operation, operation);
    EXPECT_EQ(set.format, operation == "moe" ? "bf16.triton" : operation == "allreduce_custom" ? "any" : "bf16");
    EXPECT_EQ(set.fitted_rows, 60);
    // Some coefficients hardly act on these shapes; the times are what they were.
    EXPECT_LT(fit->sets[0].error, 0.02);
    EXPECT_LT(set.held_out_error, 0.04);
    EXPECT_GT(set.held_out_error, 0);
    EXPECT_FALSE(set.unusable);
    EXPECT_NEAR(set.coefficients[0].value, made.coefficients[0], 0.15 * made.coefficients[0]);
  }
}

TEST(KernelFit, IsTheSameForAnyNumberOfThreads) {
  const TemporaryFile file(planted("moe").table, ".csv");
  KernelFitOptions one;
  one.threads = 1;
  const auto a = fit_kernels(file.path(), one);
  const auto b = fit_kernels(file.path());
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->sets[0].set, b->sets[0].set);
}

TEST(KernelFit, SaysWhatGivesNoSet) {
  const Cells one = {{"op", "gemm"}, {"m", "1"}, {"n", "2"}, {"k", "3"}, {"measured_us", "5"}};
  const TemporaryFile few(header() + line(one), ".csv");
  const auto nothing = fit_kernels(few.path());
  ASSERT_FALSE(nothing);
  EXPECT_THAT(format(nothing.error()), HasSubstr("no coefficient set can be fitted"));

  // Beside a set that can be.
  Cells elsewhere = one, nonsense = one;
  elsewhere["gpu"] = "abacus";
  nonsense["op"] = "nonsense";
  const TemporaryFile mixed(planted("moe").table + line(elsewhere) + line(nonsense), ".csv");
  const auto fit = fit_kernels(mixed.path());
  ASSERT_TRUE(fit) << format(fit.error());
  std::vector<std::string> reasons;
  for (const UnfittedKernels& u : fit->left_out) reasons.push_back(u.reason);
  EXPECT_THAT(reasons, testing::UnorderedElementsAre("no calibrated formula", "the catalog has no GPU 'abacus'"));

  const auto missing = fit_kernels("no such file.csv");
  ASSERT_FALSE(missing);
  EXPECT_THAT(format(missing.error()), HasSubstr("no such file.csv"));
}

}  // namespace
}  // namespace foretoken
