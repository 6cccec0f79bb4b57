// Dynamo's planner by TTFT and ITL (optimization_target: sla), of a pool that prefills or one that decodes
// (throughput_scaling.py 0c9050c9, load_scaling.py 0c6da1ec, perf_model/{prefill,decode}.py 4d3f6720 and 439d6458).
// What it learns of step times by regression is the profile here, and its predictor is `constant`.
#include <algorithm>
#include <cmath>
#include <optional>

#include "serving/fleet/autoscaler.hpp"

namespace foretoken {
namespace {

constexpr Duration kLoadMatchingLoop = std::chrono::seconds{180};

// Of the requests that were answered within the window.
struct Demand {
  double rate = 0;  // 1/s
  double prompt = 0, output = 0;
  double uncached = 1;  // share of a prompt
};

class DynamoSlaPlanner final : public Autoscaler {
 public:
  DynamoSlaPlanner(const AutoscalerConfig& config, const ReplicaProfile& profile)
      : Autoscaler(config), profile_(profile) {
    next_ = TimePoint{} + config.interval;
    next_throughput_ = TimePoint{} + kLoadMatchingLoop;
    seen_ = std::nan("");
  }

 protected:
  TimePoint next_decision() const override { return std::min(next_, next_throughput_); }

  int decide(TimePoint now, const ReplicaNumbers& numbers) override {
    const std::optional<Demand> demand = demand_at(now);
    int wanted = numbers.wanted;
    if (next_throughput_ <= now) {
      next_throughput_ += kLoadMatchingLoop;
      if (demand) bound_ = within_bounds(config_.sees_prompts ? to_prefill(*demand) : to_decode(*demand));
      wanted = std::max(wanted, bound_);
    }
    if (next_ <= now) {
      next_ += config_.interval;
      const MetricSample* sample = history_.newest(now);
      if (demand && sample != nullptr && !numbers.is_changing() && wanted == numbers.wanted)
        wanted += config_.sees_prompts ? prefill_step(*sample, *demand) : decode_step(*sample);
    }
    return within_bounds(std::max(wanted, bound_));
  }

 private:
  [[nodiscard]] std::optional<Demand> demand_at(TimePoint now) const {
    const MetricSample *to = history_.newest(now), *from = history_.oldest(now, config_.window);
    if (to == nullptr || from == nullptr || to->at <= from->at) return std::nullopt;
    const auto requests = static_cast<double>(to->traffic.requests - from->traffic.requests);
    if (requests <= 0) return std::nullopt;
    Demand demand;
    demand.rate = requests / to_seconds(to->at - from->at);
    demand.prompt = static_cast<double>(to->traffic.prompt_tokens - from->traffic.prompt_tokens) / requests;
    demand.output = static_cast<double>(to->traffic.output_tokens - from->traffic.output_tokens) / requests;
    const std::int64_t looked_up = to->traffic.looked_up - from->traffic.looked_up;
    if (looked_up > 0)
      demand.uncached =
          1 - static_cast<double>(to->traffic.found - from->traffic.found) / static_cast<double>(looked_up);
    return demand;
  }

  // ---- the lower bound: replicas that match the load ----

  // One prompt after the other, and as many as the limit is missed by where even an idle replica misses it.
  [[nodiscard]] double to_prefill(const Demand& demand) const {
    const double takes = prompts_take(demand.prompt * demand.uncached);
    const double limit = to_seconds(config_.ttft);
    return std::max({std::ceil(demand.rate * takes), takes > limit ? std::ceil(takes / limit) : 1.0, 1.0});
  }
  // The largest batch within the limit, at the context of the middle of an answer; its rate by Little's law.
  [[nodiscard]] double to_decode(const Demand& demand) const {
    const double context = demand.prompt + demand.output / 2;
    if (context <= 0 || demand.output <= 0) return 1;
    const double most = std::max(1.0, std::min(std::floor(profile_.kv_tokens() / context), profile_.seats()));
    double low = 1, high = most;
    while (low < high) {
      const double middle = std::ceil((low + high) / 2);
      (profile_.decode(middle, middle * context) <= to_seconds(config_.itl)) ? low = middle : high = middle - 1;
    }
    return std::max(1.0, std::ceil(demand.rate * demand.output * profile_.decode(low, low * context) / low));
  }

  // ---- one more where all are too slow, one less where the others would stay fast enough ----

  // A new request behind so many tokens, in steps of the token budget.
  [[nodiscard]] double prompts_take(double tokens) const {
    const double budget = profile_.most_batched_tokens();
    double takes = std::floor(tokens / budget) * profile_.prefill(budget);
    const double rest = tokens - std::floor(tokens / budget) * budget;
    return rest > 0 ? takes + profile_.prefill(rest) : takes;
  }
  int prefill_step(const MetricSample& sample, const Demand& demand) {
    const double limit = to_seconds(config_.ttft), own = prompts_take(demand.prompt * demand.uncached);
    const double room = (limit - own) * config_.down_sensitivity;
    const auto takes = [&](double queued) { return prompts_take((queued + demand.prompt) * demand.uncached); };
    return step(sample, limit, [&](const ReplicaLoad& load, double more) {
      const auto queued = static_cast<double>(load.prompt_tokens);
      return Estimate{takes(queued), takes(std::floor(queued * more)) - own < room};
    });
  }
  int decode_step(const MetricSample& sample) {
    const double limit = to_seconds(config_.itl);
    return step(sample, limit, [&](const ReplicaLoad& load, double more) {
      const auto tokens = static_cast<double>(load.tokens), rows = static_cast<double>(load.running) + 1;
      const double each = tokens / std::max<double>(1, static_cast<double>(load.running + load.waiting));
      const double after = std::floor(tokens * more);
      const bool fits =
          after < profile_.kv_tokens() && profile_.decode(rows, after + each) < limit * config_.down_sensitivity;
      return Estimate{profile_.decode(rows, tokens + each), fits};
    });
  }

  struct Estimate {
    double latency = 0;  // s, as it is
    bool fits = false;   // with the load of one replica less
  };
  // estimate(load, factor on the load of each where one is less).
  template <class Of>
  int step(const MetricSample& sample, double limit, Of estimate) {
    const auto n = static_cast<double>(sample.replicas.size());
    if (sample.replicas.empty()) return 0;
    bool more = true, less = n > 1;
    seen_ = 0;
    for (const ReplicaLoad& load : sample.replicas) {
      const Estimate e = estimate(load, n > 1 ? n / (n - 1) : 1);
      more = more && e.latency > limit;
      less = less && e.fits;
      seen_ = std::max(seen_, e.latency / limit);
    }
    return more ? 1 : less ? -1 : 0;
  }

  const ReplicaProfile& profile_;
  TimePoint next_throughput_;
  int bound_ = 0;
};

}  // namespace

std::unique_ptr<Autoscaler> make_dynamo_sla_planner(const AutoscalerConfig& config, const ReplicaProfile& profile) {
  return std::make_unique<DynamoSlaPlanner>(config, profile);
}

}  // namespace foretoken
