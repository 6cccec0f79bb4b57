// One measured serving run, as a row of a file of points gives it.
#pragma once

#include <string>
#include <vector>

#include "measurement/accuracy/accuracy.hpp"
#include "measurement/tables/csv_table.hpp"

namespace foretoken {

struct Point {
  int line = 0;
  std::string id;
  std::string model, gpu;  // as the file spells them
  std::string model_family, gpu_family;
  std::string framework;
  std::string workload;  // static_batch, closed_loop, open_loop
  std::string grade;
  std::string weights, kv;  // precision; kv may be empty
  std::string notes;
  // 0 = not in the source.
  std::int64_t num_gpus = 0, tensor = 0, pipeline = 0, experts = 0, data = 0;
  std::int64_t prompt_tokens = 0, output_tokens = 0;
  std::int64_t batch = 0;        // batch, concurrency or max_num_seqs
  double rate = 0;               // infinity: all at once
  std::string pools;             // of a run with prefill and decode apart: lines of its scenario; else empty
  bool sizes_are_stated = true;  // of those pools
  ServingFigures measured;
};

[[nodiscard]] Result<std::vector<Point>> read_points(const std::string& path);

// The number that follows `word` in the notes of a row, 0 = none.
[[nodiscard]] std::int64_t number_after(const std::string& notes, std::string_view word);

}  // namespace foretoken
