// Work spread over threads.
#include "experiment/parallel.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace foretoken {
namespace {

TEST(ParallelFor, DoesEveryPieceOnce) {
  for (int threads : {0, 1, 2, 7}) {
    std::vector<std::atomic<int>> done(100);
    parallel_for(done.size(), threads, [&](std::size_t i) { ++done[i]; });
    for (const auto& count : done) EXPECT_EQ(count, 1) << threads << " threads";
  }
  parallel_for(0, 4, [](std::size_t) { FAIL(); });
}

TEST(ParallelFor, RethrowsTheFirstFailureByIndexAndFinishesTheRest) {
  std::atomic<int> done{0};
  try {
    parallel_for(20, 4, [&](std::size_t i) {
      ++done;
      if (i == 3 || i == 11) throw std::runtime_error(std::to_string(i));
    });
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "3");
  }
  EXPECT_EQ(done, 20);
}

}  // namespace
}  // namespace foretoken
