// Which part of a sweep this process runs.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "foretoken/base/result.hpp"

namespace foretoken {

struct Shard {
  std::size_t index = 0;
  std::size_t count = 1;
};

// `i/n` counts i from 0. `auto` takes both from a Slurm job array, `auto/n` the index from a Slurm
// array or a Kubernetes Indexed Job. `variable` looks an environment variable up.
[[nodiscard]] Result<Shard> parse_shard(const std::string& text,
                                        const std::function<std::optional<std::string>(const char* name)>& variable);

}  // namespace foretoken
