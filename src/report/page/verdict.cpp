// What the page says first: the verdict and the figures that people ask for.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/metrics/summary.hpp"
#include "report/chart/build.hpp"
#include "report/chart/scale.hpp"
#include "report/chart/svg.hpp"
#include "report/common.hpp"
#include "report/page/page.hpp"

namespace foretoken {
namespace {

enum class Tone { good, bad, open, plain };  // plain: no judgement

struct Answer {
  Tone tone = Tone::open;
  std::string sentence;
  std::vector<std::string> lines;  // escaped
};

const char* name_of(Tone tone) {
  return tone == Tone::good ? "good" : tone == Tone::bad ? "bad" : "open";
}
const char* sign_of(Tone tone) {
  return tone == Tone::good ? "✓" : tone == Tone::bad ? "✗" : tone == Tone::open ? "?" : "–";
}

// meets, misses, not decided.
Tone tone_of(std::string_view word) {
  return word == "meets" || word == "found"            ? Tone::good
         : word == "misses" || word == "nothing meets" ? Tone::bad
                                                       : Tone::open;
}

std::string line(Tone tone, const std::string& text) {
  return fmt::format("<li class=\"{}\"><span aria-hidden=\"true\">{}</span> {}</li>", name_of(tone), sign_of(tone),
                     escaped(text));
}

// Of a run: whether each figure is within its limit.
Answer of_run(const Json& document) {
  Answer v;
  const Json::Array& slo = list_of(document["slo"]);
  if (slo.empty()) {
    v.sentence = "No objectives were given: nothing is met or missed";
    return v;
  }
  std::size_t met = 0;
  for (const Json& o : slo) {
    const bool ok = is_true(o["ok"]);
    met += ok;
    v.lines.push_back(line(ok ? Tone::good : Tone::bad,
                           fmt::format("{} {}: {}, {} {}", ok ? "met" : "missed", text_of(o["expr"]),
                                       with_unit_of(number_of(o["value"]), text_of(o["metric"])),
                                       percent(std::abs(number_of(o["margin"]))), ok ? "to spare" : "off")));
  }
  v.tone = met == slo.size() ? Tone::good : Tone::bad;
  v.sentence = met == slo.size() ? "This run meets all objectives"
                                 : fmt::format("This run misses {} of {} objectives", slo.size() - met, slo.size());
  return v;
}

Answer of_check(const Json& document) {
  const std::string word = text_of(document["verdict"]);
  Answer v{tone_of(word), {}, {}};
  const Json::Array& objectives = list_of(document["study"]["objectives"]);
  v.sentence = word == "meets"    ? "The objectives are met"
               : word == "misses" ? "The objectives are missed"
                                  : "Not decided: the interval holds the limit";
  for (const Json& o : objectives) {
    std::string text =
        fmt::format("{} {}: {}", text_of(o["verdict"]), text_of(o["expr"]), interval_text(o["interval"]));
    if (!o["p_meets"].is_null())
      text += fmt::format("; holds with a chance of {}, the model's own error counted", chance_text(o["p_meets"]));
    if (!text_of(o["reason"]).empty()) text += "; " + text_of(o["reason"]);
    v.lines.push_back(line(tone_of(text_of(o["verdict"])), text));
  }
  for (const Json& b : list_of(document["bounds"]))
    if (is_true(b["impossible"])) v.lines.push_back(line(Tone::bad, "impossible: " + text_of(b["text"])));
  return v;
}

Answer of_capacity(const Json& document) {
  const std::string word = text_of(document["outcome"]);
  Answer v{tone_of(word), {}, {}};
  const std::string unit = text_of(document["unit"]);
  const double capacity = number_of(document["capacity"]);
  v.sentence = std::isfinite(capacity) ? fmt::format("{} {} meet the objectives", readable(capacity), unit)
                                       : fmt::format("No load is known to meet the objectives: {}", word);
  const auto add = [&](Tone tone, const std::string& text) { v.lines.push_back(line(tone, text)); };
  if (std::isfinite(number_of(document["smallest_missed"])))
    add(Tone::plain, fmt::format("{} {} miss them", readable(number_of(document["smallest_missed"])), unit));
  if (const double headroom = number_of(document["headroom"]); std::isfinite(headroom))
    add(headroom >= 0 ? Tone::good : Tone::bad,
        fmt::format("now {} {}: {} of headroom", readable(number_of(document["offered"])), unit, percent(headroom)));
  if (!text_of(document["binding"]).empty())
    add(Tone::plain,
        fmt::format("{} binds{}{}", text_of(document["binding"]),
                    text_of(document["binding_reason"]).empty() ? "" : ": ", text_of(document["binding_reason"])));
  for (const Json& p : list_of(document["promised"]))
    if (std::isfinite(number_of(p["load"])))
      add(Tone::good, fmt::format("{} {} can be promised with {}", readable(number_of(p["load"])), unit,
                                  percent(number_of(p["probability"]))));
  for (const Json& b : list_of(document["bottleneck"])) add(Tone::plain, text_of(b));
  if (!text_of(document["reason"]).empty()) add(Tone::plain, text_of(document["reason"]));
  return v;
}

Answer of_sweep(const Json& document) {
  std::size_t ok = 0, met = 0, with = 0, unfit = 0;
  for (const Json& point : list_of(document["points"])) {
    const Json::Array& slo = list_of(point["slo"]);
    ok += text_of(point["status"]) == "ok";
    unfit += text_of(point["status"]) == "does not fit";
    with += !slo.empty();
    met += !slo.empty() && std::all_of(slo.begin(), slo.end(), [](const Json& o) { return is_true(o["ok"]); });
  }
  Answer v;
  v.tone = with == 0 ? Tone::plain : met > 0 ? Tone::good : Tone::bad;
  v.sentence = with == 0 ? fmt::format("{} points were simulated; no objectives were given", ok)
                         : fmt::format("{} of {} points meet all objectives", met, ok);
  if (unfit > 0) v.lines.push_back(line(Tone::bad, fmt::format("{} points do not fit into memory", unfit)));
  for (const Json& f : list_of(document["frontiers"])) {
    std::string at;
    if (f["at"].if_object() != nullptr)
      for (const auto& [path, value] : *f["at"].if_object())
        at += fmt::format("{} {}, ", last_name(path), text_of(value));
    const std::string largest = text_of(f["largest"]);
    v.lines.push_back(line(largest.empty() ? Tone::bad : Tone::good,
                           largest.empty() ? fmt::format("{}no {} meets them", at, last_name(text_of(f["axis"])))
                                           : fmt::format("{}the largest {} that meets them is {}", at,
                                                         last_name(text_of(f["axis"])), largest)));
  }
  return v;
}

Answer of_placement(const Json& document) {
  const double usd = number_of(document["usd_per_hour"]);
  if (!std::isfinite(usd))
    return {Tone::bad, "No placement is known that keeps all objectives: " + text_of(document["why_none"]), {}};
  Answer v{Tone::good, fmt::format("${} an hour keeps all objectives", dollars(usd)), {}};
  for (const Json& p : list_of(document["placement"]))
    v.lines.push_back(
        line(Tone::good, fmt::format("{} on {} x {}: {}", text_of(p["model"]), tick_label(number_of(p["gpus"])),
                                     text_of(p["gpu"]), text_of(p["demands"]))));
  if (!is_true(document["sure"])) v.lines.push_back(line(Tone::plain, "a cheaper one is not decided"));
  return v;
}

// The first paragraph below the title, a sentence a line; lines that are indented go on with the sentence or are its
// own.
std::vector<std::string> first_sentences(std::string_view text, bool indented_goes_on) {
  const auto take_line = [&] {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
  };
  std::vector<std::string> sentences;
  take_line();
  for (std::string_view line = take_line(); !line.empty(); line = take_line()) {
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    const std::string words(line.substr(indent));
    if (indented_goes_on && indent > 0 && !sentences.empty())
      sentences.back() += " " + words;
    else
      sentences.push_back(words);
  }
  return sentences;
}

// Of a study whose text begins with its answer.
Answer of_words(const Json& document, std::string_view text, bool indented_goes_on) {
  const std::string word = text_of(document["verdict"]);
  Answer v{word.empty() ? Tone::plain : tone_of(word), {}, {}};
  const std::vector<std::string> sentences = first_sentences(text, indented_goes_on);
  if (sentences.empty()) return v;
  v.sentence = sentences.front();
  for (std::size_t i = 1; i < sentences.size(); ++i) v.lines.push_back(line(Tone::plain, sentences[i]));
  return v;
}

Answer answer_of(const Json& document, std::string_view text) {
  const std::string schema = text_of(document["schema"]);
  const Json& feasible = document["feasible"];
  if (!feasible.is_null() && !is_true(feasible))
    return {Tone::bad, "It does not fit into memory", {line(Tone::bad, text_of(document["memory"]["verdict"]))}};
  if (schema == "foretoken.result/1") return of_run(document);
  if (schema == "foretoken.check/1") return of_check(document);
  if (schema == "foretoken.capacity/1") return of_capacity(document);
  if (schema == "foretoken.sweep/1") return of_sweep(document);
  if (schema == "foretoken.placement/1") return of_placement(document);
  if (schema == "foretoken.recommend/1") return of_words(document, text, true);
  if (schema == "foretoken.memory/1") return of_words(document, text, false);
  Answer v;
  v.tone = Tone::plain;
  if (schema == "foretoken.batch/1") {
    const double best = number_of(document["best_batch"]);
    v.tone = std::isfinite(best) ? Tone::good : Tone::bad;
    v.sentence = std::isfinite(best)
                     ? fmt::format("{} is the largest batch that meets the objectives", tick_label(best))
                     : "No batch meets the objectives";
  }
  if (schema == "foretoken.sensitivity/1") v.sentence = text_of(document["worth"]);
  if (schema == "foretoken.validation/1" && std::isfinite(number_of(document["largest_error_pct"])))
    v.sentence = fmt::format("The largest error is {} %, of {}", readable(number_of(document["largest_error_pct"])),
                             metric_title(text_of(document["worst_metric"])));
  return v;
}

struct Card {
  std::string_view key;
  const char* title;
};
constexpr Card kCards[] = {{"p99_ttft_ms", "TTFT, 99th percentile"},
                           {"p99_tpot_ms", "TPOT, 99th percentile"},
                           {"p99_e2el_ms", "E2E latency, 99th percentile"},
                           {"request_throughput", "Requests per second"},
                           {"output_throughput", "Output tokens per second"},
                           {"tokens_per_s_per_gpu", "Output tokens/s per GPU"},
                           {"interactivity_tok_s", "Tokens/s per user"},
                           {"request_goodput", "Goodput"},
                           {"mean_num_requests_running", "Requests running, mean"},
                           {"max_kv_cache_usage_perc", "KV cache in use, most"},
                           {"mfu", "MFU"},
                           {"mbu", "MBU"},
                           {"cost_per_1m_output_tokens", "$ per million output tokens"},
                           {"energy_j_per_output_token", "Energy per output token (J)"}};

}  // namespace

std::string page_title(const Json& document) {
  std::string schema = text_of(document["schema"]);
  schema = schema.substr(schema.find('.') + 1);
  schema = schema.substr(0, schema.find('/'));
  if (schema == "result") schema = "run";
  std::string name = text_of(document["scenario"]);
  if (name.empty()) name = text_of(document["before"]["scenario"]);
  return name.empty() ? schema : fmt::format("{}: {}", name, schema);
}

std::string words_of(std::string_view text) {
  return fmt::format("<pre tabindex=\"0\" role=\"region\" aria-label=\"The answer as text\">{}</pre>", escaped(text));
}

bool has_verdict(const Json& document, std::string_view text) {
  return !answer_of(document, text).sentence.empty();
}

std::string verdict_section(const Json& document, std::string_view text) {
  const Answer v = answer_of(document, text);
  std::string out =
      fmt::format("<section id=\"verdict\" class=\"{}\" tabindex=\"-1\"><h2>{}</h2>", name_of(v.tone),
                  v.sentence.empty() ? "The answer"
                                     : fmt::format("<span class=\"sign\" aria-hidden=\"true\">{}</span> {}",
                                                   sign_of(v.tone), escaped(v.sentence)));
  if (v.sentence.empty()) out += words_of(text);
  if (!v.lines.empty()) {
    out += "<ul>";
    for (const std::string& l : v.lines) out += l;
    out += "</ul>";
  }
  const Json::Array& warnings = list_of(document["warnings"]);
  if (!warnings.empty()) {
    out += "<h3>Warnings</h3><ul>";
    for (const Json& w : warnings) out += fmt::format("<li>{}</li>", escaped(text_of(w)));
    out += "</ul>";
  }
  if (is_true(document["interrupted"])) out += "<p>Interrupted: this is what was finished.</p>";
  return out + "</section>\n";
}

std::string headline_section(const Json& document) {
  const Json& summary = document["summary"];
  if (summary.is_null()) return {};
  std::string cards;
  for (const Card& card : kCards) {
    const double value = number_of(summary[card.key]);
    if (std::isnan(value)) continue;
    const double half = number_of(document["half_widths_95"][card.key]);
    const bool share = card.key == "mfu" || card.key == "mbu" || card.key == "max_kv_cache_usage_perc";
    const std::string text = share ? percent(value) : with_unit_of(value, card.key);
    cards += fmt::format(
        "<div><dt>{}</dt><dd>{}{}</dd></div>", escaped(card.title), escaped(text),
        std::isnan(half) ? "" : fmt::format(" <small>± {}</small>", share ? percent(half) : readable(half)));
  }
  const std::string of =
      is_true(document["one_run"]) ? "<p>Of one run of the scenario, as <code>foretoken run</code> makes it.</p>" : "";
  return fmt::format("<section id=\"headline\"><h2>Headline figures</h2>{}<dl class=\"cards\">{}</dl></section>\n", of,
                     cards);
}

}  // namespace foretoken
