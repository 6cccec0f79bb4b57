// Rows of --save-requests.
#include "report/request_rows.hpp"

#include <fmt/format.h>

#include <iterator>

namespace foretoken {
namespace {

bool row_is_finished(const RequestRow& r) {
  return r.record.outcome == Outcome::finished;
}
void row_queue_time(std::string& out, const RequestRow& r, int) {
  if (row_is_finished(r)) append_ms(out, r.record.scheduled - r.record.request.arrival);
}
void row_ttft(std::string& out, const RequestRow& r, int) {
  if (row_is_finished(r)) append_ms(out, r.record.first_token - r.record.request.arrival);
}
void row_tpot(std::string& out, const RequestRow& r, int) {
  if (!row_is_finished(r) || r.record.request.output_tokens <= 1) return;
  const int tokens = r.record.request.output_tokens - (r.tpot == TpotConvention::vllm ? 1 : 0);
  fmt::format_to(std::back_inserter(out), "{:.6f}", to_milliseconds(r.record.finish - r.record.first_token) / tokens);
}
void row_e2el(std::string& out, const RequestRow& r, int) {
  if (row_is_finished(r)) append_ms(out, r.record.finish - r.record.request.arrival);
}
void row_part(std::string& out, const RequestRow& r, int which) {
  if (row_is_finished(r)) append_ms(out, r.record.e2e_parts[static_cast<std::size_t>(which)]);
}

RowColumns<RequestRow> columns_of_requests() {
  using R = const RequestRow&;
  using S = std::string&;
  RowColumns<RequestRow> columns{
      {"replication", ColumnKind::count, "Which of the scenario's replications, from 0.",
       [](S out, R r, int) { append_count(out, r.replication); }},
      {"index", ColumnKind::count, "Number of the request by arrival, from 0.",
       [](S out, R r, int) { append_count(out, r.record.request.index); }},
      {"class", ColumnKind::text, "Class of the workload; empty where it has none.",
       [](S out, R r, int) { out += r.class_name; }},
      {"outcome", ColumnKind::text, "finished, rejected, timed_out, aborted, or unfinished.",
       [](S out, R r, int) { out += to_string(r.record.outcome); }},
      {"replica", ColumnKind::count, "Replica that had it; rank k of replica r is r * data_parallel_size + k.",
       [](S out, R r, int) { append_count(out, r.record.replica); }},
      {"arrival_s", ColumnKind::figure, "When the client sent it, in simulated seconds.",
       [](S out, R r, int) { append_seconds(out, r.record.request.arrival); }},
      {"input_tokens", ColumnKind::count, "Length of the prompt.",
       [](S out, R r, int) { append_count(out, r.record.request.prompt_tokens); }},
      {"output_tokens", ColumnKind::count, "Length of the answer.",
       [](S out, R r, int) { append_count(out, r.record.request.output_tokens); }},
      {"cached_tokens", ColumnKind::count, "Tokens of the prompt that a prefix cache held.",
       [](S out, R r, int) { append_count(out, r.record.cached_tokens); }},
      {"preemptions", ColumnKind::count, "How often it lost its KV cache.",
       [](S out, R r, int) { append_count(out, r.record.preemptions); }},
      {"client_queue_ms", ColumnKind::figure, "Waited for a seat of max_concurrency, before it was sent.",
       [](S out, R r, int) { append_ms(out, r.record.request.client_wait); }},
      {"queue_time_ms", ColumnKind::figure, "First scheduled - arrival.", row_queue_time},
      {"ttft_ms", ColumnKind::figure, "First token - arrival.", row_ttft},
      {"tpot_ms", ColumnKind::figure, "Decode time over tokens, in the scenario's convention (conventions.tpot).",
       row_tpot},
      {"e2el_ms", ColumnKind::figure, "Last token - arrival.", row_e2el}};
  for (int i = 0; i < kAttributionParts; ++i) {
    const std::string_view name = to_string(static_cast<AttributionPart>(i));
    columns.push_back(
        {fmt::format("{}_ms", name), ColumnKind::figure, "Part of e2el_ms; the parts sum to it.", row_part, i});
  }
  return columns;
}

}  // namespace

const RowColumns<RequestRow>& request_columns() {
  static const RowColumns<RequestRow> kColumns = columns_of_requests();
  return kColumns;
}

Json request_row_shape() {
  return row_shape(request_columns());
}

std::string request_csv_row(int replication, const RequestRecord& record, std::string_view class_name,
                            TpotConvention tpot) {
  return csv_row(request_columns(), RequestRow{replication, record, class_name, tpot});
}

Result<RequestRows> RequestRows::create(const std::string& path, std::vector<std::string> class_names,
                                        TpotConvention tpot) {
  Result<RowFile<RequestRow>> file = RowFile<RequestRow>::create(path, request_columns());
  if (!file) return file.error();
  return RequestRows(std::move(*file), std::move(class_names), tpot);
}

void RequestRows::add(int replication, const RequestRecord& record) {
  const auto index = static_cast<std::size_t>(record.request.class_index);
  file_.add({replication, record, index < class_names_.size() ? class_names_[index] : std::string_view{}, tpot_});
}

}  // namespace foretoken
