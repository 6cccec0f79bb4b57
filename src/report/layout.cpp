// Widths in characters on screen; what a table leaves out.
#include "report/layout.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/visible.hpp"
#include "report/markdown.hpp"

namespace foretoken {
namespace {

constexpr std::size_t kGap = 2;           // between columns
constexpr std::size_t kLeastColumn = 12;  // of a column whose cells are cut

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

// The first `width` characters, of which the last says that there were more.
std::string cut_to(const std::string& cell, std::size_t width) {
  if (display_width(cell) <= width) return cell;
  std::string out;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    if (!is_continuation(cell[i]) && ++taken == width) break;
    out += cell[i];
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "…";
}

std::size_t width_of_line(const std::vector<std::size_t>& widths, const std::vector<bool>& kept, std::size_t indent) {
  std::size_t total = indent, columns = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (!kept[i]) continue;
    total += widths[i];
    ++columns;
  }
  return total + (columns > 0 ? (columns - 1) * kGap : 0);
}

std::string left_out_note(const std::vector<std::string>& names, bool cut, std::size_t needed,
                          std::string_view elsewhere) {
  if (names.empty() && !cut) return {};
  return fmt::format("{}{}{}; a terminal of {} columns or {} shows all\n", cut ? "… = shortened" : "",
                     cut && !names.empty() ? "; " : "",
                     names.empty() ? "" : fmt::format("left out: {}", fmt::join(names, ", ")), needed, elsewhere);
}

// Where the word at `at` ends, a number and its % being one; for a shell, what stands in quotes is one word.
std::size_t end_of_word(std::string_view line, std::size_t at, bool shell) {
  char quote = 0;
  for (; at < line.size(); ++at) {
    if (quote == 0 && line[at] == ' ' && (shell || line.substr(at + 1, 1) != "%")) return at;
    if (!shell || (line[at] != '\'' && line[at] != '"')) continue;
    quote = quote == 0 ? line[at] : quote == line[at] ? 0 : quote;
  }
  return line.size();
}

// One line in pieces of at most `width`, each but the last ended by `ending`.
std::string broken(std::string_view line, std::size_t width, std::size_t hang, std::string_view ending) {
  const std::size_t room = width > display_width(ending) ? width - display_width(ending) : 1;
  const std::size_t start = std::min(line.find_first_not_of(' '), line.size());
  std::string out(line.substr(0, start));
  std::size_t at = start, column = start;
  bool first = true;
  while (at < line.size()) {
    const std::size_t word_end = end_of_word(line, at, !ending.empty());
    const std::size_t next = std::min(line.find_first_not_of(' ', word_end), line.size());
    const std::string_view word = line.substr(at, word_end - at);
    if (!first && column + display_width(word) > room) {
      out.erase(out.find_last_not_of(' ') + 1);
      out += std::string(ending) + "\n" + std::string(hang, ' ');
      column = hang;
    }
    out += line.substr(at, next - at);
    column += display_width(word) + (next - word_end);
    first = false;
    at = next;
  }
  return out;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b' && i + 1 < text.size() && text[i + 1] == '[') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if (!is_continuation(text[i])) {
      ++width;
    }
  }
  return width;
}

void TextTable::row(std::vector<std::string> cells) {
  for (std::string& cell : cells) {
    if (find_control(cell) != std::string::npos) cell = visible(cell);
    std::replace(cell.begin(), cell.end(), '\n', ' ');
  }
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> TextTable::natural_widths() const {
  std::vector<std::size_t> widths;
  for (const auto& cells : rows_) {
    widths.resize(std::max(widths.size(), cells.size()), 0);
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], display_width(cells[i]));
  }
  return widths;
}

char TextTable::importance_of(std::size_t column) const {
  return column < importance_.size() ? importance_[column] : '0';
}

std::string TextTable::text(const TextStyle& style, std::string_view indent) const {
  if (style.markdown) {
    std::vector<std::vector<std::string>> rows = rows_;
    if (!has_headings_ && !rows.empty()) rows.emplace(rows.begin());
    return markdown_table(rows, alignments_);
  }
  std::vector<std::size_t> widths = natural_widths();
  std::vector<bool> kept(widths.size(), true);
  const auto limit = static_cast<std::size_t>(std::max(1, style.width));
  const auto line_width = [&] { return width_of_line(widths, kept, indent.size()); };
  const std::size_t needed = line_width();
  while (line_width() > limit) {
    std::optional<std::size_t> least;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (kept[i] && importance_of(i) != '0' && (!least || importance_of(i) >= importance_of(*least))) least = i;
    }
    if (!least) break;
    kept[*least] = false;
  }
  bool cut = false;
  while (line_width() > limit) {
    std::size_t widest = 0;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (kept[i] && (!kept[widest] || widths[i] > widths[widest])) widest = i;
    }
    const std::size_t over = line_width() - limit;
    if (widths[widest] <= kLeastColumn) break;
    widths[widest] = std::max(kLeastColumn, widths[widest] > over ? widths[widest] - over : 0);
    cut = true;
  }
  std::string out;
  for (const auto& cells : rows_) {
    std::string line(indent);
    bool first = true;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (!kept[i]) continue;
      const std::string cell = cut_to(cells[i], widths[i]);
      const std::string padding(widths[i] - display_width(cell), ' ');
      const bool right = i < alignments_.size() && alignments_[i] == 'r';
      if (!first) line.append(kGap, ' ');
      line += right ? padding + cell : cell + padding;
      first = false;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (!kept[i] && i < rows_.front().size() && !rows_.front()[i].empty()) names.push_back(rows_.front()[i]);
  }
  return out + within_width(std::string(names.empty() && !cut ? "" : indent) +
                                left_out_note(names, cut, needed, style.elsewhere),
                            style);
}

std::string within_width(std::string_view text, const TextStyle& style) {
  if (style.markdown) return std::string(text);
  const auto limit = static_cast<std::size_t>(std::max(1, style.width));
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    out += display_width(line) <= limit ? std::string(line) : broken(line, limit, indent + 2, "");
    if (end < text.size()) out += '\n';
    at = end + 1;
  }
  return out;
}

std::string shell_command(std::string_view command, const TextStyle& style, std::string_view indent) {
  if (style.markdown) return markdown_block(command);
  const auto limit = static_cast<std::size_t>(std::max(1, style.width));
  const std::string line = std::string(indent) + std::string(command);
  return (display_width(line) <= limit ? line : broken(line, limit, indent.size() + 4, " \\")) + "\n";
}

}  // namespace foretoken
