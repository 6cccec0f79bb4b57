// Where the commands of a page are tried.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "readme/markdown.hpp"
#include "test_paths.hpp"

namespace foretoken::testing {

// A checkout of its own: the scenarios, the program where ./tools/quickstart puts it, and the
// YAML files that the pages have the reader write. The measured data stands beside it if it is here.
class Checkout {
 public:
  explicit Checkout(const std::vector<std::string>& pages) {
    namespace fs = std::filesystem;
    const fs::path source = FORETOKEN_SOURCE_DIR;
    std::string name = (fs::temp_directory_path() / "foretoken_readme_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    top_ = name;
    fs::create_directories(folder() / "build/release");
    fs::create_symlink(FORETOKEN_PROGRAM, folder() / "build/release/foretoken");
    fs::copy(source / "scenarios", folder() / "scenarios", fs::copy_options::recursive);
    if (fs::exists(source / "../shared")) fs::create_symlink(fs::canonical(source / "../shared"), top_ / "shared");
    for (const std::string& page : pages) {
      for (const Block& block : fenced_blocks(lines_of_file(source / page))) write_scenario(block);
    }
  }
  ~Checkout() {
    std::error_code ignored;
    std::filesystem::remove_all(top_, ignored);
  }
  Checkout(const Checkout&) = delete;
  Checkout& operator=(const Checkout&) = delete;

  [[nodiscard]] std::filesystem::path folder() const { return top_ / "foretoken"; }
  [[nodiscard]] bool has_shared() const { return std::filesystem::exists(top_ / "shared"); }

 private:
  void write_scenario(const Block& block) const {
    if (block.language != "yaml" || block.lines.empty() || !block.lines[0].ends_with(".yaml")) return;
    std::ofstream file(folder() / block.lines[0].substr(block.lines[0].find_first_not_of("# ")));
    for (const std::string& line : block.lines) file << line << '\n';
  }

  std::filesystem::path top_;
};

}  // namespace foretoken::testing
