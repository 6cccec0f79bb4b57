// Two sweeps with one hash have the same points with the same results, under one version of the program.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "scenario/build.hpp"
#include "scenario/sha256.hpp"

namespace foretoken {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Traces, length tables and model configs: every value that names a file, as resolved from the
// scenario's folder or from the current one. A file named by accident does no harm.
void add_files(const YamlNode& node, const fs::path& folder, std::string& text) {
  for (const YamlNode& item : node.items) add_files(item, folder, text);
  for (const auto& entry : node.entries) add_files(entry.value, folder, text);
  if (node.kind != YamlNode::Kind::scalar || node.text.find_first_of("./") == std::string::npos) return;
  constexpr std::size_t kLongestPath = 4096;
  if (node.text.size() > kLongestPath || node.text.find('\0') != std::string::npos) return;
  for (const fs::path& path : {folder / node.text, fs::path(node.text)}) {
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) continue;
    text += "\nfile " + node.text + " " + sha256(content_of(path));
    return;
  }
}

}  // namespace

Result<std::string> question_sha256(const std::string& text, const std::string& origin, const LoadOptions& options) {
  Diagnostics problems;
  const Result<YamlNode> tree = scenario_tree(text, origin, options, problems);
  if (!tree) return tree.error();
  if (problems.has_errors()) return problems;
  std::string question = to_flow(*tree);
  add_files(*tree, fs::path(origin).parent_path(), question);
  if (!options.catalog_dir.empty()) {
    const Catalog catalog(options.catalog_dir);
    for (const char* folder : {"gpus", "models", "links", "calibration"}) {
      for (const Catalog::File& file : catalog.files(folder)) {
        question += "\ncatalog " + file.folder + "/" + file.stem + " " + sha256(file.text);
      }
    }
  }
  return sha256(question);
}

}  // namespace foretoken
