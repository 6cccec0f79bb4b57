// foretoken schema: the JSON Schema of scenario files, or their reference in Markdown.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "foretoken/scenario/scenario.hpp"

namespace foretoken {

Action add_schema_command(CLI::App* schema_app) {
  auto output = std::make_shared<OutputOptions>();
  output->format = "json";
  add_output_options(*schema_app, *output, {"json", "markdown"});
  return [output] {
    const std::string text = output->format == "markdown" ? scenario_reference() : to_text(scenario_schema()) + "\n";
    return deliver(text, *output);
  };
}

}  // namespace foretoken
