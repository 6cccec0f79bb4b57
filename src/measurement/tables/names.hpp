// Which catalog entry a name in a measurement file means.
#pragma once

#include <map>
#include <string>

#include "foretoken/base/result.hpp"

namespace foretoken {

class NameTable {
 public:
  // The named file, or names.csv beside `measurements` where none is named, or no names at all.
  [[nodiscard]] static Result<NameTable> open(const std::string& names_path, const std::string& measurements);

  // The catalog's own name of it, or the name itself.
  [[nodiscard]] const std::string& model(const std::string& name) const { return find(models_, name); }
  [[nodiscard]] const std::string& gpu(const std::string& name) const { return find(gpus_, name); }

 private:
  using Names = std::map<std::string, std::string>;
  [[nodiscard]] static const std::string& find(const Names& names, const std::string& name) {
    const auto at = names.find(name);
    return at == names.end() ? name : at->second;
  }
  Names models_;
  Names gpus_;
};

}  // namespace foretoken
