// --report and --plot: the pictures of a result, for every command that has one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "foretoken/base/json.hpp"
#include "foretoken/experiment/run.hpp"

namespace foretoken {

void add_picture_options(CLI::App& command, OutputOptions& options);

[[nodiscard]] bool wants_pictures(const OutputOptions& options);
[[nodiscard]] std::vector<std::string> picture_files(const OutputOptions& options);
// Names and files that can be told wrong before the run. Says what is wrong.
[[nodiscard]] bool pictures_can_be_created(const OutputOptions& options);

struct Pictured {
  Json document;
  std::string words;  // the same answer as text
};
// Writes what was asked for, of what `result` gives; not called when nothing was. The exit code: `code`, or that of
// what went wrong with the pictures where `code` says that all is well.
[[nodiscard]] int deliver_pictures(int code, const OutputOptions& options, const std::function<Pictured()>& result);
// Of a result that its document and its text say all about.
template <typename T>
[[nodiscard]] std::function<Pictured()> pictured(const T& result) {
  return [&result] { return Pictured{to_json(result), to_text(result)}; };
}

// Of a question about a scenario that is no run itself: one run of it, its course and its roofline. What cannot be
// simulated is left out.
void add_one_run(Json& document, const Scenario& scenario, const RunOptions& options);
// The roofline alone.
void add_roofline_of(Json& document, const Scenario& scenario);

}  // namespace foretoken
