// A sweep as `vllm bench sweep serve` leaves it, for `vllm bench sweep plot` and `plot_pareto`.
#pragma once

#include <string>
#include <vector>

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/sweep.hpp"

namespace foretoken {

// FOLDER/SERVE--max_num_seqs=16-BENCH--request_rate=4/run=0.json, a summary.json beside it, and FOLDER/summary.csv.
// Layout and keys: vllm-project/vllm, vllm/benchmarks/sweep/serve.py and plot.py.
class VllmSweep {
 public:
  // The folder is made; one that holds anything is refused.
  [[nodiscard]] static Result<VllmSweep> create(const std::string& folder, const std::vector<SweepAxis>& axes);

  // From several threads at once, each point once.
  void add(std::size_t index, const Scenario& scenario, const RunResult& result);
  [[nodiscard]] Diagnostics commit();

 private:
  struct Point {
    Json::Array runs;
    Diagnostics problems;
  };
  std::string folder_;
  std::vector<SweepAxis> axes_;
  std::vector<Point> points_;  // by index
};

}  // namespace foretoken
