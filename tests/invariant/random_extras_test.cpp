// Random runs with adapters, several answers, clients that leave and stop strings: nothing is lost or counted twice, no
// block stays behind, and stretches give the bytes of steps.
#include "support/random_extras.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>
#include <set>

#include "support/how_many.hpp"
#include "support/recorder.hpp"

namespace foretoken::test {
namespace {

class Answers final : public Observer {
 public:
  void on_request(const RequestRecord& record) override { recorder.on_request(record); }
  void on_steps(const StepSpan& span) override {
    recorder.on_steps(span);
    for (const PrefillChunk& chunk : span.prefill) emitted += chunk.samples ? 1 : 0;
    emitted += span.decode_rate().tokens() * span.steps + span.accepted - span.dropped;
  }
  void on_gap(Duration gap, std::int64_t rows) override { recorder.on_gap(gap, rows); }
  void on_answer(const RequestRecord& answer) override {
    text += fmt::format("answer {} {} {}\n", answer.request.index, answer.first_token.time_since_epoch().count(),
                        answer.finish.time_since_epoch().count());
    tokens_of_answers += answer.request.output_tokens;
  }
  Recorder recorder;
  std::string text;
  std::int64_t tokens_of_answers = 0;
  std::int64_t emitted = 0;
};

struct SeenExtras {
  Answers log;
  SimulationOutcome outcome;
  std::string text;
};

SeenExtras run_with(const RandomExtras& extras, bool step_by_step) {
  SimulationConfig config = extras.run.config;
  config.step_by_step = step_by_step;
  const auto cost = extras.cost();
  const auto source = extras.run.source();
  SeenExtras seen;
  seen.outcome = simulate(config, *source, *cost, seen.log);
  const ClientTotals& c = seen.outcome.clients;
  seen.text = seen.log.recorder.text(seen.outcome) + seen.log.text +
              fmt::format("aborted {} {} {} timeouts {}\n", seen.outcome.aborted, c.aborted, c.aborted_output_tokens,
                          c.timeouts);
  for (const ReplicaTotals& r : seen.outcome.replicas) {
    seen.text +=
        fmt::format("adapters {} {} {}", r.adapters.loads, r.adapters.disk_loads, r.adapters.load_time.count());
    for (const std::int64_t loads : r.adapters.loads_of) seen.text += fmt::format(" {}", loads);
    seen.text += fmt::format(" {}\n", static_cast<double>(r.adapters.adapter_time));
    seen.text += fmt::format("encoder {} {} {}\n", r.encoder.items, r.encoder.queries, r.encoder.hits);
    seen.text += fmt::format("drafts {} {}\n", r.speculation.draft_tokens, r.speculation.accepted_tokens);
  }
  return seen;
}

void expect_conserved(const RandomExtras& extras, const SeenExtras& seen, std::uint64_t seed) {
  const SimulationOutcome& o = seen.outcome;
  std::set<std::int64_t> ended;
  std::int64_t tokens = 0;
  bool all_finished = true;
  for (const RequestRecord& r : seen.log.recorder.records) {
    EXPECT_TRUE(ended.insert(r.request.index).second) << "seed " << seed << ": two records of " << r.request.index;
    Duration ttft{}, e2e{};
    for (const Duration d : r.ttft_parts) ttft += d;
    for (const Duration d : r.e2e_parts) e2e += d;
    EXPECT_EQ(e2e, r.finish - r.request.arrival) << "seed " << seed << ", request " << r.request.index;
    all_finished = all_finished && r.outcome == Outcome::finished;
    if (r.outcome != Outcome::finished) continue;
    EXPECT_EQ(ttft, r.first_token - r.request.arrival) << "seed " << seed << ", request " << r.request.index;
    tokens += r.returned_tokens();
  }
  EXPECT_EQ(static_cast<std::int64_t>(ended.size()), o.arrived) << "seed " << seed;
  EXPECT_EQ(o.finished + o.rejected + o.timed_out + o.failed + o.aborted + o.unfinished, o.arrived) << "seed " << seed;
  EXPECT_EQ(o.aborted, o.clients.aborted) << "seed " << seed;
  const EngineConfig& engine = extras.run.config.engine;
  for (const ReplicaTotals& r : o.replicas) {
    EXPECT_EQ(r.kv_blocks_at_end, 0) << "seed " << seed << " " << engine.name;
    EXPECT_GE(r.adapters.loads, r.adapters.disk_loads);
    std::int64_t loads = 0;
    for (const std::int64_t of : r.adapters.loads_of) loads += of;
    EXPECT_EQ(loads, r.adapters.loads) << "seed " << seed;
    if (r.adapters.step_time > 0) {
      EXPECT_LE(r.adapters.adapter_time, r.adapters.step_time * engine.lora.max_loras) << "seed " << seed;
      EXPECT_GE(r.adapters.adapter_time, r.adapters.step_time) << "seed " << seed;
    }
  }
  // Tokens that came out are those of who finished, where nobody was given up. (Of who was preempted and rejected
  // nothing came back.)
  const AnswersConfig& answers = extras.run.config.answers;
  if (!all_finished || o.clients.timeouts > 0 || answers.beam_width > 0) return;
  EXPECT_EQ(seen.log.emitted, answers.on() ? seen.log.tokens_of_answers : tokens)
      << "seed " << seed << " " << engine.name;
}

TEST(RandomExtras, LoseNothingAndGiveTheSameBytesInStretches) {
  const int runs = how_many_scenarios(400);
  std::int64_t loads = 0, aborted = 0, answers = 0, stops = 0, all = 0, images = 0, drafts = 0, turns = 0;
  for (int i = 0; i < runs; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    const RandomExtras extras = random_extras(seed);
    const SeenExtras fast = run_with(extras, false);
    const SeenExtras oracle = run_with(extras, true);
    ASSERT_EQ(fast.text, oracle.text) << "seed " << seed;
    expect_conserved(extras, fast, seed);
    if (HasFailure()) return;
    for (const ReplicaTotals& r : fast.outcome.replicas) {
      loads += r.adapters.loads;
      if (!extras.run.config.answers.on()) continue;
      images += r.encoder.items;
      drafts += r.speculation.drafts;
      turns += extras.run.loop && extras.run.loop->sessions ? r.prefix_cache_hits : 0;
    }
    aborted += fast.outcome.aborted;
    answers += fast.log.tokens_of_answers;
    for (const RequestRecord& r : fast.log.recorder.records) {
      all += 1;
      stops += r.outcome == Outcome::finished && r.request.stop_string ? 1 : 0;
    }
  }
  std::cout << fmt::format(
      "{} runs, {} requests: {} loads, {} aborted, {} tokens of answers, {} stops; of several answers {} images, {} "
      "rows "
      "with drafts, {} tokens found of conversations\n",
      runs, all, loads, aborted, answers, stops, images, drafts, turns);
  for (const std::int64_t met : {loads, aborted, answers, stops, images, drafts, turns}) EXPECT_GT(met, 0);
}

// With slots for all adapters, loads that take no time and no share of a step, adapters change nothing but prefixes.
TEST(RandomExtras, AdaptersThatCostNothingChangeNothing) {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    RandomExtras extras{random_run(seed), {}};
    EngineConfig& engine = extras.run.config.engine;
    engine.enable_prefix_caching = false;
    if (extras.run.config.cluster.router == "lora_affinity") continue;
    if (extras.run.loop || (engine.name != "vllm-v1" && engine.name != "vllm-v0" && engine.name != "sglang")) continue;
    for (Request& r : extras.run.requests) r.prefix_row = -1;
    const SeenExtras plain = run_with(extras, false);
    engine.lora.max_loras = engine.lora.max_cpu_loras = 3;
    engine.lora.loads.resize(3);
    for (Request& r : extras.run.requests) r.adapter = static_cast<std::int16_t>(r.index % 4 - 1);
    const SeenExtras same = run_with(extras, false);
    ASSERT_EQ(plain.log.recorder.text(plain.outcome), same.log.recorder.text(same.outcome)) << "seed " << seed;
    ++compared;
  }
  EXPECT_GT(compared, 100);
}

}  // namespace
}  // namespace foretoken::test
