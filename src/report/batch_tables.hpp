// Tables of the batch study that the document and the terminal share.
#pragma once

#include "foretoken/study/batch.hpp"
#include "report/declared_table.hpp"

namespace foretoken {

[[nodiscard]] DeclaredTable<RidgeOperator> ridge_table();
[[nodiscard]] DeclaredTable<BudgetRow> budget_table();

// A batch from which on something holds.
[[nodiscard]] std::string from_batch(const std::optional<std::int64_t>& batch);

}  // namespace foretoken
