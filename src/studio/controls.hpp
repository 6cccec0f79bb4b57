// What the page can move: keys of the field table that hold one value. What it sends back is checked against the same
// list, so that nothing it says can name a file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "foretoken/scenario/question.hpp"

namespace foretoken {

class Controls {
 public:
  // Of the scenario that the studio was started with. Errors: a catalog folder that cannot be read.
  [[nodiscard]] static Result<Controls> of(const Question& question, const Scenario& scenario);

  // The controls of the page by group, and which other keys can be added to them.
  [[nodiscard]] const Json& document() const { return document_; }

  // What the page's controls have in a configuration: defaults follow what is moved.
  [[nodiscard]] Json values(const Scenario& scenario) const;

  // {"replicas": 2, "hardware.gpu": "l40s"} as --set takes them. Errors: no control of that name, a value that it
  // cannot have.
  [[nodiscard]] Result<std::vector<std::string>> overrides(const Json& set) const;

 private:
  explicit Controls(const Scenario& scenario) : scenario_(scenario) {}
  void read_names(const std::string& catalog_dir, Diagnostics& problems);
  void describe();
  [[nodiscard]] const Json& value_of(std::string_view path) const;
  [[nodiscard]] bool has_lengths(std::string_view path) const;
  [[nodiscard]] std::string length_key(const char* map, const char* number) const;
  [[nodiscard]] Json control(const std::string& path) const;
  [[nodiscard]] std::string setting(const std::string& path, const Json& value, Diagnostics& problems) const;
  void keep_replicas(const Json& set, std::vector<std::string>& overrides) const;

  Scenario scenario_;
  std::map<std::string, std::vector<std::string>> names_;  // of the catalog, for the keys that take one
  Json document_;
};

}  // namespace foretoken
