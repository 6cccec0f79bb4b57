// Keys of the contents of a request's blocks: equal contents have equal keys.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

#include "foretoken/workload/request_source.hpp"

namespace foretoken {

// splitmix64's finaliser over both: equal contents have equal keys; the chance that different ones do is
// the number of blocks asked for x blocks held / 2^64, as with the engines' own hashes.
inline std::uint64_t mix_keys(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a * 0x9e3779b97f4a7c15u + b + 0x7f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// The keys of a request's full blocks, asked for in order.
class KeyChain {
 public:
  // `described` may be null.
  KeyChain(const Request& request, const PrefixTable* described, std::int64_t block_size)
      : block_size_(block_size),
        own_(has_own(request) ? mix_keys(kConversation, static_cast<std::uint64_t>(request.conversation))
                              : mix_keys(kRequest, static_cast<std::uint64_t>(request.index))) {
    if (request.prefix_row < 0) return;
    if (described != nullptr && request.prefix_row != kNoRow) {
      ids_ = described->hash_ids(request.prefix_row);
      id_tokens_ = described->block_tokens(request.prefix_row);
      const std::int64_t covered = static_cast<std::int64_t>(ids_.size()) * id_tokens_;
      described_blocks_ = std::min<std::int64_t>(covered, request.prompt_tokens) / block_size;
    }
    // An adapter's keys and values are its own (vLLM's block hashes have its name, v1/core/kv_cache_utils.py).
    if (request.adapter >= 0) chain_ = mix_keys(chain_, kAdapters + static_cast<std::uint64_t>(request.adapter));
    row_blocks_ = described_blocks_;
    if (!is_of_family(request)) return;
    family_ = request.conversation >= 0
                  ? mix_keys(kConversation, static_cast<std::uint64_t>(request.conversation))
                  : mix_keys(kFamily, static_cast<std::uint64_t>(-std::int64_t{request.conversation}));
    described_blocks_ = request.prompt_tokens / block_size;
  }

  // Of a request whose prompt others have too, though no row describes it.
  static constexpr std::int32_t kNoRow = std::numeric_limits<std::int32_t>::max();
  // The answers of one request have all of its prompt in common (serving/fan_out).
  [[nodiscard]] static bool is_of_family(const Request& request) {
    return request.conversation < -1 || request.answer != AnswerRole::whole;
  }
  // Whether a later request will ask for all that this one knows, what it answers too.
  [[nodiscard]] static bool has_own(const Request& request) {
    return request.conversation >= 0 && request.answer != AnswerRole::other;
  }

  [[nodiscard]] std::int64_t described_blocks() const { return described_blocks_; }
  [[nodiscard]] std::uint64_t key(std::int64_t block) {
    if (block >= described_blocks_) return mix_keys(own_, static_cast<std::uint64_t>(block));
    if (block >= row_blocks_) return mix_keys(family_, static_cast<std::uint64_t>(block));
    // A block's content is that of every id up to the one its last token lies in.
    const std::int64_t last = ((block + 1) * block_size_ - 1) / id_tokens_;
    while (next_ <= last)
      chain_ = mix_keys(chain_, static_cast<std::uint64_t>(ids_[static_cast<std::size_t>(next_++)]));
    return mix_keys(chain_, static_cast<std::uint64_t>(block));
  }

 private:
  // 4: prefix_cache.cpp.
  enum Seed : std::uint64_t { kDescribed = 1, kConversation = 2, kRequest = 3, kFamily = 5, kAdapters = 1 << 16 };

  std::int64_t block_size_;
  std::uint64_t own_;
  std::span<const std::int64_t> ids_;
  std::int64_t id_tokens_ = 1;
  std::int64_t described_blocks_ = 0;
  std::int64_t row_blocks_ = 0;  // of these, the first ones by the row
  std::uint64_t family_ = 0;
  std::int64_t next_ = 0;
  std::uint64_t chain_ = kDescribed;
};

}  // namespace foretoken
