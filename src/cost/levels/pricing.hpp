// Which physics serves each family of operators of a deployment: the search for
// coefficient sets, the roofline's measured or default efficiencies, the datasheet.
#pragma once

#include "cost/levels/engine_costs.hpp"
#include "cost/operators/communication.hpp"
#include "foretoken/cost/deployment.hpp"

namespace foretoken {

struct Pricing {
  Device datasheet;
  ServedSet dense;       // projections in the dense format
  ServedSet dense_fed;   // those whose inputs a pass has just put out, which may quantise them too
  ServedSet dense_bf16;  // router, LM head, absorbed projections
  ServedSet experts;
  WeightFormat expert_format = WeightFormat::bf16;  // in which their kernel computes
  ServedSet attention_prefill;
  ServedSet attention_decode;
  ServedSet attention_mixed;  // level calibrated only where such a set exists
  ServedSet latent_prefill;
  ServedSet latent_decode;
  ServedSet linear_update, linear_scan, linear_conv;
  ServedSet norm;
  ServedSet activation;
  ServedSet rope;
  ServedSet all_reduce;  // the engine's own
  ServedSet nccl;
  ServedSet point_to_point;
  bool own_all_reduce = true;      // the engine has one for this link
  bool gathers_quantised = false;  // ranks of attention send their tokens in the experts' format
  IndexerTimes indexer;
  double fused_norm_bytes = 0;  // all-reduces of up to so many bytes take the norm behind them along
};

// KDA: a decay for each channel of a key, where a gated delta net has one for each head.
[[nodiscard]] bool has_channel_gates(const RecurrentSpec& recurrent);

[[nodiscard]] Pricing make_pricing(const Deployment& deployment);

// The group that `ranks` neighbouring devices form.
[[nodiscard]] LinkGroup link_group(const Deployment& deployment, int ranks);

}  // namespace foretoken
