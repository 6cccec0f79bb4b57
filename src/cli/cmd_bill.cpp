// foretoken bill: what a load that follows the hours of the week costs in a month.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/judge.hpp"
#include "report/bill_report.hpp"

namespace foretoken {
namespace {

// What one replica serves, where the bill depends on it and the scenario does not say.
Result<std::optional<ReplicaCapacity>> missing_capacity(const Asked& asked) {
  const PriceConfig& prices = asked.scenario.prices;
  if (prices.capacity_per_replica || prices.load_profile.empty() || asked.scenario.slo.empty())
    return std::optional<ReplicaCapacity>{};
  Result<ReplicaCapacity> found = capacity_of_one_replica(asked.question, asked.run);
  if (!found) return found.error();
  return std::optional<ReplicaCapacity>(std::move(*found));
}

int run(const StudyOptions& command) {
  return judge(command, {.counts = "", .takes_fleets = false}, [&](const Asked& asked) -> Result<Answer> {
    const Result<std::optional<ReplicaCapacity>> capacity = missing_capacity(asked);
    if (!capacity) return capacity.error();
    const Result<Bill> bill = monthly_bill(asked.scenario, *capacity);
    if (!bill) return bill.error();
    return answer_of(*bill, command.output);
  });
}

}  // namespace

Action add_bill_command(CLI::App* bill_app) {
  auto command = std::make_shared<StudyOptions>();
  add_scenario_options(*bill_app, command->scenario);
  add_output_options(*bill_app, command->output, {"table", "json"});
  add_picture_options(*bill_app, command->output);
  return [command] { return run(*command); };
}

}  // namespace foretoken
