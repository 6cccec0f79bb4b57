// GitHub-flavoured Markdown (https://github.github.com/gfm).
#include "report/markdown.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace foretoken {
namespace {

constexpr std::string_view kFence = "```";

std::vector<std::string_view> markdown_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::size_t spaces_before(std::string_view line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

// p99_ttft keeps its underscore: within a word it marks nothing.
bool is_within_word(std::string_view text, std::size_t at) {
  const auto word = [&](std::size_t i) {
    return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])) != 0;
  };
  return at > 0 && word(at - 1) && word(at + 1);
}

enum class MarkdownPart { blank, table, heading, paragraph, item, block };

class MarkdownDocument {
 public:
  void add(MarkdownPart part, const std::string& line) {
    // Parts of one kind stand together; paragraphs are one line each.
    if (!text_.empty() && (part != last_ || part == MarkdownPart::paragraph || part == MarkdownPart::heading))
      text_ += '\n';
    text_ += line + "\n";
    last_ = part;
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
  MarkdownPart last_ = MarkdownPart::blank;
};

}  // namespace

std::string markdown_text(std::string_view text, bool starts_line) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i], next = i + 1 < text.size() ? text[i + 1] : ' ';
    const bool sign = std::string_view("\\`*|$~").find(c) != std::string_view::npos;
    const bool opens = c == '<' && (std::isalpha(static_cast<unsigned char>(next)) != 0 || next == '/' || next == '!');
    const bool starts = starts_line && i == 0 && std::string_view("#+->").find(c) != std::string_view::npos;
    const bool links = c == ']' && next == '(';
    if (sign || opens || starts || links || (c == '_' && !is_within_word(text, i))) out += '\\';
    out += c;
  }
  return out;
}

std::string markdown_table(const std::vector<std::vector<std::string>>& rows, std::string_view alignments) {
  std::size_t columns = 0;
  for (const auto& cells : rows) columns = std::max(columns, cells.size());
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    out += '|';
    for (std::size_t i = 0; i < columns; ++i) {
      std::string cell = i < rows[r].size() ? rows[r][i] : std::string();
      // Without its indentation, which Markdown would drop, a part of a row looks like a row.
      const std::size_t indent = spaces_before(cell);
      cell = markdown_text(std::string_view(cell).substr(indent));
      out += fmt::format(" {}{} |", indent > 0 && !cell.empty() ? "&emsp;" : "", cell);
    }
    out += '\n';
    if (r > 0) continue;
    out += '|';
    for (std::size_t i = 0; i < columns; ++i)
      out += i < alignments.size() && alignments[i] == 'r' ? " ---: |" : " --- |";
    out += '\n';
  }
  return out;
}

std::string markdown_block(std::string_view text, std::string_view language) {
  return fmt::format("{}{}\n{}{}{}\n", kFence, language, text, text.ends_with('\n') ? "" : "\n", kFence);
}

std::string to_markdown(std::string_view text) {
  const std::vector<std::string_view> lines = markdown_lines(text);
  MarkdownDocument document;
  bool in_block = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    const bool fence = line.starts_with(kFence);
    if (in_block || fence) {
      document.add(MarkdownPart::block, std::string(line));
      if (fence) in_block = !in_block;
      continue;
    }
    const std::size_t indent = spaces_before(line);
    if (indent == line.size()) continue;
    if (line.starts_with("| ")) {
      document.add(MarkdownPart::table, std::string(line));
      continue;
    }
    const std::string words = markdown_text(line.substr(indent), true);
    const bool follows_blank = i > 0 && lines[i - 1].empty();
    const std::string_view next = i + 1 < lines.size() ? lines[i + 1] : std::string_view();
    const bool has_body = next.starts_with(' ') || next.starts_with("| ") || next.starts_with(kFence);
    if (i == 0 && lines.size() > 1)
      document.add(MarkdownPart::heading, "## " + words);
    else if (indent == 0 && follows_blank && has_body)
      document.add(MarkdownPart::heading, "### " + words);
    else if (indent == 0)
      document.add(MarkdownPart::paragraph, words);
    else
      document.add(MarkdownPart::item, fmt::format("{}- {}", indent > 2 ? "  " : "", words));
  }
  return document.take();
}

}  // namespace foretoken
