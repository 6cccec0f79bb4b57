// Rows of --save-requests.
#include "report/request_csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "report/common.hpp"

namespace foretoken {
namespace {

// Whole nanoseconds as milliseconds, exactly.
void append_ms(std::string& row, Duration d) {
  const std::int64_t ns = d.count() < 0 ? -d.count() : d.count();
  fmt::format_to(std::back_inserter(row), ",{}{}.{:06}", d.count() < 0 ? "-" : "", ns / 1'000'000, ns % 1'000'000);
}

}  // namespace

std::string request_csv_header(int parts) {
  std::string header =
      "replication,index,class,outcome,replica,arrival_s,input_tokens,output_tokens,cached_tokens,preemptions,"
      "client_queue_ms,queue_time_ms,ttft_ms,tpot_ms,e2el_ms";
  for (int i = 0; i < parts; ++i) {
    fmt::format_to(std::back_inserter(header), ",{}_ms", to_string(static_cast<AttributionPart>(i)));
  }
  return header + "\n";
}

std::string request_csv_row(int replication, const RequestRecord& r, std::string_view class_name, TpotConvention tpot,
                            int parts) {
  const std::int64_t arrival = r.request.arrival.time_since_epoch().count();
  std::string row =
      fmt::format("{},{},{},{},{},{}.{:09},{},{},{},{}", replication, r.request.index, csv_text(class_name),
                  to_string(r.outcome), r.replica, arrival / 1'000'000'000, arrival % 1'000'000'000,
                  r.request.prompt_tokens, r.request.output_tokens, r.cached_tokens, r.preemptions);
  append_ms(row, r.request.client_wait);
  if (r.outcome == Outcome::finished) {
    append_ms(row, r.scheduled - r.request.arrival);
    append_ms(row, r.first_token - r.request.arrival);
    if (r.request.output_tokens > 1) {
      const int tokens = r.request.output_tokens - (tpot == TpotConvention::vllm ? 1 : 0);
      fmt::format_to(std::back_inserter(row), ",{:.6f}", to_milliseconds(r.finish - r.first_token) / tokens);
    } else {
      row += ',';
    }
    append_ms(row, r.finish - r.request.arrival);
    for (int i = 0; i < parts; ++i) append_ms(row, r.e2e_parts[static_cast<std::size_t>(i)]);
  } else {
    row.append(static_cast<std::size_t>(4 + parts), ',');
  }
  row += '\n';
  return row;
}

Result<RequestCsv> RequestCsv::create(const std::string& path, std::vector<std::string> class_names,
                                      TpotConvention tpot, int parts) {
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file) return file.error();
  file->write(request_csv_header(parts));
  return RequestCsv(std::move(*file), std::move(class_names), tpot, parts);
}

void RequestCsv::add(int replication, const RequestRecord& record) {
  const auto index = static_cast<std::size_t>(record.request.class_index);
  file_.write(request_csv_row(replication, record,
                              index < class_names_.size() ? class_names_[index] : std::string_view{}, tpot_, parts_));
}

}  // namespace foretoken
