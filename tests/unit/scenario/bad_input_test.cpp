// Every class of bad input gets the diagnosis the catalogue asks for, at its place, and no
// other: one test per case of tests/cli/bad_input.txt.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "foretoken/scenario/scenario.hpp"
#include "support/bad_input_cases.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using testing::BadInputCase;
using testing::ExpectedProblem;

const std::vector<BadInputCase>& cases() {
  static const auto all = testing::read_bad_input_cases(std::string(FORETOKEN_SOURCE_DIR) + "/tests/cli/bad_input.txt");
  return all;
}

bool is_at(const ExpectedProblem& wanted, const SourceLocation& where, const std::string& scenario) {
  if (wanted.on_override) return where.file.rfind("--set ", 0) == 0;
  if (!wanted.file.empty()) return where.file.ends_with(wanted.file) && (wanted.line == 0 || where.line == wanted.line);
  return where.file == scenario && where.line == wanted.line && (wanted.column == 0 || where.column == wanted.column);
}

bool says(const ExpectedProblem& wanted, const Diagnostic& d) {
  const std::string text = d.message + "\n" + d.hint;
  return std::all_of(wanted.words.begin(), wanted.words.end(),
                     [&](const std::string& w) { return text.find(w) != std::string::npos; });
}

// The shown source from the character above the caret on; nothing when there is no caret.
std::optional<std::string> above_the_caret(const Diagnostic& d) {
  std::istringstream text(format(d));
  std::string before, line;
  while (std::getline(text, line)) {
    if (line.find_first_not_of(' ') + 1 == line.size() && line.back() == '^') {
      // One blank stands for one character, of one byte or of several.
      std::size_t at = 0;
      for (std::size_t characters = line.size() - 1; characters > 0 && at < before.size(); --characters) {
        do ++at;
        while (at < before.size() && (static_cast<unsigned char>(before[at]) & 0xC0u) == 0x80u);
      }
      return before.substr(at);
    }
    before = line;
  }
  return std::nullopt;
}

class BadInput : public ::testing::TestWithParam<std::size_t> {};

TEST_P(BadInput, GetsItsDiagnosis) {
  const BadInputCase& bad = cases()[GetParam()];
  SCOPED_TRACE(bad.title);
  const auto folder = std::filesystem::path(FORETOKEN_BINARY_DIR) / "bad_input" / fmt::format("{}", GetParam());
  const std::string path = testing::write_files(bad, folder).string();
  Diagnostics found;
  const auto scenario = load_scenario(path, {bad.overrides, {}}, &found);
  if (!scenario) found.append(scenario.error());
  const int code =
      !scenario                                                                                                     ? 2
      : plan_memory(scenario->deployment, scenario->memory).fits || scenario->deployment.level == CostLevel::affine ? 0
                                                                                                                    : 3;
  EXPECT_EQ(code, bad.exit_code) << format(found);
  for (const ExpectedProblem& wanted : bad.problems) {
    const auto severity = wanted.warning ? Severity::warning : Severity::error;
    const auto place = std::find_if(found.items().begin(), found.items().end(), [&](const Diagnostic& d) {
      return d.severity == severity && is_at(wanted, d.where, path) && says(wanted, d);
    });
    const bool there = place != found.items().end();
    if (there && !wanted.token.empty()) {
      const auto shown = above_the_caret(*place);
      EXPECT_TRUE(shown && shown->starts_with(wanted.token)) << "the caret should stand under " << wanted.token << "\n"
                                                             << format(*place);
    }
    EXPECT_TRUE(there) << "not said: " << wanted.line << ":" << wanted.column << " "
                       << fmt::format("{}", wanted.words.front()) << "\nsaid:\n"
                       << format(found);
  }
  if (bad.and_more) return;
  EXPECT_EQ(found.items().size(), bad.problems.size()) << "more or fewer problems than expected:\n" << format(found);
}

std::string test_name(const ::testing::TestParamInfo<std::size_t>& parameter) {
  std::string name = cases()[parameter.param].title;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return fmt::format("{:03}_{}", parameter.param, name);
}

INSTANTIATE_TEST_SUITE_P(Catalogue, BadInput, ::testing::Range(std::size_t{0}, cases().size()), test_name);

TEST(BadInputCatalogue, SaysWhatStandsAtEveryPlace) {
  for (const BadInputCase& c : cases()) {
    // Nothing to name there: an empty file, a tab, text made by the thousand.
    if (c.text.find_first_not_of('\n') == std::string::npos || c.text.find('\t') != std::string::npos) continue;
    if (c.text.size() > 1000) continue;
    for (const ExpectedProblem& p : c.problems) {
      EXPECT_TRUE(p.column == 0 || !p.token.empty()) << c.title << ": " << p.line << ":" << p.column;
    }
  }
}

TEST(BadInputCatalogue, HasAtLeastSixtyCasesWithDistinctTitles) {
  std::vector<std::string> titles;
  for (const BadInputCase& c : cases()) titles.push_back(c.title);
  std::sort(titles.begin(), titles.end());
  EXPECT_GE(titles.size(), 60U);
  EXPECT_EQ(std::adjacent_find(titles.begin(), titles.end()), titles.end()) << "a title appears twice";
}

}  // namespace
}  // namespace foretoken
