// A table of kernel times: each row as the launch that it timed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cost/kernels.hpp"
#include "foretoken/base/result.hpp"
#include "foretoken/scenario/catalog.hpp"

namespace foretoken {

struct TableKernel {
  int line = 0;              // of the file
  std::string kernel_class;  // operation, GPU, engine and version, types: rows that are told together
  // Launches of the same model at other sizes: what a fit leaves out to see how it does on models it has not seen.
  std::string family;
  KernelQuery query;
  std::string projections;  // of a whole attention layer: format of their weights
  double beside_us = 0;     // what else was timed: the launch takes the rest
  double measured_us = 0;
  std::optional<double> reference_us;  // m3_us of the file
  bool suspect = false;                // the table itself doubts it
  std::string skipped;                 // why it is no launch that could be priced; the query is then void
};

// `names_path`: names of GPUs; empty = names.csv beside the file, if there is one. Errors: a file that is not a kernel
// table, broken numbers; all with their lines.
[[nodiscard]] Result<std::vector<TableKernel>> read_kernel_table(const std::string& path, const std::string& names_path,
                                                                 const Catalog& catalog);

}  // namespace foretoken
