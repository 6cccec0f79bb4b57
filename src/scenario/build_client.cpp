// Clients that give up and try again.
#include <fmt/format.h>

#include <algorithm>

#include "scenario/build.hpp"

namespace foretoken {
namespace {

// src/serving/README.md, "Clients that try again", with sources.
struct Preset {
  std::string_view name;
  double timeout = 0;  // seconds, as the next ones
  std::int64_t retries = 0;
  double backoff = 0;
  double factor = 2;
  double most = 8;
  bool less_one = false;
  Jitter jitter = Jitter::none;
  bool after_timeout = true;
  bool after_rejection = true;
  double total_timeout = 0;
};
constexpr Preset kPresets[] = {
    {"none"},
    {"openai", 600, 2, 0.5, 2, 8, false, Jitter::minus_25},
    {"envoy", 0, 1, 0.025, 2, 0.25, true, Jitter::full, false, true, 15},
    {"nginx", 60, 0},
    {"sglang_router", 0, 4, 0.05, 1.5, 30, false, Jitter::plus_minus_20},
};
constexpr std::string_view kJitters[] = {"none", "minus_25", "plus_minus_20", "full"};

const Preset& preset_of(std::string_view name) {
  const auto at =
      std::find_if(std::begin(kPresets), std::end(kPresets), [&](const Preset& p) { return p.name == name; });
  return at == std::end(kPresets) ? kPresets[0] : *at;
}

void read_reasons(Resolver& values, const Preset& preset, ClientConfig& c) {
  constexpr const char* kPath = "workload.client.retry_on";
  c.after_timeout = preset.after_timeout;
  c.after_rejection = preset.after_rejection;
  if (!values.given(kPath)) return;
  c.after_timeout = c.after_rejection = c.after_failure = false;
  for (const std::string& reason : values.texts(kPath)) {
    if (reason == "timeout")
      c.after_timeout = true;
    else if (reason == "rejection")
      c.after_rejection = true;
    else if (reason == "failure")
      c.after_failure = true;
    else
      values.error(kPath, fmt::format("'{}' is nothing after which an attempt is repeated", reason),
                   "timeout, rejection or failure");
  }
}

void read_retries(Resolver& values, const Preset& preset, ClientConfig& c) {
  const std::string by(preset.name);
  const auto seconds = [&](const char* path, double value) {
    return duration_from_seconds(values.quantity(path, {value, Origin::default_value, by}));
  };
  c.retries = values.integer("workload.client.retries", {preset.retries, Origin::default_value, by});
  c.backoff = seconds("workload.client.backoff", preset.backoff);
  c.backoff_factor = values.number("workload.client.backoff_factor", {preset.factor, Origin::default_value, by});
  c.most_backoff = seconds("workload.client.max_backoff", preset.most);
  c.less_one = preset.less_one;
  const std::string jitter =
      values.text("workload.client.jitter",
                  {std::string(kJitters[static_cast<std::size_t>(preset.jitter)]), Origin::default_value, by});
  const auto at = std::find(std::begin(kJitters), std::end(kJitters), jitter);
  c.jitter = static_cast<Jitter>(at == std::end(kJitters) ? 0 : at - std::begin(kJitters));
  c.migrations = values.integer("workload.client.migration_limit");
  c.budget_per_request = values.maybe_number("workload.client.retry_budget").value_or(0);
  c.most_budget = values.number("workload.client.retry_budget_burst");
  read_reasons(values, preset, c);
}

void read_patience(Resolver& values, ClientConfig& c) {
  c.abort_share = values.number("workload.client.abort_share");
  const auto patience = values.maybe_quantity("workload.client.patience");
  if (patience) c.patience = duration_from_seconds(*patience);
  c.patience_is_exponential = values.text("workload.client.patience_distribution") == "exponential";
  if (c.abort_share > 0 && !patience)
    values.error("workload.client.abort_share",
                 "'workload.client.patience' is missing: nobody knows when those who leave do",
                 "say how long they wait in the mean");
}

void warn_of_client(Resolver& values, const char* key, bool idle, const char* reason) {
  const std::string path = fmt::format("workload.client.{}", key);
  if (idle && values.given(path)) values.warning(path, fmt::format("'{}' has no effect: {}", path, reason));
}

void check_client(Resolver& values, const ClientConfig& c) {
  if (c.total_timeout > Duration{} && c.timeout > c.total_timeout)
    values.error("workload.client.total_timeout",
                 fmt::format("'workload.client.total_timeout' of {} s ends before one attempt's {} s",
                             to_seconds(c.total_timeout), to_seconds(c.timeout)),
                 "the total is of all attempts together: make it the longer one, or leave timeout out");
  const bool patient = c.timeout == Duration{} && c.total_timeout == Duration{};
  warn_of_client(values, "waits_for", patient, "there is no workload.client.timeout");
  warn_of_client(values, "on_timeout", patient && c.abort_share == 0, "there is no workload.client.timeout");
  for (const char* key : {"patience", "patience_distribution"})
    warn_of_client(values, key, c.abort_share == 0, "workload.client.abort_share is 0");
  for (const char* key : {"retry_on", "backoff", "backoff_factor", "max_backoff", "jitter", "retry_budget"})
    warn_of_client(values, key, c.retries == 0, "workload.client.retries is 0");
  warn_of_client(values, "retry_budget_burst", c.budget_per_request == 0, "there is no workload.client.retry_budget");
  warn_of_client(values, "jitter", c.retries > 0 && c.backoff == Duration{}, "workload.client.backoff is 0");
}

}  // namespace

void build_client(Resolver& values, Scenario& s) {
  if (!values.given("workload.client")) return;
  ClientConfig& c = s.workload.client;
  c.on = true;
  const Preset& preset = preset_of(values.text("workload.client.preset"));
  c.timeout = duration_from_seconds(
      values.quantity("workload.client.timeout", {preset.timeout, Origin::default_value, std::string(preset.name)}));
  c.total_timeout = duration_from_seconds(values.quantity(
      "workload.client.total_timeout", {preset.total_timeout, Origin::default_value, std::string(preset.name)}));
  c.until_first_token = values.text("workload.client.waits_for") == "first_token";
  c.aborts = values.text("workload.client.on_timeout") == "abort";
  read_retries(values, preset, c);
  read_patience(values, c);
  check_client(values, c);
}

}  // namespace foretoken
