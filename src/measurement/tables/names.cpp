// Reads the file of names: kind,name_in_points,facts_name.
#include "measurement/tables/names.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "measurement/tables/csv_table.hpp"

namespace foretoken {

Result<NameTable> NameTable::open(const std::string& names_path, const std::string& measurements) {
  NameTable table;
  std::string path = names_path;
  if (path.empty()) {
    std::error_code ignored;
    path = (std::filesystem::path(measurements).parent_path() / "names.csv").string();
    if (!std::filesystem::is_regular_file(path, ignored)) return table;
  }
  const Result<CsvTable> rows = CsvTable::read(path, {{"kind", "name_in_points", "facts_name"}, {}, {}});
  if (!rows) return rows.error();
  Diagnostics problems;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const std::string& kind = rows->text(i, "kind");
    const std::string& name = rows->text(i, "name_in_points");
    if (kind != "model" && kind != "gpu") {
      problems.error({path, rows->line(i), 0}, fmt::format("kind is '{}': model or gpu is expected", kind));
      continue;
    }
    Names& names = kind == "model" ? table.models_ : table.gpus_;
    if (!names.emplace(name, rows->text(i, "facts_name")).second) {
      problems.error({path, rows->line(i), 0}, fmt::format("the {} '{}' is named twice", kind, name));
    }
  }
  if (!problems.empty()) return first_problems(problems, path);
  return table;
}

}  // namespace foretoken
