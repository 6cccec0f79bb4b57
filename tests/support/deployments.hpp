// Well-known GPUs, models and deployments for tests, with the figures of their data sheets.
#pragma once

#include "foretoken/cost/deployment.hpp"

namespace foretoken::test {

[[nodiscard]] GpuSpec h100();
[[nodiscard]] GpuSpec a100();
[[nodiscard]] GpuSpec b200();
[[nodiscard]] GpuSpec rtx_pro_6000();
[[nodiscard]] ModelSpec llama_8b();
[[nodiscard]] ModelSpec llama_70b();
[[nodiscard]] ModelSpec qwen3_235b();
[[nodiscard]] ModelSpec deepseek_v3();
[[nodiscard]] ModelSpec gpt_oss_120b();  // sliding and full layers alternate

// One replica of `model` on `gpu`, tensor parallel, bf16, roofline.
[[nodiscard]] Deployment deployment(const GpuSpec& gpu, const ModelSpec& model, int tensor_parallel_size = 1);

}  // namespace foretoken::test
