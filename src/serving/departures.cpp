// The records of requests that leave.
#include "serving/departures.hpp"

namespace foretoken {

void Departures::finished(const InFlight& r, TimePoint now) {
  RequestRecord record = record_of(r, Outcome::finished, now);
  record.ttft_parts = r.account.ttft();
  record.e2e_parts = r.account.total(now - r.request.arrival);
  observer_.on_request(record);
  listener_.departed(rank_, r.request, Outcome::finished, now);
}

void Departures::refused(const Request& request, Outcome outcome, TimePoint now, const Attribution& parts) {
  RequestRecord record;
  record.request = request;
  record.outcome = outcome;
  record.replica = rank_;
  record.finish = now;
  record.e2e_parts = parts;
  observer_.on_request(record);
  listener_.departed(rank_, request, outcome, now);
}

void Departures::abandoned(const InFlight& r, TimePoint now) {
  observer_.on_request(record_of(r, Outcome::unfinished, now));
}

void Departures::abandoned(const Request& request, TimePoint now) {
  RequestRecord record;
  record.request = request;
  record.outcome = Outcome::unfinished;
  record.replica = rank_;
  record.finish = now;
  observer_.on_request(record);
}

RequestRecord Departures::record_of(const InFlight& r, Outcome outcome, TimePoint now) const {
  RequestRecord record;
  record.request = r.request;
  record.outcome = outcome;
  record.replica = rank_;
  record.scheduled = r.scheduled;
  record.first_token = r.first_token;
  record.finish = now;
  record.preemptions = r.preemptions;
  record.cached_tokens = static_cast<std::int32_t>(r.prefix_hit);
  return record;
}

}  // namespace foretoken
