// The shapes of all documents, by what they are about.
#pragma once

#include "foretoken/base/json.hpp"
#include "report/shape/shape.hpp"

namespace foretoken::shape {

// Of `--format json` and of the lines of --save-requests and --save-steps: one schema, whose $defs hold one document
// each, by the name in their key `schema` (foretoken.check/1: check).
[[nodiscard]] Json result_schema();

// Its parts.

// What several documents share: interval, memory, summary ...
void add_common_shapes(Json& definitions);
[[nodiscard]] Json result_shape();
[[nodiscard]] Json check_shape();
[[nodiscard]] Json assert_shape();
[[nodiscard]] Json capacity_shape();
[[nodiscard]] Json promise_shape();
[[nodiscard]] Json sweep_shape();
[[nodiscard]] Json sweep_plan_shape();
[[nodiscard]] Json compare_shape();
[[nodiscard]] Json recommend_shape();
[[nodiscard]] Json candidate_shape();  // of it
[[nodiscard]] Json batch_shape();
[[nodiscard]] Json memory_study_shape();
[[nodiscard]] Json sensitivity_shape();
[[nodiscard]] Json bill_shape();
[[nodiscard]] Json spares_shape();
[[nodiscard]] Json placement_shape();
[[nodiscard]] Json explanation_shape();
[[nodiscard]] Json request_explanation_shape();
[[nodiscard]] Json diff_shape();
[[nodiscard]] Json validation_shape();
[[nodiscard]] Json calibration_shape();
[[nodiscard]] Json accuracy_shape();

// The keys of document_head() before others.
[[nodiscard]] Keys with_head(std::string_view name, const Keys& keys);
// The schema's and the version's alone.
[[nodiscard]] Keys with_version(std::string_view name, const Keys& keys);
// One key for each word of an enumeration of time; of_pools: and those that deployments of several pools have.
[[nodiscard]] Json attribution_shape(const Json& value, bool of_pools = true);

}  // namespace foretoken::shape
