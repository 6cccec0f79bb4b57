// The shape that studies of a scenario share as commands: read it, study it, print the answer, tell it by the exit
// code.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/options.hpp"
#include "cli/pictures.hpp"
#include "cli/terminal.hpp"
#include "foretoken/base/json.hpp"
#include "foretoken/experiment/run.hpp"
#include "foretoken/scenario/question.hpp"

namespace foretoken {

struct StudyOptions {
  ScenarioOptions scenario;
  OutputOptions output;
  int jobs = 0;
};

// What a study is asked.
struct Asked {
  const Question& question;
  const Scenario& scenario;  // what it resolves to
  RunOptions run;            // threads, interrupt and progress
};

// What a study has to say.
struct Answer {
  std::string document;
  int exit_code = kExitOk;  // of a whole answer
  bool interrupted = false;
  bool says_interrupted = false;  // the document does
  bool feasible = true;
  std::string unfit;                 // why not
  std::optional<Pictured> pictured;  // where pictures are wanted
  std::function<int()> write;        // what else was asked for, before the document; its exit code where that arrived
};

// A report is a pair of functions, to_text(result, style) and to_json(result).
template <class R>
[[nodiscard]] std::string document_of(const R& result, const OutputOptions& output) {
  return output.format == "json" ? to_text(to_json(result)) + "\n" : to_text(result, text_style(output));
}

template <class R>
[[nodiscard]] Answer answer_of(const R& result, const OutputOptions& output, int exit_code = kExitOk) {
  Answer answer;
  answer.document = document_of(result, output);
  answer.exit_code = exit_code;
  if (wants_pictures(output)) answer.pictured = pictured(result)();
  if constexpr (requires { result.interrupted; }) answer.interrupted = result.interrupted;
  if constexpr (requires { result.feasible; }) answer.feasible = result.feasible;
  if constexpr (requires { result.memory.verdict; }) answer.unfit = result.memory.verdict;
  return answer;
}

// How the steps around a study tell of it.
struct Judging {
  const char* counts = "requests";    // what the progress line counts; empty: it shows none
  const char* of_a_sweep = "";        // what is said of a scenario with one: "note: ..."
  const char* instead_of_pools = "";  // a scenario with pools is refused; what to do
};

// Errors of `study` are said; empty ones were said already.
[[nodiscard]] int judge(const StudyOptions& options, const Judging& judging,
                        const std::function<Result<Answer>(const Asked&)>& study);

// Says that the question is not of replicas that come and go, or not of pools, where the scenario has them.
[[nodiscard]] bool refuses_pools(const Scenario& scenario, const std::string& path, const char* instead);

// After add_output_options().
void add_json_flag(CLI::App& command, OutputOptions& output);
void add_jobs_option(CLI::App& command, int& jobs, const std::string& for_what = "Threads; 0 = one per core");

// A study without options of its own as the last member of its row.
template <class R>
[[nodiscard]] std::function<Action(CLI::App*)> study_command(Result<R> (*study)(const Question&, const Scenario&,
                                                                                const RunOptions&)) {
  return [study](CLI::App* command) -> Action {
    auto options = std::make_shared<StudyOptions>();
    add_scenario_options(*command, options->scenario);
    add_output_options(*command, options->output, {"table", "json"});
    add_picture_options(*command, options->output);
    add_json_flag(*command, options->output);
    add_jobs_option(*command, options->jobs);
    return [options, study] {
      return judge(*options, {}, [&](const Asked& asked) -> Result<Answer> {
        const Result<R> result = study(asked.question, asked.scenario, asked.run);
        if (!result) return result.error();
        return answer_of(*result, options->output);
      });
    };
  };
}

}  // namespace foretoken
