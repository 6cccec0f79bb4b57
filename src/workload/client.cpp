// Pauses and conversations.
#include "workload/client.hpp"

#include "foretoken/base/math.hpp"

namespace foretoken {

Duration Pause::sample() {
  if (!config_.exponential || config_.mean <= Duration{}) return config_.mean;
  return duration_from_seconds(-to_seconds(config_.mean) * exact_log(random_.uniform()));
}

Conversations::Conversations(const std::optional<SessionConfig>& config, std::uint64_t seed)
    : lengths_(config ? make_length_sampler(config->turns) : nullptr),
      random_(seed, "session_turns"),
      pause_(config ? config->think_time : PauseConfig{}, seed, "session_think_time") {}

void Conversations::opened(std::int64_t index) {
  if (!enabled()) return;
  const std::int64_t turns = lengths_->sample(random_);
  if (turns > 1) turns_left_.emplace(index, turns - 1);
}

void Conversations::continued(std::int64_t index, const Turn& turn) {
  if (turn.turns_left > 0) turns_left_.emplace(index, turn.turns_left);
}

bool Conversations::finished(const Request& request, TimePoint now, Duration delay) {
  const auto place = turns_left_.find(request.index);
  if (place == turns_left_.end()) return false;
  turns_.push({now + pause_.sample() + delay, request.index, std::int64_t{request.prompt_tokens} + request.output_tokens,
               place->second - 1, request.class_index});
  turns_left_.erase(place);
  return true;
}

Conversations::Turn Conversations::take() {
  const Turn turn = turns_.top();
  turns_.pop();
  return turn;
}

}  // namespace foretoken
