// The table of units: one row per spelling, read by the parser, by the messages
// and (for the rows with a threshold) by the formatter.
#include "foretoken/base/units.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "base/csv.hpp"

namespace foretoken {
namespace {

// SI value = number * 10^power_of_ten * factor. The power of ten is joined to
// the number before conversion, so that "3.35 TB/s" is the double 3.35e12 and
// not the last-bit neighbour that a multiplication may give.
struct Unit {
  std::string_view name;
  int power_of_ten;
  double factor = 1;
  // Values from here up are written in this unit; negative = only read.
  double written_from = -1;
};

constexpr double kKi = 1024.0, kMi = kKi * kKi, kGi = kMi * kKi, kTi = kGi * kKi, kPi = kTi * kKi;

// Capacities stay in GiB up to 10 TiB: "640 GiB" for a node reads against "80 GiB" for a GPU.
constexpr auto kBytes = std::to_array<Unit>({{"B", 0, 1, 0},
                                             {"kB", 3},
                                             {"MB", 6},
                                             {"GB", 9},
                                             {"TB", 12},
                                             {"PB", 15},
                                             {"KiB", 0, kKi, kKi},
                                             {"MiB", 0, kMi, kMi},
                                             {"GiB", 0, kGi, kGi},
                                             {"TiB", 0, kTi, 10 * kTi},
                                             {"PiB", 0, kPi, 10 * kPi}});

// Network links are sold in bits per second.
constexpr auto kBandwidth = std::to_array<Unit>({{"B/s", 0, 1, 0},
                                                 {"kB/s", 3, 1, 1e3},
                                                 {"MB/s", 6, 1, 1e6},
                                                 {"GB/s", 9, 1, 1e9},
                                                 {"TB/s", 12, 1, 1e12},
                                                 {"PB/s", 15, 1, 1e15},
                                                 {"KiB/s", 0, kKi},
                                                 {"MiB/s", 0, kMi},
                                                 {"GiB/s", 0, kGi},
                                                 {"TiB/s", 0, kTi},
                                                 {"Mb/s", 6, 0.125},
                                                 {"Gb/s", 9, 0.125},
                                                 {"Tb/s", 12, 0.125},
                                                 {"Mbit/s", 6, 0.125},
                                                 {"Gbit/s", 9, 0.125},
                                                 {"Tbit/s", 12, 0.125},
                                                 {"Mbps", 6, 0.125},
                                                 {"Gbps", 9, 0.125},
                                                 {"Tbps", 12, 0.125}});

constexpr auto kComputeRate = std::to_array<Unit>({{"FLOP/s", 0, 1, 0},
                                                   {"GFLOP/s", 9, 1, 1e9},
                                                   {"TFLOP/s", 12, 1, 1e12},
                                                   {"PFLOP/s", 15, 1, 1e15},
                                                   {"EFLOP/s", 18, 1, 1e18},
                                                   {"FLOPS", 0},
                                                   {"GFLOPS", 9},
                                                   {"TFLOPS", 12},
                                                   {"PFLOPS", 15},
                                                   {"EFLOPS", 18},
                                                   {"OP/s", 0},
                                                   {"GOP/s", 9},
                                                   {"TOP/s", 12},
                                                   {"POP/s", 15},
                                                   {"TOPS", 12},
                                                   {"POPS", 15}});

constexpr auto kPower = std::to_array<Unit>({{"mW", -3, 1}, {"W", 0, 1, 0}, {"kW", 3, 1, 1e3}, {"MW", 6, 1, 1e6}});

constexpr auto kTime = std::to_array<Unit>({{"ns", -9, 1, 0},
                                            {"us", -6, 1, 1e-6},
                                            {"\u00b5s", -6},
                                            {"\u03bcs", -6},
                                            {"ms", -3, 1, 1e-3},
                                            {"s", 0, 1, 1},
                                            {"min", 0, 60, 120},
                                            {"h", 0, 3600, 7200},
                                            {"d", 0, 86400, 172800}});

constexpr auto kRate = std::to_array<Unit>({{"/s", 0, 1, 0},
                                            {"/min", 0, 1.0 / 60},
                                            {"/h", 0, 1.0 / 3600},
                                            {"req/s", 0},
                                            {"req/min", 0, 1.0 / 60},
                                            {"req/h", 0, 1.0 / 3600},
                                            {"requests/s", 0},
                                            {"requests/min", 0, 1.0 / 60},
                                            {"requests/h", 0, 1.0 / 3600}});

constexpr auto kFrequency =
    std::to_array<Unit>({{"Hz", 0, 1, 0}, {"kHz", 3, 1, 1e3}, {"MHz", 6, 1, 1e6}, {"GHz", 9, 1, 1e9}});

struct DimensionRow {
  Dimension dimension;
  std::string_view name;
  std::span<const Unit> units;
  std::string_view allowed;
};

constexpr auto kDimensions = std::to_array<DimensionRow>({
    {Dimension::bytes, "memory size", kBytes,
     "B, kB, MB, GB, TB, PB (powers of 1000), KiB, MiB, GiB, TiB, PiB (powers of 1024)"},
    {Dimension::bandwidth, "bandwidth", kBandwidth,
     "B/s, kB/s, MB/s, GB/s, TB/s, PB/s, KiB/s, MiB/s, GiB/s, TiB/s, and in bits Mb/s, Gb/s, Tb/s"},
    {Dimension::compute_rate, "compute rate", kComputeRate,
     "FLOP/s, GFLOP/s, TFLOP/s, PFLOP/s, EFLOP/s, TFLOPS, PFLOPS, TOP/s, POP/s, TOPS"},
    {Dimension::power, "power", kPower, "mW, W, kW, MW"},
    {Dimension::time, "time", kTime, "ns, us, ms, s, min, h, d"},
    {Dimension::rate, "rate", kRate, "/s, /min, /h, req/s, req/min, req/h"},
    {Dimension::frequency, "frequency", kFrequency, "Hz, kHz, MHz, GHz"},
});

const DimensionRow& row_of(Dimension dimension) {
  const auto row = std::find_if(kDimensions.begin(), kDimensions.end(),
                                [&](const DimensionRow& r) { return r.dimension == dimension; });
  invariant(row != kDimensions.end(), "a dimension without a table of units");
  return *row;
}

const Unit* find_unit(const DimensionRow& row, std::string_view name) {
  const auto unit = std::find_if(row.units.begin(), row.units.end(), [&](const Unit& u) { return u.name == name; });
  return unit == row.units.end() ? nullptr : &*unit;
}

// A wrong case is never guessed at: "mb/s" may be megabytes or megabits, and
// "KB" is read both as 1000 and as 1024 bytes.
std::string hint_for(const DimensionRow& row, std::string_view word) {
  for (const DimensionRow& other : kDimensions) {
    if (&other != &row && find_unit(other, word) != nullptr) {
      return fmt::format("`{}` is a unit of {}, not of {}", word, other.name, row.name);
    }
  }
  if (row.dimension == Dimension::bytes && word == "KB") return "write `kB` for 1000 bytes or `KiB` for 1024 bytes";
  std::vector<std::string> names, same_but_case;
  for (const Unit& unit : row.units) {
    names.emplace_back(unit.name);
    if (lower_case(unit.name) == lower_case(word)) same_but_case.push_back(fmt::format("`{}`", unit.name));
  }
  if (!same_but_case.empty()) return fmt::format("did you mean {}?", fmt::join(same_but_case, " or "));
  const std::string close = closest_match(word, names);
  return close.empty() ? std::string{} : fmt::format("did you mean `{}`?", close);
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool digit(char c) {
  return c >= '0' && c <= '9';
}

// Length of `[-]digits[.digits][e[+-]digits]` at the start of `text`.
std::size_t number_length(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  while (at < text.size() && (digit(text[at]) || text[at] == '.')) ++at;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    std::size_t exponent = at + 1;
    if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
    if (exponent < text.size() && digit(text[exponent])) {
      at = exponent;
      while (at < text.size() && digit(text[at])) ++at;
    }
  }
  return at;
}

bool has_mantissa(std::string_view number) {
  const std::string_view mantissa = number.substr(0, number.find_first_of("eE"));
  return std::any_of(mantissa.begin(), mantissa.end(), digit) && std::count(mantissa.begin(), mantissa.end(), '.') <= 1;
}

// The number with `power_of_ten` added to its exponent, rounded once.
bool scaled_number(std::string_view number, int power_of_ten, double& out) {
  const std::size_t mark = number.find_first_of("eE");
  std::int64_t exponent = 0;
  if (mark != std::string_view::npos) {
    std::string_view digits = number.substr(mark + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    if (!parse_number(digits, exponent) || std::abs(exponent) > 10'000) return false;
  }
  return parse_number(fmt::format("{}e{}", number.substr(0, mark), exponent + power_of_ten), out);
}

Diagnostics refused(std::string message, std::string hint = {}) {
  Diagnostics problems;
  problems.error({}, std::move(message), std::move(hint));
  return problems;
}

double in_unit(double value, const Unit& unit) {
  double ten = 1;  // powers of ten are exact doubles up to 10^22, their inverses are not
  for (int i = 0; i < std::abs(unit.power_of_ten); ++i) ten *= 10;
  return (unit.power_of_ten < 0 ? value * ten : value / ten) / unit.factor;
}

// Four significant digits, all digits before the point, no trailing zeros.
std::string short_number(double value) {
  const double magnitude = std::abs(value);
  if (magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e15)) return fmt::format("{:.4g}", value);
  int decimals = 3;
  for (double limit = 10; decimals > 0 && magnitude >= limit; limit *= 10) --decimals;
  for (double limit = 1; decimals < 7 && magnitude != 0 && magnitude < limit; limit /= 10) ++decimals;
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  return text;
}

}  // namespace

Result<double> parse_quantity(std::string_view text, Dimension dimension) {
  const DimensionRow& row = row_of(dimension);
  const std::string_view whole = trimmed(text);
  const std::string_view number = whole.substr(0, number_length(whole));
  const std::string_view word = trimmed(whole.substr(number.size()));
  const auto allowed = [&] { return fmt::format("a number and a unit: {}", row.allowed); };
  if (!has_mantissa(number)) {
    return refused(fmt::format("`{}` is not a {}; allowed is {}", whole, row.name, allowed()));
  }
  if (number.starts_with('-')) return refused(fmt::format("`{}` is negative; a {} is not", whole, row.name));
  if (word.empty()) {
    return refused(fmt::format("`{}` has no unit; allowed is {}", whole, allowed()));
  }
  if (word.starts_with(',') || word.starts_with('_')) {
    return refused(fmt::format("`{}` has a thousands separator; allowed is {}", whole, allowed()),
                   "write the digits without separators");
  }
  const Unit* unit = find_unit(row, word);
  if (unit == nullptr) {
    return refused(fmt::format("`{}` in `{}` is not a unit of {}; allowed: {}", word, whole, row.name, row.allowed),
                   hint_for(row, word));
  }
  double value = 0;
  const bool fits = scaled_number(number, unit->power_of_ten, value);
  value *= unit->factor;
  if (!fits || !std::isfinite(value)) return refused(fmt::format("`{}` is beyond the range of numbers", whole));
  return value;
}

std::string format_quantity(double value, Dimension dimension) {
  const DimensionRow& row = row_of(dimension);
  const Unit* unit = nullptr;
  for (const Unit& candidate : row.units) {
    // Half a unit of the fourth digit below: 999.96 GB/s rounds to 1 TB/s.
    const bool reached = candidate.written_from >= 0 && std::abs(value) >= candidate.written_from * (1 - 5e-5);
    const bool larger = unit == nullptr || candidate.written_from > unit->written_from;
    if (reached && larger) unit = &candidate;
  }
  if (unit == nullptr || !std::isfinite(value)) return fmt::format("{}", value);
  const std::string_view gap = unit->name.starts_with('/') ? "" : " ";
  return fmt::format("{}{}{}", short_number(in_unit(value, *unit)), gap, unit->name);
}

std::string_view allowed_units(Dimension dimension) {
  return row_of(dimension).allowed;
}

}  // namespace foretoken
