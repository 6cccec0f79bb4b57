// Streams lines of a text file through one fixed buffer, splits CSV fields and
// reads numbers strictly.
#include "base/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace foretoken {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 16;
constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;

Diagnostics unreadable(const std::string& path, const std::string& why) {
  Diagnostics problems;
  problems.error({path, 0, 0}, fmt::format("cannot read the file: {}", why));
  return problems;
}

// Calls field(text) for each field; returns whether the line ended inside quotes.
template <class OnField>
bool scan_csv(std::string_view line, OnField&& field) {
  std::size_t at = 0;
  while (true) {
    std::string text;
    if (at < line.size() && line[at] == '"') {
      for (++at;; ++at) {
        if (at >= line.size()) {
          field(std::move(text));
          return true;
        }
        if (line[at] != '"') {
          text += line[at];
        } else if (at + 1 < line.size() && line[at + 1] == '"') {
          text += line[at++];
        } else {
          break;
        }
      }
      ++at;
    }
    const std::size_t comma = std::min(line.find(',', at), line.size());
    text += line.substr(at, comma - at);
    field(std::move(text));
    if (comma == line.size()) return false;
    at = comma + 1;
  }
}

// from_chars alone would also take "inf", "nan" and "infinity".
bool decimal_characters(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
}

}  // namespace

Result<LineReader> LineReader::open(const std::string& path) {
  std::error_code failure;
  const std::filesystem::file_status status = std::filesystem::status(path, failure);
  if (!std::filesystem::exists(status)) return unreadable(path, failure ? failure.message() : "no such file");
  if (std::filesystem::is_directory(status)) return unreadable(path, "it is a directory");
  // Opening a pipe waits for its writer, and every run opens the file anew.
  if (!std::filesystem::is_regular_file(status))
    return unreadable(path, "it is a pipe or a device, which cannot be read again: save it as a file");
  LineReader reader;
  reader.path_ = path;
  errno = 0;
  reader.stream_.open(path, std::ios::binary);
  if (!reader.stream_) {
    return unreadable(path, errno != 0 ? std::generic_category().message(errno) : "it cannot be opened");
  }
  reader.buffer_.resize(kBufferBytes);
  reader.refill();
  if (!reader.diagnostics_.empty()) return reader.diagnostics_;
  const std::string_view start(reader.buffer_.data(), reader.end_);
  if (start.starts_with("\x1f\x8b") || start.starts_with("\x28\xb5\x2f\xfd")) {
    reader.refuse("the file is compressed", "decompress it first");
  } else if (start.starts_with("\xff\xfe") || start.starts_with("\xfe\xff")) {
    reader.refuse("the file is UTF-16", "save it as UTF-8");
  } else if (start.find('\0') != std::string_view::npos) {
    reader.refuse("the file is binary, not text: it contains NUL bytes", "");
  }
  if (!reader.diagnostics_.empty()) return reader.diagnostics_;
  if (start.starts_with("\xef\xbb\xbf")) reader.begin_ = 3;
  return reader;
}

bool LineReader::next(std::string& line) {
  line.clear();
  if (!diagnostics_.empty()) return false;
  if (begin_ == end_ && !refill()) return false;
  ++line_number_;
  bool complete = false;
  do {
    const char* start = buffer_.data() + begin_;
    const void* newline = std::memchr(start, '\n', end_ - begin_);
    complete = newline != nullptr;
    const std::size_t length =
        complete ? static_cast<std::size_t>(static_cast<const char*>(newline) - start) : end_ - begin_;
    if (line.size() + length > kMaxLineBytes) {
      line.clear();
      return refuse("the line is longer than 1 MiB", "is this a text file with one record per line?");
    }
    line.append(start, length);
    begin_ += length + (complete ? 1 : 0);
  } while (!complete && refill());
  if (!diagnostics_.empty()) {
    line.clear();
    return false;
  }
  if (line.find('\0') != std::string::npos) {
    line.clear();
    return refuse("the line contains a NUL byte: the file is binary or damaged", "");
  }
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

// False at the end of file and on a read error, which becomes a diagnostic.
bool LineReader::refill() {
  begin_ = end_ = 0;
  if (!stream_.good()) return false;
  stream_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  end_ = static_cast<std::size_t>(stream_.gcount());
  if (stream_.bad()) refuse("reading the file failed", "");
  return end_ > 0;
}

bool LineReader::refuse(std::string message, std::string hint) {
  diagnostics_.error({path_, line_number_, 0}, std::move(message), std::move(hint));
  return false;
}

std::vector<std::string> split_csv(std::string_view line) {
  std::vector<std::string> fields;
  scan_csv(line, [&](std::string text) { fields.push_back(std::move(text)); });
  return fields;
}

bool ends_inside_quotes(std::string_view line) {
  return scan_csv(line, [](const std::string&) {});
}

bool parse_number(std::string_view text, double& out) {
  if (!decimal_characters(text)) return false;
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return false;
  out = value;
  return true;
}

bool parse_number(std::string_view text, std::int64_t& out) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return false;
  out = value;
  return true;
}

}  // namespace foretoken
