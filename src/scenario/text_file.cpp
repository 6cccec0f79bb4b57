// Reading in pieces, so that a small file costs little and a huge one is noticed early.
#include "scenario/text_file.hpp"

#include <fmt/format.h>

#include <array>
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

Result<std::string> read_text_file(const std::string& path, std::size_t most, const std::string& what) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return refusal(path, "is a folder, not a file", what);
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const bool exists = std::filesystem::exists(path, ignored);
    return refusal(path, exists ? "cannot be read" : "there is no such file", what);
  }
  std::string text;
  std::array<char, 1 << 16> piece{};
  while (text.size() <= most && file) {
    file.read(piece.data(), piece.size());
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (text.size() > most) return refusal(path, fmt::format("is larger than {} MiB", most >> 20), what);
  return text;
}

}  // namespace foretoken
