// A source that holds each request back until the one before has left.
#include "study/check/idle.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiment/cost_models.hpp"
#include "experiment/replication.hpp"
#include "foretoken/serving/simulation.hpp"

namespace foretoken {
namespace {

class OneAtATime final : public RequestSource {
 public:
  OneAtATime(RequestSource& inner, std::int64_t most) : inner_(inner), left_(most) {}

  [[nodiscard]] TimePoint next_arrival() const override {
    if (busy_ || left_ == 0) return kNever;
    const TimePoint next = inner_.next_arrival();
    return next == kNever ? kNever : std::max(next, free_at_);
  }
  Request take() override {
    const TimePoint at = next_arrival();
    Request request = inner_.take();
    request.arrival = at;
    busy_ = true;
    --left_;
    return request;
  }
  void completed(const Request& request, TimePoint now) override {
    busy_ = false;
    free_at_ = now + Duration{1};
    inner_.completed(request, now);
  }
  [[nodiscard]] const PrefixTable* prefixes() const override { return inner_.prefixes(); }
  [[nodiscard]] const PromptMedia* media() const override { return inner_.media(); }

 private:
  RequestSource& inner_;
  std::int64_t left_;
  bool busy_ = false;
  TimePoint free_at_{};
};

class LoneObserver final : public Observer {
 public:
  explicit LoneObserver(const Scenario& scenario) : scenario_(scenario) {}
  void on_request(const RequestRecord& r) override {
    if (r.outcome != Outcome::finished) return;
    LoneRequest lone;
    lone.prompt_tokens = r.request.prompt_tokens;
    lone.output_tokens = r.request.output_tokens;
    lone.ttft_ms = to_milliseconds(r.first_token - r.request.arrival);
    lone.e2el_ms = to_milliseconds(r.finish - r.request.arrival);
    const double gaps = r.request.output_tokens - (scenario_.tpot == TpotConvention::vllm ? 1 : 0);
    lone.tpot_ms = r.request.output_tokens > 1 ? to_milliseconds(r.finish - r.first_token) / gaps
                                               : std::numeric_limits<double>::quiet_NaN();
    lone.request_class = r.request.class_index;
    lone.good = is_good(lone, limits_of(r.request));
    requests.push_back(lone);
  }
  void on_steps(const StepSpan&) override {}
  void on_gap(Duration, std::int64_t) override {}

  std::vector<LoneRequest> requests;

 private:
  [[nodiscard]] const GoodputLimits& limits_of(const Request& request) const {
    const auto& classes = scenario_.workload.classes;
    const auto index = static_cast<std::size_t>(request.class_index);
    return index < classes.size() && classes[index].goodput.any() ? classes[index].goodput : scenario_.workload.goodput;
  }
  static bool is_good(const LoneRequest& r, const GoodputLimits& limits) {
    const auto exceeds = [](const std::optional<double>& limit, double value) { return limit && value > *limit; };
    return !exceeds(limits.ttft_ms, r.ttft_ms) && !exceeds(limits.tpot_ms, r.tpot_ms) &&
           !exceeds(limits.e2el_ms, r.e2el_ms);
  }
  const Scenario& scenario_;
};

}  // namespace

Result<std::vector<LoneRequest>> lone_requests(const Scenario& scenario, std::int64_t most, CostModelPool* models) {
  auto source = make_request_source(scenario.workload, scenario.seed);
  if (!source) return source.error();
  OneAtATime alone(**source, most);
  Scenario idle = scenario;
  idle.engine.max_wait = {};  // under load a batch may fill at once
  idle.cluster = {.router = idle.cluster.router, .routing = idle.cluster.routing};  // one, there and open to all
  idle.workload.client = {};                                                        // who waits as long as it takes
  for (PoolPlan& pool : idle.pools) {
    pool.engine.max_wait = {};
    pool.cluster.replicas = 1;
    pool.cluster.fleet = {};
    pool.cluster.admission = {};
  }
  LoneObserver observer(scenario);
  (void)simulate_deployment(idle, {.seed = scenario.seed, .cost_models = models}, alone, observer);
  if (Diagnostics broken = (*source)->problems(); broken.has_errors()) return broken;
  return std::move(observer.requests);
}

}  // namespace foretoken
