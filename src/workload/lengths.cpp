// Sampling of token counts: each by inversion of one uniform number, so that a stream's
// position depends only on how many lengths were drawn.
#include "workload/lengths.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <boost/math/special_functions/erf.hpp>
#include <fmt/format.h>

#include "foretoken/base/math.hpp"

namespace foretoken {
namespace {

class Fixed final : public LengthSampler {
 public:
  explicit Fixed(FixedLength c) : tokens_(c.tokens) {}
  std::int64_t sample(RandomStream&) const override { return tokens_; }
  double mean() const override { return static_cast<double>(tokens_); }
  std::int64_t max() const override { return tokens_; }

 private:
  std::int64_t tokens_;
};

class Uniform final : public LengthSampler {
 public:
  explicit Uniform(UniformLength c) : c_(c) {}
  std::int64_t sample(RandomStream& random) const override { return random.uniform_int(c_.low, c_.high); }
  double mean() const override { return (static_cast<double>(c_.low) + static_cast<double>(c_.high)) / 2; }
  std::int64_t max() const override { return c_.high; }

 private:
  UniformLength c_;
};

class Lognormal final : public LengthSampler {
 public:
  explicit Lognormal(LognormalLength c) : c_(c) {}
  std::int64_t sample(RandomStream& random) const override {
    // Normal quantile by Boost's erfc_inv: the same formula on every machine.
    const double normal = -1.4142135623730951 * boost::math::erfc_inv(2 * random.uniform());
    const double tokens = exact_exp(c_.mu + c_.sigma * normal);
    if (tokens >= static_cast<double>(c_.max)) return c_.max;
    return std::max(c_.min, static_cast<std::int64_t>(tokens + 0.5));
  }
  // Of the untruncated distribution.
  double mean() const override {
    return std::clamp(exact_exp(c_.mu + c_.sigma * c_.sigma / 2), static_cast<double>(c_.min), static_cast<double>(c_.max));
  }
  std::int64_t max() const override { return c_.max; }

 private:
  LognormalLength c_;
};

class Exponential final : public LengthSampler {
 public:
  explicit Exponential(ExponentialLength c) : c_(c) {}
  std::int64_t sample(RandomStream& random) const override {
    const double tokens = -c_.mean * exact_log(random.uniform());
    if (tokens >= static_cast<double>(c_.max)) return c_.max;
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(tokens)));
  }
  // ceil of an exponential is geometric with p = 1 - exp(-1/mean).
  double mean() const override { return 1 / (1 - exact_exp(-1 / c_.mean)); }
  std::int64_t max() const override { return c_.max; }

 private:
  ExponentialLength c_;
};

// A finite choice: empirical histograms and Zipf.
class Choice final : public LengthSampler {
 public:
  Choice(std::vector<std::int64_t> tokens, const std::vector<double>& weights)
      : tokens_(std::move(tokens)), table_(weights) {
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      mean_ += static_cast<double>(tokens_[i]) * weights[i] / total;
      if (weights[i] > 0) max_ = std::max(max_, tokens_[i]);
    }
  }
  std::int64_t sample(RandomStream& random) const override { return tokens_[table_.sample(random)]; }
  double mean() const override { return mean_; }
  std::int64_t max() const override { return max_; }

 private:
  std::vector<std::int64_t> tokens_;
  AliasTable table_;
  double mean_ = 0;
  std::int64_t max_ = 0;
};

constexpr std::int64_t kMaxZipfValues = 2'000'000;

struct Problem {
  static std::string tokens(const char* what, std::int64_t value) {
    if (value >= 1 && value <= kMaxTokens) return {};
    return fmt::format("{} must be 1 to {} tokens, got {}", what, kMaxTokens, value);
  }
  static std::string range(std::int64_t low, std::int64_t high) {
    if (auto p = tokens("the smallest length", low); !p.empty()) return p;
    if (auto p = tokens("the largest length", high); !p.empty()) return p;
    return low <= high ? std::string{} : fmt::format("the smallest length {} is above the largest {}", low, high);
  }
  std::string operator()(const FixedLength& c) const { return tokens("a length", c.tokens); }
  std::string operator()(const UniformLength& c) const { return range(c.low, c.high); }
  std::string operator()(const LognormalLength& c) const {
    if (!std::isfinite(c.mu) || !(c.sigma >= 0) || !std::isfinite(c.sigma)) return "lognormal needs finite mu and sigma >= 0";
    return range(c.min, c.max);
  }
  std::string operator()(const ZipfLength& c) const {
    if (!(c.alpha >= 0) || !std::isfinite(c.alpha)) return "zipf needs a finite alpha >= 0";
    if (c.max - c.min >= kMaxZipfValues) return fmt::format("zipf supports at most {} different lengths", kMaxZipfValues);
    return range(c.min, c.max);
  }
  std::string operator()(const ExponentialLength& c) const {
    if (!(c.mean > 0) || !(c.mean <= static_cast<double>(kMaxTokens))) return fmt::format("an exponential mean must be above 0 and at most {}", kMaxTokens);
    return tokens("the largest length", c.max);
  }
  std::string operator()(const EmpiricalLength& c) const {
    if (c.tokens.empty()) return "an empirical histogram needs at least one length";
    if (!c.weights.empty() && c.weights.size() != c.tokens.size()) return "an empirical histogram needs as many weights as lengths";
    double sum = 0;
    for (const double w : c.weights) {
      if (!(w >= 0) || !std::isfinite(w)) return "weights must be finite and not negative";
      sum += w;
    }
    if (!c.weights.empty() && !(sum > 0 && std::isfinite(sum))) return "the weights' sum must be positive";
    for (const std::int64_t t : c.tokens) {
      if (auto p = tokens("a length", t); !p.empty()) return p;
    }
    return {};
  }
};

struct Make {
  using Sampler = std::unique_ptr<LengthSampler>;
  Sampler operator()(const FixedLength& c) const { return std::make_unique<Fixed>(c); }
  Sampler operator()(const UniformLength& c) const { return std::make_unique<Uniform>(c); }
  Sampler operator()(const LognormalLength& c) const { return std::make_unique<Lognormal>(c); }
  Sampler operator()(const ExponentialLength& c) const { return std::make_unique<Exponential>(c); }
  Sampler operator()(const ZipfLength& c) const {
    std::vector<std::int64_t> tokens;
    std::vector<double> weights;
    for (std::int64_t k = c.min; k <= c.max; ++k) {
      tokens.push_back(k);
      weights.push_back(exact_pow(static_cast<double>(k), -c.alpha));
    }
    return std::make_unique<Choice>(std::move(tokens), weights);
  }
  Sampler operator()(const EmpiricalLength& c) const {
    return std::make_unique<Choice>(c.tokens, c.weights.empty() ? std::vector<double>(c.tokens.size(), 1.0) : c.weights);
  }
};

}  // namespace

AliasTable::AliasTable(const std::vector<double>& weights) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  const auto n = static_cast<double>(weights.size());
  std::vector<double> scaled;
  std::vector<std::uint32_t> small, large;
  for (std::uint32_t i = 0; i < weights.size(); ++i) {
    scaled.push_back(weights[i] / total * n);
    (scaled.back() < 1 ? small : large).push_back(i);
    cells_.push_back({1.0, i});
  }
  while (!small.empty() && !large.empty()) {
    const std::uint32_t poor = small.back();
    const std::uint32_t rich = large.back();
    small.pop_back();
    cells_[poor] = {scaled[poor], rich};
    scaled[rich] -= 1 - scaled[poor];
    if (scaled[rich] < 1) {
      large.pop_back();
      small.push_back(rich);
    }
  }
}

std::size_t AliasTable::sample(RandomStream& random) const {
  const double place = random.uniform() * static_cast<double>(cells_.size());
  const auto i = std::min(static_cast<std::size_t>(place), cells_.size() - 1);
  return place - static_cast<double>(i) < cells_[i].keep ? i : cells_[i].other;
}

std::string length_problem(const LengthConfig& config) { return std::visit(Problem{}, config); }

std::unique_ptr<LengthSampler> make_length_sampler(const LengthConfig& config) { return std::visit(Make{}, config); }

}  // namespace foretoken
