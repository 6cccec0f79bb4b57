// A result as one file of HTML: it can be read without its script, which only brings the charts to life.
#include "report/page/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "foretoken/report/picture.hpp"
#include "report/chart/build.hpp"
#include "report/chart/svg.hpp"
#include "scenario/sha256.hpp"

namespace foretoken {
namespace {

std::string base64(std::string_view bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) text += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

std::string navigation(const std::vector<Chart>& charts) {
  std::string list = "<li><a href=\"#verdict\">Verdict</a></li>";
  for (const Chart& chart : charts)
    list += fmt::format("<li><a href=\"#{}\">{}</a></li>", chart.name, escaped(chart.title));
  return fmt::format(
      "<nav aria-label=\"Contents\"><ul>{}<li><a href=\"#figures\">All figures</a></li><li><a "
      "href=\"#assumptions\">Assumptions</a></li><li><a href=\"#scenario\">Scenario</a></li></ul></nav>\n",
      list);
}

std::string head(const Json& document) {
  const std::string style = page_style();
  const std::string_view script = page_script();
  // Nothing is fetched, sent or framed; only this style and this script count.
  const std::string policy = fmt::format(
      "default-src 'none'; style-src {}; script-src {}; img-src data: blob:; base-uri 'none'; form-action 'none'",
      csp_hash(style), script.empty() ? "'none'" : csp_hash(script));
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
      "<title>{} · Foretoken</title>\n<style>{}</style>\n</head>\n",
      policy, escaped(page_title(document)), style);
}

std::string footer(const Json& document) {
  const std::string_view still = why_charts_stand_still();
  return fmt::format(
      "<footer><p>Made by Foretoken {}, seed {}. This file asks nobody for anything: all it shows is in it.{}</p>"
      "</footer>\n",
      escaped(text_of(document["foretoken_version"])), escaped(to_text(document["seed"], 0)),
      still.empty() ? "" : fmt::format(" The charts stand still: {}.", escaped(still)));
}

}  // namespace

std::string embedded(const Json& json) {
  std::string text = to_text(json, 0);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    // In JSON they occur in strings alone.
    if (c == '<')
      safe += "\\u003c";
    else if (c == '>')
      safe += "\\u003e";
    else
      safe += c;
  }
  return safe;
}

std::string csp_hash(std::string_view text) {
  const std::string digits = sha256(text);
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return fmt::format("'sha256-{}'", base64(bytes));
}

std::string to_page(const Json& document, std::string_view text) {
  const std::vector<Chart> charts = charts_of(document);
  std::string page = head(document) + "<body>\n<a class=\"skip\" href=\"#verdict\">Skip to the verdict</a>\n";
  const std::string description = text_of(document["config"]["description"]);
  page += fmt::format("<header><h1>{}</h1>{}{}<div id=\"theme\"></div></header>\n", escaped(page_title(document)),
                      description.empty() ? "" : fmt::format("<p>{}</p>", escaped(description)), navigation(charts));
  page += "<main>\n" + verdict_section(document, text) + headline_section(document) + fleet_block(document);
  for (const Chart& chart : charts) page += chart_section(chart);
  if (!text.empty() && has_verdict(document, text))
    page += fmt::format(
        "<section id=\"words\"><h2>In words</h2><details{}><summary>The answer as a terminal shows it"
        "</summary>{}</details></section>\n",
        charts.empty() ? " open" : "", words_of(text));
  page += figures_section(document) + assumptions_section(document) + scenario_section(document);
  page += "</main>\n" + footer(document);
  Json drawn = Json::array();
  for (const Chart& chart : charts) drawn.push_back(to_json(chart));
  page += fmt::format("<script type=\"application/json\" id=\"charts\">{}</script>\n", embedded(drawn));
  page += fmt::format("<script type=\"application/json\" id=\"document\">{}</script>\n", embedded(document));
  if (!page_script().empty()) page += fmt::format("<script>{}</script>\n", page_script());
  return page + "</body>\n</html>\n";
}

std::vector<std::string> picture_names(const Json& document) {
  std::vector<std::string> names;
  for (const Chart& chart : charts_of(document)) names.push_back(chart.name);
  return names;
}

Result<std::string> to_svg(const Json& document, std::string_view name, PictureTheme theme) {
  const std::vector<Chart> charts = charts_of(document);
  std::string names;
  for (const Chart& chart : charts) {
    if (name.empty() || chart.name == name) return to_svg(chart, theme);
    names += (names.empty() ? "" : ", ") + chart.name;
  }
  Diagnostics problems;
  if (charts.empty())
    problems.error({}, "there is nothing to draw in this result");
  else
    problems.error({}, fmt::format("no picture is called '{}'", name), "this result has: " + names);
  return problems;
}

}  // namespace foretoken
