// What prompts begin with, for prefix caching: the hash ids of their blocks, from a trace or made
// up for prefixes that requests share.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace foretoken {

// Two prompts whose rows start with the same ids start with the same tokens. The last block
// of a prompt may be partly filled. What lies behind a row's blocks is a prompt's own.
class PrefixTable {
 public:
  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(rows_.size()); }
  // 0 <= row < rows(), as in Request::prefix_row.
  [[nodiscard]] std::span<const std::int64_t> hash_ids(std::int64_t row) const {
    const auto r = static_cast<std::size_t>(row);
    const std::size_t begin = r == 0 ? 0 : rows_[r - 1].end;
    return std::span(ids_).subspan(begin, rows_[r].end - begin);
  }
  // Tokens that one id of this row stands for.
  [[nodiscard]] std::int64_t block_tokens(std::int64_t row) const {
    return rows_[static_cast<std::size_t>(row)].block_tokens;
  }
  void add_row(std::span<const std::int64_t> ids, std::int64_t block_tokens = 512) {
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    rows_.push_back({ids_.size(), block_tokens});
  }

 private:
  struct Row {
    std::size_t end;
    std::int64_t block_tokens;
  };
  std::vector<std::int64_t> ids_;
  std::vector<Row> rows_;
};

}  // namespace foretoken
