// Coefficient sets fitted to a table of kernels: for people, for programs (schema foretoken.kernel-fit/1), and as files
// of a catalog.
#pragma once

#include <string>
#include <vector>

#include "foretoken/base/json.hpp"
#include "foretoken/report/report.hpp"
#include "measurement/kernels/fit_kernels.hpp"

namespace foretoken {

[[nodiscard]] Json to_json(const KernelFit& fit);
[[nodiscard]] std::string to_text(const KernelFit& fit, const TextStyle& style = {});

// One for each GPU, engine and version, and one for the constants of each GPU whose sets are the first.
struct CatalogFile {
  std::string stem;  // name without .yaml
  std::string text;
};
// Rows of src/cost/levels/measured_experts.inc.
[[nodiscard]] std::string to_measured_experts(const KernelFit& fit);
[[nodiscard]] std::vector<CatalogFile> to_catalog_files(const KernelFit& fit);

}  // namespace foretoken
