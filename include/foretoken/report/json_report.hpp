// Results for programs. Adding keys does not change the schema's version, renaming
// or removing does; a figure that does not exist is absent, an infinite one is null.
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/run.hpp"
#include "foretoken/experiment/sweep.hpp"

namespace foretoken {

struct Provenance;

[[nodiscard]] Json to_json(const Summary& summary);
[[nodiscard]] Json to_json(const MemoryPlan& plan);
[[nodiscard]] Json to_json(const ModelBand& band);
// Schemas foretoken.result/1, foretoken.sweep/1 and foretoken.explanation/1.
[[nodiscard]] Json to_json(const RunResult& result);
// With all that is needed to make it again: what `foretoken run --format json` writes.
[[nodiscard]] Json to_json(const RunResult& result, const Provenance& provenance);
[[nodiscard]] Json to_json(const SweepResult& result);
[[nodiscard]] Json to_json(const Explanation& explanation);

// The flat object that `vllm bench serve --save-result` writes, in its convention of
// TPOT, over completed requests. Of several replications the first.
[[nodiscard]] Json to_vllm_json(const RunResult& result);

}  // namespace foretoken
