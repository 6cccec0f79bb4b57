// The requests a rank has admitted, in one table with stable places.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "foretoken/workload/request_source.hpp"
#include "serving/requests/attribution.hpp"

namespace foretoken {

using RequestId = std::int32_t;  // place in the table
inline constexpr RequestId kNoRequest = -1;

enum class Phase : std::uint8_t {
  prefilling,
  decoding,
  preempted,           // waits to be admitted again
  reached,             // handed over to this rank, and waits to be admitted
  computed_elsewhere,  // the same without blocks: its KV cache comes within the step that admits it
  leaving,             // finished and without a row in the coming step, but it still holds its seat and blocks
  pinned,              // handed over to another rank: it holds its blocks until its KV cache is there
};

struct InFlight {
  Request request;
  Phase phase = Phase::prefilling;
  bool finished = false;  // and reported, but unseen by a call that was due before (async_scheduling)
  // Kept without doubt of its meaning while not decoding; while decoding, `emitted`
  // and `cached` follow from the group's clock.
  std::int64_t emitted = 0;         // output tokens so far
  std::int64_t cached = 0;          // tokens in the KV cache (vLLM: num_computed_tokens)
  std::int64_t published = 0;       // others may find so many of its tokens, computed or not
  std::int64_t blocks = 0;          // held; while decoding only when reserved up front
  std::int64_t window_first = 0;    // the first block that windowed layers hold; the same
  std::int64_t prefix_hit = 0;      // tokens found in the cache on its first admission
  std::int64_t decode_key = 0;      // cached context - clock of the decode group
  std::int64_t finish_clock = 0;    // of the decode group, when its last token is out
  std::uint32_t decode_stamp = 0;   // tells old heap entries from the current one
  std::int64_t admission = 0;       // order in the running list
  RequestId previous = kNoRequest;  // in the running list
  RequestId next = kNoRequest;
  TimePoint scheduled{};
  TimePoint first_token{};
  TimePoint last_token{};  // when it stopped emitting every step
  TimePoint preempted_at{};
  TimePoint reached_at{};     // of Phase::reached
  std::int64_t carried = 0;   // the same: tokens whose KV cache came with it
  bool recovering = false;    // what a preemption lost is not computed again yet
  bool foreseen = false;      // its last token came out with a step that could not but be its last
  bool goes_on = false;       // it is handed over, not finished
  bool not_admitted = false;  // it has blocks, into which its prefix is loaded, but was in no step yet
  std::int32_t preemptions = 0;
  std::int32_t drafts = 0;  // that its next row verifies
  double own_rate = 0;      // of acceptance, where requests differ; 0: not drawn yet
  Account account;

  // Tokens that must be cached before the next one can be sampled.
  [[nodiscard]] std::int64_t known_tokens() const { return request.prompt_tokens + emitted; }
};

class InFlightTable {
 public:
  RequestId add(const Request& request) {
    RequestId id = kNoRequest;
    if (free_.empty()) {
      id = static_cast<RequestId>(places_.size());
      places_.emplace_back();
    } else {
      id = free_.back();
      free_.pop_back();
      InFlight& place = (*this)[id];
      const std::uint32_t stamp = place.decode_stamp;
      std::construct_at(&place);  // where it stands: an assignment would make it elsewhere and copy it
      place.decode_stamp = stamp;
    }
    (*this)[id].request = request;
    return id;
  }
  void remove(RequestId id) { free_.push_back(id); }

  [[nodiscard]] InFlight& operator[](RequestId id) { return places_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const InFlight& operator[](RequestId id) const { return places_[static_cast<std::size_t>(id)]; }

 private:
  std::vector<InFlight> places_;
  std::vector<RequestId> free_;
};

}  // namespace foretoken
