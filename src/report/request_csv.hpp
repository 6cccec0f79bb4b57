// One row per request: what happened to it and where its time went.
#pragma once

#include <string>
#include <vector>

#include "foretoken/metrics/summary.hpp"
#include "foretoken/serving/observer.hpp"
#include "persistence/atomic_file.hpp"

namespace foretoken {

// `parts`: how many of the parts of a request's time (attribution_parts()).
inline constexpr int kPartsOfOnePool = kAttributionParts - 1;
[[nodiscard]] std::string request_csv_header(int parts = kPartsOfOnePool);
// Times in the units of the header; empty where the request never got so far.
[[nodiscard]] std::string request_csv_row(int replication, const RequestRecord& record, std::string_view class_name,
                                          TpotConvention tpot, int parts = kPartsOfOnePool);

class RequestCsv {
 public:
  [[nodiscard]] static Result<RequestCsv> create(const std::string& path, std::vector<std::string> class_names,
                                                 TpotConvention tpot, int parts = kPartsOfOnePool);
  void add(int replication, const RequestRecord& record);
  [[nodiscard]] Diagnostics commit() { return file_.commit(); }

 private:
  RequestCsv(AtomicFile file, std::vector<std::string> class_names, TpotConvention tpot, int parts)
      : file_(std::move(file)), class_names_(std::move(class_names)), tpot_(tpot), parts_(parts) {}
  AtomicFile file_;
  std::vector<std::string> class_names_;
  TpotConvention tpot_;
  int parts_;
};

}  // namespace foretoken
