// The invariants of src/README.md, one function each, on the log of a run. A function answers
// with what it found wrong, each sentence beginning with the invariant's number; empty = it holds.
// INV-11 (stretches against steps) has a differential suite of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/run_log.hpp"

namespace foretoken::test {

using Violations = std::vector<std::string>;

[[nodiscard]] Violations inv_1_requests_are_conserved(const RunLog& log);
[[nodiscard]] Violations inv_2_only_allowed_lifecycle_edges(const RunLog& log);
[[nodiscard]] Violations inv_3_clock_is_monotone(const RunLog& log);
[[nodiscard]] Violations inv_4_kv_blocks_are_conserved(const RunLog& log);
[[nodiscard]] Violations inv_5_times_of_a_request_are_ordered(const RunLog& log);
[[nodiscard]] Violations inv_7_never_idle_with_runnable_work(const RunLog& log);
[[nodiscard]] Violations inv_8_tokens_are_conserved(const RunLog& log);
[[nodiscard]] Violations inv_10_no_step_beats_the_datasheet(const RunLog& log);
[[nodiscard]] Violations inv_12_parts_sum_to_the_total(const RunLog& log);
[[nodiscard]] Violations inv_13_littles_law(const RunLog& log);

// All of the above.
[[nodiscard]] Violations violations_of(const RunLog& log);

// Two results of one scenario and one seed.
[[nodiscard]] Violations inv_6_same_seed_same_bytes(std::string_view first, std::string_view second);
// Two runs of one request stream whose output lengths agree for all that finish until
// `until`, step by step: what is decided until then is the same.
[[nodiscard]] Violations inv_9_no_oracle(const RunLog& one, const RunLog& other, TimePoint until);

// The log as text, for INV-6.
[[nodiscard]] std::string text_of(const RunLog& log);

}  // namespace foretoken::test
