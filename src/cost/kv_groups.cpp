// Rules as read in vLLM main 017e9f4448, v1/core/kv_cache_utils.py and v1/core/single_type_kv_cache_manager.py.
#include "cost/kv_groups.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "model/counts.hpp"

namespace foretoken {
namespace {

int divided_up(int count, int size) {
  return (count + size - 1) / size;
}

int group_size(std::initializer_list<int> kinds) {
  int least = 0, most = 0;
  for (const int layers : kinds) {
    if (layers == 0) continue;
    least = least == 0 ? layers : std::min(least, layers);
    most = std::max(most, layers);
  }
  return 2 * most < 3 * least ? most : least;
}

}  // namespace

bool attends_to_chunks(const ModelSpec& model) {
  return model.architecture.starts_with("Llama4");
}

KvLayout kv_layout_of(const Deployment& d, bool caches_prefixes) {
  const ModelSpec& m = d.model;
  // The drafter's own layers keep everything, in blocks of the same size.
  const int drafter = d.draft.passes > 0 && m.full_attention_layers + m.sliding_layers > 0 ? d.draft.model.layers : 0;
  const int full = m.full_attention_layers + drafter, windowed = m.sliding_layers, recurrent = m.recurrent.layers;
  if (windowed == 0 && recurrent == 0) return {};
  if (full + windowed == 0) return {};  // no KV cache at all
  KvLayout layout;
  layout.layers = group_size({full, windowed, recurrent});
  layout.full = divided_up(full, layout.layers);
  layout.windowed = divided_up(windowed, layout.layers);
  layout.window = windowed > 0 ? m.sliding_window : 0;
  // Verification leaves a state behind each draft.
  layout.states = divided_up(recurrent, layout.layers) * ((caches_prefixes ? 2 : 1) + d.draft.tokens);
  return layout;
}

std::int64_t block_size_for_states(const Deployment& d, std::int64_t block_size) {
  constexpr std::int64_t kAligned = 16;  // tokens that attention kernels read at a time
  const ModelSpec& m = d.model;
  const int layers = m.sliding_layers + m.full_attention_layers;
  if (m.recurrent.layers == 0 || layers == 0) return block_size;
  const double of_token = kv_elements_per_token(m, d.parallelism.tensor) / layers * kv_bytes_per_element(d.kv_format);
  const double state = m.recurrent.state_bytes / m.recurrent.layers / d.parallelism.tensor;
  const auto least = static_cast<std::int64_t>(std::ceil(state / (static_cast<double>(kAligned) * of_token)));
  return std::max(block_size, least * kAligned);
}

}  // namespace foretoken
