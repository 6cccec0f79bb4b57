// One engine step as the cost model sees it, and what it answers. A step's time
// depends on the prefill chunks one by one, but on the decodes only through
// their number and a few sums over their contexts.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "foretoken/base/units.hpp"

namespace foretoken {

struct PrefillChunk {
  std::int64_t new_tokens = 0;  // s
  std::int64_t history = 0;     // h, tokens of this sequence already in the KV cache
  bool samples = false;         // last chunk of its prompt: emits a token
  bool operator==(const PrefillChunk&) const = default;
};

// The decoding sequences of a step. Contexts are the tokens already cached
// before the step (the new token makes L + 1).
struct DecodeShape {
  std::int64_t sequences = 0;         // rows, incl. padding rows of a static batch
  std::int64_t context = 0;           // sum of L
  std::int64_t windowed_context = 0;  // sum of min(L, sliding window); 0 when the model has none
  std::int64_t drafts = 0;            // tokens that the rows verify beyond one each
  [[nodiscard]] std::int64_t tokens() const { return sequences + drafts; }
  bool operator==(const DecodeShape&) const = default;
};

// The same step on all ranks of an attention data-parallel group, this one included: the
// experts see the tokens of all. Zeros: every rank is taken to carry what this one does.
struct GroupShape {
  std::int64_t tokens = 0;   // of all ranks
  std::int64_t largest = 0;  // of the rank with the most
  bool operator==(const GroupShape&) const = default;
};

// An image, video or sound that the encoder computes in a step (src/cost/README.md, "Encoders").
struct EncodedItem {
  std::int32_t tokens = 0;     // of the prompt that it becomes
  std::int32_t sequences = 1;  // tiles or frames, which attend to themselves alone
  std::int32_t patches = 0;    // of each
  bool operator==(const EncodedItem&) const = default;
};

struct StepShape {
  std::span<const PrefillChunk> prefill;
  DecodeShape decode;
  GroupShape group = {};
  std::int64_t adapters = 0;                  // distinct LoRA adapters of its requests
  std::span<const EncodedItem> encodes = {};  // before the layers of the language model
};

// What a share of a step's time was spent on. An operator's time belongs to the
// bound that sets it; fixed costs belong to overhead.
enum class TimePart { compute, memory, network, overhead };
inline constexpr int kTimeParts = 4;

struct StepTime {
  std::array<FineDuration, kTimeParts> parts{};
  std::int64_t flops = 0;  // of one device; integers, so that sums do not depend on grouping
  std::int64_t bytes = 0;  // memory traffic of one device

  [[nodiscard]] FineDuration& operator[](TimePart p) { return parts[static_cast<std::size_t>(p)]; }
  [[nodiscard]] FineDuration operator[](TimePart p) const { return parts[static_cast<std::size_t>(p)]; }
  [[nodiscard]] FineDuration total() const {
    FineDuration sum;
    for (FineDuration p : parts) sum += p;
    return sum;
  }
};

// One operator's line of `explain`: all layers of one device together.
struct OperatorCost {
  std::string name;  // qkv, attention_decode, gate_up, all_reduce ...
  double count = 0;  // launches in the step
  double flops = 0;
  double bytes = 0;
  double seconds = 0;
  double datasheet_seconds = 0;  // the bound nothing may beat
  TimePart bound = TimePart::memory;
  std::string served_by;     // datasheet, roofline default, or the coefficient set's name
  bool inside_range = true;  // shape inside the set's fitted range
  double error = 0;          // mean absolute relative error to expect of `seconds`; 0 = a bound or an overhead term
};

struct StepBreakdown {
  std::vector<OperatorCost> operators;
  double seconds = 0;  // their sum with the engine's overheads
  double datasheet_seconds = 0;
  int clamped = 0;  // operators lifted to their datasheet bound
};

}  // namespace foretoken
