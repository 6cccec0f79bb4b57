// Rows of prefill and decode pools. What a source does not state is taken as one worker, and said.
#include "measurement/accuracy/split_points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>

namespace foretoken {
namespace {

const CsvTable::Columns kColumns{{"id",
                                  "engine",
                                  "engine_version",
                                  "model",
                                  "gpu",
                                  "weights",
                                  "isl",
                                  "osl",
                                  "concurrency",
                                  "prefill_workers",
                                  "prefill_tp",
                                  "prefill_pp",
                                  "prefill_attention_dp",
                                  "prefill_moe_ep",
                                  "decode_workers",
                                  "decode_tp",
                                  "decode_pp",
                                  "decode_attention_dp",
                                  "decode_moe_ep",
                                  "ttft_ms",
                                  "tpot_ms"},
                                 {"isl", "osl", "concurrency", "prefill_workers", "prefill_tp", "prefill_pp",
                                  "prefill_attention_dp", "prefill_moe_ep", "decode_workers", "decode_tp", "decode_pp",
                                  "decode_attention_dp", "decode_moe_ep", "ttft_ms", "tpot_ms"},
                                 {}};

std::int64_t whole(const CsvTable& table, std::size_t row, const std::string& column) {
  return std::max<std::int64_t>(1, std::llround(std::min(1e6, table.number(row, column).value_or(1))));
}

std::string pool_line(const CsvTable& table, std::size_t row, const std::string& role) {
  const auto number = [&](const char* column) { return whole(table, row, role + "_" + column); };
  return fmt::format(
      "  - {{name: {0}, role: {0}, replicas: {1}, engine: {{tensor_parallel_size: {2}, pipeline_parallel_size: {3}, "
      "data_parallel_size: {4}, enable_expert_parallel: {5}}}}}\n",
      role, number("workers"), number("tp"), number("pp"), number("attention_dp"),
      number("moe_ep") > 1 ? "true" : "false");
}

// Runs that differ in their load alone.
bool same_deployment(const Point& a, const Point& b) {
  return a.framework == b.framework && a.model == b.model && a.gpu == b.gpu && a.weights == b.weights &&
         a.prompt_tokens == b.prompt_tokens && a.output_tokens == b.output_tokens && a.pools == b.pools;
}

// No queue is shorter under more load. Where TTFT falls by a third and more, the mean of a run of few requests has the
// engine's start in it (kernels compiled for the first prompts): nothing that a load explains.
bool holds_a_start(const Point& point, const std::vector<Point>& points) {
  constexpr double kFalls = 1.5;
  for (const Point& few : points) {
    if (!same_deployment(few, point)) continue;
    for (const Point& more : points) {
      if (same_deployment(more, point) && few.batch < more.batch && few.measured[0] && more.measured[0] &&
          *few.measured[0] > kFalls * *more.measured[0])
        return true;
    }
  }
  return false;
}

// Of such deployments TTFT is left out.
void leave_out_starts(std::vector<Point>& points) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].sizes_are_stated && holds_a_start(points[i], points)) starts.push_back(i);
  }
  for (const std::size_t i : starts) {
    points[i].measured[0].reset();
    points[i].notes += "; TTFT left out: it falls with load";
  }
}

}  // namespace

bool has_split_points(const std::string& path) {
  std::ifstream file(path);
  std::string header;
  return std::getline(file, header) && header.find(",prefill_workers,") != std::string::npos;
}

Result<std::vector<Point>> read_split_points(const std::string& path) {
  const Result<CsvTable> table = CsvTable::read(path, kColumns);
  if (!table) return table.error();
  std::vector<Point> points;
  for (std::size_t i = 0; i < table->size(); ++i) {
    Point p;
    p.line = table->line(i);
    p.id = table->text(i, "id");
    p.model = p.model_family = table->text(i, "model");
    p.gpu = p.gpu_family = table->text(i, "gpu");
    // A version of Dynamo stands where that of TensorRT-LLM is not said.
    p.framework = table->text(i, "engine") + (table->text(i, "engine") == "trtllm" ? " (" : " ") +
                  table->text(i, "engine_version");
    p.workload = "closed_loop";
    p.grade = "C";
    p.weights = table->text(i, "weights");
    p.notes = table->text(i, "notes");
    p.prompt_tokens = whole(*table, i, "isl");
    p.output_tokens = whole(*table, i, "osl");
    p.batch = whole(*table, i, "concurrency");
    p.sizes_are_stated = table->number(i, "prefill_workers") && table->number(i, "decode_workers");
    p.pools = "pools:\n" + pool_line(*table, i, "prefill") + pool_line(*table, i, "decode");
    p.measured[0] = table->number(i, "ttft_ms");
    p.measured[1] = table->number(i, "tpot_ms");
    points.push_back(std::move(p));
  }
  leave_out_starts(points);
  return points;
}

}  // namespace foretoken
