// Every scenario of the project, so that a new one is tested unedited.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "test_paths.hpp"

namespace foretoken::test {

[[nodiscard]] inline std::vector<std::string> scenario_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(FORETOKEN_SOURCE_DIR "/scenarios")) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace foretoken::test
