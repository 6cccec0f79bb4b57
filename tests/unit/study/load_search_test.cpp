// The search alone, on curves that are known.
#include "study/capacity/load_search.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace foretoken {
namespace {

LoadSide below(double load, double limit) {
  return load <= limit ? LoadSide::meets : LoadSide::misses;
}

LoadSearch searched(const SearchRange& range, LoadSearch::Look look) {
  LoadSearch search(range, std::move(look));
  search.run();
  return search;
}

TEST(LoadSearch, FindsTheLimitWithinThePrecisionFromAnyStart) {
  for (const double start : {0.01, 1.0, 17.0, 900.0}) {
    for (const double limit : {0.02, 3.3, 17.0, 512.0}) {
      const auto search =
          searched({start, 0.001, 1e4, 0.02, false, 0.15, {}}, [&](double x) { return below(x, limit); });
      ASSERT_TRUE(search.largest_met() && search.smallest_missed()) << start << " " << limit;
      EXPECT_LE(*search.largest_met(), limit);
      EXPECT_GT(*search.smallest_missed(), limit);
      EXPECT_LE(*search.smallest_missed(), *search.largest_met() * 1.02 + 1e-12);
      EXPECT_LE(search.seen().size(), 40u);
    }
  }
}

TEST(LoadSearch, FindsWholeLoadsExactlyWhereThePrecisionIsBelowOne) {
  const auto search = searched({64, 1, 1e6, 0.02, true, 0.15, {}}, [](double x) { return below(x, 7); });
  EXPECT_EQ(search.largest_met(), 7.0);
  EXPECT_EQ(search.smallest_missed(), 8.0);
  for (const auto& [load, side] : search.seen()) EXPECT_EQ(load, std::round(load));
}

TEST(LoadSearch, LeavesTheUndecidedBetweenTheEndsAndClosesInOnThem) {
  const auto search = searched({10, 0.1, 1e3, 0.02, false, 0.15, {}}, [](double x) {
    return x < 20 ? LoadSide::meets : x > 25 ? LoadSide::misses : LoadSide::not_decided;
  });
  ASSERT_TRUE(search.largest_met() && search.smallest_missed());
  EXPECT_LT(*search.largest_met(), 20);
  EXPECT_GT(*search.largest_met(), 20 / 1.05);
  EXPECT_GT(*search.smallest_missed(), 25);
  EXPECT_LT(*search.smallest_missed(), 25 * 1.05);
}

TEST(LoadSearch, AnswersBelowTheFirstMissWhenTheCurveTurnsBack) {
  // Misses from 40 to 60, meets again up to 100.
  const auto search = searched({90, 0.1, 1e3, 0.02, false, 0.15, {}}, [](double x) {
    return x < 40 || (x > 60 && x < 100) ? LoadSide::meets : LoadSide::misses;
  });
  ASSERT_TRUE(search.largest_met());
  EXPECT_LT(*search.largest_met(), 40);
  EXPECT_GT(*search.largest_met(), 40 / 1.03);
}

TEST(LoadSearch, SaysWhenNothingMeetsAndWhenEverythingDoes) {
  const auto none = searched({10, 0.1, 1e3, 0.02, false, 0.15, {}}, [](double) { return LoadSide::misses; });
  EXPECT_FALSE(none.largest_met());
  EXPECT_EQ(none.seen().begin()->first, 0.1) << "looked at the least load";
  const auto all = searched({10, 0.1, 1e3, 0.02, false, 0.15, {}}, [](double) { return LoadSide::meets; });
  EXPECT_FALSE(all.smallest_missed());
  EXPECT_EQ(all.largest_met(), 1e3);
}

TEST(LoadSearch, FindsABandAboveAFloorAndNoneWhereThereIsNone) {
  const auto band = [](double floor, double limit) {
    return [=](double x) { return x > limit ? LoadSide::misses : x < floor ? LoadSide::too_little : LoadSide::meets; };
  };
  const auto found = searched({1, 0.1, 1e3, 0.02, false, 0.15, {}}, band(30, 50));
  ASSERT_TRUE(found.largest_met());
  EXPECT_NEAR(*found.largest_met(), 50, 1);
  const auto empty = searched({1, 0.1, 1e3, 0.02, false, 0.15, {}}, band(60, 50));
  EXPECT_FALSE(empty.largest_met());
  EXPECT_TRUE(empty.smallest_missed());
}

TEST(LoadSearch, KeepsWhatItKnowsAtAnInterrupt) {
  int looks = 0;
  const auto search = searched({10, 0.1, 1e3, 0.02, false, 0.15, {}}, [&](double x) -> std::optional<LoadSide> {
    if (++looks > 4) return std::nullopt;
    return below(x, 200);
  });
  EXPECT_TRUE(search.interrupted());
  EXPECT_EQ(search.seen().size(), 4u);
  EXPECT_TRUE(search.largest_met());
  EXPECT_EQ(looks, 5) << "nothing more after the interrupt";
}

TEST(LoadSearch, AsksForNoLoadTwice) {
  std::map<double, int> asked;
  (void)searched({3, 1, 1e6, 0.001, true, 0.15, 5}, [&](double x) {
    ++asked[x];
    return below(x, 1234);
  });
  for (const auto& [load, times] : asked) EXPECT_EQ(times, 1) << load;
}

}  // namespace
}  // namespace foretoken
