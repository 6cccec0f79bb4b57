// The terms of a fit: where they act, what they may be, and the scale on which they are searched.
#pragma once

#include <span>
#include <string>

#include "foretoken/scenario/scenario.hpp"
#include "scenario/fitted_terms.hpp"

namespace foretoken {

// A term is searched as x with value = default * exp(x * prior) when it is a ratio, and default + x * prior
// otherwise: x is as likely within one unit as beyond, before anything is measured (a Cauchy distribution).
struct Term {
  const FittedTerm* named = nullptr;
  bool ratio = false;
  double prior = 1;  // SI
  double least = 0;  // SI; of ratios relative to the default
  double most = 0;
  double fraction = 0;  // of one unit: the step of finite differences, above the grain of the simulation
};
[[nodiscard]] std::span<const Term> terms();

[[nodiscard]] double value_of(const Term& term, const Scenario& scenario);  // SI
void set_value(const Term& term, double value, Scenario& scenario);
// Why the term cannot act in this scenario; empty = it can.
[[nodiscard]] std::string cannot_act(const Term& term, const Scenario& scenario);

// Between values and the searched scale, for a term whose default is `origin`.
[[nodiscard]] double to_value(const Term& term, double origin, double x);
[[nodiscard]] double least_x(const Term& term, double origin);
[[nodiscard]] double most_x(const Term& term, double origin);
// d value / d x, for standard errors.
[[nodiscard]] double slope_at(const Term& term, double origin, double x);

}  // namespace foretoken
