// Between clients and a cluster: the front end that makes several requests of one whose client wants several answers,
// or its beams (src/serving/README.md, "Several answers"). The cluster sees these; source and observer see requests.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "foretoken/serving/simulation.hpp"
#include "foretoken/workload/request_source.hpp"
#include "serving/routing/routing_policy.hpp"

namespace foretoken {

// Who wants to know when the last answer of a request has come back.
class FamilyListener {
 public:
  virtual ~FamilyListener() = default;
  virtual void over(std::int64_t family) = 0;
};

// A request has one record: its TTFT is that of its first answer, its end that of its last; its tokens are those
// of all answers that come back. Each answer is told by on_answer() before.
class FanOut final : public RequestSource, public Observer {
 public:
  FanOut(const AnswersConfig& config, RequestSource& source, Observer& observer)
      : config_(config), source_(source), observer_(observer) {}

  // ---- to the cluster, a source of single answers ----
  [[nodiscard]] TimePoint next_arrival() const override;
  Request take() override;
  void completed(const Request& part, TimePoint now) override;
  [[nodiscard]] const PrefixTable* prefixes() const override { return source_.prefixes(); }
  [[nodiscard]] const PromptMedia* media() const override { return source_.media(); }
  [[nodiscard]] Diagnostics problems() override { return source_.problems(); }

  // ---- to the cluster, its observer ----
  void on_request(const RequestRecord& record) override;
  void on_steps(const StepSpan& span) override { observer_.on_steps(span); }
  void on_gap(Duration gap, std::int64_t rows) override { observer_.on_gap(gap, rows); }
  [[nodiscard]] bool wants_lifecycle() const override { return observer_.wants_lifecycle(); }
  // A request's events are those of its first part.
  void on_lifecycle(const LifecycleEvent& event) override;

  // The parts of a request that are in the cluster, in the order of sending, when it is aborted. All of a round are
  // sent at one instant, before anybody gives up at it.
  [[nodiscard]] std::vector<std::int64_t> abort(std::int64_t request);
  // The run has ended: the outcome counts requests from now on.
  void end(SimulationOutcome& outcome);

  void tell(FamilyListener* listener) { listener_ = listener; }
  // A request is let in or turned away as a whole: what `decide()` says of its first part holds for all.
  template <class Decide>
  [[nodiscard]] bool let_in(const Request& part, Decide decide) {
    std::optional<bool>& verdict = open_.at(family_of(part)).let_in;
    if (!verdict) verdict = decide();
    return *verdict;
  }
  // Of a part in the cluster.
  [[nodiscard]] std::int64_t family_of(const Request& part) const { return family_of_.at(part.index); }

 private:
  struct Open {
    Request request;                  // as it came
    std::vector<RequestRecord> done;  // answers; of beams the last of every round
    std::vector<std::int64_t> parts;  // of this round, in the cluster
    std::int64_t to_send = 0;         // of this round
    std::int64_t under_way = 0;       // sent and not back
    std::int32_t tokens = 0;          // of each beam
    RequestRecord last;               // of this round, the last that came back
    std::int32_t emitted = 0;         // of parts that failed
    Outcome worst = Outcome::finished;
    TimePoint ended_at{};  // of the last part that came back
    std::int32_t preemptions = 0;
    std::optional<bool> let_in;
  };
  struct Due {
    TimePoint at{};
    std::int64_t number = 0;  // ties go to who was first
    std::int64_t family = 0;
    bool operator>(const Due& o) const { return at != o.at ? at > o.at : number > o.number; }
  };

  [[nodiscard]] bool searches() const { return config_.beam_width > 0; }
  [[nodiscard]] Request part_of(std::int64_t family, Open& open, TimePoint now);
  void send_round(std::int64_t family, std::int64_t parts, TimePoint at);
  void round_over(std::int64_t family, Open& open);
  [[nodiscard]] RequestRecord answers_of(const Open& open) const;
  [[nodiscard]] RequestRecord beams_of(const Open& open) const;
  void close(std::int64_t family, const RequestRecord& record);

  const AnswersConfig config_;
  RequestSource& source_;
  Observer& observer_;
  std::unordered_map<std::int64_t, Open> open_;                // by family; sorted where all are visited
  std::unordered_map<std::int64_t, std::int64_t> family_of_;   // by part in the cluster; never iterated
  std::unordered_map<std::int64_t, std::int64_t> by_request_;  // families; never iterated
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::int64_t next_part_ = 0, next_family_ = 0, dues_ = 0;
  FamilyListener* listener_ = nullptr;
  std::vector<Request> over_;  // closed, and the source does not know yet
  std::int64_t arrived_ = 0;
  std::array<std::int64_t, 6> closed_{};  // by Outcome
};

// All parts of a request go where `inner` sends the first: they are made behind the router, by the front end of that
// replica. `inner` counts a request until its last part has left.
[[nodiscard]] std::unique_ptr<RoutingPolicy> make_family_router(std::unique_ptr<RoutingPolicy> inner, FanOut& fan_out);

}  // namespace foretoken
