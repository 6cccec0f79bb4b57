// Reads files of measured serving runs.
#include "measurement/accuracy/point.hpp"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "measurement/accuracy/split_points.hpp"

namespace foretoken {
namespace {

const CsvTable::Columns kPointColumns{{"id",           "model",     "gpu",
                                       "num_gpus",     "tp",        "pp",
                                       "ep",           "dp",        "precision_weights",
                                       "precision_kv", "framework", "workload",
                                       "isl",          "osl",       "batch_or_concurrency",
                                       "rate_rps",     "ttft_ms",   "tpot_ms",
                                       "itl_ms",       "e2e_ms",    "output_tps_total",
                                       "grade"},
                                      {"num_gpus", "tp", "pp", "ep", "dp", "isl", "osl", "batch_or_concurrency",
                                       "ttft_ms", "tpot_ms", "itl_ms", "e2e_ms", "output_tps_total"},
                                      {"rate_rps"}};

// Beyond these nothing was ever measured; a slip of the pen is found before it is simulated.
constexpr double kMostSequences = 1e6;
constexpr double kMostGpus = 1e5;

class Reader {
 public:
  Reader(const CsvTable& table, Diagnostics& problems) : table_(table), problems_(problems) {}

  Point point(std::size_t row) {
    row_ = row;
    Point p;
    p.line = table_.line(row);
    p.id = text("id");
    p.model = text("model");
    p.gpu = text("gpu");
    p.model_family = text("model_family").empty() ? p.model : text("model_family");
    p.gpu_family = text("gpu_family").empty() ? p.gpu : text("gpu_family");
    p.framework = text("framework");
    p.workload = word("workload", {"static_batch", "closed_loop", "open_loop"});
    p.grade = word("grade", {"A", "B", "C", "D", "E"});
    p.weights = text("precision_weights");
    p.kv = text("precision_kv");
    p.notes = text("notes");
    p.num_gpus = whole("num_gpus", kMostGpus);
    p.tensor = whole("tp", kMostGpus);
    p.pipeline = whole("pp", kMostGpus);
    p.experts = whole("ep", kMostGpus);
    p.data = whole("dp", kMostGpus);
    p.prompt_tokens = rounded("isl");
    p.output_tokens = rounded("osl");
    p.batch = whole("batch_or_concurrency", kMostSequences);
    p.rate = table_.number(row, "rate_rps").value_or(0);
    for (std::size_t m = 0; m < kServingMetrics; ++m) {
      const auto value = table_.number(row, to_string(static_cast<ServingMetric>(m)));
      if (value && *value > 0) p.measured[m] = value;
    }
    return p;
  }

 private:
  const std::string& text(std::string_view column) const { return table_.text(row_, column); }
  void problem(std::string message) { problems_.error({table_.path(), table_.line(row_), 0}, std::move(message)); }

  std::string word(std::string_view column, const std::vector<std::string>& allowed) {
    const std::string& value = text(column);
    for (const std::string& a : allowed) {
      if (value == a) return value;
    }
    problem(fmt::format("{} is '{}': {} is expected", column, value, fmt::join(allowed, ", ")));
    return value;
  }
  std::int64_t whole(std::string_view column, double most) {
    const double value = table_.number(row_, column).value_or(0);
    if (value == std::floor(value) && value <= most) return static_cast<std::int64_t>(value);
    problem(fmt::format("{} is '{}': a whole number up to {:.0f} is expected", column, text(column), most));
    return 0;
  }
  // Lengths may be means.
  std::int64_t rounded(std::string_view column) {
    const double value = table_.number(row_, column).value_or(0);
    if (value <= kMostTokens) return std::llround(value);
    problem(fmt::format("{} is '{}': at most {:.0f} tokens are expected", column, text(column), kMostTokens));
    return 0;
  }

  const CsvTable& table_;
  Diagnostics& problems_;
  std::size_t row_ = 0;
};

}  // namespace

Result<std::vector<Point>> read_points(const std::string& path) {
  if (has_split_points(path)) return read_split_points(path);
  const Result<CsvTable> table = CsvTable::read(path, kPointColumns);
  if (!table) return table.error();
  Diagnostics problems;
  Reader reader(*table, problems);
  std::vector<Point> points;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < table->size(); ++i) {
    points.push_back(reader.point(i));
    const Point& p = points.back();
    if (p.id.empty()) problems.error({path, p.line, 0}, "id is empty");
    if (!p.id.empty() && !ids.insert(p.id).second) {
      problems.error({path, p.line, 0}, fmt::format("id '{}' was given to a row before", p.id));
    }
  }
  if (!problems.empty()) return first_problems(problems, path);
  return points;
}

std::int64_t number_after(const std::string& notes, std::string_view word) {
  const auto at = notes.find(word);
  if (at == std::string::npos) return 0;
  std::size_t end = at + word.size();
  while (end < notes.size() && notes[end] >= '0' && notes[end] <= '9') ++end;
  std::int64_t value = 0;
  return parse_number(std::string_view(notes).substr(at + word.size(), end - at - word.size()), value) ? value : 0;
}

}  // namespace foretoken
