// The checks on requests: conservation, lifecycle, order, attribution, Little's law.
#include "support/invariants.hpp"

#include <fmt/format.h>

#include <map>
#include <numeric>
#include <set>

#include "support/invariant_tools.hpp"

namespace foretoken::test {
namespace {

enum class Stage { unknown, arrived, queued, running, preempted, moving, reached, gone };

struct Life {
  Stage stage = Stage::unknown;
  int replica = -1;
  int preemptions = 0;
  bool has_token = false;
  bool pinned = false;  // where it was handed over from
  TimePoint scheduled{}, first_token{};
};
using Lives = std::map<std::int64_t, Life>;

// Empty when the edge is allowed; moves the life along it.
std::string take_edge(Life& life, const LifecycleEvent& e) {
  const auto from = [&](Stage stage) { return life.stage == stage; };
  const bool may_move = e.edge == LifecycleEdge::queued || e.edge == LifecycleEdge::loading ||
                        e.edge == LifecycleEdge::reached || e.edge == LifecycleEdge::released;
  if (!may_move && e.replica != life.replica) return "on another replica than before";
  switch (e.edge) {
    case LifecycleEdge::queued:
      if (!from(Stage::arrived)) return "queued although it had not just arrived";
      life.stage = Stage::queued;
      life.replica = e.replica;
      return {};
    case LifecycleEdge::admitted:
      if (!from(Stage::queued)) return "admitted from outside the queue";
      life.stage = Stage::running;
      life.scheduled = e.at;
      return {};
    case LifecycleEdge::first_token:
      if ((!from(Stage::running) && !from(Stage::reached)) || life.has_token)
        return "a first token while not running, or a second one";
      life.has_token = true;
      life.first_token = e.at;
      return {};
    case LifecycleEdge::preempted:
      if (!from(Stage::running)) return "preempted while not running";
      life.stage = Stage::preempted;
      ++life.preemptions;
      return {};
    case LifecycleEdge::resumed:
      if (!from(Stage::preempted) && !from(Stage::reached)) return "resumed without a preemption or a hand-over";
      life.stage = Stage::running;
      return {};
    case LifecycleEdge::abandoned:
      return from(Stage::running) || from(Stage::preempted) || from(Stage::reached) ? ""
                                                                                    : "abandoned while not in flight";
    case LifecycleEdge::handed_over:
      if (!from(Stage::running)) return "handed over while not running";
      life.stage = Stage::moving;
      life.pinned = true;
      return {};
    case LifecycleEdge::loading:
      // Before its prompt is computed, after it, or again; or in the queue, from a KV tier.
      return from(Stage::arrived) || from(Stage::moving) || from(Stage::preempted) || from(Stage::queued) ||
                     from(Stage::reached)
                 ? ""
                 : "blocks for nobody who comes";
    case LifecycleEdge::reached:
      if (!from(Stage::moving)) return "reached a replica without a hand-over";
      life.stage = Stage::reached;
      life.replica = e.replica;
      return {};
    case LifecycleEdge::released:
      return std::exchange(life.pinned, false) ? "" : "released without a hand-over, or twice";
  }
  return "unknown edge";
}

std::string leave(Life& life, const RequestRecord& r, bool ways_take_time) {
  const Stage before = std::exchange(life.stage, Stage::gone);
  switch (r.outcome) {
    case Outcome::finished:
      if (before != Stage::running || !life.has_token) return "finished without having run to its first token";
      if (r.preemptions != life.preemptions) return "preempted another number of times than its record says";
      if (r.scheduled != life.scheduled || r.first_token != life.first_token) return "its record has other times";
      return {};
    case Outcome::rejected:
      return before == Stage::arrived || before == Stage::moving ? "" : "rejected after it had been queued";
    case Outcome::failed:
      return before == Stage::moving ? "" : "failed although nothing was under way";
    case Outcome::timed_out:
      return before == Stage::queued ? "" : "timed out outside the queue";
    case Outcome::aborted:  // wherever it was
      return before == Stage::unknown || before == Stage::gone ? "aborted but not in the system" : "";
    case Outcome::unfinished:
      return before == Stage::unknown || (before == Stage::arrived && !ways_take_time) || before == Stage::gone
                 ? "reported unfinished but not in the system"
                 : "";
  }
  return "unknown outcome";
}

// How many requests stand where, on one replica.
struct Census {
  std::int64_t queued = 0;  // the preempted included
  std::int64_t running = 0;
};

void count(Census& c, LifecycleEdge edge) {
  switch (edge) {
    case LifecycleEdge::queued:
      ++c.queued;
      break;
    case LifecycleEdge::admitted:
    case LifecycleEdge::resumed:
      --c.queued;
      ++c.running;
      break;
    case LifecycleEdge::preempted:
      ++c.queued;
      --c.running;
      break;
    case LifecycleEdge::handed_over:
      --c.running;
      break;
    case LifecycleEdge::reached:
      ++c.queued;
      break;
    case LifecycleEdge::first_token:
    case LifecycleEdge::abandoned:
    case LifecycleEdge::loading:
    case LifecycleEdge::released:
      break;
  }
}

}  // namespace

Violations inv_1_requests_are_conserved(const RunLog& log) {
  Findings found("INV-1");
  std::map<int, Census> replicas;
  std::map<std::int64_t, int> in_system;  // 1 = there
  std::array<std::int64_t, 5> left{};     // by outcome
  std::int64_t arrived = 0;
  std::set<std::int64_t> staying;  // queued somewhere, and not gone
  for_each_event(
      log,
      [&](const Arrived& a) {
        ++arrived;
        if (++in_system[a.request] != 1) found("request {} arrived twice", a.request);
      },
      [&](const LifecycleEvent& e) {
        count(replicas[e.replica], e.edge);
        if (e.edge == LifecycleEdge::queued) staying.insert(e.request);
      },
      [&](const Left& l) {
        const RequestRecord& r = l.record;
        if (--in_system[r.request.index] != 0) found("request {} left without being there", r.request.index);
        ++left[static_cast<std::size_t>(r.outcome)];
        if (r.outcome == Outcome::finished) --replicas[r.replica].running;
        if (r.outcome == Outcome::timed_out) --replicas[r.replica].queued;
        staying.erase(r.request.index);
      },
      [&](const Stepped& s) {
        const Census& c = replicas[s.replica];
        if (s.waiting != c.queued || s.running != c.running) {
          found("at {} ns replica {} counts {} waiting and {} running, events say {} and {}", ns(s.end), s.replica,
                s.waiting, s.running, c.queued, c.running);
        }
        const std::int64_t gone = std::accumulate(left.begin(), left.end(), std::int64_t{0});
        const std::int64_t stay = static_cast<std::int64_t>(staying.size());
        if (log.ways_take_time ? arrived < gone + stay : arrived != gone + stay)
          found("at {} ns {} arrived, {} left, {} stay", ns(s.end), arrived, gone, stay);
      });
  for (const auto& [request, there] : in_system) {
    if (there != 0) found("request {} never left", request);
  }
  const SimulationOutcome& o = log.outcome;
  const std::array told{o.finished, o.rejected, o.timed_out, o.unfinished, o.failed};
  if (o.arrived != arrived || told != left) {
    found("the outcome's counts are not those of the events: {} arrived against {}", o.arrived, arrived);
  }
  if (o.arrived != std::accumulate(told.begin(), told.end(), std::int64_t{0})) {
    found("{} arrived, but {} finished, {} rejected, {} timed out, {} unfinished", o.arrived, o.finished, o.rejected,
          o.timed_out, o.unfinished);
  }
  return found.all();
}

Violations inv_2_only_allowed_lifecycle_edges(const RunLog& log) {
  Findings found("INV-2");
  Lives lives;
  const auto judge = [&](std::int64_t request, TimePoint at, const std::string& wrong) {
    if (!wrong.empty()) found("request {} at {} ns: {}", request, ns(at), wrong);
  };
  for_each_event(
      log,
      [&](const Arrived& a) {
        Life& life = lives[a.request];
        judge(a.request, a.at, life.stage == Stage::unknown ? "" : "arrived again");
        life.stage = Stage::arrived;
      },
      [&](const LifecycleEvent& e) { judge(e.request, e.at, take_edge(lives[e.request], e)); },
      [&](const Left& l) {
        judge(l.record.request.index, l.record.finish,
              leave(lives[l.record.request.index], l.record, log.ways_take_time));
      },
      [](const Stepped&) {});
  return found.all();
}

Violations inv_5_times_of_a_request_are_ordered(const RunLog& log) {
  Findings found("INV-5");
  for_each_record(log, [&](const RequestRecord& r) {
    const TimePoint arrival = r.request.arrival;
    if (r.finish < arrival) found("request {} left before it came", r.request.index);
    if (r.outcome != Outcome::finished) return;
    const bool one_token = r.request.output_tokens == 1;
    if (r.scheduled < arrival || r.first_token <= r.scheduled || r.finish < r.first_token ||
        one_token != (r.finish == r.first_token)) {
      found("request {} of {} tokens: arrival {}, scheduled {}, first token {}, finish {} ns", r.request.index,
            r.request.output_tokens, ns(arrival), ns(r.scheduled), ns(r.first_token), ns(r.finish));
    }
  });
  return found.all();
}

Violations inv_12_parts_sum_to_the_total(const RunLog& log) {
  Findings found("INV-12");
  const auto check = [&](const RequestRecord& r, const char* what, const Attribution& parts, Duration total) {
    Duration sum{};
    for (const Duration part : parts) {
      sum += part;
      if (part < Duration{})
        found("request {} has a negative part of its {}: {} ns", r.request.index, what, part.count());
    }
    if (sum != total) {
      found("request {}: the parts of its {} sum to {} ns, not {}", r.request.index, what, sum.count(), total.count());
    }
  };
  for_each_record(log, [&](const RequestRecord& r) {
    if (r.outcome == Outcome::unfinished) return;  // has no total yet
    check(r, "E2E", r.e2e_parts, r.finish - r.request.arrival);
    if (r.outcome == Outcome::finished) check(r, "TTFT", r.ttft_parts, r.first_token - r.request.arrival);
  });
  return found.all();
}

// L = lambda W without the division by time: the area under the number in the system, swept
// along the clock, is the sum of the times in the system.
Violations inv_13_littles_law(const RunLog& log) {
  Findings found("INV-13");
  FineTotal area = 0;
  FineTotal stays = 0;
  std::int64_t number = 0;
  TimePoint last{};
  const auto move_to = [&](TimePoint at, int change) {
    area += static_cast<FineTotal>(number) * (at - last).count();
    number += change;
    last = at;
  };
  for_each_event(
      log, [&](const Arrived& a) { move_to(a.at, +1); },
      [&](const Left& l) {
        move_to(l.record.finish, -1);
        stays += (l.record.finish - l.record.request.arrival).count();
      },
      [](const Stepped&) {}, [](const LifecycleEvent&) {});
  if (area != stays) {
    found("the time-average number in the system x duration is {} request-seconds, times in the system sum to {}",
          static_cast<double>(area) * 1e-9, static_cast<double>(stays) * 1e-9);
  }
  return found.all();
}

}  // namespace foretoken::test
