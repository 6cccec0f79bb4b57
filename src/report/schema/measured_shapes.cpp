// Documents that hold something against measurements or against each other.
#include "foretoken/metrics/summary.hpp"
#include "measurement/accuracy/accuracy.hpp"
#include "report/schema/documents.hpp"

namespace foretoken::shape {
namespace {

Json changes_shape() {
  return list_of(object({{"path", text()}, {"before?", text()}, {"after?", text()}, {"relative?", figure()}}));
}

Json errors_shape() {
  return object({{"rows", count()},
                 {"cells", count()},
                 {"median_ape_pct?", figure()},
                 {"p90_ape_pct?", figure()},
                 {"mean_ape_pct?", figure()},
                 {"bias_pct?", figure()},
                 {"worst_pct?", figure()},
                 {"worst_row?", any()}});
}

Json skipped_shape() {
  return list_of(object({{"rows", count()}, {"reason", text()}}));
}

Keys accuracy_keys(std::string_view kind, const Keys& more) {
  Keys keys{{"kind", constant(kind)}, {"source", text()}};
  keys.insert(keys.end(), more.begin(), more.end());
  return with_version("accuracy", keys);
}

Json points_shape() {
  const Json group =
      object({{"grade", text()}, {"group?", text()}, {"cell?", text()}, {"metric", text()}, {"error", errors_shape()}});
  const Json band = object(
      {{"inside_calibrated_range", flag()}, {"rows", count()}, {"half_width_pct", figure()}, {"covered", figure()}});
  const Json run_error = object({{"metric", text()},
                                 {"engine?", text()},
                                 {"inside_calibrated_range?", flag()},
                                 {"cells", count()},
                                 {"levels", list_of(figure())},
                                 {"measured_over_predicted", list_of(figure())}});
  const Json summary = object({{"rows", count()},
                               {"predicted", count()},
                               {"overall", list_of(group)},
                               {"groups", list_of(group)},
                               {"cells", list_of(group)},
                               {"tpot_bands", list_of(band)},
                               {"run_errors", list_of(run_error)},
                               {"reliability", list_of(map_of(any()))},
                               {"skipped", skipped_shape()}});
  const Json drafts = object({{"method", text()}, {"tokens", count()}, {"length", figure()}, {"possible", flag()}});
  const Json row = object({{"id", text()},
                           {"grade", text()},
                           {"cell", text()},
                           {"skipped?", text()},
                           {"scored?", flag()},
                           {"measured?", map_of(figure())},
                           {"predicted?", map_of(figure())},
                           {"error_pct?", map_of(figure())},
                           {"tpot_band_pct?", figure()},
                           {"inside_calibrated_range?", flag()},
                           {"speculation_hypothesis?", drafts}});
  return object(accuracy_keys("points", {{"summary", summary}, {"rows", list_of(row)}}));
}

Json kernels_shape() {
  const Json kind = object({{"class", text()}, {"error", errors_shape()}, {"reference_gap_pct?", figure()}});
  const Json summary = object({{"overall", errors_shape()},
                               {"reference_gap_pct?", figure()},
                               {"classes", list_of(kind)},
                               {"skipped", skipped_shape()}});
  const Json row = object({{"line", count()},
                           {"class", text()},
                           {"measured_us", figure()},
                           {"reference_us?", figure()},
                           {"skipped?", text()},
                           {"predicted_us?", figure()},
                           {"error_pct?", figure()},
                           {"served_by?", text()}});
  return object(accuracy_keys("kernels", {{"summary", summary}, {"rows", list_of(row)}}));
}

// The statistics of a distribution are named by it.
Json replay_shape() {
  Json distribution = object({{"metric", text()}, {"per_request", errors_shape()}});
  distribution["additionalProperties"] =
      object({{"measured", figure()}, {"predicted", figure()}, {"error_pct?", figure()}});
  const Json series = object({{"name", text()},
                              {"mean_measured", figure()},
                              {"mean_predicted", figure()},
                              {"mean_distance", figure()},
                              {"measured", list_of(figure())},
                              {"predicted", list_of(figure())}});
  const Json row =
      object({{"id", any()}, {"arrival_s", figure()}, {"measured", map_of(figure())}, {"predicted", map_of(figure())}});
  return object(accuracy_keys("replay", {{"deployment", text()},
                                         {"clock_offset_seconds", figure()},
                                         {"not_modelled", list_of(text())},
                                         {"summary", list_of(distribution)},
                                         {"seconds", list_of(figure())},
                                         {"series", list_of(series)},
                                         {"rows", list_of(row)}}));
}

}  // namespace

Json accuracy_shape() {
  return either({points_shape(), kernels_shape(), replay_shape()});
}

Json diff_shape() {
  return object({{"schema", constant("foretoken.diff/1")},
                 {"identical", flag()},
                 {"identity", changes_shape()},
                 {"configuration", changes_shape()},
                 {"inputs", changes_shape()},
                 {"figures", changes_shape()},
                 {"others", count()}});
}

Json validation_shape() {
  const Json figure_shape = object({{"metric", text()},
                                    {"unit", text()},
                                    {"measured", figure()},
                                    {"predicted", figure()},
                                    {"error_pct", figure()},
                                    {"model_low", figure()},
                                    {"model_high", figure()},
                                    {"inside_model", or_null(flag())},
                                    {"run_low", figure()},
                                    {"run_high", figure()},
                                    {"inside_chance", or_null(flag())}});
  const Json run = object({{"file", text()},
                           {"format", text()},
                           {"sha256", text()},
                           {"load", text()},
                           {"requests", count()},
                           {"failed", count()},
                           {"replications", count()},
                           {"rests_on", text()},
                           {"figures", list_of(figure_shape)},
                           {"boundaries", list_of(text())}});
  return object(with_head("validation", {{"interrupted", flag()},
                                         {"largest_error_pct", figure()},
                                         {"worst_metric", or_null(text())},
                                         {"worst_file", or_null(text())},
                                         {"figures", count()},
                                         {"outside_model", count()},
                                         {"within_pct", figure()},
                                         {"kept", or_null(flag())},
                                         {"runs", list_of(run)},
                                         {"warnings", list_of(text())}}));
}

Json calibration_shape() {
  const Json deployment = object({{"model", text()},
                                  {"gpu", text()},
                                  {"engine", text()},
                                  {"version", text()},
                                  {"tensor_parallel_size", count()},
                                  {"cost_level", text()}});
  const Json run = object({{"file", text()},
                           {"format", text()},
                           {"sha256", text()},
                           {"requests", count()},
                           {"failed", count()},
                           {"fitted_requests?", count()},
                           {"load", text()},
                           {"notes?", list_of(text())}});
  const Json term = object({{"name", text()},
                            {"path", text()},
                            {"unit", text()},
                            {"status", text()},
                            {"value", figure()},
                            {"default", figure()},
                            {"least", figure()},
                            {"most", figure()},
                            {"standard_error?", figure()},
                            {"reason?", text()}});
  const Json error = object({{"file", text()},
                             {"requests", text()},
                             {"mean", text()},
                             {"measured_ms", figure()},
                             {"before_pct", figure()},
                             {"fitted_pct", figure()},
                             {"held_out_pct?", figure()}});
  return object(with_version(
      "calibration", {{"scenario_sha256", text()},
                      {"deployment", deployment},
                      {"measured", list_of(run)},
                      {"terms", list_of(term)},
                      {"explanations", list_of(object({{"probability", figure()}, {"terms", map_of(figure())}}))},
                      {"covariance_terms", list_of(text())},
                      {"covariance", list_of(list_of(figure()))},
                      {"singular_values", list_of(figure())},
                      {"errors", list_of(error)},
                      {"held_out_by", text()},
                      {"figures", count()},
                      {"rms_before", figure()},
                      {"rms_after", figure()},
                      {"simulations", count()},
                      {"interrupted?", flag()},
                      {"warnings", list_of(text())}}));
}

}  // namespace foretoken::shape
