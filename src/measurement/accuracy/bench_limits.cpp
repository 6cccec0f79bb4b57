#include "measurement/accuracy/bench_limits.hpp"

#include <algorithm>
#include <cmath>

#include "model/counts.hpp"

namespace foretoken {
namespace {

constexpr double kMemoryShare = 0.95;

double bytes_of(WeightFormat format) {
  switch (format) {
    case WeightFormat::nvfp4:
      return 0.5;
    case WeightFormat::fp8:
    case WeightFormat::fp8_static:
    case WeightFormat::fp8_block:
      return 1;
    default:
      return 2;
  }
}

// As the checkpoint's headers count them: an element of its file holds two weights of 4 bits, beside a scale for 16.
double stored_elements(const Deployment& d) {
  const double all = count_parameters(d.model).total;
  return d.expert_format == WeightFormat::nvfp4 || d.dense_format == WeightFormat::nvfp4 ? all * (0.5 + 1.0 / 16) : all;
}

// Requests whose keys and values fit beside the weights. A latent cache is counted as if it were one of heads.
double fitting_requests(const Deployment& d, double tokens) {
  const ModelSpec& m = d.model;
  const int ranks = d.parallelism.tensor * d.parallelism.data;
  const bool latent = m.attention == AttentionKind::latent;
  const double heads = std::max(ranks, latent ? m.heads : m.kv_heads);
  const double size = latent ? static_cast<double>(m.hidden_size) / m.heads : m.head_dim;
  const double token = 2 * m.layers * heads * size * (d.kv_format == KvFormat::bf16 ? 2 : 1);
  const double weights = stored_elements(d) * bytes_of(m.moe.experts > 0 ? d.expert_format : d.dense_format);
  const double memory = d.gpu.memory_capacity.value * ranks * d.parallelism.pipeline;
  return std::max(0.0, memory - weights) * kMemoryShare / (token * tokens);
}

std::int64_t up(double value, std::int64_t step) {
  return step * static_cast<std::int64_t>(std::ceil(value / static_cast<double>(step)));
}

}  // namespace

BenchLimits bench_limits(const Deployment& d, std::int64_t prompt, std::int64_t output) {
  // Formats that the rule does not know have the engine's defaults.
  if (d.expert_format == WeightFormat::mxfp4) return {2048, 8192};
  const double fit = fitting_requests(d, static_cast<double>(prompt + output));
  const double requests = std::min(fit, 4096.0) / d.parallelism.pipeline;
  const double tokens = std::min(requests * (1 + static_cast<double>(prompt) / static_cast<double>(output)), 32768.0);
  BenchLimits limits;
  limits.requests = requests < 256    ? std::max<std::int64_t>(64, up(requests, 32))
                    : requests < 1024 ? up(requests, 128)
                                      : up(requests, 256);
  limits.tokens = tokens < 4096   ? std::max<std::int64_t>(2048, up(tokens, 256))
                  : tokens < 8192 ? up(tokens, 512)
                                  : up(tokens, 1024);
  return limits;
}

}  // namespace foretoken
