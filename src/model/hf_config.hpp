// A model's shape from the `config.json` of its Hugging Face repository.
#pragma once

#include <string>

#include "foretoken/base/json.hpp"
#include "foretoken/base/result.hpp"
#include "foretoken/model/model_spec.hpp"

namespace foretoken {

// Reads the text decoder (a nested `text_config` too), current and old key names,
// and what the architecture implies without a key. `origin` names the file in
// diagnostics; every missing, contradictory or absurd field is reported at once.
// The id is left to the caller where the config has no `_name_or_path`.
[[nodiscard]] Result<ModelSpec> model_from_hf_config(const Json& config, const std::string& origin);

}  // namespace foretoken
