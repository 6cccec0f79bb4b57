// Requests come, and those that the engine refuses or that give up waiting go.
#include <algorithm>

#include "serving/engine_rank.hpp"

namespace foretoken {

void EngineRank::arrive(const Request& sent, TimePoint now) {
  const EngineConfig& engine = state_.config;
  Request request = sent;
  // An engine ends a sequence at max_model_len whatever was asked.
  const auto room = static_cast<std::int32_t>(std::max<std::int64_t>(0, engine.max_model_len - request.prompt_tokens));
  request.output_tokens = std::min(request.output_tokens, room);
  request.max_tokens = std::min(request.max_tokens, room);
  // What it may need: nobody knows yet what it will need.
  const std::int64_t last_cached = request.prompt_tokens + request.max_tokens - 1;
  const bool queue_full = engine.max_waiting_requests > 0 && waiting_requests() >= engine.max_waiting_requests;
  if (room == 0 || queue_full || blocks_for(last_cached, engine.block_size) > engine.usable_blocks() ||
      !policy_->can_serve(state_, request)) {
    refuse(sent, Outcome::rejected, now, {});
    return;
  }
  if (state_.lifecycle_ != nullptr) observer_.on_lifecycle({LifecycleEdge::queued, index_, request.index, now, 0, 0});
  const Waiting waiting{request, kv_wait_.at(now), kNoRequest};
  if (async_) {
    // The step after the running one is planned already.
    inbox_.push_back(waiting);
    if (state_.waiting_->head() == nullptr || engine.scheduling_policy != "fcfs") cut(now, 1);
    return;
  }
  state_.waiting_->push(waiting);
  if (state_.waiting_->head()->request.index == request.index) cut(now);
}

const Waiting* EngineRank::longest_waiting() const {
  const Waiting* in_queue = state_.waiting_->oldest();
  return in_queue != nullptr || inbox_.empty() ? in_queue : &inbox_.front();
}

TimePoint EngineRank::next_timeout() const {
  if (state_.config.queue_timeout <= Duration{}) return kNever;
  const Waiting* oldest = longest_waiting();
  return oldest == nullptr ? kNever : oldest->request.arrival + state_.config.queue_timeout;
}

void EngineRank::expire(TimePoint now) {
  while (next_timeout() <= now) {
    const Waiting gone = *longest_waiting();
    const bool was_in_queue = state_.waiting_->oldest() != nullptr;
    const bool was_head = was_in_queue && state_.waiting_->head()->request.index == gone.request.index;
    if (was_in_queue)
      state_.waiting_->pop_oldest();
    else
      inbox_.pop_front();
    Attribution parts{};
    const Duration blocked = kv_wait_.at(now) - gone.kv_wait_mark;
    parts[static_cast<std::size_t>(AttributionPart::kv_wait)] = blocked;
    parts[static_cast<std::size_t>(AttributionPart::queue)] = now - gone.request.arrival - blocked;
    refuse(gone.request, Outcome::timed_out, now, parts);
    if (was_head) cut(now);
  }
}

void EngineRank::refuse(const Request& request, Outcome outcome, TimePoint now, Attribution parts) {
  RequestRecord record;
  record.request = request;
  record.outcome = outcome;
  record.replica = index_;
  record.finish = now;
  record.e2e_parts = parts;
  observer_.on_request(record);
  listener_.departed(index_, request, outcome, now);
}

}  // namespace foretoken
