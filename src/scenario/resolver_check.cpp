// Checking what was given against the field table.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/csv.hpp"
#include "scenario/resolver.hpp"

namespace foretoken {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& w : words) text += (text.empty() ? "" : ", ") + w;
  return text;
}

std::string limits_of(const Field& field) {
  const std::string range = std::isinf(field.most) ? fmt::format("at least {:g}", field.least)
                                                   : fmt::format("from {:g} to {:g}", field.least, field.most);
  return field.infinite ? range + ", or inf" : range;
}

const char* kind_name(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "nothing";
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
    case YamlNode::Kind::scalar:
      return "a value";
  }
  return "";
}

std::string shown(const YamlNode& node) {
  return node.kind == YamlNode::Kind::scalar ? fmt::format("'{}'", node.text) : std::string(kind_name(node));
}

// The traps of YAML 1.1, where these were booleans.
std::string boolean_hint(const YamlNode& node) {
  if (node.quoted && (node.text == "true" || node.text == "false"))
    return fmt::format("write {} without quotes", node.text);
  for (const char* word : {"yes", "Yes", "on", "On", "True", "TRUE", "1"}) {
    if (node.text == word) return "write true";
  }
  for (const char* word : {"no", "No", "off", "Off", "False", "FALSE", "0"}) {
    if (node.text == word) return "write false";
  }
  return {};
}

const char* no_value_hint(const Field& field) {
  switch (field.kind) {
    case FieldKind::model:
      return "name a model: `foretoken catalog models` lists them";
    case FieldKind::gpu:
      return "name an accelerator: `foretoken catalog gpus` lists them";
    default:
      return "give a value or remove the key";
  }
}

bool is_off(const YamlNode& node) {
  return node.kind == YamlNode::Kind::null || node.text == "false" || node.text == "0";
}

// What the spellings of YAML 1.1 stand for: 0x10, 0o20, and 1:30 to the base of 60.
std::optional<std::int64_t> yaml_1_1_integer(std::string_view text) {
  const auto whole = [](std::string_view digits, int base) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const auto [stop, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (failed != std::errc{} || stop != digits.data() + digits.size() || value < 0) return std::nullopt;
    return value;
  };
  if (text.starts_with("0x") || text.starts_with("0X")) return whole(text.substr(2), 16);
  if (text.starts_with("0o")) return whole(text.substr(2), 8);
  if (text.find(':') == std::string_view::npos || text.size() > 12) return std::nullopt;
  std::int64_t total = 0;
  for (;;) {
    const auto colon = text.find(':');
    const auto part = whole(text.substr(0, colon), 10);
    if (!part) return std::nullopt;
    total = total * 60 + *part;
    if (colon == std::string_view::npos) return total;
    text.remove_prefix(colon + 1);
  }
}

// `unit` of a quantity: " s".
std::string yaml_1_1_hint(const YamlNode& node, std::string_view unit = {}) {
  const auto value = yaml_1_1_integer(node.text);
  return value ? fmt::format("write {}{}", *value, unit) : std::string{};
}

std::string number_hint(const YamlNode& node) {
  if (node.quoted) return "remove the quotes";
  if (std::string hint = yaml_1_1_hint(node); !hint.empty()) return hint;
  if (node.text.size() > 1 && node.text[0] == '0' && node.text.find_first_not_of("0123456789") == std::string::npos) {
    return "a leading zero reads as octal elsewhere; write the number without it";
  }
  if (node.text.find_first_of("_ ,'") != std::string::npos)
    return "write the digits alone, without separators or a unit";
  return {};
}

}  // namespace

bool plain_number(const YamlNode& node, double& out) {
  if (node.kind != YamlNode::Kind::scalar) return false;
  // Quoted too: JSON has no other way to write it.
  if (node.text == ".inf" || node.text == "inf" || node.text == "Inf" || node.text == ".Inf") {
    out = std::numeric_limits<double>::infinity();
    return true;
  }
  if (node.quoted) return false;
  const auto sign = node.text.find_first_not_of("+-");
  const std::string digits = node.text.substr(sign == std::string::npos ? 0 : sign);
  const bool octal = digits.size() > 1 && digits[0] == '0' && std::isdigit(static_cast<unsigned char>(digits[1])) != 0;
  return !octal && parse_number(node.text, out);
}

Resolver::Resolver(const YamlNode& root, const std::string& text, std::string origin)
    : lines_(text), origin_(std::move(origin)) {
  if (root.kind == YamlNode::Kind::null) {
    diagnostics_.error({origin_, 1, 1}, "the scenario is empty",
                       "start with `model: Llama-3.1-8B` and `hardware: {gpu: h100_sxm}`");
  } else if (root.kind != YamlNode::Kind::map) {
    error_at(root.where, fmt::format("a scenario is a map of keys, this is {}", kind_name(root)));
  } else {
    walk(root, "");
  }
}

void Resolver::walk(const YamlNode& map, const std::string& prefix) {
  std::vector<std::string> seen;
  for (const auto& entry : map.entries) {
    if (is_hopeless()) return;
    const std::string path = prefix.empty() ? entry.key : prefix + "." + entry.key;
    const Field* field = find_field(table_path(path));
    if (field == nullptr) {
      unknown(entry, prefix);
      continue;
    }
    if (const auto dot = entry.key.find('.'); dot != std::string::npos) {
      error_at(entry.where, fmt::format("'{}' is a path, not a key", entry.key),
               fmt::format("write {}: {{{}: ...}}", entry.key.substr(0, dot), entry.key.substr(dot + 1)));
      continue;
    }
    // An alias stands for the field itself.
    const std::string last(field->path.substr(field->path.rfind('.') + 1));
    const std::string canonical = prefix.empty() ? last : prefix + "." + last;
    if (std::find(seen.begin(), seen.end(), canonical) != seen.end()) {
      error_at(entry.where,
               fmt::format("'{}' is another spelling of '{}', which is given as well", entry.key, canonical),
               "keep one of them");
      continue;
    }
    seen.push_back(canonical);
    take(*field, entry.value, canonical);
  }
}

void Resolver::unknown(const YamlNode::Entry& entry, const std::string& prefix) {
  const std::string in = prefix.empty() ? "" : fmt::format(" in '{}'", prefix);
  const auto keys = keys_under(table_path(prefix));
  if (keys.empty()) {
    error_at(entry.where, fmt::format("'{}' takes no keys", prefix));
    return;
  }
  if (const UnmodelledKey* known = find_unmodelled(entry.key)) {
    if (is_off(entry.value)) return;  // asks for nothing
    error_at(entry.where, fmt::format("'{}' is not modelled{}", entry.key, in), std::string(known->advice));
    return;
  }
  std::string hint;
  const std::string close = closest_match(entry.key, keys);
  if (!close.empty()) {
    hint = fmt::format("did you mean '{}'?", close);
  } else {
    // The key may belong elsewhere: request_rate at the top level, say.
    for (const Field& f : scenario_fields()) {
      const auto dot = f.path.rfind('.');
      if (dot != std::string_view::npos && f.path.substr(dot + 1) == entry.key &&
          f.path.find('[') == std::string_view::npos) {
        hint = fmt::format("did you mean '{}'?", f.path);
        break;
      }
    }
    if (hint.empty()) hint = "known keys: " + joined(keys);
  }
  error_at(entry.where, fmt::format("unknown key '{}'{}", entry.key, in), hint);
}

void Resolver::take(const Field& field, const YamlNode& node, const std::string& path) {
  if (node.kind == YamlNode::Kind::null) {
    const bool empty_map = field.kind == FieldKind::map || field.kind == FieldKind::list_of_text;
    if (!field.nullable && !empty_map) {
      error_at(node.where, fmt::format("'{}' has no value", path), no_value_hint(field));
      // Given, if badly: it is not missing as well.
      values_[path] = {&field, &node, {}, true};
    }
    return;
  }
  if (field.kind == FieldKind::map) {
    if (node.kind != YamlNode::Kind::map) {
      error_at(node.where, fmt::format("'{}' must be a map of {}", path, joined(keys_under(table_path(path)))));
      return;
    }
    values_[path] = {&field, &node, {}, true};
    walk(node, path);
    return;
  }
  if (field.kind == FieldKind::list_of_maps) {
    if (node.kind != YamlNode::Kind::list || node.items.empty()) {
      error_at(node.where, fmt::format("'{}' must be a list of maps", path));
      return;
    }
    values_[path] = {&field, &node, {}, true};
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const std::string element = fmt::format("{}[{}]", path, i);
      if (node.items[i].kind == YamlNode::Kind::map) {
        values_[element] = {&field, &node.items[i], {}, true};
        walk(node.items[i], element);
      } else
        error_at(node.items[i].where,
                 fmt::format("'{}' must be a map of {}", element, joined(keys_under(table_path(element)))));
    }
    return;
  }
  Parsed parsed = parse(field, node, path);
  values_[path] = {&field, &node, std::move(parsed), false};
}

Resolver::Parsed Resolver::parse(const Field& field, const YamlNode& node, const std::string& path) {
  const bool scalar = node.kind == YamlNode::Kind::scalar;
  const auto wrong = [&](const std::string& wanted, const std::string& hint = {}) -> Parsed {
    error_at(node.where, fmt::format("'{}' must be {}, got {}", path, wanted, shown(node)), hint);
    return {};
  };
  switch (field.kind) {
    case FieldKind::text:
      return scalar ? Parsed(node.text) : wrong("text");
    case FieldKind::flag:
      if (scalar && !node.quoted && node.text == "true") return true;
      if (scalar && !node.quoted && node.text == "false") return false;
      return wrong("true or false", boolean_hint(node));
    case FieldKind::integer:
    case FieldKind::number:
      return parse_number_of(field, node, path);
    case FieldKind::quantity: {
      if (!scalar) return wrong(fmt::format("a number with a unit ({})", allowed_units(field.dimension)));
      // Zero needs no unit.
      if (node.text == "0") return 0.0;
      const auto value = parse_quantity(node.text, field.dimension);
      if (!value) {
        const Diagnostics found = value.error();
        const Diagnostic& d = found.items().front();
        const std::string spelled = field.dimension == Dimension::time ? yaml_1_1_hint(node, " s") : std::string{};
        error_at(node.where, fmt::format("'{}': {}", path, d.message), spelled.empty() ? d.hint : spelled);
        return {};
      }
      if (!in_range(field, *value, node, path)) return {};
      return *value;
    }
    case FieldKind::choice:
      return parse_choice(field, node, path);
    case FieldKind::list_of_text: {
      std::vector<std::string> texts;
      if (scalar) return std::vector<std::string>{node.text};
      if (node.kind != YamlNode::Kind::list) return wrong("a list of lines");
      for (const YamlNode& item : node.items) {
        if (item.kind == YamlNode::Kind::scalar)
          texts.push_back(item.text);
        else
          error_at(item.where, fmt::format("'{}' must hold lines of text, got {}", path, kind_name(item)));
      }
      return texts;
    }
    case FieldKind::list_of_numbers: {
      std::vector<double> numbers;
      if (node.kind != YamlNode::Kind::list || node.items.empty()) return wrong("a list of numbers");
      for (const YamlNode& item : node.items) {
        double value = 0;
        if (!plain_number(item, value))
          error_at(item.where, fmt::format("'{}' must hold numbers, got '{}'", path, item.text));
        else if (in_range(field, value, item, path))
          numbers.push_back(value);
      }
      return numbers;
    }
    default:
      return {};  // read by hand
  }
}

Resolver::Parsed Resolver::parse_number_of(const Field& field, const YamlNode& node, const std::string& path) {
  double value = 0;
  const bool integer = field.kind == FieldKind::integer;
  std::int64_t whole = 0;
  const bool exact = integer && node.kind == YamlNode::Kind::scalar && !node.quoted && parse_number(node.text, whole);
  if (!plain_number(node, value) || (integer && (value != std::floor(value)) && !std::isinf(value))) {
    error_at(node.where,
             fmt::format("'{}' must be {} {}, got {}", path, integer ? "a whole number" : "a number", limits_of(field),
                         shown(node)),
             number_hint(node));
    return {};
  }
  if (!in_range(field, value, node, path)) return {};
  if (!integer) return value;
  return exact ? whole : static_cast<std::int64_t>(value);
}

bool Resolver::in_range(const Field& field, double value, const YamlNode& node, const std::string& path) {
  if (value >= field.least && (value <= field.most || (field.infinite && std::isinf(value)))) return true;
  const bool unit = field.kind == FieldKind::quantity;
  const std::string limits = unit ? fmt::format("from {} to {}", format_quantity(field.least, field.dimension),
                                                format_quantity(field.most, field.dimension))
                                  : limits_of(field);
  error_at(node.where, fmt::format("'{}' must be {}, got {}", path, limits, node.text));
  return false;
}

Resolver::Parsed Resolver::parse_choice(const Field& field, const YamlNode& node, const std::string& path) {
  std::vector<std::string> choices;
  for (const std::string_view c : field.choices()) choices.emplace_back(c);
  if (node.kind == YamlNode::Kind::scalar && std::find(choices.begin(), choices.end(), node.text) != choices.end())
    return node.text;
  const std::string close = closest_match(node.text, choices);
  error_at(node.where, fmt::format("'{}' must be one of {}; got {}", path, joined(choices), shown(node)),
           close.empty() ? "" : fmt::format("did you mean '{}'?", close));
  return {};
}

}  // namespace foretoken
