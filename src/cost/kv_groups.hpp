// Groups of layers as vLLM's KV cache manager makes them (src/cost/README.md, "Memory plan").
#pragma once

#include "foretoken/cost/deployment.hpp"
#include "foretoken/cost/kv_layout.hpp"

namespace foretoken {

// Layers of one kind (full, windowed, recurrent) in groups of as many as the smallest kind has, or the largest where
// that is less than half as many more. Groups that are not full are padded. `caches_prefixes`: recurrent layers keep a
// state for what is found again, beside that of the sequence.
[[nodiscard]] KvLayout kv_layout_of(const Deployment& deployment, bool caches_prefixes);

// Tokens of a block so that a state of a recurrent layer fits into the room that a layer with attention has in it; at
// least `block_size`, and a multiple of 16.
[[nodiscard]] std::int64_t block_size_for_states(const Deployment& deployment, std::int64_t block_size);

// Attention over chunks of the context, with nothing before the last chunk's begin.
[[nodiscard]] bool attends_to_chunks(const ModelSpec& model);

}  // namespace foretoken
