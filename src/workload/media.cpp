// Items by number: two runs, and two calls, see the same ones.
#include "workload/media.hpp"

#include <algorithm>
#include <cmath>

#include "workload/lengths/lengths.hpp"

namespace foretoken {
namespace {

enum Purpose : std::uint64_t { kCount = 1, kContent = 2, kKind = 3 };

// splitmix64's finaliser (Vigna).
std::uint64_t mixed(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}
std::uint64_t word_of(std::uint64_t seed, Purpose purpose, std::uint64_t a, std::uint64_t b = 0) {
  return mixed(mixed(mixed(seed ^ mixed(purpose)) ^ a) ^ b);
}
// In [0, 1).
double uniform(std::uint64_t word) {
  return static_cast<double>(word >> 11) * 0x1.0p-53;
}

struct Range {
  std::int64_t low = 0, high = 0;
};
// As `vllm bench serve` takes num_mm_items_range_ratio.
Range range_of(const MediaConfig& config, std::int64_t items) {
  const auto n = static_cast<double>(items);
  return {static_cast<std::int64_t>(std::floor(n * (1 - config.range_ratio))),
          static_cast<std::int64_t>(std::ceil(n * (1 + config.range_ratio)))};
}

}  // namespace

MediaMoments media_moments(const MediaConfig& config, std::int64_t items) {
  if (!config.on()) return {};
  double weights = 0, tokens = 0;
  std::int32_t most = 0;
  for (const MediaKind& kind : config.kinds) {
    weights += kind.weight;
    tokens += kind.weight * kind.tokens;
    if (kind.weight > 0) most = std::max(most, kind.tokens);
  }
  const Range range = range_of(config, items);
  return {static_cast<double>(range.low + range.high) / 2 * tokens / weights, range.high * most};
}

GeneratedMedia::GeneratedMedia(const WorkloadConfig& config, std::uint64_t seed) : config_(config.media), seed_(seed) {
  if (config.classes.empty()) items_.push_back(config_.items);
  for (const RequestClass& c : config.classes) items_.push_back(c.media_items.value_or(config_.items));
  double sum = 0;
  for (const MediaKind& kind : config_.kinds) up_to_.push_back(sum += kind.weight);
  for (double& share : up_to_) share /= sum;
}

std::int64_t GeneratedMedia::count_of(const Request& request) const {
  const Range range = range_of(config_, items_[static_cast<std::size_t>(request.class_index)]);
  const auto number = static_cast<std::uint64_t>(request.media);
  return range.low + static_cast<std::int64_t>(uniform(word_of(seed_, kCount, number)) *
                                               static_cast<double>(range.high - range.low + 1));
}

// Of an item that recurs always the same.
std::size_t GeneratedMedia::kind_of(std::uint64_t content) const {
  const double u = uniform(word_of(seed_, kKind, content));
  const auto at = std::upper_bound(up_to_.begin(), up_to_.end(), u);
  return std::min(static_cast<std::size_t>(at - up_to_.begin()), up_to_.size() - 1);
}

void GeneratedMedia::items_of(const Request& request, std::vector<MediaItem>& items) const {
  items.clear();
  const std::int64_t count = count_of(request);
  const auto number = static_cast<std::uint64_t>(request.media);
  std::int32_t tokens = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t drawn = word_of(seed_, kContent, number, static_cast<std::uint64_t>(i));
    const std::uint64_t content =
        config_.distinct > 0 ? static_cast<std::uint64_t>(uniform(drawn) * static_cast<double>(config_.distinct))
                             : drawn >> 1;
    const MediaKind& kind = config_.kinds[kind_of(content)];
    items.push_back({static_cast<std::int64_t>(content), tokens, kind.tokens, kind.sequences, kind.patches});
    tokens += kind.tokens;
  }
  for (MediaItem& item : items) item.start += request.prompt_tokens - tokens;
}

void GeneratedMedia::add_to(Request& request) {
  if (items_[static_cast<std::size_t>(request.class_index)] == 0) return;
  request.media = next_++;
  std::vector<MediaItem> items;
  items_of(request, items);
  if (items.empty()) {
    request.media = -1;
    return;
  }
  const std::int64_t tokens = items.back().end() - items.front().start;
  request.prompt_tokens = static_cast<std::int32_t>(std::min(request.prompt_tokens + tokens, kMaxTokens));
}

}  // namespace foretoken
