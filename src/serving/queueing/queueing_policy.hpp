// The order in which waiting requests are looked at.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "foretoken/serving/engine_config.hpp"
#include "foretoken/workload/request_source.hpp"
#include "serving/requests/in_flight.hpp"

namespace foretoken {

// A waiting request: small, because an overloaded rank holds many.
struct Waiting {
  Request request;
  Duration kv_wait_mark{};         // the rank's KV wait clock when it arrived
  RequestId resumed = kNoRequest;  // preempted: its place in the in-flight table
  bool last = false;               // preempted, and waits behind those that are here
  bool first = false;              // its KV cache has come from elsewhere: before all others, in the order of coming
  TimePoint came{};  // to this rank, which may be long after it was sent; of one that is preempted nothing
};

// Contract: head() is the request pop() takes; preempted requests that tie with
// new ones go first unless they say `last`; the order is a function of the requests, not of the calls' timing.
class QueueingPolicy {
 public:
  virtual ~QueueingPolicy() = default;
  virtual void push(const Waiting& waiting) = 0;
  [[nodiscard]] const Waiting* head() const { return head_; }  // null when empty
  virtual void pop() = 0;
  // One that was popped becomes the head again, as if it had never been.
  virtual void put_back(const Waiting& head) = 0;
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual std::int64_t prompt_tokens() const = 0;  // of all that wait
  // The longest-waiting request that was never admitted, and its removal: for time-outs.
  [[nodiscard]] virtual const Waiting* oldest() const = 0;
  virtual void pop_oldest() = 0;
  // The request of this index goes; empty when it does not wait here.
  virtual std::optional<Waiting> remove(std::int64_t index) = 0;

  // Of policies that go by what was served: one that was popped was admitted, for the first time; so many tokens of a
  // class came out; the head may change although nobody comes or goes, as tokens come out.
  virtual void admitted(const Request& /*request*/) {}
  virtual void put_out(int /*class_index*/, std::int64_t /*tokens*/) {}
  [[nodiscard]] virtual bool head_moves() const { return false; }

 protected:
  // After every change of the order: it is looked at far more often than it changes.
  void set_head(const Waiting* head) { head_ = head; }

 private:
  const Waiting* head_ = nullptr;
};

// Precondition: config.scheduling_policy is in the table (validated by the scenario);
// an unknown name is an InternalError.
[[nodiscard]] std::unique_ptr<QueueingPolicy> make_queueing_policy(const EngineConfig& config);
// Whether the policy goes by what was served: admitted() and put_out() are told.
[[nodiscard]] bool counts_service(const EngineConfig& config);

// One line per policy in table.cpp.
[[nodiscard]] std::unique_ptr<QueueingPolicy> make_fcfs();
[[nodiscard]] std::unique_ptr<QueueingPolicy> make_priority();
[[nodiscard]] std::unique_ptr<QueueingPolicy> make_vtc(const EngineConfig& config);

}  // namespace foretoken
