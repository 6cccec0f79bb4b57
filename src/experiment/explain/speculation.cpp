// Where speculation pays: steps with drafts against steps without, from the cost model alone.
#include <algorithm>
#include <cmath>

#include "foretoken/experiment/explain.hpp"

namespace foretoken {
namespace {

constexpr int kMostTokens = 8;  // drafts looked at beyond those of the scenario

double weight_of(const Scenario& s, std::size_t i) {
  return i < s.workload.classes.size() ? s.workload.classes[i].weight : 1;
}

// The mean rate up to a position; of a Beta distribution the moment of that order.
double mean_rate(const Acceptance& a, std::size_t position) {
  if (a.concentration <= 0) return position < a.rates.size() ? a.rates[position] : 0;
  double rate = 1;
  for (std::size_t i = 0; i <= position; ++i) {
    const double order = static_cast<double>(i);
    rate *= (a.rates.front() * a.concentration + order) / (a.concentration + order);
  }
  return rate;
}

// Classes by their weights: of requests, as if their outputs were equally long.
double mean_over_classes(const Scenario& s, std::size_t position) {
  double sum = 0, weights = 0;
  const std::vector<Acceptance>& all = s.engine.speculation.acceptance;
  for (std::size_t i = 0; i < all.size(); ++i) {
    sum += weight_of(s, i) * mean_rate(all[i], position);
    weights += weight_of(s, i);
  }
  return weights > 0 ? sum / weights : 0;
}

// The same deployment with another number of drafts in a chain.
Deployment with_tokens(const Deployment& d, int tokens) {
  Deployment other = d;
  if (tokens == 0) {
    other.draft = {};
    return other;
  }
  const bool one_pass = other.draft.parallel || other.draft.method == DraftMethod::medusa;
  if (other.draft.passes > 0 && !one_pass) other.draft.passes = tokens;
  other.draft.tokens = tokens;
  return other;
}

// Drafts that a step verifies count, not those beyond the depth of a tree.
std::int64_t depth_of(const Scenario& s) {
  const DraftSpec& d = s.deployment.draft;
  return d.branches > 1 ? d.passes : s.engine.speculation.tokens;
}

class DraftTrials {
 public:
  DraftTrials(const Scenario& s, std::int64_t context) : s_(s), context_(context), own_(s.deployment.draft.tokens) {
    const int most = s.deployment.draft.branches > 1 ? own_ : std::max(own_, kMostTokens);
    for (int tokens = 0; tokens <= most; ++tokens) {
      const bool looked_at = tokens == 0 || tokens == own_ || s.deployment.draft.branches == 1;
      models_.push_back(looked_at ? make_cost_model(with_tokens(s.deployment, tokens)) : nullptr);
      double length = 1;
      const std::int64_t depth = tokens == own_ ? depth_of(s) : tokens;
      for (std::size_t i = 0; i < static_cast<std::size_t>(depth); ++i) length += mean_over_classes(s, i);
      lengths_.push_back(1 + (length - 1) * s.engine.speculation.match_rate);
    }
  }
  // Of a step that finds something to verify, or that does not: a lookup misses.
  [[nodiscard]] double seconds(std::int64_t batch, int tokens) const {
    const CostModel& cost = *models_[static_cast<std::size_t>(tokens)];
    const std::int64_t window = cost.sliding_window();
    DecodeShape shape{batch, batch * context_, window > 0 ? batch * std::min(context_, window) : 0};
    shape.drafts = std::llround(static_cast<double>(batch * tokens) * s_.engine.speculation.match_rate);
    return to_seconds(cost.step({{}, shape}).total());
  }
  [[nodiscard]] double speed_up(std::int64_t batch, int tokens) const {
    return lengths_[static_cast<std::size_t>(tokens)] * seconds(batch, 0) / seconds(batch, tokens);
  }
  [[nodiscard]] double own_speed_up(std::int64_t batch) const { return speed_up(batch, own_); }
  [[nodiscard]] SpeculationPoint at(std::int64_t batch) const {
    SpeculationPoint p;
    p.batch = batch;
    p.base_ms = seconds(batch, 0) * 1e3;
    p.step_ms = seconds(batch, own_) * 1e3;
    p.speed_up = own_speed_up(batch);
    p.length_to_break_even = p.step_ms / p.base_ms;
    for (int tokens = 1; tokens < static_cast<int>(models_.size()); ++tokens) {
      if (models_[static_cast<std::size_t>(tokens)] == nullptr) continue;
      const double gain = speed_up(batch, tokens);
      if (gain > p.best_speed_up) p.best_speed_up = gain, p.best_tokens = tokens;
    }
    return p;
  }

 private:
  const Scenario& s_;
  std::int64_t context_;
  int own_;
  std::vector<std::unique_ptr<CostModel>> models_;  // [drafts]
  std::vector<double> lengths_;
};

}  // namespace

double tokens_per_row(const Acceptance& acceptance, std::int64_t drafts) {
  double length = 1;
  for (std::int64_t i = 0; i < drafts; ++i) length += mean_rate(acceptance, static_cast<std::size_t>(i));
  return length;
}

double tokens_per_row(const Scenario& s) {
  if (!s.engine.speculation.on()) return 1;
  double length = 1;
  for (std::int64_t i = 0; i < depth_of(s); ++i) length += mean_over_classes(s, static_cast<std::size_t>(i));
  return 1 + (length - 1) * s.engine.speculation.match_rate;
}

SpeculationExplanation explain_speculation(const Scenario& s, std::int64_t context, std::int64_t largest) {
  SpeculationExplanation e;
  e.method = to_string(s.deployment.draft.method);
  e.tokens = static_cast<int>(s.engine.speculation.tokens);
  e.mean_acceptance_length = tokens_per_row(s);
  for (std::int64_t i = 0; i < depth_of(s); ++i) e.rates.push_back(mean_over_classes(s, static_cast<std::size_t>(i)));
  e.largest_batch = std::max<std::int64_t>(1, largest);
  const DraftTrials compare(s, context);
  std::int64_t pays = 0;
  for (std::int64_t batch = 1;; batch = std::min(2 * batch, e.largest_batch)) {
    e.points.push_back(compare.at(batch));
    if (e.points.back().speed_up > 1 && e.pays_below == 0) pays = batch;
    if (e.points.back().speed_up <= 1 && e.pays_below == 0) e.pays_below = batch;
    if (batch == e.largest_batch) break;
  }
  // Between the last batch where it pays and the first where it does not. Padding makes steps, so the first it is.
  for (std::int64_t low = pays + 1; e.pays_below > 0 && low < e.pays_below; ++low) {
    if (compare.own_speed_up(low) <= 1) e.pays_below = low;
  }
  return e;
}

}  // namespace foretoken
