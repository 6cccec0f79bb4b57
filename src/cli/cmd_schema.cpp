// foretoken schema: the JSON Schema of scenario files, or their reference in Markdown.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

void add_schema_command(CLI::App& app, int& exit_code) {
  CLI::App* schema_app = app.add_subcommand("schema", "Print the JSON Schema of scenario files");
  auto output = std::make_shared<OutputOptions>();
  output->format = "json";
  add_output_options(*schema_app, *output, {"json", "markdown"});
  schema_app->callback([output, &exit_code] {
    const std::string text = output->format == "markdown" ? scenario_reference() : to_text(scenario_schema()) + "\n";
    exit_code = deliver(text, *output);
  });
}

}  // namespace foretoken
