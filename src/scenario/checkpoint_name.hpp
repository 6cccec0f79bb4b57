// What the name of a checkpoint says of its weights: "nvidia/Qwen3-32B-NVFP4" is Qwen3-32B, stored
// in NVFP4.
#pragma once

#include <string>
#include <string_view>

#include "foretoken/scenario/catalog.hpp"

namespace foretoken {

struct CheckpointName {
  std::string base;    // the name without what says how the weights are stored
  std::string suffix;  // what says it, as written: "FP8-dynamic"; empty = nothing does
  std::string format;  // as engine.quantization spells it; empty with a suffix = a format that is not modelled
};
[[nodiscard]] CheckpointName read_checkpoint_name(std::string_view name);

// The catalog's model of this name, or of the name without its suffix, in the precision that the suffix
// states. `doubt` says which suffix was not understood.
[[nodiscard]] Result<ModelSpec> find_checkpoint(const Catalog& catalog, std::string_view name, std::string& doubt);

// Formats that one method of an engine loads: fp8 and fp8_block are one.
[[nodiscard]] std::string_view format_family(std::string_view format);

}  // namespace foretoken
