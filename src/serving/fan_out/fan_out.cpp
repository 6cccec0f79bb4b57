// Requests become several, and their answers one record.
#include "serving/fan_out/fan_out.hpp"

#include <algorithm>

#include "serving/kv_cache/key_chain.hpp"

namespace foretoken {

TimePoint FanOut::next_arrival() const {
  const TimePoint fresh = source_.next_arrival();
  return due_.empty() ? fresh : std::min(fresh, due_.top().at);
}

Request FanOut::take() {
  if (due_.empty() || due_.top().at > source_.next_arrival()) {
    const Request request = source_.take();
    const std::int64_t family = next_family_++;
    Open& open = open_[family];
    open.request = request;
    by_request_[request.index] = family;
    ++arrived_;
    send_round(family, searches() ? 1 : config_.best_of, request.arrival);
  }
  const Due due = due_.top();
  Open& open = open_.at(due.family);
  const Request part = part_of(due.family, open, due.at);
  if (--open.to_send == 0) due_.pop();
  return part;
}

void FanOut::send_round(std::int64_t family, std::int64_t parts, TimePoint at) {
  Open& open = open_.at(family);
  open.to_send = parts;
  open.parts.clear();
  due_.push({at, dues_++, family});
}

Request FanOut::part_of(std::int64_t family, Open& open, TimePoint now) {
  Request part = open.request;
  part.index = next_part_++;
  part.arrival = now;
  if (part.conversation >= 0)
    part.answer = open.parts.empty() ? AnswerRole::kept : AnswerRole::other;
  else
    part.conversation = static_cast<std::int32_t>(-2 - family);
  if (part.prefix_row < 0) part.prefix_row = KeyChain::kNoRow;
  if (searches()) {
    part.prompt_tokens += open.tokens;
    part.output_tokens = part.max_tokens = 1;
    part.stop_string = false;
  }
  family_of_[part.index] = family;
  open.parts.push_back(part.index);
  ++open.under_way;
  return part;
}

// ---- parts come back ----

void FanOut::on_request(const RequestRecord& record) {
  const auto place = family_of_.find(record.request.index);
  invariant(place != family_of_.end(), "a part of a request ends that was never sent, or twice");
  const std::int64_t family = place->second;
  family_of_.erase(place);
  Open& open = open_.at(family);
  --open.under_way;
  open.preemptions += record.preemptions;
  open.ended_at = std::max(open.ended_at, record.finish);
  if (record.outcome == Outcome::finished) {
    open.last = record;
    if (!searches()) {
      open.done.push_back(record);
      RequestRecord answer = record;
      answer.request.index = open.request.index;
      answer.request.conversation = open.request.conversation;
      answer.request.answer = AnswerRole::whole;
      observer_.on_answer(answer);
    }
  } else {
    open.worst = record.outcome;
    open.emitted += record.emitted;
  }
  // Of who failed the others go on to their ends: nobody tells the engine to stop.
  if (open.under_way == 0 && open.to_send == 0) round_over(family, open);
}

void FanOut::round_over(std::int64_t family, Open& open) {
  if (open.worst != Outcome::finished) {
    RequestRecord record;
    record.request = open.request;
    record.outcome = open.worst;
    record.finish = open.ended_at;
    record.preemptions = open.preemptions;
    record.emitted = open.emitted;
    record.e2e_parts[static_cast<std::size_t>(AttributionPart::queue)] = open.ended_at - open.request.arrival;
    return close(family, record);
  }
  if (!searches()) return close(family, answers_of(open));
  open.done.push_back(open.last);
  if (++open.tokens == open.request.output_tokens) return close(family, beams_of(open));
  send_round(family, config_.beam_width, open.last.finish);
}

RequestRecord FanOut::answers_of(const Open& open) const {
  std::vector<RequestRecord> answers = open.done;
  std::sort(answers.begin(), answers.end(),
            [](const RequestRecord& a, const RequestRecord& b) { return a.request.index < b.request.index; });
  const auto soonest = std::min_element(answers.begin(), answers.end(), [](const auto& a, const auto& b) {
    return a.first_token != b.first_token ? a.first_token < b.first_token : a.request.index < b.request.index;
  });
  RequestRecord whole = open.last;  // the last that came back
  whole.request = open.request;
  whole.scheduled = soonest->scheduled;
  whole.first_token = soonest->first_token;
  whole.ttft_parts = soonest->ttft_parts;
  whole.request.on_the_way = soonest->request.on_the_way;
  whole.cached_tokens = answers.front().cached_tokens;
  whole.preemptions = open.preemptions;
  whole.request.output_tokens = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(config_.n); ++i) {
    whole.answer_tokens += answers[i].request.output_tokens;
    whole.request.output_tokens = std::max(whole.request.output_tokens, answers[i].request.output_tokens);
  }
  return whole;
}

// Every round begins when the one before it has ended, so their times add up.
RequestRecord FanOut::beams_of(const Open& open) const {
  RequestRecord whole = open.done.front();
  whole.request = open.request;
  whole.request.on_the_way = open.done.front().request.on_the_way;
  whole.finish = open.done.back().finish;
  whole.e2e_parts = {};
  for (const RequestRecord& round : open.done) {
    for (std::size_t i = 0; i < whole.e2e_parts.size(); ++i) whole.e2e_parts[i] += round.e2e_parts[i];
  }
  whole.preemptions = open.preemptions;
  whole.answer_tokens = std::int64_t{open.request.output_tokens} * config_.beam_width;
  return whole;
}

void FanOut::close(std::int64_t family, const RequestRecord& record) {
  const Request request = open_.at(family).request;
  open_.erase(family);
  by_request_.erase(request.index);
  ++closed_[static_cast<std::size_t>(record.outcome)];
  if (listener_ != nullptr) listener_->over(family);
  observer_.on_request(record);
  if (record.outcome != Outcome::unfinished) over_.push_back(request);
}

void FanOut::completed(const Request&, TimePoint now) {
  while (!over_.empty()) {
    const Request request = over_.back();
    over_.pop_back();
    source_.completed(request, now);
  }
}

void FanOut::on_lifecycle(const LifecycleEvent& event) {
  const auto place = family_of_.find(event.request);
  if (place == family_of_.end()) return;
  const Open& open = open_.at(place->second);
  if (open.parts.empty() || open.parts.front() != event.request || !open.done.empty()) return;
  LifecycleEvent of_request = event;
  of_request.request = open.request.index;
  observer_.on_lifecycle(of_request);
}

std::vector<std::int64_t> FanOut::abort(std::int64_t request) {
  const auto place = by_request_.find(request);
  if (place == by_request_.end()) return {};
  const Open& open = open_.at(place->second);
  std::vector<std::int64_t> parts;
  for (const std::int64_t part : open.parts) {
    if (family_of_.contains(part)) parts.push_back(part);
  }
  return parts;
}

void FanOut::end(SimulationOutcome& outcome) {
  std::vector<std::int64_t> left;
  for (const auto& [family, open] : open_) left.push_back(family);
  std::sort(left.begin(), left.end());
  for (const std::int64_t family : left) {
    RequestRecord record;
    record.request = open_.at(family).request;
    record.outcome = Outcome::unfinished;
    record.finish = outcome.end;
    close(family, record);
  }
  const auto of = [&](Outcome o) { return closed_[static_cast<std::size_t>(o)]; };
  outcome.arrived = arrived_;
  outcome.finished = of(Outcome::finished);
  outcome.rejected = of(Outcome::rejected);
  outcome.timed_out = of(Outcome::timed_out);
  outcome.failed = of(Outcome::failed);
  outcome.unfinished = of(Outcome::unfinished);
}

}  // namespace foretoken
