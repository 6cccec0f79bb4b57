// Speculation against published measurements: throughput with drafts over throughput without, as steps of the cost
// model at the batch and the acceptance of each. Public figures, their sources in the rows; nothing here is fitted but
// the host times that src/cost/README.md, "Drafting", names. A row without a published acceptance has only its sign
// checked.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <optional>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/scenario/catalog.hpp"

namespace foretoken::test {
namespace {

struct Place {
  const char* gpu;
  const char* model;
  int tensor = 1;
  const char* engine = "vllm-v1";
  const char* release = "0.22";
  WeightFormat format = WeightFormat::bf16;
};
struct Drafts {
  DraftMethod method = DraftMethod::eagle3;
  int passes = 2;
  int branches = 1;
  int tree = 0;                 // tokens that a row verifies beyond its own; 0: as many as passes
  const char* model = nullptr;  // of method draft_model
  int window = 0;               // that its layers see (self-speculation on a sparse cache)
  double host_per_step = -1, host_per_pass = -1;
  std::optional<ModelSpec> shape = {};  // of the drafter, where no catalog has it
  bool parallel = false;                // all drafts in one pass
};

class Bench {
 public:
  explicit Bench(const Place& place) : place_(place) {
    d_.gpu = catalog().gpu(place.gpu).value();
    d_.model = catalog().model(place.model).value();
    d_.parallelism.tensor = place.tensor;
    d_.dense_format = d_.expert_format = place.format;
    d_.engine_name = place.engine;
    d_.engine_version = place.release;
    d_.level = CostLevel::calibrated;
    d_.calibration = catalog().calibration().value();
    d_.node.scale_out_link = catalog().link("infiniband_ndr400").value();
    d_.overhead = default_overhead(place.engine, place.release, d_.gpu);
  }
  Deployment& deployment() { return d_; }

  double step(std::int64_t batch, std::int64_t context, const std::optional<Drafts>& drafts) const {
    Deployment d = d_;
    std::int64_t each = 0;
    if (drafts) {
      each = drafts->tree > 0 ? drafts->tree : drafts->passes;
      d.draft = draft_spec(drafts->method, d.model, d.dense_format, drafts->passes, place_.engine, place_.release);
      d.draft.branches = drafts->branches;
      d.draft.tokens = static_cast<int>(each);
      if (drafts->parallel) d.draft = in_parallel(d.draft);
      if (drafts->model != nullptr) d.draft.model = catalog().model(drafts->model).value();
      if (drafts->shape) d.draft.model = *drafts->shape;
      if (drafts->window > 0) {
        d.draft.model.sliding_window = drafts->window;
        d.draft.model.sliding_layers = d.draft.model.full_attention_layers;
        d.draft.model.full_attention_layers = 0;
      }
      if (drafts->host_per_step >= 0) d.draft.host_per_step = drafts->host_per_step;
      if (drafts->host_per_pass >= 0) d.draft.host_per_pass = drafts->host_per_pass;
    }
    const auto cost = make_cost_model(d);
    const std::int64_t window = cost->sliding_window();
    DecodeShape shape{batch, batch * context, window > 0 ? batch * std::min(context, window) : 0, batch * each};
    // A drafter that sees less than the target: its contexts are as long as its window.
    if (drafts && drafts->window > 0) return with_sparse_drafter(d, shape, drafts->window);
    return to_seconds(cost->step({{}, shape}).total());
  }

 private:
  static const Catalog& catalog() {
    static const Catalog kCatalog;
    return kCatalog;
  }
  // The target with all of the context, and the drafter's passes with the window's.
  static double with_sparse_drafter(const Deployment& d, const DecodeShape& shape, int window) {
    Deployment target = d;
    target.draft.passes = 0;
    target.draft.method = DraftMethod::ngram;
    Deployment drafter = d;
    drafter.model = d.draft.model;
    drafter.draft = {};
    drafter.overhead = {};
    drafter.overhead.scale = d.overhead.scale;
    const std::int64_t seen = shape.sequences * window;
    return to_seconds(make_cost_model(target)->step({{}, shape}).total()) +
           d.draft.passes *
               to_seconds(make_cost_model(drafter)->decode(shape.sequences).at({shape.sequences, seen, seen}).total());
  }
  Place place_;
  Deployment d_;
};

struct Row {
  std::string name;
  double measured = 1;  // speed-up
  double predicted = 1;
  bool sized = true;    // the acceptance was published with it
  bool signed_ = true;  // a gain must be one, a loss too
};

class Rows {
 public:
  // tokens: the mean of a row and step; 0: not published, `guess` is taken and only the sign looked at.
  void add(const std::string& name, const Bench& bench, std::int64_t batch, std::int64_t context, const Drafts& drafts,
           double tokens, double measured, double guess = 0) {
    const double length = tokens > 0 ? tokens : guess;
    const double speed_up = length * bench.step(batch, context, std::nullopt) / bench.step(batch, context, drafts);
    rows_.push_back({name, measured, speed_up, tokens > 0});
  }
  // One way of drafting against another.
  void compare(const std::string& name, const Bench& bench, std::int64_t batch, std::int64_t context, const Drafts& a,
               double tokens_a, const Drafts& b, double tokens_b, double measured, bool with_sign) {
    const double ratio = tokens_a / tokens_b * bench.step(batch, context, b) / bench.step(batch, context, a);
    rows_.push_back({name, measured, ratio, true, with_sign});
  }
  const std::vector<Row>& rows() const { return rows_; }

 private:
  std::vector<Row> rows_;
};

// vllm issue 20780 and pull request 16937: one H100, one request, MT-bench; vLLM of the middle of 2025.
void add_llama_on_h100(Rows& rows) {
  const Bench bench({"h100_sxm", "Llama-3.1-8B", 1, "vllm-v1", "0.9"});
  const struct {
    int tokens;
    double eagle3, gain;
  } kEagle3[] = {{2, 2.36, 1.64}, {3, 2.79, 1.73}, {4, 3.08, 1.75}, {7, 3.54, 1.65}};
  for (const auto& r : kEagle3)
    rows.add(fmt::format("1  Llama-8B H100, EAGLE-3 {}", r.tokens), bench, 1, 300, {DraftMethod::eagle3, r.tokens},
             r.eagle3, r.gain);
  const struct {
    int tokens;
    double eagle, gain;
  } kEagle[] = {{2, 2.10, 201.7 / 133}, {4, 2.39, 198.0 / 133}, {7, 2.47, 169.9 / 133}};
  for (const auto& r : kEagle)
    rows.add(fmt::format("2  Llama-8B H100, EAGLE {}", r.tokens), bench, 1, 300, {DraftMethod::eagle, r.tokens},
             r.eagle, r.gain);
  rows.add("2  Llama-8B H100, EAGLE-3 2", bench, 1, 300, {DraftMethod::eagle3, 2}, 2.36, 220.2 / 133);
}

// SafeAILab/EAGLE, README and paper: SGLang on one H100.
void add_eagle_on_sglang(Rows& rows) {
  const Bench bench({"h100_sxm", "Llama-3.1-8B", 1, "sglang", "0.4"});
  const Drafts tree{DraftMethod::eagle, 5, 4, 7}, tree3{DraftMethod::eagle3, 5, 4, 7};
  rows.add("3  Llama-8B H100 SGLang, EAGLE-2 tree", bench, 1, 300, tree, 0, 244.1 / 158.3, 2.43);
  rows.add("3  Llama-8B H100 SGLang, EAGLE-3 tree", bench, 1, 300, tree3, 0, 373.3 / 158.3, 3.32);
  rows.add("5  Llama-8B H100 SGLang, batch 64, EAGLE-3 chain", bench, 64, 300, {DraftMethod::eagle3, 3}, 0, 1.38, 2.79);
}

// AngelSlim: two EAGLE-3 drafts on an H20, one request; lengths by speed-up and step ratio.
void add_qwen_on_h20(Rows& rows) {
  const struct {
    const char* model;
    double tokens, gain;
  } kModels[] = {{"Qwen3-1.7B", 2.18, 1.69}, {"Qwen3-4B", 2.07, 1.66},  {"Qwen3-8B", 1.99, 1.70},
                 {"Qwen3-14B", 1.79, 1.56},  {"Qwen3-32B", 1.92, 1.71}, {"Qwen3-30B-A3B", 2.04, 1.37}};
  for (const auto& m : kModels) {
    const Bench bench({"h20", m.model, 1, "vllm-v1", "0.11"});
    rows.add(fmt::format("4  {} H20", m.model), bench, 1, 600, {DraftMethod::eagle3, 2}, m.tokens, m.gain);
  }
}

// vLLM blog of 2024-10-17: 70B on four H100, V0; a draft model of 0.5 B, and n-grams of summaries.
void add_v0(Rows& rows) {
  const Bench bench({"h100_sxm", "Llama-3.1-70B", 4, "vllm-v0", "0.6"});
  const Drafts model{DraftMethod::draft_model, 4, 1, 0, "Llama-3.2-1B"};
  const Drafts ngram{DraftMethod::ngram, 0, 1, 4};
  rows.add("6  Llama-70B 4 x H100 V0, draft, 1 request/s", bench, 1, 500, model, 0, 1.5, 2.6);
  rows.add("6  the same, n-gram", bench, 1, 1000, ngram, 0, 2.8, 2.9);
  rows.add("6  the same, draft, high rate", bench, 256, 500, model, 0, 1 / 1.4, 2.6);
  rows.add("6  the same, n-gram, high rate", bench, 256, 1000, ngram, 0, 1 / 1.8, 2.2);
  rows.add("19 Llama-70B and 1B, batch 32", bench, 32, 1000, {DraftMethod::draft_model, 5, 1, 0, "Llama-3.2-1B"}, 0,
           0.9, 2.2);
}

// TensorRT-LLM's blogs 2 and 7, and vLLM's of 2026-05-26 and 2026-07-13: mixtures of experts.
void add_experts(Rows& rows) {
  Bench r1({"b200_sxm", "DeepSeek-R1", 8, "tensorrt-llm", "1.0", WeightFormat::nvfp4});
  r1.deployment().dense_format = WeightFormat::bf16;
  rows.add("7  DeepSeek-R1 8 x B200, MTP 3", r1, 1, 1500, {DraftMethod::mtp, 3}, 0, 2.16, 2.7);
  const Bench scout({"b200_sxm", "Llama-4-Scout", 8, "tensorrt-llm", "1.0", WeightFormat::fp8});
  const Drafts ngram3{DraftMethod::ngram, 0, 1, 3};
  for (const auto& [batch, gain] : {std::pair{1, 1.96}, {4, 1.64}, {32, 1.33}})
    rows.add(fmt::format("8  Llama-4-Scout 8 x B200, n-gram, batch {}", batch), scout, batch, 1000, ngram3, 1.72, gain);
  const Bench kimi({"gb200", "Kimi-K2", 4, "vllm-v1", "0.22", WeightFormat::nvfp4});
  for (const auto& [batch, gain] : {std::pair{1, 2.03}, {4, 1.71}, {16, 1.66}})
    rows.add(fmt::format("9  Kimi-K2 GB200, EAGLE-3.1, batch {}", batch), kimi, batch, 1000, {DraftMethod::eagle3, 3},
             2.8, gain);
  const Bench kimi_amd({"mi355x", "Kimi-K2", 4, "vllm-v1", "0.22", WeightFormat::mxfp4});
  rows.add("10 Kimi-K2 MI355X, EAGLE-3", kimi_amd, 4, 1000, {DraftMethod::eagle3, 3}, 2.75, 1.84);
  const Bench minimax({"mi355x", "MiniMax-M2.5", 4, "vllm-v1", "0.22", WeightFormat::fp8});
  rows.add("10 MiniMax-M2.5 MI355X, EAGLE-3", minimax, 4, 1000, {DraftMethod::eagle3, 3}, 2.75, 1.58);
}

// eugr/spark-vllm-docker issue 343: Gemma-4-26B-A4B in NVFP4 with Google's drafter of four layers on a DGX Spark
// (GB10), one request and eight. Without drafts others measured 50 and 52 tokens a second for one (tgmerritt.com,
// ai-muninn.com). Of eight the author says that "concurrent throughput was noisy" (prompts all alike, found in the
// prefix cache); the acceptance is what the log gave then, 45 to 53 % and 63 to 66 %.
Bench gemma_on_spark() {
  Bench spark({"rtx_pro_6000_server", "Gemma-3-27b-it", 1, "vllm-v1", "0.22"});
  Deployment& d = spark.deployment();
  d.expert_format = WeightFormat::nvfp4;
  d.gpu.compute_units = 48;
  d.gpu.memory_bandwidth = Bandwidth{273e9};
  d.gpu.peak_bf16 = {125e12};
  d.gpu.peak_fp8 = ComputeRate{250e12};
  d.gpu.peak_fp4 = ComputeRate{500e12};
  d.level = CostLevel::roofline;
  ModelSpec& m = d.model;  // its global layers have heads of 512, which counts for 0.1 GB
  m.hidden_size = 2816;
  m.layers = 30;
  m.sliding_layers = 25;
  m.full_attention_layers = 5;
  m.heads = 16;
  m.kv_heads = 8;
  m.head_dim = 256;
  m.intermediate_size = 2112;
  m.moe = {.experts = 128, .active_experts = 8, .expert_width = 704, .shared_width = 2112};
  m.encoder = {};
  return spark;
}

void add_gemma_on_spark(Rows& rows) {
  Bench spark = gemma_on_spark();
  ModelSpec assistant = spark.deployment().model;
  assistant.hidden_size = 1024;
  assistant.layers = assistant.full_attention_layers = 4;
  assistant.sliding_layers = assistant.sliding_window = 0;
  assistant.intermediate_size = 8192;
  assistant.moe = {};
  const auto drafts = [&](int tokens) {
    Drafts of{DraftMethod::mtp, tokens};
    of.shape = assistant;
    return of;
  };
  constexpr double kFour = 1 + 4 * 0.49, kTwo = 1 + 2 * 0.645;
  rows.add("15 Gemma 26B-A4B DGX Spark, MTP 4", spark, 1, 300, drafts(4), 0, 55.6 / 51, kFour);
  rows.add("15 the same, MTP 2", spark, 1, 300, drafts(2), 0, 54.9 / 51, kTwo);
  rows.compare("15 the same, MTP 4 over 2", spark, 1, 300, drafts(4), kFour, drafts(2), kTwo, 55.6 / 54.9, false);
  rows.compare("15 the same, batch 8 (noisy)", spark, 8, 300, drafts(4), kFour, drafts(2), kTwo, 210 / 303.6, false);
}

// vLLM blog of 2026-03-13: seven drafts of P-EAGLE in one pass over three of EAGLE-3, by concurrency. Both drafters are
// as wide as what the 1.8 billion published parameters of P-EAGLE leave for its four layers beside two whole tables;
// EAGLE-3's one is taken as one of these. Questions with their reasoning are about 1,000 tokens long in the mean.
void add_parallel_drafting(Rows& rows) {
  Bench b200({"b200_sxm", "gpt-oss-20b", 1, "vllm-v1", "0.16"});
  Deployment& d = b200.deployment();
  d.expert_format = WeightFormat::mxfp4;
  d.kv_format = KvFormat::fp8;
  d.moe_backend = "trtllm_mxfp8";  // VLLM_USE_FLASHINFER_MOE_MXFP4_MXFP8=1
  d.cuda_graph_max_rows = 4096;
  ModelSpec head = draft_spec(DraftMethod::eagle3, d.model, d.dense_format, 3, "vllm-v1", "0.16").model;
  head.intermediate_size = 14336;
  Drafts eagle{DraftMethod::eagle3, 3}, parallel{DraftMethod::eagle3, 7};
  eagle.shape = head;
  parallel.parallel = true;
  head.layers = head.full_attention_layers = head.mlp_layers = 4;
  head.vocab_size = d.model.vocab_size;
  parallel.shape = head;
  const struct {
    const char* name;
    double parallel, eagle;
    double ratio[7];
  } kSets[] = {{"MT-bench", 3.70, 2.70, {1.55, 1.29, 1.35, 1.28, 1.27, 1.09, 1.05}},
               {"HumanEval", 3.94, 2.65, {1.55, 1.53, 1.45, 1.35, 1.31, 1.37, 1.23}},
               {"SPEED-Bench", 3.38, 2.24, {1.69, 1.61, 1.54, 1.45, 1.40, 1.22, 1.25}}};
  for (const auto& set : kSets) {
    for (std::size_t i = 0; i < std::size(set.ratio); ++i) {
      const std::int64_t batch = std::int64_t{1} << i;
      rows.compare(fmt::format("11 GPT-OSS-20B B200, P-EAGLE, {}, batch {}", set.name, batch), b200, batch, 1000,
                   parallel, set.parallel, eagle, set.eagle, set.ratio[i], true);
    }
  }
}

// Rows 15 to 17: engines and devices that are not in the catalog, by what is nearest to them.
void add_others(Rows& rows) {
  const Bench gemma({"h100_nvl", "Gemma-3-27b-it", 1, "vllm-v1", "0.22", WeightFormat::fp8});
  // Its acceptance was not published; one length explains both contexts.
  rows.add("12 Gemma 31B H100 NVL, batch 256, context 400", gemma, 256, 400, {DraftMethod::mtp, 3}, 0, 2139.8 / 2711.7,
           1.8);
  rows.add("12 the same, context 900", gemma, 256, 900, {DraftMethod::mtp, 3}, 0, 1838.9 / 1987.1, 1.8);
  add_gemma_on_spark(rows);
  Bench strix({"rtx_pro_6000_server", "Qwen3-30B-A3B", 1, "vllm-v1", "0.22", WeightFormat::int4_weight_only});
  strix.deployment().gpu.memory_bandwidth = Bandwidth{256e9};
  strix.deployment().gpu.peak_bf16 = {59e12};
  strix.deployment().level = CostLevel::roofline;
  rows.add("16 Qwen 35B-A3B Strix Halo, MTP 2", strix, 1, 1000, {DraftMethod::mtp, 2}, 0, 1.26, 2.54);
  // The step took 2.4 times as long and the throughput fell to 0.51: 1.25 tokens a row.
  // The model is not named, and of the device the catalog knows no bandwidth: 1.2 TB/s, links of 196 GB/s.
  Bench ascend({"ascend_910b", "DeepSeek-V3", 16, "vllm-v1", "0.9", WeightFormat::int8});
  ascend.deployment().gpu.memory_bandwidth = Bandwidth{1.2e12};
  ascend.deployment().gpu.scale_up_link.per_direction = {196e9};
  ascend.deployment().gpu.scale_up_domain = 16;
  ascend.deployment().level = CostLevel::roofline;
  rows.add("17 MTP on Ascend, batch 32", ascend, 32, 1000, {DraftMethod::mtp, 3}, 0, 180.0 / 350, 1.25);
}

// MagicDec: the model drafts for itself with 512 tokens of its cache; 8 x A100. Acceptance of 0.8 to 0.9 a draft is
// shown in plots only.
void add_self_speculation(Rows& rows) {
  const Bench llama3({"a100_sxm", "Llama-3.1-8B", 8, "vllm-v1", "0.22"});
  const Bench llama2({"a100_sxm", "Llama-2-7B", 8, "vllm-v1", "0.22"});
  const auto self = [](const char* model, int tokens) {
    return Drafts{DraftMethod::draft_model, tokens, 1, 0, model, 512};
  };
  for (const auto& [batch, gain] : {std::pair{32, 1.22}, {64, 1.38}, {128, 1.47}})
    rows.add(fmt::format("13 Llama-8B self-speculation, 32 K, batch {}", batch), llama3, batch, 32000,
             self("Llama-3.1-8B", 3), 0, gain, 3.2);
  for (const auto& [batch, gain] : {std::pair{32, 1.18}, {64, 1.48}, {128, 1.63}})
    rows.add(fmt::format("14 Llama-2-7B self-speculation, 8 K, batch {}", batch), llama2, batch, 8000,
             self("Llama-2-7B", 3), 0, gain, 3.2);
}

// Spec-Bench: Hugging Face's loop without graphs on an A100, one request. Host times of an eager engine: a layer takes
// 0.6 ms to launch, so a pass of one layer with its head 1.2 ms, a step of the tree and its bookkeeping 4 ms.
void add_spec_bench(Rows& rows) {
  Bench bench({"a100_sxm", "Llama-2-7B", 1, "vllm-v0", "0.2"});
  const auto eager = [](Drafts d, double per_pass) {
    d.host_per_step = 4e-3;
    d.host_per_pass = per_pass;
    return d;
  };
  rows.add("18 Vicuna-7B A100, EAGLE-2", bench, 1, 500, eager({DraftMethod::eagle, 6, 10, 59}, 1.2e-3), 4.34, 2.36);
  rows.add("18 the same, EAGLE", bench, 1, 500, eager({DraftMethod::eagle, 5, 4, 25}, 1.2e-3), 3.58, 2.10);
  rows.add("18 the same, Medusa", bench, 1, 500, eager({DraftMethod::medusa, 1, 16, 63}, 1.2e-3), 2.31, 1.71);
  rows.add("18 the same, n-gram", bench, 1, 500, {DraftMethod::ngram, 0, 1, 10}, 1.75, 1.66);
}

// So near to no gain and no loss a row may lie on the other side.
constexpr double kHardly = 0.06;

TEST(SpeculationAccuracy, GainsAndLossesAreAsMeasured) {
  Rows all;
  add_llama_on_h100(all);
  add_eagle_on_sglang(all);
  add_qwen_on_h20(all);
  add_v0(all);
  add_experts(all);
  add_parallel_drafting(all);
  add_others(all);
  add_self_speculation(all);
  add_spec_bench(all);
  std::vector<double> errors;
  std::cout << fmt::format("{:<54} {:>8} {:>9} {:>7}\n", "row", "measured", "predicted", "error");
  for (const Row& row : all.rows()) {
    const double error = row.predicted / row.measured - 1;
    std::cout << fmt::format("{:<54} {:8.2f} {:9.2f} {:>7}\n", row.name, row.measured, row.predicted,
                             row.sized ? fmt::format("{:+.0f} %", error * 100) : "sign");
    const bool hardly = std::abs(row.measured - 1) < kHardly && std::abs(row.predicted - 1) < kHardly;
    if (row.signed_ && !hardly) {
      EXPECT_EQ(row.predicted > 1, row.measured > 1) << row.name << ": a gain where there is a loss, or the reverse";
    }
    if (row.sized) errors.push_back(std::abs(error));
  }
  std::sort(errors.begin(), errors.end());
  const double median = errors[errors.size() / 2];
  std::cout << fmt::format("{} rows with their acceptance: {:.1f} % in the median, {:.0f} % at most\n", errors.size(),
                           median * 100, errors.back() * 100);
  EXPECT_LE(median, 0.15);
}

}  // namespace
}  // namespace foretoken::test
