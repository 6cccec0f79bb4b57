// Bytes of the KV cache by format, scales included (src/cost/README.md, "KV formats").
#include "foretoken/cost/deployment.hpp"

namespace foretoken {

double kv_bytes_per_element(KvFormat format) {
  switch (format) {
    case KvFormat::bf16:
      return 2;
    case KvFormat::fp8:
    case KvFormat::int8:
    case KvFormat::fp8_per_token_head:
    case KvFormat::int8_per_token_head:
      return 1;
    case KvFormat::int4:
      return 0.5;
    case KvFormat::fp4:
      return 0.5 + 1.0 / 16;  // one fp8 scale per 16 elements
  }
  return 2;
}

double kv_bytes_per_element(const Deployment& d) {
  const ModelSpec& m = d.model;
  const double elements = kv_bytes_per_element(d.kv_format);
  if (m.attention == AttentionKind::latent) {
    // vLLM's layout for sparse attention: fp8, four fp32 scales of 128 elements, and the rotary part in 16 bits.
    const double latent = m.latent.kv_lora_rank, rotary = m.latent.rope_head_dim;
    const bool packed = d.kv_format == KvFormat::fp8 && m.sparse.top_k > 0;
    return packed ? (latent * (1 + 4.0 / 128) + 2 * rotary) / (latent + rotary) : elements;
  }
  switch (d.kv_format) {
    case KvFormat::fp8_per_token_head:
    case KvFormat::int8_per_token_head:
      return elements + 4.0 / m.head_dim;  // one fp32 scale
    case KvFormat::int4:
      return elements + 4.0 / m.head_dim;  // a scale and a zero point in 16 bits
    case KvFormat::bf16:
    case KvFormat::fp8:
    case KvFormat::int8:
    case KvFormat::fp4:
      break;
  }
  return elements;
}

}  // namespace foretoken
