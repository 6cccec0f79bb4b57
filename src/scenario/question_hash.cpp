// Hashes of everything that decides a result. Two sweeps with one hash have the same points with the same results,
// under one version of the program.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "scenario/build.hpp"
#include "scenario/inputs.hpp"
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
void add_files(const YamlNode& node, const fs::path& folder, std::vector<InputHash>& files) {
  for (const YamlNode& item : node.items) add_files(item, folder, files);
  for (const auto& entry : node.entries) add_files(entry.value, folder, files);
  if (node.kind != YamlNode::Kind::scalar || node.text.find_first_of("./") == std::string::npos) return;
  constexpr std::size_t kLongestPath = 4096;
  if (node.text.size() > kLongestPath || node.text.find('\0') != std::string::npos) return;
  for (const fs::path& path : {folder / node.text, fs::path(node.text)}) {
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) continue;
    files.push_back({"file " + node.text, sha256(content_of(path))});
    return;
  }
}

void add_entry(const Catalog& catalog, const char* folder, const char* kind, const std::string& id,
               std::vector<InputHash>& inputs) {
  for (const Catalog::File& file : catalog.files(folder)) {
    if (file.stem == id) inputs.push_back({std::string(kind) + " " + id, sha256(file.text)});
  }
}

}  // namespace

std::vector<InputHash> input_hashes(const Question& question, const Scenario& scenario) {
  std::vector<InputHash> inputs;
  const Deployment& d = scenario.deployment;
  const Catalog catalog(question.options.catalog_dir);
  if (d.level != CostLevel::affine) {
    add_entry(catalog, "gpus", "gpu", d.gpu.id, inputs);
    add_entry(catalog, "models", "model", d.model.id, inputs);
    std::vector<std::string> links{d.gpu.scale_up_link.id, d.gpu.host_link.id, d.node.scale_out_link.id};
    std::sort(links.begin(), links.end());
    links.erase(std::unique(links.begin(), links.end()), links.end());
    for (const std::string& link : links) add_entry(catalog, "links", "link", link, inputs);
  }
  if (d.level == CostLevel::calibrated) {
    std::string sets;
    for (const Catalog::File& file : catalog.files("calibration")) sets += file.stem + " " + sha256(file.text) + "\n";
    inputs.push_back({"calibration", sha256(sets)});
  }
  Diagnostics reported_before;
  const Result<YamlNode> tree = scenario_tree(question.text, question.origin, question.options, reported_before);
  if (tree) add_files(*tree, fs::path(question.origin).parent_path(), inputs);
  return inputs;
}

Result<std::string> question_sha256(const Question& asked) {
  Diagnostics problems;
  const Result<YamlNode> tree = scenario_tree(asked.text, asked.origin, asked.options, problems);
  if (!tree) return tree.error();
  if (problems.has_errors()) return problems;
  std::string question = to_flow(*tree);
  std::vector<InputHash> files;
  add_files(*tree, fs::path(asked.origin).parent_path(), files);
  for (const InputHash& file : files) question += "\n" + file.name + " " + file.sha256;
  if (!asked.options.catalog_dir.empty()) {
    const Catalog catalog(asked.options.catalog_dir);
    for (const char* folder : {"gpus", "models", "links", "calibration"}) {
      for (const Catalog::File& file : catalog.files(folder)) {
        question += "\ncatalog " + file.folder + "/" + file.stem + " " + sha256(file.text);
      }
    }
  }
  return sha256(question);
}

}  // namespace foretoken
