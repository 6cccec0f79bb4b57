// One draw of a token count. Everything that can be prepared is, so that a draw from a
// histogram costs one random number and one look-up.
#include "workload/lengths/lengths.hpp"

#include <algorithm>
#include <cmath>

#include "base/math.hpp"
#include "workload/lengths/overloaded.hpp"

namespace foretoken {
namespace {

// Beyond 2^62 a conversion to integer is undefined; such lengths are cut anyway.
std::int64_t to_tokens(double tokens) {
  return tokens < 0x1p62 ? static_cast<std::int64_t>(tokens) : std::int64_t{1} << 62;
}

}  // namespace

std::int64_t lognormal_tokens(const LognormalLength& length, double normal) {
  return std::clamp(to_tokens(exact_exp(length.mu + length.sigma * normal) + 0.5), length.min, length.max);
}

std::int64_t exponential_tokens(const ExponentialLength& length, double exponential) {
  return std::clamp(to_tokens(std::ceil(length.mean * exponential)), std::int64_t{1}, length.max);
}

LengthSampler::LengthSampler(const LengthConfig& config) : form_(make(config)) {}

LengthSampler::Form LengthSampler::make(const LengthConfig& config) {
  return std::visit(
      Overloaded{[](const ZipfLength& zipf) -> Form { return ZipfDistribution(zipf.alpha, zipf.min, zipf.max); },
                 [](const EmpiricalLength& empirical) -> Form {
                   std::vector<std::int32_t> tokens;
                   tokens.reserve(empirical.tokens.size());
                   for (const std::int64_t t : empirical.tokens) tokens.push_back(static_cast<std::int32_t>(t));
                   if (empirical.weights.empty()) return Listed{std::move(tokens)};
                   return Weighted{std::move(tokens), AliasTable(empirical.weights)};
                 },
                 [](const auto& length) -> Form { return length; }},
      config);
}

std::int32_t LengthSampler::draw_random(RandomStream& stream) const {
  const std::int64_t tokens = std::visit(
      Overloaded{
          [](const FixedLength& fixed) { return fixed.tokens; },
          [&](const UniformLength& uniform) { return stream.uniform_int(uniform.low, uniform.high); },
          [&](const LognormalLength& length) { return lognormal_tokens(length, normal_quantile(stream.uniform())); },
          [&](const ZipfDistribution& zipf) { return zipf.draw(stream); },
          [&](const ExponentialLength& length) { return exponential_tokens(length, draw_exponential(stream)); },
          [&](const Listed& listed) -> std::int64_t {
            const auto last = static_cast<std::int64_t>(listed.tokens.size()) - 1;
            return listed.tokens[static_cast<std::size_t>(stream.uniform_int(0, last))];
          },
          [&](const Weighted& weighted) -> std::int64_t { return weighted.tokens[weighted.table.draw(stream)]; }},
      form_);
  return static_cast<std::int32_t>(tokens);
}

}  // namespace foretoken
