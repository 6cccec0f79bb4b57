// Token counts drawn from a distribution, ready to sample.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "foretoken/base/random.hpp"
#include "foretoken/workload/workload_config.hpp"

namespace foretoken {

// Walker's alias table: a weighted choice from one random number, O(1).
class AliasTable {
 public:
  // Weights >= 0 with a positive, finite sum.
  explicit AliasTable(const std::vector<double>& weights);
  [[nodiscard]] std::size_t sample(RandomStream& random) const;

 private:
  struct Cell {
    double keep;  // chance of the cell itself, else `other`
    std::uint32_t other;
  };
  std::vector<Cell> cells_;
};

class LengthSampler {
 public:
  virtual ~LengthSampler() = default;
  [[nodiscard]] virtual std::int64_t sample(RandomStream& random) const = 0;
  [[nodiscard]] virtual double mean() const = 0;
  [[nodiscard]] virtual std::int64_t max() const = 0;
};

// What is wrong with the distribution, empty = nothing. Lengths are 1 ... kMaxTokens.
inline constexpr std::int64_t kMaxTokens = 100'000'000;
[[nodiscard]] std::string length_problem(const LengthConfig& config);
// Precondition: length_problem is empty.
[[nodiscard]] std::unique_ptr<LengthSampler> make_length_sampler(const LengthConfig& config);

}  // namespace foretoken
