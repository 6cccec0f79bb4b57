// Walking a log, and collecting what is wrong with it.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "support/invariants.hpp"

namespace foretoken::test {

// Keeps the first few findings: one fault often shows in thousands of events.
class Findings {
 public:
  explicit Findings(std::string invariant) : invariant_(std::move(invariant)) {}
  template <class... Args>
  void operator()(fmt::format_string<Args...> text, Args&&... args) {
    constexpr std::size_t kEnough = 3;
    if (found_.size() < kEnough) found_.push_back(invariant_ + ": " + fmt::format(text, std::forward<Args>(args)...));
  }
  [[nodiscard]] Violations all() const { return found_; }

 private:
  std::string invariant_;
  Violations found_;
};

inline std::int64_t ns(TimePoint t) {
  return t.time_since_epoch().count();
}

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

// One handler for each kind of event.
template <class... Handlers>
void for_each_event(const RunLog& log, Handlers... handlers) {
  const Overloaded<Handlers...> handle{std::move(handlers)...};
  for (const LogEvent& event : log.events) std::visit(handle, event);
}

template <class Handler>
void for_each_record(const RunLog& log, Handler handler) {
  for (const LogEvent& event : log.events) {
    if (const Left* left = std::get_if<Left>(&event)) handler(left->record);
  }
}

inline TimePoint time_of(const LogEvent& event) {
  return std::visit(
      Overloaded{[](const Arrived& e) { return e.at; }, [](const Stepped& e) { return e.end; },
                 [](const LifecycleEvent& e) { return e.at; }, [](const Left& e) { return e.record.finish; }},
      event);
}

}  // namespace foretoken::test
