// The verdict in a sentence, a table per measured run, and where the two do not measure the same.
#include "report/validation_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/accuracy_common.hpp"
#include "report/common.hpp"
#include "report/json_parts.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

struct Count {
  int figures = 0;
  int judged = 0;   // by the model's errors
  int outside = 0;  // of these
};

Count count_of(const ValidationResult& result) {
  Count count;
  for (const ValidatedRun& run : result.runs) {
    for (const ValidatedFigure& f : run.figures) {
      ++count.figures;
      const std::optional<bool> inside = f.inside_model();
      count.judged += inside ? 1 : 0;
      count.outside += inside && !*inside ? 1 : 0;
    }
  }
  return count;
}

std::string figure_text(const ValidatedFigure& f) {
  return fmt::format("{}: {} predicted, {} measured, {} %", f.metric, with_unit_of(f.predicted.value, f.metric),
                     with_unit_of(f.measured, f.metric), signed_percent(f.error() * 100));
}

std::string model_clause(const Count& count) {
  if (count.judged == 0) return "no band: errors of this cost level were never measured";
  if (count.outside == 0)
    return count.judged == count.figures ? "all inside what the model's measured errors allow (95 %)"
                                         : fmt::format(
                                               "{} of {} inside what the model's measured errors allow (95 %), "
                                               "the others have no band",
                                               count.judged, count.figures);
  return fmt::format("{} of {} OUTSIDE what the model's measured errors allow (95 %)", count.outside, count.judged);
}

std::string verdict(const ValidationResult& result, std::optional<double> within) {
  const ValidationResult::Place worst = result.worst();
  if (worst.figure == nullptr) return "interrupted before the first measured run was simulated\n";
  const Count count = count_of(result);
  const double error = std::abs(worst.figure->error());
  std::string text = fmt::format(
      "Within {} on all {} figures; worst {}{}; {}.\n", percent(error), count.figures, figure_text(*worst.figure),
      result.runs.size() > 1 ? fmt::format(" ({})", worst.run->name) : "", model_clause(count));
  if (within)
    text += fmt::format("{} --within {}: the largest error is {}\n", error <= *within ? "✓ kept" : "✗ broken",
                        percent(*within), percent(error));
  return text;
}

std::string range_text(double low, double high) {
  return std::isfinite(low) && std::isfinite(high) ? fmt::format("{} to {}", readable(low), readable(high)) : "-";
}

std::string yes_or_no(const std::optional<bool>& inside) {
  return !inside ? "-" : *inside ? "inside" : "OUTSIDE";
}

std::string run_section(const ValidatedRun& run, const TextStyle& style) {
  TextTable table("lrrrrlrl", "00003142");
  table.row({"figure", "measured", "predicted", "error %", "model's band, 95 %", "in band", "single runs, 95 %",
             "in chance"});
  for (const ValidatedFigure& f : run.figures) {
    const bool chance = f.predicted.low != f.predicted.high;
    table.row({f.metric, readable(f.measured), readable(f.predicted.value), signed_percent(f.error() * 100),
               range_text(f.model_low, f.model_high), yes_or_no(f.inside_model()),
               chance ? range_text(f.predicted.low, f.predicted.high) : "no chance", yes_or_no(f.inside_chance())});
  }
  std::string text = table.text(style, "  ");
  if (!run.rests_on.empty()) text += fmt::format("  bands: errors of whole runs as measured, first {}\n", run.rests_on);
  return text;
}

std::string advice(const ValidationResult& result) {
  if (count_of(result).outside == 0) return {};
  return "Outside the bands something differs that the scenario does not say (engine flags, version, prefix reuse, the "
         "client), or the model is wrong here: `foretoken calibrate` fits its terms to these files.\n";
}

Json optional_bool(const std::optional<bool>& value) {
  return value ? Json(*value) : Json();
}

Json figure_json(const ValidatedFigure& f) {
  Json json = Json::object();
  json["metric"] = f.metric;
  json["unit"] = metric_unit(f.metric);
  json["measured"] = f.measured;
  json["predicted"] = f.predicted.value;
  json["error_pct"] = f.error() * 100;
  json["model_low"] = f.model_low;
  json["model_high"] = f.model_high;
  json["inside_model"] = optional_bool(f.inside_model());
  json["run_low"] = f.predicted.low;
  json["run_high"] = f.predicted.high;
  json["inside_chance"] = optional_bool(f.inside_chance());
  return json;
}

Json run_json(const ValidatedRun& run) {
  Json json = Json::object();
  json["file"] = run.name;
  json["format"] = run.format;
  json["sha256"] = run.sha256;
  json["load"] = run.load;
  json["requests"] = run.completed;
  json["failed"] = run.failed;
  json["replications"] = run.replications;
  json["rests_on"] = run.rests_on;
  json["figures"] = Json::array();
  for (const ValidatedFigure& f : run.figures) json["figures"].push_back(figure_json(f));
  json["boundaries"] = texts(run.boundaries);
  return json;
}

}  // namespace

std::string to_text(const ValidationResult& result, std::optional<double> within, const TextStyle& style) {
  std::string out = verdict(result, within) + deployment_line(result.scenario) + "\n";
  for (const ValidatedRun& run : result.runs) {
    const std::string head =
        fmt::format("{} ({}, {} requests{}, {})", run.name, run.format, readable(run.completed),
                    run.failed > 0 ? fmt::format(", {} failed", readable(run.failed)) : "", run.load);
    out += section(head, run_section(run, style), style);
  }
  // What differs is a matter of the tool and the load: said once for runs that have it in common.
  std::vector<std::string> said;
  std::string boundaries;
  for (const ValidatedRun& run : result.runs) {
    for (const std::string& text : run.boundaries) {
      if (std::find(said.begin(), said.end(), text) != said.end()) continue;
      said.push_back(text);
      boundaries += "  " + text + "\n";
    }
  }
  if (!boundaries.empty()) out += section("Where the two do not measure the same", boundaries, style);
  if (const std::string text = advice(result); !text.empty()) out += "\n" + text;
  for (const std::string& warning : result.warnings) out += "warning: " + warning + "\n";
  return within_width(out, style);
}

Json to_json(const ValidationResult& result, std::optional<double> within) {
  Json json = document_head("foretoken.validation/1", result.scenario);
  const ValidationResult::Place worst = result.worst();
  const Count count = count_of(result);
  json["interrupted"] = result.interrupted;
  json["largest_error_pct"] = worst.figure != nullptr ? Json(std::abs(worst.figure->error()) * 100) : Json();
  json["worst_metric"] = worst.figure != nullptr ? Json(worst.figure->metric) : Json();
  json["worst_file"] = worst.run != nullptr ? Json(worst.run->name) : Json();
  json["figures"] = count.figures;
  json["outside_model"] = count.outside;
  json["within_pct"] = within ? Json(*within * 100) : Json();
  json["kept"] = within && worst.figure != nullptr ? Json(std::abs(worst.figure->error()) <= *within) : Json();
  json["runs"] = Json::array();
  for (const ValidatedRun& run : result.runs) json["runs"].push_back(run_json(run));
  json["warnings"] = texts(result.warnings);
  return json;
}

}  // namespace foretoken
