// Several answers to a request, aborts and stop strings, worked out by hand (src/serving/README.md, "Golden schedules",
// N1 to N4, A1 to A3).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "foretoken/serving/simulation.hpp"
#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

using ::testing::ElementsAre;

constexpr Duration kMilli = std::chrono::milliseconds{1};

class AnswerRecorder final : public Observer {
 public:
  void on_request(const RequestRecord& record) override { seen.on_request(record); }
  void on_steps(const StepSpan& span) override { seen.on_steps(span); }
  void on_gap(Duration gap, std::int64_t rows) override { seen.on_gap(gap, rows); }
  void on_answer(const RequestRecord& answer) override { answers.push_back(answer); }
  Recorder seen;
  std::vector<RequestRecord> answers;
};

SimulationConfig plain() {
  SimulationConfig config;
  config.engine.max_num_batched_tokens = 2048;
  config.engine.num_gpu_blocks = 10'000;
  config.step_by_step = true;
  return config;
}

Request request(std::int32_t prompt, std::int32_t output, double arrival_ms = 0, std::int32_t max_tokens = 0) {
  Request r;
  r.arrival = TimePoint{duration_from_seconds(arrival_ms * 1e-3)};
  r.prompt_tokens = prompt;
  r.output_tokens = output;
  r.max_tokens = max_tokens > 0 ? max_tokens : output;
  return r;
}
Request stopped(Request r) {
  r.stop_string = true;
  return r;
}

struct Answered {
  AnswerRecorder log;
  SimulationOutcome outcome;
  Answered(const SimulationConfig& config, std::vector<Request> requests, const StubTerms& terms = {}) {
    const StubCost cost(terms);
    const auto source = make_fixed_source(std::move(requests));
    outcome = simulate(config, *source, cost, log);
  }
  [[nodiscard]] std::vector<std::string> schedule() const { return log.seen.schedule(); }
  [[nodiscard]] std::vector<std::int64_t> blocks() const {
    std::vector<std::int64_t> all;
    for (const Recorder::Step& step : log.seen.steps) all.push_back(step.kv_blocks_used);
    return all;
  }
  [[nodiscard]] std::vector<std::int64_t> microseconds() const {
    std::vector<std::int64_t> all;
    for (const Recorder::Step& step : log.seen.steps) all.push_back((step.end - step.begin).count() / 1000);
    return all;
  }
};

TimePoint at_ms(double ms) {
  return TimePoint{Duration{std::llround(ms * 1e6)}};
}

// ---- n, best_of ----

// The first computes 64 tokens, the others, admitted in the same step, 16 each beside three blocks that they share.
TEST(GoldenAnswers, N1AnswersShareThePromptsFullBlocks) {
  SimulationConfig config = plain();
  config.answers.n = config.answers.best_of = 4;
  config.engine.enable_prefix_caching = true;
  const Answered on(config, {request(64, 2)});
  EXPECT_EQ(on.schedule()[0], "64 16+48 16+48 16+48 | 0");
  EXPECT_EQ(on.blocks()[0], 7);
  EXPECT_EQ(on.outcome.replicas[0].prefill_tokens, 112);
  config.engine.enable_prefix_caching = false;
  const Answered off(config, {request(64, 2)});
  EXPECT_EQ(off.schedule()[0], "64 64 64 64 | 0");
  EXPECT_EQ(off.blocks()[0], 16);
  EXPECT_EQ(off.outcome.replicas[0].prefill_tokens, 256);
}

// Another request's answers have nothing in common with them.
TEST(GoldenAnswers, N1OnlyAnswersOfOneRequestShareIt) {
  SimulationConfig config = plain();
  config.answers.n = config.answers.best_of = 2;
  config.engine.enable_prefix_caching = true;
  EXPECT_EQ(Answered(config, {request(64, 1), request(64, 1)}).schedule()[0], "64 16+48 64 16+48 | 0");
}

// More answers than seats queue. Two seats: the third answer begins when one of the first two has ended. The request's
// first token is the first answer's, its end the last one's, its tokens are all of them.
TEST(GoldenAnswers, N2ARequestIsOneRecordOfItsAnswers) {
  SimulationConfig config = plain();
  config.answers.n = config.answers.best_of = 3;
  config.engine.max_num_seqs = 2;
  const Answered run(config, {request(10, 3)});
  EXPECT_THAT(run.schedule(), ElementsAre("10 10 | 0", "| 2", "| 2", "10 | 0", "| 1", "| 1"));
  ASSERT_EQ(run.log.seen.records.size(), 1u);
  const RequestRecord& r = run.log.seen.records[0];
  EXPECT_EQ(r.request.index, 0);
  EXPECT_EQ(r.request.output_tokens, 3);
  EXPECT_EQ(r.returned_tokens(), 9);
  EXPECT_EQ(r.first_token, at_ms(1));
  EXPECT_EQ(r.finish, at_ms(6));
  Duration e2e{};
  for (const Duration d : r.e2e_parts) e2e += d;
  EXPECT_EQ(e2e, 6 * kMilli);
  ASSERT_EQ(run.log.answers.size(), 3u);
  EXPECT_EQ(run.log.answers[2].first_token, at_ms(4));
  EXPECT_EQ(run.outcome.arrived, 1);
  EXPECT_EQ(run.outcome.finished, 1);
}

// Of three that are computed, one comes back.
TEST(GoldenAnswers, N2OfTheBestOnlySomeComeBack) {
  SimulationConfig config = plain();
  config.answers.best_of = 3;
  const Answered run(config, {request(10, 4)});
  EXPECT_EQ(run.log.seen.records[0].returned_tokens(), 4);
  EXPECT_EQ(run.log.answers.size(), 3u);
  EXPECT_EQ(run.outcome.replicas[0].decode_tokens, 9);
}

// ---- beams ----

// One request, then three, each with a token of its own to compute; two steps, and twice through the front end.
TEST(GoldenAnswers, N3BeamsAreRoundsOfRequests) {
  SimulationConfig config = plain();
  config.answers.beam_width = 3;
  config.engine.enable_prefix_caching = true;
  config.engine.per_request = 5 * kMilli;
  const Answered run(config, {request(64, 2)});
  EXPECT_THAT(run.schedule(), ElementsAre("64 | 0", "1+64 1+64 1+64 | 0"));
  ASSERT_EQ(run.log.seen.records.size(), 1u);
  const RequestRecord& r = run.log.seen.records[0];
  EXPECT_EQ(r.first_token, at_ms(6));
  EXPECT_EQ(r.finish, at_ms(12));
  EXPECT_EQ(r.request.output_tokens, 2);
  EXPECT_EQ(r.returned_tokens(), 6);
  Duration e2e{};
  for (const Duration d : r.e2e_parts) e2e += d;
  EXPECT_EQ(e2e, 12 * kMilli);
}

// ---- where they go ----

TEST(GoldenAnswers, N4AllAnswersAreMadeWhereTheFirstGoes) {
  SimulationConfig config = plain();
  config.answers.n = config.answers.best_of = 3;
  config.cluster.replicas = 2;
  config.cluster.router = "least_outstanding";
  const Answered run(config, {request(10, 5), request(11, 5), request(12, 5, 20)});
  std::vector<std::int64_t> tokens;
  for (const ReplicaTotals& r : run.outcome.replicas) tokens.push_back(r.prefill_tokens);
  // 10 and 12 on the first, 11 on the second: a request counts once for the router, and no more when it has left.
  EXPECT_THAT(tokens, ElementsAre(3 * (10 + 12), 3 * 11));
}

// ---- conversations and fleets ----

// A turn goes on with the first of its two answers. Of 64 tokens and 33 that were written 96 are in the cache: all of
// them are found by the next turn, whose two answers have its 117 tokens in common again. The other answer left
// nothing.
TEST(GoldenAnswers, N5ATurnGoesOnWithItsFirstAnswer) {
  SimulationConfig config = plain();
  config.answers.n = config.answers.best_of = 2;
  config.engine.enable_prefix_caching = true;
  Request first = request(64, 33), second = request(64 + 33 + 20, 1, 100);
  first.conversation = second.conversation = 7;
  const Answered run(config, {first, second});
  EXPECT_EQ(run.schedule().front(), "64 16+48 | 0");
  EXPECT_EQ(run.schedule().back(), "21+96 5+112 | 0");
  ASSERT_EQ(run.log.seen.records.size(), 2u);
  for (const RequestRecord& r : run.log.seen.records) EXPECT_EQ(r.request.conversation, 7);
}

// Beams too: two tokens each of two beams, and of the 66 tokens 64 are found.
TEST(GoldenAnswers, N5ATurnOfBeamsGoesOnWithWhatTheyHaveInCommon) {
  SimulationConfig config = plain();
  config.answers.beam_width = 2;
  config.engine.enable_prefix_caching = true;
  Request first = request(64, 2), second = request(64 + 2 + 20, 1, 100);
  first.conversation = second.conversation = 7;
  const Answered run(config, {first, second});
  EXPECT_THAT(run.schedule(), ElementsAre("64 | 0", "1+64 1+64 | 0", "22+64 | 0"));
}

// No replica yet: both answers wait for the one that starts, and then begin together.
TEST(GoldenAnswers, N6AnswersWaitForAReplicaTogether) {
  SimulationConfig config = plain();
  config.answers.n = config.answers.best_of = 2;
  FleetConfig& fleet = config.cluster.fleet;
  fleet.on = true;
  fleet.at_start = 0;
  fleet.schedule = {{Duration{}, 1}};
  fleet.cold_start.loading = 5 * kMilli;
  fleet.held_requests = 10;
  fleet.held_for = 100 * kMilli;
  const Answered run(config, {request(10, 2)});
  EXPECT_THAT(run.schedule(), ElementsAre("10 10 | 0", "| 2"));
  EXPECT_EQ(run.log.seen.steps.front().begin, at_ms(5));
  EXPECT_EQ(run.outcome.finished, 1);
  EXPECT_EQ(run.outcome.fleet.held, 2);
}

// A replica dies with both answers: one request has failed. The next one goes to the other replica, alone there, since
// the router counts the first no more.
TEST(GoldenAnswers, N6ARequestFailsWithAllItsAnswers) {
  SimulationConfig config = plain();
  config.answers.n = config.answers.best_of = 2;
  config.cluster.replicas = 2;
  config.cluster.router = "least_outstanding";
  FleetConfig& fleet = config.cluster.fleet;
  fleet.on = true;
  fleet.at_start = 2;
  fleet.schedule = {{Duration{}, 2}};
  fleet.failures.planned = {{3 * kMilli, 0}};
  const Answered run(config, {request(10, 20), request(11, 20, 0.5), request(12, 2, 30)});
  EXPECT_EQ(run.outcome.failed, 1);
  EXPECT_EQ(run.outcome.finished, 2);
  EXPECT_EQ(run.outcome.fleet.lost, 2);
  EXPECT_EQ(run.outcome.replicas[0].prefill_tokens, 2 * 10 + 2 * 12);
}

// A bucket of 25 tokens: the first prompt of 10 is let in with all three answers, the second too, the third with none.
TEST(GoldenAnswers, N6ARequestIsLetInAsAWhole) {
  SimulationConfig config = plain();
  config.answers.n = config.answers.best_of = 3;
  config.cluster.admission.on = true;
  config.cluster.admission.tokens_per_second = 1e-3;
  config.cluster.admission.burst_tokens = 25;
  const Answered run(config, {request(10, 2), request(10, 2), request(10, 2)});
  EXPECT_EQ(run.outcome.finished, 2);
  EXPECT_EQ(run.outcome.rejected, 1);
  EXPECT_EQ(run.outcome.replicas[0].prefill_tokens, 6 * 10);
}

// ---- aborts ----

// Two requests, steps of 10 ms; the second one's client leaves at 13 ms.
SimulationConfig leaving_at(Duration patience) {
  SimulationConfig config = plain();
  config.clients.on = true;
  config.clients.abort_share = 0.5;
  config.clients.patience = patience;
  return config;
}
// A seed with which the first request's client stays and the second's leaves.
std::uint64_t seed_of_one_leaver(SimulationConfig config) {
  for (std::uint64_t seed = 0;; ++seed) {
    config.clients.seed = seed;
    const Answered run(config, {request(10, 20), request(10, 20)}, {.base = 10e-3});
    const auto records = run.log.seen.by_index();
    if (records[0].outcome == Outcome::finished && records[1].outcome == Outcome::aborted) return seed;
  }
}

TEST(GoldenAnswers, A1AnAbortEndsWithTheStepInFlight) {
  SimulationConfig config = leaving_at(13 * kMilli);
  config.clients.seed = seed_of_one_leaver(config);
  const Answered sync(config, {request(10, 20), request(10, 20)}, {.base = 10e-3});
  EXPECT_EQ(sync.schedule()[1], "| 2");  // [10, 20) for nobody
  EXPECT_EQ(sync.schedule()[2], "| 1");
  EXPECT_EQ(sync.blocks()[1], 2);
  EXPECT_EQ(sync.blocks()[2], 1);
  EXPECT_EQ(sync.log.seen.by_index()[1].finish, at_ms(13));
  EXPECT_EQ(sync.outcome.aborted, 1);
  EXPECT_EQ(sync.outcome.finished, 1);
  EXPECT_EQ(sync.outcome.clients.aborted, 1);
  EXPECT_EQ(sync.outcome.clients.aborted_output_tokens, 2);
  config.engine.async_scheduling = true;
  const Answered async(config, {request(10, 20), request(10, 20)}, {.base = 10e-3});
  EXPECT_EQ(async.schedule()[2], "| 2");  // planned when [10, 20) began
  EXPECT_EQ(async.schedule()[3], "| 1");
}

// Who waits goes at once; all answers of who runs go together.
TEST(GoldenAnswers, A2AnAbortIsOfAllAnswers) {
  SimulationConfig config = leaving_at(13 * kMilli);
  config.clients.abort_share = 1;
  config.answers.n = config.answers.best_of = 3;
  config.engine.max_num_seqs = 2;
  const Answered run(config, {request(10, 20)}, {.base = 10e-3});
  EXPECT_THAT(run.schedule(), ElementsAre("10 10 | 0", "| 2"));
  ASSERT_EQ(run.log.seen.records.size(), 1u);
  EXPECT_EQ(run.log.seen.records[0].outcome, Outcome::aborted);
  EXPECT_EQ(run.outcome.aborted, 1);
  EXPECT_EQ(run.outcome.replicas[0].kv_blocks_at_end, 0);
}

// ---- stop strings ----

// The first ends with its third token, which the engine does not see: a row for nobody in the next step, and with
// async scheduling in two. Steps take 1 ms and 100 us a row.
TEST(GoldenAnswers, A3AStopStringIsFoundBehindTheEngine) {
  SimulationConfig config = plain();
  const StubTerms terms{.base = 1e-3, .per_row = 1e-4};
  const std::vector<Request> requests = {stopped(request(16, 3, 0, 50)), request(10, 8)};
  const Answered sync(config, requests, terms);
  EXPECT_THAT(sync.schedule(), ElementsAre("16 10 | 0", "| 2", "| 2", "| 1", "| 1", "| 1", "| 1", "| 1"));
  EXPECT_THAT(sync.microseconds(), ElementsAre(1000, 1200, 1200, 1200, 1100, 1100, 1100, 1100));
  EXPECT_EQ(sync.blocks()[3], 3);  // 16 and then some, and 10
  EXPECT_EQ(sync.blocks()[4], 1);
  const RequestRecord& r = sync.log.seen.by_index()[0];
  EXPECT_EQ(r.finish, at_ms(1 + 1.2 + 1.2));
  EXPECT_EQ(r.request.output_tokens, 3);
  EXPECT_EQ(sync.outcome.replicas[0].decode_tokens, 2 + 7);
  config.engine.async_scheduling = true;
  const Answered async(config, requests, terms);
  EXPECT_THAT(async.microseconds(), ElementsAre(1000, 1200, 1200, 1200, 1200, 1100, 1100, 1100));
  // An end by the stop token costs one row there.
  const Answered by_token(config, {request(16, 3, 0, 50), request(10, 8)}, terms);
  EXPECT_THAT(by_token.microseconds(), ElementsAre(1000, 1200, 1200, 1200, 1100, 1100, 1100, 1100));
}

// Its seat comes free as late.
TEST(GoldenAnswers, A3TheSeatComesFreeAStepLater) {
  SimulationConfig config = plain();
  config.engine.max_num_seqs = 1;
  const Answered sync(config, {stopped(request(10, 2, 0, 50)), request(11, 1, .5)});
  EXPECT_THAT(sync.schedule(), ElementsAre("10 | 0", "| 1", "| 0", "11 | 0"));
  config.engine.async_scheduling = true;
  const Answered async(config, {stopped(request(10, 2, 0, 50)), request(11, 1, .5)});
  EXPECT_THAT(async.schedule(), ElementsAre("10 | 0", "| 1", "| 0", "| 0", "11 | 0"));
}

}  // namespace
}  // namespace foretoken::test
