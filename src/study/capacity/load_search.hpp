// The largest load that still meets the objectives, found by verdicts at single loads: bracketing, bisection,
// and a check that what lies below meets too.
#pragma once

#include <functional>
#include <map>
#include <optional>

namespace foretoken {

// What a verdict says of one load.
enum class LoadSide {
  too_little,  // only floors on throughput are missed, which more load may reach
  meets,
  misses,
  not_decided,
};

struct SearchRange {
  double start = 1;
  double least = 1;
  double most = 1;
  double precision = 0.02;     // relative distance of the two ends at which to stop
  bool whole = false;          // only whole loads exist
  double check_from = 0.15;    // loads from this share of the answer on are looked at for monotonicity; 1 = none
  std::optional<double> also;  // a load to look at whatever comes out
};

// Contract of `look`: a pure function of the load; empty once interrupted.
class LoadSearch {
 public:
  using Look = std::function<std::optional<LoadSide>(double load)>;
  LoadSearch(const SearchRange& range, Look look) : range_(range), look_(std::move(look)) {}

  // Looks until the ends are close enough, the range is exhausted, or an interrupt.
  void run();

  // The largest load that meets below all that misses; and the smallest that misses above it, or of all.
  [[nodiscard]] std::optional<double> largest_met() const;
  [[nodiscard]] std::optional<double> smallest_missed() const;
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  [[nodiscard]] const std::map<double, LoadSide>& seen() const { return seen_; }

 private:
  void bracket();
  void bisect();
  // Loads between those seen, down to a share of the answer and a little above it; above the start when there is no
  // answer. True when there may be more to close in on.
  bool check_monotony();
  bool look(double load);
  [[nodiscard]] double rounded(double load) const;
  // Within `times` the precision.
  [[nodiscard]] bool close(double low, double high, double times) const;
  [[nodiscard]] bool is_near_seen(double load) const;
  // The largest load, met or too little, below all that misses.
  [[nodiscard]] std::optional<double> lower_end() const;

  SearchRange range_;
  Look look_;
  std::map<double, LoadSide> seen_;
  bool interrupted_ = false;
};

}  // namespace foretoken
