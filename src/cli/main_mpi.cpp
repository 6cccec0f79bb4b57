// foretoken-mpi: the program as one rank of an MPI run. `foretoken sweep --mpi` starts it in its place.
#include <boost/mpi/communicator.hpp>
#include <boost/mpi/environment.hpp>
#include <chrono>
#include <deque>
#include <thread>

#include "cli/app.hpp"
#include "cli/exit_codes.hpp"
#include "cli/point_ranks.hpp"
#include "cli/terminal.hpp"

namespace foretoken {
namespace {

namespace mpi = boost::mpi;

// To the first rank: ready for a point (empty), or the line of the last one. From it: a point, or kNone.
enum Tag { kReady = 1, kLine = 2, kLeave = 3, kPoint = 4 };
constexpr std::int64_t kNone = -1;
// OpenMPI waits by turning in circles; the first rank has no core of its own.
constexpr std::chrono::microseconds kPause{200};

class MpiRanks final : public PointRanks {
 public:
  MpiRanks() : working_(world_.size() - 1), given_(static_cast<std::size_t>(world_.size()), kNone) {}
  MpiRanks(const MpiRanks&) = delete;
  MpiRanks& operator=(const MpiRanks&) = delete;
  ~MpiRanks() override {
    if (is_first())
      serve(
          {}, [](std::size_t, const std::string&) {}, nullptr);
    else if (!done_)
      world_.send(0, kLeave, std::string{});
  }

  [[nodiscard]] bool is_first() const override { return world_.rank() == 0; }

  void hand_out(const std::vector<std::size_t>& wanted, const PointLine& line_of,
                const std::function<void(std::size_t, const std::string&)>& on_line,
                const std::atomic<bool>* stop) override {
    std::deque<std::size_t> rest = serve({wanted.begin(), wanted.end()}, on_line, stop);
    // Alone, or left by all others.
    for (; !rest.empty() && !stopped(stop); rest.pop_front()) on_line(rest.front(), line_of(rest.front()));
  }

  void compute(const PointLine& line_of) override {
    world_.send(0, kReady, std::string{});
    for (;;) {
      std::int64_t index = kNone;
      world_.recv(0, kPoint, index);
      if (index == kNone) break;
      world_.send(0, kLine, line_of(static_cast<std::size_t>(index)));
    }
    done_ = true;
  }

 private:
  static bool stopped(const std::atomic<bool>* stop) { return stop != nullptr && stop->load(); }

  // Until every other rank has been told that nothing is left, or has left. Returns what nobody took.
  std::deque<std::size_t> serve(std::deque<std::size_t> left,
                                const std::function<void(std::size_t, const std::string&)>& on_line,
                                const std::atomic<bool>* stop) {
    while (working_ > 0) {
      const auto message = world_.iprobe(mpi::any_source, mpi::any_tag);
      if (!message) {
        std::this_thread::sleep_for(kPause);
        continue;
      }
      const int rank = message->source();
      std::int64_t& given = given_[static_cast<std::size_t>(rank)];
      std::string line;
      world_.recv(rank, message->tag(), line);
      if (message->tag() == kLine) on_line(static_cast<std::size_t>(given), line);
      if (message->tag() == kLeave) {
        --working_;
        continue;
      }
      given = kNone;
      if (!left.empty() && !stopped(stop)) {
        given = static_cast<std::int64_t>(left.front());
        left.pop_front();
      } else {
        --working_;
      }
      world_.send(rank, kPoint, given);
    }
    return left;
  }

  mpi::communicator world_;
  int working_;  // other ranks that wait for points
  std::vector<std::int64_t> given_;
  bool done_ = false;
};

int run_rank(int argc, char** argv) {
  MpiRanks ranks;
  const int code = run_command_line(argc, argv, &ranks);
  return ranks.is_first() ? code : kExitOk;  // the first one speaks for all
}

}  // namespace
}  // namespace foretoken

int main(int argc, char** argv) {
  bool asked = false;
  for (int i = 1; i < argc; ++i) asked |= std::string_view(argv[i]) == "--mpi";
  if (!asked) {
    foretoken::say("error: foretoken-mpi is started by `mpirun foretoken sweep ... --mpi`\n");
    return foretoken::kExitBadInput;
  }
  const boost::mpi::environment environment(argc, argv);
  return foretoken::run_rank(argc, argv);
}
