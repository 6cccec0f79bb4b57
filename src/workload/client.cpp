// Conversations: who waits for an answer, and who thinks about the next question.
#include "workload/client.hpp"

#include <utility>

namespace foretoken {

Conversation Conversations::open(std::int16_t class_index) {
  Conversation conversation{RandomStream(replication_seed(seed_, ++opened_), "conversation")};
  conversation.turns_left = turns_.draw(conversation.stream) - 1;
  conversation.class_index = class_index;
  conversation.number = static_cast<std::int32_t>(opened_ & 0x7fff'ffff);
  return conversation;
}

void Conversations::sent(std::int64_t index, Conversation conversation) {
  if (conversation.turns_left > 0) in_flight_.emplace(index, std::move(conversation));
}

bool Conversations::finished(std::int64_t index, std::int64_t tokens, TimePoint now, Duration delay) {
  const auto place = in_flight_.find(index);
  if (place == in_flight_.end()) return false;
  Conversation conversation = std::move(place->second);
  in_flight_.erase(place);
  conversation.said = tokens;
  --conversation.turns_left;
  const Duration pause = draw_pause(config_.think_time, conversation.stream);
  queue_.push({add_saturated(add_saturated(now, pause), delay), index, std::move(conversation)});
  return true;
}

Conversation Conversations::take_turn() {
  Conversation conversation = queue_.top().conversation;
  queue_.pop();
  return conversation;
}

}  // namespace foretoken
