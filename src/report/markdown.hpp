// Reports as GitHub-flavoured Markdown, to be pasted into an issue.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace foretoken {

// Text that stands for itself: what Markdown, HTML or a table would take as a sign is escaped.
[[nodiscard]] std::string markdown_text(std::string_view text, bool starts_line = false);
// Of rows of cells, the first of which are headings. `alignments`: one of l r per column.
[[nodiscard]] std::string markdown_table(const std::vector<std::vector<std::string>>& rows,
                                         std::string_view alignments);
// What must keep its columns or be copied as it is.
[[nodiscard]] std::string markdown_block(std::string_view text, std::string_view language = "");

// A report whose tables and blocks are Markdown already (TextStyle::markdown): its lines by their indentation, as
// headings, paragraphs and items of lists.
[[nodiscard]] std::string to_markdown(std::string_view text);

}  // namespace foretoken
