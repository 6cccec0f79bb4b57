// All documents in one schema.
#include <fmt/format.h>

#include "report/request_rows.hpp"
#include "report/schema/documents.hpp"
#include "report/step_rows.hpp"
#include "report/vllm_json.hpp"

namespace foretoken::shape {

Json result_schema() {
  Json root = Json::object();
  root["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  root["title"] = "Foretoken results";
  root["description"] =
      "What foretoken prints with --format json, and the lines of --save-requests and --save-steps. The key `schema` "
      "says which document it is; further keys do not change its number.";
  struct Document {
    const char* name;
    Json (*shape)();
  };
  const Document documents[] = {{"result", result_shape},
                                {"check", check_shape},
                                {"assert", assert_shape},
                                {"capacity", capacity_shape},
                                {"promise", promise_shape},
                                {"sweep", sweep_shape},
                                {"sweep_plan", sweep_plan_shape},
                                {"compare", compare_shape},
                                {"recommend", recommend_shape},
                                {"batch", batch_shape},
                                {"memory", memory_study_shape},
                                {"sensitivity", sensitivity_shape},
                                {"bill", bill_shape},
                                {"spares", spares_shape},
                                {"placement", placement_shape},
                                {"explanation", explanation_shape},
                                {"request_explanation", request_explanation_shape},
                                {"diff", diff_shape},
                                {"validation", validation_shape},
                                {"calibration", calibration_shape},
                                {"accuracy", accuracy_shape},
                                {"vllm_bench", vllm_shape},
                                {"request_row", request_row_shape},
                                {"step_row", step_row_shape}};
  Json definitions = Json::object();
  for (const Document& document : documents) {
    root["anyOf"].push_back(ref(document.name));
    definitions[document.name] = document.shape();
  }
  add_common_shapes(definitions);
  root["$defs"] = std::move(definitions);
  return root;
}

}  // namespace foretoken::shape
