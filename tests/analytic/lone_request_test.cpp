// A request alone on a GPU: its TTFT and TPOT in closed form from FLOPs and bytes, computed
// here without the cost model, against the simulation at roofline level.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "foretoken/scenario/catalog.hpp"
#include "foretoken/serving/simulation.hpp"
#include "support/recorder.hpp"

namespace foretoken::test {
namespace {

// Seconds of one launch at the roofline defaults (src/cost/README.md, "Choice of coefficients"): t0 + max(FLOP / (ec
// peak), bytes / (em B)).
class ByHand {
 public:
  explicit ByHand(const Deployment& d)
      : m_(d.model), o_(d.overhead), peak_(d.gpu.peak_bf16.value), bandwidth_(d.gpu.memory_bandwidth->value) {}

  [[nodiscard]] double prefill_step(double tokens, double history, double padded, bool samples) const {
    const double pairs = tokens * history + tokens * (tokens + 1) / 2;  // token i sees the history and i tokens
    const double bytes = 2 * m_.head_dim *
                         (2 * tokens * m_.heads + 2 * tokens * m_.kv_heads +
                          2 * (history + tokens) * m_.kv_heads);  // Q, O, new K and V; all K and V
    const double attention =
        12e-6 + std::max(4.0 * m_.heads * m_.head_dim * pairs / (0.46 * peak_), bytes / (0.32 * bandwidth_));
    return engine() + layers(padded) + m_.layers * attention + (samples ? head() : 0);
  }

  // `context` tokens are cached before the step, the new one's key and value are read too.
  [[nodiscard]] double decode_step(double context) const {
    const double keys = context + 1;
    const double bytes = 2 * m_.head_dim * (2 * keys * m_.kv_heads + 2.0 * m_.heads + 2 * m_.kv_heads);
    const double attention =
        12e-6 + std::max(4 * m_.heads * m_.head_dim * keys / (0.46 * peak_), bytes / (0.80 * bandwidth_));
    return engine() + layers(1) + m_.layers * attention + head();
  }

 private:
  [[nodiscard]] double engine() const { return o_.per_step + m_.layers * o_.per_layer; }

  [[nodiscard]] double gemm(double m, double n, double k) const {
    return 3.5e-6 + std::max(2 * m * n * k / (0.73 * peak_), 2 * (n * k + m * k + m * n) / (0.80 * bandwidth_));
  }
  [[nodiscard]] double pass(double bytes) const { return 2.5e-6 + bytes / (0.45 * bandwidth_); }

  [[nodiscard]] double layers(double tokens) const {
    const double h = m_.hidden_size, q = m_.heads * m_.head_dim, kv = m_.kv_heads * m_.head_dim;
    const double width = m_.intermediate_size;
    const double layer = gemm(tokens, q + 2 * kv, h) + gemm(tokens, h, q) + gemm(tokens, 2 * width, h) +
                         gemm(tokens, h, width) + 2 * pass(8 * tokens * h) + pass(4 * tokens * (q + kv)) +
                         pass(8 * tokens * kv) + pass(6 * tokens * width);
    const double embedding = 2e-6 + 4 * tokens * h / bandwidth_;
    return embedding + m_.layers * layer;
  }

  // Final norm, vocabulary, three passes over fp32 logits at 0.6 of the bandwidth.
  [[nodiscard]] double head() const {
    return o_.per_sequence + pass(8.0 * m_.hidden_size) + gemm(1, m_.vocab_size, m_.hidden_size) +
           3 * 4.0 * m_.vocab_size / (0.6 * bandwidth_);
  }

  const ModelSpec& m_;
  const OverheadTerms& o_;
  double peak_, bandwidth_;
};

struct Lone {
  const char* engine;
  const char* gpu;
  const char* model;
  std::int32_t prompt;
  std::int32_t output;
};

void PrintTo(const Lone& l, std::ostream* out) {
  *out << l.engine << ' ' << l.gpu << ' ' << l.model << ' ' << l.prompt << '/' << l.output;
}

constexpr std::int64_t kBudget = 2048;

class LoneRequest : public ::testing::TestWithParam<Lone> {};

TEST_P(LoneRequest, TakesTheTimeOfItsFlopsAndBytes) {
  const Lone lone = GetParam();
  const Catalog catalog;
  Deployment d;
  d.gpu = catalog.gpu(lone.gpu).value();
  d.model = catalog.model(lone.model).value();
  d.overhead = {.per_step = 1e-4, .per_layer = 2e-6, .per_sequence = 4e-6};
  ASSERT_EQ(d.level, CostLevel::roofline);
  SimulationConfig config;
  config.engine.name = lone.engine;
  config.engine.max_num_batched_tokens = kBudget;
  config.engine.num_gpu_blocks = 10'000;
  Request request;
  request.arrival = TimePoint{Duration{123'456'789}};
  request.prompt_tokens = lone.prompt;
  request.output_tokens = request.max_tokens = lone.output;
  const auto source = make_fixed_source({request});
  const auto cost = make_cost_model(d);
  Recorder seen;
  ASSERT_EQ(simulate(config, *source, *cost, seen).finished, 1);
  const RequestRecord& r = seen.records.front();

  const ByHand by_hand(d);
  // Steps of up to 512 tokens are padded to a captured size; those here are multiples of 8, or larger.
  const std::int64_t chunk = config.engine.name == "vllm-v1" ? kBudget : lone.prompt;
  double ttft = 0;
  for (std::int64_t at = 0; at < lone.prompt; at += chunk) {
    const std::int64_t tokens = std::min<std::int64_t>(chunk, lone.prompt - at);
    ttft += by_hand.prefill_step(static_cast<double>(tokens), static_cast<double>(at), static_cast<double>(tokens),
                                 at + tokens == lone.prompt);
  }
  double decode = 0;
  for (std::int32_t j = 1; j < lone.output; ++j) decode += by_hand.decode_step(lone.prompt + j - 1);
  const double seen_ttft = to_seconds(r.first_token - request.arrival);
  const double seen_decode = to_seconds(r.finish - r.first_token);
  std::cout << "TTFT by hand " << 1e3 * ttft << " ms, simulated " << 1e3 * seen_ttft << "; TPOT "
            << 1e3 * decode / (lone.output - 1) << " ms, simulated " << 1e3 * seen_decode / (lone.output - 1) << '\n';
  // Step ends stand on whole ns, none drifts; a context's share is rounded to 2^-20 ns.
  EXPECT_NEAR(seen_ttft, ttft, 1e-9 + 1e-9 * ttft);
  EXPECT_NEAR(seen_decode, decode, 1e-9 + 1e-9 * decode);
}

std::vector<Lone> lone_requests() {
  std::vector<Lone> all;
  for (const char* engine : {"vllm-v1", "orca", "static"}) {
    all.push_back({engine, "h100_sxm", "Llama-3.1-8B", 1024, 129});
    all.push_back({engine, "a100_sxm", "Llama-3.1-8B", 16, 1001});
    all.push_back({engine, "h100_sxm", "Llama-3.1-8B", 5000, 65});  // three chunks with history on vllm-v1
    all.push_back({engine, "b200_sxm", "Llama-3.1-70B", 4096, 33});
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(EveryEngine, LoneRequest, ::testing::ValuesIn(lone_requests()));

}  // namespace
}  // namespace foretoken::test
