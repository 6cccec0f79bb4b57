// What the prompts of a trace begin with: the hash ids of their blocks, for prefix caching.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace foretoken {

// Two prompts whose rows start with the same ids start with the same tokens. The last block
// of a prompt may be partly filled.
class PrefixTable {
 public:
  explicit PrefixTable(std::int64_t block_tokens = 512) : block_tokens_(block_tokens) {}

  [[nodiscard]] std::int64_t block_tokens() const { return block_tokens_; }
  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(ends_.size()); }
  // 0 <= row < rows(), as in Request::prefix_row.
  [[nodiscard]] std::span<const std::int64_t> hash_ids(std::int64_t row) const {
    const auto r = static_cast<std::size_t>(row);
    const std::size_t begin = r == 0 ? 0 : ends_[r - 1];
    return std::span(ids_).subspan(begin, ends_[r] - begin);
  }
  void add_row(std::span<const std::int64_t> ids) {
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    ends_.push_back(ids_.size());
  }

 private:
  std::int64_t block_tokens_;
  std::vector<std::int64_t> ids_;
  std::vector<std::size_t> ends_;
};

}  // namespace foretoken
