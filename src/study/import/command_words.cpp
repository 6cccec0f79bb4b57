// Quoting as POSIX shells have it; variables stay as they are written.
#include "study/import/command_words.hpp"

#include <fmt/format.h>

#include <optional>

namespace foretoken {
namespace {

class Splitter {
 public:
  Splitter(const std::string& text, const std::string& origin, Diagnostics& problems)
      : text_(text), origin_(origin), problems_(problems) {}

  std::vector<CommandWords> run() {
    while (at_ < text_.size()) step();
    end_word();
    end_command();
    return std::move(commands_);
  }

 private:
  void step() {
    const char c = text_[at_];
    if (c == '\\') return escaped();
    if (c == '\'' || c == '"') return quoted(c);
    if (c == '\n' || c == ';' || c == '|' || c == '&') {
      end_word();
      end_command();
      return next();
    }
    if (c == ' ' || c == '\t' || c == '\r') {
      end_word();
      return next();
    }
    if (c == '#' && !word_) return comment();
    if (c == '<' || c == '>') return redirection();
    add(c);
    next();
  }

  void escaped() {
    next();
    if (at_ >= text_.size()) return;
    if (text_[at_] == '\r') next();
    if (at_ < text_.size() && text_[at_] == '\n') return next();  // the line goes on
    if (at_ < text_.size()) {
      add(text_[at_]);
      next();
    }
  }

  void quoted(char quote) {
    const SourceLocation begin = here();
    begin_word();
    next();
    while (at_ < text_.size() && text_[at_] != quote) {
      const bool escape = quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size() &&
                          (text_[at_ + 1] == '"' || text_[at_ + 1] == '\\' || text_[at_ + 1] == '\n');
      if (escape) next();
      if (!(escape && text_[at_] == '\n')) add(text_[at_]);
      next();
    }
    if (at_ < text_.size()) return next();
    problems_.error(begin, fmt::format("the quote {} does not close", quote), "end it with the same quote",
                    line_of(begin.line));
  }

  void comment() {
    while (at_ < text_.size() && text_[at_] != '\n') next();
  }

  // 2> file, > file, >& 1, << ...: the operator and the word behind it.
  void redirection() {
    if (word_ && word_->text.find_first_not_of("0123456789") == std::string::npos) word_.reset();
    end_word();
    while (at_ < text_.size() && (text_[at_] == '<' || text_[at_] == '>' || text_[at_] == '&')) next();
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) next();
    while (at_ < text_.size() && std::string_view(" \t\r\n;|&").find(text_[at_]) == std::string_view::npos) next();
  }

  void begin_word() {
    if (!word_) word_ = CommandWord{"", here()};
  }
  void add(char c) {
    begin_word();
    word_->text += c;
  }
  void end_word() {
    if (word_) words_.push_back(std::move(*word_));
    word_.reset();
  }
  void end_command() {
    if (!words_.empty()) commands_.push_back(std::move(words_));
    words_.clear();
  }
  void next() {
    column_ = text_[at_] == '\n' ? 1 : column_ + 1;
    line_ += text_[at_] == '\n' ? 1 : 0;
    ++at_;
  }
  [[nodiscard]] SourceLocation here() const { return {origin_, line_, column_}; }
  [[nodiscard]] std::string line_of(int line) const {
    std::size_t begin = 0;
    for (int i = 1; i < line; ++i) begin = text_.find('\n', begin) + 1;
    return text_.substr(begin, text_.find('\n', begin) - begin);
  }

  const std::string& text_;
  const std::string& origin_;
  Diagnostics& problems_;
  std::size_t at_ = 0;
  int line_ = 1, column_ = 1;
  std::optional<CommandWord> word_;
  CommandWords words_;
  std::vector<CommandWords> commands_;
};

}  // namespace

std::vector<CommandWords> split_commands(const std::string& text, const std::string& origin, Diagnostics& problems) {
  return Splitter(text, origin, problems).run();
}

}  // namespace foretoken
