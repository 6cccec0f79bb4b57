// A calibration on one screen: terms, what the data do not tell, errors before and after.
#include <fmt/format.h>

#include <cmath>

#include "report/accuracy_common.hpp"
#include "report/calibration_report.hpp"
#include "report/common.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

std::string with_unit(double value, const std::string& unit) {
  return unit.empty() ? readable(value) : readable(value) + " " + unit;
}

std::string runs_section(const CalibrationResult& result, const TextStyle& style) {
  TextTable table("llrrrl", "030241");
  table.row({"file", "format", "requests", "failed", "fitted on", "load"});
  std::string notes;
  for (const CalibratedRun& run : result.runs) {
    table.row({run.name, run.format, readable(run.completed), readable(run.failed),
               run.fitted_requests > 0 ? readable(run.fitted_requests) : "its figures", run.load});
    for (const std::string& note : run.notes) notes += fmt::format("  {}: {}\n", run.name, note);
  }
  return table.text(style, "  ") + notes;
}

std::string terms_section(const CalibrationResult& result, const TextStyle& style) {
  TextTable table("lrrrrl", "002130");
  table.row({"term", "fitted", "standard error", "before", "allowed", ""});
  std::string notes;
  for (const CalibrationTerm& term : result.terms) {
    if (term.status == TermStatus::kept) continue;
    const bool bound = term.status == TermStatus::at_bound;
    table.row({term.path, with_unit(term.value, term.unit), bound ? "-" : with_unit(term.standard_error, term.unit),
               with_unit(term.default_value, term.unit),
               fmt::format("{} to {}", readable(term.least), readable(term.most)),
               bound                                  ? "at its bound"
               : term.status == TermStatus::ambiguous ? "not told apart"
                                                      : ""});
    if (term.status == TermStatus::ambiguous) notes += fmt::format("  {}: {}\n", term.path, term.reason);
  }
  return table.text(style, "  ") + notes;
}

std::string kept_section(const CalibrationResult& result) {
  std::string text;
  for (const CalibrationTerm& term : result.terms) {
    if (term.status == TermStatus::kept)
      text += fmt::format("  {} = {}: {}\n", term.path, with_unit(term.default_value, term.unit), term.reason);
  }
  return text;
}

// Nothing where one explanation stands alone.
std::string explanations_section(const CalibrationResult& result, const TextStyle& style) {
  if (result.explanations.size() < 2) return {};
  TextTable table("lr");
  table.row({"terms moved", "probability"});
  for (const CalibrationExplanation& e : result.explanations) {
    std::string text;
    for (const CalibrationExplanation::Moved& moved : e.terms)
      text += (text.empty() ? "" : ", ") + moved.name + " " + with_unit(moved.value, moved.unit);
    table.row({text.empty() ? "none: the defaults" : text, percent(e.probability)});
  }
  return table.text(style, "  ") +
         "  These explain the measurements about equally well; runs at other loads tell them apart. The first is the "
         "fit.\n";
}

std::string correlation_section(const CalibrationResult& result, const TextStyle& style) {
  const std::size_t n = result.covariance_terms.size();
  std::string text;
  if (n > 1) {
    TextTable table("l" + std::string(n, 'r'), "0" + std::string(n, '1'));
    std::vector<std::string> head{"correlation"};
    for (const std::string& name : result.covariance_terms) head.push_back(name);
    table.row(std::move(head));
    for (std::size_t a = 0; a < n; ++a) {
      std::vector<std::string> cells{result.covariance_terms[a]};
      for (std::size_t b = 0; b < n; ++b) {
        cells.push_back(fmt::format(
            "{:.2f}", result.covariance[a][b] / std::sqrt(result.covariance[a][a] * result.covariance[b][b])));
      }
      table.row(std::move(cells));
    }
    text = table.text(style, "  ");
  }
  text += "  singular values of all terms, in units of the scatter (below 1: not seen in these data):";
  for (const double value : result.singular_values) text += " " + readable(value);
  return text + "\n";
}

std::string errors_section(const CalibrationResult& result, const TextStyle& style) {
  TextTable table("lllrrrr", "0100200");
  table.row({"file", "requests", "mean", "measured ms", "before %", "fitted %", "held out %"});
  for (const CalibrationError& e : result.errors) {
    const auto error = [&](double predicted) { return signed_percent((predicted / e.measured - 1) * 100); };
    table.row({e.run, e.part, e.latency, readable(e.measured), error(e.before), error(e.after),
               e.held_out ? error(*e.held_out) : "-"});
  }
  std::string text = table.text(style, "  ");
  if (!result.held_out_by.empty()) text += fmt::format("  held out: {}\n", result.held_out_by);
  return text;
}

}  // namespace

std::string to_text(const CalibrationResult& result, const TextStyle& style) {
  std::string out = deployment_line(result.scenario) + "\n";
  out += section("Measured runs", runs_section(result, style), style);
  out += section("Fitted terms", terms_section(result, style), style);
  if (const std::string other = explanations_section(result, style); !other.empty())
    out += section("Cannot be told apart", other, style);
  out += section("Kept at their defaults", kept_section(result), style);
  out += section("How well they are told apart", correlation_section(result, style), style);
  out += section("Errors", errors_section(result, style), style);
  out += fmt::format(
      "\nScatter of {} figures around the simulation: {} before, {} fitted (root mean square); {} simulations\n",
      readable(result.figures), percent(result.rms_before), percent(result.rms_after), readable(result.simulations));
  for (const std::string& warning : result.warnings) out += "warning: " + warning + "\n";
  return within_width(out, style);
}

}  // namespace foretoken
