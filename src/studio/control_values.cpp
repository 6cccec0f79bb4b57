// Stops of sliders, lengths as one number, and values as text.
#include "studio/control_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/csv.hpp"

namespace foretoken {
namespace {

constexpr double kDecade[] = {1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8};
constexpr std::size_t kLongestText = 200;
constexpr std::size_t kMostLines = 32;

// What is no syntax of YAML, whatever stands around it.
bool is_plain(const std::string& text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-/% ";
  return !text.empty() && text.size() <= kLongestText && text.find_first_not_of(kPlain) == std::string::npos &&
         text.front() != '-' && text.front() != ' ' && text.front() != '%' && text.back() != ' ';
}

std::vector<double> whole_steps(double least, double most) {
  std::vector<double> steps;
  for (double power = 1; power <= most; power *= 2) {
    for (const double step : {power, power * 1.5})
      if (step >= least && step <= most && step == std::floor(step)) steps.push_back(step);
  }
  return steps;
}

std::vector<double> decade_steps(double least, double most) {
  std::vector<double> steps;
  for (int exponent = static_cast<int>(std::floor(std::log10(least))); std::pow(10, exponent) <= most; ++exponent) {
    for (const double digit : kDecade) {
      // By way of text: the double that a reader of "0.3" means.
      const double step = std::stod(fmt::format("{}e{}", digit, exponent));
      if (step >= least && step <= most) steps.push_back(step);
    }
  }
  return steps;
}

std::string text_of_number(const Field& field, const Json& value) {
  double number = 0;
  if (const std::string* text = value.if_string()) return field.infinite && *text == "inf" ? *text : std::string();
  if (!value.number(number) || !std::isfinite(number) || number < field.least || number > field.most) return {};
  if (field.kind != FieldKind::integer) return fmt::format("{}", number);
  return number == std::floor(number) && std::abs(number) < 1e15 ? fmt::format("{}", static_cast<std::int64_t>(number))
                                                                 : std::string();
}

std::string text_of_lines(const Json& value) {
  const Json::Array* lines = value.if_array();
  if (lines == nullptr || lines->size() > kMostLines) return {};
  for (const Json& line : *lines) {
    const std::string* text = line.if_string();
    if (text == nullptr || text->size() > kLongestText) return {};
    if (std::any_of(text->begin(), text->end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; })) return {};
  }
  return to_text(value, 0);  // a list of JSON is one of YAML
}

std::string one_of(const Json& value, const auto& allowed) {
  const std::string* text = value.if_string();
  const bool known = text != nullptr && std::find(allowed.begin(), allowed.end(), *text) != allowed.end();
  return known ? to_text(value, 0) : std::string();
}

}  // namespace

Json slider_steps(const Field& field, double value) {
  // Sliders are for what people try; any other value can be typed.
  constexpr double kReach = 100;
  const bool whole = field.kind == FieldKind::integer || field.kind == FieldKind::lengths;
  const double around = value > 0 && std::isfinite(value) ? value : 1;
  std::vector<double> steps;
  if (whole)
    steps =
        whole_steps(std::max(1.0, std::min(field.least, around)), std::min(field.most, std::max(around * 32, 64.0)));
  else
    steps = decade_steps(std::max(around / kReach, std::max(field.least, 1e-9)), std::min(field.most, around * kReach));
  if (field.least <= 0 && (whole || value == 0)) steps.push_back(0);
  if (std::isfinite(value)) steps.push_back(value);
  std::sort(steps.begin(), steps.end());
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  Json list = Json::array();
  for (const double step : steps) list.push_back(whole ? Json(static_cast<std::int64_t>(step)) : Json(step));
  return list;
}

bool has_middle(const Json& lengths) {
  double number = 0;
  if (lengths.number(number)) return true;
  const std::string* kind = lengths["distribution"].if_string();
  return kind != nullptr && (*kind == "lognormal" || *kind == "fixed" || *kind == "exponential");
}

double middle_of(const Json& lengths) {
  double number = 0;
  if (lengths.number(number)) return number;
  const std::string* kind = lengths["distribution"].if_string();
  if (kind == nullptr) return number;
  const Json& at = *kind == "lognormal" ? lengths["mu"] : *kind == "fixed" ? lengths["tokens"] : lengths["mean"];
  if (!at.number(number)) return 0;
  return *kind == "lognormal" ? std::round(std::exp(number)) : number;
}

Json with_middle(const Json& lengths, double tokens) {
  const std::string* kind = lengths["distribution"].if_string();
  const auto whole = static_cast<std::int64_t>(std::llround(tokens));
  if (kind == nullptr || *kind == "fixed") return whole;
  Json moved = lengths;
  if (*kind == "exponential") {
    moved["mean"] = tokens;
    return moved;
  }
  moved["mu"] = std::log(tokens);
  // The ends move along where the middle would pass them.
  double least = 0, most = 0;
  if (lengths["min"].number(least) && least > tokens) moved["min"] = whole;
  if (lengths["max"].number(most) && most < tokens) moved["max"] = whole;
  return moved;
}

std::string value_text(const Field& field, const Json& value, const std::vector<std::string>& names) {
  switch (field.kind) {
    case FieldKind::flag:
      return value.if_bool() == nullptr ? "" : *value.if_bool() ? "true" : "false";
    case FieldKind::integer:
    case FieldKind::number:
      return text_of_number(field, value);
    case FieldKind::quantity:
      return value.if_string() != nullptr && is_plain(*value.if_string()) ? *value.if_string() : std::string();
    case FieldKind::choice:
      return one_of(value, field.choices());
    case FieldKind::gpu:
    case FieldKind::model:
      return one_of(value, names);
    case FieldKind::list_of_text:
      return text_of_lines(value);
    default:
      return {};
  }
}

bool can_be_moved(const Field& field) {
  const bool one = field.kind == FieldKind::flag || field.kind == FieldKind::integer ||
                   field.kind == FieldKind::number || field.kind == FieldKind::quantity ||
                   field.kind == FieldKind::choice;
  return one && field.path.find("[]") == std::string_view::npos && field.path != "version";
}

std::string allowed_text(const Field& field) {
  switch (field.kind) {
    case FieldKind::flag:
      return "true or false";
    case FieldKind::integer:
    case FieldKind::lengths:
    case FieldKind::number:
      return fmt::format("a {} from {:g}{}{}", field.kind == FieldKind::number ? "number" : "whole number", field.least,
                         std::isfinite(field.most) ? fmt::format(" to {:g}", field.most) : " on",
                         field.infinite ? ", or \"inf\"" : "");
    case FieldKind::quantity:
      return fmt::format("a text with a unit ({})", allowed_units(field.dimension));
    case FieldKind::choice:
      return fmt::format("{}", fmt::join(field.choices(), ", "));
    case FieldKind::list_of_text:
      return fmt::format("a list of at most {} comparisons", kMostLines);
    default:
      return "a name of the catalog";
  }
}

}  // namespace foretoken
