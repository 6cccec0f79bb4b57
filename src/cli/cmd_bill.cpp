// foretoken bill: what a load that follows the hours of the week costs in a month.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "cli/judge.hpp"
#include "report/bill_report.hpp"

namespace foretoken {
namespace {

// What one replica serves, where the bill depends on it and the scenario does not say.
Result<std::optional<ReplicaCapacity>> missing_capacity(const Question& question, const Scenario& scenario,
                                                        const RunOptions& run) {
  const PriceConfig& prices = scenario.prices;
  if (prices.capacity_per_replica || prices.load_profile.empty() || scenario.slo.empty())
    return std::optional<ReplicaCapacity>{};
  Result<ReplicaCapacity> found = capacity_of_one_replica(question, run);
  if (!found) return found.error();
  return std::optional<ReplicaCapacity>(std::move(*found));
}

int run(const StudyOptions& command) {
  return judge(command, {.counts = ""}, [&](const Asked& asked) -> Result<Answer> {
    const bool fleet = asked.scenario.cluster.fleet.on;
    const Question stays = fleet ? without_fleet(asked.question, asked.scenario) : asked.question;
    const Result<Scenario> still = fleet ? stays.scenario() : Result<Scenario>(asked.scenario);
    if (!still) return still.error();
    const Result<std::optional<ReplicaCapacity>> capacity = missing_capacity(stays, *still, asked.run);
    if (!capacity) return capacity.error();
    Result<Bill> bill = monthly_bill(*still, *capacity);
    if (!bill) return bill.error();
    if (!fleet) return answer_of(*bill, command.output);
    const Result<FleetBill> week = bill_of_fleet(asked.question, *bill, asked.run);
    if (!week) return week.error();
    bill->as_given = *week;
    bill->scenario = asked.scenario;
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
