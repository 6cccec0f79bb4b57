// The step with drafts from the cost model, at the batch and the context of the run.
#include "measurement/accuracy/draft_hypothesis.hpp"

#include <algorithm>
#include <cmath>

#include "foretoken/cost/cost_model.hpp"

namespace foretoken {
namespace {

// Sequences that decode at once on a rank.
std::optional<std::int64_t> batch_of(const Scenario& s) {
  std::optional<std::int64_t> at_once = s.workload.max_concurrency;
  if (!at_once && std::holds_alternative<AllAtOnceArrivals>(s.workload.arrivals)) at_once = s.workload.num_prompts;
  if (!at_once) return std::nullopt;
  const std::int64_t ranks = std::int64_t{s.cluster.replicas} * s.engine.data_parallel_size;
  return std::clamp<std::int64_t>(*at_once / std::max<std::int64_t>(1, ranks), 1, s.engine.max_num_seqs);
}

double seconds(const Deployment& d, std::int64_t batch, std::int64_t context) {
  const auto cost = make_cost_model(d);
  const std::int64_t window = cost->sliding_window();
  const DecodeShape shape{batch, batch * context, window > 0 ? batch * std::min(context, window) : 0,
                          batch * d.draft.tokens};
  return to_seconds(cost->step({{}, shape}).total());
}

}  // namespace

std::optional<DraftHypothesis> draft_hypothesis(const Scenario& s, double predicted_tpot, double measured_tpot) {
  const std::optional<std::int64_t> batch = batch_of(s);
  const Result<WorkloadSummary> workload = workload_summary(s);
  if (!batch || !workload || !(measured_tpot > 0) || !(predicted_tpot > 0) || s.deployment.draft.on())
    return std::nullopt;
  const auto context = static_cast<std::int64_t>(workload->mean_prompt_tokens + workload->mean_output_tokens / 2);
  // Models released with heads of their own, by their kind of attention; heads of EAGLE-3 for the others.
  const bool own = s.deployment.model.attention == AttentionKind::latent;
  DraftHypothesis best;
  for (const int tokens : {1, 3}) {
    Deployment d = s.deployment;
    d.draft = draft_spec(own ? DraftMethod::mtp : DraftMethod::eagle3, d.model, d.dense_format, tokens, d.engine_name,
                         d.engine_version);
    best.method = to_string(d.draft.method);
    best.tokens = tokens;
    best.step_ratio = seconds(d, *batch, context) / seconds(s.deployment, *batch, context);
    best.length = best.step_ratio * predicted_tpot / measured_tpot;
    if (best.possible()) break;
  }
  return best;
}

}  // namespace foretoken
