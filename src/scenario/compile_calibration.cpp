// Part of the build: reads the calibration files and writes them as a C++ source, so that a
// mistake in one fails the build. Usage: foretoken_compile_calibration OUTPUT FILE...
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "foretoken/cost/calibration.hpp"
#include "scenario/calibration_entries.hpp"

namespace foretoken {
namespace {

std::string literal(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '\n') {
      quoted += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

const char* level_name(CostLevel level) {
  return level == CostLevel::roofline ? "CostLevel::roofline" : "CostLevel::calibrated";
}

// `{}` writes the shortest digits that read back as the same double.
std::string source_of(const CalibrationTable& table) {
  std::string devices, sets, coefficients, ranges;
  for (const CalibrationDevice& d : table.devices) {
    devices +=
        fmt::format("    {{{}, {}, {}, {}, {}, {}, {}, {}, {}}},\n", literal(d.gpu), literal(d.generation),
                    d.flops_bf16, d.flops_fp8, d.flops_fp4, d.bandwidth, d.compute_units, d.l2_bytes, d.link_bandwidth);
  }
  std::size_t first_coefficient = 0, first_range = 0;
  for (const CoefficientSet& s : table.sets) {
    sets +=
        fmt::format("    {{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}},\n", literal(s.gpu),
                    literal(s.engine), literal(s.version), literal(s.format), literal(s.operation), level_name(s.level),
                    first_coefficient, s.coefficients.size(), first_range, s.ranges.size(), s.fitted_rows,
                    s.held_out_error, literal(s.fitted_by), literal(s.note), s.unusable, s.transferable);
    for (const Coefficient& c : s.coefficients)
      coefficients += fmt::format("    {{{}, {}}},\n", literal(c.name), c.value);
    for (const FittedRange& r : s.ranges)
      ranges += fmt::format("    {{{}, {}, {}}},\n", literal(r.dimension), r.low, r.high);
    first_coefficient += s.coefficients.size();
    first_range += s.ranges.size();
  }
  return fmt::format(
      "// The calibration sets, written by compile_calibration.\n"
      "#include \"scenario/embedded_catalog.hpp\"\n\n"
      "namespace foretoken {{\nnamespace {{\n\n"
      "constexpr EmbeddedDevice devices[] = {{\n{}}};\n\nconstexpr EmbeddedSet sets[] = {{\n{}}};\n\n"
      "constexpr EmbeddedCoefficient coefficients[] = {{\n{}}};\n\nconstexpr EmbeddedRange ranges[] = {{\n{}}};\n\n"
      "}}  // namespace\n\n"
      "EmbeddedCalibration embedded_calibration() {{ return {{devices, sets, coefficients, ranges}}; }}\n\n"
      "}}  // namespace foretoken\n",
      devices, sets, coefficients, ranges);
}

int compile(const std::string& output, std::vector<std::filesystem::path> paths) {
  std::sort(paths.begin(), paths.end(),
            [](const auto& a, const auto& b) { return a.stem().string() < b.stem().string(); });
  CalibrationTable table;
  Diagnostics problems;
  for (const std::filesystem::path& path : paths) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    if (!stream) problems.error({path.string(), 0, 0}, "cannot be read");
    problems.append(read_calibration({"calibration", path.stem().string(), text.str(), path.string()}, table));
  }
  for (const std::string& problem : calibration_problems(table)) problems.error({}, problem);
  if (problems.has_errors()) {
    fmt::print(stderr, "{}\n", format(problems));
    return 1;
  }
  std::ofstream file(output, std::ios::binary | std::ios::trunc);
  file << source_of(table);
  file.close();
  if (file) return 0;
  fmt::print(stderr, "{}: cannot be written\n", output);
  return 1;
}

}  // namespace
}  // namespace foretoken

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: foretoken_compile_calibration OUTPUT FILE...\n", stderr);
    return 2;
  }
  return foretoken::compile(argv[1], {argv + 2, argv + argc});
}
