// Links that flows share, with rates and ends worked out by hand.
#include "serving/transfers/network.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/random.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kGigabyte = 1'000'000'000;

TimePoint ms(std::int64_t t) {
  return TimePoint{Duration{t * 1'000'000}};
}

std::vector<Network::Flow> ended_by(Network& network, TimePoint now) {
  std::vector<Network::Flow> ended;
  network.take_ended(now, ended);
  return ended;
}

// F.2, 11: a share that was frozen at the start would end A at 100 ms and B at 250 ms.
TEST(Network, SharesALinkFromTheMomentAnotherFlowStarts) {
  Network network;
  const std::array link{network.add_link(10 * kGigabyte)};
  const auto a = network.start(kGigabyte, link, 0, ms(0));
  EXPECT_EQ(network.next_change(), ms(100));
  const auto b = network.start(kGigabyte, link, 0, ms(50));
  EXPECT_EQ(network.next_change(), ms(150));
  EXPECT_EQ(ended_by(network, ms(150)), std::vector{a});
  EXPECT_EQ(network.next_change(), ms(200));
  EXPECT_EQ(ended_by(network, ms(200)), std::vector{b});
  EXPECT_TRUE(network.idle());
  EXPECT_EQ(network.next_change(), kNever);
}

// The same when both were known from the start: B begins to flow at 50 ms, and makes no difference before.
TEST(Network, KnowsOfAFlowBeforeItBegins) {
  Network network;
  const std::array link{network.add_link(10 * kGigabyte)};
  const auto a = network.start(kGigabyte, link, 0, ms(0));
  const auto b = network.start(kGigabyte, link, 0, ms(0), ms(50));
  EXPECT_EQ(network.rate_of(a), 10 * kGigabyte);
  EXPECT_EQ(network.next_change(), ms(50));
  EXPECT_TRUE(ended_by(network, ms(50)).empty());
  EXPECT_EQ(network.next_change(), ms(150));
  EXPECT_EQ(ended_by(network, ms(150)), std::vector{a});
  EXPECT_EQ(network.next_change(), ms(200));
  EXPECT_EQ(ended_by(network, ms(200)), std::vector{b});
}

// Where both fit beside each other nothing changes when the second begins.
TEST(Network, LooksAtABeginningOnlyWhereOthersMakeRoom) {
  Network network;
  const std::array link{network.add_link(10 * kGigabyte)};
  network.start(kGigabyte, link, 5 * kGigabyte, ms(0));
  network.start(kGigabyte, link, 5 * kGigabyte, ms(0), ms(50));
  EXPECT_EQ(network.next_change(), ms(200));
  EXPECT_EQ(ended_by(network, ms(200)).size(), 1u);
  EXPECT_EQ(network.next_change(), ms(250));
}

// F.2, 12: what one destination cannot take, the other gets.
TEST(Network, LeavesToOthersWhatAFlowCannotUse) {
  Network network;
  const auto out = network.add_link(10 * kGigabyte), narrow = network.add_link(4 * kGigabyte),
             wide = network.add_link(10 * kGigabyte);
  const auto a = network.start(kGigabyte, std::array{out, narrow}, 0, ms(0));
  const auto b = network.start(kGigabyte, std::array{out, wide}, 0, ms(0));
  EXPECT_EQ(network.rate_of(a), 4 * kGigabyte);
  EXPECT_EQ(network.rate_of(b), 6 * kGigabyte);
}

TEST(Network, HoldsAFlowAtItsOwnLimit) {
  Network network;
  const std::array link{network.add_link(10 * kGigabyte)};
  const auto slow = network.start(kGigabyte, link, kGigabyte, ms(0));
  const auto fast = network.start(kGigabyte, link, 0, ms(0));
  EXPECT_EQ(network.rate_of(slow), kGigabyte);
  EXPECT_EQ(network.rate_of(fast), 9 * kGigabyte);
  EXPECT_EQ(ended_by(network, ms(1000)).size(), 2u);
}

// Flows that are told of before they begin end when those do that are started as they begin.
TEST(Network, EndsDoNotHangOnWhenAFlowIsToldOf) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    RandomStream random(seed, "flows to come");
    const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
    Network early, late;
    for (std::int64_t i = pick(1, 3); i > 0; --i) {
      const std::int64_t bandwidth = pick(100, 1000);
      EXPECT_EQ(early.add_link(bandwidth), late.add_link(bandwidth));
    }
    const std::array link{Network::Link{0}};
    const std::int64_t setup = pick(1, 40);
    std::vector<std::pair<std::int64_t, std::int64_t>> told;  // when, bytes
    for (std::int64_t i = 0, at = 0; i < 8; ++i) told.emplace_back(at += pick(0, 30), pick(1, 20));
    const std::int64_t most = pick(0, 1) == 0 ? 0 : pick(20, 500);
    std::vector<TimePoint> ends_early, ends_late;
    const auto run = [&](Network& network, std::vector<TimePoint>& ends, std::int64_t delay) {
      for (std::size_t next = 0; next < told.size() || !network.idle();) {
        const TimePoint tell = next < told.size() ? ms(told[next].first + delay) : kNever;
        const TimePoint now = std::min(tell, network.next_change());
        for (std::size_t i = ended_by(network, now).size(); i > 0; --i) ends.push_back(now);
        if (now < tell) continue;
        network.start(told[next].second, link, most, now, ms(told[next].first + setup));
        ++next;
      }
    };
    run(early, ends_early, 0);
    run(late, ends_late, setup);
    ASSERT_EQ(ends_early, ends_late) << "seed " << seed;
  }
}

// Any topology: no link carries more than it has, every flow stands at its limit or at a full link on which no other
// has more, all bytes arrive, and the order in which simultaneous flows were started changes nothing.
TEST(Network, OfAnyShapeIsMaxMinFair) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    RandomStream random(seed, "network");
    const auto pick = [&](std::int64_t low, std::int64_t high) { return random.uniform_int(low, high); };
    Network network, reversed;
    std::vector<std::int64_t> bandwidth;
    for (std::int64_t i = pick(1, 6); i > 0; --i) {
      bandwidth.push_back(pick(1, 1000));
      EXPECT_EQ(network.add_link(bandwidth.back()), reversed.add_link(bandwidth.back()));
    }
    struct Given {
      std::int64_t bytes, most;
      std::vector<Network::Link> links;
    };
    std::vector<Given> given;
    for (std::int64_t i = pick(1, 8); i > 0; --i) {
      Given flow{pick(1, 5000), pick(0, 2) == 0 ? pick(1, 500) : 0, {}};
      for (Network::Link link = 0; link < static_cast<Network::Link>(bandwidth.size()); ++link) {
        if (pick(0, 1) == 0) flow.links.push_back(link);
      }
      if (flow.links.empty() && flow.most == 0) flow.links.push_back(0);
      given.push_back(flow);
    }
    std::vector<Network::Flow> flows;
    for (const Given& g : given) flows.push_back(network.start(g.bytes, g.links, g.most, ms(0)));
    for (auto g = given.rbegin(); g != given.rend(); ++g) reversed.start(g->bytes, g->links, g->most, ms(0));

    std::vector<std::int64_t> used(bandwidth.size());
    for (std::size_t i = 0; i < given.size(); ++i) {
      for (const auto link : given[i].links) used[static_cast<std::size_t>(link)] += network.rate_of(flows[i]);
    }
    for (std::size_t link = 0; link < used.size(); ++link) {
      // A flow never stands still: where shares round down to nothing, it has a byte per second.
      ASSERT_LE(used[link], bandwidth[link] + static_cast<std::int64_t>(given.size())) << "seed " << seed;
    }
    for (std::size_t i = 0; i < given.size(); ++i) {
      const std::int64_t rate = network.rate_of(flows[i]);
      const bool at_limit = given[i].most > 0 && rate >= given[i].most;
      const bool at_full_link = std::any_of(given[i].links.begin(), given[i].links.end(), [&](Network::Link link) {
        const auto l = static_cast<std::size_t>(link);
        std::int64_t users = 0, largest = 0;
        for (std::size_t k = 0; k < given.size(); ++k) {
          if (std::find(given[k].links.begin(), given[k].links.end(), link) == given[k].links.end()) continue;
          ++users;
          largest = std::max(largest, network.rate_of(flows[k]));
        }
        return used[l] + users > bandwidth[l] && rate >= largest - 1;
      });
      ASSERT_TRUE(at_limit || at_full_link) << "seed " << seed << " flow " << i;
    }
    while (!network.idle()) {
      const TimePoint next = network.next_change();
      ASSERT_EQ(next, reversed.next_change()) << "seed " << seed;
      ASSERT_EQ(ended_by(network, next).size(), ended_by(reversed, next).size()) << "seed " << seed;
    }
    EXPECT_TRUE(reversed.idle());
  }
}

}  // namespace
}  // namespace foretoken
