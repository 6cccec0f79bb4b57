// What makes a deployment impossible to price, all of it at once.
#include <fmt/format.h>

#include <cmath>

#include "foretoken/cost/cost_model.hpp"
#include "model/counts.hpp"

namespace foretoken {
namespace {

class Problems {
 public:
  template <class... Args>
  void add(fmt::format_string<Args...> text, Args&&... args) {
    list.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
  void positive(const char* what, double value) {
    if (!(value > 0) || !std::isfinite(value)) add("{} is {}; it must be above 0", what, value);
  }
  void not_negative(const char* what, double value) {
    if (!(value >= 0) || !std::isfinite(value)) add("{} is {}; it must be finite and at least 0", what, value);
  }
  void efficiency(const char* what, double value) {
    if (!(value >= 0 && value <= 1)) add("{} is {}; it must be above 0 and at most 1 (0 = default)", what, value);
  }
  std::vector<std::string> list;
};

void check_affine(const AffineTerms& terms, Problems& problems) {
  problems.not_negative("affine term per_step", terms.per_step);
  problems.not_negative("affine term per_prefill_token", terms.per_prefill_token);
  problems.not_negative("affine term per_decode_token", terms.per_decode_token);
  problems.not_negative("affine term per_context_token", terms.per_context_token);
}

void check_gpu(const GpuSpec& gpu, Problems& problems) {
  const auto name = [&](const char* what) { return fmt::format("GPU {}: {}", gpu.id, what); };
  problems.positive(name("dense bf16 peak").c_str(), gpu.peak_bf16.value);
  problems.positive(name("memory capacity").c_str(), gpu.memory_capacity.value);
  if (!gpu.memory_bandwidth) {
    problems.add("GPU {} has no known memory bandwidth; give one to simulate it", gpu.id);
  } else {
    problems.positive(name("memory bandwidth").c_str(), gpu.memory_bandwidth->value);
  }
  for (const auto& peak : {gpu.peak_fp8, gpu.peak_int8, gpu.peak_fp4}) {
    if (peak) problems.positive(name("low-precision peak").c_str(), peak->value);
  }
}

void check_model(const ModelSpec& m, Problems& problems) {
  const auto name = [&](const char* what) { return fmt::format("model {}: {}", m.id, what); };
  problems.positive(name("hidden size").c_str(), m.hidden_size);
  problems.positive(name("number of layers").c_str(), m.layers);
  problems.positive(name("vocabulary size").c_str(), m.vocab_size);
  problems.positive(name("attention heads").c_str(), m.heads);
  if (m.sliding_layers < 0 || m.full_attention_layers < 0 || m.sliding_window < 0) {
    problems.add("model {}: layer counts and the sliding window must not be negative", m.id);
  }
  if (m.sliding_layers + m.full_attention_layers + m.recurrent.layers <= 0) {
    problems.add("model {} has neither attention nor recurrent layers", m.id);
  }
  if (m.sliding_layers > 0 && m.sliding_window <= 0) {
    problems.add("model {} has {} sliding layers but no window", m.id, m.sliding_layers);
  }
  if (m.mlp_matrices != 2 && m.mlp_matrices != 3) {
    problems.add("model {}: an MLP has 2 matrices, or 3 when gated, not {}", m.id, m.mlp_matrices);
  }
  if (m.attention == AttentionKind::latent) {
    problems.positive(name("kv_lora_rank").c_str(), m.latent.kv_lora_rank);
    problems.positive(name("rope head size").c_str(), m.latent.rope_head_dim);
    problems.positive(name("nope head size").c_str(), m.latent.nope_head_dim);
    problems.positive(name("value head size").c_str(), m.latent.v_head_dim);
  } else {
    problems.positive(name("key/value heads").c_str(), m.kv_heads);
    problems.positive(name("head size").c_str(), m.head_dim);
    if (m.kv_heads > 0 && m.heads % m.kv_heads != 0) {
      problems.add("model {}: {} attention heads do not divide into {} key/value heads", m.id, m.heads, m.kv_heads);
    }
  }
  if (m.moe.experts < 0) problems.add("model {}: the number of experts is negative", m.id);
  if (m.moe.experts > 0) {
    problems.positive(name("expert width").c_str(), m.moe.expert_width);
    if (m.moe.active_experts < 1 || m.moe.active_experts > m.moe.experts) {
      problems.add("model {}: {} of {} experts cannot be active", m.id, m.moe.active_experts, m.moe.experts);
    }
  }
  if (count_parameters(m).dense_layers > 0) problems.positive(name("intermediate size").c_str(), m.intermediate_size);
}

void check_parallelism(const Deployment& d, Problems& problems) {
  const Parallelism& p = d.parallelism;
  const ModelSpec& m = d.model;
  if (p.tensor < 1 || p.pipeline < 1 || p.data < 1) {
    problems.add("tensor, pipeline and data parallel sizes are {}, {} and {}; each must be at least 1", p.tensor,
                 p.pipeline, p.data);
    return;
  }
  if (m.heads > 0 && m.heads % p.tensor != 0) {
    problems.add("tensor_parallel_size {} does not divide the {} attention heads of {}", p.tensor, m.heads, m.id);
  }
  const bool grouped = m.attention == AttentionKind::grouped_query && m.kv_heads > 0;
  if (grouped && m.kv_heads % p.tensor != 0 && p.tensor % m.kv_heads != 0) {
    problems.add("tensor_parallel_size {} neither divides nor is a multiple of the {} key/value heads of {}", p.tensor,
                 m.kv_heads, m.id);
  }
  const ParameterCounts counts = count_parameters(m);
  if (counts.dense_layers > 0 && m.intermediate_size > 0 && m.intermediate_size % p.tensor != 0) {
    problems.add("tensor_parallel_size {} does not divide the MLP width {} of {}", p.tensor, m.intermediate_size, m.id);
  }
  if (p.pipeline > m.layers && m.layers > 0) {
    problems.add("pipeline_parallel_size {} exceeds the {} layers of {}", p.pipeline, m.layers, m.id);
  }
  if (m.moe.experts == 0) {
    if (p.data > 1) {
      problems.add("data parallelism inside a replica needs a mixture of experts; {} is dense: use {} replicas", m.id,
                   p.data);
    }
    if (p.expert_parallel) problems.add("expert parallelism needs a mixture of experts; {} is dense", m.id);
    return;
  }
  const int ranks = p.tensor * p.data;
  if (p.expert_parallel && m.moe.experts % ranks != 0) {
    problems.add("{} expert-parallel ranks do not divide the {} experts of {}", ranks, m.moe.experts, m.id);
  }
  if (!p.expert_parallel && m.moe.expert_width > 0 && m.moe.expert_width % ranks != 0) {
    problems.add("{} ranks do not divide the expert width {} of {}; expert parallelism would", ranks,
                 m.moe.expert_width, m.id);
  }
}

void check_links(const Deployment& d, Problems& problems) {
  const Parallelism& p = d.parallelism;
  if (p.tensor < 1 || p.pipeline < 1 || p.data < 1 || p.gpus() <= 1) return;
  if (d.node.gpus_per_node < 1) {
    problems.add("gpus_per_node is {}; it must be at least 1", d.node.gpus_per_node);
    return;
  }
  const auto usable = [](const LinkSpec& link) {
    return link.per_direction.value > 0 && std::isfinite(link.per_direction.value);
  };
  const bool inside_domain = p.gpus() <= d.gpu.scale_up_domain && usable(d.gpu.scale_up_link);
  if (inside_domain) return;
  if (!usable(d.gpu.host_link) && !usable(d.gpu.scale_up_link)) {
    problems.add("{} GPUs work together but {} has no link with a known bandwidth", p.gpus(), d.gpu.id);
  }
  if (p.gpus() > d.node.gpus_per_node && !usable(d.node.scale_out_link)) {
    problems.add("{} GPUs span several nodes of {}, but no scale-out link is given", p.gpus(), d.node.gpus_per_node);
  }
}

void check_terms(const Deployment& d, Problems& problems) {
  problems.efficiency("compute_efficiency", d.roofline.compute_efficiency);
  problems.efficiency("memory_efficiency", d.roofline.memory_efficiency);
  problems.efficiency("link_efficiency", d.roofline.link_efficiency);
  problems.positive("efficiency_scale of compute", d.efficiency.compute);
  problems.positive("efficiency_scale of memory", d.efficiency.memory);
  problems.not_negative("overhead per_step", d.overhead.per_step);
  problems.not_negative("overhead per_layer", d.overhead.per_layer);
  problems.not_negative("overhead per_sequence", d.overhead.per_sequence);
  problems.not_negative("overhead per_allreduce", d.overhead.per_allreduce);
  problems.not_negative("overhead per_prefill_layer", d.overhead.per_prefill_layer);
  problems.not_negative("overhead per_prefill_moe_layer", d.overhead.per_prefill_moe_layer);
  problems.positive("overhead scale", d.overhead.scale);
  if (d.cuda_graph_max_rows < 0) {
    problems.add("cuda_graph_max_rows is {}; it must be at least 0 (0 = eager)", d.cuda_graph_max_rows);
  }
}

}  // namespace

std::vector<std::string> deployment_problems(const Deployment& d) {
  Problems problems;
  if (d.level == CostLevel::affine) {
    check_affine(d.affine, problems);
    return problems.list;
  }
  check_gpu(d.gpu, problems);
  check_model(d.model, problems);
  check_parallelism(d, problems);
  check_links(d, problems);
  check_terms(d, problems);
  if (d.level == CostLevel::calibrated) {
    for (std::string& problem : calibration_problems(d.calibration)) problems.list.push_back(std::move(problem));
  }
  return problems.list;
}

}  // namespace foretoken
