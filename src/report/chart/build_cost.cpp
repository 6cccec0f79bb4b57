// Charts of what a deployment is made of: roofline, time by operator, memory.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "report/chart/build.hpp"
#include "report/chart/scale.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

// prefill of "prefill step: 1024 prompt tokens".
std::string short_title(const Json& step) {
  const std::string title = text_of(step["title"]);
  return title.substr(0, title.find(" step"));
}

// decode of 64 sequences.
std::string batch_of(const Json& step) {
  const double sequences = number_of(step["sequences"]);
  return sequences > 0 ? fmt::format("{} of {} sequence{}", short_title(step),
                                     readable(static_cast<std::int64_t>(sequences)), sequences == 1 ? "" : "s")
                       : fmt::format("{} of {} tokens", short_title(step),
                                     readable(static_cast<std::int64_t>(number_of(step["prefill_tokens"]))));
}

double intensity_of(const Json& op) {
  return number_of(op["flops"]) / number_of(op["bytes"]);
}
// TFLOP/s.
double rate_of(const Json& op) {
  return number_of(op["flops"]) / number_of(op["time_ms"]) * 1e-9;
}

void add_roof(Chart& chart, Panel& panel, const Json& explanation) {
  const double peak = number_of(explanation["peak_tflops"]);
  const double bandwidth = number_of(explanation["memory_bandwidth_gb_per_s"]);
  const double ridge = peak * 1e3 / bandwidth;
  double least = ridge / 100, most = ridge * 10;
  for (const Series& s : panel.series) {
    for (const double x : s.x) {
      least = std::min(least, x / 2);
      most = std::max(most, x * 2);
    }
  }
  Series roof;
  roof.name = "roof of the datasheet";
  roof.color = 7;
  roof.plain = true;
  roof.x = {least, ridge, most};
  roof.y = {least * bandwidth * 1e-3, peak, peak};
  panel.series.insert(panel.series.begin(), std::move(roof));
  panel.rules.push_back({true, ridge, fmt::format("ridge point {} FLOP/byte", readable(ridge))});
  chart.caption = fmt::format(
      "Rate that each operator reaches against its arithmetic intensity, under the roof of {} TFLOP/s and {} GB/s. "
      "Left "
      "of the ridge point at {} FLOP/byte memory is the bound, right of it compute.",
      readable(peak), readable(bandwidth), readable(ridge));
}

// The names of all steps, those with the most time first; of many the last ones are taken together.
std::vector<std::string> largest_operators(const Json::Array& steps, std::size_t most) {
  std::map<std::string, double> shares;
  for (const Json& step : steps)
    for (const Json& op : list_of(step["operators"]))
      shares[text_of(op["name"])] += number_of(op["time_ms"]) / number_of(step["time_ms"]);
  std::vector<std::string> names;
  for (const auto& [name, share] : shares) names.push_back(name);
  std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return shares[a] != shares[b] ? shares[a] > shares[b] : a < b;
  });
  if (names.size() > most) names.resize(most);
  return names;
}

// Of one GPU.
const std::vector<std::string> kMemoryParts{"weights",         "activations", "CUDA graphs",
                                            "outside PyTorch", "KV cache",    "left to others"};
std::vector<double> memory_parts(const Json& memory) {
  std::vector<double> parts;
  for (const char* key : {"weights_gib", "activations_gib", "cuda_graphs_gib", "non_torch_gib", "kv_cache_gib"})
    parts.push_back(std::max(0.0, number_of(memory[key])));
  parts.push_back(std::max(0.0, number_of(memory["capacity_gib"]) - number_of(memory["budget_gib"])));
  return parts;
}

// A bar for every way to store weights and KV cache; the table has all contexts.
void add_memory_study(Charts& charts, const Json& document) {
  Chart chart;
  chart.name = "memory";
  chart.title = "Memory of a GPU by formats";
  chart.caption =
      "What a GPU's memory holds with each format of weights and KV cache; the table says how many requests "
      "fit at each context.";
  chart.x = {"GiB", Axis::Scale::linear, {}, 0.0, {}};
  chart.table.head = {"GPU",      "weights", "KV cache",        "context",        "status",
                      "requests", "batch",   "TPOT alone (ms)", "TPOT full (ms)", "tokens/s"};
  std::vector<Stack> stacks;
  for (const Json& c : list_of(document["candidates"])) {
    const std::string row =
        fmt::format("{}, {}, KV {}", text_of(c["gpu"]), text_of(c["quantization"]), text_of(c["kv_cache_dtype"]));
    chart.table.rows.push_back({text_of(c["gpu"]), text_of(c["quantization"]), text_of(c["kv_cache_dtype"]),
                                tick_label(number_of(c["context"])), text_of(c["status"]),
                                tick_label(number_of(c["requests"])), tick_label(number_of(c["batch"])),
                                readable(number_of(c["tpot_alone_ms"])), readable(number_of(c["tpot_full_ms"])),
                                readable(number_of(c["decode_tokens_per_s"]))});
    const auto same = [&](const Stack& s) { return s.row == row; };
    if (!c["memory"].is_null() && std::none_of(stacks.begin(), stacks.end(), same))
      stacks.push_back({row, memory_parts(c["memory"])});
  }
  if (stacks.empty()) return;
  chart.panels.push_back(stacked(kMemoryParts, stacks, "GiB"));
  charts.push_back(std::move(chart));
}

}  // namespace

void add_roofline(Charts& charts, const Json& explanation) {
  if (std::isnan(number_of(explanation["peak_tflops"]))) return;
  Chart chart;
  chart.name = "roofline";
  chart.title = "Roofline";
  chart.x = {"arithmetic intensity (FLOP/byte)", Axis::Scale::log, {}, {}, {}};
  Panel panel;
  panel.y = {"TFLOP/s", Axis::Scale::log, {}, {}, {}};
  chart.table.head = {"step", "operator", "FLOP/byte", "TFLOP/s", "time (ms)", "datasheet (ms)", "bound", "served by"};
  for (const Json& step : list_of(explanation["steps"])) {
    Series s;
    s.name = batch_of(step);
    s.mark = Series::Mark::dots;
    s.color = panel.series.size();
    s.show_labels = true;
    for (const Json& op : list_of(step["operators"])) {
      chart.table.rows.push_back({short_title(step), text_of(op["name"]), readable(intensity_of(op)),
                                  readable(rate_of(op)), readable(number_of(op["time_ms"])),
                                  readable(number_of(op["datasheet_ms"])), text_of(op["bound"]),
                                  text_of(op["served_by"])});
      // What computes nothing has no place under a roof.
      if (!(number_of(op["flops"]) > 0 && number_of(op["bytes"]) > 0 && number_of(op["time_ms"]) > 0)) continue;
      s.x.push_back(intensity_of(op));
      s.y.push_back(rate_of(op));
      s.labels.push_back(text_of(op["name"]));
    }
    panel.series.push_back(std::move(s));
  }
  add_roof(chart, panel, explanation);
  chart.panels.push_back(std::move(panel));
  charts.push_back(std::move(chart));
}

void add_breakdown(Charts& charts, const Json& explanation) {
  const Json::Array& steps = list_of(explanation["steps"]);
  if (steps.empty()) return;
  constexpr std::size_t kNamed = 7;
  std::vector<std::string> names = largest_operators(steps, kNamed);
  names.emplace_back("others and overheads");
  std::vector<Stack> ms;
  for (const Json& step : steps) {
    const double total = number_of(step["time_ms"]);
    Stack stack{fmt::format("{}, {} ms", batch_of(step), readable(total)), std::vector<double>(names.size(), 0)};
    double named = 0;
    for (const Json& op : list_of(step["operators"])) {
      const auto at = std::find(names.begin(), names.end(), text_of(op["name"]));
      if (at == names.end()) continue;
      stack.parts[static_cast<std::size_t>(at - names.begin())] += number_of(op["time_ms"]);
      named += number_of(op["time_ms"]);
    }
    stack.parts.back() = std::max(0.0, total - named);
    ms.push_back(std::move(stack));
  }
  std::vector<Stack> shares = ms;
  std::string floors;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const double total = number_of(steps[i]["time_ms"]);
    for (double& part : shares[i].parts) part = part / total * 100;
    floors += fmt::format("{}{} {}", i == 0 ? "" : ", ", batch_of(steps[i]),
                          percent(number_of(steps[i]["datasheet_ms"]) / total));
  }
  Chart chart;
  chart.name = "breakdown";
  chart.title = "Time of a step by operator";
  chart.caption =
      fmt::format("Shares of a typical step's time. What the datasheet alone would allow is of that time: {}.", floors);
  chart.x = {"share of the step (%)", Axis::Scale::linear, {}, 0.0, 100.0};
  chart.panels.push_back(stacked(names, shares, "%"));
  chart.table = table_of("operator (ms)", names, ms);
  charts.push_back(std::move(chart));
}

void add_memory(Charts& charts, const Json& document) {
  if (!list_of(document["candidates"]).empty()) add_memory_study(charts, document);
  const Json& memory = document["memory"];
  const double capacity = number_of(memory["capacity_gib"]);
  if (!(capacity > 0)) return;
  const Stack stack{"one GPU", memory_parts(memory)};
  Chart chart;
  chart.name = "memory";
  chart.title = "Memory of a GPU";
  chart.caption = is_true(memory["fits"]) ? fmt::format("{} of {} GiB may be used; the KV cache holds {} tokens.",
                                                        readable(number_of(memory["budget_gib"])), readable(capacity),
                                                        readable(number_of(memory["kv_cache_size_tokens"])))
                                          : "It does not fit: " + text_of(memory["verdict"]);
  chart.x = {"GiB", Axis::Scale::linear, {}, 0.0, {}};
  chart.panels.push_back(stacked(kMemoryParts, {stack}, "GiB"));
  chart.panels.back().rules.push_back({true, capacity, fmt::format("capacity {}", readable(capacity))});
  chart.table = table_of("part", kMemoryParts, {stack});
  chart.table.head.back() = "GiB";
  charts.push_back(std::move(chart));
}

}  // namespace foretoken
