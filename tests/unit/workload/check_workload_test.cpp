// Every number of a workload that cannot be, named, and all of them at once.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "foretoken/workload/request_source.hpp"

namespace foretoken {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Duration kOneSecond{1'000'000'000};

struct BadWorkload {
  const char* name;
  std::function<void(WorkloadConfig&)> spoil;
  const char* message;  // part of it
};

TraceConfig trace(double time_scale, double rate_scale, std::optional<Duration> start, std::optional<Duration> end) {
  return {"some.csv", "auto", time_scale, rate_scale, start, end};
}

void set_input(WorkloadConfig& c, LengthConfig length) {
  c.lengths.input = std::move(length);
}

const std::vector<BadWorkload>& cases() {
  using W = WorkloadConfig;
  static const std::vector<BadWorkload> all = {
      {"rate zero", [](W& c) { c.arrivals = RenewalArrivals{0}; }, "request_rate is 0"},
      {"rate negative", [](W& c) { c.arrivals = RenewalArrivals{-3}; }, "request_rate is -3"},
      {"rate NaN", [](W& c) { c.arrivals = RenewalArrivals{kNan}; }, "request_rate is nan"},
      {"rate enormous", [](W& c) { c.arrivals = RenewalArrivals{1e300}; }, "at most 1e+09"},
      {"burstiness zero",
       [](W& c) {
         c.arrivals = RenewalArrivals{1, 0};
       },
       "burstiness is 0"},
      {"burstiness NaN",
       [](W& c) {
         c.arrivals = RenewalArrivals{1, kNan};
       },
       "burstiness is nan"},
      {"ramp from zero",
       [](W& c) {
         c.arrivals = RampArrivals{false, 0, 5, 1};
       },
       "ramp_up_start_rps is 0"},
      {"ramp to infinity",
       [](W& c) {
         c.arrivals = RampArrivals{true, 1, kInfinity, 1};
       },
       "ramp_up_end_rps is inf"},
      {"ramp without count",
       [](W& c) {
         c.arrivals = RampArrivals{};
         c.num_prompts.reset();
         c.duration = kOneSecond;
       },
       "ramp needs num_prompts"},
      {"rescale without count",
       [](W& c) {
         c.arrivals = RenewalArrivals{1, 1, true};
         c.num_prompts.reset();
         c.duration = kOneSecond;
       },
       "vllm_rescale needs num_prompts"},
      {"bursts of no length",
       [](W& c) {
         c.arrivals = TwoStateArrivals{1, 2, {}, kOneSecond};
       },
       "bursts.mean_low and bursts.mean_high"},
      {"bursts without requests",
       [](W& c) {
         c.arrivals = TwoStateArrivals{0, 0, kOneSecond, kOneSecond};
       },
       "bursts.high_rate is 0"},
      {"bursts that flicker",
       [](W& c) {
         c.arrivals = TwoStateArrivals{0, 1, Duration{1}, Duration{1}};
       },
       "change state"},
      {"profile without rates",
       [](W& c) {
         c.arrivals = ProfileArrivals{kOneSecond, {}};
       },
       "rate_profile.rates is empty"},
      {"profile of zeros",
       [](W& c) {
         c.arrivals = ProfileArrivals{kOneSecond, {0, 0}};
       },
       "rate_profile.rates are all 0"},
      {"profile with a negative rate",
       [](W& c) {
         c.arrivals = ProfileArrivals{kOneSecond, {1, -1}};
       },
       "rate_profile.rates[1] is -1"},
      {"profile of no period",
       [](W& c) {
         c.arrivals = ProfileArrivals{{}, {1, 2}};
       },
       "period"},
      {"trace without path", [](W& c) { c.arrivals = TraceConfig{}; }, "trace.path is empty"},
      {"trace scaled by zero", [](W& c) { c.arrivals = trace(0, 1, {}, {}); }, "trace.time_scale is 0"},
      {"trace scaled by NaN", [](W& c) { c.arrivals = trace(1, kNan, {}, {}); }, "trace.rate_scale is nan"},
      {"empty slice", [](W& c) { c.arrivals = trace(1, 1, kOneSecond, kOneSecond); }, "trace.end must be after"},
      {"slice before time 0", [](W& c) { c.arrivals = trace(1, 1, Duration{-1}, kOneSecond); },
       "trace.start must not be negative"},
      {"sessions of a trace",
       [](W& c) {
         c.arrivals = trace(1, 1, {}, {});
         c.sessions = SessionConfig{};
       },
       "sessions cannot be combined"},
      {"no requests", [](W& c) { c.num_prompts = 0; }, "num_prompts is 0"},
      {"negative count", [](W& c) { c.num_prompts = -5; }, "num_prompts is -5"},
      {"no time", [](W& c) { c.duration = Duration{}; }, "duration must be above 0"},
      {"no end", [](W& c) { c.num_prompts.reset(); }, "nothing ends the run"},
      {"endless first instant",
       [](W& c) {
         c.arrivals = AllAtOnceArrivals{};
         c.num_prompts.reset();
         c.duration = kOneSecond;
       },
       "all at once"},
      {"endless first instant by rate",
       [](W& c) {
         c.arrivals = RenewalArrivals{kInfinity};
         c.num_prompts.reset();
         c.duration = kOneSecond;
       },
       "all at once"},
      {"length zero", [](W& c) { set_input(c, FixedLength{0}); }, "input length: the length is 0"},
      {"length enormous", [](W& c) { set_input(c, FixedLength{1'000'000'000'000}); }, "from 1 to 100000000"},
      {"output negative", [](W& c) { c.lengths.output = FixedLength{-1}; }, "output length: the length is -1"},
      {"range reversed",
       [](W& c) {
         set_input(c, UniformLength{9, 3});
       },
       "is above the largest"},
      {"lognormal NaN",
       [](W& c) {
         set_input(c, LognormalLength{kNan, 1});
       },
       "mu must be finite"},
      {"lognormal negative sigma",
       [](W& c) {
         set_input(c, LognormalLength{1, -1});
       },
       "sigma must be finite"},
      {"zipf negative",
       [](W& c) {
         set_input(c, ZipfLength{-1, 1, 5});
       },
       "alpha must be from 0"},
      {"zipf NaN",
       [](W& c) {
         set_input(c, ZipfLength{kNan, 1, 5});
       },
       "alpha must be from 0"},
      {"exponential of no mean", [](W& c) { set_input(c, ExponentialLength{0}); }, "mean must be above 0"},
      {"histogram empty", [](W& c) { set_input(c, EmpiricalLength{}); }, "list of lengths is empty"},
      {"histogram of unequal lists",
       [](W& c) {
         set_input(c, EmpiricalLength{{1, 2}, {1}});
       },
       "2 lengths but 1 weights"},
      {"histogram of zeros",
       [](W& c) {
         set_input(c, EmpiricalLength{{1, 2}, {0, 0}});
       },
       "add up to 0"},
      {"histogram beyond double",
       [](W& c) {
         set_input(c, EmpiricalLength{{1, 2}, {1e308, 1e308}});
       },
       "add up to inf"},
      {"histogram negative",
       [](W& c) {
         set_input(c, EmpiricalLength{{1, 2}, {1, -1}});
       },
       "a weight is -1"},
      {"histogram of a bad length",
       [](W& c) {
         set_input(c, EmpiricalLength{{1, 0}, {}});
       },
       "a length is 0"},
      {"pairs without path", [](W& c) { c.lengths.paired = PairedLengths{}; }, "path of the paired lengths is empty"},
      {"classes of no weight",
       [](W& c) {
         c.classes = {{"a", 0, {}, {}, 0, {}}};
       },
       "classes: the weights add up to 0"},
      {"classes of one name",
       [](W& c) {
         c.classes = {{"a", 1, {}, {}, 0, {}}, {"a", 1, {}, {}, 0, {}}};
       },
       "two classes are called 'a'"},
      {"class priority",
       [](W& c) {
         c.classes = {{"a", 1, {}, {}, 99'999, {}}};
       },
       "priority is 99999"},
      {"class length",
       [](W& c) {
         c.classes = {{"a", 1, {FixedLength{0}, FixedLength{1}, {}}, {}, 0, {}}};
       },
       "class 'a': input length"},
      {"no seats", [](W& c) { c.max_concurrency = 0; }, "max_concurrency is 0"},
      {"negative thinking", [](W& c) { c.think_time.mean = Duration{-1}; }, "think_time must not be negative"},
      {"negative delay", [](W& c) { c.client_delay = Duration{-1}; }, "client_delay must not be negative"},
      {"sessions of no turns",
       [](W& c) {
         c.sessions = SessionConfig{FixedLength{0}, {}};
       },
       "sessions.turns"},
      {"no answer wanted",
       [](W& c) {
         c.ignore_eos = false;
         c.max_tokens = 0;
       },
       "max_tokens is 0"},
  };
  return all;
}

TEST(CheckWorkload, NamesEachImpossibleValue) {
  for (const BadWorkload& c : cases()) {
    WorkloadConfig config;
    ASSERT_TRUE(check_workload(config).empty()) << "the defaults are fine";
    c.spoil(config);
    const Diagnostics problems = check_workload(config);
    ASSERT_EQ(problems.items().size(), 1u) << c.name << ": one fault, one message\n" << format(problems);
    EXPECT_NE(problems.items()[0].message.find(c.message), std::string::npos)
        << c.name << ": " << problems.items()[0].message;
    EXPECT_FALSE(make_request_source(config, 1)) << c.name;
    EXPECT_FALSE(summarise_workload(config)) << c.name;
  }
}

TEST(CheckWorkload, SaysEverythingInOneGo) {
  WorkloadConfig config;
  config.arrivals = RenewalArrivals{-1, -1};
  config.num_prompts = 0;
  config.lengths = {FixedLength{0}, UniformLength{5, 2}, {}};
  config.max_concurrency = -2;
  EXPECT_EQ(check_workload(config).items().size(), 6u) << format(check_workload(config));
}

}  // namespace
}  // namespace foretoken
