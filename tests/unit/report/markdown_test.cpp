// What GitHub would make of a report.
#include "report/markdown.hpp"

#include <gmock/gmock.h>

#include "report/layout.hpp"

namespace foretoken {
namespace {

TEST(Markdown, EscapesWhatWouldBeASign) {
  EXPECT_EQ(markdown_text("p99_ttft_ms <= 500 ms"), "p99_ttft_ms <= 500 ms");
  EXPECT_EQ(markdown_text("a|b `c` *d* <b> $/h _e_"), "a\\|b \\`c\\` \\*d\\* \\<b> \\$/h \\_e\\_");
  EXPECT_EQ(markdown_text("[80.2, 92.1] [x](y)"), "[80.2, 92.1] [x\\](y)");
}

TEST(Markdown, MakesATableOfAllColumnsWithoutColour) {
  TextTable table("lr", "01");
  table.row({"figure", "value"});
  table.row({"  part", "1|2"});
  const TextStyle style{.width = 10, .markdown = true};
  EXPECT_EQ(table.text(style, "    "), "| figure | value |\n| --- | ---: |\n| &emsp;part | 1\\|2 |\n");
  TextTable plain("ll");
  plain.without_headings();
  plain.row({"a", "b"});
  EXPECT_EQ(plain.text(style), "|  |  |\n| --- | --- |\n| a | b |\n");
}

TEST(Markdown, TellsHeadingsSentencesAndItemsByTheirIndentation) {
  const std::string text =
      "chat: Llama on 1 x h100\nMEETS its objective\n\nLatency\n| a |\n| --- |\n| 1 |\n  sum: 3\n    of which 2\n\n"
      "Commands\n```\nls *\n```\n\n#seed 0\n";
  EXPECT_EQ(to_markdown(text),
            "## chat: Llama on 1 x h100\n\nMEETS its objective\n\n### Latency\n\n| a |\n| --- |\n| 1 |\n\n- sum: 3\n"
            "  - of which 2\n\n### Commands\n\n```\nls *\n```\n\n\\#seed 0\n");
}

}  // namespace
}  // namespace foretoken
