// One line of JSON per point, ending with a hash of what stands before it. Doubles are written in their
// shortest form that reads back as the same bits, so a stored point prints like a computed one.
#include "persistence/sweep_store.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "scenario/sha256.hpp"

namespace foretoken {
namespace {

constexpr std::string_view kPointsSchema = "foretoken.sweep_points/1";
constexpr std::string_view kCheck = ",\"check\":\"";
constexpr std::size_t kCheckDigits = 16;

std::string sealed(const Json& json) {
  std::string line = to_text(json, 0);
  line.pop_back();  // the brace
  const std::string check = sha256(line).substr(0, kCheckDigits);
  return line + std::string(kCheck) + check + "\"}\n";
}

Diagnostics refusal(const SourceLocation& where, std::string message, std::string hint = {}) {
  Diagnostics problems;
  problems.error(where, std::move(message), std::move(hint));
  return problems;
}

Result<Json> unsealed(std::string_view line, const SourceLocation& where) {
  const auto at = line.rfind(kCheck);
  const bool whole =
      at != std::string_view::npos && line.size() == at + kCheck.size() + kCheckDigits + 2 && line.ends_with("\"}");
  if (!whole) return refusal(where, "the line is cut off or was not written by foretoken");
  if (sha256(line.substr(0, at)).substr(0, kCheckDigits) != line.substr(at + kCheck.size(), kCheckDigits))
    return refusal(where, "the line is damaged: its check does not match");
  return parse_json(std::string(line.substr(0, at)) + "}", where.file);
}

Json exact(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

double exact_of(const Json& json) {
  double value = std::numeric_limits<double>::quiet_NaN();
  if (json.number(value) || json.if_string() == nullptr) return value;
  if (*json.if_string() == "inf") return std::numeric_limits<double>::infinity();
  if (*json.if_string() == "-inf") return -std::numeric_limits<double>::infinity();
  return value;
}

std::string text_of(const Json& json) {
  return json.if_string() != nullptr ? *json.if_string() : std::string{};
}

std::vector<std::string> texts_of(const Json& json) {
  std::vector<std::string> texts;
  if (json.if_array() == nullptr) return texts;
  for (const Json& item : *json.if_array()) texts.push_back(text_of(item));
  return texts;
}

std::int64_t integer_of(const Json& json) {
  return json.if_int() != nullptr ? *json.if_int() : -1;
}

// Integers stay integers.
Json stored(const Summary& summary) {
  Json json = Json::object();
  for (const SummaryEntry& e : summary.entries) {
    const bool whole = e.integer && std::isfinite(e.value);
    json[e.key] = whole ? Json(static_cast<std::int64_t>(e.value)) : exact(e.value);
  }
  return json;
}

Summary summary_of(const Json& json) {
  Summary summary;
  if (json.if_object() == nullptr) return summary;
  for (const auto& [key, value] : *json.if_object()) {
    summary.entries.push_back({key, exact_of(value), value.if_int() != nullptr});
  }
  return summary;
}

Json stored(const Bottleneck& bottleneck) {
  Json json = Json::array();
  json.push_back(Json(bottleneck.bound));
  for (const double share : bottleneck.share) json.push_back(exact(share));
  return json;
}

Bottleneck bottleneck_of(const Json& json) {
  Bottleneck bottleneck;
  bottleneck.bound = "none";
  const Json::Array* items = json.if_array();
  if (items == nullptr || items->size() != kTimeParts + 1) return bottleneck;
  for (int i = 0; i < kTimeParts; ++i) {
    const std::string_view name = to_string(static_cast<TimePart>(i));
    if (name == text_of(items->front())) bottleneck.bound = name;
    bottleneck.share[i] = exact_of((*items)[static_cast<std::size_t>(i) + 1]);
  }
  return bottleneck;
}

Json stored(const std::vector<SloVerdict>& verdicts) {
  Json json = Json::array();
  for (const SloVerdict& v : verdicts) {
    json.push_back(Json::Array{Json(v.line.expression), exact(v.value), Json(v.ok), exact(v.margin)});
  }
  return json;
}

std::vector<SloVerdict> verdicts_of(const Json& json) {
  std::vector<SloVerdict> verdicts;
  if (json.if_array() == nullptr) return verdicts;
  for (const Json& entry : *json.if_array()) {
    const Json::Array* parts = entry.if_array();
    if (parts == nullptr || parts->size() != 4) continue;
    const Result<SloLine> line = parse_slo_line(text_of((*parts)[0]), {});
    if (!line) continue;
    const bool ok = (*parts)[2].if_bool() != nullptr && *(*parts)[2].if_bool();
    verdicts.push_back({*line, exact_of((*parts)[1]), ok, exact_of((*parts)[3])});
  }
  return verdicts;
}

PointStatus status_of(const std::string& name) {
  for (const PointStatus status : {PointStatus::ok, PointStatus::does_not_fit, PointStatus::invalid}) {
    if (to_string(status) == name) return status;
  }
  return PointStatus::skipped;
}

}  // namespace

std::string head_line(const SweepFileHead& file) {
  Json json = Json::object();
  json["schema"] = kPointsSchema;
  json["question_sha256"] = file.identity.question_sha256;
  json["foretoken_version"] = file.identity.version;
  json["seed"] = file.identity.seed;
  json["part"] = Json::Array{Json(static_cast<std::int64_t>(file.identity.part_index)),
                             Json(static_cast<std::int64_t>(file.identity.part_count))};
  json["scenario"] = file.head.name;
  json["description"] = file.head.description;
  json["deployment"] = file.head.deployment;
  json["scenario_sha256"] = file.head.scenario_sha256;
  json["tpot"] = to_string(file.head.tpot);
  json["slo"] = texts(file.head.slo);
  Json axes = Json::object();
  for (const SweepAxis& axis : file.axes) axes[axis.path] = texts(axis.values);
  json["axes"] = std::move(axes);
  json["config"] = file.head.config;
  json["origins"] = file.head.origins;
  return sealed(json);
}

std::string point_line(std::size_t index, const SweepPoint& point) {
  Json json = Json::object();
  json["point"] = static_cast<std::int64_t>(index);
  json["values"] = texts(point.values);
  json["status"] = to_string(point.status);
  if (!point.reason.empty()) json["reason"] = point.reason;
  if (point.status != PointStatus::ok) return sealed(json);
  const PointFigures& f = point.figures;
  json["scenario_sha256"] = f.scenario_sha256;
  json["summary"] = stored(f.summary);
  json["half_widths_95"] = stored(f.half_widths);
  json["slo"] = stored(f.slo);
  json["prefill"] = stored(f.prefill);
  json["decode"] = stored(f.decode);
  return sealed(json);
}

Result<SweepFileHead> parse_head_line(std::string_view line, const SourceLocation& where) {
  const Result<Json> json = unsealed(line, where);
  if (!json) return json.error();
  if (text_of((*json)["schema"]) != kPointsSchema)
    return refusal(where, fmt::format("this is no file of sweep points: its schema is '{}', not '{}'",
                                      text_of((*json)["schema"]), kPointsSchema));
  SweepFileHead file;
  const Json::Array* part = (*json)["part"].if_array();
  if (part == nullptr || part->size() != 2 || (*json)["axes"].if_object() == nullptr)
    return refusal(where, "the head of the file lacks its axes or its part");
  const std::int64_t index = integer_of((*part)[0]), count = integer_of((*part)[1]);
  if (count < 1 || index < 0 || index >= count) return refusal(where, "the part of the file is out of range");
  file.identity = {text_of((*json)["question_sha256"]), text_of((*json)["foretoken_version"]),
                   static_cast<std::uint64_t>(integer_of((*json)["seed"])), static_cast<std::size_t>(index),
                   static_cast<std::size_t>(count)};
  file.head.name = text_of((*json)["scenario"]);
  file.head.description = text_of((*json)["description"]);
  file.head.deployment = text_of((*json)["deployment"]);
  file.head.version = file.identity.version;
  file.head.scenario_sha256 = text_of((*json)["scenario_sha256"]);
  file.head.seed = file.identity.seed;
  file.head.config = (*json)["config"];
  file.head.origins = (*json)["origins"];
  file.head.slo = texts_of((*json)["slo"]);
  const bool vllm = text_of((*json)["tpot"]) == to_string(TpotConvention::vllm);
  file.head.tpot = vllm ? TpotConvention::vllm : TpotConvention::per_output_token;
  for (const auto& [path, values] : *(*json)["axes"].if_object()) file.axes.push_back({path, texts_of(values)});
  if (file.axes.empty() || point_count(file.axes) == 0) return refusal(where, "the head of the file has no points");
  return file;
}

Result<StoredPoint> parse_point_line(std::string_view line, const SweepFileHead& head, const SourceLocation& where) {
  const Result<Json> json = unsealed(line, where);
  if (!json) return json.error();
  StoredPoint stored;
  const std::int64_t index = integer_of((*json)["point"]);
  if (index < 0 || static_cast<std::size_t>(index) >= point_count(head.axes))
    return refusal(where, "there is no such point in this sweep");
  stored.index = static_cast<std::size_t>(index);
  if (stored.index % head.identity.part_count != head.identity.part_index)
    return refusal(where, fmt::format("point {} does not belong to part {}/{}", index, head.identity.part_index,
                                      head.identity.part_count));
  SweepPoint& point = stored.point;
  point.values = texts_of((*json)["values"]);
  if (point.values != point_values(head.axes, stored.index))
    return refusal(where, fmt::format("point {} has other values than the axes", index));
  point.status = status_of(text_of((*json)["status"]));
  point.reason = text_of((*json)["reason"]);
  if (point.status == PointStatus::skipped) return refusal(where, "the point has no result");
  if (point.status != PointStatus::ok) return stored;
  point.figures.scenario_sha256 = text_of((*json)["scenario_sha256"]);
  point.figures.summary = summary_of((*json)["summary"]);
  point.figures.half_widths = summary_of((*json)["half_widths_95"]);
  point.figures.slo = verdicts_of((*json)["slo"]);
  point.figures.prefill = bottleneck_of((*json)["prefill"]);
  point.figures.decode = bottleneck_of((*json)["decode"]);
  return stored;
}

}  // namespace foretoken
