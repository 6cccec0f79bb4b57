// Token counts drawn from a length distribution, and what is known of it beforehand.
#pragma once

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "foretoken/workload/workload_config.hpp"
#include "workload/lengths/distributions.hpp"

namespace foretoken {

// No prompt and no output is longer, so that sums of a few fit 32 bits.
inline constexpr std::int64_t kMaxTokens = 100'000'000;

class LengthSampler {
 public:
  // The config has passed check_workload().
  explicit LengthSampler(const LengthConfig& config);
  [[nodiscard]] std::int32_t draw(RandomStream& stream) const {
    if (const auto* fixed = std::get_if<FixedLength>(&form_)) return static_cast<std::int32_t>(fixed->tokens);
    return draw_random(stream);
  }

 private:
  struct Weighted {
    std::vector<std::int32_t> tokens;
    AliasTable table;
  };
  struct Listed {
    std::vector<std::int32_t> tokens;
  };
  using Form =
      std::variant<FixedLength, UniformLength, LognormalLength, ZipfDistribution, ExponentialLength, Listed, Weighted>;
  [[nodiscard]] static Form make(const LengthConfig& config);
  [[nodiscard]] std::int32_t draw_random(RandomStream& stream) const;
  Form form_;
};

// Moments of min(length, cap), for the figures given before a run.
struct LengthMoments {
  double mean = 0;
  double mean_square = 0;
  std::int64_t max = 0;
};
[[nodiscard]] LengthMoments length_moments(const LengthConfig& config, std::int64_t cap = kMaxTokens);

// The lognormal and exponential rules in one place, for drawing and for the moments.
[[nodiscard]] std::int64_t lognormal_tokens(const LognormalLength& length, double normal);
[[nodiscard]] std::int64_t exponential_tokens(const ExponentialLength& length, double exponential);

}  // namespace foretoken
