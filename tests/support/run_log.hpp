// Everything a run tells, in the order it was told: what the invariants are checked on. The
// log listens at the seams of a simulation: its source, its observer and its cost model.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "foretoken/serving/simulation.hpp"

namespace foretoken::test {

struct Arrived {
  std::int64_t request = 0;
  TimePoint at{};
};
struct Stepped {
  int replica = 0;
  TimePoint begin{}, end{};
  std::int64_t steps = 1;
  FineDuration time;  // of all steps, as priced
  std::int64_t prefill_tokens = 0;
  std::int64_t sampling_chunks = 0;
  std::int64_t decode_rows = 0;
  std::int64_t drafts = 0;
  std::int64_t accepted = 0;  // tokens that came out of them
  std::int64_t kv_blocks_used = 0;
  std::int64_t waiting = 0;
  std::int64_t running = 0;
};
struct Left {
  RequestRecord record;
};
using LogEvent = std::variant<Arrived, Stepped, LifecycleEvent, Left>;

// A step the cost model was asked for.
struct Priced {
  FineDuration time;
  double floor_seconds = 0;  // datasheet roofline of the same step
  bool dummy = false;        // one row without context: what the idle ranks of a group run
};

struct RunLog {
  EngineConfig engine;
  bool every_step = false;      // spans are single steps, each in `priced`
  bool ways_take_time = false;  // from the router to a replica: of all requests, or with prefixes that are fetched
  bool finds_prompts = false;   // who was preempted where it decodes finds its prompt again, computed elsewhere
  bool on_arrival = false;      // first tokens that are computed before a hand-over come out after it
  std::vector<LogEvent> events;
  std::vector<Priced> priced;
  SimulationOutcome outcome;
};

class LoggingObserver final : public Observer {
 public:
  explicit LoggingObserver(RunLog& log) : log_(log) {}
  void on_request(const RequestRecord& record) override { log_.events.emplace_back(Left{record}); }
  void on_steps(const StepSpan& span) override {
    Stepped s;
    s.replica = span.replica;
    s.begin = span.begin;
    s.end = span.end;
    s.steps = span.steps;
    s.time = span.run == nullptr ? span.time.total() : span.run->elapsed(span.steps);
    for (const PrefillChunk& chunk : span.prefill) {
      s.prefill_tokens += chunk.new_tokens;
      s.sampling_chunks += chunk.samples ? 1 : 0;
    }
    s.sampling_chunks -= span.dropped;
    s.decode_rows = span.decode_rows;
    s.drafts = span.drafts;
    s.accepted = span.accepted;
    s.kv_blocks_used = span.kv_blocks_used;
    s.waiting = span.waiting;
    s.running = span.running;
    log_.events.emplace_back(s);
  }
  void on_gap(Duration, std::int64_t) override {}
  bool wants_lifecycle() const override { return true; }
  void on_lifecycle(const LifecycleEvent& event) override { log_.events.emplace_back(event); }

 private:
  RunLog& log_;
};

class LoggingSource final : public RequestSource {
 public:
  LoggingSource(RequestSource& source, RunLog& log) : source_(source), log_(log) {}
  TimePoint next_arrival() const override { return source_.next_arrival(); }
  Request take() override {
    const Request request = source_.take();
    log_.events.emplace_back(Arrived{request.index, request.arrival});
    return request;
  }
  void completed(const Request& request, TimePoint now) override { source_.completed(request, now); }
  const PrefixTable* prefixes() const override { return source_.prefixes(); }
  const PromptMedia* media() const override { return source_.media(); }

 private:
  RequestSource& source_;
  RunLog& log_;
};

class LoggingCost final : public CostModel {
 public:
  LoggingCost(const CostModel& cost, RunLog& log) : cost_(cost), log_(log) {}
  StepTime step(const StepShape& shape) const override {
    const StepTime time = cost_.step(shape);
    // Behind a step with images the same one is asked for without them: what the encoder takes of it.
    if (std::exchange(asked_, !shape.encodes.empty()) && shape.encodes.empty()) return time;
    const bool dummy = shape.prefill.empty() && shape.decode.sequences == 1 && shape.decode.context == 0;
    log_.priced.push_back({time.total(), cost_.breakdown(shape).datasheet_seconds, dummy});
    return time;
  }
  const DecodeCurve& decode(std::int64_t sequences) const override { return cost_.decode(sequences); }
  std::int64_t sliding_window() const override { return cost_.sliding_window(); }
  StepBreakdown breakdown(const StepShape& shape) const override { return cost_.breakdown(shape); }

 private:
  const CostModel& cost_;
  RunLog& log_;
  mutable bool asked_ = false;
};

// `stop_after` requests have left: the run is interrupted there; 0 = runs to its end.
[[nodiscard]] RunLog logged_run(const SimulationConfig& config, RequestSource& source, const CostModel& cost,
                                std::int64_t stop_after = 0);

// The requests that finished, in order of time.
[[nodiscard]] std::vector<RequestRecord> finished(const RunLog& log);

}  // namespace foretoken::test
