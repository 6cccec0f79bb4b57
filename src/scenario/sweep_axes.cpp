// Ranges go on the way their values begin: 1,2,4..512 doubles, 10,20..100 adds.
#include "scenario/sweep_axes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/csv.hpp"
#include "scenario/resolver.hpp"

namespace foretoken {
namespace {

// Values that differ by less are the same: 0.1 + 0.2 reaches 0.3.
constexpr double kSame = 1e-9;

bool same(double a, double b) {
  return std::abs(a - b) <= kSame * std::max(std::abs(a), std::abs(b));
}

// As a user would write it.
std::string spelled(double value) {
  constexpr double kExactIntegers = 1e15;
  if (value == std::floor(value) && std::abs(value) < kExactIntegers) {
    return fmt::format("{}", static_cast<std::int64_t>(value));
  }
  return fmt::format("{:.12g}", value);
}

YamlNode scalar(std::string text, const SourceLocation& where) {
  YamlNode node;
  node.kind = YamlNode::Kind::scalar;
  node.text = std::move(text);
  node.where = where;
  return node;
}

// How a range goes on: next = value * factor + step.
struct Progression {
  double step = 0;
  double factor = 1;
  [[nodiscard]] double after(double value) const { return value * factor + step; }
};

class AxisValues {
 public:
  AxisValues(const std::string& path, Diagnostics& problems) : path_(path), problems_(problems) {}

  void add_domain(const YamlNode& domain) {
    if (domain.kind == YamlNode::Kind::list) return add_list(domain);
    const bool one_key = domain.kind == YamlNode::Kind::map && domain.entries.size() == 1;
    if (one_key && domain.entries[0].key == "choices") return add_domain(domain.entries[0].value);
    if (one_key && domain.entries[0].key == "range") return add_range(domain.entries[0].value);
    problems_.error(domain.where, fmt::format("the values of '{}' must be a list", path_),
                    "[1, 2, 4], [1, 2, 4..512] or {range: {from: 1, to: 512, factor: 2}}");
  }

  [[nodiscard]] std::vector<YamlNode> take() { return std::move(values_); }

 private:
  static bool is_domain(const YamlNode& node) {
    return node.kind == YamlNode::Kind::map && node.entries.size() == 1 &&
           (node.entries[0].key == "choices" || node.entries[0].key == "range");
  }

  void add_list(const YamlNode& list) {
    if (list.items.empty()) {
      problems_.error(list.where, fmt::format("'{}' has no values to go over", path_), "[1, 2, 4]");
    }
    // What --over 'a={range: ...}' makes.
    if (list.items.size() == 1 && is_domain(list.items[0])) return add_domain(list.items[0]);
    for (const YamlNode& item : list.items) {
      if (!add_dotted(item)) add(item);
    }
  }

  void add(const YamlNode& node) {
    if (values_.size() > kMaxPoints) return;
    double number = 0;
    const bool is_number = plain_number(node, number);
    const std::string key = is_number ? fmt::format("{}", number) : "=" + to_flow(node);
    if (!seen_.insert(key).second) {
      problems_.error(node.where, fmt::format("the value {} of '{}' stands there twice", to_flow(node), path_),
                      "keep one of them");
      return;
    }
    if (is_number)
      run_.push_back(number);
    else
      run_.clear();
    values_.push_back(node);
  }

  // An item `4..512`; false when it is something else.
  bool add_dotted(const YamlNode& item) {
    if (item.kind != YamlNode::Kind::scalar || item.quoted) return false;
    const auto dots = item.text.find("..");
    if (dots == std::string::npos) return false;
    const YamlNode first = scalar(item.text.substr(0, dots), item.where);
    const YamlNode last = scalar(item.text.substr(dots + 2), item.where);
    double from = 0, to = 0;
    if (!plain_number(first, from)) return false;
    if (!plain_number(last, to) || !std::isfinite(from) || !std::isfinite(to)) {
      problems_.error(item.where, fmt::format("a range goes from one plain number to another, not '{}'", item.text),
                      "1,2,4..512 doubles, 10,20..100 adds 10, 1..8 adds 1");
      return true;
    }
    add(first);
    fill(from, to, last, progression_of_run());
    return true;
  }

  // Equal factors of three values, else the step of two, else 1.
  [[nodiscard]] Progression progression_of_run() const {
    const std::size_t n = run_.size();
    if (n >= 3 && run_[n - 3] != 0 && run_[n - 2] != 0) {
      const double factor = run_[n - 1] / run_[n - 2];
      if (factor > 0 && !same(factor, 1) && same(factor, run_[n - 2] / run_[n - 3])) return {0, factor};
    }
    return {n >= 2 ? run_[n - 1] - run_[n - 2] : 1.0, 1};
  }

  // After `from`, which is there already, up to and with `to`.
  void fill(double from, double to, const YamlNode& last, const Progression& progression) {
    if (same(from, to)) return;
    if ((progression.after(from) > from) != (to > from) || same(progression.after(from), from)) {
      problems_.error(last.where,
                      fmt::format("a range that goes on from {} to {} never reaches {}", spelled(from),
                                  spelled(progression.after(from)), last.text),
                      "write the first values in the order of the range: 512,256,128..1");
      return;
    }
    double before = from;
    for (double value = progression.after(from);; value = progression.after(value)) {
      if (same(value, to)) return add(last);
      if ((value > to) == (to > from)) {
        problems_.error(
            last.where,
            fmt::format("the range does not meet its end {}: {}, {}", last.text, spelled(before), spelled(value)),
            fmt::format("end it with {} or {}", spelled(before), spelled(value)));
        return;
      }
      if (values_.size() > kMaxPoints) return;
      add(scalar(spelled(value), last.where));
      before = value;
    }
  }

  // {from: 1, to: 512, factor: 2}, or what a list may hold.
  void add_range(const YamlNode& range) {
    if (range.kind == YamlNode::Kind::list) return add_list(range);
    if (range.kind != YamlNode::Kind::map) {
      if (!add_dotted(range)) problems_.error(range.where, "a range is a map of from, to and step or factor", kExample);
      return;
    }
    const auto number_at = [&](const char* key) -> std::optional<double> {
      const YamlNode* node = range.find(key);
      double value = 0;
      if (node == nullptr) return std::nullopt;
      if (plain_number(*node, value) && std::isfinite(value)) return value;
      problems_.error(node->where, fmt::format("'{}' of a range must be a plain number", key), kExample);
      return std::nullopt;
    };
    for (const auto& entry : range.entries) {
      const std::vector<std::string> keys{"from", "to", "step", "factor"};
      if (std::find(keys.begin(), keys.end(), entry.key) == keys.end())
        problems_.error(entry.where, fmt::format("unknown key '{}' in a range", entry.key), kExample);
    }
    const auto from = number_at("from"), to = number_at("to"), step = number_at("step"), factor = number_at("factor");
    if (!from || !to || (step && factor)) {
      problems_.error(range.where, "a range needs 'from', 'to', and one of 'step' (1 when absent) and 'factor'",
                      kExample);
      return;
    }
    add(scalar(spelled(*from), range.find("from")->where));
    const Progression progression = factor ? Progression{0, *factor} : Progression{step.value_or(1), 1};
    fill(*from, *to, scalar(spelled(*to), range.find("to")->where), progression);
  }

  static constexpr const char* kExample = "{range: {from: 1, to: 512, factor: 2}}";
  const std::string& path_;
  Diagnostics& problems_;
  std::vector<YamlNode> values_;
  std::vector<double> run_;  // the numbers at the end of the values
  std::set<std::string> seen_;
};

// Onto line `line` of the command line's axes; `shift` columns stand before what was parsed.
void relocate(YamlNode& node, int line, int shift) {
  node.where = {std::string(kOverSource), line, node.where.column + shift};
  for (YamlNode& item : node.items) relocate(item, line, shift);
  for (auto& entry : node.entries) {
    entry.where = {std::string(kOverSource), line, entry.where.column + shift};
    relocate(entry.value, line, shift);
  }
}

// Made when absent or null.
YamlNode* child(YamlNode& map, const std::string& key) {
  YamlNode* found = map.find(key);
  if (found == nullptr) {
    map.entries.push_back({key, {std::string(kOverSource), 0, 0}, {}});
    found = &map.entries.back().value;
    found->where = map.entries.back().where;
  }
  if (found->kind == YamlNode::Kind::null) found->kind = YamlNode::Kind::map;
  return found;
}

}  // namespace

std::vector<YamlNode> axis_values(const std::string& path, const YamlNode& domain, Diagnostics& problems) {
  AxisValues values(path, problems);
  values.add_domain(domain);
  return values.take();
}

void join_axes(YamlNode& root, const std::vector<std::string>& keys, const std::vector<std::string>& over,
               Diagnostics& problems) {
  if (over.empty() || root.kind != YamlNode::Kind::map) return;
  YamlNode* axes = &root;
  for (const std::string& key : keys) {
    axes = child(*axes, key);
    if (axes->kind != YamlNode::Kind::map) return;  // not a map: reported
  }
  for (std::size_t i = 0; i < over.size(); ++i) {
    const std::string& text = over[i];
    const int line = static_cast<int>(i) + 1;
    const auto at = [&](std::size_t column) {
      return SourceLocation{std::string(kOverSource), line, static_cast<int>(column) + 1};
    };
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      problems.error(at(0), "an axis is a field and its values", "for example --over engine.max_num_seqs=1,2,4..512",
                     text);
      continue;
    }
    if (text.find_first_not_of(" \t", equals + 1) == std::string::npos) {
      problems.error(at(equals + 1), "no values after '='", "for example --over engine.max_num_seqs=1,2,4..512", text);
      continue;
    }
    // One bracket stands before the values where the path and '=' stood.
    auto list = parse_yaml("[" + text.substr(equals + 1) + "]", std::string(kOverSource));
    if (!list) {
      const Diagnostics found = list.error();
      for (const Diagnostic& d : found.items()) {
        const auto column = static_cast<std::size_t>(std::max(1, d.where.column)) + equals - 1;
        problems.error(at(std::min(column, text.size())), d.message, d.hint, text);
      }
      continue;
    }
    relocate(*list, line, static_cast<int>(equals));
    axes->entries.push_back({text.substr(0, equals), at(0), std::move(*list)});
  }
}

}  // namespace foretoken
