// The field table itself, and what is generated from it.
#include "scenario/field_table.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "foretoken/scenario/scenario.hpp"
#include "scenario/resolver.hpp"
#include "scenario/sha256.hpp"
#include "support/json_schema.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

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
  const Json& tokens = schema["properties"]["engine"]["properties"]["max_prefill_tokens"];
  ASSERT_NE(tokens["default"].if_int(), nullptr);
  EXPECT_EQ(*tokens["default"].if_int(), 16384);
  EXPECT_NE(schema["properties"]["engine"]["properties"]["padded"]["default"].if_bool(), nullptr);
}

// A legal value of the field, as YAML spells it.
std::string legal_value(const Field& f) {
  if (f.choices != nullptr) return std::string(f.choices().front());
  switch (f.kind) {
    case FieldKind::flag:
      return "true";
    case FieldKind::integer:
    case FieldKind::number:
      return f.least <= 1 && f.most >= 1 ? "1" : to_text(Json(f.least), 0);
    case FieldKind::quantity:
      return f.dimension == Dimension::time ? "2 s" : "2 GiB";
    case FieldKind::lengths:
    case FieldKind::price:
      return "7";
    case FieldKind::list_of_numbers:
      return f.most < 2 ? "[1, 0]" : "[1, 2]";
    case FieldKind::list_of_text:
      return "[\"p99_ttft <= 500 ms\"]";
    case FieldKind::map:
    case FieldKind::anything:
      return "{}";
    case FieldKind::list_of_maps:
      return "[{}]";
    default:
      return "word";
  }
}

// `path: value` as a document, with the two keys every scenario needs.
Json document_with(std::string path, const std::string& value) {
  Json document = Json::object();
  document["model"] = "Llama-3.1-8B";
  document["hardware"]["gpu"] = "h100_sxm";
  Json* at = &document;
  for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.')) {
    const std::string step = path.substr(0, dot);
    path.erase(0, dot + 1);
    if (step.ends_with("[]")) {
      Json& list = (*at)[step.substr(0, step.size() - 2)];
      list.push_back(Json::object());
      at = const_cast<Json*>(&list.if_array()->front());
    } else {
      at = &(*at)[step];
    }
  }
  (*at)[path] = json_of(parse_yaml(value, "value").value());
  return document;
}

TEST(Schema, AcceptsEveryKeyAndEveryOtherSpellingOfIt) {
  const Json schema = scenario_schema();
  for (const Field& f : scenario_fields()) {
    const std::string path(f.path);
    const std::string parent = path.substr(0, path.rfind('.') == std::string::npos ? 0 : path.rfind('.') + 1);
    std::vector<std::string> spellings{path};
    std::istringstream aliases{std::string(f.aliases)};
    for (std::string alias; std::getline(aliases, alias, ',');) spellings.push_back(parent + alias);
    for (const std::string& spelling : spellings) {
      EXPECT_EQ(find_field(spelling), &f) << spelling;
      EXPECT_THAT(testing::schema_violations(schema, document_with(spelling, legal_value(f))), ::testing::IsEmpty())
          << spelling << ": " << legal_value(f);
    }
    EXPECT_THAT(testing::schema_violations(schema, document_with(parent + "no_such_key", "1")),
                ::testing::Not(::testing::IsEmpty()))
        << parent;
  }
}

TEST(Schema, RefusesWhatTheReaderRefuses) {
  const Json schema = scenario_schema();
  const char* const wrong[][2] = {{"engine.max_num_seqs", "-4"},     {"engine.tp", "0"},
                                  {"engine.name", "vllm-v7"},        {"engine.padded", "\"true\""},
                                  {"workload.request_rate", "1e12"}, {"engine.queue_timeout", "90"},
                                  {"engine.cpu_offload_gb", "8"},    {"workload.isl", "many"}};
  for (const auto& [path, value] : wrong) {
    const Json document = document_with(path, value);
    EXPECT_THAT(testing::schema_violations(schema, document), ::testing::Not(::testing::IsEmpty())) << path;
    EXPECT_FALSE(parse_scenario(to_text(document), "wrong.yaml", {})) << path;
  }
  const char* const fine[][2] = {
      {"workload.request_rate", "inf"}, {"engine.queue_timeout", "90 s"}, {"engine.cpu_offload_gb", "0"}};
  for (const auto& [path, value] : fine) {
    const Json document = document_with(path, value);
    EXPECT_THAT(testing::schema_violations(schema, document), ::testing::IsEmpty()) << path;
    EXPECT_TRUE(parse_scenario(to_text(document), "fine.yaml", {})) << path;
  }
}

// Those beside the schema and those that `foretoken init` writes.
std::vector<std::filesystem::path> files_with_a_schema() {
  std::vector<std::filesystem::path> files;
  for (const char* folder : {"/scenarios", "/scenarios/starters"})
    for (const auto& entry : std::filesystem::directory_iterator(std::string(FORETOKEN_SOURCE_DIR) + folder))
      if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  return files;
}

TEST(Schema, AcceptsTheScenariosThatComeWithTheProgram) {
  const Json schema = scenario_schema();
  for (const std::filesystem::path& path : files_with_a_schema()) {
    const std::string text = text_of(path);
    const auto tree = parse_yaml(text, path.string());
    ASSERT_TRUE(tree) << format(tree.error());
    EXPECT_THAT(testing::schema_violations(schema, json_of(*tree)), ::testing::IsEmpty()) << path;
  }
  EXPECT_GT(files_with_a_schema().size(), 15U);
}

TEST(Schema, IsWhatTheLineForEditorsLeadsTo) {
  const std::string mark = "# yaml-language-server: $schema=";
  for (const std::filesystem::path& path : files_with_a_schema()) {
    const std::string text = text_of(path);
    ASSERT_TRUE(text.starts_with(mark)) << path;
    const std::string schema = text.substr(mark.size(), text.find('\n') - mark.size());
    EXPECT_TRUE(text_of(path.parent_path() / schema) == to_text(scenario_schema()) + "\n")
        << path << ": run: foretoken schema -o scenarios/foretoken.schema.json";
  }
}

TEST(Reference, InScenariosReadmeIsCurrent) {
  const std::string stored = text_of(std::string(FORETOKEN_SOURCE_DIR) + "/scenarios/README.md");
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
