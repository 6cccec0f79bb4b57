// Charts with the tables behind them, all figures, and what they rest on.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/metrics/summary.hpp"
#include "report/chart/build.hpp"
#include "report/chart/svg.hpp"
#include "report/common.hpp"
#include "report/page/page.hpp"

namespace foretoken {
namespace {

std::string plain(const Json& value) {
  if (const std::string* text = value.if_string()) return *text;
  return to_text(value, 0);
}

std::string details(std::string_view summary, const std::string& content) {
  return fmt::format("<details><summary>{}</summary>{}</details>", escaped(summary), content);
}

// A figure of the summary by its key, in the words of the column table where it has some.
std::string meaning_of(std::string_view key) {
  for (const Column& c : columns())
    if (c.key == key) return std::string(c.meaning);
  return {};
}

// Objects of objects as rows: path, value.
void flatten(const Json& value, const std::string& path, Table& table) {
  if (const Json::Object* object = value.if_object(); object != nullptr && !object->empty()) {
    for (const auto& [key, member] : *object) flatten(member, path.empty() ? key : path + "." + key, table);
    return;
  }
  table.rows.push_back({path, plain(value)});
}

}  // namespace

std::string html_table(const Table& table, std::string_view label, std::size_t most) {
  std::string out = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table><thead><tr>", escaped(label));
  for (const std::string& h : table.head) out += fmt::format("<th scope=\"col\">{}</th>", escaped(h));
  out += "</tr></thead><tbody>";
  const std::size_t every = std::max<std::size_t>(1, (table.rows.size() + most - 1) / most);
  for (std::size_t i = 0; i < table.rows.size(); i += every) {
    out += "<tr>";
    for (std::size_t c = 0; c < table.rows[i].size(); ++c)
      out += c == 0 ? fmt::format("<th scope=\"row\">{}</th>", escaped(table.rows[i][c]))
                    : fmt::format("<td>{}</td>", escaped(table.rows[i][c]));
    out += "</tr>\n";
  }
  out += "</tbody></table></div>";
  if (every > 1) out += fmt::format("<p>One row of {} is shown.</p>", every);
  return out;
}

std::string chart_section(const Chart& chart) {
  return fmt::format(
      "<section id=\"{0}\"><h2>{1}</h2><figure data-chart=\"{0}\"><div class=\"drawn\">{2}</div>"
      "<figcaption>{3}</figcaption></figure>{4}</section>\n",
      chart.name, escaped(chart.title), to_inline_svg(chart), escaped(chart.caption),
      details("Figures", html_table(chart.table, "Figures of: " + chart.title)));
}

std::string fleet_block(const Json& document) {
  const Json& fleet = document["fleet"];
  if (fleet.if_object() == nullptr && document["clients"].if_object() == nullptr) return {};
  Table figures;
  figures.head = {"figure", "value", "meaning"};
  for (const Column& c : columns()) {
    if (c.group != ColumnGroup::fleet && c.group != ColumnGroup::clients && c.key != "run_cost") continue;
    const double value = number_of(document["summary"][c.key]);
    if (std::isnan(value)) continue;
    std::string label(c.title);
    label.erase(0, label.find_first_not_of(' '));
    const std::string shown = metric_unit(c.key).empty() ? readable_count(value) : with_unit_of(value, c.key);
    figures.rows.push_back({label, shown, std::string(c.meaning)});
  }
  Table states;
  states.head = {"state", "replica-hours"};
  if (const Json::Object* hours = fleet["replica_hours"].if_object()) {
    for (const auto& [state, value] : *hours)
      if (state != "gone" && number_of(value) > 0) states.rows.push_back({state, readable(number_of(value))});
  }
  std::string content = html_table(figures, "Figures of the fleet and its clients");
  if (!states.rows.empty()) content += html_table(states, "Replica-hours by state");
  const char* title = fleet.if_object() != nullptr ? "The fleet" : "The clients";
  return fmt::format("<section id=\"fleet\"><h2>{}</h2>{}</section>\n", title, content);
}

std::string figures_section(const Json& document) {
  std::string content;
  if (const Json::Object* summary = document["summary"].if_object()) {
    Table table;
    table.head = {"figure", "value", "95 % ±", "steady state"};
    std::vector<std::string> classes;
    if (const Json::Object* c = document["classes"].if_object())
      for (const auto& [name, figures] : *c) classes.push_back(name);
    for (const std::string& c : classes) table.head.push_back(c);
    table.head.emplace_back("meaning");
    for (const auto& [key, value] : *summary) {
      const auto cell = [&](const Json& from) {
        return std::isnan(number_of(from[key])) ? "" : readable(number_of(from[key]));
      };
      std::vector<std::string> row{key, readable(number_of(value)), cell(document["half_widths_95"]),
                                   cell(document["steady_state"])};
      for (const std::string& c : classes) row.push_back(cell(document["classes"][c]));
      row.push_back(meaning_of(key));
      table.rows.push_back(std::move(row));
    }
    content += details("Every figure of the run", html_table(table, "Every figure of the run", 1000));
  }
  Table rest;
  rest.head = {"key", "value"};
  static constexpr std::string_view kElsewhere[] = {
      "config",   "origins",     "summary", "steady_state", "classes", "half_widths_95", "curves", "timeseries",
      "requests", "explanation", "source",  "inputs",       "points",  "load_curves",    "fields", "scenario_text"};
  for (const auto& [key, value] : *document.if_object())
    if (std::find(std::begin(kElsewhere), std::end(kElsewhere), key) == std::end(kElsewhere)) flatten(value, key, rest);
  content += details("The rest of the document", html_table(rest, "The rest of the document", 2000));
  return fmt::format(
      "<section id=\"figures\"><h2>All figures</h2><p>The whole result, as <code>--format json</code> "
      "prints it, is in this file.</p><div id=\"download\"></div>{}</section>\n",
      content);
}

std::string assumptions_section(const Json& document) {
  Table table;
  table.head = {"assumption", "value"};
  const auto add = [&](const char* name, const Json& value) {
    if (value.is_null()) return;
    flatten(value, name, table);
  };
  add("conventions", document["conventions"]);
  add("model_band", document["model_band"]);
  add("price", document["price"]);
  add("energy", document["energy"]);
  std::string content = table.rows.empty() ? "" : html_table(table, "Assumptions");
  Table origins;
  origins.head = {"field", "value", "from", "where", "reason"};
  const Json& config = document["config"];
  if (const Json::Object* object = document["origins"].if_object()) {
    for (const auto& [path, origin] : *object) {
      const Json* value = &config;
      std::string_view rest = path;
      while (!rest.empty()) {
        const std::size_t dot = std::min(rest.find('.'), rest.size());
        value = &(*value)[rest.substr(0, dot)];
        rest.remove_prefix(std::min(dot + 1, rest.size()));
      }
      origins.rows.push_back(
          {path, plain(*value), text_of(origin["origin"]), text_of(origin["where"]), text_of(origin["reason"])});
    }
    content += details("Values that are no plain defaults, and where they come from",
                       html_table(origins, "Where the values come from"));
  }
  Table inputs;
  inputs.head = {"input", "SHA-256"};
  if (const Json::Object* object = document["inputs"].if_object())
    for (const auto& [name, hash] : *object) inputs.rows.push_back({name, plain(hash)});
  if (!inputs.rows.empty())
    content += details("Catalog entries, coefficient sets and files", html_table(inputs, "Inputs"));
  return fmt::format("<section id=\"assumptions\"><h2>Assumptions and where the values come from</h2>{}</section>\n",
                     content.empty()
                         ? "<p>This document lists none; <code>foretoken explain</code> of the scenario does.</p>"
                         : content);
}

std::string scenario_section(const Json& document) {
  const std::string source = text_of(document["source"]["text"]);
  std::string content;
  const auto box = [](std::string_view title, std::string_view id, const std::string& text) {
    return fmt::format(
        "<h3>{0}</h3><pre id=\"{1}\" data-copy tabindex=\"0\" role=\"region\" aria-label=\"{0}\">{2}</pre>", title, id,
        escaped(text));
  };
  if (!source.empty()) content += box("As written", "source", source);
  if (!document["config"].is_null())
    // JSON is YAML: it can be given to foretoken as it stands.
    content += details("Every field resolved", box("Resolved", "resolved", to_text(document["config"])));
  return fmt::format("<section id=\"scenario\"><h2>Scenario</h2><p>SHA-256 {}</p>{}</section>\n",
                     escaped(text_of(document["scenario_sha256"])), content);
}

}  // namespace foretoken
