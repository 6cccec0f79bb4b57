// Slots of the load in words, columns and JSON.
#include "report/load_slots_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "report/common.hpp"
#include "report/json_parts.hpp"

namespace foretoken {
namespace {

// hour; of shorter slots what they are.
std::string slot_word(const LoadSlots& slots) {
  const Duration width = slots.slots.front().width;
  if (width == std::chrono::hours{1}) return "hour";
  if (width == std::chrono::minutes{1}) return "minute";
  if (width > std::chrono::hours{1}) return fmt::format("{:g} hours", to_seconds(width) / 3600);
  if (width > std::chrono::minutes{1}) return fmt::format("{:g} minutes", to_seconds(width) / 60);
  return fmt::format("{:g} s", to_seconds(width));
}

std::string figures_text(const LoadSlot& slot) {
  std::string text;
  for (const SloVerdict& v : slot.slo)
    text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", v.ok ? "✓" : "✗", v.line.metric,
                        with_unit_of(v.value, v.line.metric));
  return text.empty() ? fmt::format("p99_ttft_ms {}", with_unit_of(slot.all.p99_ttft_ms, "p99_ttft_ms")) : text;
}

bool has_attainment(const LoadSlots& slots) {
  return std::any_of(slots.slots.begin(), slots.slots.end(),
                     [](const LoadSlot& s) { return !std::isnan(s.all.attainment); });
}

std::vector<std::string> cells_of(const std::string& name, const std::string& rate, const SlotFigures& f,
                                  const std::string& mark) {
  return {mark,
          name,
          rate,
          readable(f.arrivals),
          readable(f.p50_ttft_ms),
          readable(f.p99_ttft_ms),
          readable(f.mean_tpot_ms),
          readable(f.p99_tpot_ms),
          std::isnan(f.attainment) ? "-" : percent(f.attainment),
          readable(f.waiting),
          readable(f.failed)};
}

Json figures_json(const SlotFigures& f) {
  Json json = Json::object();
  json["arrivals"] = f.arrivals;
  json["failed"] = f.failed;
  json["p50_ttft_ms"] = f.p50_ttft_ms;
  json["p99_ttft_ms"] = f.p99_ttft_ms;
  json["mean_tpot_ms"] = f.mean_tpot_ms;
  json["p99_tpot_ms"] = f.p99_tpot_ms;
  json["p99_e2el_ms"] = f.p99_e2el_ms;
  json["mean_num_requests_waiting"] = f.waiting;
  json["slo_attainment"] = f.attainment;
  return json;
}

}  // namespace

std::string worst_slot_sentence(const LoadSlots& slots) {
  const std::optional<std::size_t> worst = slots.worst();
  if (!worst) return {};
  const LoadSlot& slot = slots.slots[*worst];
  const std::string word = slot_word(slots);
  std::string text = fmt::format("worst {} {}: {} at {} req/s", word, slot_name(slot), figures_text(slot),
                                 readable(slot.offered_rate));
  if (slot.slo.empty()) return text;
  const std::size_t missing = slots.missing();
  return text + (missing == 0 ? fmt::format("; each of the {} keeps the objectives", slots.slots.size())
                              : fmt::format("; {} of {} miss an objective", missing, slots.slots.size()));
}

std::string load_slots_section(const LoadSlots& slots, const TextStyle& style) {
  if (slots.slots.empty()) return {};
  const bool good = has_attainment(slots);
  TextTable table("llrrrrrrrrr", good ? "00031024156" : "00031024856");
  table.row({"", slot_word(slots), "req/s", "arrivals", "TTFT p50", "p99 ms", "TPOT mean", "p99 ms", "good", "waiting",
             "failed"});
  for (const LoadSlot& slot : slots.slots) {
    const std::string mark = slot.slo.empty() ? "" : slot.keeps_slo() ? "✓" : "✗";
    table.row(cells_of(slot_name(slot), readable(slot.offered_rate), slot.all, mark));
    for (std::size_t c = 0; c < slot.classes.size(); ++c) {
      const SlotFigures& f = slot.classes[c];
      table.row(cells_of("  " + slots.classes[c], readable(f.arrivals / to_seconds(slot.width)), f, ""));
    }
  }
  std::string text = table.text(style, "  ");
  text += fmt::format("  by arrival, mean of {} run{}; waiting: requests in the queue on average\n", slots.replications,
                      slots.replications == 1 ? "" : "s");
  if (!slots.only_whole.empty())
    text += fmt::format("  judged over the whole run only: {}\n", fmt::join(slots.only_whole, ", "));
  return text;
}

Json to_json(const LoadSlots& slots) {
  Json json = Json::object();
  json["replications"] = slots.replications;
  json["missing"] = static_cast<std::int64_t>(slots.missing());
  const std::optional<std::size_t> worst = slots.worst();
  json["worst"] = worst ? Json(static_cast<std::int64_t>(*worst)) : Json();
  json["only_whole"] = texts(slots.only_whole);
  json["slots"] = Json::array();
  for (const LoadSlot& slot : slots.slots) {
    Json one = Json::object();
    one["name"] = slot_name(slot);
    one["begin_s"] = to_seconds(slot.begin);
    one["width_s"] = to_seconds(slot.width);
    one["offered_request_rate"] = slot.offered_rate;
    const Json figures = figures_json(slot.all);
    for (const auto& [key, value] : *figures.if_object()) one[key] = value;
    one["slo"] = slo_of(slot.slo);
    for (std::size_t c = 0; c < slot.classes.size(); ++c)
      one["classes"][slots.classes[c]] = figures_json(slot.classes[c]);
    json["slots"].push_back(std::move(one));
  }
  return json;
}

}  // namespace foretoken
