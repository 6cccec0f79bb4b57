// The data that comes with the binary: GPUs, models, links, calibration sets. One YAML
// file each, every figure with its source.
//
// Example:
//   const Result<GpuSpec> gpu = Catalog().gpu("H100 SXM");  // a name, an id or an alias; else "did you mean"
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "foretoken/base/result.hpp"
#include "foretoken/cost/calibration.hpp"
#include "foretoken/hardware/gpu_spec.hpp"
#include "foretoken/model/model_spec.hpp"

namespace foretoken {

class Catalog {
 public:
  // Built-in entries; files under `dir`/{gpus,models,links,calibration} add to them and win.
  explicit Catalog(std::string dir = {});

  // By id, display name or alias, case-insensitive; "did you mean" otherwise.
  [[nodiscard]] Result<GpuSpec> gpu(std::string_view name) const;
  [[nodiscard]] Result<ModelSpec> model(std::string_view name) const;
  [[nodiscard]] Result<LinkSpec> link(std::string_view name) const;
  [[nodiscard]] Result<std::vector<GpuSpec>> gpus() const;  // sorted by id
  [[nodiscard]] Result<std::vector<ModelSpec>> models() const;
  [[nodiscard]] Result<std::vector<LinkSpec>> links() const;
  // All coefficient sets of the cost model, with the device constants they belong to.
  [[nodiscard]] Result<SharedCalibration> calibration() const;
  // File text by folder and stem, for calibration sets and `catalog NAME`.
  struct File {
    std::string folder, stem, text, origin;
  };
  [[nodiscard]] std::vector<File> files(std::string_view folder) const;

 private:
  std::string dir_;
};

}  // namespace foretoken
