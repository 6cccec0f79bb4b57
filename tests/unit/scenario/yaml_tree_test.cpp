// The strict YAML tree: positions, what is kept of a scalar, and the way back to text.
#include "scenario/yaml_tree.hpp"

#include <gmock/gmock.h>

namespace foretoken {
namespace {

YamlNode parse(const std::string& text) {
  auto tree = parse_yaml(text, "t.yaml");
  if (!tree) throw std::runtime_error(format(tree.error()));
  return std::move(*tree);
}

TEST(YamlTree, KnowsTheLineAndColumnOfKeysAndValues) {
  const YamlNode root = parse("a: 1\nb:\n  - x\n  - {c: 'y z'}\n");
  EXPECT_EQ(root.entries[0].where, (SourceLocation{"t.yaml", 1, 1}));
  EXPECT_EQ(root.entries[0].value.where, (SourceLocation{"t.yaml", 1, 4}));
  EXPECT_EQ(root.find("b")->items[0].where, (SourceLocation{"t.yaml", 3, 5}));
  EXPECT_EQ(root.find("b")->items[1].find("c")->where, (SourceLocation{"t.yaml", 4, 9}));
}

TEST(YamlTree, TellsQuotedTextFromPlainAndNullFromBoth) {
  const YamlNode root = parse("a: 5\nb: \"5\"\nc:\nd: ~\ne: 'null'\nf: null\n");
  EXPECT_FALSE(root.find("a")->quoted);
  EXPECT_TRUE(root.find("b")->quoted);
  for (const char* key : {"c", "d", "f"}) EXPECT_EQ(root.find(key)->kind, YamlNode::Kind::null) << key;
  EXPECT_EQ(root.find("e")->kind, YamlNode::Kind::scalar);
}

TEST(YamlTree, AnEmptyDocumentIsNull) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n"})
    EXPECT_EQ(parse(text).kind, YamlNode::Kind::null) << text;
}

TEST(YamlTree, FlowTextReadsBackAsTheSameTree) {
  for (const char* text : {"a: [1, 'x, y', \"q\\\"uote\"]\nb: {c: -5, d: {}}\n", "- - 1\n  - null\n- []\n",
                           "k: 'a: b'\nl: '- m'\nn: '#x'\n"}) {
    const std::string flow = to_flow(parse(text));
    EXPECT_EQ(to_flow(parse(flow)), flow) << text;
    EXPECT_EQ(flow.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace foretoken
