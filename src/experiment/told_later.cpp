// Copies of what observers are told, merged by moment.
#include "experiment/told_later.hpp"

#include <algorithm>
#include <utility>

namespace foretoken {
namespace {

// What has been told of a window, and what is next.
class Reader {
 public:
  explicit Reader(TellLater::Window& window) : window_(window) {}
  [[nodiscard]] bool is_done() const { return next_ == window_.calls.size(); }
  [[nodiscard]] const TellLater::Call& next() const { return window_.calls[next_]; }
  // The next, which is gone then.
  void tell(Observer& observer) {
    const TellLater::Call& call = window_.calls[next_++];
    switch (call.kind) {
      case TellLater::Call::request:
        return observer.on_request(window_.requests[call.place]);
      case TellLater::Call::steps:
        return observer.on_steps(span_at(call.place));
      case TellLater::Call::gap:
        return observer.on_gap(window_.gaps[call.place].duration, window_.gaps[call.place].rows);
    }
  }

 private:
  const StepSpan& span_at(std::size_t place) {
    StepSpan& span = window_.steps[place];
    const std::size_t begin = place == 0 ? 0 : window_.chunks_end[place - 1];
    span.prefill = std::span(window_.chunks).subspan(begin, window_.chunks_end[place] - begin);
    if (span.run != nullptr) span.run = &window_.runs[next_run_++];
    return span;
  }

  TellLater::Window& window_;
  std::size_t next_ = 0;
  std::size_t next_run_ = 0;
};

}  // namespace

TellLater::TellLater(int first_rank, const EngineConfig& engine)
    : first_rank_(first_rank),
      has_front_end_(engine.per_request > Duration{} || engine.per_prompt_token > Duration{}) {}

Moment TellLater::moment_of(const RequestRecord& record) const {
  const std::int64_t rank = record.replica;
  switch (record.outcome) {
    case Outcome::rejected:
      if (!has_front_end_) return {record.finish, Moment::arrival, record.request.index};
      return {record.finish, Moment::end_of_way, rank};
    case Outcome::timed_out:
      return {record.finish, Moment::queue_timeout, rank};
    case Outcome::unfinished:
      return {record.finish, Moment::run_stopped, rank};
    case Outcome::finished:
    case Outcome::failed:
    case Outcome::aborted:
      break;
  }
  return boundary_;
}

void TellLater::on_request(const RequestRecord& record) {
  RequestRecord& kept = window_.requests.emplace_back(record);
  kept.replica += first_rank_;
  window_.calls.push_back({moment_of(kept), Call::request, window_.requests.size() - 1});
}

void TellLater::on_steps(const StepSpan& span) {
  StepSpan& kept = window_.steps.emplace_back(span);
  kept.replica += first_rank_;
  window_.chunks.insert(window_.chunks.end(), span.prefill.begin(), span.prefill.end());
  window_.chunks_end.push_back(window_.chunks.size());
  if (span.run != nullptr) {
    // The piece of the step after the last as well: nobody who reads the copy asks the curve, which this thread uses.
    (void)span.run->piece_at(span.steps);
    window_.runs.push_back(*span.run);
  }
  boundary_ = {span.end, Moment::steps_end, kept.replica};
  window_.calls.push_back({boundary_, Call::steps, window_.steps.size() - 1});
}

void TellLater::on_gap(Duration gap, std::int64_t rows) {
  window_.gaps.push_back({gap, rows});
  window_.calls.push_back({boundary_, Call::gap, window_.gaps.size() - 1});
}

void TellLater::Window::clear() {
  calls.clear();
  requests.clear();
  steps.clear();
  chunks_end.clear();
  chunks.clear();
  runs.clear();
  gaps.clear();
}

void TellLater::take(Window& window) {
  std::swap(window, window_);
  window_.clear();
}

void TellInOrder::all_of(std::vector<TellLater::Window>& shards) {
  std::vector<Reader> readers;
  for (TellLater::Window& window : shards) readers.emplace_back(window);
  const auto later = [&](std::size_t a, std::size_t b) {
    return std::pair(readers[a].next().moment, a) > std::pair(readers[b].next().moment, b);
  };
  std::vector<std::size_t> heap;
  for (std::size_t i = 0; i < readers.size(); ++i) {
    if (!readers[i].is_done()) heap.push_back(i);
  }
  std::make_heap(heap.begin(), heap.end(), later);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    Reader& first = readers[heap.back()];
    if (first.next().kind == TellLater::Call::request) {
      arrive_until(first.next().moment);
      --in_system_;
    }
    first.tell(observer_);
    if (first.is_done())
      heap.pop_back();
    else
      std::push_heap(heap.begin(), heap.end(), later);
  }
  for (TellLater::Window& window : shards) window.clear();
}

void TellInOrder::arrive_until(const Moment& moment) {
  for (; !arrivals_.empty() && arrivals_.front() <= moment; arrivals_.pop_front())
    peak_ = std::max(peak_, ++in_system_);
}

std::int64_t TellInOrder::peak_in_system(TimePoint end) {
  arrive_until({end, Moment::run_stopped, 0});
  return peak_;
}

}  // namespace foretoken
