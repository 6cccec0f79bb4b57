// Trace events, one a line (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU).
#include "report/timeline/timeline_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "report/common.hpp"

namespace foretoken {
namespace {

// Microseconds with all their nanoseconds.
std::string micros(std::int64_t ns) {
  return fmt::format("{}.{:03}", ns / 1000, ns % 1000);
}
std::string micros(TimePoint at) {
  return micros(at.time_since_epoch().count());
}

std::string_view largest_part(const StepTime& time) {
  const auto largest = std::max_element(time.parts.begin(), time.parts.end());
  return to_string(static_cast<TimePart>(largest - time.parts.begin()));
}

std::int64_t new_tokens(const StepSpan& span) {
  std::int64_t tokens = 0;
  for (const PrefillChunk& chunk : span.prefill) tokens += chunk.new_tokens;
  return tokens;
}

std::optional<TimePoint> seconds_of(std::string_view text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || !(seconds >= 0)) return std::nullopt;
  return TimePoint{duration_from_seconds(seconds)};
}

}  // namespace

Result<TimelineOptions> parse_timeline_window(const std::string& text) {
  TimelineOptions options;
  const std::size_t colon = text.find(':');
  const auto problem = [&] {
    Diagnostics problems;
    problems.error({}, fmt::format("--timeline-window: '{}' is no window", text),
                   "write FROM:TO in seconds of simulated time, one of the two may be absent: 10:20, 10:, :20");
    return problems;
  };
  if (colon == std::string::npos || text.size() == 1) return problem();
  const std::string_view whole = text;
  const std::optional<TimePoint> from = colon == 0 ? TimePoint{} : seconds_of(whole.substr(0, colon));
  const std::optional<TimePoint> to = colon + 1 == text.size() ? TimePoint::max() : seconds_of(whole.substr(colon + 1));
  if (!from || !to || *from >= *to) return problem();
  options.from = *from;
  options.to = *to;
  return options;
}

Result<TimelineFile> TimelineFile::create(const std::string& path, const TimelineOptions& options) {
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file) return file.error();
  file->write("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{\"name\":\"foretoken\",\"ph\":\"M\",\"pid\":0}");
  return TimelineFile(std::move(*file), options);
}

void TimelineFile::write(std::string_view event) {
  file_.write(",\n");
  file_.write(event);
}

bool TimelineFile::has_room(std::int64_t events, TimePoint at) {
  if (events_ + events <= options_.most_events) {
    events_ += events;
    return true;
  }
  dropped_ += events;
  dropped_from_ = std::min(dropped_from_, at);
  return false;
}

void TimelineFile::name_threads(int rank) {
  const auto i = static_cast<std::size_t>(rank);
  if (i >= named_.size()) {
    named_.resize(i + 1, false);
    last_.resize(i + 1);
  }
  if (named_[i]) return;
  named_[i] = true;
  const int pid = rank / options_.ranks_per_replica + 1, tid = rank % options_.ranks_per_replica + 1;
  write(fmt::format(R"({{"name":"process_name","ph":"M","pid":{},"args":{{"name":"replica {}"}}}})", pid, pid - 1));
  write(fmt::format(R"({{"name":"thread_name","ph":"M","pid":{},"tid":{},"args":{{"name":"rank {}: engine steps"}}}})",
                    pid, tid, tid - 1));
}

void TimelineFile::counters(const StepSpan& span) {
  Counters& last = last_[static_cast<std::size_t>(span.replica)];
  const Counters now{span.running, span.waiting, span.kv_blocks_used};
  if (now == last || !has_room(2, span.begin)) return;
  last = now;
  const int pid = span.replica / options_.ranks_per_replica + 1;
  const std::string rank = options_.ranks_per_replica > 1
                               ? fmt::format(" of rank {}", span.replica % options_.ranks_per_replica)
                               : std::string();
  const std::string at = micros(span.begin);
  write(fmt::format(R"({{"name":"requests{}","ph":"C","pid":{},"ts":{},"args":{{"running":{},"waiting":{}}}}})", rank,
                    pid, at, now.running, now.waiting));
  write(fmt::format(R"({{"name":"KV blocks{}","ph":"C","pid":{},"ts":{},"args":{{"used":{}}}}})", rank, pid, at,
                    now.kv_blocks));
}

void TimelineFile::step(const StepSpan& span, TimePoint begin, TimePoint end, bool first) {
  if (!overlaps(begin, end) || !has_room(1, begin)) return;
  const int pid = span.replica / options_.ranks_per_replica + 1, tid = span.replica % options_.ranks_per_replica + 1;
  const std::int64_t prefill = new_tokens(span);
  const char* name = prefill == 0 ? "decode" : span.decode_rows == 0 ? "prefill" : "mixed";
  std::string event = fmt::format(
      R"({{"name":"{}","cat":"step","ph":"X","pid":{},"tid":{},"ts":{},"dur":{},"args":{{"batch":{},"prefill_requests":{},)"
      R"("prefill_tokens":{},"decode_tokens":{})",
      name, pid, tid, micros(begin), micros((end - begin).count()),
      static_cast<std::int64_t>(span.prefill.size()) + span.decode_rows, span.prefill.size(), prefill,
      span.decode_rows);
  // Of a stretch, these are known of its first step.
  if (first)
    event += fmt::format(R"(,"bound":"{}","kv_blocks":{},"flops":{},"bytes":{})", largest_part(span.time),
                         span.kv_blocks_used, span.time.flops, span.time.bytes);
  write(event + "}}");
}

void TimelineFile::on_steps(const StepSpan& span) {
  if (!overlaps(span.begin, span.end)) return;
  name_threads(span.replica);
  counters(span);
  if (span.run == nullptr || span.steps == 1) {
    step(span, span.begin, span.end, true);
    return;
  }
  TimePoint begin = span.begin;
  for (std::int64_t i = 0; i < span.steps; ++i) {
    // A full file needs no more than their number.
    if (events_ >= options_.most_events) {
      dropped_ += span.steps - i;
      dropped_from_ = std::min(dropped_from_, begin);
      return;
    }
    const TimePoint end = i + 1 == span.steps ? span.end : span.begin + ceil_to_nanoseconds(span.run->elapsed(i + 1));
    step(span, begin, end, i == 0);
    begin = end;
  }
}

void TimelineFile::on_lifecycle(const LifecycleEvent& event) {
  if (event.edge != LifecycleEdge::preempted || !overlaps(event.at, event.at) || !has_room(1, event.at)) return;
  name_threads(event.replica);
  write(fmt::format(
      R"({{"name":"preemption of request {}","cat":"preemption","ph":"i","s":"t","pid":{},"tid":{},"ts":{},"args":{{)"
      R"("lost_tokens":{},"emitted":{}}}}})",
      event.request, event.replica / options_.ranks_per_replica + 1, event.replica % options_.ranks_per_replica + 1,
      micros(event.at), event.cached, event.emitted));
}

void TimelineFile::on_request(const RequestRecord& r) {
  if (!overlaps(r.request.arrival, r.finish)) return;
  const bool served = r.outcome == Outcome::finished;
  if (!has_room(served ? 8 : 2, r.request.arrival)) return;
  const int pid = r.replica / options_.ranks_per_replica + 1;
  const auto edge = [&](const char* name, char phase, TimePoint at, std::string_view args) {
    write(fmt::format(R"({{"name":"{}","cat":"request","ph":"{}","id":{},"pid":{},"ts":{}{}}})", name, phase,
                      r.request.index, pid, micros(at), args));
  };
  const std::string args = fmt::format(
      R"(,"args":{{"request":{},"prompt_tokens":{},"output_tokens":{},"cached_tokens":{},"preemptions":{},"served":{}}})",
      r.request.index, r.request.prompt_tokens, r.request.output_tokens, r.cached_tokens, r.preemptions, served);
  edge("request", 'b', r.request.arrival, args);
  if (served) {
    edge("queue", 'b', r.request.arrival, "");
    edge("queue", 'e', r.scheduled, "");
    edge("prefill", 'b', r.scheduled, "");
    edge("prefill", 'e', r.first_token, "");
    edge("decode", 'b', r.first_token, "");
    edge("decode", 'e', r.finish, "");
  }
  edge("request", 'e', r.finish, "");
}

Diagnostics TimelineFile::commit() {
  file_.write(fmt::format("\n],\"otherData\":{{\"events\":{},\"left_out\":{}}}}}\n", events_, dropped_));
  return file_.commit();
}

std::string TimelineFile::left_out() const {
  if (dropped_ == 0) return {};
  return fmt::format(
      "the timeline has {} events; {} more, from {} s of simulated time on, are left out: "
      "--timeline-window FROM:TO looks at a part, --timeline-events allows more",
      readable(events_), readable(dropped_), readable(to_seconds(dropped_from_)));
}

}  // namespace foretoken
