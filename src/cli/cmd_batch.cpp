// foretoken batch: how many requests to serve at once.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/judge.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/batch.hpp"

namespace foretoken {
namespace {

struct BatchCommand : StudyOptions {
  std::string sizes = BatchOptions{}.sizes;
};

int run(const BatchCommand& command) {
  return judge(command,
               {.counts = "batch sizes",
                .instead_of_pools = "a batch size is of one engine: ask it of each pool alone, without `pools`"},
               [&](const Asked& asked) -> Result<Answer> {
                 BatchOptions options;
                 options.run = asked.run;
                 options.sizes = command.sizes;
                 const Result<BatchStudy> study = study_batch(asked.question, asked.scenario, options);
                 if (!study) return study.error();
                 Answer answer = answer_of(*study, command.output);
                 answer.unfit = study->sizes.front().reason;
                 return answer;
               });
}

}  // namespace

Action add_batch_command(CLI::App* batch) {
  auto command = std::make_shared<BatchCommand>();
  add_scenario_options(*batch, command->scenario);
  add_output_options(*batch, command->output, {"table", "json"});
  add_picture_options(*batch, command->output);
  add_json_flag(*batch, command->output);
  batch->add_option("--sizes", command->sizes, "Batch sizes, of one replica: values and ranges")
      ->type_name("VALUES")
      ->capture_default_str();
  add_jobs_option(*batch, command->jobs);
  return [command] { return run(*command); };
}

}  // namespace foretoken
