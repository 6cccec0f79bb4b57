// Everything that can be wrong with a workload's numbers, said in one go.
#include <fmt/format.h>

#include <cmath>
#include <set>
#include <string>
#include <string_view>

#include "foretoken/workload/request_source.hpp"
#include "workload/lengths/lengths.hpp"

namespace foretoken {
namespace {

constexpr double kMaxRate = 1e9;  // per second: one request a nanosecond
// Beyond it a burst is not a burst: thousands of changes of state between two requests.
constexpr double kMaxChangesPerRequest = 1e4;

class Checker {
 public:
  explicit Checker(const WorkloadConfig& config) : config_(config) {}

  Diagnostics run() {
    std::visit([this](const auto& arrivals) { check(arrivals); }, config_.arrivals);
    check_end();
    check_lengths_and_classes();
    check_client();
    check_adapters();
    check_answers();
    return std::move(problems_);
  }

 private:
  void refuse(std::string message, std::string hint = {}) {
    problems_.error({}, "workload: " + std::move(message), std::move(hint));
  }

  // ---- arrivals ----
  void check_rate(const char* name, double rate, bool zero_allowed = false) {
    if ((rate > 0 || (zero_allowed && rate == 0)) && rate <= kMaxRate) return;
    refuse(fmt::format("{} is {:g}: it must be {} 0 and at most {:g} per second", name, rate,
                       zero_allowed ? "at least" : "above", kMaxRate));
  }
  void check_burstiness(double burstiness) {
    if (burstiness >= 1e-3) return;
    refuse(fmt::format("burstiness is {:g}: it must be at least 0.001", burstiness),
           "1 is a Poisson process, smaller is burstier, .inf is a constant rate");
  }
  void check(const RenewalArrivals& arrivals) {
    if (!(std::isinf(arrivals.rate) && arrivals.rate > 0)) check_rate("request_rate", arrivals.rate);
    check_burstiness(arrivals.burstiness);
    if (arrivals.vllm_rescale && !config_.num_prompts) refuse("vllm_rescale needs num_prompts");
  }
  void check(const AllAtOnceArrivals&) {}
  void check(const RampArrivals& arrivals) {
    check_rate("ramp_up_start_rps", arrivals.start_rate);
    check_rate("ramp_up_end_rps", arrivals.end_rate);
    check_burstiness(arrivals.burstiness);
    if (!config_.num_prompts) refuse("a ramp needs num_prompts: its rate follows the share of requests sent");
  }
  void check(const TwoStateArrivals& arrivals) {
    check_rate("bursts.low_rate", arrivals.low_rate, true);
    check_rate("bursts.high_rate", arrivals.high_rate);
    if (arrivals.mean_low <= Duration{} || arrivals.mean_high <= Duration{}) {
      refuse("bursts.mean_low and bursts.mean_high must be above 0");
      return;
    }
    const double low = to_seconds(arrivals.mean_low), high = to_seconds(arrivals.mean_high);
    const double requests_per_cycle = arrivals.low_rate * low + arrivals.high_rate * high;
    if (requests_per_cycle * kMaxChangesPerRequest >= 2 || !(arrivals.high_rate > 0)) return;
    refuse(fmt::format("the bursts change state {:g} times for each request", 2 / requests_per_cycle),
           "use longer states, or request_rate with the mean rate");
  }
  void check(const ProfileArrivals& arrivals) {
    if (arrivals.rates.empty()) refuse("rate_profile.rates is empty");
    bool silent = !arrivals.rates.empty();
    for (std::size_t i = 0; i < arrivals.rates.size(); ++i) {
      check_rate(fmt::format("rate_profile.rates[{}]", i).c_str(), arrivals.rates[i], true);
      silent = silent && arrivals.rates[i] == 0;
    }
    if (silent) refuse("rate_profile.rates are all 0: at least one must be above");
    if (arrivals.period < Duration{static_cast<std::int64_t>(arrivals.rates.size())}) {
      refuse("rate_profile.period must be above 0 and at least 1 ns for each rate");
    }
  }
  void check(const TraceConfig& trace) {
    for (const auto& [name, scale] : {std::pair{"time_scale", trace.time_scale}, {"rate_scale", trace.rate_scale}}) {
      if (scale >= 1e-9 && scale <= 1e9) continue;
      refuse(fmt::format("trace.{} is {:g}: it must be from 1e-9 to 1e9", name, scale));
    }
    if (trace.path.empty()) refuse("trace.path is empty");
    if (trace.start && *trace.start < Duration{}) refuse("trace.start must not be negative");
    if (trace.end && *trace.end <= trace.start.value_or(Duration{})) refuse("trace.end must be after trace.start");
    if (config_.sessions) {
      refuse("sessions cannot be combined with a trace", "each row of a trace is one request");
    }
  }

  // ---- when it ends ----
  void check_end() {
    if (config_.num_prompts && *config_.num_prompts < 1) {
      refuse(fmt::format("num_prompts is {}: it must be at least 1", *config_.num_prompts));
    }
    if (config_.duration && *config_.duration <= Duration{}) refuse("duration must be above 0");
    if (config_.num_prompts || std::holds_alternative<TraceConfig>(config_.arrivals)) return;
    if (!config_.duration) {
      refuse("nothing ends the run", "give num_prompts or duration");
      return;
    }
    const auto* renewal = std::get_if<RenewalArrivals>(&config_.arrivals);
    const bool at_once = std::holds_alternative<AllAtOnceArrivals>(config_.arrivals) ||
                         (renewal != nullptr && std::isinf(renewal->rate));
    if (at_once && !config_.max_concurrency) {
      refuse("all at once and no num_prompts: there is no end to the requests of the first instant",
             "give num_prompts, or max_concurrency for a closed loop that lasts for duration");
    }
  }

  // ---- what is asked ----
  void check_tokens(const std::string& where, const char* what, std::int64_t tokens) {
    if (tokens >= 1 && tokens <= kMaxTokens) return;
    refuse(fmt::format("{}: {} is {}: it must be from 1 to {} tokens", where, what, tokens, kMaxTokens));
  }
  void check_range(const std::string& where, std::int64_t low, std::int64_t high) {
    check_tokens(where, "the smallest length", low);
    check_tokens(where, "the largest length", high);
    if (low > high) refuse(fmt::format("{}: the smallest length, {}, is above the largest, {}", where, low, high));
  }
  void check_length(const std::string& where, const FixedLength& length) {
    check_tokens(where, "the length", length.tokens);
  }
  void check_length(const std::string& where, const UniformLength& length) {
    check_range(where, length.low, length.high);
  }
  void check_length(const std::string& where, const LognormalLength& length) {
    if (!std::isfinite(length.mu)) refuse(fmt::format("{}: mu must be finite, got {:g}", where, length.mu));
    if (!std::isfinite(length.sigma) || length.sigma < 0) {
      refuse(fmt::format("{}: sigma must be finite and at least 0, got {:g}", where, length.sigma));
    }
    check_range(where, length.min, length.max);
  }
  void check_length(const std::string& where, const ZipfLength& length) {
    if (!(length.alpha >= 0) || length.alpha > 100) {
      refuse(fmt::format("{}: alpha must be from 0 to 100, got {:g}", where, length.alpha));
    }
    check_range(where, length.min, length.max);
  }
  void check_length(const std::string& where, const ExponentialLength& length) {
    if (!(length.mean > 0) || !(length.mean <= static_cast<double>(kMaxTokens))) {
      refuse(fmt::format("{}: the mean must be above 0 and at most {}, got {:g}", where, kMaxTokens, length.mean));
    }
    check_tokens(where, "the largest length", length.max);
  }
  void check_length(const std::string& where, const EmpiricalLength& length) {
    if (length.tokens.empty()) refuse(fmt::format("{}: the list of lengths is empty", where));
    for (const std::int64_t tokens : length.tokens) {
      if (tokens >= 1 && tokens <= kMaxTokens) continue;
      check_tokens(where, "a length", tokens);
      break;  // the first of a long list says it
    }
    if (length.tokens.size() > 0xffff'ffffu) refuse(fmt::format("{}: more than 2^32 lengths", where));
    if (length.weights.empty()) return;
    if (length.weights.size() != length.tokens.size()) {
      refuse(fmt::format("{}: {} lengths but {} weights", where, length.tokens.size(), length.weights.size()));
    }
    check_weights(where, length.weights);
  }
  void check_weights(const std::string& where, const std::vector<double>& weights) {
    double sum = 0;
    for (const double weight : weights) {
      if (!(weight >= 0)) {
        refuse(fmt::format("{}: a weight is {:g}: weights must be at least 0", where, weight));
        return;
      }
      sum += weight;
    }
    if (!(sum > 0) || !std::isfinite(sum)) {
      refuse(fmt::format("{}: the weights add up to {:g}: their sum must be above 0 and finite", where, sum));
    }
  }
  void check_pair(const std::string& where, const LengthPairConfig& lengths) {
    if (lengths.paired) {
      if (lengths.paired->path.empty()) refuse(where + ": the path of the paired lengths is empty");
      return;
    }
    std::visit([&](const auto& length) { check_length(where + "input length", length); }, lengths.input);
    std::visit([&](const auto& length) { check_length(where + "output length", length); }, lengths.output);
  }
  void check_prefix(const std::string& where, std::int64_t tokens, bool own_lengths) {
    if (tokens < 0 || tokens > kMaxTokens) {
      refuse(fmt::format("{}random_prefix_len is {}: it must be from 0 to {} tokens", where, tokens, kMaxTokens));
    }
    if (tokens != 0 && !own_lengths) refuse(where + "random_prefix_len cannot be combined with a trace");
  }
  void check_lengths_and_classes() {
    const bool own_lengths = !std::holds_alternative<TraceConfig>(config_.arrivals);
    check_prefix("", config_.shared_prefix, own_lengths);
    if (config_.classes.empty() && own_lengths) check_pair("", config_.lengths);
    if (config_.classes.size() > 32'767) refuse("more than 32,767 classes");
    std::vector<double> weights;
    std::set<std::string> names;
    for (const RequestClass& c : config_.classes) {
      const std::string where = fmt::format("class '{}': ", c.name);
      if (own_lengths) check_pair(where, c.lengths);
      check_prefix(where, c.shared_prefix.value_or(0), own_lengths);
      if (c.priority < -32'768 || c.priority > 32'767) {
        refuse(fmt::format("{}priority is {}: it must be from -32768 to 32767", where, c.priority));
      }
      if (!names.insert(c.name).second) refuse(fmt::format("two classes are called '{}'", c.name));
      weights.push_back(c.weight);
    }
    if (!weights.empty()) check_weights("classes", weights);
    if (!config_.ignore_eos && (config_.max_tokens < 1 || config_.max_tokens > kMaxTokens)) {
      refuse(
          fmt::format("max_tokens is {}: without ignore_eos it must be from 1 to {}", config_.max_tokens, kMaxTokens));
    }
  }

  // ---- the client ----
  void check_client() {
    if (config_.max_concurrency && *config_.max_concurrency < 1) {
      refuse(fmt::format("max_concurrency is {}: it must be at least 1", *config_.max_concurrency),
             "leave it out for no limit");
    }
    if (config_.think_time.mean < Duration{}) refuse("think_time must not be negative");
    if (config_.client_delay < Duration{}) refuse("client_delay must not be negative");
    if (!config_.sessions) return;
    std::visit([&](const auto& turns) { check_length("sessions.turns", turns); }, config_.sessions->turns);
    if (config_.sessions->think_time.mean < Duration{}) refuse("sessions.think_time must not be negative");
  }

  // ---- adapters, answers, who leaves ----
  void check_share(std::string_view what, double share) {
    if (!(share >= 0 && share <= 1)) refuse(fmt::format("{} is {:g}: it must be from 0 to 1", what, share));
  }
  void check_adapters() {
    const AdapterConfig& adapters = config_.adapters;
    check_share("adapters.base_share", adapters.base_share);
    if (!adapters.weights.empty()) check_weights("adapters", adapters.weights);
    if (adapters.weights.size() > 32'767) refuse("more than 32,767 adapters");
    if (adapters.ranks.size() != adapters.weights.size())
      refuse(fmt::format("{} ranks of {} adapters", adapters.ranks.size(), adapters.weights.size()));
    for (const RequestClass& c : config_.classes) {
      const auto adapters_there_are = static_cast<int>(adapters.weights.size());
      if (c.adapter && (*c.adapter < -1 || *c.adapter >= adapters_there_are))
        refuse(fmt::format("class '{}' asks for adapter {} of {}", c.name, *c.adapter, adapters_there_are));
    }
    for (const int rank : adapters.ranks)
      if (rank < 1) refuse(fmt::format("an adapter has rank {}: it must be at least 1", rank));
  }
  void check_answers() {
    const AnswersConfig& a = config_.answers;
    if (a.n < 1 || a.best_of < a.n || a.beam_width < 0)
      refuse(fmt::format("n is {}, best_of {}, beam_width {}: n must be at least 1, best_of at least n", a.n, a.best_of,
                         a.beam_width));
    if (a.on() && config_.sessions) refuse("several answers to a request cannot be combined with sessions");
    check_share("stop_string_share", config_.stop_string_share);
    check_share("client.abort_share", config_.client.abort_share);
    if (config_.client.patience < Duration{}) refuse("client.patience must not be negative");
  }

  const WorkloadConfig& config_;
  Diagnostics problems_;
};

}  // namespace

Diagnostics check_workload(const WorkloadConfig& config) {
  return Checker(config).run();
}

}  // namespace foretoken
