// A program that predicts: a scenario from text, one from the catalog, and one that is refused.
#include <cstdio>
#include <string>

#include "foretoken/foretoken.hpp"

namespace {

// A lone request: 10 ms + 100 x 0.1 ms to its first token, then 49 steps of 10 ms.
constexpr const char* kLoneRequest = R"(
model: Llama-3.1-8B
hardware: {gpu: h100_sxm}
cost: {level: affine, affine: {per_step: 10 ms, per_prefill_token: 0.1 ms}}
workload: {random_input_len: 100, random_output_len: 50, num_prompts: 1}
)";

int predict(const foretoken::Question& asked) {
  const foretoken::Result<foretoken::Scenario> scenario = asked.scenario();
  if (!scenario) {
    std::printf("%s", foretoken::format(scenario.error()).c_str());
    return 2;
  }
  const foretoken::Result<foretoken::RunResult> result = foretoken::run_scenario(*scenario);
  if (!result) return 2;
  std::printf("%s: completed %.0f, TTFT %.3f ms, TPOT %.3f ms, E2E %.3f ms, JSON %s\n", asked.origin.c_str(),
              result->summary["completed"], result->summary["mean_ttft_ms"], result->summary["mean_tpot_ms"],
              result->summary["mean_e2el_ms"],
              foretoken::to_text(foretoken::to_json(*result)).find("\"mean_ttft_ms\"") == std::string::npos
                  ? "lacks TTFT"
                  : "has TTFT");
  return 0;
}

}  // namespace

int main() {
  std::printf("foretoken %s\n", std::string(foretoken::version()).c_str());
  const foretoken::Result<foretoken::GpuSpec> gpu = foretoken::Catalog().gpu("H100 SXM");
  std::printf("catalog: %s\n", gpu ? gpu->id.c_str() : "no such GPU");
  const foretoken::Question lone{kLoneRequest, "lone"};
  if (predict(lone) != 0) return 1;
  foretoken::Question roofline = lone.with({"cost={level: roofline}"});
  roofline.origin = "roofline";
  if (predict(roofline) != 0) return 1;
  const foretoken::Result<foretoken::CheckResult> checked =
      foretoken::check(lone, *lone.with({"slo=[\"mean_ttft <= 21 ms\"]"}).scenario());
  std::printf("check: %s, a text of %s\n", checked && checked->overall == foretoken::Decision::meets ? "meets" : "?",
              foretoken::to_text(*checked).empty() ? "nothing" : "something");
  return predict({std::string(kLoneRequest) + "engin: {name: orca}\n", "misspelt"}) == 2 ? 0 : 1;
}
