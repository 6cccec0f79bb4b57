// A scenario written again after its overrides were put into it.
#include <filesystem>

#include "scenario/build.hpp"
#include "scenario/scenario_text.hpp"

namespace foretoken {
namespace {

namespace fs = std::filesystem;

// The values that may name a file: see Resolver::path_of().
bool names_a_file(const std::string& key) {
  return key == "path" || key == "dataset_path" || key == "model";
}

void make_absolute(YamlNode& node, const fs::path& folder) {
  for (YamlNode& item : node.items) make_absolute(item, folder);
  for (auto& entry : node.entries) {
    make_absolute(entry.value, folder);
    YamlNode& value = entry.value;
    if (value.kind != YamlNode::Kind::scalar || !names_a_file(entry.key) || fs::path(value.text).is_absolute())
      continue;
    std::error_code ignored;
    // Where an override named it, it is relative to the current folder.
    const bool overridden = value.where.file.starts_with("--");
    const fs::path file = overridden ? fs::path(value.text) : folder / value.text;
    if (fs::is_regular_file(file, ignored)) value.text = fs::absolute(file, ignored).lexically_normal().string();
  }
}

}  // namespace

Result<std::string> scenario_text_of(const Question& question) {
  Diagnostics problems;
  Result<YamlNode> tree = scenario_tree(question.text, question.origin, question.options, problems);
  if (!tree) return tree.error();
  if (problems.has_errors()) return problems;
  make_absolute(*tree, fs::path(question.origin).parent_path());
  std::string written;
  for (const auto& entry : tree->entries) written += entry.key + ": " + to_flow(entry.value) + "\n";
  return written;
}

}  // namespace foretoken
