// Fitted, confused with another, or kept: each term with its reason.
#include "measurement/calibration/report_terms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace foretoken {
namespace {

using Eigen::Index;

// Explanations at least so probable, relative to the best, are named.
constexpr double kNamed = 1.0 / 20;

bool has(const TermSet& e, Index k) {
  return std::find(e.members.begin(), e.members.end(), k) != e.members.end();
}

std::string joined(const std::vector<std::string>& names) {
  if (names.size() < 2) return names.empty() ? "" : names.front();
  return fmt::format("{} with {}", names.front(), fmt::join(names.begin() + 1, names.end(), " and "));
}

class Reporter {
 public:
  Reporter(const Explained& explained, const Calibrator& calibrator, CalibrationResult& result)
      : explained_(explained), calibrator_(calibrator), result_(result) {}

  void run(const std::vector<KeptTerm>& kept) {
    for (const Term& term : terms()) {
      CalibrationTerm line = line_of(term);
      const auto at = std::find(explained_.terms.begin(), explained_.terms.end(), &term);
      const auto untried = std::find_if(kept.begin(), kept.end(), [&](const KeptTerm& k) { return k.term == &term; });
      if (at != explained_.terms.end()) {
        describe(static_cast<Index>(at - explained_.terms.begin()), line);
      } else {
        line.reason = untried != kept.end() ? untried->reason : no_effect(term);
      }
      result_.terms.push_back(std::move(line));
    }
    covariance();
    explanations();
  }

 private:
  [[nodiscard]] const Term& term(Index k) const { return *explained_.terms[static_cast<std::size_t>(k)]; }
  [[nodiscard]] const TermSet& best() const { return explained_.all.front(); }
  [[nodiscard]] double value(const TermSet& e, Index k) const {
    return to_value(term(k), calibrator_.origin(term(k)), e.x[k]) / term(k).named->unit_in_si;
  }
  [[nodiscard]] double slope(Index k) const {
    return slope_at(term(k), calibrator_.origin(term(k)), best().x[k]) / term(k).named->unit_in_si;
  }

  [[nodiscard]] CalibrationTerm line_of(const Term& term) const {
    const FittedTerm& named = *term.named;
    const double origin = calibrator_.origin(term);
    const double unit = named.unit_in_si;
    return {std::string(named.name),
            std::string(named.path),
            std::string(named.unit),
            origin / unit,
            origin / unit,
            to_value(term, origin, least_x(term, origin)) / unit,
            to_value(term, origin, most_x(term, origin)) / unit,
            0,
            TermStatus::kept,
            {}};
  }

  void describe(Index k, CalibrationTerm& line) const {
    const double error = std::sqrt(explained_.covariance(k, k));
    const auto at = std::find(best().members.begin(), best().members.end(), k);
    if (at == best().members.end()) {
      line.reason = why_kept(k, error);
      if (explained_.inclusion[k] <= 1 - kSure && error <= kDetermined) line.standard_error = error * slope(k);
      return;
    }
    line.value = value(best(), k);
    line.standard_error = error * slope(k);
    if (best().at_bound[static_cast<std::size_t>(at - best().members.begin())]) {
      line.status = TermStatus::at_bound;
    } else if (explained_.inclusion[k] >= kSure && error <= kDetermined) {
      line.status = TermStatus::fitted;
    } else {
      line.status = TermStatus::ambiguous;
      line.reason = why_ambiguous(k);
    }
  }

  [[nodiscard]] std::string why_kept(Index k, double error) const {
    if (explained_.effects.col(k).norm() < 1 / kDetermined) return no_effect(term(k));
    const auto with =
        std::find_if(explained_.all.begin(), explained_.all.end(), [&](const TermSet& e) { return has(e, k); });
    if (with == explained_.all.end()) return "the data do not ask for it";
    std::vector<std::string> instead = differing(best(), *with);
    if (explained_.inclusion[k] <= 1 - kSure) return "the data do not ask for it";
    if (!instead.empty()) {
      return fmt::format("cannot be told apart from {}: {} would explain these data {:.2g} times as well",
                         joined(instead), spelled(*with, k), with->probability / best().probability);
    }
    return fmt::format("the data hardly tell: its default explains them about as well as {}{}", spelled(*with, k),
                       error > kDetermined ? ", and as others" : "");
  }

  [[nodiscard]] std::string why_ambiguous(Index k) const {
    const auto without =
        std::find_if(explained_.all.begin(), explained_.all.end(), [&](const TermSet& e) { return !has(e, k); });
    if (without == explained_.all.end() || explained_.inclusion[k] >= kSure)
      return "its value is known no better than beforehand";
    const std::vector<std::string> instead = differing(*without, best());
    if (instead.empty()) return "the data hardly tell: its default explains them about as well";
    return fmt::format("cannot be told apart from {}, which would explain these data {:.2g} times as well",
                       joined(instead), without->probability / best().probability);
  }

  // Terms that `one` moves and `other` does not.
  [[nodiscard]] std::vector<std::string> differing(const TermSet& one, const TermSet& other) const {
    std::vector<std::string> names;
    for (const Index k : one.members) {
      if (!has(other, k)) names.emplace_back(term(k).named->name);
    }
    return names;
  }

  [[nodiscard]] std::string spelled(const TermSet& e, Index k) const {
    const std::string_view unit = term(k).named->unit;
    return fmt::format("{:.3g}{}{}", value(e, k), unit.empty() ? "" : " ", unit);
  }

  void covariance() {
    std::vector<Index> free;
    for (std::size_t a = 0; a < best().members.size(); ++a) {
      if (!best().at_bound[a]) free.push_back(best().members[a]);
    }
    for (const Index a : free) {
      result_.covariance_terms.emplace_back(term(a).named->name);
      std::vector<double> row;
      for (const Index b : free) row.push_back(explained_.covariance(a, b) * slope(a) * slope(b));
      result_.covariance.push_back(std::move(row));
    }
  }

  // The fit, and every other explanation that does no more than it must: none as good moves only some of its terms.
  void explanations() {
    std::vector<const TermSet*> as_good;
    for (const TermSet& e : explained_.all) {
      if (e.probability >= kNamed * best().probability) as_good.push_back(&e);
    }
    for (const TermSet* e : as_good) {
      const bool adds_only = std::any_of(as_good.begin(), as_good.end(), [&](const TermSet* other) {
        return other->members.size() < e->members.size() &&
               std::includes(e->members.begin(), e->members.end(), other->members.begin(), other->members.end());
      });
      if (adds_only && e != &best()) continue;
      CalibrationExplanation shown{{}, e->probability};
      for (const Index k : e->members)
        shown.terms.push_back({std::string(term(k).named->name), std::string(term(k).named->unit), value(*e, k)});
      result_.explanations.push_back(std::move(shown));
    }
  }

  const Explained& explained_;
  const Calibrator& calibrator_;
  CalibrationResult& result_;
};

}  // namespace

std::string no_effect(const Term& term) {
  const std::string unit = term.ratio ? fmt::format("{:.0f} %", term.prior * 100)
                                      : fmt::format("{:g} {}", term.prior / term.named->unit_in_si, term.named->unit);
  return fmt::format("moving it by {} changes these data no more than their scatter", unit);
}

void report_terms(const Explained& explained, const Calibrator& calibrator, const std::vector<KeptTerm>& kept,
                  CalibrationResult& result) {
  Reporter(explained, calibrator, result).run(kept);
}

}  // namespace foretoken
