// Cost and energy against their formulas by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "unit/metrics/records.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;

constexpr FineTotal kMillisecond = FineTotal{1'000'000} * FineDuration::kPerNanosecond;

FineTotal& part(std::array<FineTotal, kTimeParts>& parts, TimePart p) {
  return parts[static_cast<std::size_t>(p)];
}

// 1 s from first send to last completion; 4 requests of 250 tokens in and 50 out. Steps: 150 ms of prefill (100
// compute, 50 overhead) and 450 ms of decode (300 memory, 50 compute, 100 network); 400 ms idle.
RunMeasures one_second() {
  MetricsCollector collector(every_request(4));
  for (int i = 0; i < 4; ++i) collector.on_request(record(i, {0, 0, 500, 1000}, 50, 250));
  RunMeasures run = collector.take({});
  run.replicas = 1;
  part(run.engine.prefill_parts, TimePart::compute) = 100 * kMillisecond;
  part(run.engine.prefill_parts, TimePart::overhead) = 50 * kMillisecond;
  part(run.engine.decode_parts, TimePart::memory) = 300 * kMillisecond;
  part(run.engine.decode_parts, TimePart::compute) = 50 * kMillisecond;
  part(run.engine.decode_parts, TimePart::network) = 100 * kMillisecond;
  run.engine.busy = 600 * kMillisecond;
  return run;
}

MeasureView priced(const RunMeasures& run) {
  MeasureView view = view_of(run);
  view.device.num_gpus = 2;
  view.device.usd_per_hour = 7.2;  // 0.002 $ a second
  view.device.tdp_watts = 700;
  view.device.idle_watts = 100;
  view.device.usd_per_kwh = 0.25;
  view.device.grid_g_per_kwh = 400;
  return view;
}

TEST(Money, IsSharedByTheTimeOfPrefillAndDecode) {
  const RunMeasures run = one_second();
  const Summary s = summarise(priced(run));
  EXPECT_DOUBLE_EQ(s["cost_per_hour"], 7.2);
  EXPECT_NEAR(s["cost_per_1m_tokens"], 0.002 / 1200 * 1e6, 1e-9) << "1200 tokens in and out";
  EXPECT_NEAR(s["cost_per_1m_input_tokens"], 0.25 * 0.002 / 1000 * 1e6, 1e-9) << "prefill has 150 of 600 ms";
  EXPECT_NEAR(s["cost_per_1m_output_tokens"], 0.75 * 0.002 / 200 * 1e6, 1e-9);
  EXPECT_NEAR(s["full_cost_per_1m_output_tokens"], 0.002 / 200 * 1e6, 1e-9) << "the whole price";
  EXPECT_NEAR(s["cost_per_request"], 0.002 / 4, 1e-12);
  EXPECT_NEAR(s["idle_cost_share"], 0.4, 1e-9);
  const double bill = s["cost_per_1m_input_tokens"] * 1000 + s["cost_per_1m_output_tokens"] * 200;
  EXPECT_NEAR(bill, s["cost_per_1m_tokens"] * 1200, 1e-9) << "input and output together are the price of the second";
}

TEST(Money, DoesNotExistWithoutAPriceNorForOneClass) {
  const RunMeasures run = one_second();
  MeasureView view = priced(run);
  view.scope = Scope::request_class;
  for (const Column& c : columns()) {
    if (c.group == ColumnGroup::money && c.key != "class_bill") {
      EXPECT_TRUE(std::isnan(c.value(view))) << c.key << " of a class";
    }
  }
  view.scope = Scope::run;
  view.device.usd_per_hour = 0;
  for (const Column& c : columns()) {
    if (c.group == ColumnGroup::money) {
      EXPECT_TRUE(std::isnan(c.value(view))) << c.key;
    }
  }
}

TEST(Money, OfAnExampleSaysSoInTheSummaryItself) {
  const RunMeasures run = one_second();
  MeasureView view = priced(run);
  EXPECT_TRUE(std::isnan(summarise(view)["example_price"]));
  view.device.example_price = true;
  EXPECT_EQ(summarise(view)["example_price"], 1);
}

TEST(Money, OfOutputsThatOnlyPrefillMadeIsUnknownNotZero) {
  RunMeasures run = one_second();
  run.engine.decode_parts = {};
  const Summary s = summarise(priced(run));
  EXPECT_TRUE(std::isnan(s["cost_per_1m_output_tokens"]));
  EXPECT_NEAR(s["cost_per_1m_input_tokens"], 0.002 / 1000 * 1e6, 1e-9) << "all of it";
}

// H100's terms: 600 ms of work at a floor of 0.6 x 700 W, of which the second's bytes and FLOPs add their shares.
MeasureView drawing(const RunMeasures& run) {
  MeasureView view = priced(run);
  view.device.power = {.60, .05, 1.2};
  view.device.memory_bandwidth = 3.35e12;
  view.device.peak_flops = 989.4e12;
  return view;
}

TEST(Energy, IsAFloorWhileStepsRunAndMoreByWhatTheyReach) {
  RunMeasures run = one_second();
  run.engine.bytes = static_cast<FineTotal>(3.35e12 * 0.45 * 0.66);  // decode: 0.66 of the bandwidth
  run.engine.prefill_flops = static_cast<FineTotal>(989.4e12 * 0.15 * 0.2);
  run.engine.flops = run.engine.prefill_flops;
  const Summary s = summarise(drawing(run));
  const double decode = 0.45 * (700 * .60 + 700 * .05 * .66), prefill = 0.15 * 700 * (.60 + 1.2 * .2);
  const double watts = 2 * (decode + prefill + 0.4 * 100);
  EXPECT_NEAR(s["mean_power_w"], watts, 1e-6);
  EXPECT_NEAR(s["energy_kwh"], watts / 3.6e6, 1e-12);
  EXPECT_NEAR(s["energy_j_per_token"], watts / 1200, 1e-9);
  EXPECT_NEAR(s["energy_j_per_output_token"], watts / 200, 1e-9);
  const double kwh = watts / 1200 * 1e6 / 3.6e6;
  EXPECT_NEAR(s["energy_cost_per_1m_tokens"], 0.25 * kwh, 1e-9);
  EXPECT_NEAR(s["co2e_g_per_1m_tokens"], 400 * kwh, 1e-9);
  run.engine.prefill_tokens = 1000;
  run.engine.decode_tokens = 196;
  EXPECT_NEAR(summarise(drawing(run))["prefill_j_per_token"], 2 * prefill / 1000, 1e-9);
  EXPECT_NEAR(summarise(drawing(run))["decode_j_per_token"], 2 * decode / 196, 1e-9);
}

TEST(Energy, WaitingForTheHostIsNoWork) {
  RunMeasures run = one_second();
  run.engine.steps = 100;
  MeasureView view = drawing(run);
  view.device.host_per_step = 0.5e-3;  // all of the 50 ms of overhead
  EXPECT_NEAR(summarise(view)["mean_power_w"], 2 * (0.55 * 420 + 0.45 * 100), 1e-6);
}

TEST(Energy, OfAPipelineKeepsOneStageBusyAtATime) {
  const RunMeasures run = one_second();
  MeasureView view = drawing(run);
  view.device.pipeline_stages = 2;
  EXPECT_NEAR(summarise(view)["mean_power_w"], 2 * (100 + 0.3 * (420 - 100)), 1e-6);
}

TEST(Energy, StaysBetweenIdleAndTheTdpOrTheCap) {
  RunMeasures run = one_second();
  run.engine.flops = static_cast<FineTotal>(989.4e12);
  MeasureView view = drawing(run);
  EXPECT_NEAR(summarise(view)["mean_power_w"], 2 * (0.15 * 420 + 0.45 * 0.98 * 700 + 40), 1e-6);
  view.device.power_cap = 500;
  EXPECT_NEAR(summarise(view)["mean_power_w"], 2 * (0.15 * 420 + 0.45 * 500 + 40), 1e-6);
  run.engine.prefill_parts = run.engine.decode_parts = {};
  EXPECT_NEAR(summarise(drawing(run))["mean_power_w"], 2 * 100, 1e-6);
}

TEST(Energy, IsAbsentWithoutATdpAndNeverZero) {
  const RunMeasures run = one_second();
  MeasureView view = priced(run);
  view.device.tdp_watts = 0;
  for (const Column& c : columns()) {
    if (c.group == ColumnGroup::energy) {
      EXPECT_TRUE(std::isnan(c.value(view))) << c.key;
    }
  }
}

}  // namespace
}  // namespace foretoken
