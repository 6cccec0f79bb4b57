// A calibration as JSON, and as the YAML file that a scenario names.
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "foretoken/experiment/version.hpp"
#include "report/calibration_report.hpp"
#include "report/common.hpp"
#include "scenario/fitted_terms.hpp"

namespace foretoken {
namespace {

std::string_view to_string(TermStatus status) {
  switch (status) {
    case TermStatus::fitted:
      return "fitted";
    case TermStatus::at_bound:
      return "at its bound";
    case TermStatus::ambiguous:
      return "ambiguous";
    default:
      return "kept";
  }
}

double error_percent(double measured, double predicted) {
  return (predicted / measured - 1) * 100;
}

Json deployment_json(const Scenario& s) {
  Json json = Json::object();
  json["model"] = s.deployment.model.id;
  json["gpu"] = s.deployment.gpu.id;
  json["engine"] = s.deployment.engine_name;
  json["version"] = s.deployment.engine_version;
  json["tensor_parallel_size"] = s.deployment.parallelism.tensor;
  json["cost_level"] = to_string(s.deployment.level);
  return json;
}

Json term_json(const CalibrationTerm& term) {
  Json json = Json::object();
  json["name"] = term.name;
  json["path"] = term.path;
  json["unit"] = term.unit;
  json["status"] = to_string(term.status);
  json["value"] = term.value;
  json["default"] = term.default_value;
  json["least"] = term.least;
  json["most"] = term.most;
  if (term.status != TermStatus::at_bound && term.standard_error > 0) json["standard_error"] = term.standard_error;
  if (!term.reason.empty()) json["reason"] = term.reason;
  return json;
}

Json explanation_json(const CalibrationExplanation& explanation) {
  Json json = Json::object();
  json["probability"] = explanation.probability;
  json["terms"] = Json::object();
  for (const CalibrationExplanation::Moved& moved : explanation.terms) json["terms"][moved.name] = moved.value;
  return json;
}

Json run_json(const CalibratedRun& run) {
  Json json = Json::object();
  json["file"] = run.name;
  json["format"] = run.format;
  json["sha256"] = run.sha256;
  json["requests"] = run.completed;
  json["failed"] = run.failed;
  if (run.fitted_requests > 0) json["fitted_requests"] = run.fitted_requests;
  json["load"] = run.load;
  for (const std::string& note : run.notes) json["notes"].push_back(note);
  return json;
}

Json error_json(const CalibrationError& e) {
  Json json = Json::object();
  json["file"] = e.run;
  json["requests"] = e.part;
  json["mean"] = e.latency;
  json["measured_ms"] = e.measured;
  json["before_pct"] = error_percent(e.measured, e.before);
  json["fitted_pct"] = error_percent(e.measured, e.after);
  if (e.held_out) json["held_out_pct"] = error_percent(e.measured, *e.held_out);
  return json;
}

// JSON is YAML in flow style.
std::string flow(const Json& json) {
  return to_text(json, 0);
}

double rounded(double value, int digits) {
  if (value == 0 || !std::isfinite(value)) return value;
  const double scale = std::pow(10, digits - 1 - std::floor(std::log10(std::abs(value))));
  return std::round(value * scale) / scale;
}

std::string term_line(const CalibrationTerm& term) {
  const auto spelled = [&](double value, int digits) {
    const std::string number =
        term.name == "kv_blocks" ? fmt::format("{:.0f}", value) : fmt::format("{}", rounded(value, digits));
    return term.unit.empty() ? number : number + " " + term.unit;
  };
  std::string line = fmt::format("  {}: {{value: {}", term.name, spelled(term.value, 5));
  if (term.status != TermStatus::at_bound) line += ", standard_error: " + spelled(term.standard_error, 3);
  line += fmt::format(", default: {}, least: {}, most: {}", spelled(term.default_value, 5), spelled(term.least, 5),
                      spelled(term.most, 5));
  if (term.status == TermStatus::at_bound) line += ", note: at its bound";
  if (term.status == TermStatus::ambiguous) line += ", note: " + flow(Json(term.reason));
  return line + "}\n";
}

}  // namespace

Json to_json(const CalibrationResult& result) {
  Json json = Json::object();
  json["schema"] = "foretoken.calibration/1";
  json["foretoken_version"] = version();
  json["scenario_sha256"] = scenario_sha256(result.scenario);
  json["deployment"] = deployment_json(result.scenario);
  const auto list = [&](const char* key, const auto& items, const auto& to) {
    json[key] = Json::array();
    for (const auto& item : items) json[key].push_back(to(item));
  };
  list("measured", result.runs, run_json);
  list("terms", result.terms, term_json);
  list("explanations", result.explanations, explanation_json);
  list("covariance_terms", result.covariance_terms, [](const std::string& name) { return Json(name); });
  list("covariance", result.covariance, [](const std::vector<double>& row) {
    Json cells = Json::array();
    for (const double cell : row) cells.push_back(cell);
    return cells;
  });
  list("singular_values", result.singular_values, [](double value) { return Json(value); });
  list("errors", result.errors, error_json);
  json["held_out_by"] = result.held_out_by;
  json["figures"] = result.figures;
  json["rms_before"] = result.rms_before;
  json["rms_after"] = result.rms_after;
  json["simulations"] = result.simulations;
  if (result.interrupted) json["interrupted"] = true;
  list("warnings", result.warnings, [](const std::string& text) { return Json(text); });
  return json;
}

std::string to_calibration_file(const CalibrationResult& result, const std::string& date) {
  std::string text = fmt::format(
      "# Cost terms fitted to measurements by `foretoken calibrate`. A scenario that names this file\n"
      "# (cost: {{calibration: FILE}}) takes them as defaults; what it says itself wins.\n"
      "foretoken_calibration: {}\nforetoken: \"{}\"\n",
      kCalibrationFormat, version());
  if (!date.empty()) text += fmt::format("fitted: \"{}\"\n", date);
  text += "deployment: " + flow(deployment_json(result.scenario)) + "\nterms:\n";
  for (const CalibrationTerm& term : result.terms) {
    if (term.status != TermStatus::kept) text += term_line(term);
  }
  text += "kept_at_default:  # not determined by these data\n";
  bool any = false;
  for (const CalibrationTerm& term : result.terms) {
    if (term.status != TermStatus::kept) continue;
    text += fmt::format("  {}: {}\n", term.name, flow(Json(term.reason)));
    any = true;
  }
  if (!any) text += "  {}\n";
  Json covariance = Json::object();
  for (std::size_t a = 0; a < result.covariance.size(); ++a) {
    Json row = Json::object();
    for (std::size_t b = 0; b < result.covariance.size(); ++b)
      row[result.covariance_terms[b]] = rounded(result.covariance[a][b], 4);
    covariance[result.covariance_terms[a]] = std::move(row);
  }
  text += "covariance: " + flow(covariance) + "  # in the units of the terms\nmeasured:\n";
  for (const CalibratedRun& run : result.runs) text += "  - " + flow(run_json(run)) + "\n";
  text += "errors:  # of mean latencies, in percent of the measurement\n";
  for (CalibrationError e : result.errors) {
    Json line = error_json(e);
    for (const char* key : {"measured_ms", "before_pct", "fitted_pct", "held_out_pct"}) {
      double value = 0;
      if (const Json& cell = std::as_const(line)[key]; cell.number(value)) line[key] = rounded(value, 4);
    }
    text += "  - " + flow(line) + "\n";
  }
  return text;
}

}  // namespace foretoken
