// Calendar times and scaled numbers into nanoseconds, in integers where the text allows it:
// seconds since 1970 in a double would be a quarter of a microsecond off.
#include <cmath>

#include "workload/traces/row_parser.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// Reads digits off the front of a text.
class Digits {
 public:
  explicit Digits(std::string_view text) : text_(text) {}

  // Exactly `count` digits, at least `low` and at most `high`.
  std::int64_t number(std::size_t count, std::int64_t low, std::int64_t high) {
    std::int64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!at_digit()) return fail();
      value = value * 10 + (text_.front() - '0');
      text_.remove_prefix(1);
    }
    return value >= low && value <= high ? value : fail();
  }
  void expect(char a, char b) {
    if (text_.empty() || (text_.front() != a && text_.front() != b)) {
      good_ = false;
    } else {
      text_.remove_prefix(1);
    }
  }
  [[nodiscard]] bool accept(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] bool at_digit() const { return !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool done() const { return text_.empty(); }

 private:
  std::int64_t fail() {
    good_ = false;
    return 0;
  }
  std::string_view text_;
  bool good_ = true;
};

// Days since 1970-01-01 of the Gregorian calendar (Howard Hinnant, days_from_civil).
std::int64_t days_from_civil(std::int64_t y, std::int64_t m, std::int64_t d) {
  y -= m <= 2 ? 1 : 0;
  const std::int64_t era = y / 400;
  const std::int64_t year_of_era = y - era * 400;
  const std::int64_t day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

std::int64_t days_in_month(std::int64_t y, std::int64_t m) {
  return days_from_civil(m == 12 ? y + 1 : y, m == 12 ? 1 : m + 1, 1) - days_from_civil(y, m, 1);
}

}  // namespace

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  Digits in(text);
  const std::int64_t year = in.number(4, 1971, 2200);
  in.expect('-', '-');
  const std::int64_t month = in.number(2, 1, 12);
  in.expect('-', '-');
  const std::int64_t day = in.number(2, 1, 31);
  in.expect(' ', 'T');
  const std::int64_t hour = in.number(2, 0, 23);
  in.expect(':', ':');
  const std::int64_t minute = in.number(2, 0, 59);
  in.expect(':', ':');
  const std::int64_t second = in.number(2, 0, 59);
  if (!in.good() || day > days_in_month(year, month)) return std::nullopt;

  std::int64_t fraction = 0;
  if (in.accept('.')) {
    std::int64_t unit = kSecond;
    if (!in.at_digit()) return std::nullopt;
    while (in.at_digit() && unit > 1) fraction += in.number(1, 0, 9) * (unit /= 10);
  }
  std::int64_t offset_minutes = 0;
  const bool behind = !in.done() && !in.accept('Z') && !in.accept('+');
  if (behind && !in.accept('-')) return std::nullopt;
  if (!in.done()) {
    offset_minutes = in.number(2, 0, 23) * 60;
    if (in.accept(':')) offset_minutes += in.number(2, 0, 59);
  }
  if (!in.good() || !in.done()) return std::nullopt;
  const std::int64_t minutes =
      (days_from_civil(year, month, day) * 24 + hour) * 60 + minute - (behind ? -offset_minutes : offset_minutes);
  return (minutes * 60 + second) * kSecond + fraction;
}

std::optional<std::int64_t> time_from(double value, double unit) {
  const double ns = value * unit;
  if (!(ns >= 0) || !(ns < 0x1p62)) return std::nullopt;
  return static_cast<std::int64_t>(std::floor(ns + 0.5));
}

}  // namespace foretoken
