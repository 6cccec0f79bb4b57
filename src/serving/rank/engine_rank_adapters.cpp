// Steps of requests with LoRA adapters (src/serving/README.md, "Adapters").
#include <algorithm>

#include "serving/rank/engine_rank.hpp"

namespace foretoken {

// Distinct adapters among the requests of the step, and loads of those that are not on the GPU.
void EngineRank::plan_adapters() {
  AdapterSlots& adapters = *rank_.adapters;
  loads_ = fine_from(adapters.load());
  const bool all_run =
      !plan_.hold_decodes && plan_.skipped.empty() && plan_.chunks.size() == rank_.running.prefilling().size();
  if (all_run) {
    step_adapters_ = adapters.distinct();
    return;
  }
  step_adapters_ = 0;
  adapters.begin_count();
  const auto count = [&](RequestId id) {
    if (adapters.counted(rank_.table[id].request.adapter)) ++step_adapters_;
  };
  for (const StepPlan::Chunk& chunk : plan_.chunks) count(chunk.id);
  if (plan_.hold_decodes) return;
  for (RequestId id = rank_.running.first(); id != kNoRequest; id = rank_.table[id].next) {
    if (rank_.table[id].phase != Phase::decoding) continue;
    if (std::find(plan_.skipped.begin(), plan_.skipped.end(), id) == plan_.skipped.end()) count(id);
  }
}

// start_steps() with the adapters in the price. The whole batch waits for loads.
void EngineRank::start_steps_with_adapters(TimePoint now) {
  const DecodeCurve* curve = shape_.sequences == 0 ? nullptr : &cost_.decode_with(shape_.sequences, step_adapters_);
  const StepTime decode_only = curve == nullptr ? StepTime{} : curve->at(shape_);
  StepTime step = chunks_.empty() && !single_steps_ ? decode_only : cost_.step({chunks_, shape_, {}, step_adapters_});
  step[TimePart::overhead] += loads_;
  steps_.set_one(step, decode_only);
  const bool goes_on = chunks_.empty() && !single_steps_ && loads_ == FineDuration{} && !plan_.once &&
                       !next_call_differs_ && plan_.skipped.empty() && rank_.gaps.none();
  if (goes_on) start_stretch(*curve);
  begin(now);
}

AdapterPlace EngineRank::adapter_place(const Request& request) const {
  if (!rank_.adapters || rank_.adapters->on_gpu(request.adapter)) return AdapterPlace::gpu;
  return rank_.adapters->in_host_memory(request.adapter) ? AdapterPlace::host_memory : AdapterPlace::nowhere;
}

}  // namespace foretoken
