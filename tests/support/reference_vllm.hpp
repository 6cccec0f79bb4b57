// vLLM's V1 scheduler written down literally, one request and one block at a time, as engines.md 2.2
// and 2.5 state it: slow, obvious, and independent of the simulator's code. With async_scheduling it keeps
// two steps in flight, as the engine does: it plans ahead, with tokens that are still to come.
#pragma once

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <vector>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/serving/engine_config.hpp"
#include "foretoken/workload/request.hpp"

namespace foretoken::test {

struct ReferenceTimes {
  TimePoint scheduled{}, first_token{}, finish{};
  int preemptions = 0;
  bool operator==(const ReferenceTimes&) const = default;
};

class ReferenceVllm {
 public:
  ReferenceVllm(const EngineConfig& engine, const CostModel& cost, std::vector<Request> requests)
      : engine_(engine), cost_(cost), requests_(std::move(requests)) {}

  std::map<std::int64_t, ReferenceTimes> run() {
    const std::size_t depth = engine_.async_scheduling ? 2 : 1;
    TimePoint now{};
    while (true) {
      while (next_ < requests_.size() && requests_[next_].arrival <= now) waiting_.push_back({requests_[next_++]});
      schedule();
      const bool has_work = std::any_of(running_.begin(), running_.end(), [](const Sequence& r) { return r.scheduled > 0; });
      if (has_work) launch(now);
      if (has_work && in_flight_.size() < depth) continue;
      if (!in_flight_.empty()) {
        now = in_flight_.front().end;
        update(in_flight_.front(), now);
        in_flight_.pop_front();
      } else if (running_.empty() && waiting_.empty()) {
        if (next_ == requests_.size()) return times_;
        now = std::max(now, requests_[next_].arrival);
      }  // else the call only evicted: the next one follows at once
    }
  }

 private:
  struct Sequence {
    Request request;
    std::int64_t computed = 0, emitted = 0, blocks = 0, scheduled = 0;
    std::int64_t coming = 0;  // tokens in flight
    bool started = false;
    bool decoding = false;  // all that was known is cached; only sampled tokens follow
    [[nodiscard]] std::int64_t known() const { return request.prompt_tokens + emitted + coming; }
    [[nodiscard]] bool will_end() const { return coming > 0 && emitted + coming >= request.max_tokens; }
  };
  struct Step {
    std::vector<std::int64_t> sampled;  // requests that get a token
    TimePoint end{};
  };

  static TimePoint ceil(FineTotal exact) {
    return TimePoint{Duration{static_cast<std::int64_t>((exact + FineDuration::kPerNanosecond - 1) >> 20)}};
  }

  bool allocate(Sequence& r, std::int64_t tokens) {
    const std::int64_t need = (r.computed + tokens + engine_.block_size - 1) / engine_.block_size - r.blocks;
    if (need > free()) return false;
    r.blocks += std::max<std::int64_t>(0, need);
    return true;
  }
  [[nodiscard]] std::int64_t free() const {
    std::int64_t held = 0;
    for (const Sequence& r : running_) held += r.blocks;
    return engine_.usable_blocks() - held;
  }
  [[nodiscard]] std::int64_t cap(std::int64_t tokens) const {
    return engine_.long_prefill_token_threshold > 0 ? std::min(tokens, engine_.long_prefill_token_threshold) : tokens;
  }
  [[nodiscard]] bool by_priority() const { return engine_.scheduling_policy == "priority"; }
  static bool before(const Sequence& a, const Sequence& b) {
    return std::pair(a.request.priority, a.request.index) < std::pair(b.request.priority, b.request.index);
  }

  void schedule() {
    std::int64_t budget = engine_.max_num_batched_tokens;
    bool preempted = false;
    for (Sequence& r : running_) r.scheduled = 0;
    for (auto r = running_.begin(); r != running_.end() && budget > 0;) {
      const std::int64_t tokens = r->will_end() ? 0 : std::min(cap(r->known() - r->computed), budget);
      bool evicted_itself = false;
      while (tokens > 0 && !allocate(*r, tokens)) {
        auto victim =
            by_priority() ? std::max_element(running_.begin(), running_.end(), before) : std::prev(running_.end());
        evicted_itself = victim == r;
        budget += victim->scheduled;
        Sequence out = *victim;
        running_.erase(victim);
        out.computed = out.blocks = out.scheduled = out.coming = 0;
        out.decoding = false;
        ++times_[out.request.index].preemptions;
        waiting_.push_front(out);
        preempted = true;
        if (evicted_itself) break;
      }
      if (evicted_itself) break;
      r->scheduled = tokens;
      budget -= tokens;
      ++r;
    }
    while (!preempted && !waiting_.empty() && budget > 0 &&
           static_cast<std::int64_t>(running_.size()) < engine_.max_num_seqs) {
      auto head = by_priority() ? std::min_element(waiting_.begin(), waiting_.end(), before) : waiting_.begin();
      std::int64_t tokens = cap(head->known());
      if (!engine_.enable_chunked_prefill && tokens > budget) break;
      tokens = std::min(tokens, budget);
      const auto blocks = [&](std::int64_t t) { return (t + engine_.block_size - 1) / engine_.block_size; };
      if (engine_.scheduler_reserve_full_isl && blocks(head->known()) > free()) break;
      const auto kept =
          running_.empty() ? 0
                           : static_cast<std::int64_t>(engine_.watermark * static_cast<double>(engine_.num_gpu_blocks));
      if (blocks(tokens) + kept > free()) break;
      running_.push_back(*head);
      waiting_.erase(head);
      allocate(running_.back(), tokens);
      running_.back().scheduled = tokens;
      budget -= tokens;
    }
  }

  std::int64_t price() {
    std::vector<PrefillChunk> chunks;
    DecodeShape decode;
    const std::int64_t window = cost_.sliding_window();
    for (const Sequence& r : running_) {
      if (r.scheduled == 0) continue;
      if (r.decoding) {
        ++decode.sequences;
        decode.context += r.computed;
        if (window > 0) decode.windowed_context += std::min(r.computed, window);
      } else {
        chunks.push_back({r.scheduled, r.computed, r.computed + r.scheduled == r.known()});
      }
    }
    return cost_.step({chunks, decode}).total().units;
  }

  // The step runs after those in flight.
  void launch(TimePoint now) {
    if (in_flight_.empty() && ceil(exact_) != now) exact_ = static_cast<FineTotal>(now.time_since_epoch().count()) << 20;
    const TimePoint begin = ceil(exact_);
    exact_ += price();
    Step step;
    step.end = ceil(exact_);
    for (Sequence& r : running_) {
      if (r.scheduled == 0) continue;
      if (!r.started) times_[r.request.index].scheduled = begin;
      r.started = true;
      r.computed += r.scheduled;
      if (r.computed < r.known()) continue;
      step.sampled.push_back(r.request.index);
      r.decoding = true;
      ++r.coming;
    }
    in_flight_.push_back(step);
  }

  void update(const Step& step, TimePoint now) {
    const auto emit = [&](auto& sequences, std::int64_t index) {
      const auto r = std::find_if(sequences.begin(), sequences.end(),
                                  [&](const Sequence& s) { return s.request.index == index; });
      if (r == sequences.end()) return false;
      r->coming = std::max<std::int64_t>(0, r->coming - 1);
      if (++r->emitted == 1) times_[index].first_token = now;
      if (r->emitted == r->request.output_tokens) {
        times_[index].finish = now;
        sequences.erase(r);
        return true;
      }
      return false;
    };
    for (const std::int64_t index : step.sampled) {
      emit(running_, index);
      // Evicted with its last token in flight: nothing is lost, which the simulation does not call a preemption.
      if (emit(waiting_, index)) --times_[index].preemptions;
    }
  }

  const EngineConfig& engine_;
  const CostModel& cost_;
  std::vector<Request> requests_;
  std::deque<Sequence> waiting_;
  std::list<Sequence> running_;
  std::map<std::int64_t, ReferenceTimes> times_;
  std::deque<Step> in_flight_;  // oldest first
  std::size_t next_ = 0;        // request to arrive
  FineTotal exact_ = 0;         // when the GPU is done with what is in flight, fine units
};

}  // namespace foretoken::test
