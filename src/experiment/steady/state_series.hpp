// A series over the requests of a run, in a fixed number of batches.
#pragma once

#include <cstdint>
#include <vector>

namespace foretoken {

class StateSeries {
 public:
  static constexpr std::size_t kBatches = 512;

  explicit StateSeries(std::int64_t requests) : requests_(requests), batches_(kBatches) {}

  // 0 <= index < requests, in any order.
  void add(std::int64_t index, double value) {
    Batch& batch = batches_[static_cast<std::size_t>(index * static_cast<std::int64_t>(kBatches) / requests_)];
    batch.sum += value;
    batch.count += 1;
  }
  // Means of the batches from this share of the requests on; one without values is like the one before.
  [[nodiscard]] std::vector<double> means(double from) const {
    std::vector<double> means;
    double last = 0;
    for (std::size_t i = 0; i < kBatches; ++i) {
      if (batches_[i].count > 0) last = batches_[i].sum / batches_[i].count;
      if (static_cast<double>(i) >= from * static_cast<double>(kBatches)) means.push_back(last);
    }
    return means;
  }

 private:
  struct Batch {
    double sum = 0;
    double count = 0;
  };
  std::int64_t requests_;
  std::vector<Batch> batches_;
};

}  // namespace foretoken
