// Random engines, clusters and loads for the differential and invariant suites: small
// numbers, so that seats, budget and KV blocks run out often.
#pragma once

#include <optional>

#include "base/random.hpp"
#include "foretoken/serving/simulation.hpp"
#include "serving/policies.hpp"
#include "serving/state/block_growth.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {

struct RandomRun {
  SimulationConfig config;
  StubTerms cost;
  std::vector<Request> requests;  // an open loop
  PrefixTable prefixes;           // of these
  std::vector<std::vector<MediaItem>> media;
  std::optional<WorkloadConfig> loop;  // instead: a closed loop
  std::uint64_t seed = 0;

  [[nodiscard]] std::unique_ptr<RequestSource> source() const {
    return loop ? make_request_source(*loop, seed).value() : make_fixed_source(requests, prefixes, media);
  }
};

// Any router, seeing signals fresh or old. From a stream of its own, as below; before there were so many, half of the
// runs had the first two.
inline void choose_router(std::uint64_t seed, ClusterConfig& cluster) {
  RandomStream random(seed, "random_router");
  const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
  if (cluster.replicas == 1 || pick(0, 3) == 0) return;
  const auto routers = routing_policies();
  cluster.router = routers[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(routers.size()) - 1))].name;
  RoutingConfig& routing = cluster.routing;
  routing.seed = seed;
  if (pick(0, 1) == 1) routing.signal_period = Duration{pick(1, 50'000'000)};
  if (pick(0, 2) == 0) routing.signal_delay = Duration{pick(1, 20'000'000)};
  routing.signals_together = pick(0, 1) == 1;
  routing.count_own_dispatches = pick(0, 1) == 1;
  routing.prefix_index = pick(0, 1) == 1 ? "router" : "engine";
  routing.prefix_index_blocks = pick(1, 200);
  routing.balance_abs_threshold = static_cast<double>(pick(0, 8));
  routing.temperature = pick(0, 1) == 1 ? 0.5 : 0;
  routing.short_prompt_tokens = pick(1, 200);
  routing.short_replicas = 1;
  routing.random_ties = pick(0, 1) == 1;
  routing.hash_load_factor = 1 + 0.1 * static_cast<double>(pick(0, 5));
  if (pick(0, 2) > 0) routing.fetch_throughput = static_cast<double>(pick(1'000, 10'000'000));
  routing.balancing_threshold = static_cast<double>(pick(1, 3));
  if (pick(0, 3) == 0) routing.max_ttft = Duration{pick(1'000'000, 200'000'000)};
  for (int i = 0; i < cluster.replicas; ++i) routing.weights.push_back(static_cast<double>(pick(0, 4)));
}

// Any engine that drafts, with any rates, blocks and limits. What else runs is as without.
inline bool speculate(RandomRun& run) {
  RandomStream random(run.seed, "random_speculation");
  const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
  EngineConfig& engine = run.config.engine;
  if (engine.name != "vllm-v1" && engine.name != "sglang" && engine.name != "tensorrt-llm") return false;
  SpeculationConfig& spec = engine.speculation;
  spec.seed = run.seed;
  spec.tokens = pick(0, 3) == 0 ? pick(1, 16) : pick(1, 4);
  spec.lookahead = engine.name == "tensorrt-llm" ? 0 : pick(0, 1) * spec.tokens;
  spec.shortens_hits = engine.name == "vllm-v1" && pick(0, 1) == 1;
  spec.match_rate = pick(0, 2) == 0 ? 0.5 : 1;
  if (pick(0, 3) == 0) spec.drafter_max_model_len = pick(1, engine.max_model_len);
  if (engine.name == "vllm-v1" && pick(0, 3) == 0) spec.by_batch = {{1, pick(0, 4)}, {pick(2, 8), pick(0, 2)}};
  Acceptance acceptance;
  double rate = 1;
  for (std::int64_t i = 0; i < spec.tokens; ++i) acceptance.rates.push_back(rate *= 0.4 + 0.6 * random.uniform());
  if (pick(0, 4) == 0) acceptance.rates.assign(acceptance.rates.size(), pick(0, 1) == 0 ? 0 : 1);
  if (pick(0, 3) == 0) acceptance.concentration = 2;
  spec.acceptance = {acceptance};
  engine.enable_mixed_chunk = false;
  if (engine.name == "vllm-v1" && pick(0, 3) == 0) spec.reserved_tokens = pick(0, engine.max_num_batched_tokens - 1);
  // Of all seats, or of who is in the step.
  if (engine.name == "vllm-v1" && pick(0, 2) == 0) {
    spec.reserved_tokens = 0;
    spec.slots_per_request = std::min(pick(1, spec.tokens), engine.max_num_batched_tokens - 1);
  }
  run.cost.per_draft = 1e-5 * random.uniform();
  return true;
}

// Images in the prompts of an open loop of vLLM's, of which some recur, and hardly room for any.
inline bool bring_images(RandomRun& run) {
  RandomStream random(run.seed, "random_media");
  const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
  EngineConfig& engine = run.config.engine;
  if (engine.name != "vllm-v1" || engine.data_parallel_size > 1 || run.loop) return false;
  std::int64_t largest = 1;
  for (Request& r : run.requests) {
    if (pick(0, 2) == 0) continue;
    std::vector<MediaItem> items;
    for (std::int64_t at = pick(0, 20), i = 0; i < 4; ++i) {
      const std::int64_t content = pick(0, 9), tokens = 1 + content * pick(7, 7);
      if (at + tokens > r.prompt_tokens) break;
      items.push_back({content, static_cast<std::int32_t>(at), static_cast<std::int32_t>(tokens), 1, 1});
      largest = std::max(largest, tokens);
      at += tokens + pick(0, 12);
    }
    if (items.empty()) continue;
    r.media = static_cast<std::int32_t>(run.media.size());
    run.media.push_back(std::move(items));
  }
  engine.encoder.budget = std::max(largest, pick(0, 1) == 0 ? largest : engine.max_num_batched_tokens);
  engine.encoder.whole_items = largest <= engine.max_num_batched_tokens && pick(0, 3) == 0;
  run.cost.per_encoded_token = 1e-5 * random.uniform();
  return !run.media.empty();
}

inline RandomRun random_run(std::uint64_t seed) {
  RandomStream random(seed, "random_run");
  const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
  const auto one_in = [&](std::int64_t n) { return pick(1, n) == 1; };
  RandomRun run;
  run.seed = seed;
  EngineConfig& engine = run.config.engine;
  const std::int64_t kind = pick(0, 15);
  engine.name = kind < 8    ? "vllm-v1"
                : kind < 9  ? "orca"
                : kind < 10 ? "static"
                : kind < 12 ? "vllm-v0"
                : kind < 14 ? "sglang"
                            : "tensorrt-llm";
  if (engine.name == "vllm-v0") engine.version = one_in(2) ? "0.5" : "0.6";
  if (engine.name == "vllm-v1" && seed % 3 == 0) engine.version = "0.24";
  if (engine.name == "sglang") engine.version = one_in(2) ? "0.5.9" : "0.5.18";
  engine.chunked_prefill_size = one_in(3) ? pick(1, 40) : pick(40, 400);
  engine.max_prefill_tokens = pick(20, 800);
  engine.enable_mixed_chunk = one_in(3);
  engine.schedule_conservativeness = one_in(2) ? 0.2 : 1;
  engine.ignore_eos_admission = one_in(4);
  engine.scheduler_recv_interval = one_in(3) ? pick(2, 40) : 1;
  engine.batch_wait_timeout_iters = one_in(3) ? pick(1, 30) : 0;
  engine.batch_wait_max_tokens_ratio = random.uniform();
  engine.capacity_scheduler_policy = one_in(3) ? "GUARANTEED_NO_EVICT" : one_in(2) ? "MAX_UTILIZATION" : "STATIC_BATCH";
  engine.context_chunking_policy = one_in(2) ? "FIRST_COME_FIRST_SERVED" : "EQUAL_PROGRESS";
  engine.max_model_len = pick(100, 600);
  engine.max_num_seqs = one_in(3) ? pick(1, 4) : pick(2, 40);
  engine.max_num_batched_tokens = one_in(4) ? pick(1, 20) : pick(20, 400);
  engine.block_size = static_cast<int>(one_in(2) ? 16 : pick(1, 20));
  const std::int64_t longest = blocks_for(engine.max_model_len, engine.block_size);
  engine.num_gpu_blocks = 1 + longest + (one_in(2) ? pick(0, longest) : pick(0, 20 * longest));
  engine.scheduler_reserve_full_isl = one_in(2);
  engine.watermark = one_in(4) ? 0.1 : 0;
  engine.long_prefill_token_threshold = one_in(4) ? pick(1, 60) : 0;
  engine.enable_chunked_prefill = !one_in(6);
  if (!engine.enable_chunked_prefill) engine.max_num_batched_tokens = engine.max_model_len + pick(0, 300);
  engine.scheduling_policy = one_in(4) ? "priority" : "fcfs";
  engine.padded = one_in(2);
  engine.max_wait = Duration{one_in(2) ? 0 : pick(1, 40'000'000)};
  if (one_in(5)) engine.queue_timeout = Duration{pick(1'000'000, 200'000'000)};
  if (one_in(6)) engine.max_waiting_requests = pick(1, 10);
  RandomStream pipeline(seed, "random_run_async");
  const bool can_overlap = engine.name == "vllm-v1" || engine.name == "sglang" || engine.name == "tensorrt-llm";
  engine.async_scheduling = can_overlap && pipeline.uniform_int(0, 1) == 1;
  const std::int64_t unforeseen = pipeline.uniform_int(0, 1) == 1 ? 20 : 0;  // a stop before max_tokens
  engine.micro_batches = pipeline.uniform_int(1, 4) == 1 ? static_cast<int>(pipeline.uniform_int(2, 4)) : 1;
  engine.attention_dp_enable_balance = pipeline.uniform_int(0, 1) == 1;
  engine.attention_dp_timeout_iters = pipeline.uniform_int(1, 12);
  engine.attention_dp_batching_wait_iters = pipeline.uniform_int(0, 6);
  run.config.cluster.replicas = one_in(3) ? static_cast<int>(pick(2, 5)) : 1;
  run.config.cluster.router = one_in(2) ? "least_outstanding" : "round_robin";
  choose_router(seed, run.config.cluster);
  // A stream of its own: the other draws stay what they were before there were groups.
  RandomStream ranks(seed, "random_ranks");
  if (ranks.uniform_int(1, 4) == 1) engine.data_parallel_size = static_cast<int>(ranks.uniform_int(2, 4));

  run.cost.base = 1e-3 * random.uniform();
  run.cost.per_prefill_token = 1e-5 * random.uniform();
  run.cost.per_row = 1e-5 * random.uniform();
  run.cost.per_context = 1e-6 * random.uniform();
  run.cost.per_context_above = run.cost.per_context + 1e-6 * random.uniform();
  run.cost.kink = static_cast<double>(pick(1, 4000));
  if (one_in(3)) {
    run.cost.window = pick(1, 300);
    run.cost.per_windowed = 1e-6 * random.uniform();
  }

  engine.enable_prefix_caching = engine.name != "orca" && engine.name != "static" && !one_in(3);
  // Families of prompts: trees of ids, whose blocks need not be multiples of KV blocks.
  const std::int64_t families = one_in(2) ? pick(1, 6) : 0;
  const std::int64_t id_tokens = one_in(2) ? engine.block_size : pick(1, 50);
  for (std::int64_t row = 0; row < families; ++row) {
    std::vector<std::int64_t> ids(static_cast<std::size_t>(pick(1, 12)));
    for (auto& id : ids) id = pick(0, 1);
    run.prefixes.add_row(ids, id_tokens);
  }

  const std::int64_t count = pick(1, 80);
  const std::int64_t longest_prompt = engine.max_model_len - 1;
  if (one_in(5)) {
    WorkloadConfig loop;
    loop.arrivals = AllAtOnceArrivals{};
    loop.num_prompts = count;
    loop.max_concurrency = pick(1, 20);
    loop.lengths.input = UniformLength{1, longest_prompt};
    loop.lengths.output = UniformLength{1, 200};
    if (one_in(2)) loop.client_delay = Duration{pick(0, 5'000'000)};
    if (one_in(2)) loop.shared_prefix = pick(1, longest_prompt);
    if (one_in(2)) {
      loop.sessions = SessionConfig{UniformLength{1, 4}, {true, Duration{pick(0, 5'000'000)}}};
      loop.lengths = {UniformLength{1, std::max<std::int64_t>(1, longest_prompt / 6)}, UniformLength{1, 60}, {}};
    }
    run.loop = loop;
    return run;
  }
  const std::int64_t mean_gap = one_in(4) ? 0 : pick(1, 30'000'000);
  TimePoint at{};
  for (std::int64_t i = 0; i < count; ++i) {
    at += Duration{mean_gap == 0 ? 0 : pick(0, 2 * mean_gap)};
    Request r;
    r.index = i;
    r.arrival = at;
    r.prompt_tokens = static_cast<std::int32_t>(one_in(3) ? pick(1, longest_prompt + 3) : pick(1, 60));
    r.output_tokens = static_cast<std::int32_t>(one_in(8) ? 1 : pick(1, 300));
    r.max_tokens = r.output_tokens;
    if (engine.async_scheduling) r.max_tokens += static_cast<std::int32_t>(pipeline.uniform_int(0, unforeseen));
    r.priority = static_cast<std::int16_t>(pick(0, 3));
    if (families > 0 && !one_in(4)) r.prefix_row = static_cast<std::int32_t>(pick(0, families - 1));
    run.requests.push_back(r);
  }
  return run;
}

// The same, and in every second run of vLLM layers of several kinds share the blocks.
inline RandomRun random_run_of_groups(std::uint64_t seed) {
  RandomRun run = random_run(seed);
  EngineConfig& engine = run.config.engine;
  RandomStream random(seed, "random_layout");
  const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
  if (engine.name != "vllm-v1" || pick(0, 1) == 0) return run;
  KvLayout& layout = engine.kv_layout;
  layout.full = static_cast<int>(pick(0, 2));
  layout.windowed = static_cast<int>(pick(layout.full == 0 ? 1 : 0, 6));
  layout.states = pick(0, 2) == 0 ? static_cast<int>(pick(1, 3)) : 0;
  if (layout.windowed > 0) {
    if (run.cost.window == 0) run.cost.window = pick(1, 300), run.cost.per_windowed = 1e-6 * random.uniform();
    layout.window = run.cost.window;
  }
  const std::int64_t longest = blocks_for(engine.max_model_len, engine.block_size);
  engine.num_gpu_blocks = 1 + engine.most_blocks_of(engine.max_model_len) + pick(0, 6 * longest);
  return run;
}

}  // namespace foretoken::test
