// Two alternatives on the same random numbers: what changes, by how much, how sure that is, and which field does it.
//
// Example:
//   const Result<CompareResult> both = compare_scenarios({asked, asked.with({"engine.max_num_seqs=16"})});
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "foretoken/base/intervals.hpp"
#include "foretoken/experiment/sweep.hpp"

namespace foretoken {

// A field that the two do not have in common; empty text = not there.
struct ChangedField {
  std::string path;
  std::string before;
  std::string after;
  bool given = false;      // somebody wrote it; else it follows from others
  bool simulated = false;  // a run depends on it: not a description, an objective or a key of a study
};

struct MetricChange {
  std::string metric;
  double before = 0;  // means over the replications
  double after = 0;
  PairedDifference change;  // after - before; unbounded where it cannot be said
  [[nodiscard]] double ratio() const { return after / before; }
  // The interval excludes no change.
  [[nodiscard]] bool is_sure() const { return change.difference.low > 0 || change.difference.high < 0; }
};

struct ObjectiveChange {
  SloLine line;
  MetricChange change;
  bool met_before = false;  // by the mean: `check` decides it
  bool met_after = false;
};

// One changed field alone: the first alternative with nothing else of the second.
struct ChangeAlone {
  std::size_t field = 0;  // index into CompareResult::fields
  std::vector<std::string> set;
  PointStatus status = PointStatus::ok;
  std::string why_not;                // when status is not ok
  std::vector<MetricChange> metrics;  // of the objectives and the headline metrics
};

// What a request's time is spent on in both; mean milliseconds per request, or per token after the first.
struct PartChange {
  AttributionPart part{};
  double before_ms = 0;
  double after_ms = 0;
  [[nodiscard]] double more() const { return after_ms - before_ms; }
};

// Why pools of their own for prefill and decode are faster or slower, where one of the two has them: of one run each.
struct PoolsReason {
  std::vector<PartChange> ttft, per_token;  // the largest change first
  std::vector<std::string> sentences;
};

enum class Pairing {
  paired,       // same seeds, replication by replication
  unpaired,     // different seeds: the variances add up
  not_kept,     // stored results of one seed and load, whose replications were not kept: the interval is too wide
  no_interval,  // a stored result with one replication
};
[[nodiscard]] std::string_view to_string(Pairing pairing);

struct CompareResult {
  std::string before_name;
  std::string after_name;
  std::string before_sha256;
  std::string after_sha256;
  std::string before_line;  // the deployment in words, where it is known
  std::string after_line;
  std::vector<ChangedField> fields;
  std::vector<MetricChange> metrics;
  std::vector<ObjectiveChange> objectives;  // of both
  std::vector<ChangeAlone> alone;           // empty unless several fields of a run differ
  std::optional<PoolsReason> why;           // where an alternative has pools
  Pairing pairing = Pairing::paired;
  int replications = 0;       // of each; of stored results the smaller number
  std::int64_t requests = 0;  // simulated in all
  double confidence = 0.95;
  std::vector<std::string> does_not_fit;  // the verdict of the memory plan, per alternative that does not
  std::vector<std::string> warnings;      // of an alternative without a steady state
  bool interrupted = false;
};

struct CompareQuestion {
  Question before, after;
};

// The scenarios' `replications`, or this many where they say nothing.
inline constexpr int kCompareReplications = 16;

// Errors: as loading either scenario, or a workload that cannot be read.
[[nodiscard]] Result<CompareResult> compare_scenarios(const CompareQuestion& question, const RunOptions& options = {});

// Whether a text is a document that `run --format json` wrote.
[[nodiscard]] bool is_stored_result(const Question& file);
[[nodiscard]] Result<CompareResult> compare_results(const Question& before, const Question& after);

}  // namespace foretoken
