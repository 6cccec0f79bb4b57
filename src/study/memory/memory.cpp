// Every candidate is the scenario read anew with its values set, so that everything derived from them follows.
#include "foretoken/study/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "experiment/explain/what_fits.hpp"
#include "experiment/parallel.hpp"
#include "foretoken/cost/cost_model.hpp"
#include "foretoken/scenario/catalog.hpp"
#include "scenario/sweep_axes.hpp"
#include "study/batch/static.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kUsualContext = 4096;
constexpr std::size_t kMostPrecisions = 10'000;
constexpr const char* kGpu = "hardware.gpu";
constexpr const char* kQuantization = "engine.quantization";
constexpr const char* kKvDtype = "engine.kv_cache_dtype";
constexpr const char* kMaxModelLen = "engine.max_model_len";

struct Axis {
  const char* path;
  const char* option;
  const std::string& given;
};

// The question of the scenario does not matter here, and its lengths might not fit the contexts.
Question deployment_alone(const Question& question) {
  return question.with({"sweep=null", "recommend=null", "slo=null", "assert=null", "promise=null", "capacity=null"});
}

// The pool of this name as if it were all of the scenario; without pools the question itself. Empty: there is no such
// pool.
std::optional<Question> question_of_pool(const Question& question, const Scenario& s, const std::string& name) {
  if (s.pools.empty()) return name.empty() ? std::optional(question) : std::nullopt;
  const auto at = std::find_if(s.pools.begin(), s.pools.end(), [&](const PoolPlan& p) { return p.name == name; });
  if (at == s.pools.end()) return std::nullopt;
  std::vector<std::string> set{"pools=null", "disaggregation=null"};
  const std::string prefix = fmt::format("pools[{}].", at - s.pools.begin());
  for (const ResolvedField& f : s.fields) {
    if (!f.path.starts_with(prefix) || !is_given(f)) continue;
    const std::string path = f.path.substr(prefix.size());
    if (path != "name" && path != "role") set.push_back(fmt::format("{}={}", path, to_text(f.value, 0)));
  }
  return question.with(set);
}

Diagnostics which_pool(const Question& question, const Scenario& s, const std::string& asked) {
  std::string names;
  for (const PoolPlan& pool : s.pools) names += (names.empty() ? "" : ", ") + pool.name;
  Diagnostics problems;
  if (asked.empty())
    problems.error(question.whole(), "memory is of one kind of replica, and 'pools' has several",
                   fmt::format("say which: --pool, one of {}", names));
  else
    problems.error({"--pool", 1, 1}, fmt::format("there is no pool '{}'", asked),
                   names.empty() ? "leave it out: the scenario has no pools" : fmt::format("there are {}", names),
                   asked);
  return problems;
}

// Axes of the command line are called by their options.
Diagnostics by_option(const Diagnostics& problems, const std::vector<Axis>& axes) {
  Diagnostics out;
  for (Diagnostic d : problems.items()) {
    const auto line = static_cast<std::size_t>(d.where.line);
    if (d.where.file == kOverSource && line >= 1 && line <= axes.size()) {
      const Axis& axis = axes[line - 1];
      const int shift = static_cast<int>(std::string_view(axis.path).size()) + 1;
      d.where = {axis.option, 1, std::max(1, d.where.column - shift)};
      d.source_line = axis.given;
    }
    if (d.severity == Severity::error)
      out.error(d.where, d.message, d.hint, d.source_line);
    else
      out.warning(d.where, d.message, d.hint, d.source_line);
  }
  return out;
}

// A scenario needs not name a GPU where the list does. What is wrong with the list is said of the list.
void let_list_name_gpu(const MemoryOptions& options, LoadOptions& load) {
  if (options.gpus.empty()) return;
  const std::string first = options.gpus.substr(0, options.gpus.find(','));
  const bool known = Catalog(load.catalog_dir).gpu(first).has_value();
  load.overrides.push_back(fmt::format("{}={}", kGpu, known ? first : "h100_sxm"));
}

std::string resolved_text(const Scenario& s, std::string_view path) {
  for (const ResolvedField& f : s.fields) {
    if (f.path == path && f.value.if_string() != nullptr) return *f.value.if_string();
  }
  return {};
}

void add_once(std::vector<std::string>& list, const std::string& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

std::vector<std::int64_t> default_contexts(const Scenario& own) {
  std::vector<std::int64_t> contexts{std::min(kUsualContext, own.engine.max_model_len), own.engine.max_model_len};
  const bool has_load = std::any_of(own.fields.begin(), own.fields.end(), [](const ResolvedField& f) {
    return f.path.starts_with("workload.") && is_given(f);
  });
  if (has_load) {
    const Result<WorkloadSummary> load = workload_summary(own);
    if (load) contexts.push_back(std::llround(load->mean_prompt_tokens + load->mean_output_tokens));
  }
  std::erase_if(contexts, [&](std::int64_t c) { return c < 2 || c > own.engine.max_model_len; });
  std::sort(contexts.begin(), contexts.end());
  contexts.erase(std::unique(contexts.begin(), contexts.end()), contexts.end());
  return contexts;
}

std::vector<std::int64_t> numbers(const std::vector<std::string>& values) {
  std::vector<std::int64_t> list;
  for (const std::string& value : values) {
    std::int64_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    list.push_back(number);
  }
  return list;
}

// Fills the lists of the study: those that are given from the axes that were read, the others by the scenario.
void fill_lists(MemoryStudy& study, const std::vector<SweepAxis>& axes) {
  const Scenario& s = study.scenario;
  study.gpus = {s.deployment.gpu.id};
  for (const SweepAxis& axis : axes) {
    if (axis.path == kGpu) study.gpus = axis.values;
    if (axis.path == kQuantization) study.quantizations = axis.values;
    if (axis.path == kKvDtype) study.kv_cache_dtypes = axis.values;
    if (axis.path == kMaxModelLen) study.contexts = numbers(axis.values);
  }
  if (study.quantizations.empty()) {
    for (const std::string& name : {resolved_text(s, kQuantization), std::string("fp8"), std::string("awq")})
      add_once(study.quantizations, name);
  }
  if (study.kv_cache_dtypes.empty()) {
    for (const std::string& name : {resolved_text(s, kKvDtype), std::string("fp8")})
      add_once(study.kv_cache_dtypes, name);
  }
  if (study.contexts.empty()) study.contexts = default_contexts(s);
}

// Bytes of KV cache that are missing for one request, or for the weights.
double missing_bytes(const Scenario& s, const MemoryPlan& plan, std::int64_t blocks) {
  const double null_block = s.memory.reserve_null_block ? 1 : 0;
  const double needed = (static_cast<double>(blocks) + null_block) * plan.kv_bytes_per_token * s.memory.block_size;
  return std::max(0.0, needed - plan.kv_cache.value);
}

void price(const Scenario& s, MemoryCandidate& c, std::int64_t blocks) {
  const std::int64_t ranks = std::max(1, s.engine.data_parallel_size);
  const std::int64_t by_memory = c.memory.usable_blocks / std::max<std::int64_t>(1, blocks);
  c.requests = by_memory * ranks;
  c.batch = std::min(by_memory, s.engine.max_num_seqs);
  c.by_seats = c.batch < by_memory;
  const std::unique_ptr<CostModel> cost = make_cost_model(s.deployment);
  const auto step_seconds = [&](std::int64_t sequences) {
    return cost->breakdown({{}, decode_batch(sequences, c.context, cost->sliding_window())}).seconds;
  };
  c.tpot_alone_ms = step_seconds(1) * 1e3;
  const double full = step_seconds(c.batch);
  c.tpot_full_ms = full * 1e3;
  c.tokens_per_s = static_cast<double>(c.batch * ranks) / full;
}

void fill_candidate(const Question& question, MemoryCandidate& c) {
  std::vector<std::string> set;
  const std::int64_t output = std::max<std::int64_t>(1, c.context / 8);
  for (const auto& [path, value] :
       {std::pair(kGpu, c.gpu), std::pair(kQuantization, c.quantization), std::pair(kKvDtype, c.kv_cache_dtype),
        std::pair(kMaxModelLen, std::to_string(c.context))})
    set.push_back(fmt::format("{}={}", path, value));
  // A request as long as the context, so that the scenario is one that can be sent.
  set.push_back(fmt::format("workload={{random_input_len: {}, random_output_len: {}, num_prompts: 1}}",
                            std::max<std::int64_t>(1, c.context - output), output));
  const Result<Scenario> scenario = question.with(set).scenario();
  if (!scenario) {
    const Diagnostics problems = scenario.error();
    const auto first = std::find_if(problems.items().begin(), problems.items().end(),
                                    [](const Diagnostic& d) { return d.severity == Severity::error; });
    c.reason = first == problems.items().end() ? "invalid" : first->message;
    return;
  }
  const Scenario& s = *scenario;
  c.reason = why_not_available(s.deployment, c.quantization, c.kv_cache_dtype, c.note);
  if (!c.reason.empty()) {
    c.status = MemoryStatus::not_available;
    return;
  }
  const std::int64_t own = s.deployment.model.max_position_embeddings;
  if (own > 0 && c.context > own)
    c.note += fmt::format("{}{} was made for {} tokens: engines refuse a longer context without RoPE scaling",
                          c.note.empty() ? "" : "; ", s.deployment.model.id, own);
  c.memory = plan_memory(s.deployment, s.memory);
  const std::int64_t block = std::max(1, s.memory.block_size);
  const std::int64_t blocks = (c.context + block - 1) / block;
  c.kv_bytes_per_request = static_cast<double>(blocks * block) * c.memory.kv_bytes_per_token;
  if (!c.memory.fits) {
    c.status = MemoryStatus::does_not_fit;
    c.missing = missing_bytes(s, c.memory, blocks);
    c.reason = c.memory.verdict;
    c.remedy = what_would_fit(s);
    return;
  }
  c.status = MemoryStatus::fits;
  price(s, c, blocks);
}

// A measured number of blocks is that of one precision.
void leave_out_measured_blocks(MemoryStudy& study, LoadOptions& load) {
  for (const char* key : {"engine.num_gpu_blocks_override", "memory.startup_log"}) {
    if (!is_given(study.scenario, key)) continue;
    load.overrides.push_back(fmt::format("{}=null", key));
    study.notes.push_back(fmt::format("{} is of one precision and one context: the KV cache is planned instead", key));
  }
}

std::vector<Axis> given_axes(const MemoryOptions& options) {
  std::vector<Axis> axes;
  for (const Axis& axis :
       {Axis{kGpu, "--gpu", options.gpus}, Axis{kQuantization, "--quantization", options.quantizations},
        Axis{kKvDtype, "--kv-cache-dtype", options.kv_cache_dtypes},
        Axis{kMaxModelLen, "--context", options.contexts}}) {
    if (!axis.given.empty()) axes.push_back(axis);
  }
  return axes;
}

Result<Scenario> base_scenario(const Question& question, const std::vector<Axis>& axes) {
  Question all = question;
  for (const Axis& axis : axes) all.options.over.push_back(fmt::format("{}={}", axis.path, axis.given));
  Result<Scenario> base = all.scenario();
  if (!base) return by_option(base.error(), axes);
  if (base->deployment.level != CostLevel::affine) return base;
  Diagnostics problems;
  problems.error(question.whole(), "there is no memory to plan: 'cost.level: affine' has no hardware",
                 "leave cost.level out, and name a model and a GPU");
  return problems;
}

std::vector<MemoryCandidate> all_candidates(const MemoryStudy& study) {
  std::vector<MemoryCandidate> list;
  for (const std::string& gpu : study.gpus) {
    for (const std::int64_t context : study.contexts) {
      for (const std::string& quantization : study.quantizations) {
        for (const std::string& kv : study.kv_cache_dtypes) {
          MemoryCandidate c;
          c.gpu = gpu, c.quantization = quantization, c.kv_cache_dtype = kv, c.context = context;
          list.push_back(std::move(c));
        }
      }
    }
  }
  return list;
}

Diagnostics too_short(const std::vector<std::int64_t>& contexts, const MemoryOptions& options) {
  Diagnostics problems;
  for (const std::int64_t context : contexts) {
    if (context >= 2) continue;
    problems.error({"--context", 1, 1}, "a request has at least two tokens, one of its prompt and one of its output",
                   {}, options.contexts);
  }
  return problems;
}

}  // namespace

std::string_view to_string(MemoryStatus status) {
  switch (status) {
    case MemoryStatus::fits:
      return "fits";
    case MemoryStatus::does_not_fit:
      return "does not fit";
    case MemoryStatus::not_available:
      return "not available";
    case MemoryStatus::invalid:
      return "invalid";
  }
  return "unknown";
}

const MemoryCandidate& MemoryStudy::baseline_of(std::size_t candidate) const {
  const std::size_t precisions = quantizations.size() * kv_cache_dtypes.size();
  return candidates[candidate / precisions * precisions];
}

Result<MemoryStudy> study_memory(const Question& question, const MemoryOptions& options) {
  Question asked = deployment_alone(question);
  let_list_name_gpu(options, asked.options);
  const std::vector<Axis> axes = given_axes(options);
  const Result<Scenario> whole = base_scenario(asked, axes);
  if (!whole) return whole.error();
  if (const std::optional<Question> one = question_of_pool(asked, *whole, options.pool))
    asked = *one;
  else
    return which_pool(question, *whole, options.pool);
  const Result<Scenario> base = whole->pools.empty() ? whole : base_scenario(asked, axes);
  if (!base) return base.error();
  MemoryStudy study;
  study.scenario = *base;
  fill_lists(study, base->sweep);
  study.scenario.sweep.clear();
  if (Diagnostics problems = too_short(study.contexts, options); problems.has_errors()) return problems;
  leave_out_measured_blocks(study, asked.options);
  Diagnostics problems;
  const std::size_t count =
      study.gpus.size() * study.contexts.size() * study.quantizations.size() * study.kv_cache_dtypes.size();
  if (count > kMostPrecisions) {
    problems.error(question.whole(), fmt::format("{} candidates are more than {}", count, kMostPrecisions),
                   "shorten the lists");
    return problems;
  }
  study.candidates = all_candidates(study);
  parallel_for(study.candidates.size(), options.threads,
               [&](std::size_t i) { fill_candidate(asked, study.candidates[i]); });
  const bool all_invalid = std::all_of(study.candidates.begin(), study.candidates.end(),
                                       [](const MemoryCandidate& c) { return c.status == MemoryStatus::invalid; });
  if (!all_invalid) return study;
  problems.error(question.whole(), fmt::format("no candidate is valid here: {}", study.candidates.front().reason));
  return problems;
}

}  // namespace foretoken
