// The files of scenarios/starters/ with the line by which an editor finds the schema beside the new file.
#include "scenario/starters.hpp"

#include "scenario/embedded_catalog.hpp"

namespace foretoken {
namespace {

constexpr const char* kEditorLine =
    "# yaml-language-server: $schema=foretoken.schema.json\n"
    "# (`foretoken schema -o foretoken.schema.json` writes that: an editor then completes and checks this file.)\n";

Starter starter_of(const EmbeddedFile& file) {
  // The file's own line leads to the schema from where it stands.
  const std::string text(file.text.substr(file.text.find('\n') + 1));
  const std::string about = text.substr(0, text.find('\n'));
  return {std::string(file.stem), about.substr(about.find_first_not_of("# ")), kEditorLine + text};
}

}  // namespace

const std::vector<Starter>& starters() {
  static const std::vector<Starter> all = [] {
    std::vector<Starter> found;
    for (const EmbeddedFile& file : embedded_catalog())
      if (file.folder == "starters") found.push_back(starter_of(file));
    return found;
  }();
  return all;
}

}  // namespace foretoken
