// Random runs with LoRA adapters, images, drafts, several answers to a request, clients that leave, and ends by stop
// strings, as far as they are modelled together.
#pragma once

#include "cost/levels/levels.hpp"
#include "support/random_run.hpp"

namespace foretoken::test {

struct RandomExtras {
  RandomRun run;
  LoraSpec lora;  // of the cost model; max_loras 0: none
  [[nodiscard]] std::unique_ptr<CostModel> cost() const {
    auto stub = std::make_unique<StubCost>(run.cost);
    if (!lora.on()) return stub;
    return make_model_with_adapters(std::move(stub), lora);
  }
};

inline void give_adapters(RandomStream& random, RandomExtras& extras) {
  const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
  EngineConfig& engine = extras.run.config.engine;
  const bool has_adapters = engine.name != "orca" && engine.name != "static";
  if (!has_adapters || pick(0, 2) == 0) return;
  const std::int64_t adapters = pick(1, 8);
  LoraConfig& lora = engine.lora;
  lora.max_loras = pick(1, 4);
  lora.max_cpu_loras = lora.max_loras + pick(0, 4);
  lora.base_takes_slot = engine.name == "sglang";
  lora.loaded_at_start = engine.name == "sglang" || engine.name == "tensorrt-llm";
  for (std::int64_t i = 0; i < adapters; ++i) {
    const Duration load{pick(0, 1) * pick(1, 3'000'000)};
    lora.loads.push_back({load, load + Duration{pick(0, 5'000'000)}});
    if (engine.name == "tensorrt-llm") lora.places.push_back(pick(1, lora.max_loras));
  }
  extras.lora.max_loras = static_cast<int>(lora.max_loras);
  extras.lora.per_adapter = pick(0, 1) == 1 ? 0.05 : 0;
  extras.lora.with_adapters = pick(0, 2) == 0 ? 0.3 : 0;
  if (WorkloadConfig* loop = extras.run.loop ? &*extras.run.loop : nullptr) {
    loop->adapters.weights.assign(static_cast<std::size_t>(adapters), 1);
    loop->adapters.ranks.assign(static_cast<std::size_t>(adapters), 16);
    loop->adapters.base_share = pick(0, 1) == 1 ? 0.3 : 0;
  }
  for (Request& r : extras.run.requests) r.adapter = static_cast<std::int16_t>(pick(-1, adapters - 1));
}

inline RandomExtras random_extras(std::uint64_t seed) {
  RandomExtras extras{random_run(seed), {}};
  RandomRun& run = extras.run;
  RandomStream random(seed, "random_extras");
  const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
  give_adapters(random, extras);
  const bool stops = run.config.engine.name != "static" && run.config.engine.name != "orca" && pick(0, 1) == 1;
  for (Request& r : run.requests) {
    if (!stops || pick(0, 1) == 0) continue;
    r.stop_string = true;
    r.max_tokens = r.output_tokens + static_cast<std::int32_t>(pick(1, 10));
  }
  ClientConfig& clients = run.config.clients;
  if (pick(0, 2) == 0) {
    clients.on = true;
    clients.seed = seed;
    clients.abort_share = 0.5;
    clients.patience = Duration{pick(1, 300'000'000)};
    clients.patience_is_exponential = pick(0, 1) == 1;
    clients.aborts = pick(0, 3) > 0;
    if (pick(0, 2) == 0) clients.timeout = Duration{pick(1, 300'000'000)}, clients.retries = 1;
  }
  const bool forks = run.config.engine.name == "vllm-v0" || run.config.engine.name == "tensorrt-llm";
  if (!forks && pick(0, 2) == 0) {
    AnswersConfig& answers = run.config.answers;
    if (pick(0, 2) == 0) {
      answers.beam_width = static_cast<int>(pick(1, 4));
    } else {
      answers.best_of = static_cast<int>(pick(2, 5));
      answers.n = static_cast<int>(pick(1, answers.best_of));
    }
  }
  if (pick(0, 3) == 0)
    (void)speculate(run);
  else if (!run.config.engine.lora.on() && pick(0, 2) > 0)
    (void)bring_images(run);
  return extras;
}

}  // namespace foretoken::test
