// A text file as one string, never more of it than a stated size.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>

#include "foretoken/base/result.hpp"

namespace foretoken {

// Pipes and devices give their text once: refused for what is read again, by a hash or by the next point.
enum class OtherThanFiles { read_once, refused };

// `what` names the kind of file in the hint. Folders, unreadable files and those above
// `most` bytes (a device never ends) are refused; behind a NUL byte, which no text has, nothing is read.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, std::size_t most, const std::string& what,
                                                 OtherThanFiles others = OtherThanFiles::read_once);
// The same of a stream that is open.
[[nodiscard]] Result<std::string> read_text(std::istream& stream, const std::string& name, std::size_t most,
                                            const std::string& what);

}  // namespace foretoken
