// Rows of an unpacked table of kernels (../shared/truth/kernels2_README.md), by the names of its columns.
#pragma once

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/csv.hpp"

namespace foretoken::test {

class KernelRows {
 public:
  explicit KernelRows(const std::string& table) : in_(table) {
    if (!read()) return;
    for (std::size_t i = 0; i < cells_.size(); ++i) columns_[cells_[i]] = i;
  }
  // To the next row; false at the end.
  bool next() { return read(); }
  // Of the row; empty where it ends before. Precondition: the table has the column.
  [[nodiscard]] std::string at(const char* column) const {
    const std::size_t i = columns_.at(column);
    return i < cells_.size() ? cells_[i] : std::string{};
  }
  [[nodiscard]] int whole(const char* column) const { return std::stoi(at(column)); }

 private:
  bool read() {
    std::string line;
    if (!std::getline(in_, line)) return false;
    cells_ = split_csv(line);
    return true;
  }

  std::ifstream in_;
  std::map<std::string, std::size_t> columns_;
  std::vector<std::string> cells_;
};

}  // namespace foretoken::test
