// The checks on steps: the clock, blocks, tokens, idleness, the roofline; and those that
// compare two runs.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "serving/engines/engine_profile.hpp"
#include "support/invariant_tools.hpp"

namespace foretoken::test {
namespace {

// What a policy may hold back on an idle engine: static batching waits max_wait for a full batch,
// of each rank; a vLLM group finishes its dummy step.
struct HoldRule {
  std::int64_t full = 1;
  Duration max_wait{};
};
HoldRule hold_rule(const RunLog& log) {
  const EngineConfig& engine = log.engine;
  if (engine.name == "vllm-v1" && engine.data_parallel_size > 1) {
    Duration dummy{};
    for (const Priced& p : log.priced) dummy = p.dummy ? std::max(dummy, ceil_to_nanoseconds(p.time)) : dummy;
    return {std::numeric_limits<std::int64_t>::max(), dummy};
  }
  if (engine.name != "static") return {};
  const std::int64_t reserved = blocks_for(engine.max_model_len, engine.block_size);
  const std::int64_t full = std::min(engine.max_num_seqs, engine.usable_blocks() / reserved);
  return {engine.data_parallel_size * (full - 1) + 1, engine.max_wait};
}

enum class Kind { leaves, idle, arrives, busy };  // in this order at one instant
struct Point {
  TimePoint at{};
  Kind kind = Kind::idle;
  std::int64_t request = 0;
  TimePoint arrival{};
  bool operator<(const Point& o) const { return std::tie(at, kind, request) < std::tie(o.at, o.kind, o.request); }
};

// Arrivals, departures, and where steps begin and end, by replica: a rank without work waits for
// the others of its group. Of an interrupted run only
// what lies before the last reported step: the one in flight is not reported.
std::map<int, std::vector<Point>> timelines(const RunLog& log) {
  std::map<int, std::vector<Point>> lines;
  std::map<int, TimePoint> last;
  std::map<std::int64_t, TimePoint> reached;  // where ways take time
  const auto replica_of = [&](int rank) { return rank / log.engine.data_parallel_size; };
  for_each_event(
      log, [](const Arrived&) {},
      [&](const LifecycleEvent& e) {
        if (log.ways_take_time && e.edge == LifecycleEdge::queued) reached[e.request] = e.at;
      },
      [&](const Stepped& s) {
        std::vector<Point>& line = lines[replica_of(s.replica)];
        line.push_back({s.begin, Kind::busy, 0, {}});
        line.push_back({s.end, Kind::idle, 0, {}});
        last[replica_of(s.replica)] = s.end;
      },
      [&](const Left& l) {
        const RequestRecord& r = l.record;
        const auto queued = reached.find(r.request.index);
        if (r.outcome == Outcome::rejected || (log.ways_take_time && queued == reached.end())) return;
        std::vector<Point>& line = lines[replica_of(r.replica)];
        const TimePoint here = log.ways_take_time ? queued->second : r.request.arrival;
        line.push_back({here, Kind::arrives, r.request.index, r.request.arrival});
        line.push_back({r.finish, Kind::leaves, r.request.index, r.request.arrival});
      });
  for (auto& [replica, points] : lines) {
    if (log.outcome.unfinished > 0) std::erase_if(points, [&](const Point& p) { return p.at > last[replica]; });
    std::sort(points.begin(), points.end());
  }
  return lines;
}

// What a run decided until `until`, as text: plans of the steps that begin by then, and all
// other events.
std::vector<std::string> decisions(const RunLog& log, TimePoint until) {
  std::vector<std::string> lines;
  for_each_event(
      log,
      [&](const Stepped& s) {
        if (s.begin > until) return;
        lines.push_back(fmt::format(
            "{:020} step of {}: to {}, {} prefill tokens, {} of them last, {} decodes, {} blocks, {} running",
            ns(s.begin), s.replica, ns(s.end), s.prefill_tokens, s.sampling_chunks, s.decode_rows, s.kv_blocks_used,
            s.running));
      },
      [&](const LifecycleEvent& e) {
        if (e.at > until) return;
        lines.push_back(fmt::format("{:020} request {} on {}: edge {}, {} cached, {} emitted", ns(e.at), e.request,
                                    e.replica, static_cast<int>(e.edge), e.cached, e.emitted));
      },
      [&](const Left& l) {
        const RequestRecord& r = l.record;
        if (r.finish > until) return;
        lines.push_back(fmt::format("{:020} request {} left {}: outcome {}", ns(r.finish), r.request.index, r.replica,
                                    static_cast<int>(r.outcome)));
      },
      [](const Arrived&) {});
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace

Violations inv_3_clock_is_monotone(const RunLog& log) {
  Findings found("INV-3");
  TimePoint last{};
  std::map<int, TimePoint> ends;
  for (const LogEvent& event : log.events) {
    const TimePoint at = time_of(event);
    if (at < last) found("an event at {} ns comes after one at {} ns", ns(at), ns(last));
    last = std::max(last, at);
    const Stepped* s = std::get_if<Stepped>(&event);
    if (s == nullptr) continue;
    if (s->steps < 1 || (s->end - s->begin).count() < s->steps) {
      found("{} steps from {} to {} ns", s->steps, ns(s->begin), ns(s->end));
    }
    if (s->begin < ends[s->replica]) {
      found("replica {} begins at {} ns before it ended at {} ns", s->replica, ns(s->begin), ns(ends[s->replica]));
    }
    ends[s->replica] = s->end;
  }
  if (log.outcome.end < last) found("the run ends at {} ns, before its last event", ns(log.outcome.end));
  return found.all();
}

// Blocks are counted by the engine request by request; here they are bounded from the tokens
// in the cache: sum of ceil(tokens / size) lies between ceil(sum / size) and
// (sum + requests (size - 1)) / size. Engines that reserve hold max_model_len per request; those
// that take a prompt's blocks on admission may hold more than is in the cache yet. Blocks found by
// a prefix lookup may have other holders, some of which computed them: they add nothing for sure, but
// what one request has found is there.
Violations inv_4_kv_blocks_are_conserved(const RunLog& log) {
  Findings found("INV-4");
  const std::int64_t size = log.engine.block_size;
  const bool grows = find_engine(log.engine.name).blocks == BlockPolicy::grow;
  std::map<int, std::int64_t> cached;
  std::map<int, std::map<std::int64_t, std::int64_t>> hits;  // by replica and request in flight
  std::map<int, std::int64_t> pinned;                        // requests handed over that still hold blocks
  std::set<std::int64_t> carried;                            // requests whose cache came along
  // Tokens for which blocks are taken, by replica and request. Of one that will not come the replica hears at its next
  // call.
  std::map<int, std::map<std::int64_t, std::int64_t>> coming, gone;
  std::map<int, FineTotal> block_time;
  for_each_event(
      log, [](const Arrived&) {},
      [&](const LifecycleEvent& e) {
        if (e.edge == LifecycleEdge::preempted) cached[e.replica] -= e.cached;
        if (e.edge == LifecycleEdge::preempted) hits[e.replica].erase(e.request);
        // Handed over, its cache stays until it is where it goes on; what comes along need not be of whole blocks.
        if (e.edge == LifecycleEdge::handed_over) ++pinned[e.replica];
        if (e.edge == LifecycleEdge::released) hits[e.replica].erase(e.request);
        if (e.edge == LifecycleEdge::released) cached[e.replica] -= e.cached;
        if (e.edge == LifecycleEdge::released) --pinned[e.replica];
        if (e.edge == LifecycleEdge::loading) coming[e.replica][e.request] = e.cached;
        if (e.edge == LifecycleEdge::loading || e.edge == LifecycleEdge::reached) carried.insert(e.request);
        if (e.edge != LifecycleEdge::admitted && e.edge != LifecycleEdge::resumed) return;
        cached[e.replica] += e.cached;
        coming[e.replica].erase(e.request);
        if (e.cached > 0) hits[e.replica][e.request] = e.cached;
        // LMCache leaves a token of a whole prompt, and who was swapped out comes back with what it had.
        const bool outside = log.engine.kv_offload.on() || log.engine.kv_offload.swaps() || log.finds_prompts;
        if (carried.erase(e.request) == 0 && e.cached % size != 0 && !outside)
          found("request {} finds {} tokens in blocks of {}", e.request, e.cached, size);
      },
      [&](const Left& l) {
        const Request& r = l.record.request;
        hits[l.record.replica].erase(r.index);
        for (auto& [replica, requests] : coming) {
          if (const auto at = requests.find(r.index); at != requests.end()) gone[replica].insert(requests.extract(at));
        }
        if (l.record.outcome == Outcome::finished) cached[l.record.replica] -= r.prompt_tokens + r.output_tokens - 1;
      },
      [&](const Stepped& s) {
        std::int64_t& tokens = cached[s.replica];
        const std::int64_t in_step = tokens + s.prefill_tokens + s.decode_rows;
        std::int64_t holders = s.running + pinned[s.replica];
        std::int64_t to_come = 0;
        for (const auto& requests : {coming[s.replica], std::exchange(gone[s.replica], {})}) {
          holders += static_cast<std::int64_t>(requests.size());
          for (const auto& [request, to_fill] : requests) to_come += to_fill;
        }
        const std::int64_t reserved = holders * blocks_for(log.engine.max_model_len, size);
        std::int64_t all_hits = 0, most_hits = 0;
        for (const auto& [request, tokens_found] : hits[s.replica]) {
          all_hits += tokens_found;
          most_hits = std::max(most_hits, tokens_found);
        }
        // Of several groups of layers every one may hold as much as one, those with a window less.
        const KvLayout& layout = log.engine.kv_layout;
        const std::int64_t least =
            grows ? layout.full * std::max(blocks_for(in_step - all_hits, size), most_hits / size) : reserved;
        const bool ahead = log.engine.name == "vllm-v0" || log.engine.name == "tensorrt-llm";
        // Blocks for drafts and the drafter's tokens are taken with those of a step, and kept when drafts are rejected.
        const SpeculationConfig& spec = log.engine.speculation;
        const std::int64_t beyond = spec.on() ? holders * (spec.tokens + spec.lookahead) : 0;
        const std::int64_t in_group = (in_step + beyond + to_come + holders * (size - 1)) / size;
        const std::int64_t most = grows && !ahead ? layout.groups() * in_group + layout.states * holders : reserved;
        if (s.kv_blocks_used < least || s.kv_blocks_used > std::min(most, log.engine.usable_blocks())) {
          found("at {} ns replica {} uses {} blocks of {} for {} tokens of {} requests ({} to {} are right)",
                ns(s.begin), s.replica, s.kv_blocks_used, log.engine.usable_blocks(), in_step, s.running, least, most);
        }
        tokens += s.prefill_tokens + s.decode_rows * s.steps + s.accepted;
        block_time[s.replica] += static_cast<FineTotal>(s.kv_blocks_used) * s.time.units;
      });
  for (std::size_t i = 0; i < log.outcome.replicas.size(); ++i) {
    const ReplicaTotals& totals = log.outcome.replicas[i];
    if (log.outcome.unfinished == 0 && totals.kv_blocks_at_end != 0) {
      found("replica {} still uses {} blocks after the last finish", i, totals.kv_blocks_at_end);
    }
    if (totals.peak_kv_blocks > log.engine.usable_blocks()) found("replica {} peaks above its blocks", i);
    const FineTotal between = totals.kv_block_time - block_time[static_cast<int>(i)];  // what is sent or loaded
    const bool none = log.outcome.transfers.requests == 0 && !log.engine.kv_offload.on();
    if (log.every_step && (between < 0 || (none && between > 0)))
      found("replica {}: the blocks of its steps x time are not its total", i);
  }
  return found.all();
}

Violations inv_7_never_idle_with_runnable_work(const RunLog& log) {
  Findings found("INV-7");
  // What is loaded beside the steps, or fetched for who is queued, may be all there is to do.
  const KvOffloadConfig& kv = log.engine.kv_offload;
  if (kv.backend == KvOffload::native || (kv.on() && kv.tiers.size() > 1)) return found.all();
  const HoldRule rule = hold_rule(log);
  for (const auto& [replica, points] : timelines(log)) {
    std::set<std::pair<TimePoint, std::int64_t>> present;  // by arrival
    int busy = 0;
    TimePoint since{};
    for (const Point& p : points) {
      const bool held = static_cast<std::int64_t>(present.size()) < rule.full && !present.empty() &&
                        p.at <= present.begin()->first + rule.max_wait;
      if (busy == 0 && p.at > since && !present.empty() && !held) {
        found("replica {} idles from {} to {} ns with {} requests present", replica, ns(since), ns(p.at),
              present.size());
      }
      since = p.at;
      if (p.kind == Kind::arrives) present.insert({p.arrival, p.request});
      if (p.kind == Kind::leaves) present.erase({p.arrival, p.request});
      if (p.kind == Kind::busy) ++busy;
      if (p.kind == Kind::idle) --busy;
    }
  }
  return found.all();
}

// Emitted: one token a decode row and step, one a prompt's last chunk. Cached: every token
// computed or found by a prefix lookup is in the cache of a request that finished (all but its last token), was lost in
// a preemption (and computed again: recompute), or lies with a request that is still there.
Violations inv_8_tokens_are_conserved(const RunLog& log) {
  Findings found("INV-8");
  std::int64_t emitted = 0, owned = 0, prefilled = 0, decoded = 0, kept = 0, lost = 0, prompts = 0;
  std::int64_t found_first = 0, found_again = 0;
  std::map<std::int64_t, std::int64_t> found_by;     // on first admission
  std::map<std::int64_t, std::int64_t> taken_along;  // tokens out before a hand-over
  for_each_event(
      log, [](const Arrived&) {},
      [&](const Stepped& s) {
        emitted += s.decode_rows * s.steps + s.accepted + s.sampling_chunks;
        prefilled += s.prefill_tokens;
        decoded += s.decode_rows * s.steps + s.accepted;
        if (s.accepted > s.drafts) found("a step puts out {} of {} drafts", s.accepted, s.drafts);
        if (s.drafts > s.decode_rows * log.engine.speculation.tokens && !log.engine.async_scheduling)
          found("{} rows verify {} drafts", s.decode_rows, s.drafts);
      },
      [&](const LifecycleEvent& e) {
        if (e.edge == LifecycleEdge::preempted) lost += e.cached;
        if (e.edge == LifecycleEdge::handed_over) lost += e.cached;  // it finds it again where it goes on
        if (e.edge == LifecycleEdge::handed_over) taken_along[e.request] = e.emitted;
        if (e.edge == LifecycleEdge::resumed) found_again += e.cached;
        if (e.edge == LifecycleEdge::admitted) found_first += found_by[e.request] = e.cached;
        if (e.edge != LifecycleEdge::abandoned) return;
        owned += e.emitted;
        kept += e.cached;
      },
      [&](const Left& l) {
        const Request& r = l.record.request;
        const bool lost_on_the_way = taken_along.contains(r.index) && l.record.outcome != Outcome::finished;
        if (lost_on_the_way) owned += std::max<std::int64_t>(taken_along[r.index], log.on_arrival ? 1 : 0);
        if (l.record.outcome != Outcome::finished) return;
        owned += r.output_tokens;
        prompts += r.prompt_tokens - l.record.cached_tokens;
        if (l.record.cached_tokens >= r.prompt_tokens) found("request {} computes nothing of its prompt", r.index);
        if (l.record.cached_tokens != found_by[r.index]) {
          found("request {} found {} tokens, its record has {}", r.index, found_by[r.index], l.record.cached_tokens);
        }
        kept += r.prompt_tokens + r.output_tokens - 1;
      });
  if (emitted != owned) found("steps emitted {} tokens, requests got {}", emitted, owned);
  if (prefilled + found_again < prompts) {
    found("{} prefill tokens and {} found again for prompts of {}", prefilled, found_again, prompts);
  }
  if (prefilled + decoded + found_first + found_again != kept + lost) {
    found("{} prefill and {} decode tokens computed, {} and {} found, {} kept and {} lost in preemptions", prefilled,
          decoded, found_first, found_again, kept, lost);
  }
  std::int64_t total_prefill = 0, total_decode = 0, total_hits = 0;
  for (const ReplicaTotals& t : log.outcome.replicas) {
    total_prefill += t.prefill_tokens;
    total_decode += t.decode_tokens;
    total_hits += t.prefix_cache_hits;
    if (t.prefix_cache_hits > t.prefix_cache_queries) found("more tokens found than looked up");
  }
  if (total_hits != found_first && log.outcome.unfinished == 0) {
    found("totals of {} tokens found against {} on admission", total_hits, found_first);
  }
  if (total_prefill != prefilled || total_decode != decoded) {
    found("totals of {} prefill and {} decode tokens against {} and {} in steps", total_prefill, total_decode,
          prefilled, decoded);
  }
  return found.all();
}

Violations inv_10_no_step_beats_the_datasheet(const RunLog& log) {
  Findings found("INV-10");
  // Operators are rounded to the nearest 2^-20 ns each, and there are fewer than 64 in a step.
  constexpr FineDuration kRounding{64};
  for (const Priced& p : log.priced) {
    if (p.time + kRounding < fine_from_seconds(p.floor_seconds)) {
      found("a step of {} s is faster than its datasheet roofline, {} s", to_seconds(p.time), p.floor_seconds);
    }
  }
  std::vector<std::int64_t> run;
  for (const LogEvent& event : log.events) {
    const Stepped* s = std::get_if<Stepped>(&event);
    if (s == nullptr) continue;
    if (s->end - s->begin + Duration{1} < ceil_to_nanoseconds(s->time)) {
      found("a step priced at {} s took {} ns", to_seconds(s->time), (s->end - s->begin).count());
    }
    run.push_back(s->time.units);
  }
  // Steps in flight at an interruption were priced but not run; those that wait for KV copies or adapters are longer
  // than priced.
  const bool copies = log.engine.kv_offload.on() || log.engine.kv_offload.swaps() || log.engine.lora.on();
  if (copies || !log.every_step || log.outcome.unfinished > 0 || log.outcome.interrupted) return found.all();
  std::vector<std::int64_t> priced;
  for (const Priced& p : log.priced) priced.push_back(p.time.units);
  std::sort(run.begin(), run.end());
  std::sort(priced.begin(), priced.end());
  // A step of drafts with prompts is priced without these too.
  if (log.engine.data_parallel_size > 1 ||
      log.engine.speculation.on()) {  // the slowest rank's price is every rank's step; others were priced too
    if (!std::includes(priced.begin(), std::unique(priced.begin(), priced.end()), run.begin(),
                       std::unique(run.begin(), run.end()))) {
      found("a step of a group took a time that no rank was priced at");
    }
    return found.all();
  }
  if (run != priced) found("the steps that ran are not those that were priced");
  return found.all();
}

Violations inv_6_same_seed_same_bytes(std::string_view first, std::string_view second) {
  Findings found("INV-6");
  if (first != second) {
    const auto at = std::mismatch(first.begin(), first.end(), second.begin(), second.end()).first - first.begin();
    found("two runs of one seed differ from byte {} on", at);
  }
  return found.all();
}

Violations inv_9_no_oracle(const RunLog& one, const RunLog& other, TimePoint until) {
  Findings found("INV-9");
  const auto a = decisions(one, until);
  const auto b = decisions(other, until);
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x != a.end() || y != b.end()) {
    found("output lengths that nobody has seen at {} ns change a decision: \"{}\" or \"{}\"", ns(until),
          x == a.end() ? "nothing" : *x, y == b.end() ? "nothing" : *y);
  }
  return found.all();
}

std::string text_of(const RunLog& log) {
  std::string text;
  for (const std::string& line : decisions(log, TimePoint::max())) text += line + '\n';
  for_each_record(log, [&](const RequestRecord& r) {
    for (const Duration d : r.e2e_parts) text += fmt::format("{} ", d.count());
  });
  return text;
}

Violations violations_of(const RunLog& log) {
  Violations all;
  for (const auto check : {inv_1_requests_are_conserved, inv_2_only_allowed_lifecycle_edges, inv_3_clock_is_monotone,
                           inv_4_kv_blocks_are_conserved, inv_5_times_of_a_request_are_ordered,
                           inv_7_never_idle_with_runnable_work, inv_8_tokens_are_conserved,
                           inv_10_no_step_beats_the_datasheet, inv_12_parts_sum_to_the_total, inv_13_littles_law}) {
    const Violations found = check(log);
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

}  // namespace foretoken::test
