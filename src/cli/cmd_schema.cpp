// foretoken schema: the JSON Schema of scenario files and of results, or the reference of scenarios in Markdown.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "report/schema/documents.hpp"

namespace foretoken {

Action add_schema_command(CLI::App* schema_app) {
  auto output = std::make_shared<OutputOptions>();
  output->format = "json";
  auto what = std::make_shared<std::string>("scenario");
  schema_app->add_option("what", *what, "Of scenario files, or of what is printed with --format json")
      ->check(CLI::IsMember(std::vector<std::string>{"scenario", "result"}))
      ->capture_default_str();
  add_output_options(*schema_app, *output, {"json", "markdown"});
  return [output, what] {
    const bool reference = output->format == "markdown";
    if (reference && *what == "result") {
      say("error: the reference in Markdown is of scenarios\n  hint: `foretoken schema result` prints the JSON "
          "Schema\n");
      return kExitBadInput;
    }
    OutputOptions as_it_is = *output;
    as_it_is.format = "json";  // the reference is Markdown already
    return deliver(reference ? scenario_reference()
                             : to_text(*what == "result" ? shape::result_schema() : scenario_schema()) + "\n",
                   as_it_is);
  };
}

}  // namespace foretoken
