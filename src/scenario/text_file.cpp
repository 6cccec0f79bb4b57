// Reading in pieces, so that a small file costs little and a huge one is noticed early.
#include "scenario/text_file.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace foretoken {
namespace {

Diagnostics refusal(const std::string& path, std::string message, std::string hint) {
  Diagnostics problems;
  problems.error({path, 0, 0}, std::move(message), std::move(hint));
  return problems;
}

}  // namespace

Result<std::string> read_text(std::istream& stream, const std::string& name, std::size_t most,
                              const std::string& what) {
  std::string text;
  std::array<char, 1 << 16> piece{};
  while (text.size() <= most && stream) {
    stream.read(piece.data(), piece.size());
    const auto size = static_cast<std::size_t>(stream.gcount());
    text.append(piece.data(), size);
    // Whoever parses it says so, with the place.
    if (std::memchr(piece.data(), 0, size) != nullptr) break;
  }
  if (stream.bad()) return refusal(name, "cannot be read", what);
  if (text.size() > most) return refusal(name, fmt::format("is larger than {} MiB", most >> 20), what);
  return text;
}

Result<std::string> read_text_file(const std::string& path, std::size_t most, const std::string& what,
                                   OtherThanFiles others) {
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  if (std::filesystem::is_directory(status)) return refusal(path, "is a folder, not a file", what);
  const bool exists = std::filesystem::exists(status);
  if (others == OtherThanFiles::refused && exists && !std::filesystem::is_regular_file(status))
    return refusal(path, "is a pipe or a device, and it is read more than once", "save it as a file");
  std::ifstream file(path, std::ios::binary);
  if (!file) return refusal(path, exists ? "cannot be read" : "there is no such file", what);
  return read_text(file, path, most, what);
}

}  // namespace foretoken
