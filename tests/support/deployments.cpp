// Shapes from the published config.json files, peaks from the vendors' data sheets.
#include "support/deployments.hpp"

namespace foretoken::test {
namespace {

LinkSpec link(const char* id, double per_direction, double latency) {
  LinkSpec l;
  l.id = id;
  l.per_direction = {per_direction};
  l.latency = {latency};
  return l;
}

GpuSpec nvidia(const char* id, const char* architecture, int units, double bf16, double bandwidth, double gib,
               double l2) {
  GpuSpec g;
  g.id = id;
  g.display_name = id;
  g.vendor = "NVIDIA";
  g.architecture = architecture;
  g.compute_units = units;
  g.peak_bf16 = {bf16};
  g.memory_bandwidth = Bandwidth{bandwidth};
  g.memory_capacity = {gib * 1073741824.0};
  g.l2_cache = {l2};
  g.host_link = link("pcie5", 64e9, 1e-6);
  return g;
}

ModelSpec dense(const char* id, int layers, int hidden, int heads, int kv_heads, int width, int vocabulary) {
  ModelSpec m;
  m.id = id;
  m.layers = layers;
  m.full_attention_layers = layers;
  m.hidden_size = hidden;
  m.heads = heads;
  m.kv_heads = kv_heads;
  m.head_dim = 128;
  m.intermediate_size = width;
  m.vocab_size = vocabulary;
  m.max_position_embeddings = 131072;
  return m;
}

}  // namespace

GpuSpec h100() {
  GpuSpec g = nvidia("h100_sxm", "Hopper", 132, 989e12, 3.35e12, 80, 50e6);
  g.peak_fp8 = ComputeRate{1979e12};
  g.peak_int8 = ComputeRate{1979e12};
  g.scale_up_link = link("nvlink4", 450e9, 1e-6);
  g.scale_up_domain = 8;
  return g;
}

GpuSpec a100() {
  GpuSpec g = nvidia("a100_sxm", "Ampere", 108, 312e12, 2.039e12, 80, 40e6);
  g.peak_int8 = ComputeRate{624e12};
  g.scale_up_link = link("nvlink3", 300e9, 1e-6);
  g.scale_up_domain = 8;
  return g;
}

GpuSpec b200() {
  GpuSpec g = nvidia("b200_sxm", "Blackwell", 148, 2250e12, 7.7e12, 180, 126e6);
  g.peak_fp8 = ComputeRate{4500e12};
  g.peak_fp4 = ComputeRate{9000e12};
  g.scale_up_link = link("nvlink5", 900e9, 1e-6);
  g.scale_up_domain = 8;
  return g;
}

GpuSpec rtx_pro_6000() {
  GpuSpec g = nvidia("rtx_pro_6000_server", "Blackwell", 188, 467.8e12, 1.597e12, 96, 128e6);
  g.peak_fp8 = ComputeRate{935.6e12};
  g.peak_fp4 = ComputeRate{1871e12};
  g.scale_up_link = g.host_link;
  g.scale_up_domain = 1;
  return g;
}

ModelSpec llama_8b() {
  return dense("Llama-3.1-8B", 32, 4096, 32, 8, 14336, 128256);
}
ModelSpec llama_70b() {
  return dense("Llama-3.1-70B", 80, 8192, 64, 8, 28672, 128256);
}

ModelSpec qwen3_235b() {
  ModelSpec m = dense("Qwen3-235B-A22B", 94, 4096, 64, 4, 12288, 151936);
  m.moe = {128, 8, 1536, 0, 0, 1, 0};
  return m;
}

ModelSpec deepseek_v3() {
  ModelSpec m = dense("DeepSeek-V3", 61, 7168, 128, 128, 18432, 129280);
  m.attention = AttentionKind::latent;
  m.latent = {1536, 512, 128, 64, 128};
  m.moe = {256, 8, 2048, 2048, 3, 1, 0};
  return m;
}

ModelSpec gpt_oss_120b() {
  ModelSpec m = dense("gpt-oss-120b", 36, 2880, 64, 8, 2880, 201088);
  m.head_dim = 64;
  m.moe = {128, 4, 2880, 0, 0, 1, 0};
  m.sliding_window = 128;
  m.sliding_layers = 18;
  m.full_attention_layers = 18;
  return m;
}

Deployment deployment(const GpuSpec& gpu, const ModelSpec& model, int tensor_parallel_size) {
  Deployment d;
  d.gpu = gpu;
  d.model = model;
  d.parallelism.tensor = tensor_parallel_size;
  d.node.scale_out_link = link("infiniband_ndr", 50e9, 2e-6);
  return d;
}

}  // namespace foretoken::test
