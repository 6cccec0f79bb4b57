// What a scenario of the repository answers, as JSON.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/program.hpp"
#include "foretoken/base/json.hpp"
#include "test_paths.hpp"

namespace foretoken::testing {

inline double number(const Json& json, const char* key) {
  double value = -1;
  EXPECT_TRUE(json[key].number(value)) << key;
  return value;
}

inline Json run_json(const char* scenario, const std::vector<std::string>& sets = {}) {
  std::vector<std::string> words{"run", fmt::format("{}/scenarios/{}", FORETOKEN_SOURCE_DIR, scenario), "--format",
                                 "json"};
  for (const std::string& set : sets) words.insert(words.end(), {"--set", set});
  const ProcessResult& run = answer_to(words);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const Result<Json> json = parse_json(run.out, scenario);
  EXPECT_TRUE(json);
  return json ? *json : Json();
}

}  // namespace foretoken::testing
