// Runs the engines of the golden schedules step by step on a few prompts.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {

struct Prompt {
  std::int32_t prompt;
  std::int32_t output;
  int priority = 0;
  double arrival_ms = 0;
  std::int32_t max_tokens = 0;   // 0 = output
  std::int32_t prefix_row = -1;  // equal rows: the prompts start with the same Schedule::kSharedTokens
};

// Every step takes 1 ms unless `terms` say otherwise, so that times read as step numbers.
struct Schedule {
  static constexpr std::int64_t kSharedTokens = 64;

  Recorder seen;
  SimulationOutcome outcome;

  Schedule(const EngineConfig& engine, const std::vector<Prompt>& prompts, const StubTerms& terms = {}) {
    std::vector<Request> requests;
    for (const Prompt& p : prompts) {
      Request r;
      r.index = static_cast<std::int64_t>(requests.size());
      r.arrival = TimePoint{duration_from_seconds(p.arrival_ms * 1e-3)};
      r.prompt_tokens = p.prompt;
      r.output_tokens = p.output;
      r.max_tokens = p.max_tokens > 0 ? p.max_tokens : p.output;
      r.priority = static_cast<std::int16_t>(p.priority);
      r.prefix_row = p.prefix_row;
      requests.push_back(r);
    }
    SimulationConfig config;
    config.engine = engine;
    config.step_by_step = true;
    PrefixTable prefixes;
    for (const std::int64_t id : {7, 8}) prefixes.add_row(std::span(&id, 1), kSharedTokens);
    const auto source = make_fixed_source(requests, prefixes);
    const StubCost cost(terms);
    outcome = simulate(config, *source, cost, seen);
  }

  [[nodiscard]] std::vector<std::string> schedule(std::size_t steps) const {
    auto lines = seen.schedule();
    lines.resize(std::min(lines.size(), steps));
    return lines;
  }
  // The step (from 1) in which each request emitted its first and its last token.
  [[nodiscard]] std::vector<std::string> tokens() const {
    std::vector<std::string> lines;
    for (const RequestRecord& r : seen.by_index()) {
      const auto step = [](TimePoint t) { return t.time_since_epoch().count() / 1'000'000; };
      lines.push_back(fmt::format("{}..{}", step(r.first_token), step(r.finish)));
    }
    return lines;
  }
  [[nodiscard]] double ttft_ms(std::size_t request) const {
    const RequestRecord r = seen.by_index()[request];
    return 1e3 * to_seconds(r.first_token - r.request.arrival);
  }
  [[nodiscard]] double step_ms(std::size_t step) const {
    return 1e3 * to_seconds(seen.steps[step - 1].end - seen.steps[step - 1].begin);
  }
};

inline EngineConfig vllm() {
  EngineConfig engine;
  engine.max_num_batched_tokens = 2048;
  engine.num_gpu_blocks = 10'000;
  return engine;
}

inline EngineConfig sglang(std::int64_t chunk) {
  EngineConfig engine = vllm();
  engine.name = "sglang";
  engine.version = "0.5.9";
  engine.block_size = 1;
  engine.num_gpu_blocks = 100'000;
  engine.reserve_null_block = false;
  engine.chunked_prefill_size = chunk;
  return engine;
}

inline EngineConfig tensorrt_llm(bool chunked) {
  EngineConfig engine = vllm();
  engine.name = "tensorrt-llm";
  engine.version = "1.0";
  engine.block_size = 32;
  engine.reserve_null_block = false;
  engine.enable_chunked_prefill = chunked;
  return engine;
}

}  // namespace foretoken::test
