// foretoken bill: what a load that follows the hours of the week costs in a month.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/interrupt.hpp"
#include "cli/options.hpp"
#include "cli/pictures.hpp"
#include "cli/read_scenario.hpp"
#include "cli/terminal.hpp"
#include "foretoken/report/bill_report.hpp"

namespace foretoken {
namespace {

struct BillCommand {
  ScenarioOptions scenario;
  OutputOptions output;
};

int run(const BillCommand& command) {
  if (!output_can_be_created(command.output)) return kExitBadInput;
  const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
  if (!read) return kExitBadInput;
  std::optional<ReplicaCapacity> capacity;
  const PriceConfig& prices = read->scenario.prices;
  if (!prices.capacity_per_replica && !prices.load_profile.empty() && !read->scenario.slo.empty()) {
    RunOptions options;
    options.stop = install_interrupt_handlers();
    Result<ReplicaCapacity> found = capacity_of_one_replica(read->source, command.scenario.load_options(), options);
    if (!found) {
      say(found.error());
      return options.stop->load() ? kExitInterrupted : kExitBadInput;
    }
    capacity = std::move(*found);
  }
  const Result<Bill> bill = monthly_bill(read->scenario, capacity);
  if (!bill) {
    say(bill.error());
    return kExitBadInput;
  }
  const int delivered = deliver(
      command.output.format == "json" ? to_text(to_json(*bill)) + "\n" : to_text(*bill, text_style(command.output)),
      command.output);
  return deliver_pictures(delivered, command.output, pictured(*bill));
}

}  // namespace

void add_bill_command(CLI::App& app, int& exit_code) {
  CLI::App* bill_app = app.add_subcommand(
      "bill", "Cost of a month by the hours of the week: a fleet of fixed size against one re-sized every hour");
  auto command = std::make_shared<BillCommand>();
  add_scenario_options(*bill_app, command->scenario);
  add_output_options(*bill_app, command->output, {"table", "json"});
  add_picture_options(*bill_app, command->output);
  bill_app->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace foretoken
