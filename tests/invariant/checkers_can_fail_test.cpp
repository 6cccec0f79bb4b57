// A checker that cannot fail proves nothing: each is given a small run by hand in which only
// its own invariant is broken, after the same run unbroken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/invariants.hpp"

namespace foretoken::test {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr TimePoint at(std::int64_t nanoseconds) {
  return TimePoint{Duration{nanoseconds}};
}

Left left(std::int64_t index, std::int64_t arrival, std::int64_t scheduled, std::int64_t first, std::int64_t finish) {
  Left l;
  RequestRecord& r = l.record;
  r.request.index = index;
  r.request.arrival = at(arrival);
  r.request.prompt_tokens = 20;
  r.request.output_tokens = 2;
  r.scheduled = at(scheduled);
  r.first_token = at(first);
  r.finish = at(finish);
  r.ttft_parts[0] = Duration{first - arrival};
  r.e2e_parts[0] = Duration{finish - arrival};
  return l;
}

Stepped step(std::int64_t begin, std::int64_t end, std::int64_t prefill, std::int64_t decodes, std::int64_t waiting) {
  Stepped s;
  s.begin = at(begin);
  s.end = at(end);
  s.time = fine_from(s.end - s.begin);
  s.prefill_tokens = prefill;
  s.sampling_chunks = prefill > 0 ? 1 : 0;
  s.decode_rows = decodes;
  s.kv_blocks_used = 2;  // 20 or 21 tokens in blocks of 16
  s.waiting = waiting;
  s.running = 1;
  return s;
}

LifecycleEvent edge(LifecycleEdge e, std::int64_t request, std::int64_t when) {
  return {e, 0, request, at(when), 0, 0};
}

// Two requests of 20 prompt and 2 output tokens on an engine with one seat: the first comes at
// 10 ns, the second at 15 ns; a prefill takes 30 ns, a decode 10 ns.
RunLog two_requests() {
  RunLog log;
  log.engine.max_num_seqs = 1;
  log.engine.num_gpu_blocks = 9;
  log.every_step = true;
  log.events = {Arrived{0, at(10)},
                edge(LifecycleEdge::queued, 0, 10),
                edge(LifecycleEdge::admitted, 0, 10),
                Arrived{1, at(15)},
                edge(LifecycleEdge::queued, 1, 15),
                step(10, 40, 20, 0, 1),
                edge(LifecycleEdge::first_token, 0, 40),
                step(40, 50, 0, 1, 1),
                left(0, 10, 10, 40, 50),
                edge(LifecycleEdge::admitted, 1, 50),
                step(50, 80, 20, 0, 0),
                edge(LifecycleEdge::first_token, 1, 80),
                step(80, 90, 0, 1, 0),
                left(1, 15, 50, 80, 90)};
  for (const std::int64_t time : {30, 10, 30, 10}) log.priced.push_back({fine_from(Duration{time}), 5e-9});
  ReplicaTotals totals;
  totals.prefill_tokens = 40;
  totals.decode_tokens = 2;
  totals.peak_kv_blocks = 2;
  totals.kv_block_time = static_cast<FineTotal>(2) * fine_from(Duration{80}).units;
  log.outcome.replicas = {totals};
  log.outcome.arrived = log.outcome.finished = 2;
  log.outcome.end = at(90);
  return log;
}
// Places in two_requests().events.
constexpr std::size_t kFirstStep = 5, kSecondStep = 7, kFirstLeaves = 8, kSecondAdmitted = 9, kThirdStep = 10,
                      kLastStep = 12, kLastLeaves = 13;

template <class Event>
Event& event(RunLog& log, std::size_t i) {
  return std::get<Event>(log.events[i]);
}
void expect(const Violations& found, const char* name) {
  EXPECT_THAT(found, Not(IsEmpty()));
  EXPECT_THAT(found, Each(StartsWith(std::string(name) + ":")));
}

TEST(Checkers, FindNothingInASoundRun) {
  EXPECT_THAT(violations_of(two_requests()), IsEmpty());
}

TEST(Checkers, Inv1FindsALostRequestAndOneCountedTwice) {
  RunLog lost = two_requests();
  lost.events.pop_back();
  expect(inv_1_requests_are_conserved(lost), "INV-1");
  RunLog twice = two_requests();
  twice.events.push_back(twice.events.back());
  expect(inv_1_requests_are_conserved(twice), "INV-1");
  RunLog uncounted = two_requests();
  uncounted.outcome.finished = 1;
  expect(inv_1_requests_are_conserved(uncounted), "INV-1");
  RunLog not_waiting = two_requests();
  event<Stepped>(not_waiting, kSecondStep).waiting = 0;
  expect(inv_1_requests_are_conserved(not_waiting), "INV-1");
}

TEST(Checkers, Inv2FindsAForbiddenEdge) {
  RunLog resumed = two_requests();
  event<LifecycleEvent>(resumed, kSecondAdmitted).edge = LifecycleEdge::resumed;
  expect(inv_2_only_allowed_lifecycle_edges(resumed), "INV-2");
  RunLog late_rejection = two_requests();
  event<Left>(late_rejection, kLastLeaves).record.outcome = Outcome::rejected;
  expect(inv_2_only_allowed_lifecycle_edges(late_rejection), "INV-2");
  RunLog moved = two_requests();
  event<LifecycleEvent>(moved, kSecondAdmitted).replica = 1;
  expect(inv_2_only_allowed_lifecycle_edges(moved), "INV-2");
  RunLog other_record = two_requests();
  event<Left>(other_record, kLastLeaves).record.preemptions = 1;
  expect(inv_2_only_allowed_lifecycle_edges(other_record), "INV-2");
}

TEST(Checkers, Inv3FindsAClockThatGoesBackAndAStepOfNoTime) {
  RunLog back = two_requests();
  std::swap(back.events[kFirstStep], back.events[kSecondStep]);
  expect(inv_3_clock_is_monotone(back), "INV-3");
  RunLog no_time = two_requests();
  event<Stepped>(no_time, kLastStep).begin = at(90);
  expect(inv_3_clock_is_monotone(no_time), "INV-3");
  RunLog overlapping = two_requests();
  event<Stepped>(overlapping, kSecondStep).begin = at(39);
  expect(inv_3_clock_is_monotone(overlapping), "INV-3");
}

TEST(Checkers, Inv4FindsLostInventedAndLeakedBlocks) {
  for (const std::int64_t blocks : {1, 3, 9}) {
    RunLog wrong = two_requests();
    event<Stepped>(wrong, kThirdStep).kv_blocks_used = blocks;
    expect(inv_4_kv_blocks_are_conserved(wrong), "INV-4");
  }
  RunLog leaked = two_requests();
  leaked.outcome.replicas[0].kv_blocks_at_end = 1;
  expect(inv_4_kv_blocks_are_conserved(leaked), "INV-4");
  RunLog too_few = two_requests();
  too_few.engine.num_gpu_blocks = 2;
  expect(inv_4_kv_blocks_are_conserved(too_few), "INV-4");
}

TEST(Checkers, Inv5FindsTimesOutOfOrder) {
  const auto with = [](auto change) {
    RunLog log = two_requests();
    change(event<Left>(log, kLastLeaves).record);
    return inv_5_times_of_a_request_are_ordered(log);
  };
  expect(with([](RequestRecord& r) { r.scheduled = at(14); }), "INV-5");
  expect(with([](RequestRecord& r) { r.first_token = at(50); }), "INV-5");
  expect(with([](RequestRecord& r) { r.finish = at(79); }), "INV-5");
  expect(with([](RequestRecord& r) { r.finish = at(80); }), "INV-5");  // two tokens at once
}

TEST(Checkers, Inv6FindsTheFirstByteThatDiffers) {
  EXPECT_THAT(inv_6_same_seed_same_bytes("abc", "abc"), IsEmpty());
  expect(inv_6_same_seed_same_bytes("abc", "abd"), "INV-6");
  expect(inv_6_same_seed_same_bytes("abc", "ab"), "INV-6");
}

TEST(Checkers, Inv7FindsAnEngineThatIdlesAlthoughSomebodyWaits) {
  RunLog late = two_requests();
  event<Stepped>(late, kThirdStep).begin = at(51);
  expect(inv_7_never_idle_with_runnable_work(late), "INV-7");
  // Static batching may wait for a second member, but not beyond max_wait.
  RunLog batching = late;
  batching.engine.name = "static";
  batching.engine.max_num_seqs = 2;
  batching.engine.num_gpu_blocks = 2000;
  batching.engine.max_wait = Duration{51 - 15};
  EXPECT_THAT(inv_7_never_idle_with_runnable_work(batching), IsEmpty());
  batching.engine.max_wait = Duration{50 - 15};
  expect(inv_7_never_idle_with_runnable_work(batching), "INV-7");
}

TEST(Checkers, Inv8FindsTokensOutOfNothingAndUnaccountedRecomputation) {
  RunLog more = two_requests();
  event<Stepped>(more, kLastStep).decode_rows = 2;
  expect(inv_8_tokens_are_conserved(more), "INV-8");
  RunLog fewer = two_requests();
  event<Stepped>(fewer, kThirdStep).prefill_tokens = 19;
  expect(inv_8_tokens_are_conserved(fewer), "INV-8");
  RunLog lost = two_requests();
  lost.events.push_back(LifecycleEvent{LifecycleEdge::preempted, 0, 1, at(90), 21, 2});
  expect(inv_8_tokens_are_conserved(lost), "INV-8");
  RunLog totals = two_requests();
  ++totals.outcome.replicas[0].decode_tokens;
  expect(inv_8_tokens_are_conserved(totals), "INV-8");
}

TEST(Checkers, Inv9FindsADecisionThatDependsOnWhatNobodyHasSeen) {
  const RunLog log = two_requests();
  RunLog longer = two_requests();  // the second request's decode takes longer: seen at 90 ns only
  event<Left>(longer, kLastLeaves).record.finish = at(95);
  EXPECT_THAT(inv_9_no_oracle(log, longer, at(80)), IsEmpty());
  RunLog foresight = two_requests();
  event<Stepped>(foresight, kThirdStep).prefill_tokens = 10;
  EXPECT_THAT(inv_9_no_oracle(log, foresight, at(49)), IsEmpty());
  expect(inv_9_no_oracle(log, foresight, at(50)), "INV-9");
}

TEST(Checkers, Inv10FindsAStepBelowItsFloorAndOneThatNobodyPriced) {
  RunLog fast = two_requests();
  fast.priced[2].floor_seconds = 31e-9;
  expect(inv_10_no_step_beats_the_datasheet(fast), "INV-10");
  RunLog cheap = two_requests();
  cheap.priced[2].time = fine_from(Duration{29});
  expect(inv_10_no_step_beats_the_datasheet(cheap), "INV-10");
  RunLog shortened = two_requests();
  event<Stepped>(shortened, kThirdStep).end = at(70);
  expect(inv_10_no_step_beats_the_datasheet(shortened), "INV-10");
}

TEST(Checkers, Inv12FindsAMissingNanosecond) {
  RunLog total = two_requests();
  event<Left>(total, kFirstLeaves).record.e2e_parts[3] += Duration{1};
  expect(inv_12_parts_sum_to_the_total(total), "INV-12");
  RunLog ttft = two_requests();
  event<Left>(ttft, kFirstLeaves).record.ttft_parts[0] -= Duration{1};
  expect(inv_12_parts_sum_to_the_total(ttft), "INV-12");
  RunLog negative = two_requests();
  event<Left>(negative, kFirstLeaves).record.ttft_parts[0] += Duration{5};
  event<Left>(negative, kFirstLeaves).record.ttft_parts[1] -= Duration{5};
  expect(inv_12_parts_sum_to_the_total(negative), "INV-12");
}

TEST(Checkers, Inv13FindsTimeInTheSystemThatNoRequestSpent) {
  RunLog log = two_requests();
  std::get<Arrived>(log.events[3]).at = at(16);
  expect(inv_13_littles_law(log), "INV-13");
}

}  // namespace
}  // namespace foretoken::test
