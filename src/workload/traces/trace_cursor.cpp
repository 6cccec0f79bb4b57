// Walking the slice of a trace, from the file or from memory.
#include <algorithm>
#include <limits>
#include <utility>

#include "workload/traces/trace.hpp"

namespace foretoken {

TraceCursor::TraceCursor(const TraceConfig& config, TraceReader reader, std::optional<std::int64_t> limit)
    : reader_(std::move(reader)),
      left_(limit.value_or(std::numeric_limits<std::int64_t>::max())),
      origin_(config.start ? config.start->count() : 0),
      scale_(config.time_scale / config.rate_scale) {
  settle(reader_->next());
}

TraceCursor::TraceCursor(const TraceConfig& config, Trace trace, std::optional<std::int64_t> limit)
    : trace_(std::move(trace)),
      left_(limit.value_or(std::numeric_limits<std::int64_t>::max())),
      origin_(config.start ? config.start->count() : 0),
      scale_(config.time_scale / config.rate_scale) {
  const auto first_at = [&](std::optional<Duration> time, std::size_t otherwise) {
    if (!time) return otherwise;
    const auto place = std::lower_bound(trace_.rows.begin(), trace_.rows.end(), time->count(),
                                        [](const TraceRow& row, std::int64_t ns) { return row.arrival_ns < ns; });
    return static_cast<std::size_t>(place - trace_.rows.begin());
  };
  next_ = first_at(config.start, 0);
  end_ = first_at(config.end, trace_.rows.size());
  settle(row_in_memory());
}

std::optional<TraceRow> TraceCursor::row_in_memory() const {
  if (next_ < end_) return trace_.rows[next_];
  return std::nullopt;
}

// Past the limit nothing is read, so that nothing there is judged.
void TraceCursor::advance() {
  ++next_;
  if (--left_ <= 0) return settle(std::nullopt);
  settle(reader_ ? reader_->next() : row_in_memory());
}

void TraceCursor::settle(std::optional<TraceRow> row) {
  const bool broken = reader_ && reader_->problems().has_errors();
  next_time_ = row && !broken ? time_of(*row) : kNever;
  if (row) row_ = *row;
}

Diagnostics TraceCursor::problems() {
  if (!reader_ || !reader_->problems().has_errors()) return {};
  while (reader_->next()) {
  }
  return reader_->problems();
}

TimePoint TraceCursor::time_of(const TraceRow& row) const {
  const std::int64_t ns = row.arrival_ns - origin_;
  if (scale_ == 1) return TimePoint{Duration{ns}};
  const double scaled = static_cast<double>(ns) * scale_;
  return scaled < 0x1p62 ? TimePoint{Duration{static_cast<std::int64_t>(scaled + 0.5)}} : kNever;
}

Result<TraceCursor> open_trace(const TraceConfig& config, std::optional<std::int64_t> limit) {
  const TraceExtent extent{true, config.start, config.end, limit};
  auto reader = TraceReader::open(config.path, config.format, extent);
  if (!reader) return reader.error();
  const bool whole = reader->format().coarse > Duration{} || !reader->format().hash_ids.empty();
  std::optional<TraceCursor> cursor;
  if (whole) {
    auto trace = hold_whole(std::move(*reader), extent);
    if (!trace) return trace.error();
    cursor.emplace(config, std::move(*trace), limit);
  } else {
    cursor.emplace(config, std::move(*reader), limit);
  }
  Diagnostics problems = cursor->problems();
  if (problems.has_errors()) return problems;
  if (cursor->next_time() != kNever) return std::move(*cursor);
  problems.error({config.path, 0, 0}, "the slice from start to end holds no requests");
  return problems;
}

}  // namespace foretoken
