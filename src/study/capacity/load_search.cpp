// Steps outward grow, so that a start far off costs few looks; steps inward halve the logarithm.
#include "study/capacity/load_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/csv.hpp"

namespace foretoken {
namespace {

constexpr double kFirstStep = 1.5;
constexpr double kLargestStep = 8;
// Beside an undecided load the ends may be farther apart by this: its neighbours are as hard to decide, and each would
// cost the budget of a verdict.
constexpr double kBesideUndecided = 2;
// Where curves are looked at below and above the answer, as shares of it.
constexpr double kBelow[] = {0.15, 0.3, 0.45, 0.6, 0.75, 0.88};
constexpr double kAbove[] = {1.15, 1.4};
constexpr double kAboveStart[] = {1.5, 2, 3};
// Every round of checks that finds a contradiction lowers the answer; an erratic curve ends the search here.
constexpr int kMostRounds = 4;

}  // namespace

std::optional<double> LoadSearch::smallest_missed() const {
  for (const auto& [load, side] : seen_) {
    if (side == LoadSide::misses) return load;
  }
  return std::nullopt;
}

std::optional<double> LoadSearch::lower_end() const {
  std::optional<double> end;
  for (const auto& [load, side] : seen_) {
    if (side == LoadSide::misses) break;
    if (side != LoadSide::not_decided) end = load;
  }
  return end;
}

std::optional<double> LoadSearch::largest_met() const {
  const std::optional<double> end = lower_end();
  if (!end || seen_.at(*end) != LoadSide::meets) return std::nullopt;
  return end;
}

// Five digits, so that a load can be written down and tried again.
double LoadSearch::rounded(double load) const {
  load = std::clamp(load, range_.least, range_.most);
  if (range_.whole) return std::clamp(std::round(load), std::ceil(range_.least), std::floor(range_.most));
  double written = load;
  return parse_number(fmt::format("{:.5g}", load), written) ? std::clamp(written, range_.least, range_.most) : load;
}

bool LoadSearch::close(double low, double high, double times) const {
  return high - low <= times * range_.precision * low || (range_.whole && high - low <= 1);
}

bool LoadSearch::is_near_seen(double load) const {
  constexpr double kNear = 1.08;
  return std::any_of(seen_.begin(), seen_.end(),
                     [&](const auto& point) { return point.first < load * kNear && load < point.first * kNear; });
}

bool LoadSearch::look(double load) {
  if (interrupted_ || seen_.contains(load)) return false;
  const std::optional<LoadSide> side = look_(load);
  interrupted_ = !side.has_value();
  if (side) seen_[load] = *side;
  return side.has_value();
}

void LoadSearch::bracket() {
  look(rounded(range_.start));
  double step = kFirstStep;
  const double most = rounded(range_.most), least = rounded(range_.least);
  while (!interrupted_ && !smallest_missed() && seen_.rbegin()->first < most) {
    const double top = seen_.rbegin()->first;
    look(std::min(most, std::max(rounded(top * step), range_.whole ? top + 1 : top)));
    step = std::min(kLargestStep, step * kFirstStep);
  }
  step = kFirstStep;
  while (!interrupted_ && !lower_end() && seen_.begin()->first > least) {
    const double bottom = seen_.begin()->first;
    look(std::max(least, std::min(rounded(bottom / step), range_.whole ? bottom - 1 : bottom)));
    step = std::min(kLargestStep, step * kFirstStep);
  }
}

// Undecided loads stay between the ends: each end then moves towards them by itself.
void LoadSearch::bisect() {
  while (!interrupted_) {
    const auto low = lower_end(), high = smallest_missed();
    if (!low || !high) return;
    double from = *low, to = *high, times = 1;
    const auto first = seen_.upper_bound(from);
    const auto last = std::prev(seen_.lower_bound(to));
    if (first->first < to) {  // undecided ones from *first to *last
      times = kBesideUndecided;
      const bool below = !close(from, first->first, times) &&
                         (close(last->first, to, times) || first->first / from >= to / last->first);
      if (below)
        to = first->first;
      else
        from = last->first;
    }
    if (close(from, to, times)) return;
    const double middle = rounded(std::sqrt(from * to));
    if (!(middle > from && middle < to) || !look(middle)) return;
  }
}

bool LoadSearch::check_monotony() {
  const std::optional<double> answer = lower_end();
  if (!answer) {
    // Nothing below meets: that may yet be no question of too much load.
    for (const double factor : kAboveStart) look(rounded(range_.start * factor));
    return false;
  }
  bool looked = false;
  const auto at = [&](double share) {
    const double load = rounded(*answer * share);
    if (!is_near_seen(load)) looked = look(load) || looked;
  };
  for (const double share : kBelow) {
    if (share >= range_.check_from) at(share);
  }
  if (smallest_missed()) {
    for (const double share : kAbove) at(share * *smallest_missed() / *answer);
  }
  return looked;
}

void LoadSearch::run() {
  if (!(range_.most >= range_.least)) return;
  const auto close_in = [&] {
    bracket();
    bisect();
  };
  close_in();
  if (range_.also && *range_.also >= range_.least && *range_.also <= range_.most) {
    look(*range_.also);
    close_in();
  }
  if (range_.check_from >= 1) return;
  for (int round = 0; round < kMostRounds && check_monotony(); ++round) close_in();
}

}  // namespace foretoken
