// How many drafts were accepted where somebody measured it: defaults of acceptance by method and dataset.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "foretoken/cost/deployment.hpp"

namespace foretoken {

struct MeasuredAcceptance {
  DraftMethod method = DraftMethod::none;
  std::string_view dataset;
  std::vector<double> rates;  // as Acceptance::rates
  std::string_view source;    // a guess where it says so
  bool parallel = false;      // of drafters that make all drafts in one pass
};

[[nodiscard]] std::vector<std::string_view> acceptance_dataset_names();
// Null: nobody measured that. Of drafters that make all drafts in one pass what others of the method have, where nobody
// measured these.
[[nodiscard]] const MeasuredAcceptance* measured_acceptance(DraftMethod method, std::string_view dataset,
                                                            bool parallel = false);
// Those that have the method.
[[nodiscard]] std::vector<std::string_view> datasets_with(DraftMethod method);

// The rate of which `drafts` independent drafts give so many tokens in the mean, the row's own included.
[[nodiscard]] double rate_of_length(double length, int drafts);
// Powers of it.
[[nodiscard]] std::vector<double> rates_of(double rate, std::size_t count);
// vLLM's synthetic sampler (config/speculative.py): whole drafts first, then what is left as one of them.
[[nodiscard]] std::vector<double> rates_of_length(double length, int drafts);
// As many, each further one smaller than the one before it by as much as the last were.
[[nodiscard]] std::vector<double> continued(std::vector<double> rates, std::size_t count);

}  // namespace foretoken
