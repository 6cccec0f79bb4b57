// What can be said of a workload before it runs: exact for traces, from the distributions'
// moments otherwise.
#include <algorithm>
#include <limits>
#include <utility>

#include "foretoken/workload/request_source.hpp"
#include "workload/arrivals.hpp"
#include "workload/lengths/lengths.hpp"
#include "workload/media.hpp"
#include "workload/traces/trace.hpp"

namespace foretoken {
namespace {

// Moments of the requests of one class or of all, conversations aside.
struct Requests {
  double mean_input = 0, mean_output = 0;
  std::int64_t max_input = 0, max_output = 0, max_total = 0;
  double mean_prefix = 0;     // of the input: what all requests of a class share
  std::int64_t max_turn = 0;  // max_total without it

  void add(const Requests& other, double share) {
    mean_input += share * other.mean_input;
    mean_output += share * other.mean_output;
    mean_prefix += share * other.mean_prefix;
    if (share <= 0) return;
    max_input = std::max(max_input, other.max_input);
    max_output = std::max(max_output, other.max_output);
    max_total = std::max(max_total, other.max_total);
    max_turn = std::max(max_turn, other.max_turn);
  }
};

std::int64_t output_cap(const WorkloadConfig& config) {
  return config.ignore_eos ? kMaxTokens : std::min(config.max_tokens, kMaxTokens);
}

// Sums over the rows of a file.
class RowTotals {
 public:
  explicit RowTotals(std::int64_t cap) : cap_(cap) {}

  void add(const TraceRow& row) {
    const std::int64_t answer = std::min<std::int64_t>(row.output, cap_);
    ++rows_;
    input_ += row.input;
    output_ += static_cast<double>(answer);
    most_.max_input = std::max<std::int64_t>(most_.max_input, row.input);
    most_.max_output = std::max(most_.max_output, answer);
    most_.max_total = std::max(most_.max_total, row.input + answer);
  }
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  // Precondition: rows() > 0.
  [[nodiscard]] Requests requests() const {
    Requests requests = most_;
    requests.mean_input = input_ / static_cast<double>(rows_);
    requests.mean_output = output_ / static_cast<double>(rows_);
    return requests;
  }

 private:
  std::int64_t cap_;
  std::int64_t rows_ = 0;
  double input_ = 0, output_ = 0;
  Requests most_;
};

Result<Requests> requests_of(const LengthPairConfig& lengths, std::int64_t cap) {
  if (lengths.paired) {
    auto reader = TraceReader::open(lengths.paired->path, lengths.paired->format, kLengthsOnly);
    if (!reader) return reader.error();
    RowTotals totals(cap);
    while (const std::optional<TraceRow> row = reader->next()) totals.add(*row);
    if (reader->problems().has_errors()) return reader->problems();
    return totals.requests();
  }
  const LengthMoments input = length_moments(lengths.input), output = length_moments(lengths.output, cap);
  return Requests{input.mean, output.mean, input.max, output.max, input.max + output.max};
}

// Of conversations only the first turn sends the prefix anew.
Result<Requests> requests_of(const LengthPairConfig& lengths, std::int64_t cap, std::int64_t prefix) {
  auto requests = requests_of(lengths, cap);
  if (!requests) return requests;
  requests->mean_prefix = static_cast<double>(prefix);
  requests->max_turn = requests->max_total;
  requests->mean_input += static_cast<double>(prefix);
  requests->max_input += prefix;
  requests->max_total += prefix;
  return requests;
}

Result<Requests> with_media(Result<Requests> requests, const MediaConfig& media, std::int64_t items) {
  if (!requests) return requests;
  const MediaMoments moments = media_moments(media, items);
  requests->mean_input += moments.mean;
  requests->max_input += moments.most;
  requests->max_total += moments.most;
  return requests;
}

Result<Requests> drawn_requests(const WorkloadConfig& config) {
  const MediaConfig& media = config.media;
  if (config.classes.empty())
    return with_media(requests_of(config.lengths, output_cap(config), config.shared_prefix), media, media.items);
  Requests all;
  Diagnostics problems;
  double total = 0;
  for (const RequestClass& c : config.classes) total += c.weight;
  for (const RequestClass& c : config.classes) {
    auto requests =
        with_media(requests_of(c.lengths, output_cap(config), c.shared_prefix.value_or(config.shared_prefix)), media,
                   c.media_items.value_or(media.items));
    if (requests) {
      all.add(*requests, c.weight / total);
    } else {
      problems.append(requests.error());
    }
  }
  if (problems.has_errors()) return problems;
  return all;
}

// Turn k of a conversation asks with k inputs and k - 1 answers; a conversation of T turns
// has T(T + 1)/2 and T(T - 1)/2 of them in all its prompts together.
void add_conversations(const SessionConfig& sessions, const Requests& turn, WorkloadSummary& summary) {
  const LengthMoments turns = length_moments(sessions.turns);
  const double inputs = (turns.mean_square + turns.mean) / 2 / turns.mean;
  const double answers = (turns.mean_square - turns.mean) / 2 / turns.mean;
  summary.mean_prompt_tokens =
      turn.mean_prefix + inputs * (turn.mean_input - turn.mean_prefix) + answers * turn.mean_output;
  const double last = static_cast<double>(turns.max - 1);
  const double longest = static_cast<double>(turn.max_input) + last * static_cast<double>(turn.max_turn);
  const auto cap = static_cast<double>(kMaxTokens);
  summary.max_prompt_tokens = static_cast<std::int64_t>(std::min(longest, cap));
  summary.max_total_tokens = summary.max_prompt_tokens + turn.max_output;
  summary.offered_rate *= turns.mean;
}

Result<WorkloadSummary> summarise_trace(const WorkloadConfig& config, const TraceConfig& trace) {
  auto cursor = open_trace(trace, config.num_prompts);
  if (!cursor) return cursor.error();
  const TimePoint end = config.duration ? TimePoint{*config.duration} : kNever;
  const TimePoint first = cursor->next_time();
  TimePoint last = first;
  RowTotals totals(output_cap(config));
  for (; cursor->next_time() < end; cursor->advance()) {
    last = cursor->next_time();
    totals.add(cursor->row());
  }
  Diagnostics problems = cursor->problems();
  if (problems.has_errors()) return problems;
  if (totals.rows() == 0) {
    problems.error({trace.path, 0, 0}, "workload: no request arrives before the end of the run",
                   "raise workload.duration");
    return problems;
  }
  WorkloadSummary summary;
  summary.failed_rows = cursor->failed_rows();
  const Requests requests = totals.requests();
  summary.mean_prompt_tokens = requests.mean_input;
  summary.mean_output_tokens = requests.mean_output;
  summary.max_prompt_tokens = requests.max_input;
  summary.max_total_tokens = requests.max_total;
  // With a limit on concurrency, late sends may fall beyond the run's end.
  if (!config.max_concurrency || !config.duration) summary.requests = totals.rows();
  const double span = to_seconds(last - first);
  if (!config.max_concurrency && span > 0) summary.offered_rate = static_cast<double>(totals.rows() - 1) / span;
  return summary;
}

}  // namespace

bool may_share_prefixes(const WorkloadConfig& config) {
  if (config.sessions || config.answers.on() || std::holds_alternative<TraceConfig>(config.arrivals)) return true;
  if (config.classes.empty()) return config.shared_prefix > 0;
  return std::any_of(config.classes.begin(), config.classes.end(),
                     [&](const RequestClass& c) { return c.shared_prefix.value_or(config.shared_prefix) > 0; });
}

Result<WorkloadSummary> summarise_workload(const WorkloadConfig& config) {
  Diagnostics problems = check_workload(config);
  if (problems.has_errors()) return problems;
  if (const auto* trace = std::get_if<TraceConfig>(&config.arrivals)) return summarise_trace(config, *trace);
  const auto requests = drawn_requests(config);
  if (!requests) return requests.error();

  WorkloadSummary summary;
  if (!config.duration) summary.requests = config.num_prompts;
  summary.mean_prompt_tokens = requests->mean_input;
  summary.mean_output_tokens = requests->mean_output;
  summary.max_prompt_tokens = requests->max_input;
  summary.max_total_tokens = requests->max_total;
  if (!config.max_concurrency) summary.offered_rate = mean_rate(config.arrivals, config.num_prompts);
  if (config.sessions) add_conversations(*config.sessions, *requests, summary);
  return summary;
}

}  // namespace foretoken
