// One row per request: what happened to it and where its time went.
#pragma once

#include <string>
#include <vector>

#include "foretoken/metrics/summary.hpp"
#include "foretoken/serving/observer.hpp"
#include "persistence/atomic_file.hpp"

namespace foretoken {

[[nodiscard]] std::string request_csv_header();
// Times in the units of the header; empty where the request never got so far.
[[nodiscard]] std::string request_csv_row(int replication, const RequestRecord& record, std::string_view class_name,
                                          TpotConvention tpot);

class RequestCsv {
 public:
  [[nodiscard]] static Result<RequestCsv> create(const std::string& path, std::vector<std::string> class_names,
                                                 TpotConvention tpot);
  void add(int replication, const RequestRecord& record);
  [[nodiscard]] Diagnostics commit() { return file_.commit(); }

 private:
  RequestCsv(AtomicFile file, std::vector<std::string> class_names, TpotConvention tpot)
      : file_(std::move(file)), class_names_(std::move(class_names)), tpot_(tpot) {}
  AtomicFile file_;
  std::vector<std::string> class_names_;
  TpotConvention tpot_;
};

}  // namespace foretoken
