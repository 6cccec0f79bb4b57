// Reading --shard and what Slurm and Kubernetes say of it.
#include "cli/shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/csv.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kMostShards = 100'000;
constexpr const char* kExamples =
    "--shard 0/4 to 3/4; --shard auto in a Slurm array, auto/4 in a Kubernetes Indexed Job";

Diagnostics refusal(const std::string& text, std::string message, std::string hint = kExamples) {
  Diagnostics problems;
  problems.error({"--shard " + text, 0, 0}, std::move(message), std::move(hint));
  return problems;
}

using Variable = std::function<std::optional<std::string>(const char*)>;

// A whole number of the environment; empty when it is not set, `problems` when it is no number.
std::optional<std::int64_t> whole(const Variable& variable, const char* name, const std::string& text,
                                  Diagnostics& problems) {
  const std::optional<std::string> value = variable(name);
  if (!value || value->empty()) return std::nullopt;
  std::int64_t number = 0;
  if (parse_number(*value, number) && number >= 0) return number;
  problems.append(refusal(text, fmt::format("{} is '{}', not a whole number", name, *value)));
  return std::nullopt;
}

Result<Shard> checked(const std::string& text, std::int64_t index, std::int64_t count) {
  if (count < 1 || count > kMostShards)
    return refusal(text, fmt::format("the number of shards must be from 1 to {}", kMostShards));
  if (index < 0 || index >= count)
    return refusal(text, fmt::format("shards count from 0: there is no {} of {}", index, count));
  return Shard{static_cast<std::size_t>(index), static_cast<std::size_t>(count)};
}

Result<Shard> from_environment(const std::string& text, std::optional<std::int64_t> count, const Variable& variable) {
  Diagnostics problems;
  const auto read = [&](const char* name) { return whole(variable, name, text, problems); };
  const auto task = read("SLURM_ARRAY_TASK_ID"), tasks = read("SLURM_ARRAY_TASK_COUNT");
  const auto first = read("SLURM_ARRAY_TASK_MIN"), step = read("SLURM_ARRAY_TASK_STEP");
  const auto completion = read("JOB_COMPLETION_INDEX");
  if (problems.has_errors()) return problems;
  if (task) {
    if (count && tasks && *count != *tasks)
      return refusal(text, fmt::format("the array has {} tasks (SLURM_ARRAY_TASK_COUNT), not {}", *tasks, *count));
    if (!count && !tasks) return refusal(text, "SLURM_ARRAY_TASK_COUNT is not set; say how many: --shard auto/4");
    return checked(text, (*task - first.value_or(0)) / std::max<std::int64_t>(1, step.value_or(1)),
                   count ? *count : *tasks);
  }
  if (!completion) return refusal(text, "neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set");
  if (!count) return refusal(text, "a Kubernetes Indexed Job does not tell how many it has; say it: --shard auto/4");
  return checked(text, *completion, *count);
}

}  // namespace

Result<Shard> parse_shard(const std::string& text, const Variable& variable) {
  const auto slash = text.find('/');
  const std::string first = text.substr(0, slash);
  std::int64_t index = 0, count = 0;
  const bool has_count = slash != std::string::npos;
  if (has_count && !parse_number(std::string_view(text).substr(slash + 1), count))
    return refusal(text, "after the '/' stands the number of shards");
  if (first == "auto") return from_environment(text, has_count ? std::optional(count) : std::nullopt, variable);
  if (!has_count || !parse_number(first, index)) return refusal(text, "a shard is i/n, auto or auto/n");
  return checked(text, index, count);
}

}  // namespace foretoken
