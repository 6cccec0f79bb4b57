// What can be said of a workload before it runs: exact for traces, from the distributions'
// moments otherwise.
#include <algorithm>
#include <limits>
#include <utility>

#include "foretoken/workload/request_source.hpp"
#include "workload/arrivals.hpp"
#include "workload/lengths.hpp"
#include "workload/traces/trace.hpp"

namespace foretoken {
namespace {

// Moments of the requests of one class or of all, conversations aside.
struct Requests {
  double mean_input = 0, mean_output = 0;
  std::int64_t max_input = 0, max_output = 0, max_total = 0;

  void add(const Requests& other, double share) {
    mean_input += share * other.mean_input;
    mean_output += share * other.mean_output;
    if (share <= 0) return;
    max_input = std::max(max_input, other.max_input);
    max_output = std::max(max_output, other.max_output);
    max_total = std::max(max_total, other.max_total);
  }
};

std::int64_t output_cap(const WorkloadConfig& config) {
  return config.ignore_eos ? kMaxTokens : std::min(config.max_tokens, kMaxTokens);
}

template <class Rows>
Requests requests_of(const Rows& rows, std::int64_t cap) {
  Requests requests;
  double input = 0, output = 0;
  for (const TraceRow& row : rows) {
    const std::int64_t answer = std::min<std::int64_t>(row.output, cap);
    input += row.input;
    output += static_cast<double>(answer);
    requests.max_input = std::max<std::int64_t>(requests.max_input, row.input);
    requests.max_output = std::max(requests.max_output, answer);
    requests.max_total = std::max(requests.max_total, row.input + answer);
  }
  requests.mean_input = input / static_cast<double>(rows.size());
  requests.mean_output = output / static_cast<double>(rows.size());
  return requests;
}

Result<Requests> requests_of(const LengthPairConfig& lengths, std::int64_t cap) {
  if (lengths.paired) {
    auto trace = read_trace(lengths.paired->path, lengths.paired->format, kLengthsOnly);
    if (!trace) return trace.error();
    return requests_of(trace->rows, cap);
  }
  const LengthMoments input = length_moments(lengths.input), output = length_moments(lengths.output, cap);
  return Requests{input.mean, output.mean, input.max, output.max, input.max + output.max};
}

Result<Requests> drawn_requests(const WorkloadConfig& config) {
  if (config.classes.empty()) return requests_of(config.lengths, output_cap(config));
  Requests all;
  Diagnostics problems;
  double total = 0;
  for (const RequestClass& c : config.classes) total += c.weight;
  for (const RequestClass& c : config.classes) {
    auto requests = requests_of(c.lengths, output_cap(config));
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
  summary.mean_prompt_tokens = inputs * turn.mean_input + answers * turn.mean_output;
  const double last = static_cast<double>(turns.max - 1);
  const double longest = static_cast<double>(turn.max_input) + last * static_cast<double>(turn.max_total);
  const auto cap = static_cast<double>(kMaxTokens);
  summary.max_prompt_tokens = static_cast<std::int64_t>(std::min(longest, cap));
  summary.max_total_tokens = summary.max_prompt_tokens + turn.max_output;
  summary.offered_rate *= turns.mean;
}

Result<WorkloadSummary> summarise_trace(const WorkloadConfig& config, const TraceConfig& trace) {
  auto cursor = open_trace(trace, config.num_prompts);
  if (!cursor) return cursor.error();
  auto rows = cursor->rows_left();
  if (config.duration) {
    const TimePoint end{*config.duration};
    const auto place =
        std::partition_point(rows.begin(), rows.end(), [&](const TraceRow& row) { return cursor->time_of(row) < end; });
    rows = rows.first(static_cast<std::size_t>(place - rows.begin()));
  }
  WorkloadSummary summary;
  summary.failed_rows = cursor->failed_rows();
  if (rows.empty()) {
    Diagnostics problems;
    problems.error({trace.path, 0, 0}, "workload: no request arrives before the end of the run",
                   "raise workload.duration");
    return problems;
  }
  const Requests requests = requests_of(rows, output_cap(config));
  summary.mean_prompt_tokens = requests.mean_input;
  summary.mean_output_tokens = requests.mean_output;
  summary.max_prompt_tokens = requests.max_input;
  summary.max_total_tokens = requests.max_total;
  // With a limit on concurrency, late sends may fall beyond the run's end.
  if (!config.max_concurrency || !config.duration) summary.requests = static_cast<std::int64_t>(rows.size());
  const double span = to_seconds(cursor->time_of(rows.back()) - cursor->time_of(rows.front()));
  if (!config.max_concurrency && span > 0) summary.offered_rate = static_cast<double>(rows.size() - 1) / span;
  return summary;
}

}  // namespace

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
