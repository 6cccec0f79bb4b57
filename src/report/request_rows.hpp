// One row per request: what happened to it and where its time went.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "foretoken/metrics/summary.hpp"
#include "foretoken/serving/observer.hpp"
#include "report/row_columns.hpp"

namespace foretoken {

struct RequestRow {
  int replication;
  const RequestRecord& record;
  std::string_view class_name;
  TpotConvention tpot;
};
// Times are absent where the request never got so far.
[[nodiscard]] const RowColumns<RequestRow>& request_columns();
[[nodiscard]] Json request_row_shape();

[[nodiscard]] std::string request_csv_row(int replication, const RequestRecord& record, std::string_view class_name,
                                          TpotConvention tpot);

class RequestRows {
 public:
  [[nodiscard]] static Result<RequestRows> create(const std::string& path, std::vector<std::string> class_names,
                                                  TpotConvention tpot);
  void add(int replication, const RequestRecord& record);
  [[nodiscard]] Diagnostics commit() { return file_.commit(); }

 private:
  RequestRows(RowFile<RequestRow> file, std::vector<std::string> class_names, TpotConvention tpot)
      : file_(std::move(file)), class_names_(std::move(class_names)), tpot_(tpot) {}
  RowFile<RequestRow> file_;
  std::vector<std::string> class_names_;
  TpotConvention tpot_;
};

}  // namespace foretoken
