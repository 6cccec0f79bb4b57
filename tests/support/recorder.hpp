// An observer that keeps everything, and renders a run as text: step by step for golden
// schedules, whole for byte-equality.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "foretoken/serving/observer.hpp"
#include "foretoken/serving/simulation.hpp"

namespace foretoken::test {

class Recorder final : public Observer {
 public:
  struct Step {
    int replica = 0;
    TimePoint begin{}, end{};
    std::vector<PrefillChunk> prefill;
    std::int64_t decode_rows = 0;
    std::int64_t kv_blocks_used = 0;
    std::int64_t drafts = 0;
    std::int64_t accepted = 0;
  };

  void on_request(const RequestRecord& record) override { records.push_back(record); }
  void on_steps(const StepSpan& span) override {
    steps.push_back({span.replica,
                     span.begin,
                     span.end,
                     {span.prefill.begin(), span.prefill.end()},
                     span.decode_rows,
                     span.kv_blocks_used,
                     span.drafts,
                     span.accepted});
    joined += span.joining;
    for (std::int64_t j = 0; j < span.steps; ++j) {
      const FineDuration time =
          span.run == nullptr ? span.time.total() : span.run->elapsed(j + 1) - span.run->elapsed(j);
      const std::int64_t rows = span.gap_rows - (j == 0 ? span.joining : 0);
      if (rows > 0) gaps[ceil_to_nanoseconds(time).count()] += rows;
    }
  }
  void on_gap(Duration gap, std::int64_t rows) override { gaps[gap.count()] += rows; }

  std::vector<RequestRecord> records;  // in order of departure
  std::vector<Step> steps;
  std::int64_t joined = 0;                    // StepSpan::joining
  std::map<std::int64_t, std::int64_t> gaps;  // ns → rows

  // "1500 548+0 | 3": new tokens (+ history) of each chunk, then decode rows; "| 3+9 > 7": with 9 drafts to verify, of
  // which 7 tokens came out.
  [[nodiscard]] std::vector<std::string> schedule() const {
    std::vector<std::string> lines;
    for (const Step& step : steps) {
      std::string line;
      for (const PrefillChunk& chunk : step.prefill) {
        line += fmt::format("{}{} ", chunk.new_tokens, chunk.history > 0 ? fmt::format("+{}", chunk.history) : "");
      }
      line += fmt::format("| {}", step.decode_rows);
      if (step.drafts > 0) line += fmt::format("+{} > {}", step.drafts, step.accepted);
      lines.push_back(line);
    }
    return lines;
  }

  [[nodiscard]] std::vector<RequestRecord> by_index() const {
    std::vector<RequestRecord> sorted = records;
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.request.index < b.request.index; });
    return sorted;
  }

  // Everything a user could see, as text. Without the steps, which stretches merge.
  [[nodiscard]] std::string text(const SimulationOutcome& outcome) const {
    std::string s;
    for (const RequestRecord& r : records) {
      s += fmt::format("{} {} r{} {} {} {} {} p{}", r.request.index, static_cast<int>(r.outcome), r.replica,
                       r.request.arrival.time_since_epoch().count(), r.scheduled.time_since_epoch().count(),
                       r.first_token.time_since_epoch().count(), r.finish.time_since_epoch().count(), r.preemptions);
      for (Duration d : r.ttft_parts) s += fmt::format(" {}", d.count());
      s += " /";
      for (Duration d : r.e2e_parts) s += fmt::format(" {}", d.count());
      s += '\n';
    }
    for (const auto& [gap, rows] : gaps) s += fmt::format("gap {} {}\n", gap, rows);
    for (const ReplicaTotals& t : outcome.replicas) {
      s += fmt::format("steps {} {} tokens {} {} preemptions {} peaks {} {} busy {} kv {} flops {} bytes {}", t.steps,
                       t.prefill_steps, t.prefill_tokens, t.decode_tokens, t.preemptions, t.peak_running,
                       t.peak_kv_blocks, digits(t.busy), digits(t.kv_block_time), digits(t.flops), digits(t.bytes));
      for (FineTotal p : t.prefill_parts) s += fmt::format(" {}", digits(p));
      for (FineTotal p : t.decode_parts) s += fmt::format(" {}", digits(p));
      if (t.kv_tiers != KvTierTotals{}) s += text(t.kv_tiers);
      s += '\n';
    }
    return s + fmt::format("end {} arrived {} finished {} rejected {} timed out {}\n",
                           outcome.end.time_since_epoch().count(), outcome.arrived, outcome.finished, outcome.rejected,
                           outcome.timed_out);
  }

 private:
  static std::string text(const KvTierTotals& t) {
    return fmt::format(" tiers {} {} {} loads {} bytes {} {} {} not stored {} times {} {} swaps {} {}", t.hits[0],
                       t.hits[1], t.hits[2], t.loads, t.loaded_bytes, t.stored_bytes, t.fetched_bytes, t.not_stored,
                       t.load_time, t.step_time, t.swapped_out, t.swapped_in);
  }
  static std::string digits(FineTotal value) {
    std::string s;
    const bool negative = value < 0;
    if (negative) value = -value;
    do s.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
    while ((value /= 10) > 0);
    if (negative) s.push_back('-');
    std::reverse(s.begin(), s.end());
    return s;
  }
};

}  // namespace foretoken::test
