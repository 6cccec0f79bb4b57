// Between a source of requests and a cluster: clients that wait so long, give up, and try again. The cluster sees
// attempts; the source and the observer see requests.
#pragma once

#include <array>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "foretoken/serving/simulation.hpp"
#include "foretoken/workload/client_config.hpp"
#include "foretoken/workload/request_source.hpp"
#include "serving/clients/answer_slots.hpp"

namespace foretoken {

// An attempt is a request to the cluster, with an index of its own in the order of sending. A request has one record,
// whatever became of its attempts: its arrival is the first send; what passed until the attempt that was answered was
// sent counts as earlier_attempts.
class Clients final : public RequestSource, public Observer {
 public:
  Clients(const ClientConfig& config, RequestSource& source, Observer& observer);

  // ---- to the cluster, a source of attempts ----
  [[nodiscard]] TimePoint next_arrival() const override;
  Request take() override;
  void completed(const Request& attempt, TimePoint now) override;
  [[nodiscard]] const PrefixTable* prefixes() const override { return source_.prefixes(); }
  [[nodiscard]] const PromptMedia* media() const override { return source_.media(); }
  [[nodiscard]] Diagnostics problems() override { return source_.problems(); }

  // When the next attempt has waited too long; kNever: none does.
  [[nodiscard]] TimePoint next_deadline() const { return deadlines_.empty() ? kNever : deadlines_.top().at; }
  // Attempts whose deadline is now are given up: abort(attempt's index) of each that the server shall not finish.
  template <class Abort>
  void expire(TimePoint now, Abort abort) {
    while (next_deadline() <= now) {
      const Deadline due = deadlines_.top();
      deadlines_.pop();
      if (due.leaves) {
        const std::int64_t attempt = hang_up(due.attempt, now);
        if (attempt >= 0 && config_.aborts) abort(attempt);
      } else if (give_up(due.attempt, now) && config_.aborts) {
        abort(due.attempt);
      }
      forget_answered();
    }
  }

  // ---- to the cluster, its observer ----
  void on_request(const RequestRecord& record) override;
  void on_steps(const StepSpan& span) override { observer_.on_steps(span); }
  void on_gap(Duration gap, std::int64_t rows) override { observer_.on_gap(gap, rows); }
  void on_answer(const RequestRecord& answer) override { observer_.on_answer(answer); }
  [[nodiscard]] bool wants_lifecycle() const override { return tells_ || config_.until_first_token; }
  void on_lifecycle(const LifecycleEvent& event) override;

  // The run has ended: who still waits for the next attempt is unfinished; the outcome counts requests from now on.
  void end(SimulationOutcome& outcome);

 private:
  // A request without its record.
  struct Open {
    Request request;            // as the source sent it
    std::int64_t attempts = 0;  // sent
    std::int64_t current = -1;  // the attempt that is waited for; -1: the next one will be sent
    bool streams = false;       // its first token is out: nothing above repeats it
    std::int64_t migrations = 0;
    std::int32_t emitted = 0;              // tokens out of attempts that were lost
    TimePoint scheduled{}, first_token{};  // of the first of these
    Attribution ttft_parts{};
  };
  struct Deadline {
    TimePoint at{};
    std::int64_t attempt = 0;  // or the request, where its client leaves
    bool leaves = false;
    bool operator>(const Deadline& o) const {
      return std::tie(at, attempt, leaves) > std::tie(o.at, o.attempt, o.leaves);
    }
  };
  struct Retry {
    TimePoint at{};
    std::int64_t number = 0;  // ties go to who gave up first
    std::int64_t request = 0;
    bool operator>(const Retry& o) const { return at != o.at ? at > o.at : number > o.number; }
  };
  template <class T>
  using Soonest = std::priority_queue<T, std::vector<T>, std::greater<>>;

  [[nodiscard]] Request send(Open& open, TimePoint now);
  [[nodiscard]] bool give_up(std::int64_t attempt, TimePoint now);
  [[nodiscard]] std::int64_t hang_up(std::int64_t request, TimePoint now);
  void choose_patience(const Request& request);
  [[nodiscard]] bool is_idle(const Deadline& due) const;
  [[nodiscard]] bool too_late(const Open& open, TimePoint at) const {
    return config_.total_timeout > Duration{} && at >= open.request.arrival + config_.total_timeout;
  }
  [[nodiscard]] bool migrates(std::int64_t request, const RequestRecord& record);
  [[nodiscard]] bool may_retry(const Open& open, TimePoint at);
  [[nodiscard]] Duration pause_before(const Open& open) const;
  [[nodiscard]] RequestRecord answer(const Open& open, const RequestRecord& record) const;
  void again_or_close(std::int64_t request, bool allowed, const RequestRecord& record, TimePoint now);
  void close(const RequestRecord& record, TimePoint now);
  void forget_answered();

  const ClientConfig config_;
  RequestSource& source_;
  Observer& observer_;
  const bool tells_;                                           // lifecycle events to the observer
  std::unordered_map<std::int64_t, Open> open_;                // by request; by index where all are visited
  std::unordered_map<std::int64_t, std::int64_t> request_of_;  // by attempt that the cluster has; never iterated
  Soonest<Deadline> deadlines_;
  Soonest<Retry> retries_;
  double budget_;
  std::array<std::int64_t, 6> closed_{};  // requests, by Outcome
  std::int64_t next_index_ = 0;           // of attempts
  std::int64_t retries_so_far_ = 0;
  ClientTotals totals_;
  AnswerSlots slots_;
};

}  // namespace foretoken
