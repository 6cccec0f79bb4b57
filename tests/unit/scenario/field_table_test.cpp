// The field table itself, and what is generated from it.
#include "scenario/field_table.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <set>

#include "foretoken/scenario/scenario.hpp"
#include "scenario/sha256.hpp"

namespace foretoken {
namespace {

TEST(FieldTable, HasEveryPathOnceAndItsParentBefore) {
  std::set<std::string> seen;
  for (const Field& f : scenario_fields()) {
    const std::string path(f.path);
    EXPECT_TRUE(seen.insert(path).second) << path << " appears twice";
    EXPECT_FALSE(f.meaning.empty()) << path << " has no meaning";
    const auto dot = path.rfind('.');
    if (dot == std::string::npos) continue;
    std::string parent = path.substr(0, dot);
    if (parent.ends_with("[]")) parent.resize(parent.size() - 2);
    EXPECT_TRUE(seen.contains(parent)) << path << " stands before " << parent;
  }
}

TEST(FieldTable, AliasesNeverHideAKey) {
  for (const Field& f : scenario_fields()) {
    EXPECT_EQ(find_field(f.path), &f) << f.path;
  }
}

TEST(FieldTable, NumbersHaveLimitsThatHoldTheirDefault) {
  for (const Field& f : scenario_fields()) {
    if (f.kind != FieldKind::integer && f.kind != FieldKind::number) continue;
    EXPECT_LE(f.least, f.most) << f.path;
    if (!f.has_plain_default() || f.default_text == "inf") continue;
    const double value = std::stod(std::string(f.default_text));
    EXPECT_GE(value, f.least) << f.path;
    EXPECT_LE(value, f.most) << f.path;
  }
}

TEST(Schema, HasEveryFieldAndRefusesOthers) {
  const Json schema = scenario_schema();
  EXPECT_EQ(*schema["additionalProperties"].if_bool(), false);
  for (const Field& f : scenario_fields()) {
    const Json* at = &schema;
    std::string rest(f.path);
    while (!rest.empty()) {
      const auto dot = rest.find('.');
      std::string step = rest.substr(0, dot);
      rest = dot == std::string::npos ? "" : rest.substr(dot + 1);
      const bool list = step.ends_with("[]");
      if (list) step.resize(step.size() - 2);
      at = &(*at)["properties"][step];
      if (list) at = &(*at)["items"];
    }
    EXPECT_EQ(*(*at)["description"].if_string(), f.meaning) << f.path;
  }
}

TEST(Schema, DefaultsHaveTheTypeOfTheirField) {
  const Json schema = scenario_schema();
  const Json& block_size = schema["properties"]["engine"]["properties"]["block_size"];
  ASSERT_NE(block_size["default"].if_int(), nullptr);
  EXPECT_EQ(*block_size["default"].if_int(), 16);
  EXPECT_NE(schema["properties"]["engine"]["properties"]["padded"]["default"].if_bool(), nullptr);
}

TEST(Reference, InScenariosReadmeIsCurrent) {
  std::ifstream file(std::string(FORETOKEN_SOURCE_DIR) + "/scenarios/README.md");
  const std::string stored{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(stored == scenario_reference()) << "run: foretoken schema --format markdown > scenarios/README.md";
}

// FIPS 180-4 example values.
TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace
}  // namespace foretoken
