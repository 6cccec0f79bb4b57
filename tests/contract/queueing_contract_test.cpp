// The contract of queueing policies, kept by every row of the table: one total order, the
// preempted before their equals, the oldest found for time-outs.
#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <tuple>

#include "base/random.hpp"
#include "serving/policies.hpp"
#include "serving/queueing/queueing_policy.hpp"

namespace foretoken::test {
namespace {

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const PolicyInfo& info : queueing_policies()) all.emplace_back(info.name);
  return all;
}

Waiting fresh(std::int64_t index, int priority) {
  Waiting w;
  w.request.index = index;
  w.request.arrival = TimePoint{Duration{index}};
  w.request.priority = static_cast<std::int16_t>(priority);
  return w;
}

std::unique_ptr<QueueingPolicy> make(const std::string& name) {
  EngineConfig engine;
  engine.scheduling_policy = name;
  return make_queueing_policy(engine);
}

// What was wrong with a long random use of `queue`; empty = nothing. The model is a plain
// list. `honours_priority`: smaller values first; otherwise all are equals.
std::string fault_of(QueueingPolicy& queue, bool honours_priority, std::uint64_t seed) {
  RandomStream random(seed, "queueing_contract");
  std::list<Waiting> model;
  std::vector<Waiting> running;  // popped, youngest admission last
  std::int64_t next = 0;
  const auto before = [&](const Waiting& a, const Waiting& b) {
    const auto key = [&](const Waiting& w) {
      return std::tuple(honours_priority ? w.request.priority : 0, w.request.index);
    };
    return key(a) < key(b);
  };
  for (int step = 0; step < 2000; ++step) {
    const std::int64_t move = random.uniform_int(0, 9);
    if (move < 5) {
      model.push_back(fresh(next++, static_cast<int>(random.uniform_int(-2, 2))));
      queue.push(model.back());
    } else if (move < 7 && !model.empty()) {
      const auto first = std::min_element(model.begin(), model.end(), before);
      if (queue.head()->request.index != first->request.index) return "the head is not the first in order";
      running.push_back(*first);
      model.erase(first);
      queue.pop();
    } else if (move < 8 && !running.empty()) {
      // Engines evict the youngest first, so the victims' order of arrival is kept.
      const auto victim = std::max_element(running.begin(), running.end(), before);
      Waiting w = *victim;
      w.resumed = static_cast<RequestId>(w.request.index);
      running.erase(victim);
      model.push_back(w);
      queue.push(w);
    } else {
      const auto age = [](const Waiting& a, const Waiting& b) {
        const bool a_resumes = a.resumed != kNoRequest, b_resumes = b.resumed != kNoRequest;
        return std::tie(a_resumes, a.request.index) < std::tie(b_resumes, b.request.index);
      };
      const auto oldest = std::min_element(model.begin(), model.end(), age);
      const bool any = oldest != model.end() && oldest->resumed == kNoRequest;
      if (any != (queue.oldest() != nullptr)) return "oldest() does not know whether anyone was never admitted";
      if (!any) continue;
      if (queue.oldest()->request.index != oldest->request.index) return "oldest() is not the oldest";
      model.erase(oldest);
      queue.pop_oldest();
    }
    if (queue.size() != model.size()) return "size() is wrong";
    std::int64_t tokens = 0;
    for (const Waiting& w : model) tokens += w.request.prompt_tokens;
    if (queue.prompt_tokens() != tokens) return "prompt_tokens() is not the sum of those that wait";
    if ((queue.head() == nullptr) != model.empty()) return "head() of an empty queue";
  }
  return {};
}

class QueueingContract : public ::testing::TestWithParam<std::string> {};

TEST_P(QueueingContract, StartsEmpty) {
  const auto queue = make(GetParam());
  EXPECT_EQ(queue->size(), 0u);
  EXPECT_EQ(queue->head(), nullptr);
  EXPECT_EQ(queue->oldest(), nullptr);
}

TEST_P(QueueingContract, ServesEqualsInOrderOfArrival) {
  const auto queue = make(GetParam());
  for (int i = 0; i < 1000; ++i) queue->push(fresh(i, 7));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(queue->head()->request.index, i);
    ASSERT_EQ(queue->oldest()->request.index, i);
    queue->pop();
  }
}

TEST_P(QueueingContract, PutsBackWhatWasItsHead) {
  const auto queue = make(GetParam());
  for (const int index : {3, 4, 5}) queue->push(fresh(index, 0));
  for (const int index : {2, 1}) {
    Waiting w = fresh(index, 0);
    w.resumed = index;
    queue->push(w);
  }
  Waiting last = fresh(6, 0);
  last.resumed = 6;
  last.last = true;
  queue->push(last);
  std::vector<Waiting> taken;
  for (; queue->head() != nullptr; queue->pop()) taken.push_back(*queue->head());
  queue->push(fresh(7, 0));
  for (; !taken.empty(); taken.pop_back()) queue->put_back(taken.back());
  EXPECT_EQ(queue->oldest()->request.index, 3);
  EXPECT_EQ(queue->prompt_tokens(), 7 * fresh(1, 0).request.prompt_tokens);
  for (int index = 1; index <= 7; ++index) {
    ASSERT_EQ(queue->head()->request.index, index);
    queue->pop();
  }
}

TEST_P(QueueingContract, PutsThePreemptedBeforeEqualsThatNeverRan) {
  const auto queue = make(GetParam());
  queue->push(fresh(10, 0));
  for (const int index : {5, 4, 3}) {  // evicted youngest first
    Waiting w = fresh(index, 0);
    w.resumed = index;
    queue->push(w);
  }
  EXPECT_EQ(queue->oldest()->request.index, 10) << "those that ran do not time out";
  for (const int index : {3, 4, 5, 10}) {
    ASSERT_EQ(queue->head()->request.index, index);
    queue->pop();
  }
}

TEST_P(QueueingContract, LetsAnyOneGoAndKeepsTheOrderOfTheOthers) {
  const auto queue = make(GetParam());
  for (int i = 0; i < 6; ++i) queue->push(fresh(i, 0));
  for (const std::int64_t index : {3, 0, 5}) {
    const std::optional<Waiting> gone = queue->remove(index);
    ASSERT_TRUE(gone);
    EXPECT_EQ(gone->request.index, index);
  }
  EXPECT_FALSE(queue->remove(3)) << "it is gone";
  EXPECT_EQ(queue->size(), 3u);
  EXPECT_EQ(queue->prompt_tokens(), 3 * fresh(1, 0).request.prompt_tokens);
  EXPECT_EQ(queue->oldest()->request.index, 1);
  for (const std::int64_t index : {1, 2, 4}) {
    ASSERT_EQ(queue->head()->request.index, index);
    queue->pop();
  }
}

TEST_P(QueueingContract, HoldsForRandomUse) {
  const bool honours_priority = GetParam() == "priority";
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    ASSERT_EQ(fault_of(*make(GetParam()), honours_priority, seed), "") << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryRow, QueueingContract, ::testing::ValuesIn(names()));

class LastComeFirstServed final : public QueueingPolicy {
 public:
  void push(const Waiting& w) override {
    stack_.push_back(w);
    set_head(&stack_.back());
  }
  void pop() override {
    stack_.pop_back();
    set_head(stack_.empty() ? nullptr : &stack_.back());
  }
  void put_back(const Waiting& w) override { push(w); }
  std::size_t size() const override { return stack_.size(); }
  std::int64_t prompt_tokens() const override { return 0; }
  const Waiting* oldest() const override { return head(); }
  void pop_oldest() override { pop(); }
  std::optional<Waiting> remove(std::int64_t) override { return std::nullopt; }

 private:
  std::vector<Waiting> stack_;
};

TEST(QueueingContractChecker, ReportsAStackAndAnOrderTakenForAnother) {
  LastComeFirstServed stack;
  EXPECT_NE(fault_of(stack, false, 1), "");
  EXPECT_NE(fault_of(*make("fcfs"), true, 1), "") << "first come, first served knows no priority";
  EXPECT_NE(fault_of(*make("priority"), false, 1), "");
}

}  // namespace
}  // namespace foretoken::test
