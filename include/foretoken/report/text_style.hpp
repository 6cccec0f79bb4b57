// How results are laid out for people. The caller knows the terminal; reports only obey.
#pragma once

#include <string_view>

namespace foretoken {

struct TextStyle {
  static constexpr int kUnknownWidth = 100;  // of a file, or a terminal that does not say

  bool color = false;                            // ANSI escapes
  int width = kUnknownWidth;                     // columns that tables and sentences may take
  bool full = false;                             // all there is to tell, where the short answer is the usual one
  std::string_view elsewhere = "--format json";  // where columns stand that a table leaves out
};

}  // namespace foretoken
