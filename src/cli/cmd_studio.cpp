// foretoken studio: a local page to try changes in.
#include <fmt/format.h>
#include <sys/random.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <thread>

#include "cli/interrupt.hpp"
#include "cli/judge.hpp"
#include "cli/read_scenario.hpp"
#include "foretoken/report/picture.hpp"
#include "scenario/starters.hpp"
#include "studio/studio.hpp"

namespace foretoken {
namespace {

struct StudioCommand {
  ScenarioOptions scenario;
  OutputOptions output;
  int port = 0;
  int jobs = 0;
  double idle = 0;
};

// 128 bits of the system's; empty where it has none to give.
std::string random_token() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return {};
  return fmt::format("{:02x}", fmt::join(bytes, ""));
}

// Without a scenario, the one that `init` writes when nothing is said.
std::optional<Question> question_of(const StudioCommand& command) {
  if (!command.scenario.path.empty()) {
    const std::optional<ReadScenario> read = read_scenario(command.scenario, command.output);
    if (!read || refuses_pools(read->scenario, command.scenario.path, "`run` and `compare` take pools"))
      return std::nullopt;
    return read->question;
  }
  const auto chat =
      std::find_if(starters().begin(), starters().end(), [](const Starter& s) { return s.name == "chatbot"; });
  return Question{chat->text, "chatbot.yaml", command.scenario.load_options()};
}

// Simulations leave a core to the page and to whoever else works here.
int threads_of(int jobs) {
  if (jobs > 0) return jobs;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) - 1);
}

int run(const StudioCommand& command) {
  if (!why_charts_stand_still().empty()) {
    say(
        fmt::format("error: the studio's page needs the script of charts: {}\n  hint: install nodejs and npm "
                    "(tools/install-packages web) and build again; `foretoken run --set ... --report out.html` works "
                    "without\n",
                    why_charts_stand_still()));
    return kExitBadInput;
  }
  const std::atomic<bool>* stop = install_interrupt_handlers();
  const std::optional<Question> question = question_of(command);
  if (!question) return kExitBadInput;
  StudioOptions options;
  options.question = *question;
  options.token = random_token();
  if (options.token.empty()) {
    say("error: the system gives no random numbers, without which anybody could guess the studio's address\n");
    return kExitInternal;
  }
  options.port = static_cast<unsigned short>(command.port);
  options.threads = threads_of(command.jobs);
  options.idle = std::chrono::milliseconds(static_cast<std::int64_t>(command.idle * 1e3));
  options.ready = [&](const std::string& address) {
    (void)deliver(address + "\n", {});
    if (!command.output.quiet) say("Open it in a browser of this computer. Ctrl+C ends it.\n");
  };
  if (const Diagnostics problems = run_studio(options, *stop); problems.has_errors()) {
    say(problems);
    return kExitBadInput;
  }
  // Ctrl+C is how it ends; what ran for the page was nobody's result.
  return kExitOk;
}

}  // namespace

Action add_studio_command(CLI::App* studio) {
  auto command = std::make_shared<StudioCommand>();
  studio->add_option("scenario", command->scenario.path,
                     "Scenario file (YAML), or - for standard input; without it, a chatbot to play with");
  add_change_options(*studio, command->scenario);
  studio->add_option("--port", command->port, "Of 127.0.0.1; 0 = any that is free")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  add_jobs_option(*studio, command->jobs, "Threads of one simulation; 0 = one per core but one");
  studio->add_option("--idle", command->idle, "End when nobody was connected for so many seconds; 0 = never")
      ->check(CLI::Range(0.0, 1e9))
      ->capture_default_str();
  studio->add_flag("-q,--quiet", command->output.quiet, "Only the address, and no warnings");
  return [command] { return run(*command); };
}

}  // namespace foretoken
