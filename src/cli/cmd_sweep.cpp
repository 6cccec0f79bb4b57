// foretoken sweep: a what-if over lists and ranges, on threads, shards or MPI ranks.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/interrupt.hpp"
#include "cli/options.hpp"
#include "cli/pictures.hpp"
#include "cli/point_ranks.hpp"
#include "cli/progress.hpp"
#include "cli/read_scenario.hpp"
#include "cli/sweep_run.hpp"
#include "cli/terminal.hpp"

namespace foretoken {
namespace {

struct SweepCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  std::string vllm_folder;
  std::string journal;
  std::string shard;
  std::string front;
  int jobs = 0;
  bool dry_run = false;
  bool mpi = false;
  bool step_by_step = false;
};

// The program linked with MPI takes this one's place, so that nobody else waits for MPI at every start.
int become_mpi_program(const std::vector<std::string>& arguments) {
  std::error_code ignored;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const std::string program = (self.parent_path() / "foretoken-mpi").string();
  if (!self.empty() && std::filesystem::exists(program, ignored)) {
    std::vector<std::string> words = arguments;
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    ::execv(program.c_str(), pointers.data());
    say(fmt::format("error: cannot start {}: {}\n", program, std::generic_category().message(errno)));
    return kExitInternal;
  }
  say(fmt::format(
      "error: --mpi: this foretoken was built without MPI: there is no {}\n"
      "  hint: install libboost-mpi1.81-dev and openmpi-bin and build again, or split the sweep with --shard\n",
      program));
  return kExitBadInput;
}

std::optional<std::string> environment(const char* name) {
  // Before any thread starts.
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

bool shard_of(const SweepCommand& command, std::optional<Shard>& shard) {
  if (command.shard.empty()) return true;
  const Result<Shard> parsed = parse_shard(command.shard, environment);
  if (!parsed) {
    say(parsed.error());
    return false;
  }
  shard = *parsed;
  return true;
}

// Before a long run: a misspelt metric must not cost it.
bool front_of(const SweepCommand& command, std::optional<SweepFront>& front) {
  if (command.front.empty()) return true;
  if (!command.shard.empty()) {
    say("error: --front: a shard has a part of the points; give it to `foretoken merge`\n");
    return false;
  }
  const Result<SweepFront> parsed = parse_front(command.front);
  if (!parsed) {
    say(parsed.error());
    return false;
  }
  front = *parsed;
  return true;
}

// Some points or none have no picture of the whole.
bool pictures_of(const SweepCommand& command) {
  if (!wants_pictures(command.output) || (command.shard.empty() && !command.dry_run)) return true;
  say(fmt::format("error: --report and --plot: {}\n",
                  command.dry_run ? "--dry-run simulates nothing that could be shown"
                                  : "a shard has a part of the points; give them to `foretoken merge`"));
  return false;
}

// Whole results are here only where the points run here.
bool vllm_folder_of(const SweepCommand& command) {
  const char* other = !command.shard.empty()     ? "--shard"
                      : !command.journal.empty() ? "--resume"
                      : command.mpi              ? "--mpi"
                      : command.dry_run          ? "--dry-run"
                                                 : nullptr;
  if (command.vllm_folder.empty() || other == nullptr) return true;
  say(fmt::format("error: --save-vllm keeps whole results, which {} does not have\n", other));
  return false;
}

int run(const SweepCommand& command, const Invocation& invocation) {
  if (command.mpi && command.scenario.path == "-") {
    say("error: with --mpi every rank reads the scenario: give a file, not standard input\n");
    return kExitBadInput;
  }
  if (command.mpi && invocation.ranks == nullptr) return become_mpi_program(invocation.arguments);
  const bool first = invocation.ranks == nullptr || invocation.ranks->is_first();
  SweepRun sweep;
  sweep.output = command.output;
  sweep.journal = command.journal;
  sweep.vllm_folder = command.vllm_folder;
  sweep.ranks = invocation.ranks;
  if (first) {
    const bool distinct = files_are_distinct(
        {{"the scenario", command.scenario.path}, {"--output", command.output.output}, {"--resume", command.journal}});
    if (!distinct || !vllm_folder_of(command) || !shard_of(command, sweep.shard) || !front_of(command, sweep.front) ||
        !output_can_be_created(command.output) || !pictures_of(command))
      return kExitBadInput;
  } else {
    sweep.output.quiet = true;
  }
  const std::atomic<bool>* stop = install_interrupt_handlers();
  std::optional<ReadScenario> read = read_scenario(command.scenario, sweep.output, !first);
  if (!read || (first && !inputs_are_kept(read->scenario, command.scenario.path, {"--resume", command.journal})))
    return kExitBadInput;
  if (read->scenario.sweep.empty()) {
    if (first)
      say(
          fmt::format("{}: error: there is nothing to go over\n  hint: --over engine.max_num_seqs=1,2,4..512, or a key "
                      "`sweep` in the scenario\n",
                      command.scenario.path));
    return kExitBadInput;
  }
  sweep.question = {std::move(read->question), std::move(read->scenario)};
  sweep.options.run.threads = command.jobs;
  sweep.options.run.stop = stop;
  sweep.options.run.step_by_step = command.step_by_step;
  std::unique_ptr<ProgressLine> line;
  if (first && wants_progress(command.output)) {
    line = std::make_unique<ProgressLine>("points");
    sweep.options.run.progress = [&](const Progress& progress) { line->update(progress); };
  }
  return command.dry_run ? deliver_plan(std::move(sweep)) : run_and_deliver(std::move(sweep));
}

}  // namespace

Action add_sweep_command(CLI::App* sweep, const Invocation& invocation) {
  auto command = std::make_shared<SweepCommand>();
  add_scenario_options(*sweep, command->scenario);
  sweep
      ->add_option("--over", command->scenario.over,
                   "Go over these values of a field: engine.max_num_seqs=1,2,4..512 (repeatable; joins the scenario's "
                   "own `sweep`)")
      ->type_name("FIELD=VALUES")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  add_output_options(*sweep, command->output, {"table", "json", "csv"});
  add_picture_options(*sweep, command->output);
  CLI::Option* jobs = sweep->add_option("-j,--jobs", command->jobs, "Threads; 0 = one per core");
  jobs->check(CLI::Range(0, 4096));
  CLI::Option* resume = sweep->add_option("--resume", command->journal, "Journal of finished points, not run again");
  resume->type_name("FILE");
  CLI::Option* shard = sweep->add_option("--shard", command->shard,
                                         "Run part i of n only and write its points as JSON lines for `merge`: 0/4, "
                                         "auto (Slurm array), auto/4 (Kubernetes)");
  shard->type_name("I/N");
  CLI::Option* dry_run = sweep->add_flag("--dry-run", command->dry_run, "Print the points and whether they can run");
  dry_run->excludes(resume);
  sweep->add_option("--front", command->front, "Pareto front of two figures: p99_ttft,output_throughput (:min, :max)")
      ->type_name("X,Y");
  sweep
      ->add_option("--save-vllm", command->vllm_folder,
                   "Also write the points as `vllm bench sweep` does, for its plots")
      ->type_name("FOLDER");
  CLI::Option* mpi =
      sweep->add_flag("--mpi", command->mpi, "Under mpirun or srun: the first rank hands out the points");
  mpi->excludes(jobs)->excludes(shard)->excludes(dry_run);
  sweep->add_flag("--step-by-step", command->step_by_step,
                  "Simulate every engine step by itself: the same result, slower");
  return [command, invocation] { return run(*command, invocation); };
}

}  // namespace foretoken
