// The slow requests beside the median one: causes, parts, the sentence.
#include "report/request_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "report/common.hpp"
#include "report/json_parts.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

std::string spaced(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = c == '_' ? ' ' : c;
  return text;
}

std::string request_line(const RequestRecord& r) {
  return fmt::format("request {}: {} prompt and {} output tokens, sent at {} s, on replica {}{}", r.request.index,
                     readable(std::int64_t{r.request.prompt_tokens}), readable(std::int64_t{r.request.output_tokens}),
                     readable(to_seconds(r.request.arrival.time_since_epoch())), r.replica,
                     r.preemptions > 0 ? fmt::format(", preempted {} times", r.preemptions) : "");
}

// One line per cause or part: the selection, its share, the median request, the difference.
class Comparison {
 public:
  explicit Comparison(const RequestExplanation& e) : e_(e), table_("lrrlrr", "001402") {
    table_.row({"", e.selector.text + " ms", "share", "", "median ms", "difference"});
  }
  void line(std::string name, std::int64_t selected, std::int64_t median) {
    if (selected == 0 && median == 0) return;
    const double total = static_cast<double>(e_.selected.total);
    const double share = total > 0 ? static_cast<double>(selected) / total : 0;
    table_.row({std::move(name), readable(e_.selected.per(selected)), percent(share), bar(share, 16),
                readable(e_.median.per(median)), readable_signed(e_.selected.per(selected) - e_.median.per(median))});
  }
  [[nodiscard]] std::string text(const TextStyle& style) {
    table_.row({"total", readable(e_.selected.milliseconds()), "", "", readable(e_.median.milliseconds()),
                readable_signed(e_.selected.milliseconds() - e_.median.milliseconds())});
    return table_.text(style, "  ");
  }

 private:
  const RequestExplanation& e_;
  TextTable table_;
};

std::int64_t of(const std::vector<CauseShare>& causes, Cause cause) {
  for (const CauseShare& c : causes) {
    if (c.cause == cause) return c.ns;
  }
  return 0;
}

std::string causes_section(const RequestExplanation& e, const TextStyle& style) {
  Comparison table(e);
  const std::vector<CauseShare> median = causes_of(e.median);
  for (const CauseShare& c : causes_of(e.selected))
    table.line(std::string(to_string(c.cause)), c.ns, of(median, c.cause));
  return table.text(style);
}

std::string parts_section(const RequestExplanation& e, const TextStyle& style) {
  Comparison table(e);
  for (std::size_t i = 0; i < kAttributionParts; ++i) {
    if (i >= kPartsOfOnePool && e.selected.parts[i] + e.median.parts[i] == 0) continue;
    table.line(spaced(to_string(static_cast<AttributionPart>(i))), e.selected.parts[i], e.median.parts[i]);
  }
  return table.text(style);
}

std::string engine_section(const RequestExplanation& e) {
  std::string text = fmt::format("  all {} seats taken {} of the time; KV cache at most {} full; {} preemptions\n",
                                 readable(e.scenario.engine.max_num_seqs), percent(e.seats_full), percent(e.kv_peak),
                                 readable(e.preemptions));
  if (e.overloaded) {
    text += fmt::format("  overload: of {} requests/s that arrive, {} stay behind\n", readable(e.arrival_rate),
                        readable(e.backlog_growth));
  }
  return text;
}

Json time_of(const RequestTime& t) {
  Json json = Json::object();
  json["requests"] = t.requests;
  json["value_ms"] = t.milliseconds();
  json["divided_by"] = t.tokens;
  json["total_ns"] = t.total;
  Json parts = Json::object();
  for (std::size_t i = 0; i < kAttributionParts; ++i) {
    if (i < kPartsOfOnePool || t.parts[i] != 0) parts[to_string(static_cast<AttributionPart>(i))] = t.parts[i];
  }
  json["parts_ns"] = std::move(parts);
  Json causes = Json::object();
  for (const CauseShare& c : causes_of(t)) causes[to_string(c.cause)] = c.ns;
  json["causes_ns"] = std::move(causes);
  json["preemptions"] = t.preemptions;
  return json;
}

Json trials_of(const RequestExplanation& e) {
  Json json = Json::array();
  for (const KnobTrial& t : e.tried) {
    Json entry = Json::object();
    entry["change"] = t.change;
    entry["set"] = texts(t.set);
    entry["before_ms"] = t.before_ms;
    entry["after_ms"] = t.after_ms;
    entry["gain"] = t.gain;
    entry["helps"] = t.helps;
    json.push_back(std::move(entry));
  }
  return json;
}

Json record_of(const RequestRecord& r) {
  Json json = Json::object();
  json["index"] = r.request.index;
  json["prompt_tokens"] = std::int64_t{r.request.prompt_tokens};
  json["output_tokens"] = std::int64_t{r.request.output_tokens};
  json["arrival_s"] = to_seconds(r.request.arrival.time_since_epoch());
  json["ttft_ms"] = to_milliseconds(r.first_token - r.request.arrival);
  json["e2el_ms"] = to_milliseconds(r.finish - r.request.arrival);
  json["replica"] = r.replica;
  json["preemptions"] = std::int64_t{r.preemptions};
  return json;
}

}  // namespace

std::string to_text(const RequestExplanation& e, const TextStyle& style) {
  std::string out = heading(e.scenario, style);
  if (!e.feasible) {
    out += section("Memory of one GPU", memory_section(e.memory, style), style);
    return within_width(out + fmt::format("Does not fit: {}\n", e.memory.verdict), style);
  }
  if (e.interrupted) return within_width(out + "INTERRUPTED: a part of a run explains nothing\n", style);
  std::string head = fmt::format("  {}\n", e.sentence);
  if (!e.advice.empty()) head += fmt::format("  first to change: {}\n", e.advice);
  head += fmt::format("  of {} requests with this metric{}\n", readable(e.finished),
                      e.failed > 0 ? fmt::format("; {} failed and are in no percentile here", readable(e.failed)) : "");
  if (!e.limits.empty()) head += fmt::format("  violators: requests beyond {}\n", e.limits);
  if (e.request) head += fmt::format("  {}\n", request_line(*e.request));
  if (e.median_request) head += fmt::format("  median, {}\n", request_line(*e.median_request));
  out += section("Bottleneck", head, style);
  out += section("What the time was spent on", causes_section(e, style), style);
  out += section("By part of the attribution", parts_section(e, style), style);
  out += section("The engine meanwhile", engine_section(e), style);
  for (const std::string& note : e.notes) out += fmt::format("note: {}\n", note);
  return within_width(out, style);
}

Json to_json(const RequestExplanation& e) {
  Json json = document_head("foretoken.request_explanation/1", e.scenario);
  json["feasible"] = e.feasible;
  json["memory"] = to_json(e.memory);
  json["interrupted"] = e.interrupted;
  if (!e.feasible || e.interrupted) return json;
  json["request"] = e.selector.text;
  json["metric"] = to_string(e.metric);
  json["finished"] = e.finished;
  json["failed"] = e.failed;
  json["sentence"] = e.sentence;
  json["cause"] = to_string(e.cause);
  json["knob"] = e.knob;
  json["advice"] = e.advice;
  json["tried"] = trials_of(e);
  json["selected"] = time_of(e.selected);
  json["median"] = time_of(e.median);
  if (e.request) json["selected_request"] = record_of(*e.request);
  if (e.median_request) json["median_request"] = record_of(*e.median_request);
  Json engine = Json::object();
  engine["seats_full"] = e.seats_full;
  engine["max_kv_cache_usage_perc"] = e.kv_peak;
  engine["preemptions"] = e.preemptions;
  engine["arrival_rate"] = e.arrival_rate;
  engine["backlog_growth"] = e.backlog_growth;
  engine["overloaded"] = e.overloaded;
  json["engine"] = std::move(engine);
  json["notes"] = texts(e.notes);
  return json;
}

}  // namespace foretoken
