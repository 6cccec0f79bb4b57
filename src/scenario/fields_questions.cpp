// Keys of what is asked of a run.
#include "foretoken/hardware/gpu_spec.hpp"
#include "scenario/field_rows.hpp"

namespace foretoken {
namespace {

using K = FieldKind;
using Names = std::vector<std::string_view>;

Names purchases() {
  return {to_string(Purchase::on_demand), to_string(Purchase::reserved), to_string(Purchase::spot)};
}
Names conventions() {
  return {"per_output_token", "vllm"};
}

Names load_variables() {
  return {"request_rate", "max_concurrency", "users"};
}

constexpr Field kQuestionRows[] = {
    {"goodput", K::map, "", "Limits that one request must keep to count as good."},
    {"goodput.ttft", K::number, "", "TTFT, ms.", 1e-6, 1e12, {}, nullptr, "ttft_ms,time_to_first_token"},
    {"goodput.tpot", K::number, "", "TPOT, ms.", 1e-6, 1e12, {}, nullptr, "tpot_ms,inter_token_latency"},
    {"goodput.e2el", K::number, "", "End-to-end latency, ms.", 1e-6, 1e12, {}, nullptr, "e2el_ms,request_latency"},
    {"slo", K::list_of_text, "",
     "Comparisons on the summary: p99_ttft <= 500 ms, output_throughput >= 2000; of one class of the workload: "
     "p99_ttft "
     "of NAME <= 500 ms."},
    {"assert", K::anything, "",
     "What must hold for `foretoken assert`: comparisons as in slo, {name: ..., that: a comparison}, or a map "
     "{p99_ttft_ms: "
     "\"<=500\"}."},
    {"study", K::map, "", "How sure verdicts must be, and how much may be simulated for one."},
    {"study.confidence", K::number, "0.95", "Of the intervals behind a verdict.", 0.5, 0.9999},
    {"study.until", K::list_of_text, "", "Figures to be known this closely before a study stops: p99_ttft +- 3 %."},
    {"study.max_replications", K::integer, "100000", "Most replications for one verdict.", 2, 1e5},
    {"study.max_requests", K::integer, "20000000", "Most requests simulated for one verdict, over all replications.", 1,
     1e12},
    {"prices", K::map, "", "What things cost: figures in money and of energy come with it."},
    {"prices.gpu_hour", K::price, "",
     "USD per GPU and hour: a number, by purchase {on_demand: 3, spot: 1.5}, or either by GPU {h100_sxm: 3, l4: 0.7}. "
     "Without names it is of hardware.gpu as it stood when the price was given.",
     0, 0},
    {"prices.purchase", K::choice, "on_demand", "How the GPUs are bought.", 0, 0, {}, purchases},
    {"prices.examples", K::flag, "false",
     "Use the catalog's example price where gpu_hour has none. It is no quote of anybody."},
    {"prices.kwh", K::number, "", "USD per kWh of electricity, for the cost of energy.", 1e-4, 100},
    {"prices.grid_g_per_kwh", K::number, "", "Grams of CO2 equivalent per kWh of electricity.", 0, 2000},
    {"prices.load_profile", K::anything, "",
     "For `foretoken bill`, load by hour as multiples of the offered rate: 24 numbers, {weekday: [24], weekend: [24]}, "
     "or 168 "
     "from Monday 0:00."},
    {"prices.capacity_per_replica", K::number, "",
     "For `foretoken bill`, requests per second that one replica serves within the objectives. Without it they are "
     "searched for.",
     1e-6, 1e9},
    {"prices.min_replicas", K::integer, "1", "For `foretoken bill`, replicas kept in the quietest hour.", 0, 1e5},
    {"capacity", K::map, "", "The largest load that meets the objectives: how to look for it."},
    {"capacity.variable",
     K::choice,
     "(what the workload has)",
     "The load to raise; users are the clients of a closed loop with think_time or sessions.",
     0,
     0,
     {},
     load_variables},
    {"capacity.precision", K::number, "0.02", "Relative width at which the search stops.", 0.001, 0.5},
    {"capacity.growth", K::text, "", "Growth of the load, for the days until it is full: 5 %/month."},
    {"promise", K::map, "", "The lengths for which `foretoken promise` looks for a load."},
    {"promise.input_len", K::list_of_numbers, "", "Prompt tokens; without it fourfold steps up to max_model_len.", 1,
     kMaxTokensField},
    {"promise.output_len", K::list_of_numbers, "", "Output tokens; without it fourfold steps up to a quarter of that.",
     1, kMaxTokensField},
    {"promise.precision", K::number, "0.1", "Relative width at which the search in one cell stops.", 0.001, 0.5},
    {"placement", K::map, "", "What `foretoken placement` may use."},
    {"placement.available", K::anything, "",
     "GPUs that there are: a map from catalog name to number; of kinds that it does not name as many as are wanted."},
    {"sweep", K::anything, "", "What-if table: a map from field to the list of its values."},
    {"recommend", K::map, "", "Where `foretoken recommend` looks for the cheapest deployment."},
    {"recommend.over", K::anything, "",
     "The whole domain: a map from field to its values: {choices: [1, 2]}, {range: {from: 1, to: 8, factor: 2}}, [1, "
     "2, 4..64]."},
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
  return kQuestionRows;
}

}  // namespace foretoken
