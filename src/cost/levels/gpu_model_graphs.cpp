// The sizes for which CUDA graphs are captured, to which rows are padded (src/cost/README.md, "CUDA graphs").
#include <algorithm>
#include <utility>

#include "cost/levels/engine_costs.hpp"
#include "cost/levels/gpu_model.hpp"
#include "cost/levels/levels.hpp"

namespace foretoken {

// Where rows verify drafts, all sizes are rounded up to multiples of a row's tokens; those beyond the largest are
// dropped (vLLM's config/compilation.py). A smaller size may so become large enough.
std::int64_t captured_size_of(std::int64_t tokens, std::int64_t per_row, std::int64_t largest) {
  const auto captured_size = captured_by_sixteen;
  const auto up = [&](std::int64_t size) { return (size + per_row - 1) / per_row * per_row; };
  std::int64_t size = up(captured_size(tokens));
  for (std::int64_t smaller = tokens - 1; smaller > 0 && smaller + per_row > tokens; --smaller) {
    if (captured_size(smaller) == smaller && up(smaller) >= tokens) size = std::min(size, up(smaller));
  }
  return size <= largest ? size : tokens;
}

// Captured graphs pad rows and hide launches; nothing else knows of them.
bool GpuModel::turn_to(const Deployment& deployment) {
  if (d_.cuda_graph_max_rows == 0 || deployment.cuda_graph_max_rows == 0) return false;
  const int before = std::exchange(d_.cuda_graph_max_rows, deployment.cuda_graph_max_rows);
  if (!(d_ == deployment)) {
    d_.cuda_graph_max_rows = before;
    return false;
  }
  if (d_.cuda_graph_max_rows != before) {
    capture();
    decode_.clear();
    beside_.clear();
  }
  return true;
}

std::int64_t GpuModel::captured_size(std::int64_t tokens) const {
  if (d_.draft.tokens > 0) return captured_size_of(tokens, d_.draft.tokens + 1, d_.cuda_graph_max_rows);
  std::int64_t size = tokens;
  if (d_.captured_sizes.empty())
    size = captured_sizes(d_.engine_name, d_.engine_version)(tokens);
  else if (const auto next = std::lower_bound(d_.captured_sizes.begin(), d_.captured_sizes.end(), tokens);
           next != d_.captured_sizes.end())
    size = *next;
  return std::max(tokens, std::min<std::int64_t>(size, d_.cuda_graph_max_rows));
}

void GpuModel::capture() {
  padded_.resize(static_cast<std::size_t>(d_.cuda_graph_max_rows) + 1);
  for (std::size_t rows = 1; rows < padded_.size(); ++rows)
    padded_[rows] = captured_size(static_cast<std::int64_t>(rows));
}

std::int64_t GpuModel::padded(std::int64_t tokens) const {
  if (tokens <= 0 || tokens > d_.cuda_graph_max_rows) return tokens;
  return padded_[static_cast<std::size_t>(tokens)];
}

// The ranks of a group run one graph, padded to the rank with the most tokens, or none of them runs one.
GpuModel::Rows GpuModel::rows_of(std::int64_t tokens, const GroupShape& group) const {
  const std::int64_t ranks = d_.parallelism.data;
  if (group.tokens == 0) return {padded(tokens), padded(tokens) * ranks};
  if (group.largest > d_.cuda_graph_max_rows) return {tokens, group.tokens};
  return {padded(group.largest), padded(group.largest) * ranks};
}

}  // namespace foretoken
