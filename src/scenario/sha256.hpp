// SHA-256 (FIPS 180-4), for the hash that names a resolved scenario.
#pragma once

#include <string>
#include <string_view>

namespace foretoken {

// 64 lower-case hexadecimal digits.
[[nodiscard]] std::string sha256(std::string_view text);

}  // namespace foretoken
