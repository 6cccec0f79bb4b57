// Requests as they were sent.
#include "measurement/calibration/measured_source.hpp"

#include <cmath>

#include "base/random.hpp"

namespace foretoken {
namespace {

// Arrivals of a configuration, which its source refers to, with the measured lengths.
class MeasuredLengths final : public RequestSource {
 public:
  MeasuredLengths(const WorkloadConfig& config, const std::vector<MeasuredRequest>& requests)
      : config_(config), requests_(requests) {
    config_.num_prompts = static_cast<std::int64_t>(requests.size());
  }
  [[nodiscard]] Diagnostics open(std::uint64_t seed) {
    auto arrivals = make_request_source(config_, seed);
    if (!arrivals) return arrivals.error();
    arrivals_ = std::move(*arrivals);
    return {};
  }
  [[nodiscard]] TimePoint next_arrival() const override { return arrivals_->next_arrival(); }
  Request take() override {
    Request request = arrivals_->take();
    const MeasuredRequest& m = requests_[static_cast<std::size_t>(request.index) % requests_.size()];
    request.prompt_tokens = static_cast<std::int32_t>(m.prompt_tokens);
    request.output_tokens = request.max_tokens = static_cast<std::int32_t>(m.output_tokens);
    return request;
  }
  void completed(const Request& request, TimePoint now) override { arrivals_->completed(request, now); }
  [[nodiscard]] Diagnostics problems() override { return arrivals_->problems(); }

 private:
  WorkloadConfig config_;
  const std::vector<MeasuredRequest>& requests_;
  std::unique_ptr<RequestSource> arrivals_;
};

}  // namespace

bool replays_arrivals(const MeasuredRun& run, const Scenario& scenario) {
  return run.has_arrivals && !scenario.workload.max_concurrency;
}

Result<std::unique_ptr<RequestSource>> make_measured_source(const MeasuredRun& run, const Scenario& scenario,
                                                            int replication) {
  if (!replays_arrivals(run, scenario)) {
    const std::uint64_t seed = replication_seed(scenario.seed, static_cast<std::uint64_t>(replication));
    if (run.requests.empty()) return make_request_source(scenario.workload, seed);
    auto source = std::make_unique<MeasuredLengths>(scenario.workload, run.requests);
    if (Diagnostics problems = source->open(seed); problems.has_errors()) return problems;
    return std::unique_ptr<RequestSource>(std::move(source));
  }
  std::vector<Request> requests;
  for (const MeasuredRequest& m : run.requests) {
    Request request;
    request.arrival = TimePoint(Duration(std::llround(m.arrival * 1e9)));
    request.prompt_tokens = static_cast<std::int32_t>(m.prompt_tokens);
    request.output_tokens = request.max_tokens = static_cast<std::int32_t>(m.output_tokens);
    requests.push_back(request);
  }
  return make_fixed_source(std::move(requests));
}

}  // namespace foretoken
