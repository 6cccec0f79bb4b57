// First come, first served; the preempted go back to the front (src/serving/README.md, "Queues and routers").
#include <algorithm>
#include <deque>

#include "serving/queueing/queueing_policy.hpp"

namespace foretoken {
namespace {

class Fcfs final : public QueueingPolicy {
 public:
  // Victims are preempted youngest first, so pushing each to the front keeps arrival order.
  void push(const Waiting& waiting) override {
    ++size_;
    prompt_tokens_ += waiting.request.prompt_tokens;
    if (waiting.first)
      came_.push_back(waiting);
    else if (waiting.resumed != kNoRequest && !waiting.last)
      preempted_.push_front(waiting);
    else
      fresh_.push_back(waiting);
    set_head(first());
  }
  void pop() override {
    --size_;
    prompt_tokens_ -= head()->request.prompt_tokens;
    if (!came_.empty())
      came_.pop_front();
    else if (!preempted_.empty())
      preempted_.pop_front();
    else
      fresh_.pop_front();
    set_head(first());
  }
  void put_back(const Waiting& head) override {
    ++size_;
    prompt_tokens_ += head.request.prompt_tokens;
    if (head.first)
      came_.push_front(head);
    else
      (head.resumed != kNoRequest && !head.last ? preempted_ : fresh_).push_front(head);
    set_head(first());
  }
  std::size_t size() const override { return size_; }
  const Waiting* oldest() const override {
    const auto place = oldest_place();
    return place == fresh_.end() ? nullptr : &*place;
  }
  void pop_oldest() override {
    --size_;
    prompt_tokens_ -= oldest()->request.prompt_tokens;
    fresh_.erase(oldest_place());
    set_head(first());
  }
  std::int64_t prompt_tokens() const override { return prompt_tokens_; }
  std::optional<Waiting> remove(std::int64_t index) override {
    for (std::deque<Waiting>* part : {&came_, &preempted_, &fresh_}) {
      const auto place =
          std::find_if(part->begin(), part->end(), [&](const Waiting& w) { return w.request.index == index; });
      if (place == part->end()) continue;
      const Waiting gone = *place;
      part->erase(place);
      --size_;
      prompt_tokens_ -= gone.request.prompt_tokens;
      set_head(first());
      return gone;
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] const Waiting* first() const {
    if (!came_.empty()) return &came_.front();
    if (!preempted_.empty()) return &preempted_.front();
    return fresh_.empty() ? nullptr : &fresh_.front();
  }
  // Those sent to the back stand among the new ones.
  [[nodiscard]] std::deque<Waiting>::const_iterator oldest_place() const {
    return std::find_if(fresh_.begin(), fresh_.end(), [](const Waiting& w) { return w.resumed == kNoRequest; });
  }

  std::deque<Waiting> came_;  // from other ranks, with their KV cache
  std::deque<Waiting> preempted_;
  std::deque<Waiting> fresh_;
  std::size_t size_ = 0;  // of all
  std::int64_t prompt_tokens_ = 0;
};

}  // namespace

std::unique_ptr<QueueingPolicy> make_fcfs() {
  return std::make_unique<Fcfs>();
}

}  // namespace foretoken
