// The catalog files that are part of the binary.
#pragma once

#include <span>
#include <string_view>

namespace foretoken {

struct EmbeddedFile {
  std::string_view folder;  // gpus, models, links, calibration
  std::string_view stem;    // file name without .yaml
  std::string_view text;
};

// Sorted by folder and stem.
[[nodiscard]] std::span<const EmbeddedFile> embedded_catalog();

}  // namespace foretoken
