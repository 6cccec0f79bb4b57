// Random variates of our own: the standard library's differ between implementations, and
// libm's logarithm between machines.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.hpp"
#include "foretoken/base/units.hpp"
#include "foretoken/workload/workload_config.hpp"

namespace foretoken {

// Quantile of the standard normal distribution, relative error about 1e-16, for p in (0, 1):
// Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (1988) 477.
[[nodiscard]] double normal_quantile(double p);

// Mean 1.
[[nodiscard]] double draw_exponential(RandomStream& stream);

// Shape `shape` > 0, scale 1: Marsaglia and Tsang, ACM TOMS 26 (2000) 363; shapes below 1 by
// G(shape + 1) * U^(1 / shape).
[[nodiscard]] double draw_gamma(double shape, RandomStream& stream);

// A client's pause; ends at the last representable time rather than overflow.
[[nodiscard]] Duration draw_pause(const PauseConfig& pause, RandomStream& stream);

// a + b, both non-negative, cut at `kNever` - 1: a time that comes, however late.
[[nodiscard]] TimePoint add_saturated(TimePoint a, Duration b);

// Indices with given probabilities in constant time: Vose, IEEE TSE 17 (1991) 972. One draw
// gives both the column (high half of draw * n) and the position in it (low half).
class AliasTable {
 public:
  // At least one weight; finite, not negative, with a finite positive sum.
  explicit AliasTable(const std::vector<double>& weights);
  [[nodiscard]] std::size_t draw(RandomStream& stream) const {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(stream.next()) * columns_.size();
    const auto column = static_cast<std::size_t>(product >> 64);
    return static_cast<std::uint64_t>(product) < columns_[column].threshold ? column : columns_[column].alias;
  }

 private:
  struct Column {
    std::uint64_t threshold;  // below: the column's own index, in units of 2^-64
    std::uint32_t alias;
  };
  std::vector<Column> columns_;
};

// P(k) ~ 1 / k^alpha over the integers [min, max] by rejection-inversion, without a table:
// Hoermann and Derflinger, ACM TOMACS 6 (1996) 169, their start k = 1 moved to k = min.
class ZipfDistribution {
 public:
  ZipfDistribution(double alpha, std::int64_t min, std::int64_t max);
  [[nodiscard]] std::int64_t draw(RandomStream& stream) const;
  // The integral of 1 / x^alpha from 1 to x.
  [[nodiscard]] double integral(double x) const;

 private:
  [[nodiscard]] double height(double x) const;
  [[nodiscard]] double inverse_integral(double area) const;

  double alpha_;
  std::int64_t min_, max_;
  double area_below_ = 0, area_above_ = 0;
  double sure_ = 0;  // distance from k within which no rejection is possible
};

}  // namespace foretoken
