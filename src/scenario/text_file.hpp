// A text file as one string, never more of it than a stated size.
#pragma once

#include <cstddef>
#include <string>

#include "foretoken/base/result.hpp"

namespace foretoken {

// `what` names the kind of file in the hint. Folders, unreadable files and those above
// `most` bytes (a device never ends) are refused.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, std::size_t most, const std::string& what);

}  // namespace foretoken
