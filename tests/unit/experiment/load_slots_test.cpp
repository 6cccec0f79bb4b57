// A day cut into hours: what arrives where, which hour is the worst, and that memory is bounded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiment/slots/slot_series.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/run.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/check.hpp"
#include "report/load_slots_report.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Ten minutes instead of hours: a step takes 10 ms and 1 ms a row, whatever the hardware.
const std::string kDay =
    "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\n"
    "cost: {level: affine, affine: {per_step: 10 ms, per_decode_token: 1 ms}}\n"
    "engine: {max_num_seqs: 16}\n"
    "workload: {rate_profile: {period: 10 min, rates: [1, 1, 40, 1, 1]}, duration: 10 min,"
    " random_input_len: 32, random_output_len: 16}\n"
    "slo: [p99_ttft <= 200 ms, output_throughput >= 1]\n";

Scenario day_scenario(const std::string& text = kDay, std::vector<std::string> overrides = {}) {
  auto parsed = parse_scenario(text, "day.yaml", {std::move(overrides), {}});
  if (!parsed) throw std::runtime_error(format(parsed.error()));
  return std::move(*parsed);
}

RunResult run(const Scenario& s) {
  RunOptions options;
  options.load_slots = true;
  options.threads = 1;
  return run_scenario(s, options).value();
}

TEST(LoadSlots, CountEveryRequestOnceAtTheRateOfItsTime) {
  const RunResult result = run(day_scenario());
  const LoadSlots& slots = result.load_slots;
  ASSERT_EQ(slots.slots.size(), 10u) << "minutes";
  double arrivals = 0;
  for (const LoadSlot& slot : slots.slots) arrivals += slot.all.arrivals;
  EXPECT_EQ(arrivals, result.summary["num_prompts"]);
  EXPECT_NEAR(slots.slots[0].offered_rate, 1, 1e-9);
  EXPECT_NEAR(slots.slots[4].offered_rate, 40, 1e-9);
  EXPECT_NEAR(slots.slots[4].all.arrivals, 40 * 60, 4 * std::sqrt(2400.0));
  EXPECT_EQ(slot_name(slots.slots[4]), "4:00");
}

TEST(LoadSlots, NameTheWorstAndTheObjectivesThatTheyDoNotHave) {
  const RunResult result = run(day_scenario());
  const LoadSlots& slots = result.load_slots;
  ASSERT_TRUE(slots.worst());
  EXPECT_THAT(*slots.worst(), ::testing::AnyOf(4u, 5u));
  EXPECT_FALSE(slots.slots[*slots.worst()].keeps_slo());
  EXPECT_TRUE(slots.slots[0].keeps_slo());
  EXPECT_THAT(slots.only_whole, ::testing::ElementsAre("output_throughput >= 1"));
  const std::string text = worst_slot_sentence(slots);
  EXPECT_THAT(text, ::testing::StartsWith("worst minute "));
  EXPECT_THAT(text, HasSubstr("of 10 miss an objective"));
  TextStyle style;
  style.full = true;
  EXPECT_THAT(to_text(result, style), HasSubstr("Through the day of the load"));
  EXPECT_THAT(to_text(result, style), HasSubstr("judged over the whole run only: output_throughput >= 1"));
  EXPECT_THAT(to_text(to_json(slots)), HasSubstr("\"offered_request_rate\": 40.0"));
}

TEST(LoadSlots, AreOfEveryReplicationAndClass) {
  const std::string text = kDay + "replications: 3\n";
  const RunResult three =
      run(day_scenario(text, {"workload.classes=[{name: chat, weight: 3}, {name: batch, weight: 1}]"}));
  const LoadSlots& slots = three.load_slots;
  EXPECT_EQ(slots.replications, 3);
  ASSERT_EQ(slots.slots.at(4).classes.size(), 2u);
  EXPECT_NEAR(slots.slots[4].classes[0].arrivals + slots.slots[4].classes[1].arrivals, slots.slots[4].all.arrivals,
              1e-9);
  EXPECT_NEAR(slots.slots[4].classes[0].arrivals / slots.slots[4].all.arrivals, 0.75, 0.08);
  EXPECT_THAT(load_slots_section(slots, {}), HasSubstr("  chat"));
}

TEST(LoadSlots, AreOnlyOfLoadsThatChangeWithTime) {
  const Scenario steady =
      day_scenario("model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nworkload: {request_rate: 5, num_prompts: 50}\n");
  EXPECT_TRUE(run(steady).load_slots.slots.empty());
  EXPECT_EQ(worst_slot_sentence(run(steady).load_slots), "");
  const Scenario ramp = day_scenario(
      "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nworkload: {ramp_up_strategy: linear, ramp_up_start_rps: 1, "
      "ramp_up_end_rps: 9, num_prompts: 300}\n");
  EXPECT_GE(run(ramp).load_slots.slots.size(), 4u);
}

TEST(LoadSlots, BecomeWiderWhenThereAreTooMany) {
  const Scenario s = day_scenario();
  SlotSeries series(s, std::chrono::hours{24});
  EXPECT_EQ(series.width(), Duration(std::chrono::hours{1}));
  RequestRecord record;
  record.outcome = Outcome::rejected;
  for (int hour = 0; hour < 1000; ++hour) {
    record.request.arrival = TimePoint(std::chrono::hours{hour});
    series.add(record);
  }
  EXPECT_EQ(series.width(), Duration(std::chrono::hours{16}));
  const LoadSlots slots = series.figures(s, 1);
  EXPECT_LE(slots.slots.size(), SlotSeries::kMostCells);
  double failed = 0;
  for (const LoadSlot& slot : slots.slots) failed += slot.all.failed;
  EXPECT_EQ(failed, 1000);
  EXPECT_EQ(slot_name(slots.slots[3]), "day 3 0:00");
  EXPECT_EQ(slots.worst(), 0u) << "nothing was served: no slot has any room";
}

TEST(LoadSlots, MergeWhateverTheirWidths) {
  const Scenario s = day_scenario();
  SlotSeries narrow(s, std::chrono::hours{24}), wide(s, std::chrono::hours{24});
  RequestRecord record;
  record.outcome = Outcome::rejected;
  record.request.arrival = TimePoint(std::chrono::hours{5});
  narrow.add(record);
  record.request.arrival = TimePoint(std::chrono::hours{200});
  wide.add(record);
  narrow.merge(wide);
  EXPECT_EQ(narrow.width(), Duration(std::chrono::hours{2}));
  EXPECT_EQ(narrow.figures(s, 1).slots.at(2).all.failed, 1);
  EXPECT_EQ(narrow.figures(s, 1).slots.at(100).all.failed, 1);
}

TEST(Check, GivesTheWorstMinuteOfADay) {
  const Scenario s = day_scenario(kDay, {"study.max_requests=30000"});
  CheckOptions options;
  options.fixes = false;
  const CheckResult result = check({kDay, "day.yaml"}, s, options).value();
  EXPECT_EQ(result.load_slots.slots.size(), 10u);
  EXPECT_THAT(to_text(result, {}), HasSubstr("worst minute"));
}

TEST(Check, SaysWithHowManyReplicasDown) {
  const std::string text =
      "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nreplicas: 2\nspare: 1\n"
      "cost: {level: affine, affine: {per_step: 10 ms}}\nengine: {max_num_seqs: 4}\n"
      "workload: {request_rate: 30, random_input_len: 16, random_output_len: 10}\nslo: [p99_ttft <= 500 ms]\n";
  LoadOptions load;
  load.spares_down = true;
  CheckOptions options;
  options.fixes = false;
  // One replica lets through 4 / 0.1 s = 40 requests/s, two 80.
  const Scenario fits = parse_scenario(text, "a.yaml", load).value();
  const CheckResult meets = check({text, "a.yaml", load}, fits, options).value();
  EXPECT_EQ(meets.overall, Decision::meets);
  EXPECT_THAT(to_text(meets, {}), HasSubstr("MEETS its objectives with 1 of 2 replicas down"));
  LoadOptions more = load;
  more.overrides = {"workload.load_factor=2"};
  const Scenario twice = parse_scenario(text, "a.yaml", more).value();
  const CheckResult misses = check({text, "a.yaml", more}, twice, options).value();
  EXPECT_EQ(misses.overall, Decision::misses);
  EXPECT_THAT(to_text(misses, {}), HasSubstr("load x 2"));
  more.spares_down = false;
  const Scenario both = parse_scenario(text, "a.yaml", more).value();
  EXPECT_EQ(check({text, "a.yaml", more}, both, options).value().overall, Decision::meets);
}

}  // namespace
}  // namespace foretoken
