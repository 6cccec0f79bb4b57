// The table of batching policies: one row each.
#include <algorithm>
#include <array>

#include "foretoken/base/result.hpp"
#include "serving/batching/batching_policy.hpp"

namespace foretoken {
namespace {

constexpr std::array kRows{
    BatchingPolicyRow{{"vllm-v1", "vLLM V1: continuous batching, chunked prefill, running requests first"},
                      BlockPolicy::grow, LastRow::foreseen, make_vllm_v1},
    BatchingPolicyRow{{"vllm-v0", "vLLM V0: prompts first while decodes wait, or chunked prefill; watermark"},
                      BlockPolicy::grow, LastRow::wasted, make_vllm_v0},
    BatchingPolicyRow{{"sglang", "SGLang: prefill batches alone, one split prompt, admission by expected output, retraction"},
                      BlockPolicy::grow, LastRow::wasted, make_sglang},
    BatchingPolicyRow{{"tensorrt-llm", "TensorRT-LLM: in-flight batching, KV reserved to the end or paused when it runs out"},
                      BlockPolicy::grow, LastRow::wasted, make_tensorrt_llm},
    BatchingPolicyRow{{"orca", "iteration-level batching of whole prompts, KV reserved for max_model_len"},
                      BlockPolicy::reserve, LastRow::wasted, make_orca},
    BatchingPolicyRow{{"static", "one batch at a time, run to its end (FasterTransformer)"},
                      BlockPolicy::reserve, LastRow::wasted, make_static_batching},
};

constexpr auto kInfos = [] {
  std::array<PolicyInfo, kRows.size()> infos{};
  for (std::size_t i = 0; i < kRows.size(); ++i) infos[i] = kRows[i].info;
  return infos;
}();

}  // namespace

std::span<const PolicyInfo> batching_policies() { return kInfos; }

const BatchingPolicyRow& find_batching_policy(const std::string& name) {
  const auto row = std::find_if(kRows.begin(), kRows.end(), [&](const auto& r) { return r.info.name == name; });
  if (row == kRows.end()) throw InternalError("unknown batching policy: " + name);
  return *row;
}

}  // namespace foretoken
