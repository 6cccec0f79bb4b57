// The records of requests that leave.
#include "serving/rank/departures.hpp"

namespace foretoken {

RequestRecord record_of(const Request& request, int rank, Outcome outcome, TimePoint now) {
  RequestRecord record;
  record.request = request;
  record.outcome = outcome;
  record.replica = rank;
  record.finish = now;
  return record;
}

void Departures::finished(const InFlight& r, TimePoint now) {
  // All at once: a record is large, and would be filled twice.
  observer_.on_request({.request = r.request,
                        .outcome = Outcome::finished,
                        .replica = rank_,
                        .scheduled = r.scheduled,
                        .first_token = r.first_token,
                        .finish = now,
                        .preemptions = r.preemptions,
                        .cached_tokens = static_cast<std::int32_t>(r.prefix_hit),
                        .ttft_parts = r.account.ttft(),
                        .e2e_parts = r.account.total(now - r.request.arrival)});
  listener_.departed(rank_, r.request, Outcome::finished, now);
}

void Departures::refused(const Request& request, Outcome outcome, TimePoint now, const Attribution& parts) {
  RequestRecord record = foretoken::record_of(request, rank_, outcome, now);
  record.e2e_parts = parts;
  observer_.on_request(record);
  listener_.departed(rank_, request, outcome, now);
}

void Departures::lost(const InFlight& r, TimePoint now) {
  left(r, Outcome::failed, now);
}

void Departures::aborted(const InFlight& r, TimePoint now) {
  left(r, Outcome::timed_out, now);
}

void Departures::left(const InFlight& r, Outcome outcome, TimePoint now) {
  RequestRecord record = record_of(r, outcome, now);
  record.emitted = static_cast<std::int32_t>(r.emitted);
  record.ttft_parts = r.account.ttft();
  record.e2e_parts = r.account.total(now - r.request.arrival);
  observer_.on_request(record);
  listener_.departed(rank_, r.request, outcome, now);
}

void Departures::abandoned(const InFlight& r, TimePoint now) {
  observer_.on_request(record_of(r, Outcome::unfinished, now));
}

void Departures::abandoned(const Request& request, TimePoint now) {
  observer_.on_request(foretoken::record_of(request, rank_, Outcome::unfinished, now));
}

RequestRecord Departures::record_of(const InFlight& r, Outcome outcome, TimePoint now) const {
  RequestRecord record = foretoken::record_of(r.request, rank_, outcome, now);
  record.scheduled = r.scheduled;
  record.first_token = r.first_token;
  record.preemptions = r.preemptions;
  record.cached_tokens = static_cast<std::int32_t>(r.prefix_hit);
  return record;
}

}  // namespace foretoken
