// What is known of how each tool measures: vLLM's benchmarks/serve.py and endpoint_request_func.py, SGLang's
// bench_serving.py, GuideLLM's and AIPerf's metric definitions.
#include "measurement/validation/boundaries.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "measurement/calibration/measured_source.hpp"

namespace foretoken {
namespace {

bool is_vllm_like(const std::string& format) {
  return format == "vllm" || format == "sglang";
}

std::string clock_of(const RunToFit& run) {
  if (run.measured.format == "replay")
    return "clock: the recording's, from the arrival in front of the engine to the last token; in the prediction "
           "cost.per_request and cost.per_prompt_token stand for the way to the scheduler";
  std::string text =
      "clock: the client's, from the send to the first and last chunk; the prediction has no network, and what comes "
      "before the scheduler is cost.per_request and cost.per_prompt_token";
  if (run.scenario.workload.max_concurrency) text += "; waiting for one of the client's places counts in neither";
  return text;
}

std::string warmup_of(const std::string& format) {
  if (format == "vllm")
    return "warm-up: vllm bench serve sends its first prompt once before it measures, so that prompt may be found in "
           "the prefix cache; the prediction starts empty. Both count filling and draining";
  if (format == "sglang")
    return "warm-up: bench_serving sends a request or more first, not counted; the prediction starts empty";
  if (format == "guidellm")
    return "warm-up: GuideLLM can leave out a share at either end; the prediction counts the whole run";
  if (format == "aiperf")
    return "warm-up: AIPerf leaves out its warm-up phase, after which caches are warm; the prediction starts empty";
  return "warm-up: the recording counts from its first request, as the prediction does";
}

std::string tokens_of(const std::string& format) {
  if (is_vllm_like(format))
    return "TPOT: (E2E - TTFT) / (N - 1) in both, whatever conventions.tpot says; ITL: gaps between chunks, of which "
           "one "
           "may hold several tokens, against gaps between tokens";
  if (format == "guidellm")
    return "TPOT: GuideLLM's inter_token_latency, (last - first token) / (N - 1); its time_per_output_token counts "
           "TTFT "
           "in and is not read";
  if (format == "aiperf")
    return "TPOT: AIPerf's inter_token_latency, (E2E - TTFT) / (N - 1) per request; its inter_chunk_latency is not "
           "read";
  return "TPOT: (last - first token) / (N - 1) in both";
}

std::string percentiles_of(const RunToFit& run) {
  const std::string& format = run.measured.format;
  if (format == "guidellm")
    return "percentiles: GuideLLM takes a value of the sample, the prediction goes linearly between two; it differs "
           "where few requests lie beyond";
  const bool pooled = is_vllm_like(format);
  return fmt::format("percentiles: linear between two values (numpy's default) in both, over completed requests{}",
                     pooled ? "; of ITL over all gaps of all requests" : "");
}

std::string load_text(const RunToFit& run) {
  if (replays_arrivals(run.measured, run.scenario))
    return "load: the recorded sends and lengths are simulated; no chance is left";
  const auto* renewal = std::get_if<RenewalArrivals>(&run.scenario.workload.arrivals);
  std::string text = run.measured.requests.empty()
                         ? "load: arrivals and lengths are drawn as the scenario and the file say"
                         : "load: the recorded lengths are simulated, sends are drawn";
  if (run.measured.format == "vllm" && renewal != nullptr && !renewal->vllm_rescale)
    text +=
        "; vllm bench serve stretches its gaps so that the last request leaves at num_prompts / rate, which "
        "workload.vllm_rescale=true imitates";
  return text;
}

}  // namespace

std::vector<std::string> boundaries_of(const RunToFit& run) {
  const MeasuredRun& m = run.measured;
  std::vector<std::string> all{clock_of(run), warmup_of(m.format), tokens_of(m.format), percentiles_of(run),
                               load_text(run)};
  if (m.failed > 0)
    all.push_back(fmt::format("failed requests: {} of {} are in no measured figure; {}", m.failed,
                              m.failed + m.completed,
                              m.requests.empty() ? "the prediction serves all that were sent"
                                                 : "the prediction sends only those that completed"));
  all.insert(all.end(), m.notes.begin(), m.notes.end());
  return all;
}

}  // namespace foretoken
