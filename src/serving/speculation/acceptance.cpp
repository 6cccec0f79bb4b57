// One uniform number a step decides, since the rates do not rise from draft to draft.
#include "serving/speculation/acceptance.hpp"

#include <algorithm>

#include "base/quantiles.hpp"
#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

enum Purpose : std::uint64_t { kAccept = 1, kFind = 2, kOwnRate = 3 };

// splitmix64's finaliser (Vigna).
std::uint64_t mixed(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// In (0, 1), the ends excluded.
double uniform(std::uint64_t seed, Purpose purpose, std::int64_t request, std::int64_t counter) {
  std::uint64_t word = mixed(seed ^ mixed(purpose));
  word = mixed(word ^ static_cast<std::uint64_t>(request));
  word = mixed(word ^ static_cast<std::uint64_t>(counter));
  return (static_cast<double>(word >> 12) + 0.5) * 0x1.0p-52;
}

}  // namespace

const Acceptance& acceptance_of(const SpeculationConfig& config, int class_index) {
  invariant(!config.acceptance.empty(), "speculation without a rate of acceptance");
  const auto index = static_cast<std::size_t>(class_index);
  return index < config.acceptance.size() ? config.acceptance[index] : config.acceptance.front();
}

// vLLM: the last range that begins at or below the number of all requests of the step, prompts too.
std::int64_t drafts_of_step(const SpeculationConfig& config, std::int64_t requests, std::int64_t longest) {
  const std::int64_t most = config.drafter_max_model_len;
  if (most > 0 && longest + config.tokens > most) return 0;
  std::int64_t tokens = config.tokens;
  for (const DraftsByBatch& range : config.by_batch) {
    if (requests < range.from) break;
    tokens = std::min(config.tokens, range.tokens);
  }
  return tokens;
}

bool finds_drafts(const SpeculationConfig& config, const DraftDraw& draw) {
  return config.match_rate >= 1 || uniform(config.seed, kFind, draw.request, draw.emitted) < config.match_rate;
}

double own_rate(const SpeculationConfig& config, const DraftDraw& draw) {
  const Acceptance& acceptance = acceptance_of(config, draw.class_index);
  const double mean = acceptance.rates.front();
  if (mean <= 0 || mean >= 1) return std::max(mean, 1e-300);
  const double u = uniform(config.seed, kOwnRate, draw.request, 0);
  return std::max(1e-300, beta_quantile(u, mean * acceptance.concentration, (1 - mean) * acceptance.concentration));
}

std::int64_t accepted_drafts(const SpeculationConfig& config, const DraftDraw& draw, std::int64_t drafts,
                             double own_rate) {
  const Acceptance& acceptance = acceptance_of(config, draw.class_index);
  const double u = uniform(config.seed, kAccept, draw.request, draw.emitted);
  const auto most = std::min(drafts, static_cast<std::int64_t>(acceptance.rates.size()));
  std::int64_t accepted = 0;
  if (acceptance.concentration > 0) {
    for (double rate = own_rate; accepted < most && u < rate; rate *= own_rate) ++accepted;
  } else {
    while (accepted < most && u < acceptance.rates[static_cast<std::size_t>(accepted)]) ++accepted;
  }
  return accepted;
}

}  // namespace foretoken
