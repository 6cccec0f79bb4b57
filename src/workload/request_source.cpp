// Requests one at a time: sends from an arrival process or a trace, through the client's seats.
#include "foretoken/workload/request_source.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "workload/arrivals.hpp"
#include "workload/client.hpp"
#include "workload/content.hpp"

namespace foretoken {
namespace {

// The rows of a trace inside its slice, in the run's time.
class TraceCursor {
 public:
  TraceCursor(const TraceConfig& config, Trace trace) : trace_(std::move(trace)) {
    const auto by_time = [](const TraceRow& row, std::int64_t ns) { return row.arrival_ns < ns; };
    auto& rows = trace_.rows;
    const auto at = [&](const std::optional<Duration>& t, std::size_t otherwise) {
      if (!t) return otherwise;
      return static_cast<std::size_t>(std::lower_bound(rows.begin(), rows.end(), t->count(), by_time) - rows.begin());
    };
    next_ = at(config.start, 0);
    end_ = at(config.end, rows.size());
    origin_ = config.start ? config.start->count() : 0;
    scale_ = config.time_scale / config.rate_scale;
  }
  [[nodiscard]] std::int64_t left() const { return static_cast<std::int64_t>(end_ - std::min(next_, end_)); }
  [[nodiscard]] TimePoint at(std::size_t row) const {
    const double ns = static_cast<double>(trace_.rows[row].arrival_ns - origin_) * scale_;
    return ns < 9.2e18 ? TimePoint{Duration{std::llround(ns)}} : kNever;
  }
  [[nodiscard]] TimePoint next_time() const { return next_ < end_ ? at(next_) : kNever; }
  void fill(Request& request) {
    request.prompt_tokens = trace_.rows[next_].input;
    request.output_tokens = trace_.rows[next_].output;
    if (!trace_.hashes.empty()) request.prefix_row = static_cast<std::int64_t>(next_);
    ++next_;
  }
  [[nodiscard]] const std::vector<TraceRow>& rows() const { return trace_.rows; }
  [[nodiscard]] std::size_t first() const { return next_; }
  [[nodiscard]] std::size_t end() const { return end_; }

 private:
  Trace trace_;
  std::size_t next_ = 0;
  std::size_t end_ = 0;
  std::int64_t origin_ = 0;
  double scale_ = 1;
};

class GeneratedSource final : public RequestSource {
 public:
  GeneratedSource(const WorkloadConfig& config, ContentSource content, std::unique_ptr<TraceCursor> trace, std::uint64_t seed)
      : content_(std::move(content)),
        trace_(std::move(trace)),
        seats_(config.max_concurrency),
        think_(config.think_time, seed, "think_time"),
        conversations_(config.sessions, seed),
        client_delay_(config.client_delay),
        end_(config.duration ? TimePoint{*config.duration} : kNever),
        left_(config.num_prompts.value_or(INT64_MAX)) {
    if (trace_) left_ = std::min(left_, trace_->left());
    else arrivals_ = make_arrival_process(config.arrivals, config.num_prompts.value_or(0), seed);
    next_send();
    settle();
  }

  TimePoint next_arrival() const override { return next_; }

  Request take() override {
    Request request;
    request.index = index_++;
    request.arrival = next_;
    --left_;
    if (turn_is_next_) {
      const Conversations::Turn turn = conversations_.take();
      request.class_index = turn.class_index;
      content_.fill_turn(request, turn.said);
      conversations_.continued(request.index, turn);
    } else {
      request.client_wait = next_ - send_;
      seats_.take();
      if (trace_) {
        content_.choose_class(request);
        trace_->fill(request);
        content_.finish(request);
      } else {
        content_.fill(request);
        conversations_.opened(request.index);
      }
      next_send();
    }
    settle();
    return request;
  }

  void completed(const Request& request, TimePoint now) override {
    if (!conversations_.finished(request, now, client_delay_)) {
      seats_.give_back(now + client_delay_ + think_.sample());
    }
    settle();
  }

 private:
  void next_send() {
    if (trace_) send_ = trace_->next_time();
    else send_ = std::max(send_, arrivals_->next());
  }

  // The earlier of the next turn of a conversation and the next send that has a seat.
  void settle() {
    next_ = kNever;
    turn_is_next_ = false;
    if (left_ <= 0) return;
    const TimePoint turn = conversations_.next();
    const TimePoint seat = seats_.available();
    const TimePoint send = send_ == kNever || seat == kNever ? kNever : std::max(send_, seat);
    turn_is_next_ = turn != kNever && turn <= send;
    next_ = turn_is_next_ ? turn : send;
    if (next_ >= end_) next_ = kNever;
  }

  ContentSource content_;
  std::unique_ptr<TraceCursor> trace_;
  std::unique_ptr<ArrivalProcess> arrivals_;
  Seats seats_;
  Pause think_;
  Conversations conversations_;
  Duration client_delay_;
  TimePoint end_;
  std::int64_t left_;       // requests still to send
  std::int64_t index_ = 0;
  TimePoint send_{};        // the next send of the arrival process
  TimePoint next_ = kNever;
  bool turn_is_next_ = false;
};

class FixedSource final : public RequestSource {
 public:
  explicit FixedSource(std::vector<Request> requests) : requests_(std::move(requests)) {
    std::stable_sort(requests_.begin(), requests_.end(), [](const Request& a, const Request& b) { return a.arrival < b.arrival; });
  }
  TimePoint next_arrival() const override { return next_ < requests_.size() ? requests_[next_].arrival : kNever; }
  Request take() override { return requests_[next_++]; }
  void completed(const Request&, TimePoint) override {}

 private:
  std::vector<Request> requests_;
  std::size_t next_ = 0;
};

struct Parts {
  ContentSource content;
  std::unique_ptr<TraceCursor> trace;
};

void check_limits(const WorkloadConfig& config, Diagnostics& problems) {
  const auto refuse = [&](std::string message) { problems.error({}, std::move(message)); };
  const bool is_trace = std::holds_alternative<TraceConfig>(config.arrivals);
  if (const std::string p = arrival_problem(config.arrivals); !p.empty()) refuse(p);
  if (config.num_prompts && *config.num_prompts < 1) refuse("num_prompts must be at least 1");
  if (config.max_concurrency && *config.max_concurrency < 1) refuse("max_concurrency must be at least 1");
  if (config.duration && *config.duration <= Duration{}) refuse("duration must be above 0");
  if (!config.num_prompts && !config.duration && !is_trace) refuse("nothing ends the run: give num_prompts or duration");
  if (!config.num_prompts && std::holds_alternative<RampArrivals>(config.arrivals)) refuse("a ramp needs num_prompts");
  if (!config.num_prompts && !config.max_concurrency && std::holds_alternative<AllAtOnceArrivals>(config.arrivals)) {
    refuse("request_rate: inf without num_prompts or max_concurrency never ends");
  }
  if (config.think_time.mean < Duration{} || config.client_delay < Duration{}) refuse("think_time and client_delay must not be negative");
  if (!config.sessions) return;
  if (is_trace) refuse("sessions cannot be combined with a trace");
  if (const std::string p = length_problem(config.sessions->turns); !p.empty()) refuse("sessions.turns: " + p);
  if (config.sessions->think_time.mean < Duration{}) refuse("sessions.think_time must not be negative");
}

Result<Parts> open(const WorkloadConfig& config, std::uint64_t seed) {
  Diagnostics problems;
  check_limits(config, problems);
  auto content = ContentSource::make(config, seed);
  if (!content) problems.append(content.error());
  std::unique_ptr<TraceCursor> cursor;
  if (const auto* c = std::get_if<TraceConfig>(&config.arrivals)) {
    auto trace = read_trace(c->path, c->format);
    if (!trace) {
      problems.append(trace.error());
    } else {
      cursor = std::make_unique<TraceCursor>(*c, std::move(*trace));
      if (cursor->left() == 0) problems.error({c->path, 0, 0}, "the slice from start to end holds no requests");
    }
  }
  if (problems.has_errors()) return problems;
  return Parts{std::move(*content), std::move(cursor)};
}

}  // namespace

Result<std::unique_ptr<RequestSource>> make_request_source(const WorkloadConfig& config, std::uint64_t seed) {
  auto parts = open(config, seed);
  if (!parts) return parts.error();
  return std::unique_ptr<RequestSource>(
      std::make_unique<GeneratedSource>(config, std::move(parts->content), std::move(parts->trace), seed));
}

std::unique_ptr<RequestSource> make_fixed_source(std::vector<Request> requests) {
  return std::make_unique<FixedSource>(std::move(requests));
}

Result<WorkloadSummary> summarise_workload(const WorkloadConfig& config) {
  auto parts = open(config, 0);
  if (!parts) return parts.error();
  WorkloadSummary summary;
  summary.requests = config.num_prompts;
  if (config.duration) summary.requests.reset();
  if (const TraceCursor* trace = parts->trace.get()) {
    const auto count = static_cast<std::size_t>(std::min(trace->left(), config.num_prompts.value_or(INT64_MAX)));
    double input = 0, output = 0;
    for (std::size_t i = trace->first(); i < trace->first() + count; ++i) {
      const TraceRow& row = trace->rows()[i];
      input += row.input;
      output += row.output;
      summary.max_prompt_tokens = std::max<std::int64_t>(summary.max_prompt_tokens, row.input);
      summary.max_total_tokens = std::max<std::int64_t>(summary.max_total_tokens, std::int64_t{row.input} + row.output);
    }
    const auto n = static_cast<double>(count);
    summary.mean_prompt_tokens = input / n;
    summary.mean_output_tokens = output / n;
    const double span = to_seconds(trace->at(trace->first() + count - 1));
    summary.offered_rate = config.max_concurrency || span <= 0 ? 0 : n / span;
    if (!config.duration) summary.requests = static_cast<std::int64_t>(count);
    return summary;
  }
  const ContentSource& content = parts->content;
  summary.mean_prompt_tokens = content.mean_input();
  summary.mean_output_tokens = content.mean_output();
  summary.max_prompt_tokens = content.max_input();
  summary.max_total_tokens = content.max_total();
  if (config.sessions) {
    const auto turns = make_length_sampler(config.sessions->turns)->max();
    summary.max_prompt_tokens += (turns - 1) * content.max_total();
    summary.max_total_tokens *= turns;
  }
  if (config.max_concurrency) return summary;
  if (const auto* c = std::get_if<RenewalArrivals>(&config.arrivals)) summary.offered_rate = c->rate;
  if (const auto* c = std::get_if<RampArrivals>(&config.arrivals)) summary.offered_rate = (c->start_rate + c->end_rate) / 2;
  if (const auto* c = std::get_if<TwoStateArrivals>(&config.arrivals)) {
    const double low = to_seconds(c->mean_low), high = to_seconds(c->mean_high);
    summary.offered_rate = (c->low_rate * low + c->high_rate * high) / (low + high);
  }
  if (const auto* c = std::get_if<ProfileArrivals>(&config.arrivals)) {
    double sum = 0;
    for (const double r : c->rates) sum += r;
    summary.offered_rate = sum / static_cast<double>(c->rates.size());
  }
  return summary;
}

}  // namespace foretoken
