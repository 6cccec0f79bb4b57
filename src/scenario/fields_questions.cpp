// Keys of what is asked of a run.
#include "scenario/field_rows.hpp"

namespace foretoken {
namespace {

using K = FieldKind;
using Names = std::vector<std::string_view>;

Names conventions() {
  return {"per_output_token", "vllm"};
}

constexpr Field kRows[] = {
    {"goodput", K::map, "", "Limits that one request must keep to count as good."},
    {"goodput.ttft", K::number, "", "TTFT, ms.", 1e-6, 1e12, {}, nullptr, "ttft_ms,time_to_first_token"},
    {"goodput.tpot", K::number, "", "TPOT, ms.", 1e-6, 1e12, {}, nullptr, "tpot_ms,inter_token_latency"},
    {"goodput.e2el", K::number, "", "End-to-end latency, ms.", 1e-6, 1e12, {}, nullptr, "e2el_ms,request_latency"},
    {"slo", K::list_of_text, "", "Comparisons on the summary: p99_ttft <= 500 ms, output_throughput >= 2000."},
    {"study", K::map, "", "How sure verdicts must be, and how much may be simulated for one."},
    {"study.confidence", K::number, "0.95", "Of the intervals behind a verdict.", 0.5, 0.9999},
    {"study.until", K::list_of_text, "", "Figures to be known this closely before a study stops: p99_ttft +- 3 %."},
    {"study.max_replications", K::integer, "80", "Most replications for one verdict.", 2, 1e5},
    {"study.max_requests", K::integer, "20000000", "Most requests simulated for one verdict, over all replications.", 1,
     1e12},
    {"sweep", K::anything, "", "What-if table: a map from field to the list of its values."},
    {"conventions", K::map, "", "Definitions that differ between tools."},
    {"conventions.tpot",
     K::choice,
     "per_output_token",
     "(finish - first token) / N, or vLLM's / (N - 1).",
     0,
     0,
     {},
     conventions},
    {"warmup_fraction", K::number, "0.1", "Share of the requests cut at both ends for the steady-state figures.", 0,
     0.45},
    {"seed", K::integer, "0", "Of all random streams.", 0, 9.2e18, {}, nullptr},
    {"replications", K::integer, "1", "Runs with different seeds.", 1, 1e5},
};

}  // namespace

std::span<const Field> question_fields() {
  return kRows;
}

}  // namespace foretoken
