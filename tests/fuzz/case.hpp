// Runs numbered cases, and says which one it was when a case crashes or hangs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "foretoken/base/result.hpp"
#include "fuzz/slips.hpp"

namespace foretoken::fuzz {

// Cases first .. first + count, each with a stream of its own. FORETOKEN_FUZZ_TIMES multiplies `count`,
// FORETOKEN_FUZZ_FROM moves the first; FORETOKEN_FUZZ_ONLY=n runs case n alone. An exception fails the test; a
// crash, or a case that takes a minute, ends the program with the case's name.
void run_cases(std::string_view target, std::int64_t count, const std::function<void(RandomStream&)>& one);

// Every refusal has words and a place, and nothing in it can move a terminal's cursor.
void expect_well_said(const Diagnostics& problems);

}  // namespace foretoken::fuzz
