// vLLM's V1 scheduler written down literally, one request and one block at a time, as
// src/serving/README.md, "vLLM V1" and "Async window" state it: slow, obvious, and independent of the simulator's code.
// With async_scheduling it keeps two steps in flight, as the engine does: it plans ahead, with tokens that are still to
// come.
#pragma once

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <vector>

#include "foretoken/cost/cost_model.hpp"
#include "foretoken/serving/engine_config.hpp"
#include "foretoken/workload/request_source.hpp"

namespace foretoken::test {

struct ReferenceTimes {
  TimePoint scheduled{}, first_token{}, finish{};
  int preemptions = 0;
  std::int64_t cached = 0;
  bool operator==(const ReferenceTimes&) const = default;
};

class ReferenceVllm {
 public:
  ReferenceVllm(const EngineConfig& engine, const CostModel& cost, std::vector<Request> requests,
                const PrefixTable* prefixes = nullptr)
      : engine_(engine), cost_(cost), requests_(std::move(requests)), prefixes_(prefixes) {
    for (int block = 0; block < engine.usable_blocks(); ++block) free_.push_back(block);
    blocks_.resize(free_.size());
  }

  std::map<std::int64_t, ReferenceTimes> run() {
    const std::size_t depth = engine_.async_scheduling ? 2 : 1;
    TimePoint now{};
    while (true) {
      while (next_ < requests_.size() && requests_[next_].arrival <= now) waiting_.push_back({requests_[next_++]});
      schedule();
      const bool has_work =
          std::any_of(running_.begin(), running_.end(), [](const Sequence& r) { return r.scheduled > 0; });
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
    std::int64_t computed = 0, emitted = 0, scheduled = 0;
    std::vector<int> blocks{};
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

  // ---- blocks (src/serving/README.md, "KV blocks") ----

  using Token = std::pair<std::int64_t, std::int64_t>;
  using Content = int;  // of a block and all before it, numbered as they are first seen
  static constexpr Content kNothing = -1;
  struct Block {
    int holders = 0;
    Content content = kNothing;  // not full
  };
  // Token p of a request: equal pairs are equal tokens.
  [[nodiscard]] Token token(const Request& r, std::int64_t p) const {
    if (r.prefix_row >= 0 && p < r.prompt_tokens) {
      const auto ids = prefixes_->hash_ids(r.prefix_row);
      const std::int64_t size = prefixes_->block_tokens(r.prefix_row);
      if (p / size < static_cast<std::int64_t>(ids.size())) return {ids[static_cast<std::size_t>(p / size)], p % size};
    }
    return {-1 - r.index, p};
  }
  Content content(const Request& r, std::size_t block) {
    std::vector<Content>& chain = chains_[r.index];
    while (chain.size() <= block) {
      std::pair<Content, std::vector<Token>> next{chain.empty() ? kNothing : chain.back(), {}};
      const std::int64_t first = static_cast<std::int64_t>(chain.size()) * engine_.block_size;
      for (std::int64_t p = first; p < first + engine_.block_size; ++p) next.second.push_back(token(r, p));
      chain.push_back(contents_.try_emplace(next, static_cast<Content>(contents_.size())).first->second);
    }
    return chain[block];
  }
  // The longest run of cached blocks from the start, short of the last token.
  [[nodiscard]] std::vector<int> lookup(const Sequence& r) {
    std::vector<int> found;
    if (!engine_.enable_prefix_caching) return found;
    while (static_cast<std::int64_t>(found.size()) < (r.known() - 1) / engine_.block_size) {
      const auto place = table_.find(content(r.request, found.size()));
      if (place == table_.end()) break;
      found.push_back(place->second.front());
    }
    return found;
  }
  [[nodiscard]] std::int64_t in_free_queue(const std::vector<int>& blocks) const {
    return std::count_if(blocks.begin(), blocks.end(),
                         [&](int b) { return blocks_[static_cast<std::size_t>(b)].holders == 0; });
  }
  void touch(Sequence& r, const std::vector<int>& found) {
    for (const int b : found) {
      if (blocks_[static_cast<std::size_t>(b)].holders++ == 0) free_.erase(std::find(free_.begin(), free_.end(), b));
    }
    r.blocks = found;
    r.computed = static_cast<std::int64_t>(found.size()) * engine_.block_size;
  }
  bool allocate(Sequence& r, std::int64_t tokens) {
    const std::int64_t wanted = (r.computed + tokens + engine_.block_size - 1) / engine_.block_size;
    if (wanted - static_cast<std::int64_t>(r.blocks.size()) > free()) return false;
    while (static_cast<std::int64_t>(r.blocks.size()) < wanted) {
      const int b = free_.front();
      free_.pop_front();
      Block& block = blocks_[static_cast<std::size_t>(b)];
      if (block.content != kNothing) {
        auto same = table_.find(block.content);
        std::erase(same->second, b);
        if (same->second.empty()) table_.erase(same);
      }
      block = {1, kNothing};
      r.blocks.push_back(b);
    }
    cache(r, std::min(r.computed + tokens, r.request.prompt_tokens + r.emitted));
    return true;
  }
  // The full blocks of its first `tokens` tokens can be found.
  void cache(const Sequence& r, std::int64_t tokens) {
    for (std::int64_t i = 0; engine_.enable_prefix_caching && (i + 1) * engine_.block_size <= tokens; ++i) {
      const int b = r.blocks[static_cast<std::size_t>(i)];
      Block& block = blocks_[static_cast<std::size_t>(b)];
      if (block.content != kNothing) continue;
      block.content = content(r.request, static_cast<std::size_t>(i));
      table_[block.content].push_back(b);
    }
  }
  // From 0.24 on a block that is not full goes to the head of the queue.
  void release(Sequence& r) {
    const bool to_head = version_at_least(engine_.version, "0.24");
    for (auto b = r.blocks.rbegin(); b != r.blocks.rend(); ++b) {
      const Block& block = blocks_[static_cast<std::size_t>(*b)];
      if (--blocks_[static_cast<std::size_t>(*b)].holders > 0) continue;
      if (to_head && block.content == kNothing)
        free_.push_front(*b);
      else
        free_.push_back(*b);
    }
    r.blocks.clear();
  }
  [[nodiscard]] std::int64_t free() const { return static_cast<std::int64_t>(free_.size()); }
  [[nodiscard]] std::int64_t cap(std::int64_t tokens) const {
    if (engine_.enable_chunked_prefill) tokens = std::min(tokens, engine_.max_num_batched_tokens);
    return engine_.long_prefill_token_threshold > 0 ? std::min(tokens, engine_.long_prefill_token_threshold) : tokens;
  }
  [[nodiscard]] bool by_priority() const { return engine_.scheduling_policy == "priority"; }
  static bool before(const Sequence& a, const Sequence& b) {
    return std::pair(a.request.priority, a.request.index) < std::pair(b.request.priority, b.request.index);
  }

  void schedule() {
    std::int64_t budget = engine_.max_num_batched_tokens * engine_.micro_batches;
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
        release(out);
        out.computed = out.scheduled = out.coming = 0;
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
      const std::vector<int> found = lookup(*head);
      const std::int64_t hit = static_cast<std::int64_t>(found.size()) * engine_.block_size;
      std::int64_t tokens = cap(head->known() - hit);
      if (!engine_.enable_chunked_prefill && tokens > budget) break;
      tokens = std::min(tokens, budget);
      const auto blocks = [&](std::int64_t t) {
        return (t + engine_.block_size - 1) / engine_.block_size - static_cast<std::int64_t>(found.size()) +
               in_free_queue(found);
      };
      const auto kept =
          running_.empty() ? 0
                           : static_cast<std::int64_t>(engine_.watermark * static_cast<double>(engine_.num_gpu_blocks));
      const std::int64_t gate = engine_.scheduler_reserve_full_isl ? head->known() : hit + tokens;
      if (blocks(gate) + kept > free()) break;
      if (!head->started) times_[head->request.index].cached = hit;
      running_.push_back(*head);
      waiting_.erase(head);
      touch(running_.back(), found);
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
    if (in_flight_.empty() && ceil(exact_) != now)
      exact_ = static_cast<FineTotal>(now.time_since_epoch().count()) << 20;
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
      const auto r =
          std::find_if(sequences.begin(), sequences.end(), [&](const Sequence& s) { return s.request.index == index; });
      if (r == sequences.end()) return false;
      r->coming = std::max<std::int64_t>(0, r->coming - 1);
      if (++r->emitted == 1) times_[index].first_token = now;
      if (!r->blocks.empty()) cache(*r, r->computed - r->coming);
      if (r->emitted == r->request.output_tokens) {
        times_[index].finish = now;
        release(*r);
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
  const PrefixTable* prefixes_;
  std::vector<Block> blocks_;
  std::deque<int> free_;
  std::map<std::int64_t, std::vector<Content>> chains_;                 // by request
  std::map<std::pair<Content, std::vector<Token>>, Content> contents_;  // by the content before and the block's tokens
  std::map<Content, std::vector<int>> table_;                           // blocks of equal content, the oldest first
  std::deque<Sequence> waiting_;
  std::list<Sequence> running_;
  std::map<std::int64_t, ReferenceTimes> times_;
  std::deque<Step> in_flight_;  // oldest first
  std::size_t next_ = 0;        // request to arrive
  FineTotal exact_ = 0;         // when the GPU is done with what is in flight, fine units
};

}  // namespace foretoken::test
