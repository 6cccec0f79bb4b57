// Pictures of results: one as SVG, or all of them with their figures as a page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/json.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {

// Of an SVG file: as the reader's screen is, or one of the two.
enum class PictureTheme { automatic, light, dark };

// All take a result document, as `--format json` prints it, of any schema, with or without the series of add_series().

// Names of pictures that some document has.
[[nodiscard]] std::vector<std::string_view> all_picture_names();
// Those of this one, the most important first.
[[nodiscard]] std::vector<std::string> picture_names(const Json& document);
// One of them, `name` empty for the first. Errors: no such picture, none at all.
[[nodiscard]] Result<std::string> to_svg(const Json& document, std::string_view name,
                                         PictureTheme theme = PictureTheme::automatic);
// One file of HTML with everything in it. It asks nobody for anything, and carries the document.
// `text`: the same answer in words, as a terminal shows it.
[[nodiscard]] std::string to_page(const Json& document, std::string_view text = {});

// Empty: charts of a page can be zoomed into and say their figures under the pointer. Otherwise why they stand still.
[[nodiscard]] std::string_view why_charts_stand_still();

}  // namespace foretoken
