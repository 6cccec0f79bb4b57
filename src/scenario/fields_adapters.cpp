// Keys of LoRA adapters beside the model: what the engine does with them, and what they cost.
#include "scenario/field_rows.hpp"

namespace foretoken {
namespace {

using K = FieldKind;

constexpr Field kAdapterRows[] = {
    {"engine.enable_lora", K::flag, "false",
     "LoRA adapters beside the model: vllm-v1, vllm-v0, sglang, tensorrt-llm. Slots for them take memory, used or "
     "not."},
    {"engine.max_loras",
     K::integer,
     "(1; sglang 8, tensorrt-llm 4)",
     "Adapters that the requests of one step may use; who asks for another is passed over in the queue. tensorrt-llm: "
     "a "
     "pool of pages for so many of max_lora_rank, in which more of them fit that are smaller.",
     1,
     30000,
     {},
     nullptr,
     "max_loras_per_batch"},
    {"engine.max_lora_rank", K::integer, "(16; tensorrt-llm 64)", "Rank that every slot has room for.", 1, 512},
    {"engine.max_cpu_loras",
     K::integer,
     "(max_loras; sglang, tensorrt-llm: all)",
     "Adapters in host memory, those on the GPU included; others come from disk.",
     1,
     30000,
     {},
     nullptr,
     "max_loaded_loras"},
    {"cost.per_adapter", K::number, "(0.0095; affine: 0)",
     "By which share each distinct LoRA adapter of a step makes it longer.", 0, 10},
    {"cost.with_adapters", K::number, "(0; vllm-v0 0.5; affine: 0)", "The same once, where a step has any.", 0, 100},
    {"cost.adapter_load", K::quantity, "(14.3 us for each of its matrices, at least its bytes at 29 GB/s; affine: 0 s)",
     "A step waits so long for an adapter that comes from host memory.", 0, 1000},
    {"cost.adapter_read", K::quantity, "(its bytes at 2 GB/s + 20 ms; affine: 0 s)",
     "And so much longer for one that comes from disk.", 0, 1000},
};

}  // namespace

std::span<const Field> adapter_fields() {
  return kAdapterRows;
}

}  // namespace foretoken
