// What pages show is what the program prints: the `text` block behind an `sh` block is the output of its commands, and
// a picture is the file that the command in the comment above it writes. FORETOKEN_REFRESH_PAGES=1 writes both anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "readme/checkout.hpp"
#include "readme/markdown.hpp"
#include "support/process.hpp"
#include "test_paths.hpp"

namespace foretoken::testing {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = FORETOKEN_SOURCE_DIR;
constexpr const char* kPages[] = {"README.md", "README.zh.md", "scenarios/learn/README.md",
                                  "scenarios/learn/README.zh.md", "scenarios/learn/python.md"};
// A page and its translation show the same.
constexpr std::pair<const char*, const char*> kTranslations[] = {
    {"README.md", "README.zh.md"}, {"scenarios/learn/README.md", "scenarios/learn/README.zh.md"}};
constexpr std::string_view kPictureMark = "<!-- picture: ";

bool refreshes() {
  const char* wanted = std::getenv("FORETOKEN_REFRESH_PAGES");
  return wanted != nullptr && std::string_view(wanted) == "1";
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A page and its translation share their commands, which run once.
const std::string& printed_by(const Checkout& checkout, const std::string& commands) {
  static std::map<std::string, std::string> known;
  const auto [at, is_new] = known.try_emplace(commands);
  if (is_new) {
    at->second =
        run_process({"/bin/bash", "-c", R"(cd "$0" && export COLUMNS=100 PATH="$PWD/build/release:$PATH" && eval "$1")",
                     checkout.folder().string(), commands})
            .out;
  }
  return at->second;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

// The block that shows what the block before it prints stands right behind it.
bool shows(const Block& output, const Block& commands) {
  const int between = output.line - (commands.line + static_cast<int>(commands.lines.size()));
  return (commands.language == "sh" || commands.language == "python") && output.language == "text" && between <= 5;
}

std::string as_command(const Block& block) {
  if (block.language != "python") return joined(block.lines);
  return "python3 - <<'END_OF_PYTHON'\n" + joined(block.lines) + "END_OF_PYTHON\n";
}

class Pages : public ::testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() { checkout_.emplace(std::vector<std::string>{std::begin(kPages), std::end(kPages)}); }
  static void TearDownTestSuite() { checkout_.reset(); }
  static std::optional<Checkout> checkout_;
};
std::optional<Checkout> Pages::checkout_;

TEST_P(Pages, ShowWhatTheProgramPrints) {
  const fs::path page = kSource / GetParam();
  std::vector<std::string> lines = lines_of_file(page);
  const std::vector<Block> blocks = fenced_blocks(lines);
  std::size_t shown = 0;
  for (std::size_t i = blocks.size() - 1; i > 0; --i) {  // from the end, so that places stay
    if (!shows(blocks[i], blocks[i - 1])) continue;
    ++shown;
    const std::string printed = printed_by(*checkout_, as_command(blocks[i - 1]));
    const std::string where = std::string(GetParam()) + ":" + std::to_string(blocks[i].line);
    if (!refreshes()) {
      EXPECT_EQ(printed, joined(blocks[i].lines)) << where << "; tools/refresh-pages writes it anew";
      continue;
    }
    const auto first = lines.begin() + blocks[i].line - 1;
    std::istringstream fresh(printed);
    std::vector<std::string> instead;
    for (std::string line; std::getline(fresh, line);) instead.push_back(line);
    lines.insert(lines.erase(first, first + static_cast<std::ptrdiff_t>(blocks[i].lines.size())), instead.begin(),
                 instead.end());
  }
  EXPECT_GT(shown, 0u);
  if (refreshes()) std::ofstream(page, std::ios::binary) << joined(lines);
}

TEST_P(Pages, ShowPicturesThatTheProgramDraws) {
  for (const std::string& line : lines_of_file(kSource / GetParam())) {
    if (!line.starts_with(kPictureMark)) continue;
    const std::string command = line.substr(kPictureMark.size(), line.rfind(" -->") - kPictureMark.size());
    // The file it draws is the last word with the name of one.
    const std::size_t end = command.rfind(".svg") + 4;
    const std::string file =
        command.substr(command.find_last_of(" =", end - 4) + 1, end - command.find_last_of(" =", end - 4) - 1);
    fs::create_directories((checkout_->folder() / file).parent_path());
    printed_by(*checkout_, command + " >/dev/null");
    const std::string drawn = content_of(checkout_->folder() / file);
    ASSERT_FALSE(drawn.empty()) << command;
    if (refreshes()) {
      fs::create_directories((kSource / file).parent_path());
      std::ofstream(kSource / file, std::ios::binary) << drawn;
    } else {
      EXPECT_TRUE(drawn == content_of(kSource / file)) << file << " is not what this draws: " << command;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shown, Pages, ::testing::ValuesIn(kPages), [](const auto& shown) {
  std::string page = shown.param;
  for (char& c : page) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return page;
});

// Headings by level, blocks with their content, rows of tables and pictures: everything that is not words.
std::vector<std::string> skeleton(const fs::path& page) {
  std::vector<std::string> parts;
  bool inside = false;
  for (const std::string& line : lines_of_file(page)) {
    if (line.starts_with("```")) inside = !inside;
    if (inside || line.starts_with("```")) {
      parts.push_back(line);
    } else if (line.starts_with("#")) {
      parts.push_back(line.substr(0, line.find_first_not_of('#')));
    } else if (line.starts_with("|")) {
      parts.push_back("row of " + std::to_string(std::count(line.begin(), line.end(), '|')));
    } else if (line.starts_with("<sub>")) {  // words below a picture
      parts.emplace_back("<sub>");
    } else if (line.starts_with("<")) {  // pictures, whose description is in the page's language
      parts.push_back(line.substr(0, line.find(" alt=")));
    }
  }
  return parts;
}

TEST(Translations, HaveTheStructureOfTheirPages) {
  for (const auto& [page, translation] : kTranslations)
    EXPECT_EQ(skeleton(kSource / page), skeleton(kSource / translation)) << translation;
}

TEST(ReadmePages, AreShortEnoughToBeRead) {
  EXPECT_LE(lines_of_file(kSource / "README.md").size(), 150u);
}

}  // namespace
}  // namespace foretoken::testing
