// Ridge points by operator, and what token budgets cost.
#include "report/batch_tables.hpp"

#include "foretoken/base/units.hpp"
#include "report/json_parts.hpp"

namespace foretoken {
namespace {

// As JSON: null for never.
auto batch_of(std::optional<std::int64_t> RidgeOperator::*member) {
  return [=](const RidgeOperator& op) { return value_or_null(op.*member); };
}

auto from(std::optional<std::int64_t> RidgeOperator::*member) {
  return [=](const RidgeOperator& op) { return from_batch(op.*member); };
}

}  // namespace

std::string from_batch(const std::optional<std::int64_t>& batch) {
  return batch ? readable(*batch) : "never";
}

DeclaredTable<RidgeOperator> ridge_table() {
  return DeclaredTable<RidgeOperator>()
      .column("name", "decode turns compute-bound at batch", {'0', 'l'}, &RidgeOperator::name,
              [](const std::string& name) { return name; })
      .entry("share_of_step", &RidgeOperator::share)
      .entry("compute_bound_from_datasheet", batch_of(&RidgeOperator::by_datasheet), shape::or_null(shape::count()))
      .cell("datasheet", {}, from(&RidgeOperator::by_datasheet))
      .entry("compute_bound_from_priced", batch_of(&RidgeOperator::as_priced), shape::or_null(shape::count()))
      .cell("as priced", {}, from(&RidgeOperator::as_priced))
      .column("intensity_at_1", "FLOP/B at 1", {'2'}, &RidgeOperator::intensity_at_one)
      .column("intensity_at_largest", "at the largest", {'3'}, &RidgeOperator::intensity_at_most)
      .cell("share of step", {'1'}, [](const RidgeOperator& op) { return percent(op.share); });
}

DeclaredTable<BudgetRow> budget_table() {
  return DeclaredTable<BudgetRow>()
      .column("tokens", "token budget", {}, &BudgetRow::tokens)
      .entry("current", &BudgetRow::current)
      .entry("fits", &BudgetRow::fits)
      .cell("", {'0', 'l'}, [](const BudgetRow& row) { return row.current ? "now"
                                                              : row.fits  ? ""
                                                                          : "does not fit"; })
      .entry("activations_gib", [](const BudgetRow& row) { return row.activations / kGiB; })
      .cell("activations", {'3'},
            [](const BudgetRow& row) { return format_quantity(row.activations, Dimension::bytes); })
      .column("kv_cache_size_tokens", "KV tokens", {'2'}, &BudgetRow::kv_tokens)
      .column("sequences", "requests", {}, &BudgetRow::sequences)
      .column("full_prefill_step_ms", "full prefill step ms", {}, &BudgetRow::step_ms)
      .column("prefill_tokens_per_s", "prefill tok/s", {'1'}, &BudgetRow::prefill_tokens_per_s);
}

}  // namespace foretoken
