// Clients that give up and try again (src/serving/README.md, "Clients that try again").
#pragma once

#include <cstdint>
#include <vector>

#include "foretoken/base/units.hpp"

namespace foretoken {

enum class Jitter {
  none,
  minus_25,       // U(0.75, 1) of it (OpenAI's client)
  plus_minus_20,  // U(0.8, 1.2) (SGLang's router)
  full,           // U(0, 1) (Envoy)
};

struct ClientConfig {
  bool on = false;  // else a request is sent once and waited for
  // Of one attempt, and of all of a request together from its first send. 0 = none.
  Duration timeout{};
  Duration total_timeout{};
  bool until_first_token = false;  // `timeout` is of the first token (a stream), else of the whole answer
  bool aborts = true;              // an attempt that is given up is aborted; else the server finishes it
  // ---- retries ----
  std::int64_t retries = 0;  // after the first attempt
  Duration backoff{};        // before the first retry, times `backoff_factor` before each further one, but at most ...
  double backoff_factor = 2;
  Duration most_backoff{};
  bool less_one = false;  // backoff x (factor^k - 1) for the k-th retry (Envoy), else backoff x factor^(k - 1)
  Jitter jitter = Jitter::none;
  bool after_timeout = true;
  bool after_rejection = true;
  bool after_failure = true;
  // A front end that has the tokens so far sends them with the prompt to another replica, so often at most (Dynamo).
  std::int64_t migrations = 0;
  // A bucket of tokens, one for each retry: every first attempt adds so many. 0 = no bucket.
  double budget_per_request = 0;
  double most_budget = 10;  // in the bucket, which is full at first
  // ---- who leaves ----
  // A share of the requests is read by people who close the connection after `patience`, answered or not, and do not
  // come back.
  double abort_share = 0;
  Duration patience{};  // mean, from the first send
  bool patience_is_exponential = false;
  std::uint64_t seed = 0;  // of jitter and patience
  bool operator==(const ClientConfig&) const = default;
};

// What clients did over a run.
struct ClientTotals {
  bool on = false;
  std::int64_t requests = 0;     // sent for the first time
  std::int64_t attempts = 0;     // first ones and retries
  std::int64_t timeouts = 0;     // attempts that were given up
  std::int64_t migrated = 0;     // attempts that went on where a failed one had stopped
  std::int64_t over_budget = 0;  // retries that the budget did not allow
  std::int64_t late = 0;         // answers that nobody waited for any more
  std::int64_t late_output_tokens = 0;
  std::int64_t aborted = 0;                // requests whose client closed the connection
  std::int64_t aborted_output_tokens = 0;  // that had come out for them
  std::int64_t unanswered = 0;             // requests that got no answer in time, whatever the reason
  TimePoint last_unanswered{};             // ... the last of them was sent for the first time then
  // By time, in slots of one width from the start of the run on.
  struct Slot {
    std::int64_t offered = 0;   // requests sent for the first time in it
    std::int64_t answered = 0;  // ... and answered, whenever
    std::int64_t served = 0;    // answers that came out in it, also those that nobody waited for
    bool operator==(const Slot&) const = default;
  };
  Duration slot{};
  std::vector<Slot> slots;
  bool operator==(const ClientTotals&) const = default;
};

}  // namespace foretoken
