// Closed forms of the cost model: static batches, ridge points by operator, what a token budget costs.
#include "study/batch/static.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

namespace foretoken {
namespace {

constexpr std::int64_t kLargestSearched = 1 << 16;
// More prompts than this in one step change nothing in its time per token.
constexpr std::int64_t kMostChunks = 4096;

struct Cost {
  double seconds = 0;
  double flops = 0;
  double bytes = 0;
  void add(const StepBreakdown& step, double times) {
    seconds += step.seconds * times;
    for (const OperatorCost& op : step.operators) {
      flops += op.flops * times;
      bytes += op.bytes * times;
    }
  }
};

StepBreakdown prefill_step(const CostModel& cost, std::int64_t prompts, std::int64_t prompt) {
  const std::vector<PrefillChunk> chunks(static_cast<std::size_t>(prompts), PrefillChunk{prompt, 0, true});
  return cost.breakdown({chunks, {}});
}

// `size` prompts, as many whole ones in a step as the budget holds; one that exceeds it goes in chunks. Engines
// also split a prompt to fill the rest of a step, which is left out.
Cost prefill_all(const Scenario& s, const CostModel& cost, std::int64_t size, std::int64_t prompt) {
  Cost all;
  const std::int64_t budget = std::max<std::int64_t>(1, s.engine.max_num_batched_tokens);
  if (prompt > budget && s.engine.enable_chunked_prefill) {
    for (std::int64_t done = 0; done < prompt; done += budget) {
      const std::int64_t tokens = std::min(budget, prompt - done);
      const PrefillChunk chunk{tokens, done, done + tokens == prompt};
      all.add(cost.breakdown({std::span(&chunk, 1), {}}), static_cast<double>(size));
    }
    return all;
  }
  const std::int64_t together = std::clamp<std::int64_t>(budget / prompt, 1, std::min(size, kMostChunks));
  if (size / together > 0) all.add(prefill_step(cost, together, prompt), static_cast<double>(size / together));
  if (size % together > 0) all.add(prefill_step(cost, size % together, prompt), 1);
  return all;
}

struct BoundTimes {
  double seconds[kTimeParts] = {};
  double all = 0;
};
BoundTimes bound_times(const StepBreakdown& step) {
  BoundTimes times;
  for (const OperatorCost& op : step.operators) times.seconds[static_cast<std::size_t>(op.bound)] += op.seconds;
  for (double t : times.seconds) times.all += t;
  return times;
}

// The datasheet's time of an operator is the larger of FLOPs over the peak of its number format and bytes over the
// bandwidth.
bool compute_bound_by_datasheet(const OperatorCost& op, double bandwidth) {
  constexpr double kRounding = 1e-9;
  return op.flops > 0 && op.datasheet_seconds > op.bytes / bandwidth * (1 + kRounding);
}

// The smallest batch from which on `holds`, taken to stay true once it is; padding to captured graph sizes can make a
// ripple below a few sequences.
template <class Holds>
std::optional<std::int64_t> first_batch(const std::map<std::int64_t, StepBreakdown>& priced,
                                        const std::function<const StepBreakdown&(std::int64_t)>& at,
                                        const Holds& holds) {
  std::int64_t low = 0, high = 0;
  for (const auto& [batch, step] : priced) {
    if (holds(step)) {
      if (high == 0) high = batch;
    } else {
      low = batch, high = 0;
    }
  }
  if (high == 0) return std::nullopt;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (holds(at(middle)) ? high : low) = middle;
  }
  return high;
}

const OperatorCost* find(const StepBreakdown& step, const std::string& name) {
  for (const OperatorCost& op : step.operators) {
    if (op.name == name) return &op;
  }
  return nullptr;
}

double intensity(const OperatorCost* op) {
  return op != nullptr && op->bytes > 0 ? op->flops / op->bytes : 0;
}

}  // namespace

DecodeShape decode_batch(std::int64_t sequences, std::int64_t context, std::int64_t window) {
  return {sequences, context * sequences, window > 0 ? std::min(context, window) * sequences : 0};
}

StaticBatch static_batch(const Scenario& s, const CostModel& cost, std::int64_t size, const MeanRequest& request) {
  StaticBatch batch;
  const Cost prefill = prefill_all(s, cost, size, request.prompt);
  const StepBreakdown step = cost.breakdown({{}, decode_batch(size, request.mean_context(), cost.sliding_window())});
  const auto gaps = static_cast<double>(request.output - 1);
  batch.ttft_ms = prefill.seconds * 1e3;
  const double per = s.tpot == TpotConvention::vllm ? gaps : static_cast<double>(request.output);
  batch.tpot_ms = request.output > 1 ? step.seconds * 1e3 * gaps / per : std::nan("");
  batch.e2el_ms = batch.ttft_ms + step.seconds * 1e3 * gaps;
  Cost all = prefill;
  all.add(step, gaps);
  const auto ranks = static_cast<double>(s.cluster.replicas) * s.engine.data_parallel_size;
  batch.tps = ranks * static_cast<double>(size * request.output) / all.seconds;
  const DeviceFigures device = device_figures(s);
  if (device.peak_flops > 0) batch.mfu = all.flops / (all.seconds * device.peak_flops);
  if (device.memory_bandwidth > 0) batch.mbu = all.bytes / (all.seconds * device.memory_bandwidth);
  batch.decode_step_ms = step.seconds * 1e3;
  Cost decode;
  decode.add(step, 1);
  batch.decode_intensity = decode.bytes > 0 ? decode.flops / decode.bytes : 0;
  const BoundTimes times = bound_times(step);
  const auto most = std::max_element(std::begin(times.seconds), std::end(times.seconds)) - std::begin(times.seconds);
  batch.bound = static_cast<TimePart>(most);
  batch.bound_share = times.all > 0 ? times.seconds[most] / times.all : 0;
  return batch;
}

RidgeStudy study_ridge(const Scenario& s, const MeanRequest& request, std::int64_t largest) {
  RidgeStudy ridge;
  const DeviceFigures device = device_figures(s);
  if (s.deployment.level == CostLevel::affine || !(device.memory_bandwidth > 0)) return ridge;
  ridge.ridge_point = device.peak_flops / device.memory_bandwidth;
  ridge.searched = kLargestSearched;
  const std::unique_ptr<CostModel> cost = make_cost_model(s.deployment);
  const std::int64_t context = request.mean_context();
  std::map<std::int64_t, StepBreakdown> priced;
  const auto price = [&](std::int64_t batch) {
    return cost->breakdown({{}, decode_batch(batch, context, cost->sliding_window())});
  };
  for (std::int64_t batch = 1; batch <= kLargestSearched; batch *= 2) priced.emplace(batch, price(batch));
  std::map<std::int64_t, StepBreakdown> between;
  const auto at = [&](std::int64_t batch) -> const StepBreakdown& {
    const auto known = between.find(batch);
    return known != between.end() ? known->second : between.emplace(batch, price(batch)).first->second;
  };
  ridge.step_by_datasheet = first_batch(priced, at, [&](const StepBreakdown& step) {
    Cost work;
    work.add(step, 1);
    return work.flops >= work.bytes * ridge.ridge_point;
  });
  ridge.step_as_priced = first_batch(priced, at, [](const StepBreakdown& step) {
    const BoundTimes times = bound_times(step);
    return times.seconds[static_cast<std::size_t>(TimePart::compute)] >
           times.seconds[static_cast<std::size_t>(TimePart::memory)];
  });
  const StepBreakdown one = price(1), most = price(std::clamp<std::int64_t>(largest, 1, kLargestSearched));
  for (const OperatorCost& op : most.operators) {
    if (!(op.flops > 0) || op.bound == TimePart::network) continue;
    RidgeOperator line;
    line.name = op.name;
    line.share = most.seconds > 0 ? op.seconds / most.seconds : 0;
    line.intensity_at_one = intensity(find(one, op.name));
    line.intensity_at_most = intensity(&op);
    line.by_datasheet = first_batch(priced, at, [&](const StepBreakdown& step) {
      const OperatorCost* here = find(step, op.name);
      return here != nullptr && compute_bound_by_datasheet(*here, device.memory_bandwidth);
    });
    line.as_priced = first_batch(priced, at, [&](const StepBreakdown& step) {
      const OperatorCost* here = find(step, op.name);
      return here != nullptr && here->bound == TimePart::compute;
    });
    ridge.operators.push_back(std::move(line));
  }
  std::stable_sort(ridge.operators.begin(), ridge.operators.end(),
                   [](const RidgeOperator& a, const RidgeOperator& b) { return a.share > b.share; });
  return ridge;
}

std::int64_t full_length_blocks(const Scenario& s, const MeanRequest& request) {
  return s.engine.blocks_of(std::min(s.engine.max_model_len, request.prompt + request.output));
}

std::optional<std::int64_t> kv_limited_batch(const Scenario& s, const MeanRequest& request) {
  const std::int64_t each = full_length_blocks(s, request);
  const bool planned = s.deployment.level != CostLevel::affine && !s.memory.num_gpu_blocks_override;
  if (!planned) {
    if (!s.memory.num_gpu_blocks_override) return std::nullopt;
    return s.engine.usable_blocks() / each;
  }
  const auto holds = [&](std::int64_t batch) {
    MemorySettings settings = s.memory;
    settings.max_num_seqs = batch;
    const MemoryPlan plan = plan_memory(s.deployment, settings);
    return plan.usable_blocks >= batch * each;
  };
  std::int64_t low = 0, high = 1;
  while (holds(high)) low = high, high *= 2;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (holds(middle) ? low : high) = middle;
  }
  return low;
}

std::vector<BudgetRow> study_budgets(const Scenario& s, const MeanRequest& request) {
  if (s.deployment.level == CostLevel::affine) return {};
  const std::int64_t current = s.memory.max_num_batched_tokens;
  std::vector<BudgetRow> rows;
  const std::unique_ptr<CostModel> cost = make_cost_model(s.deployment);
  for (const double factor : {0.25, 0.5, 1.0, 2.0, 4.0, 8.0}) {
    BudgetRow row;
    row.tokens = std::llround(static_cast<double>(current) * factor);
    row.current = factor == 1.0;
    if (row.tokens < 1 || (!rows.empty() && rows.back().tokens == row.tokens)) continue;
    MemorySettings settings = s.memory;
    settings.max_num_batched_tokens = row.tokens;
    const MemoryPlan plan = plan_memory(s.deployment, settings);
    row.fits = plan.fits;
    row.activations = plan.activations.value;
    row.kv_tokens = std::max<std::int64_t>(0, plan.kv_cache_size_tokens);
    row.sequences = std::max<std::int64_t>(0, plan.num_gpu_blocks) / full_length_blocks(s, request);
    // Whole prompts of mean length fill the step; a longer one fills it alone.
    const std::int64_t chunk = std::min(request.prompt, row.tokens);
    const std::int64_t chunks = std::clamp<std::int64_t>(row.tokens / chunk, 1, kMostChunks);
    row.step_ms = prefill_step(*cost, chunks, chunk).seconds * 1e3;
    row.prefill_tokens_per_s = static_cast<double>(chunk * chunks) / row.step_ms * 1e3;
    rows.push_back(row);
  }
  return rows;
}

}  // namespace foretoken
