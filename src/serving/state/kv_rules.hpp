// What an engine says of how its ranks keep KV blocks and rows.
#pragma once

namespace foretoken {

// How a policy takes KV blocks for a decoding request.
enum class BlockPolicy {
  grow,     // one more whenever a block is full
  reserve,  // all of max_model_len on admission
};

// How an engine keeps KV blocks and what it finds again in them.
struct KvRules {
  BlockPolicy blocks = BlockPolicy::grow;
  bool stores_whole_contexts = false;  // nothing of a prompt is found before all of it is computed
  bool partial_blocks_first = false;   // blocks that are not full are reused first
  bool guarantees_outputs = false;     // nobody is preempted: who gets blocks can end beside all that have some
  bool prompts_wait_for_room = false;  // nobody makes room for the rest of a prompt that has begun
};

// What a step planned before a request's last token was out still holds of that request (async_scheduling).
enum class LastRow {
  wasted,    // one more row, whose token is dropped
  foreseen,  // the same, unless the request ended by its max_tokens
};

}  // namespace foretoken
