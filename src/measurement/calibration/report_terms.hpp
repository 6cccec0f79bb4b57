// What the explanations of the data say about each term.
#pragma once

#include <string>
#include <vector>

#include "measurement/calibration/explanations.hpp"

namespace foretoken {

struct KeptTerm {
  const Term* term = nullptr;
  std::string reason;
};
// Terms, their covariance and the explanations of `result`; `kept` are those that were not tried.
void report_terms(const Explained& explained, const Calibrator& calibrator, const std::vector<KeptTerm>& kept,
                  CalibrationResult& result);

[[nodiscard]] std::string no_effect(const Term& term);

}  // namespace foretoken
