// The stream of requests, in order of arrival, made one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "foretoken/base/result.hpp"
#include "foretoken/base/units.hpp"
#include "foretoken/workload/workload_config.hpp"

namespace foretoken {

// What the front end has made of a turn of a conversation (serving/fan_out).
enum class AnswerRole : std::uint8_t {
  whole,  // nothing: it is the request itself
  kept,   // the answer that the conversation goes on with
  other,  // one of the others
};

struct Request {
  std::int64_t index = 0;  // in order of arrival, from 0
  TimePoint arrival{};     // the client sends it
  Duration client_wait{};  // waited for a max_concurrency seat before that; not in TTFT or E2E
  Duration on_the_way{};   // from the send until a scheduler knew it, which says so
  std::int32_t prompt_tokens = 1;
  std::int32_t output_tokens = 1;  // true length; no policy may read it (INV-9)
  std::int32_t max_tokens = 1;     // what a policy may know of the output
  std::int16_t class_index = 0;    // into WorkloadConfig::classes, 0 when there are none
  std::int16_t priority = 0;       // smaller is served first
  std::int32_t prefix_row = -1;    // row of the PrefixTable that describes the prompt's start, -1 = none
  std::int32_t media = -1;         // number in PromptMedia of what it brings beside text; -1 = text alone
  // The turns of one, each prompt of which starts with all before it; -1 = none. Below: the answers of one request that
  // the front end has split share all of its prompt (serving/fan_out).
  std::int32_t conversation = -1;
  std::int16_t adapter = -1;  // LoRA, into AdapterConfig::weights; -1 = the base model
  bool stop_string = false;   // its end is found behind the engine, where tokens become text
  AnswerRole answer = AnswerRole::whole;

  // An answer as long as it may be ends by its length.
  [[nodiscard]] bool ends_by_stop_string() const { return stop_string && output_tokens < max_tokens; }
  [[nodiscard]] TimePoint known_at() const { return arrival + on_the_way; }  // to the scheduler
};

// What prompts begin with, for prefix caching: the hash ids of their blocks, from a trace or made
// up for prefixes that requests share.

// Two prompts whose rows start with the same ids start with the same tokens. The last block
// of a prompt may be partly filled. What lies behind a row's blocks is a prompt's own.
class PrefixTable {
 public:
  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(rows_.size()); }
  // 0 <= row < rows(), as in Request::prefix_row.
  [[nodiscard]] std::span<const std::int64_t> hash_ids(std::int64_t row) const {
    const auto r = static_cast<std::size_t>(row);
    const std::size_t begin = r == 0 ? 0 : rows_[r - 1].end;
    return std::span(ids_).subspan(begin, rows_[r].end - begin);
  }
  // Tokens that one id of this row stands for.
  [[nodiscard]] std::int64_t block_tokens(std::int64_t row) const {
    return rows_[static_cast<std::size_t>(row)].block_tokens;
  }
  void add_row(std::span<const std::int64_t> ids, std::int64_t block_tokens = 512) {
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    rows_.push_back({ids_.size(), block_tokens});
  }

 private:
  struct Row {
    std::size_t end;
    std::int64_t block_tokens;
  };
  std::vector<std::int64_t> ids_;
  std::vector<Row> rows_;
};

// An image, a video or a sound in a prompt.
struct MediaItem {
  std::int64_t content = 0;  // equal for equal ones
  std::int32_t start = 0;    // the first of its tokens in the prompt
  std::int32_t tokens = 0;
  std::int32_t sequences = 1;  // as in MediaKind
  std::int32_t patches = 0;
  [[nodiscard]] std::int64_t end() const { return std::int64_t{start} + tokens; }
  bool operator==(const MediaItem&) const = default;
};

// What prompts hold beside text. Contract: a function of Request::media alone, but for where items stand, which hangs
// on the length of the prompt too.
class PromptMedia {
 public:
  virtual ~PromptMedia() = default;
  // In the order of the prompt, no two of them overlapping. Precondition: request.media >= 0.
  virtual void items_of(const Request& request, std::vector<MediaItem>& items) const = 0;
};

// What the fields of a Request point into.
struct PromptContents {
  // A null pointer: no prompt has any.
  PromptContents(const PrefixTable* prefix_table = nullptr, const PromptMedia* prompt_media = nullptr)
      : prefixes(prefix_table), media(prompt_media) {}
  const PrefixTable* prefixes;
  const PromptMedia* media;
};

// The stream of requests, in order of arrival, made one at a time.

// Contract: arrivals never decrease; after completed(r, t) every new arrival is
// at t or later. next_arrival() is kNever when nothing will arrive unless a
// request completes first, or ever; it never changes except by take() and completed(). Memory follows
// the requests in flight: of a trace one row is held at a time. Held whole are files of paired
// lengths, which are drawn from at random, and traces with hash ids (mooncake).
class RequestSource {
 public:
  virtual ~RequestSource() = default;
  [[nodiscard]] virtual TimePoint next_arrival() const = 0;
  // The request that arrives at next_arrival(). Precondition: it is not kNever.
  virtual Request take() = 0;
  // `request` left the system at `now`: finished, rejected or timed out.
  virtual void completed(const Request& request, TimePoint now) = 0;
  // Whether completed() changes nothing: every request comes whatever becomes of the others.
  [[nodiscard]] virtual bool is_open() const { return false; }
  // What Request::prefix_row points into; null when no prompt's start is known to be another's.
  [[nodiscard]] virtual const PrefixTable* prefixes() const { return nullptr; }
  // What Request::media numbers; null when prompts are text alone.
  [[nodiscard]] virtual const PromptMedia* media() const { return nullptr; }
  // A trace is read while it is sent; its requests end before a broken row, and this tells why.
  [[nodiscard]] virtual Diagnostics problems() { return {}; }
};

// All that can be wrong with `config` without opening its files: numbers out of range, an
// endless or empty stream, parts that exclude each other. Messages name fields by scenario path.
[[nodiscard]] Diagnostics check_workload(const WorkloadConfig& config);

// Opens trace and length files. Errors: unreadable and empty files, broken rows (with line
// numbers) before the first request, nothing to send. Rows further on are not judged here:
// summarise_workload() reads all of them, RequestSource::problems() those that were sent.
// `seed` is the replication's.
[[nodiscard]] Result<std::unique_ptr<RequestSource>> make_request_source(const WorkloadConfig& config,
                                                                         std::uint64_t seed);

// Requests in a vector, by arrival: for tests and for traces built in code. They are sorted
// (stably) and numbered from 0; max_tokens below output_tokens is raised to it.
// `prefixes` is what their prefix_row points into, `media` what Request::media counts.
[[nodiscard]] std::unique_ptr<RequestSource> make_fixed_source(std::vector<Request> requests, PrefixTable prefixes = {},
                                                               std::vector<std::vector<MediaItem>> media = {});

// What can be said before a run, for validation and floors; counts are exact
// for traces (read once) and bounds for distributions.
struct WorkloadSummary {
  std::optional<std::int64_t> requests;  // exact when known
  std::int64_t max_prompt_tokens = 0;
  std::int64_t max_total_tokens = 0;  // prompt + output
  double mean_prompt_tokens = 0;
  double mean_output_tokens = 0;
  double offered_rate = 0;       // requests per second, mean over the run; 0 = all at once or closed
  std::int64_t failed_rows = 0;  // trace rows left out: logged with no prompt or no output tokens
};
[[nodiscard]] Result<WorkloadSummary> summarise_workload(const WorkloadConfig& config);

}  // namespace foretoken
