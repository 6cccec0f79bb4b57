// Collecting problems and showing them the way compilers do.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>

#include "base/visible.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

std::string position(const SourceLocation& where) {
  std::string text = where.file;
  if (where.line > 0) text += fmt::format("{}{}", text.empty() ? "line " : ":", where.line);
  if (where.line > 0 && where.column > 0) text += fmt::format(":{}", where.column);
  return text.empty() ? text : text + ": ";
}

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u;  // UTF-8
}

// Long lines are shown around the column, which counts bytes; the caret stands
// under the character.
std::string excerpt(const Diagnostic& d) {
  constexpr std::size_t kWidth = 120;
  std::string line = d.source_line;
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return std::iscntrl(c) != 0; }, ' ');
  std::size_t column = d.where.column > 0 ? static_cast<std::size_t>(d.where.column - 1) : 0;
  if (line.size() > kWidth) {
    std::size_t start = column > kWidth / 2 ? std::min(column - kWidth / 2, line.size() - kWidth) : 0;
    std::size_t end = std::min(start + kWidth, line.size());
    while (start > 0 && continues_character(line[start])) --start;
    while (end < line.size() && continues_character(line[end])) ++end;
    line = line.substr(start, end - start);
    column -= std::min(column, start);
  }
  std::string text = fmt::format("  {}\n", line);
  if (d.where.column > 0 && column <= line.size()) {
    const auto before = line.begin() + static_cast<std::ptrdiff_t>(column);
    const auto bytes_within = std::count_if(line.begin(), before, continues_character);
    text += fmt::format("  {}^\n", std::string(column - static_cast<std::size_t>(bytes_within), ' '));
  }
  return text;
}

// Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
  std::iota(previous.begin(), previous.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, previous);
    std::swap(previous, row);
  }
  return previous[b.size()];
}

}  // namespace

void Diagnostics::error(SourceLocation where, std::string message, std::string hint, std::string source_line) {
  items_.push_back({Severity::error, std::move(where), std::move(message), std::move(hint), std::move(source_line)});
}

void Diagnostics::warning(SourceLocation where, std::string message, std::string hint, std::string source_line) {
  items_.push_back({Severity::warning, std::move(where), std::move(message), std::move(hint), std::move(source_line)});
}

void Diagnostics::append(const Diagnostics& other) {
  items_.insert(items_.end(), other.items_.begin(), other.items_.end());
}

bool Diagnostics::has_errors() const {
  return std::any_of(items_.begin(), items_.end(), [](const Diagnostic& d) { return d.severity == Severity::error; });
}

std::string format(const Diagnostic& d) {
  std::string text =
      fmt::format("{}{}: {}\n", position(d.where), d.severity == Severity::error ? "error" : "warning", d.message);
  if (!d.source_line.empty()) text += excerpt(d);
  if (!d.hint.empty()) text += fmt::format("  hint: {}\n", d.hint);
  return visible(text);
}

std::string format(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& d : diagnostics.items()) text += format(d);
  return text;
}

std::string lower_case(std::string_view word) {
  std::string text(word);
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string closest_match(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string wanted = lower_case(word);
  if (wanted.size() > 100) return {};
  // A third of the letters may be wrong, at least one.
  std::size_t best = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  std::string match;
  for (const std::string& candidate : candidates) {
    const std::size_t d = distance(wanted, lower_case(candidate));
    if (d < best) {
      best = d;
      match = candidate;
    }
  }
  return match;
}

}  // namespace foretoken
