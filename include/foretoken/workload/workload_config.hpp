// Who asks, when, and for how many tokens.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "foretoken/base/units.hpp"
#include "foretoken/workload/client_config.hpp"

namespace foretoken {

// ---- lengths, in tokens ----
struct FixedLength {
  std::int64_t tokens = 1024;
  bool operator==(const FixedLength&) const = default;
};
// Uniform integers in [low, high].
struct UniformLength {
  std::int64_t low = 1;
  std::int64_t high = 1;
  bool operator==(const UniformLength&) const = default;
};
// exp(N(mu, sigma)), rounded, cut to [min, max].
struct LognormalLength {
  double mu = 0, sigma = 0;
  std::int64_t min = 1, max = 1'000'000;
  bool operator==(const LognormalLength&) const = default;
};
// P(k) ~ 1/k^alpha over the integers [min, max].
struct ZipfLength {
  double alpha = 1;
  std::int64_t min = 1, max = 1;
  bool operator==(const ZipfLength&) const = default;
};
// Geometric-like: exponential with this mean, rounded up (M/M/1 service).
struct ExponentialLength {
  double mean = 1;
  std::int64_t max = 1'000'000;
  bool operator==(const ExponentialLength&) const = default;
};
// Drawn from given values with given weights.
struct EmpiricalLength {
  std::vector<std::int64_t> tokens;
  std::vector<double> weights;  // empty = equal
  bool operator==(const EmpiricalLength&) const = default;
};
using LengthConfig =
    std::variant<FixedLength, UniformLength, LognormalLength, ZipfLength, ExponentialLength, EmpiricalLength>;

// (input, output) pairs drawn together from a file (any trace format), so that
// their correlation is kept.
struct PairedLengths {
  std::string path;
  std::string format = "auto";
  bool operator==(const PairedLengths&) const = default;
};

struct LengthPairConfig {
  LengthConfig input = FixedLength{1024};
  LengthConfig output = FixedLength{128};
  std::optional<PairedLengths> paired;  // replaces both
  bool operator==(const LengthPairConfig&) const = default;
};

// ---- arrivals ----
// Renewal process: gamma gaps of shape `burstiness` and mean 1/rate. 1 = Poisson, infinity = constant.
struct RenewalArrivals {
  double rate = 1;
  double burstiness = 1;
  bool vllm_rescale = false;  // stretch the gaps so that the last request is sent at num_prompts/rate
  bool operator==(const RenewalArrivals&) const = default;
};
struct AllAtOnceArrivals {
  bool operator==(const AllAtOnceArrivals&) const = default;
};  // request_rate: inf
struct RampArrivals {
  bool exponential = false;  // else linear in the request's index
  double start_rate = 1, end_rate = 1, burstiness = 1;
  bool operator==(const RampArrivals&) const = default;
};
// Poisson whose rate switches between two states with exponential stays (bursts).
struct TwoStateArrivals {
  double low_rate = 1, high_rate = 1;
  Duration mean_low{}, mean_high{};
  bool operator==(const TwoStateArrivals&) const = default;
};
// Poisson whose rate follows a repeating profile: rates[i] holds for period/n.
struct ProfileArrivals {
  Duration period{};
  std::vector<double> rates;
  bool operator==(const ProfileArrivals&) const = default;
};
struct TraceConfig {
  std::string path;
  std::string format = "auto";    // auto, azure, mooncake, burstgpt, sharegpt, csv
  double time_scale = 1;          // arrival times are multiplied by it
  double rate_scale = 1;          // arrivals per second are multiplied by it (times divided)
  std::optional<Duration> start;  // slice of the trace's own time, [start, end)
  std::optional<Duration> end;
  bool operator==(const TraceConfig&) const = default;
};
using ArrivalConfig =
    std::variant<RenewalArrivals, AllAtOnceArrivals, RampArrivals, TwoStateArrivals, ProfileArrivals, TraceConfig>;

// ---- images, videos and sounds ----
// A kind of them, as the model takes it in.
struct MediaKind {
  std::string name;  // 1080x1920
  double weight = 1;
  std::int32_t tokens = 1;     // of the prompt
  std::int32_t sequences = 1;  // tiles or frames that its encoder computes
  std::int32_t patches = 1;    // of each
  bool operator==(const MediaKind&) const = default;
};
// They stand behind the text of a prompt, as `vllm bench serve` sends them.
struct MediaConfig {
  std::vector<MediaKind> kinds;  // empty: prompts are text alone
  std::int64_t items = 1;        // of a request, uniform in [items (1 - range_ratio), items (1 + range_ratio)]
  double range_ratio = 0;
  std::int64_t distinct = 0;  // that there are of them all, each as likely; 0: no two are the same
  [[nodiscard]] bool on() const { return !kinds.empty(); }
  bool operator==(const MediaConfig&) const = default;
};

// ---- the client's side ----
struct PauseConfig {
  bool exponential = false;  // else fixed
  Duration mean{};
  bool operator==(const PauseConfig&) const = default;
};
// Conversations: each arrival opens a session of several turns; a turn's prompt
// is the whole conversation so far plus the new input. num_prompts counts turns. With
// max_concurrency a session holds its place through all its turns.
struct SessionConfig {
  LengthConfig turns = FixedLength{1};
  PauseConfig think_time;
  bool operator==(const SessionConfig&) const = default;
};
struct GoodputLimits {
  std::optional<double> ttft_ms, tpot_ms, e2el_ms;
  [[nodiscard]] bool any() const { return ttft_ms || tpot_ms || e2el_ms; }
  bool operator==(const GoodputLimits&) const = default;
};
struct RequestClass {
  std::string name;
  double weight = 1;
  LengthPairConfig lengths;
  std::optional<std::int64_t> shared_prefix;  // a prefix of its own; empty = the workload's
  int priority = 0;
  GoodputLimits goodput = {};
  double fair_share = 1;  // of the service, relative to other classes (engine.scheduling_policy: vtc)
  std::optional<std::int64_t> media_items = {};  // images and sounds of a request; empty = the workload's
  std::string model = {};                        // that it asks for, by its served name; empty = the only one
  std::optional<int> adapter = {};               // that it asks for, -1 = none; empty = any, by their weights
  bool operator==(const RequestClass&) const = default;
};

// LoRA adapters that requests ask for.
struct AdapterConfig {
  std::vector<double> weights = {};  // by adapter: share of the requests that ask for one, relative; empty = none do
  std::vector<int> ranks = {};       // by adapter
  double base_share = 0;             // of all requests: the base model alone
  bool operator==(const AdapterConfig&) const = default;
};

// Several answers to a request (src/serving/README.md, "Several answers").
struct AnswersConfig {
  int n = 1;           // answers that come back
  int best_of = 1;     // of so many that are computed, at least n
  int beam_width = 0;  // beam search with so many beams; 0 = sampling
  [[nodiscard]] bool on() const { return best_of > 1 || beam_width > 0; }
  bool operator==(const AnswersConfig&) const = default;
};

struct WorkloadConfig {
  ArrivalConfig arrivals = RenewalArrivals{};
  LengthPairConfig lengths;
  MediaConfig media;
  std::int64_t shared_prefix = 0;  // tokens in front of every prompt, the same in all (a system prompt)
  // Requests in all; empty with a trace = the whole trace.
  std::optional<std::int64_t> num_prompts = 1000;
  std::optional<Duration> duration;             // no arrivals at or after it
  std::optional<std::int64_t> max_concurrency;  // requests in flight at most; others wait at the client
  PauseConfig think_time;                       // closed loop: between a finish and the next send
  Duration client_delay{};                      // added to every send that follows a finish
  std::optional<SessionConfig> sessions;
  std::vector<RequestClass> classes;  // empty = one class with `lengths`; a trace keeps its own lengths
  bool ignore_eos = true;             // max_tokens = output length
  std::int64_t max_tokens = 0;        // when !ignore_eos: what policies see; longer outputs are cut to it
  GoodputLimits goodput;              // of requests whose class has none
  ClientConfig client;                // how long they are waited for, and whether they are sent again
  AdapterConfig adapters = {};
  AnswersConfig answers = {};
  double stop_string_share = 0;  // when !ignore_eos: of the requests, those that end by a stop string
  bool operator==(const WorkloadConfig&) const = default;
};

// Prompts may start with what another request has said: a shared prefix, a conversation, or a trace, which may
// describe its prompts.
[[nodiscard]] bool may_share_prefixes(const WorkloadConfig& config);

}  // namespace foretoken
