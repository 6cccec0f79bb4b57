// One row per engine step: its batch, how long it took and what bound it.
#pragma once

#include <string>

#include "foretoken/serving/observer.hpp"
#include "report/row_columns.hpp"

namespace foretoken {

// A step of a span. What is known of a stretch of decode steps as a whole is absent in its later steps.
struct StepRow {
  const StepSpan& span;
  std::int64_t index;  // of the rank's steps
  TimePoint begin, end;
  bool first, last;  // of the span
};
[[nodiscard]] const RowColumns<StepRow>& step_columns();
[[nodiscard]] Json step_row_shape();

// The steps of a span one by one, to `each(step, begin, end)`.
template <class Each>
void for_each_step(const StepSpan& span, const Each& each) {
  TimePoint begin = span.begin;
  for (std::int64_t i = 0; i < span.steps; ++i) {
    const bool last = i + 1 == span.steps;
    const TimePoint end =
        last || span.run == nullptr ? span.end : span.begin + ceil_to_nanoseconds(span.run->elapsed(i + 1));
    each(i, begin, end);
    begin = end;
  }
}

// Rows of the first replication, as its steps go by.
class StepRows final : public Observer {
 public:
  [[nodiscard]] static Result<StepRows> create(const std::string& path);
  void on_steps(const StepSpan& span) override;
  void on_request(const RequestRecord&) override {}
  void on_gap(Duration, std::int64_t) override {}
  [[nodiscard]] Diagnostics commit() { return file_.commit(); }

 private:
  explicit StepRows(RowFile<StepRow> file) : file_(std::move(file)) {}
  RowFile<StepRow> file_;
  std::vector<std::int64_t> steps_;  // so far, by rank
};

}  // namespace foretoken
