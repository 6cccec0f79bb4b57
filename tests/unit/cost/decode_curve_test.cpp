// Curves and runs of decode steps: closed forms against adding step by step.
#include "foretoken/cost/decode_curve.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <random>

namespace foretoken {
namespace {

PiecewiseCurve::Point roofline_like(double x) {
  const double memory = 3e-6 + x * 4.7e-9;
  const double compute = 1e-6 + x * x * 3e-14;
  return {memory > compute ? memory : compute, memory > compute ? TimePart::memory : TimePart::compute};
}

// A curve of every kind the levels make: kinked, with a jump, straight, none.
DecodeCurve random_curve(std::mt19937_64& random) {
  DecodeCurve curve;
  curve.sequences = 1 + static_cast<std::int64_t>(random() % 300);
  curve.fixed[TimePart::overhead] = {static_cast<std::int64_t>(random() % (1ULL << 40)) + FineDuration::kPerNanosecond};
  curve.fixed[TimePart::memory] = {static_cast<std::int64_t>(random() % (1ULL << 42))};
  const double jump = static_cast<double>(random() % 5000);
  switch (random() % 4) {
    case 0:
      curve.full = PiecewiseCurve(roofline_like);
      break;
    case 1:
      curve.full = PiecewiseCurve([jump](double x) {
        return PiecewiseCurve::Point{std::sqrt(1e-12 + x * 1e-12) + (x >= jump ? 2e-6 : 0), TimePart::compute};
      });
      break;
    case 2:
      curve.full = PiecewiseCurve::line({static_cast<std::int64_t>(random() % 1000000)},
                                        {static_cast<std::int64_t>(random() % 100000000)}, TimePart::memory);
      break;
    default:
      break;
  }
  if (random() % 2 == 0) {
    curve.windowed = PiecewiseCurve([](double x) { return PiecewiseCurve::Point{x * 1.3e-9, TimePart::network}; });
  }
  return curve;
}

TEST(DecodeRun, EqualsAddingStepByStepToTheLastUnit) {
  std::mt19937_64 random(7);
  for (int trial = 0; trial < 400; ++trial) {
    const DecodeCurve curve = random_curve(random);
    const DecodeShape first{curve.sequences, static_cast<std::int64_t>(random() % 20000),
                            static_cast<std::int64_t>(random() % 9000)};
    const auto growth = static_cast<std::int64_t>(random() % 300);
    const std::int64_t windowed_growth = growth == 0                               ? 0
                                         : static_cast<std::int64_t>(random()) & 1 ? growth
                                                                                   : growth / 3;
    const DecodeRun run(curve, first, {growth}, {windowed_growth});
    FineDuration sum;
    std::array<FineDuration, kTimeParts> parts{};
    for (std::int64_t step = 0; step < 600; ++step) {
      const FineDuration time = curve.at(run.shape_at(step)).total();
      ASSERT_EQ(run.steps_to_reach({sum.units + 1}), step + 1) << "trial " << trial;
      const FineDuration before = sum;
      sum += time;
      for (std::size_t p = 0; p < parts.size(); ++p) parts[p] += curve.at(run.shape_at(step)).parts[p];
      ASSERT_EQ(run.elapsed(step + 1), sum) << "trial " << trial << " step " << step;
      ASSERT_EQ(run.parts(step + 1), parts) << "trial " << trial << " step " << step;
      ASSERT_EQ(run.steps_to_reach(sum), step + 1) << "trial " << trial;
      const DecodeRun::Piece& piece = run.piece_at(step);
      ASSERT_EQ(piece.first_time + piece.increment * (step - piece.first_step), time);
      ASSERT_LE(piece.elapsed_before, before);
    }
  }
}

// The first may take any time; the others are those of the same run without it.
TEST(DecodeRun, AFirstStepWithATimeOfItsOwnStandsBeforeTheOthers) {
  std::mt19937_64 random(13);
  for (int trial = 0; trial < 100; ++trial) {
    const DecodeCurve curve = random_curve(random);
    const DecodeShape first{curve.sequences, static_cast<std::int64_t>(random() % 20000),
                            static_cast<std::int64_t>(random() % 9000)};
    const auto growth = static_cast<std::int64_t>(random() % 300);
    const FineDuration own{1 + static_cast<std::int64_t>(random() % 1'000'000'000'000)};
    const DecodeRun plain(curve, first, {growth}, {growth});
    DecodeRun run;
    run.begin(curve, first, {growth}, {growth}, own);
    const FineDuration less = plain.elapsed(1);
    ASSERT_EQ(run.steps_to_reach({1}), 1);
    ASSERT_EQ(run.steps_to_reach(own), 1);
    ASSERT_EQ(run.elapsed(1), own);
    ASSERT_EQ(run.piece_at(0).first_time, own);
    for (std::int64_t steps = 2; steps < 300; ++steps) {
      const FineDuration all = own + plain.elapsed(steps) - less;
      ASSERT_EQ(run.elapsed(steps), all) << "trial " << trial << " step " << steps;
      ASSERT_EQ(run.steps_to_reach(all), steps);
      ASSERT_EQ(run.steps_to_reach(all + FineDuration{1}), steps + 1);
      const auto parts = run.parts(steps), with = plain.parts(steps), without = plain.parts(1);
      for (std::size_t p = 0; p < parts.size(); ++p) ASSERT_EQ(parts[p], with[p] - without[p]);
    }
  }
}

TEST(DecodeRun, AnswersDoNotDependOnWhatWasAskedBefore) {
  std::mt19937_64 random(11);
  for (int trial = 0; trial < 50; ++trial) {
    const DecodeCurve curve = random_curve(random);
    const DecodeShape first{curve.sequences, 100, 50};
    const DecodeRun far_first(curve, first, {37}, {5});
    const FineDuration far = far_first.elapsed(20000);
    const DecodeRun near_first(curve, first, {37}, {5});
    for (std::int64_t k : {1, 2, 17, 900, 11000}) ASSERT_EQ(near_first.elapsed(k), far_first.elapsed(k));
    ASSERT_EQ(near_first.elapsed(20000), far);
    ASSERT_EQ(near_first.steps_to_reach(far), 20000);
  }
}

TEST(DecodeRun, LongRunsAndAbsurdTargetsSaturateInsteadOfOverflowing) {
  DecodeCurve curve;
  curve.sequences = 256;
  curve.fixed[TimePart::memory] = fine_from_seconds(0.02);
  curve.full = PiecewiseCurve::line({}, fine_from_seconds(40e-9), TimePart::memory);
  const DecodeRun run(curve, {256, 1000000, 0}, {256}, {});
  const FineDuration most{INT64_MAX};
  const std::int64_t k = run.steps_to_reach(most);
  fmt::print("0.02 s + 40 ns * (1e6 + 256 i) reaches 8,796 s after {} steps\n", k);
  // 0.06 k + 1.024e-5 k^2/2 = 8796.09 gives k = 36,000 within rounding.
  EXPECT_NEAR(static_cast<double>(k), 36009.0, 30.0);
  EXPECT_LT(run.elapsed(k - 1), most);
  EXPECT_EQ(run.elapsed(k), most);
  EXPECT_EQ(run.elapsed(std::int64_t{1} << 50), most);
  const DecodeRun constant(curve, {256, 0, 0}, {}, {});
  EXPECT_EQ(constant.elapsed(INT64_MAX), most);
  EXPECT_EQ(constant.steps_to_reach({0}), 0);
  EXPECT_EQ(constant.steps_to_reach({-5}), 0);
}

TEST(DecodeRun, StepsThatTakeNoTimeNeverReachATarget) {
  const DecodeCurve nothing;
  const DecodeRun run(nothing, {1, 0, 0}, {1}, {});
  EXPECT_EQ(run.steps_to_reach({1}), INT64_MAX);
  EXPECT_EQ(run.elapsed(1000).units, 0);
}

TEST(PiecewiseCurve, StaysWithinHalfAPermilleOfItsFunctionAndNeverFalls) {
  const PiecewiseCurve curve(roofline_like);
  FineDuration before;
  double worst = 0;
  for (std::int64_t x = 0; x < 3000000; x = x + 1 + x / 977) {
    const FineDuration value = curve.at(x);
    const double exact = roofline_like(static_cast<double>(x)).seconds;
    worst = std::max(worst, std::abs(to_seconds(value) - exact) / exact);
    ASSERT_GE(value, before) << x;
    before = value;
  }
  fmt::print("largest distance from the function: {:.5f} %\n", worst * 100);
  EXPECT_LT(worst, 6e-4);
  EXPECT_GT(curve.segment_at(1000).end - curve.segment_at(1000).begin, 16) << "a straight stretch needs few knots";
}

TEST(PiecewiseCurve, KnotsDoNotDependOnTheOrderOfQuestions) {
  const PiecewiseCurve upward(roofline_like);
  const PiecewiseCurve downward(roofline_like);
  std::vector<CurveSegment> seen;
  for (std::int64_t x = 0; x < 1000000; x += 991) seen.push_back(upward.segment_at(x));
  for (std::int64_t x = 999919 / 991 * 991, i = x / 991; x >= 0; x -= 991, --i) {
    const CurveSegment& s = downward.segment_at(x);
    const CurveSegment& expected = seen[static_cast<std::size_t>(i)];
    ASSERT_EQ(s.begin, expected.begin);
    ASSERT_EQ(s.end, expected.end);
    ASSERT_EQ(s.at_begin, expected.at_begin);
    ASSERT_EQ(s.slope, expected.slope);
  }
}

TEST(PiecewiseCurve, AJumpIsResolvedToTheExactContext) {
  const PiecewiseCurve curve([](double x) {
    return PiecewiseCurve::Point{1e-5 + x * 1e-9 + (x >= 4096 ? 5e-6 : 0), TimePart::memory};
  });
  EXPECT_NEAR(to_seconds(curve.at(4095)), 1e-5 + 4095e-9, 2e-9);
  EXPECT_NEAR(to_seconds(curve.at(4096)), 1.5e-5 + 4096e-9, 2e-9);
}

TEST(PiecewiseCurve, AStraightLineIsExactAndSaturates) {
  const PiecewiseCurve curve = PiecewiseCurve::line({100}, {7}, TimePart::compute);
  EXPECT_EQ(curve.at(0).units, 100);
  EXPECT_EQ(curve.at(12345).units, 100 + 7 * 12345);
  EXPECT_EQ(curve.at(INT64_MAX), PiecewiseCurve::kLargest);
  EXPECT_EQ(curve.at(-3).units, 100);
  const std::int64_t last = (PiecewiseCurve::kLargest.units - 100) / 7;
  EXPECT_LE(curve.at(last), PiecewiseCurve::kLargest);
  EXPECT_EQ(curve.at(last + 1), PiecewiseCurve::kLargest);
}

TEST(PiecewiseCurve, AFunctionThatYieldsNonsenseStillGivesACurve) {
  const PiecewiseCurve curve([](double x) {
    return PiecewiseCurve::Point{x > 10 ? std::nan("") : 1e300, TimePart::memory};
  });
  EXPECT_EQ(curve.at(5), PiecewiseCurve::kLargest);
  EXPECT_GE(curve.at(1000).units, 0);
}

}  // namespace
}  // namespace foretoken
