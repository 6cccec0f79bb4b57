// Hand-made request records and spans for the tests of measuring.
#pragma once

#include "foretoken/metrics/summary.hpp"
#include "metrics/collector.hpp"

namespace foretoken::testing {

inline Duration ms(double v) {
  return Duration{static_cast<std::int64_t>(v * 1e6)};
}
inline TimePoint at_ms(double v) {
  return TimePoint{ms(v)};
}

struct Times {
  double arrival, scheduled, first, finish;  // ms
};

inline RequestRecord record(std::int64_t index, Times t, int output_tokens, int prompt_tokens = 10) {
  RequestRecord r;
  r.request.index = index;
  r.request.arrival = at_ms(t.arrival);
  r.request.prompt_tokens = prompt_tokens;
  r.request.output_tokens = output_tokens;
  r.scheduled = at_ms(t.scheduled);
  r.first_token = at_ms(t.first);
  r.finish = at_ms(t.finish);
  return r;
}

inline RequestRecord failed_record(std::int64_t index, double arrival, Outcome outcome) {
  RequestRecord r = record(index, {arrival, arrival, arrival, arrival}, 5);
  r.outcome = outcome;
  return r;
}

inline CollectorConfig every_request(std::int64_t total) {
  CollectorConfig config;
  config.window = {0.0, total, std::nullopt};
  return config;
}

inline MeasureView view_of(const RunMeasures& run, TpotConvention tpot = TpotConvention::per_output_token) {
  return {run, run.all, Scope::run, tpot, {}};
}

}  // namespace foretoken::testing
