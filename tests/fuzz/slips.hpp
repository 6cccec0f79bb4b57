// Damage to texts, as slips, half-copied files and ill will make it: a case is a seed and a number, and can be made
// again by itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"

namespace foretoken::fuzz {

// What a case draws from; the same for the same target and number.
[[nodiscard]] RandomStream stream_of(std::string_view target, std::int64_t number);

[[nodiscard]] std::size_t below(RandomStream& random, std::size_t count);
[[nodiscard]] const std::string& one_of(RandomStream& random, const std::vector<std::string>& choices);

// A value that some reader has got wrong: limits of integers, spellings of infinity, quotes, control characters.
[[nodiscard]] const std::string& nasty_value(RandomStream& random);

// One slip: a byte changed, lost or doubled, the end cut off, a line repeated or moved, a number or a word replaced.
[[nodiscard]] std::string slipped(std::string text, RandomStream& random);
// One to four of them; at times none.
[[nodiscard]] std::string damaged(std::string text, RandomStream& random);

}  // namespace foretoken::fuzz
