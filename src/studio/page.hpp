// The page of the studio: its skeleton, its style, the controls as data, and the scripts of report and studio.
#pragma once

#include <string>
#include <string_view>

#include "studio/controls.hpp"

namespace foretoken {

struct StudioPage {
  std::string html;
  std::string policy;  // Content-Security-Policy
};
// Needs page_script().
[[nodiscard]] StudioPage studio_page(const Scenario& scenario, const Controls& controls);

// What moves the controls; empty in a program that was built without node.
[[nodiscard]] std::string_view studio_script();

}  // namespace foretoken
