// Runs a simulation with a listener at each seam.
#include "support/run_log.hpp"

#include "serving/routing/routing_policy.hpp"

namespace foretoken::test {
namespace {

// Raises the stop flag once enough requests have left.
class StoppingSource final : public RequestSource {
 public:
  StoppingSource(RequestSource& source, std::int64_t stop_after, std::atomic<bool>& stop)
      : source_(source), left_(stop_after), stop_(stop) {}
  TimePoint next_arrival() const override { return source_.next_arrival(); }
  Request take() override { return source_.take(); }
  void completed(const Request& request, TimePoint now) override {
    if (--left_ == 0) stop_ = true;
    source_.completed(request, now);
  }
  const PrefixTable* prefixes() const override { return source_.prefixes(); }
  const PromptMedia* media() const override { return source_.media(); }

 private:
  RequestSource& source_;
  std::int64_t left_;
  std::atomic<bool>& stop_;
};

// A prefix that another replica has goes first, and the request with it.
bool fetches(const ClusterConfig& cluster) {
  return cluster.routing.fetch_throughput > 0 && find_router(cluster.router).fetches;
}

}  // namespace

RunLog logged_run(const SimulationConfig& config, RequestSource& source, const CostModel& cost,
                  std::int64_t stop_after) {
  RunLog log;
  log.engine = config.engine;
  log.every_step = config.every_step;
  log.ways_take_time = fetches(config.cluster);
  std::atomic<bool> stop = false;
  StoppingSource stopping(source, stop_after, stop);
  LoggingSource logging_source(stopping, log);
  const LoggingCost logging_cost(cost, log);
  LoggingObserver observer(log);
  log.outcome = simulate(config, logging_source, logging_cost, observer, &stop);
  return log;
}

std::vector<RequestRecord> finished(const RunLog& log) {
  std::vector<RequestRecord> records;
  for (const LogEvent& event : log.events) {
    const Left* left = std::get_if<Left>(&event);
    if (left != nullptr && left->record.outcome == Outcome::finished) records.push_back(left->record);
  }
  return records;
}

}  // namespace foretoken::test
