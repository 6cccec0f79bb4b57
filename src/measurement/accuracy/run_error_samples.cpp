// Logarithms of measured / predicted of the rows whose settings are known.
#include "base/math.hpp"
#include "measurement/accuracy/accuracy.hpp"

namespace foretoken {
namespace {

// E2E of a closed loop; both figures are means over the same requests.
std::optional<double> e2e_of(const PointRow& row, const ServingFigures& figures) {
  const auto& ttft = figures[static_cast<std::size_t>(ServingMetric::ttft)];
  const auto& tpot = figures[static_cast<std::size_t>(ServingMetric::tpot)];
  if (!row.closed_loop || row.cold || !ttft || !tpot || row.output_tokens < 1) return std::nullopt;
  return *ttft + *tpot * static_cast<double>(row.output_tokens - 1);
}

std::optional<double> log_ratio(const std::optional<double>& measured, const std::optional<double>& predicted) {
  if (!measured || !predicted) return std::nullopt;
  return exact_log(*measured / *predicted);
}

}  // namespace

std::vector<RunErrorSample> run_error_samples(const std::vector<PointRow>& rows) {
  std::vector<RunErrorSample> samples;
  for (const PointRow& row : rows) {
    if (!row.skipped.empty() || !row.scored || row.speculative) continue;
    RunErrorSample sample{row.cell, row.engine, row.inside_range, {}};
    const auto at = [](ErrorMetric m) { return static_cast<std::size_t>(m); };
    const auto measured = [&](ServingMetric m) {
      const auto i = static_cast<std::size_t>(m);
      return log_ratio(row.measured[i], row.predicted[i]);
    };
    if (!row.cold) sample.log_ratio[at(ErrorMetric::ttft)] = measured(ServingMetric::ttft);
    // A mean over gaps between tokens is that over requests of one length, and the sources have one or the other.
    const std::optional<double> tpot = measured(ServingMetric::tpot);
    sample.log_ratio[at(ErrorMetric::tpot)] = tpot ? tpot : measured(ServingMetric::itl);
    const std::optional<double> derived = log_ratio(e2e_of(row, row.measured), e2e_of(row, row.predicted));
    const std::optional<double> e2e = measured(ServingMetric::e2e);
    sample.log_ratio[at(ErrorMetric::e2e)] = e2e ? e2e : derived;
    // A closed loop sends the next request when one is answered.
    const std::optional<double> throughput = measured(ServingMetric::output_throughput);
    sample.log_ratio[at(ErrorMetric::throughput)] =
        throughput || !derived ? throughput : std::optional<double>(-*derived);
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace foretoken
