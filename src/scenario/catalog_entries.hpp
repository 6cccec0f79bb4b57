// One catalog file's YAML into its spec. Strict: unknown, missing, repeated keys and
// bad units are reported with file, line and column, all at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/result.hpp"
#include "foretoken/hardware/gpu_spec.hpp"
#include "foretoken/model/model_spec.hpp"
#include "foretoken/scenario/catalog.hpp"
#include "scenario/yaml_tree.hpp"

namespace foretoken {

// Links are named in the file and looked up in `catalog`.
[[nodiscard]] Result<GpuSpec> parse_gpu(const Catalog::File& file, const Catalog& catalog);
[[nodiscard]] Result<ModelSpec> parse_model(const Catalog::File& file);
// Written in a scenario: `name` is a key, and no sources are asked for.
[[nodiscard]] Result<GpuSpec> parse_inline_gpu(const YamlNode& figures, const Catalog& catalog);
[[nodiscard]] Result<ModelSpec> parse_inline_model(const YamlNode& shape);
[[nodiscard]] Result<LinkSpec> parse_link(const Catalog::File& file);

// Names are compared without regard to case, with `-`, `_` and blanks alike.
[[nodiscard]] std::string fold_name(std::string_view name);

}  // namespace foretoken
