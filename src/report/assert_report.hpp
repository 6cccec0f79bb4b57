// The answer of the assertions, for people, for programs (schema foretoken.assert/1) and for pipelines (JUnit XML).
#pragma once

#include "foretoken/base/json.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "study/assert/assertions.hpp"

namespace foretoken {

[[nodiscard]] std::string to_text(const AssertionsResult& result, const TextStyle& style = {});
[[nodiscard]] Json to_json(const AssertionsResult& result);

// One test case per assertion: `failure` when it does not hold, `error` when that is not decided or could not be
// simulated. No times in it: the same scenario gives the same bytes.
[[nodiscard]] std::string to_junit(const AssertionsResult& result);

// Text as XML 1.0 allows it between tags and in attributes: what no XML may hold becomes U+FFFD.
[[nodiscard]] std::string xml_text(std::string_view text);

}  // namespace foretoken
