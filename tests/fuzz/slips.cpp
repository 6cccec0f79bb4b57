// The slips, drawn from one stream.
#include "fuzz/slips.hpp"

#include <algorithm>
#include <cctype>

namespace foretoken::fuzz {
namespace {

constexpr std::uint64_t kSeed = 13;

// [begin, end) of a run of characters for which `belongs` holds, around or after `at`.
template <class Belongs>
std::pair<std::size_t, std::size_t> run_near(const std::string& text, std::size_t at, Belongs belongs) {
  while (at < text.size() && !belongs(text[at])) ++at;
  std::size_t begin = at, end = at;
  while (begin > 0 && belongs(text[begin - 1])) --begin;
  while (end < text.size() && belongs(text[end])) ++end;
  return {begin, end};
}

bool in_number(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '+';
}
bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string line_slip(const std::string& text, std::size_t at, RandomStream& random) {
  const auto line_at = [&](std::size_t place) {
    const std::size_t before = place == 0 ? std::string::npos : text.rfind('\n', place - 1);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    return std::pair{begin, std::min(text.find('\n', place), text.size())};
  };
  const auto [begin, end] = line_at(at);
  const std::string line = text.substr(begin, end - begin) + "\n";
  std::string out = text;
  switch (below(random, 3)) {
    case 0:
      out.erase(begin, std::min(line.size(), text.size() - begin));
      break;
    case 1:
      out.insert(begin, line);
      break;
    default:
      out.insert(line_at(below(random, text.size())).first, line);
  }
  return out;
}

}  // namespace

RandomStream stream_of(std::string_view target, std::int64_t number) {
  return RandomStream(kSeed, std::string(target) + " " + std::to_string(number));
}

std::size_t below(RandomStream& random, std::size_t count) {
  return static_cast<std::size_t>(random.uniform_int(0, static_cast<std::int64_t>(count) - 1));
}

const std::string& one_of(RandomStream& random, const std::vector<std::string>& choices) {
  return choices[below(random, choices.size())];
}

const std::string& nasty_value(RandomStream& random) {
  static const std::vector<std::string> values{"-1",
                                               "0",
                                               "-0",
                                               "1",
                                               "2",
                                               "0.5",
                                               "1e9",
                                               "1e-9",
                                               "1e18",
                                               "1e19",
                                               "1e300",
                                               "1e400",
                                               "-1e400",
                                               "4294967296",
                                               "2147483647",
                                               "2147483648",
                                               "9223372036854775807",
                                               "9223372036854775808",
                                               "-9223372036854775808",
                                               "18446744073709551616",
                                               "0x10",
                                               "010",
                                               "1_000",
                                               "1,000",
                                               "1:30",
                                               ".inf",
                                               "-.inf",
                                               ".nan",
                                               "inf",
                                               "nan",
                                               "NaN",
                                               "Infinity",
                                               "null",
                                               "~",
                                               "true",
                                               "no",
                                               "\"\"",
                                               "\"1\"",
                                               "''",
                                               "[]",
                                               "{}",
                                               "[1]",
                                               "[[1]]",
                                               "{a: 1}",
                                               "[1, 2, 4..512]",
                                               "1..1000000000",
                                               "1..8",
                                               "8..1",
                                               "{range: {from: 1, to: 1e9}}",
                                               "{choices: [1]}",
                                               "1 s",
                                               "1 ms",
                                               "0 s",
                                               "-1 s",
                                               "1e12 s",
                                               "1 year",
                                               "10 GB/s",
                                               "1 B",
                                               "1e30 TFLOP/s",
                                               "1 FLOP/s",
                                               "50%",
                                               "%s%n",
                                               "../../../etc/passwd",
                                               "/dev/zero",
                                               "/dev/null",
                                               "/",
                                               ".",
                                               "a.json",
                                               "$(id)",
                                               "`id`",
                                               "=1+1",
                                               "\\x1b[31m",
                                               "\x1b[31m",
                                               "\"\\e[2J\"",
                                               "\xc2\x9b",
                                               "\xff",
                                               "\xc3",
                                               "\xe2\x82",
                                               "\xf0\x9f\x98\x80",
                                               "\xef\xbb\xbf",
                                               "\r",
                                               "\r\n",
                                               "\t",
                                               "*a",
                                               "&a 1",
                                               "!!float 1",
                                               "!!map {}",
                                               "<<: 1",
                                               "- 1",
                                               "? 1",
                                               "| ",
                                               "> ",
                                               "# ",
                                               "p99_ttft <= 500 ms",
                                               "p100_ttft <= 1",
                                               "p0_ttft >= 0",
                                               "mfu >= 2",
                                               "affine",
                                               "h100_sxm",
                                               "Llama-3.1-8B",
                                               "linear",
                                               "lognormal",
                                               "csv",
                                               std::string(300, '9'),
                                               std::string(5000, 'a'),
                                               std::string(70, '[')};
  return one_of(random, values);
}

std::string slipped(std::string text, RandomStream& random) {
  if (text.empty()) return nasty_value(random);
  const std::size_t at = below(random, text.size());
  switch (below(random, 8)) {
    case 0:
      text[at] = static_cast<char>(random.uniform_int(0, 255));
      return text;
    case 1:
      return text.erase(at, 1 + below(random, 30));
    case 2:
      return text.insert(at, text.substr(at, 1 + below(random, 60)));
    case 3:
      if (below(random, 4) == 0) text.resize(at);
      return text;
    case 4:
      return line_slip(text, at, random);
    case 5:
      return text.insert(at, nasty_value(random));
    case 6: {
      const auto [begin, end] = run_near(text, at, in_number);
      return text.replace(begin, end - begin, nasty_value(random));
    }
    default: {
      const auto [begin, end] = run_near(text, at, in_word);
      return text.replace(begin, end - begin, nasty_value(random));
    }
  }
}

std::string damaged(std::string text, RandomStream& random) {
  for (std::size_t slips = below(random, 5); slips > 0; --slips) text = slipped(std::move(text), random);
  return text;
}

}  // namespace foretoken::fuzz
