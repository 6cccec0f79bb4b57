// Who is on the way from the router to a replica.
#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "foretoken/workload/request_source.hpp"

namespace foretoken {

// The earliest first; of those that arrive at one instant in the order in which they set out.
class Ways {
 public:
  void set_out(Request what, TimePoint arrives) {
    ways_.push_back({arrives, begun_++, std::move(what)});
    std::push_heap(ways_.begin(), ways_.end(), later);
  }
  [[nodiscard]] TimePoint next() const { return ways_.empty() ? kNever : ways_.front().arrives; }
  // Precondition: somebody is on the way.
  Request take() {
    std::pop_heap(ways_.begin(), ways_.end(), later);
    Request what = std::move(ways_.back().what);
    ways_.pop_back();
    return what;
  }
  // The request of this index goes; empty when it is not on the way.
  std::optional<Request> remove(std::int64_t index) {
    const auto place = std::find_if(ways_.begin(), ways_.end(), [&](const Way& w) { return w.what.index == index; });
    if (place == ways_.end()) return std::nullopt;
    const Request what = place->what;
    ways_.erase(place);
    std::make_heap(ways_.begin(), ways_.end(), later);
    return what;
  }
  // visit(what) of all, in no order that means anything.
  template <class Visit>
  void visit(Visit visit) const {
    for (const Way& way : ways_) visit(way.what);
  }

 private:
  struct Way {
    TimePoint arrives;
    std::int64_t order;
    Request what;
  };
  static bool later(const Way& a, const Way& b) { return std::tie(a.arrives, a.order) > std::tie(b.arrives, b.order); }

  std::vector<Way> ways_;  // a heap
  std::int64_t begun_ = 0;
};

}  // namespace foretoken
