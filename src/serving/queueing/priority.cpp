// By (priority, arrival), smallest first (vLLM --scheduling-policy priority).
#include <algorithm>
#include <set>
#include <tuple>

#include "serving/queueing/queueing_policy.hpp"

namespace foretoken {
namespace {

struct Before {
  bool operator()(const Waiting& a, const Waiting& b) const {
    if (a.first != b.first) return a.first;
    return std::tie(a.request.priority, a.request.index) < std::tie(b.request.priority, b.request.index);
  }
};

class PriorityQueueing final : public QueueingPolicy {
 public:
  void push(const Waiting& waiting) override {
    const auto place = queue_.insert(waiting).first;
    prompt_tokens_ += waiting.request.prompt_tokens;
    if (waiting.resumed == kNoRequest) fresh_by_age_.insert({place});
    set_head(&*queue_.begin());
  }
  void pop() override { erase(queue_.begin()); }
  void put_back(const Waiting& head) override { push(head); }
  std::size_t size() const override { return queue_.size(); }
  std::int64_t prompt_tokens() const override { return prompt_tokens_; }
  const Waiting* oldest() const override { return fresh_by_age_.empty() ? nullptr : &*fresh_by_age_.begin()->place; }
  void pop_oldest() override { erase(fresh_by_age_.begin()->place); }
  std::optional<Waiting> remove(std::int64_t index) override {
    const auto place =
        std::find_if(queue_.begin(), queue_.end(), [&](const Waiting& w) { return w.request.index == index; });
    if (place == queue_.end()) return std::nullopt;
    const Waiting gone = *place;
    erase(place);
    return gone;
  }

 private:
  using Queue = std::set<Waiting, Before>;
  // Who came first to the scheduler; on the way some pass others (images that are encoded apart).
  struct Aged {
    Queue::iterator place;
    bool operator<(const Aged& o) const {
      const Request &a = place->request, &b = o.place->request;
      return a.known_at() != b.known_at() ? a.known_at() < b.known_at() : a.index < b.index;
    }
  };

  void erase(Queue::iterator place) {
    prompt_tokens_ -= place->request.prompt_tokens;
    if (place->resumed == kNoRequest) fresh_by_age_.erase({place});
    queue_.erase(place);
    set_head(queue_.empty() ? nullptr : &*queue_.begin());
  }

  Queue queue_;
  std::set<Aged> fresh_by_age_;
  std::int64_t prompt_tokens_ = 0;
};

}  // namespace

std::unique_ptr<QueueingPolicy> make_priority() {
  return std::make_unique<PriorityQueueing>();
}

}  // namespace foretoken
