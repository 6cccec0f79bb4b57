// The measured errors that come with the program.
#include "foretoken/experiment/uncertainty.hpp"

namespace foretoken {
namespace {

constexpr std::optional<bool> inside = true, outside = false, any = std::nullopt;

RunErrorTable read_table() {
  RunErrorTable table;
  std::size_t row = 0;
#define GROUP(metric, engine, range, cells, ...) \
  table.groups.push_back({ErrorMetric::metric, engine, range, cells, {__VA_ARGS__}});
#define CORRELATION(...) table.correlation[row++] = {__VA_ARGS__};
#include "experiment/uncertainty/measured_errors.inc"
#undef GROUP
#undef CORRELATION
  return table;
}

}  // namespace

const RunErrorTable& measured_run_errors() {
  static const RunErrorTable table = read_table();
  return table;
}

}  // namespace foretoken
