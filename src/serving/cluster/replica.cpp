// The step of several ranks: planned by every rank, priced together, ended together.
#include "serving/cluster/replica.hpp"

#include <algorithm>

#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

// vLLM asks all ranks whether any has work left every so many steps (src/serving/README.md, "Ranks").
constexpr std::int64_t kWaveCheck = 32;

// Time at the barrier is time in the exchange that waits for the slowest rank.
void wait_for(FineDuration total, StepTime& step) {
  step[TimePart::network] += total - step.total();
}

std::int64_t tokens_of(std::span<const PrefillChunk> chunks) {
  std::int64_t tokens = 0;
  for (const PrefillChunk& chunk : chunks) tokens += chunk.new_tokens;
  return tokens;
}

}  // namespace

Replica::Replica(int first_rank, const PoolConfig& pool, const SimulationOptions& options,
                 const EnginePolicyMaker& make_policy, const PromptContents& prompts, Observer& observer,
                 DepartureListener& listener, const Receiving& receiving)
    : first_rank_(first_rank),
      cost_(*pool.cost),
      balance_(find_engine(pool.engine.name).make_balance(pool.engine)),
      contexts_(pool.engine),
      has_waves_(find_engine(pool.engine.name).has_waves),
      idle_tokens_(find_engine(pool.engine.name).idle_tokens) {
  for (int i = 0; i < pool.engine.data_parallel_size; ++i) {
    ranks_.push_back(std::make_unique<EngineRank>(first_rank + i, pool, options, make_policy(pool.engine), prompts,
                                                  observer, listener, receiving));
  }
  if (ranks_.size() == 1) alone_ = ranks_.front().get();
  loads_.resize(ranks_.size());
  offers_.resize(ranks_.size());
}

ReplicaSignals Replica::signals(TimePoint now) const {
  ReplicaSignals sum;
  sum.as_of = now;
  for (const auto& rank : ranks_) {
    const ReplicaSignals one = rank->signals(now);
    sum.waiting += one.waiting;
    sum.running += one.running;
    sum.in_flight_tokens += one.in_flight_tokens;
    sum.kv_blocks_used += one.kv_blocks_used;
    sum.kv_blocks += one.kv_blocks;
    sum.free_seats += one.free_seats;
    sum.prefill_tokens += one.prefill_tokens;
  }
  return sum;
}

std::int64_t Replica::cached_tokens(const Request& request, TimePoint now) const {
  std::int64_t best = 0;
  for (const auto& rank : ranks_) best = std::max(best, rank->cached_tokens(request, now));
  return best;
}

TimePoint Replica::first_timeout() const {
  TimePoint next = kNever;
  for (const auto& rank : ranks_) next = std::min(next, rank->next_timeout());
  return next;
}

TimePoint Replica::next_group_boundary() const {
  if (stepping_) return end_;
  if (back_at_ != kNever) return back_at_;
  TimePoint next = kNever;
  for (const auto& rank : ranks_) next = std::min(next, rank->next_boundary());
  return next;
}

EngineRank& Replica::choose_rank(std::int64_t request, TimePoint now) {
  for (std::size_t i = 0; i < ranks_.size(); ++i) loads_[i] = ranks_[i]->load(now);
  return *ranks_[static_cast<std::size_t>(balance_->choose(loads_, request, now))];
}

// Dummy steps are not run one by one: a newcomer finds the one that is under way.
void Replica::end_dummies(TimePoint now) {
  if (stepping_ || dummies_ == 0) return;
  const std::int64_t done = (now - dummies_from_ + dummy_step_ - Duration{1}) / dummy_step_;
  counter_ = done >= dummies_ ? 0 : counter_ + done;  // the wave has ended, or goes on
  if (done <= dummies_ && dummies_from_ + done * dummy_step_ > now) back_at_ = dummies_from_ + done * dummy_step_;
  dummies_ = 0;
}

void Replica::end_group_step(TimePoint now) {
  if (stepping_) {
    clock_.advance(duration_);
    for (const std::size_t i : working_) ranks_[i]->end_steps(now);
    stepping_ = false;
  }
  back_at_ = kNever;
}

bool Replica::holds_contexts(TimePoint now) {
  if (!contexts_.enabled()) return false;
  for (std::size_t i = 0; i < ranks_.size(); ++i) offers_[i] = ranks_[i]->offer(now);
  return contexts_.hold(offers_);
}

void Replica::schedule_ranks(TimePoint now) {
  const bool hold = holds_contexts(now);
  const bool was_working = !working_.empty();
  working_.clear();
  bool with_prefill = false;
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    if (!ranks_[i]->plan(now, hold)) continue;
    working_.push_back(i);
    with_prefill = with_prefill || !ranks_[i]->planned_chunks().empty() || ranks_[i]->planned_loads() > FineDuration{};
  }
  if (working_.empty()) {
    if (was_working && has_waves_) start_dummies(now);
    return;
  }
  clock_.begin(now);
  price(false);
  decode_only_ = whole_;
  if (with_prefill) price(true);
  duration_ = whole_.front().total();
  for (std::size_t k = 0; k < working_.size(); ++k)
    ranks_[working_[k]]->start_in_group(now, clock_, whole_[k], decode_only_[k]);
  end_ = ranks_[working_.front()]->next_boundary();
  stepping_ = true;
  ++counter_;
}

// Fills whole_ with the step of every working rank, each as long as the longest.
void Replica::price(bool with_prefill) {
  GroupShape group;
  const auto count = [&](std::int64_t tokens) {
    group.tokens += tokens;
    group.largest = std::max(group.largest, tokens);
  };
  for (const std::size_t i : working_) {
    const EngineRank& rank = *ranks_[i];
    count(rank.planned_decodes().tokens() + (with_prefill ? tokens_of(rank.planned_chunks()) : 0));
  }
  for (std::size_t i = working_.size(); i < ranks_.size(); ++i) count(idle_tokens_);
  whole_.assign(working_.size(), {});
  FineDuration longest;
  for (std::size_t k = 0; k < working_.size(); ++k) {
    const EngineRank& rank = *ranks_[working_[k]];
    const auto chunks = with_prefill ? rank.planned_chunks() : std::span<const PrefillChunk>{};
    if (chunks.empty() && rank.planned_decodes().sequences == 0) continue;  // nothing of its own: it waits
    whole_[k] = cost_.step({chunks, rank.planned_decodes(), group, rank.planned_adapters()});
    if (with_prefill) whole_[k][TimePart::overhead] += rank.planned_loads();
    longest = std::max(longest, whole_[k].total());
  }
  for (StepTime& step : whole_) wait_for(longest, step);
}

// The group has run out of work between two checks: dummy steps of one token per rank until
// the next. They cost nobody anything but a request that comes during one.
void Replica::start_dummies(TimePoint now) {
  const auto ranks = static_cast<std::int64_t>(ranks_.size());
  dummy_step_ = std::max(Duration{1}, ceil_to_nanoseconds(cost_.step({{}, {1, 0, 0}, {ranks, 1}}).total()));
  dummies_ = (kWaveCheck - counter_ % kWaveCheck) % kWaveCheck;
  dummies_from_ = now;
  if (dummies_ == 0) counter_ = 0;
}

}  // namespace foretoken
