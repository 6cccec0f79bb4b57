// Between the client's send and the scheduler: the engine's front end (HTTP, tokenisation, hand-over between
// processes).
#pragma once

#include <algorithm>
#include <deque>

#include "foretoken/serving/engine_config.hpp"
#include "serving/cluster/ways.hpp"

namespace foretoken {

// The front end of one engine. It works on one prompt after the other (per_prompt_token), and all that comes before
// and after takes each request the same time, whatever else goes on (per_request). Who comes first leaves first.
class FrontEnd {
 public:
  explicit FrontEnd(const EngineConfig& engine)
      : per_request_(engine.per_request), per_token_(engine.per_prompt_token) {}
  [[nodiscard]] bool takes_time() const { return per_request_ > Duration{} || per_token_ > Duration{}; }

  void enter(const Request& request, TimePoint now) {
    free_at_ = std::max(free_at_, now) + per_token_ * request.prompt_tokens;
    inside_.push_back({free_at_ + per_request_, request});
  }
  [[nodiscard]] TimePoint next() const { return inside_.empty() ? kNever : inside_.front().leaves; }
  // The request of this index goes, though the work on it is done all the same; empty when it is not inside.
  std::optional<Request> remove(std::int64_t index) {
    const auto place =
        std::find_if(inside_.begin(), inside_.end(), [&](const Inside& i) { return i.request.index == index; });
    if (place == inside_.end()) return std::nullopt;
    const Request request = place->request;
    inside_.erase(place);
    return request;
  }
  Request leave() {
    const Request request = inside_.front().request;
    inside_.pop_front();
    return request;
  }

 private:
  struct Inside {
    TimePoint leaves;
    Request request;
  };
  Duration per_request_;
  Duration per_token_;
  TimePoint free_at_{};
  std::deque<Inside> inside_;
};

// All that is on the way to a replica: over links, and requests from clients then in the front end.
class Ingress {
 public:
  explicit Ingress(const EngineConfig& engine) : front_end_(engine) {}
  void set_out(const Request& what, TimePoint arrives) { links_.set_out(what, arrives); }
  // A request is at the front end. False: there is none, and it is at the scheduler.
  [[nodiscard]] bool enter(const Request& request, TimePoint now) {
    if (front_end_.takes_time()) front_end_.enter(request, now);
    return front_end_.takes_time();
  }
  [[nodiscard]] TimePoint next() const { return std::min(links_.next(), front_end_.next()); }
  // reach(request) of those who get to the scheduler now.
  template <class Reach>
  void deliver(TimePoint now, Reach reach) {
    const auto arrive = [&](Request request) {
      request.on_the_way = now - request.arrival;
      reach(request);
    };
    while (links_.next() == now) {
      const Request request = links_.take();
      if (!enter(request, now)) arrive(request);
    }
    while (front_end_.next() <= now) arrive(front_end_.leave());
  }
  // The request of this index goes; empty when it is not on the way.
  std::optional<Request> remove(std::int64_t index) {
    const std::optional<Request> way = links_.remove(index);
    return way ? way : front_end_.remove(index);
  }
  // give_up(request) of all.
  template <class GiveUp>
  void abandon(GiveUp give_up) {
    links_.visit(give_up);
    while (front_end_.next() != kNever) give_up(front_end_.leave());
  }

 private:
  Ways links_;
  FrontEnd front_end_;
};

}  // namespace foretoken
