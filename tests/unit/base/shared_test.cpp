// A shared value behaves as a value: whoever changes it changes nobody else's.
#include "foretoken/base/shared.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace foretoken {
namespace {

using Numbers = Shared<std::vector<int>>;

TEST(Shared, CopiesAreOneObjectUntilOneOfThemIsChanged) {
  const Numbers first(std::vector<int>{1, 2});
  Numbers second = first;
  EXPECT_EQ(&*second, &*first);
  second.change([](std::vector<int>& v) { v.push_back(3); });
  EXPECT_EQ(*first, (std::vector<int>{1, 2}));
  EXPECT_EQ(*second, (std::vector<int>{1, 2, 3}));
}

TEST(Shared, ValuesAreComparedAndNotWhereTheyStand) {
  const Numbers one(std::vector<int>{1}), same(std::vector<int>{1}), other(std::vector<int>{2});
  EXPECT_NE(&*one, &*same);
  EXPECT_TRUE(one == same);
  EXPECT_FALSE(one == other);
}

TEST(Shared, NothingGivenIsAnEmptyValueAndWhatWasMovedFromStillHoldsOne) {
  Numbers nothing;
  EXPECT_TRUE(nothing->empty());
  nothing.change([](std::vector<int>& v) { v.push_back(7); });
  EXPECT_TRUE(Numbers()->empty());
  const Numbers taken = std::move(nothing);
  EXPECT_EQ(nothing->size(), 1U);
  EXPECT_TRUE(taken == nothing);
}

}  // namespace
}  // namespace foretoken
