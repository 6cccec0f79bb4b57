// Fair queueing by virtual token counters, worked out by hand, and its share of the service.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "foretoken/serving/simulation.hpp"
#include "serving/queueing/queueing_policy.hpp"
#include "support/recorder.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

Request of_class(int index, int of, int prompt, int output) {
  Request r;
  r.index = index;
  r.class_index = static_cast<std::int16_t>(of);
  r.prompt_tokens = prompt;
  r.output_tokens = r.max_tokens = output;
  return r;
}

EngineConfig fair_engine() {
  EngineConfig engine;
  engine.scheduling_policy = "vtc";
  return engine;
}

// The next one is served whole before another is looked at.
char serve(QueueingPolicy& queue) {
  const Request request = queue.head()->request;
  queue.pop();
  queue.admitted(request);
  queue.put_out(request.class_index, request.output_tokens);
  return static_cast<char>('A' + request.class_index);
}

// A request of A counts 100 + 2 x 10 = 120, one of B 20 + 2 x 10 = 40: three of B for one of A. Equals in the order of
// the classes. C comes when both are at 120 and begins there: it has not saved up what it did not use.
TEST(Vtc, ServesTheLeastServedFirst) {
  const auto queue = make_queueing_policy(fair_engine());
  for (int i = 0; i < 10; ++i) {
    queue->push({of_class(2 * i, 0, 100, 10)});
    queue->push({of_class(2 * i + 1, 1, 20, 10)});
  }
  std::string order;
  for (int i = 0; i < 8; ++i) order += serve(*queue);
  EXPECT_EQ(order, "ABBBABBB");
  for (int i = 0; i < 3; ++i) queue->push({of_class(100 + i, 2, 20, 10)});
  order.clear();
  // All are at 240.
  for (int i = 0; i < 7; ++i) order += serve(*queue);
  EXPECT_EQ(order, "ABCBCBC");
}

// Nobody waits, and the last to be admitted was of A, at 120: B begins there.
TEST(Vtc, BeginsWhereTheLastOneLeft) {
  const auto queue = make_queueing_policy(fair_engine());
  queue->push({of_class(0, 0, 100, 10)});
  EXPECT_EQ(serve(*queue), 'A');
  for (int i = 0; i < 3; ++i) queue->push({of_class(1 + i, 1, 20, 10)});
  queue->push({of_class(9, 0, 100, 10)});
  std::string order;
  for (int i = 0; i < 4; ++i) order += serve(*queue);
  EXPECT_EQ(order, "ABBB") << "both at 120";
}

TEST(Vtc, ServesByShares) {
  EngineConfig engine = fair_engine();
  engine.fair_shares = {1, 3};
  const auto queue = make_queueing_policy(engine);
  for (int i = 0; i < 40; ++i) queue->push({of_class(i, i % 2, 20, 10)});
  int of_b = 0;
  for (int i = 0; i < 20; ++i) of_b += serve(*queue) == 'B' ? 1 : 0;
  EXPECT_EQ(of_b, 15);
}

// Two classes that always wait: one asks for outputs four times as long. Served tokens differ by less than twice what
// the running ones may count (the paper's bound), although the first asks for four times as much.
TEST(Vtc, GivesBothTheSameServiceWhileBothWait) {
  constexpr int kSeats = 8;
  for (const bool fair : {true, false}) {
    SimulationConfig config;
    config.engine.num_gpu_blocks = 100'000;
    config.engine.max_num_seqs = kSeats;
    if (fair) config.engine.scheduling_policy = "vtc";
    std::vector<Request> requests;
    for (int i = 0; i < 2000; ++i) requests.push_back(of_class(i, i % 2, 64, i % 2 == 0 ? 400 : 100));
    const StubCost cost(StubTerms{0.01});
    const auto source = make_fixed_source(requests);
    Recorder seen;
    (void)simulate(config, *source, cost, seen);
    double served[2] = {0, 0};
    const TimePoint until{std::chrono::seconds{150}};
    for (const RequestRecord& r : seen.records) {
      if (r.finish > until) continue;
      served[r.request.class_index] += 64 + 2.0 * static_cast<double>(r.request.output_tokens);
    }
    const double bound = 2 * kSeats * (64 + 2 * 400.0);
    if (fair)
      EXPECT_LT(std::abs(served[0] - served[1]), bound);
    else
      EXPECT_GT(served[0] - served[1], bound);
  }
}

}  // namespace
}  // namespace foretoken::test
