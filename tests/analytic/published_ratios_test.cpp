// Published ratios of routers, from settings as far as they are published: in direction and size
// (src/serving/README.md, "Queues and routers"). Traces are made here; lengths that no source gives are
// ours.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iostream>

#include "base/math.hpp"
#include "base/random.hpp"
#include "foretoken/experiment/run.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "support/temporary_file.hpp"
#include "test_paths.hpp"

namespace foretoken::test {
namespace {

// Requests with a common part of whole blocks of 512 tokens, in Mooncake's format.
struct SharedPrefixes {
  int prefixes, requests;
  std::int64_t blocks, own, out;
  double rate;
};

std::string trace_of(const SharedPrefixes& shared) {
  RandomStream times(1, "published_arrivals"), which(1, "published_prefixes");
  std::string rows;
  double at = 0;
  std::int64_t next = 1'000'000;
  for (int i = 0; i < shared.requests; ++i) {
    at += -exact_log(times.uniform()) / shared.rate;
    const std::int64_t prefix = which.uniform_int(0, shared.prefixes - 1);
    const std::int64_t input = shared.blocks * 512 + shared.own;
    std::string ids;
    for (std::int64_t b = 0; b * 512 < input; ++b)
      ids += fmt::format("{}{}", ids.empty() ? "" : ", ", b < shared.blocks ? prefix * 1000 + b : next++);
    rows += fmt::format("{{\"timestamp\": {:.0f}, \"input_length\": {}, \"output_length\": {}, \"hash_ids\": [{}]}}\n",
                        at * 1e3, input, shared.out, ids);
  }
  return rows;
}

// The first of Mooncake's conversations (FAST'25) with prompts up to `longest`; empty where there is no copy.
std::string conversations(int requests, std::int64_t longest) {
  std::ifstream file(FORETOKEN_SOURCE_DIR "/../shared/traces/mooncake_conversation.jsonl");
  const std::string key = "\"input_length\": ";
  std::string rows;
  for (std::string line; requests > 0 && std::getline(file, line);) {
    const auto at = line.find(key);
    if (at == std::string::npos || std::stoll(line.substr(at + key.size())) > longest) continue;
    rows += line + "\n";
    --requests;
  }
  return rows;
}

struct Figures {
  double ttft, itl, tokens_per_s, requests_per_s, finished, median_e2el, p99_ttft;
};

Figures figures_of(const std::string& text) {
  const Result<Scenario> scenario = parse_scenario(text, "published.yaml", {});
  EXPECT_TRUE(scenario) << text;
  if (!scenario) return {};
  const Result<RunResult> result = run_scenario(*scenario, {});
  EXPECT_TRUE(result);
  if (!result) return {};
  const Summary& s = result->summary;
  const double completed = s["completed"];
  return {s["mean_ttft_ms"],
          s["mean_itl_ms"],
          s["output_throughput"],
          s["request_throughput"],
          completed / (completed + s["failed"]),
          s["median_e2el_ms"],
          s["p99_ttft_ms"]};
}

// llm-d 0.5: Qwen3-32B on 8 x TP2 H100, 150 prefixes of 6,000 tokens, questions of 1,200, 1,000 tokens out. Published:
// up to 2.09 x tokens/s of a Kubernetes service, TTFT -99 %.
TEST(PublishedRatios, RoutingByPrefixNearSaturation) {
  const TemporaryFile trace(trace_of({150, 1500, 12, 1056, 1000, 20}), ".jsonl");
  const auto run = [&](const std::string& router) {
    return figures_of(
        fmt::format("model: Qwen/Qwen3-32B\nhardware: {{gpu: h100_sxm}}\nreplicas: 8\nrouter: {}\n"
                    "engine: {{name: vllm-v1, tensor_parallel_size: 2, enable_prefix_caching: true, "
                    "max_model_len: 16384}}\nworkload: {{trace: {{path: '{}'}}}}\n",
                    router, trace.path()));
  };
  const Figures prefix = run("llm_d"), random = run("random");
  std::cout << fmt::format("tokens/s {:.2f} x, TTFT {:.3f} x\n", prefix.tokens_per_s / random.tokens_per_s,
                           prefix.ttft / random.ttft);
  EXPECT_GT(prefix.tokens_per_s, 1.35 * random.tokens_per_s);
  EXPECT_LT(prefix.ttft, 0.3 * random.ttft);
}

// llm-d, one prefix that all share, 20/s. Published: by prefix alone 55 % succeed with ITL 160 ms, by prefix and load
// all with 30 ms.
TEST(PublishedRatios, ByPrefixAloneOneReplicaGetsAll) {
  const auto run = [&](int prefixes, const std::string& routing) {
    const TemporaryFile trace(trace_of({prefixes, 3600, 3, 1264, 200, 20}), ".jsonl");
    return figures_of(fmt::format(
        "model: meta-llama/Llama-3.1-70B-Instruct\nhardware: {{gpu: h100_sxm}}\nreplicas: 4\nrouter: llm_d\n"
        "engine: {{name: vllm-v1, tensor_parallel_size: 4, enable_prefix_caching: true, max_model_len: 16384}}\n"
        "routing: {{prefix_index: router{}}}\nworkload: {{client: {{timeout: 120 s, retries: 0}}, trace: {{path: "
        "'{}'}}}}\n",
        routing, trace.path()));
  };
  const Figures both = run(1, ""), alone = run(1, ", queue_weight: 0, kv_weight: 0");
  const Figures eight = run(8, ", queue_weight: 0, kv_weight: 0");
  std::cout << fmt::format("{:.0f} % against {:.0f} %, ITL {:.0f} against {:.0f} ms; eight prefixes {:.0f} %\n",
                           100 * alone.finished, 100 * both.finished, alone.itl, both.itl, 100 * eight.finished);
  EXPECT_GT(both.finished, 0.999);
  EXPECT_LT(alone.finished, 0.7);
  EXPECT_GT(alone.itl, 4 * both.itl);
  EXPECT_GT(eight.finished, alone.finished) << "it is the one prefix that does it";
}

// llm-d, sticky until saturated against the default, 10 x TP2 H100, Qwen3-32B. Published: input tokens/s of coding 2.9
// x, of agents 2.0 x, of reasoning parity. These conversations share a fifth of their prompts, like reasoning.
TEST(PublishedRatios, StickyUntilSaturatedIsParityWhereLittleIsShared) {
  const std::string rows = conversations(4000, 36'000);
  if (rows.empty()) GTEST_SKIP() << "no Mooncake trace beside the checkout";
  const TemporaryFile trace(rows, ".jsonl");
  const auto run = [&](const std::string& router) {
    return figures_of(
        fmt::format("model: Qwen/Qwen3-32B\nhardware: {{gpu: h100_sxm}}\nreplicas: 10\nrouter: {}\n"
                    "engine: {{name: vllm-v1, tensor_parallel_size: 2, enable_prefix_caching: true, "
                    "max_model_len: 40960}}\nworkload: {{trace: {{path: '{}', rate_scale: 4}}}}\n",
                    router, trace.path()));
  };
  const Figures sticky = run("prefix_affinity"), usual = run("llm_d");
  std::cout << fmt::format("tokens/s {:.3f} x; TTFT {:.0f} against {:.0f} ms, p99 {:.0f} against {:.0f} ms\n",
                           sticky.tokens_per_s / usual.tokens_per_s, sticky.ttft, usual.ttft, sticky.p99_ttft,
                           usual.p99_ttft);
  EXPECT_NEAR(sticky.tokens_per_s / usual.tokens_per_s, 1, 0.03);
  EXPECT_LT(sticky.ttft, usual.ttft);
}

// Dynamo's KV router, 8 A100-40, Qwen3-8B, a Mooncake trace (M. Campi). Published: no gain with spare capacity, low
// latency near saturation.
TEST(PublishedRatios, AKvRouterGainsOnlyNearSaturation) {
  const std::string rows = conversations(1000, 15'000);
  if (rows.empty()) GTEST_SKIP() << "no Mooncake trace beside the checkout";
  const TemporaryFile trace(rows, ".jsonl");
  const auto run = [&](const std::string& router, int replicas) {
    return figures_of(
        fmt::format("model: Qwen/Qwen3-8B\nhardware: {{gpu: a100_sxm_40gb}}\nreplicas: {}\nrouter: {}\n"
                    "engine: {{name: vllm-v1, enable_prefix_caching: true, max_model_len: 20480}}\n"
                    "workload: {{trace: {{path: '{}'}}}}\n",
                    replicas, router, trace.path()));
  };
  const Figures spare = run("dynamo", 8), in_turn = run("round_robin", 8);
  const Figures full = run("dynamo", 2), full_in_turn = run("round_robin", 2);
  std::cout << fmt::format(
      "8 replicas: TTFT {:.0f} against {:.0f} ms; 2: {:.0f} against {:.0f}, p99 {:.0f} against "
      "{:.0f} ms\n",
      spare.ttft, in_turn.ttft, full.ttft, full_in_turn.ttft, full.p99_ttft, full_in_turn.p99_ttft);
  EXPECT_NEAR(spare.ttft / in_turn.ttft, 1, 0.1);
  EXPECT_LT(full.ttft, 0.75 * full_in_turn.ttft);
}

// vllm#24461: one front end before eight ranks has an eighth of the throughput of eight front ends, where front ends
// are the limit.
TEST(PublishedRatios, OneFrontEndIsAnEighthOfEight) {
  const auto run = [&](const std::string& replicas, int us) {
    return figures_of(fmt::format(
        "model: Qwen/Qwen3-30B-A3B\nhardware: {{gpu: h100_sxm}}\n{}\ncost: {{per_prompt_token: {} us}}\n"
        "workload: {{random_input_len: 1000, random_output_len: 50, request_rate: inf, num_prompts: 1000}}\n",
        replicas, us));
  };
  const std::string one =
      "engine: {name: vllm-v1, enable_prefix_caching: false, max_model_len: 8192, data_parallel_size: 8}";
  const std::string eight = "replicas: 8\nengine: {name: vllm-v1, enable_prefix_caching: false, max_model_len: 8192}";
  const double bound = run(one, 80).requests_per_s / run(eight, 80).requests_per_s;
  const double free = run(one, 0).requests_per_s / run(eight, 0).requests_per_s;
  std::cout << fmt::format("1/{:.1f} where the front end is the limit, 1/{:.1f} where it takes no time\n", 1 / bound,
                           1 / free);
  EXPECT_NEAR(1 / bound, 8, 0.8);
  EXPECT_LT(1 / free, 2.5);
}

// llm-d's probabilistic admitter (BLIS): under overload p90 TTFT of the urgent falls by up to 97 % against shedding at
// saturation.
TEST(PublishedRatios, SheddingEarlyKeepsTheUrgentFast) {
  const auto run = [&](const std::string& shed) {
    const Result<Scenario> scenario = parse_scenario(
        fmt::format(
            "model: Qwen/Qwen3-14B\nhardware: {{gpu: h100_sxm}}\nreplicas: 4\nrouter: least_outstanding\n"
            "engine: {{name: vllm-v1, max_model_len: 16384}}\n"
            "admission: {{shed_priority: 1, shed: {}}}\n"
            "workload: {{request_rate: 60, num_prompts: 6000, random_range_ratio: 0.5, classes: [{{name: urgent, "
            "weight: 3, random_input_len: 3000, random_output_len: 300}}, {{name: batch, weight: 7, priority: 1, "
            "random_input_len: 3000, random_output_len: 300}}]}}\n",
            shed),
        "published.yaml", {});
    EXPECT_TRUE(scenario);
    if (!scenario) return 0.0;
    const Result<RunResult> result = run_scenario(*scenario, {});
    EXPECT_TRUE(result);
    if (!result) return 0.0;
    for (const auto& c : result->classes)
      if (c.name == "urgent") return c.summary["p90_ttft_ms"];
    ADD_FAILURE() << "no class";
    return 0.0;
  };
  const double hard = run("saturated"), early = run("probabilistic");
  std::cout << fmt::format("p90 TTFT of the urgent {:.0f} -> {:.0f} ms\n", hard, early);
  EXPECT_LT(early, hard);
}

}  // namespace
}  // namespace foretoken::test
