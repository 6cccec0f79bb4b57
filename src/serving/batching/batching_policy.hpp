// What an engine runs next: the seat of all batching policies.
#pragma once

#include <memory>
#include <vector>

#include "serving/state/scheduler_state.hpp"

namespace foretoken {

// Why the head of the queue was not admitted.
// shared_block: a context computes what it can reuse.
// adapter: its LoRA adapter has no slot, nor have those of all behind it.
enum class Blocked { nothing, seats, token_budget, kv_blocks, waiting_for_batch, shared_block, adapter };

struct StepPlan {
  struct Chunk {
    RequestId id;
    std::int64_t tokens;
  };
  std::vector<Chunk> chunks;       // blocks are taken
  std::vector<RequestId> skipped;  // decoding requests that sit this step out; all others take part
  std::vector<Chunk> rows;         // speculation: tokens that each decoding row verifies; left empty: all that it would
  bool hold_decodes = false;       // a step of prefill only: every decoding request sits it out (never with `skipped`)
  std::int64_t padding_rows = 0;   // rows beyond the decoding requests
  std::int64_t spare_blocks = 0;   // to be repeated, the plan needs so many blocks free after each step
  bool once = false;               // the next call may answer differently although nothing changed
  TimePoint wake = kNever;         // an empty plan: when to look again without an arrival
  Blocked blocked = Blocked::nothing;

  void clear() {
    chunks.clear();
    skipped.clear();
    rows.clear();
    hold_decodes = false;
    padding_rows = 0;
    spare_blocks = 0;
    once = false;
    wake = kNever;
    blocked = Blocked::nothing;
  }
};

// Everything a policy may change goes through these.
struct ScheduleCall {
  SchedulerState& state;
  TimePoint now;
  TimePoint known_until;  // requests that arrived later are not in the queue yet
  const KvWaitClock& kv_wait;
  const DecodeTotals& totals;
  bool hold_contexts = false;  // generations only, while there are any: the ranks of the group start contexts together

  RequestId admit(const PrefixMatch& match = {}) const { return state.admit(now, kv_wait, match); }
  void load_head(const PrefixMatch& match) const { state.load_head(known_until, now, kv_wait, match); }
  void preempt(RequestId id, Requeue where = Requeue::first, Keep keep = Keep::computed) const {
    state.preempt(id, now, totals, where, keep);
  }
};

// Contract (tests/contract): schedule() is a function of the state alone; it never reads
// output_tokens (INV-9); a plan of decodes only is repeated unchanged in the next steps
// until a request finishes, blocks run out, or an arrival for which may_change_plan() is true
// (unless it says `once`); with nobody waiting, seats and blocks that come free change no such plan.
// Under async_scheduling a call sees requests that have `finished`: they hold their seat and blocks, and
// those that decode have a row. To preempt one is to let it go.
class BatchingPolicy {
 public:
  virtual ~BatchingPolicy() = default;
  // `plan` arrives cleared. Empty on return = the engine idles.
  virtual void schedule(const ScheduleCall& call, StepPlan& plan) = 0;
  // The head of the queue has just changed while a step runs.
  [[nodiscard]] virtual bool may_change_plan(const SchedulerState& state) const = 0;
  // Whether a call with nothing to run and nobody waiting makes later calls differ. Of policies without such a memory
  // one with nobody waiting and no prompt left plans all decodes, when they are within the budget and have their
  // blocks.
  [[nodiscard]] virtual bool remembers_idle_calls() const { return true; }
  // Whether a call now would run prefill, were it not told to hold it. Only asked where ranks start contexts together.
  [[nodiscard]] virtual bool has_contexts(SchedulerState& /*state*/) { return false; }
  // False: this engine would refuse the request, or never get to it.
  [[nodiscard]] virtual bool can_serve(const SchedulerState& state, const Request& request) const = 0;
};

// One per folder of src/serving/engines.
[[nodiscard]] std::unique_ptr<BatchingPolicy> make_static_batching();
[[nodiscard]] std::unique_ptr<BatchingPolicy> make_orca();
[[nodiscard]] std::unique_ptr<BatchingPolicy> make_vllm_v1();
[[nodiscard]] std::unique_ptr<BatchingPolicy> make_vllm_v0();
[[nodiscard]] std::unique_ptr<BatchingPolicy> make_sglang();
[[nodiscard]] std::unique_ptr<BatchingPolicy> make_tensorrt_llm();

}  // namespace foretoken
