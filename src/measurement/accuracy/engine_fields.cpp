// vLLM's start-up arguments as scenario keys.
#include "measurement/accuracy/engine_fields.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace foretoken {
namespace {

// Engine arguments as they are, and the scenario keys they stand for.
struct Argument {
  std::string_view name;
  std::string_view field;
};
constexpr Argument kArguments[] = {
    {"tensor_parallel_size", "tensor_parallel_size"},
    {"pipeline_parallel_size", "pipeline_parallel_size"},
    {"data_parallel_size", "data_parallel_size"},
    {"enable_expert_parallel", "enable_expert_parallel"},
    {"max_num_seqs", "max_num_seqs"},
    {"max_num_batched_tokens", "max_num_batched_tokens"},
    {"max_model_len", "max_model_len"},
    {"dtype", "dtype"},
    {"quantization", "quantization"},
    {"kv_cache_dtype", "kv_cache_dtype"},
    {"gpu_memory_utilization", "gpu_memory_utilization"},
    {"num_gpu_blocks_override", "num_gpu_blocks_override"},
    {"block_size", "block_size"},
    {"enforce_eager", "enforce_eager"},
    {"enable_chunked_prefill", "enable_chunked_prefill"},
    {"long_prefill_token_threshold", "long_prefill_token_threshold"},
};
// Arguments that change nothing the simulation sees.
constexpr std::string_view kHarmless[] = {"model", "seed", "tokenizer", "served_model_name", "host", "port"};

std::int64_t longest_of(const Recording& recording) {
  std::int64_t longest = 1;
  for (const RecordedRequest& r : recording.requests) longest = std::max(longest, r.prompt_tokens + r.output_tokens);
  return longest;
}

std::string major_minor(const std::string& version) {
  const auto first = version.find('.');
  return first == std::string::npos ? version : version.substr(0, version.find('.', first + 1));
}

}  // namespace

std::vector<EngineField> engine_fields(const Recording& recording, std::vector<std::string>& not_modelled) {
  std::vector<EngineField> fields = {{"name", "vllm-v1"},
                                     {"version", to_text(Json(major_minor(recording.version)), 0)}};
  bool length_given = false;
  for (const auto& [name, value] : *recording.arguments.if_object()) {
    if (value.is_null() || std::find(std::begin(kHarmless), std::end(kHarmless), name) != std::end(kHarmless)) continue;
    const auto known = std::find_if(std::begin(kArguments), std::end(kArguments),
                                    [&name = name](const Argument& a) { return a.name == name; });
    if (known == std::end(kArguments)) {
      not_modelled.push_back(fmt::format("{}: {}", name, to_text(value, 0)));
      continue;
    }
    length_given |= name == "max_model_len";
    fields.push_back({std::string(known->field), to_text(value, 0)});
  }
  if (!length_given) {
    constexpr std::int64_t kUsual = 8192;
    fields.push_back({"max_model_len", std::to_string(std::max(kUsual, longest_of(recording)))});
  }
  return fields;
}

}  // namespace foretoken
