// Rows of --save-steps.
#include "report/step_rows.hpp"

#include <algorithm>

#include "foretoken/cost/decode_curve.hpp"

namespace foretoken {
namespace {

std::int64_t prompt_tokens_of(const StepSpan& span) {
  std::int64_t tokens = 0;
  for (const PrefillChunk& chunk : span.prefill) tokens += chunk.new_tokens;
  return tokens;
}

std::string_view bound_of_step(const StepTime& time) {
  const auto largest = std::max_element(time.parts.begin(), time.parts.end());
  return to_string(static_cast<TimePart>(largest - time.parts.begin()));
}

RowColumns<StepRow> columns_of_steps() {
  using R = const StepRow&;
  using S = std::string&;
  return {
      {"replica", ColumnKind::count, "Rank that ran it; rank k of replica r is r * data_parallel_size + k.",
       [](S out, R r, int) { append_count(out, r.span.replica); }},
      {"step", ColumnKind::count, "Number of the rank's step, from 0.",
       [](S out, R r, int) { append_count(out, r.index); }},
      {"begin_s", ColumnKind::figure, "In simulated seconds.", [](S out, R r, int) { append_seconds(out, r.begin); }},
      {"duration_ms", ColumnKind::figure, "From its begin to its end.",
       [](S out, R r, int) { append_ms(out, r.end - r.begin); }},
      {"prefill_requests", ColumnKind::count, "Requests of which it computed a piece of the prompt.",
       [](S out, R r, int) { append_count(out, r.first ? static_cast<std::int64_t>(r.span.prefill.size()) : 0); }},
      {"prefill_tokens", ColumnKind::count, "Tokens of those pieces.",
       [](S out, R r, int) { append_count(out, r.first ? prompt_tokens_of(r.span) : 0); }},
      {"decode_requests", ColumnKind::count, "Requests that emitted a token after their first.",
       [](S out, R r, int) { append_count(out, r.span.decode_rows - (r.first ? r.span.joining : 0)); }},
      {"running", ColumnKind::count, "Requests with a seat.",
       [](S out, R r, int) { append_count(out, r.span.running); }},
      {"waiting", ColumnKind::count, "Requests in the queue just before its end; of a stretch of steps at its last.",
       [](S out, R r, int) {
         if (r.last) append_count(out, r.span.waiting);
       }},
      {"kv_blocks", ColumnKind::count, "KV blocks in use; of a stretch at its first step, as what follows.",
       [](S out, R r, int) {
         if (r.first) append_count(out, r.span.kv_blocks_used);
       }},
      {"flops", ColumnKind::count, "Floating-point operations.",
       [](S out, R r, int) {
         if (r.first) append_count(out, r.span.time.flops);
       }},
      {"bytes", ColumnKind::count, "Bytes read and written in memory.",
       [](S out, R r, int) {
         if (r.first) append_count(out, r.span.time.bytes);
       }},
      {"bound", ColumnKind::text,
       "compute, memory, network or overhead: most of its time; empty where it is not known.", [](S out, R r, int) {
         if (r.first) out += bound_of_step(r.span.time);
       }}};
}

}  // namespace

const RowColumns<StepRow>& step_columns() {
  static const RowColumns<StepRow> kColumns = columns_of_steps();
  return kColumns;
}

Json step_row_shape() {
  return row_shape(step_columns());
}

Result<StepRows> StepRows::create(const std::string& path) {
  Result<RowFile<StepRow>> file = RowFile<StepRow>::create(path, step_columns());
  if (!file) return file.error();
  return StepRows(std::move(*file));
}

void StepRows::on_steps(const StepSpan& span) {
  const auto rank = static_cast<std::size_t>(span.replica);
  if (rank >= steps_.size()) steps_.resize(rank + 1, 0);
  for_each_step(span, [&](std::int64_t i, TimePoint begin, TimePoint end) {
    file_.add({span, steps_[rank]++, begin, end, i == 0, i + 1 == span.steps});
  });
}

}  // namespace foretoken
