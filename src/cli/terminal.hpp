// Where output goes: results to standard output or a file, everything else to standard error.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/options.hpp"
#include "foretoken/base/result.hpp"
#include "foretoken/report/report.hpp"

namespace foretoken {

// Standard streams that were closed are opened on nothing, so that no file takes their number and gets what is
// printed. Writing to them still fails.
void hold_standard_streams();

// Prints to standard error.
void say(std::string_view text);
void say(const Diagnostics& diagnostics);

// Of the result and its pictures. Says why not, before a long run and not after it. Nothing stays behind.
[[nodiscard]] bool output_can_be_created(const OutputOptions& options);

// No output may overwrite another, or the question itself: says which of the named paths are one file.
[[nodiscard]] bool files_are_distinct(const std::vector<std::pair<std::string, std::string>>& named);

// The result, whole, as Markdown where that is asked for: an exit code says whether it arrived. A reader that closed
// its pipe has had enough, and that is no error.
[[nodiscard]] int deliver(const std::string& words, const OutputOptions& options);

// The result, and then what became of the run: interrupted, a model that does not fit, or `answer`.
[[nodiscard]] int finish(const std::string& text, bool interrupted, bool feasible, const OutputOptions& output,
                         int answer = 0);

// Colour and width of what is printed: COLUMNS where it is set, else the terminal's, else the usual.
[[nodiscard]] TextStyle text_style(const OutputOptions& options);
[[nodiscard]] int terminal_width();

[[nodiscard]] bool wants_progress(const OutputOptions& options);

}  // namespace foretoken
