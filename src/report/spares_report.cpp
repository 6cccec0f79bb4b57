// A row for each number of spares, and the answer.
#include "report/spares_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "foretoken/experiment/version.hpp"
#include "report/common.hpp"
#include "report/declared_table.hpp"
#include "report/json_parts.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

DeclaredTable<SparesStep> steps_table() {
  const auto price = [](const SparesStep& s) { return s.usd_per_hour.value_or(std::nan("")); };
  const auto verdict = [](const SparesStep& s) { return std::string(to_string(s.decision)); };
  return DeclaredTable<SparesStep>()
      .column("spares", "spares", {'0'}, [](const SparesStep& s) { return std::int64_t{s.spares}; })
      .column("replicas", "replicas", {'0'}, [](const SparesStep& s) { return std::int64_t{s.replicas}; })
      .column("gpus", "GPUs", {'1'}, [](const SparesStep& s) { return std::int64_t{s.gpus}; })
      .entry("runs", [](const SparesStep& s) { return s.held.of; })
      .column("held", "runs that held", {'1'}, [](const SparesStep& s) { return s.held.runs; })
      .cell("P(objectives hold), 95 %", {'0'},
            [](const SparesStep& s) {
              return fmt::format("{} to {}", percent(s.held.share.low), percent(s.held.share.high));
            })
      .entry("share", [](const SparesStep& s) { return s.held.share.value; })
      .entry("low_95", [](const SparesStep& s) { return s.held.share.low; })
      .entry("high_95", [](const SparesStep& s) { return s.held.share.high; })
      .column("verdict", "verdict", {'0', 'l'}, verdict, [](const std::string& v) { return v; })
      .column("failures_per_run", "failures/run", {'2'}, [](const SparesStep& s) { return s.failures; })
      .column("lost_per_run", "lost/run", {'3'}, [](const SparesStep& s) { return s.lost; })
      .column("usd_per_hour", "$/h", {'2'}, price, dollars);
}

std::string verdict_of(const Spares& s) {
  return s.answer ? "found" : s.sure && !s.interrupted ? "none" : "not decided";
}

std::string sentence(const Spares& s) {
  const std::string target = percent(s.target);
  if (s.interrupted) return "  interrupted before an answer\n";
  if (!s.answer)
    return s.sure ? fmt::format("  none of these numbers keeps all objectives in {} of runs\n", target)
                  : fmt::format("  not decided at {}: more runs are needed (--runs)\n", target);
  const std::string found = fmt::format("  {} spare{} keep{} all objectives in at least {} of runs", *s.answer,
                                        *s.answer == 1 ? "" : "s", *s.answer == 1 ? "s" : "", target);
  return found + (s.sure ? "\n" : "; a smaller number is not decided (--runs)\n");
}

}  // namespace

std::string to_text(const Spares& s, const TextStyle& style) {
  const std::string basis = fmt::format(
      "  of each number {} runs, which differ in load and failures; an interval of a share (Wilson, 95 %) decides\n",
      s.runs);
  return within_width(heading(s.scenario, style) +
                          section("Spares", sentence(s) + steps_table().table(s.steps).text(style, "  "), style) +
                          section("What this rests on", basis, style),
                      style);
}

Json spares_step_shape() {
  return steps_table().shape();
}

Json to_json(const Spares& s) {
  Json json = document_head("foretoken.spares/1", s.scenario);
  json["interrupted"] = s.interrupted;
  json["target"] = s.target;
  json["runs"] = s.runs;
  json["outcome"] = verdict_of(s);
  json["spares"] = s.answer ? Json(*s.answer) : Json(nullptr);
  Json steps = Json::array();
  const DeclaredTable<SparesStep> table = steps_table();
  for (const SparesStep& step : s.steps) steps.push_back(table.document(step));
  json["steps"] = std::move(steps);
  return json;
}

}  // namespace foretoken
