// engine.speculative_config: what drafts, how many, and how many of them are accepted.
#include <fmt/format.h>

#include <algorithm>

#include "scenario/build.hpp"
#include "scenario/catalog_entries.hpp"
#include "scenario/checkpoint_name.hpp"
#include "scenario/measured_acceptance.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

constexpr std::string_view kMap = "engine.speculative_config";
constexpr std::size_t kRemembered = 16;  // rates beyond the drafts: what more of them would bring

std::string key(std::string_view name) {
  return fmt::format("{}.{}", kMap, name);
}

DraftMethod method_of(std::string_view name) {
  constexpr DraftMethod kAll[] = {DraftMethod::ngram,  DraftMethod::suffix, DraftMethod::draft_model,
                                  DraftMethod::medusa, DraftMethod::eagle,  DraftMethod::eagle3,
                                  DraftMethod::mtp};
  const auto* at = std::find_if(std::begin(kAll), std::end(kAll), [&](DraftMethod m) { return to_string(m) == name; });
  return at == std::end(kAll) ? DraftMethod::none : *at;
}

bool can_draft_in_parallel(DraftMethod method) {
  return method == DraftMethod::eagle || method == DraftMethod::eagle3 || method == DraftMethod::draft_model;
}

// Whether one pass makes all drafts; false where it says so of a drafter or engine that cannot, which is reported.
bool reads_parallel_drafting(Resolver& values, DraftMethod method, const Deployment& d,
                             const SpeculationProfile& engine) {
  const std::string path = key("parallel_drafting");
  if (!values.flag(path)) return false;
  if (engine.parallel_from.empty())
    values.warning(path, fmt::format("'{}' has no effect: {} drafts one token a pass", path, d.engine_name));
  else if (!version_at_least(d.engine_version, engine.parallel_from))
    values.error(path,
                 fmt::format("{} {} drafts one token a pass: parallel drafting came with {}", d.engine_name,
                             d.engine_version, engine.parallel_from),
                 fmt::format("set engine.version: \"{}\"", engine.parallel_from));
  else if (!can_draft_in_parallel(method))
    values.error(path, fmt::format("method {} has no parallel drafting", to_string(method)),
                 "allowed: eagle, eagle3, draft_model, with a drafter that was trained for it");
  else
    return true;
  return false;
}

bool is_lookup(DraftMethod method) {
  return method == DraftMethod::ngram || method == DraftMethod::suffix;
}

// True when they may be used.
bool check_rates(Resolver& values, const std::string& path, const std::vector<double>& rates) {
  if (rates.empty()) values.error(path, fmt::format("'{}' is empty", path), "give a rate for the first draft at least");
  for (std::size_t i = 1; i < rates.size(); ++i) {
    if (rates[i] <= rates[i - 1]) continue;
    values.error(path,
                 fmt::format("'{}' rises from {} to {}: the first {} drafts are accepted no more often than the "
                             "first {}",
                             path, rates[i - 1], rates[i], i + 1, i),
                 "rates are of all drafts up to a position, as vLLM logs them");
    return false;
  }
  return !rates.empty();
}

// What the model of `engine.speculative_config.model` is, and whether it can draft for the target.
void read_draft_model(Resolver& values, const Catalog& catalog, Scenario& s) {
  Deployment& d = s.deployment;
  const std::string path = key("model");
  const YamlNode* node = values.node(path);
  if (d.level == CostLevel::affine) return;
  if (node == nullptr || node->kind == YamlNode::Kind::null) {
    values.error(std::string(kMap), fmt::format("'{}' is missing: method draft_model needs a model", path),
                 "name a small model of the same vocabulary");
    return;
  }
  values.record_given(path);
  std::string doubt;
  const Result<ModelSpec> model =
      node->kind == YamlNode::Kind::map ? parse_inline_model(*node) : find_checkpoint(catalog, node->text, doubt);
  if (!model) {
    const Diagnostics problems = model.error();
    for (const Diagnostic& problem : problems.items()) values.error(path, problem.message, problem.hint);
    return;
  }
  d.draft.model = *model;
  d.draft.checkpoint = model->hf_id.empty() ? model->id : model->hf_id;
  if (model->vocab_size != d.model.vocab_size)
    values.error(path,
                 fmt::format("{} has {} tokens in its vocabulary, {} has {}: it cannot draft for it", model->id,
                             model->vocab_size, d.model.id, d.model.vocab_size),
                 "a draft model is of the target's family");
  Deployment alone = d;
  alone.model = d.draft.model;
  alone.draft = {};
  alone.parallelism.data = 1;
  alone.parallelism.expert_parallel = false;
  for (const std::string& problem : deployment_problems(alone)) values.error(path, problem);
  s.engine.speculation.drafter_max_model_len = values.integer(
      key("max_model_len"), {model->max_position_embeddings, Origin::model, "the draft model's context"});
}

// [[first, last, tokens], ...], sorted, without overlap, from 1 on. Gaps and what follows keep the number before.
void read_by_batch(Resolver& values, SpeculationConfig& spec) {
  const std::string path = key("num_speculative_tokens_per_batch_size");
  const YamlNode* node = values.node(path);
  if (node == nullptr) return;
  values.record_given(path);
  const auto wrong = [&](const YamlNode& at, std::string message) {
    values.error_at(at.where, std::move(message), "[[1, 4, 3], [8, 64, 1]]: up to 4 requests 3 drafts, from 8 on 1");
  };
  if (node->kind != YamlNode::Kind::list || node->items.empty())
    return wrong(*node, fmt::format("'{}' must be a list of ranges", path));
  std::int64_t last = 0;
  for (const YamlNode& item : node->items) {
    double part[3] = {0, 0, 0};
    bool fine = item.kind == YamlNode::Kind::list && item.items.size() == 3;
    for (std::size_t i = 0; fine && i < 3; ++i)
      fine = plain_number(item.items[i], part[i]) && part[i] == static_cast<double>(static_cast<std::int64_t>(part[i]));
    if (!fine) return wrong(item, "a range is [first, last, tokens], three whole numbers");
    const auto from = static_cast<std::int64_t>(part[0]), to = static_cast<std::int64_t>(part[1]);
    const auto tokens = static_cast<std::int64_t>(part[2]);
    if (spec.by_batch.empty() && from != 1)
      return wrong(item, fmt::format("the first range begins at {}, not at 1", from));
    if (from <= last)
      return wrong(item, fmt::format("the range from {} overlaps the one up to {}, or stands before it", from, last));
    if (to < from) return wrong(item, fmt::format("the range ends at {} before it begins at {}", to, from));
    if (tokens < 0) return wrong(item, fmt::format("{} drafts cannot be", tokens));
    spec.by_batch.push_back({from, tokens});
    last = to;
  }
}

// The rates that a scenario gives in one of several ways; empty: it gives none, or wrong ones.
std::vector<double> given_rates(Resolver& values, const std::string& prefix, std::size_t count, int drafts) {
  const std::string one = prefix + "acceptance_rate", several = prefix + "acceptance_rates";
  if (const auto rate = values.maybe_number(one)) return rates_of(*rate, count);
  if (values.given(several)) {
    const std::vector<double> rates = values.numbers(several);
    values.record_given(several);
    return check_rates(values, several, rates) ? continued(rates, count) : std::vector<double>{};
  }
  const std::string exact = key("synthetic_acceptance_rates"), length = key("synthetic_acceptance_length");
  if (prefix != fmt::format("{}.", kMap)) return {};
  if (values.given(exact)) {
    std::vector<double> rates = values.numbers(exact);
    values.record_given(exact);
    if (!check_rates(values, exact, rates)) return {};
    if (static_cast<int>(rates.size()) != drafts)
      values.error(exact, fmt::format("'{}' has {} rates for {} drafts", exact, rates.size(), drafts),
                   fmt::format("vLLM wants one for each; {} may have more or fewer", several));
    return rates;
  }
  if (const auto mean = values.maybe_number(length)) {
    if (*mean > drafts + 1)
      values.error(length, fmt::format("'{}' is {}: a row of {} drafts has {} tokens at most", length, *mean, drafts,
                                       drafts + 1));
    return rates_of_length(*mean, drafts);
  }
  return {};
}

void read_acceptance(Resolver& values, const DraftSpec& draft, int depth, SpeculationConfig& spec) {
  const DraftMethod method = draft.method;
  const bool tree = draft.branches > 1;
  const std::size_t count =
      tree ? static_cast<std::size_t>(depth) : std::max<std::size_t>(kRemembered, static_cast<std::size_t>(depth));
  std::string first;
  for (const char* way : {"acceptance_rate", "acceptance_rates", "synthetic_acceptance_rates",
                          "synthetic_acceptance_length", "acceptance_dataset"}) {
    if (!values.given(key(way))) continue;
    if (!first.empty()) {
      values.error(key(way), fmt::format("'{}' and '{}' both say how many drafts are accepted", key(first), key(way)),
                   "keep one of them");
      values.mark_read(key(way));
    } else {
      first = way;
    }
  }
  Acceptance acceptance;
  acceptance.rates = given_rates(values, fmt::format("{}.", kMap), count, depth);
  if (first.empty() || first == "acceptance_dataset") {
    const std::string dataset = values.text(key("acceptance_dataset"));
    const MeasuredAcceptance* measured = measured_acceptance(method, dataset, draft.parallel);
    if (measured == nullptr) {
      values.error(key("acceptance_dataset"), fmt::format("nobody measured {} on '{}'", to_string(method), dataset),
                   fmt::format("allowed: {}; or give acceptance_rates", fmt::join(datasets_with(method), ", ")));
      return;
    }
    acceptance.rates = continued(measured->rates, count);
    std::string spelled;
    for (std::size_t i = 0; i < std::min(static_cast<std::size_t>(depth), acceptance.rates.size()); ++i)
      spelled += fmt::format("{}{:.3g}", i > 0 ? ", " : "", acceptance.rates[i]);
    values.record(key("acceptance_rates"), Json("[" + spelled + "]"), Origin::derived, std::string(measured->source));
    if (first.empty())
      values.warning(std::string(kMap),
                     fmt::format("how many drafts of {} are accepted is not given: {} are taken, {}", to_string(method),
                                 spelled, measured->source),
                     fmt::format("give acceptance_rates (vLLM logs them), or acceptance_dataset: {}",
                                 fmt::join(datasets_with(method), ", ")));
  }
  if (const auto concentration = values.maybe_number(key("acceptance_concentration"))) {
    acceptance.concentration = *concentration;
    if (first != "acceptance_rate")
      values.error(key("acceptance_concentration"),
                   "'acceptance_concentration' is of 'acceptance_rate', which is not given",
                   "give the mean rate as acceptance_rate");
  }
  if (acceptance.rates.empty()) return;
  spec.acceptance = {acceptance};
}

}  // namespace

void build_speculation(Resolver& values, const Catalog& catalog, Scenario& s) {
  const std::string map(kMap);
  if (!values.given(map)) return;
  Deployment& d = s.deployment;
  const auto name = values.maybe_text(key("method"));
  if (!name) {
    values.error(map, fmt::format("'{}' is missing", key("method")), "say what drafts: ngram, eagle3, mtp, ...");
    return;
  }
  const DraftMethod method = method_of(*name);
  if (method == DraftMethod::none) return;  // reported
  const EngineProfile& profile = find_engine(d.engine_name);
  if (profile.speculation.drafts == nullptr) {
    values.error(map, fmt::format("speculative decoding of {} is not modelled", d.engine_name),
                 "engines that have it here: vllm-v1, sglang, tensorrt-llm");
    return;
  }
  if (d.parallelism.pipeline > 1) {
    values.error(
        "engine.pipeline_parallel_size",
        fmt::format("speculative decoding with pipeline stages is not modelled: {}", profile.speculation.with_stages),
        "set engine.pipeline_parallel_size: 1");
    return;
  }
  const DraftTree tree = profile.speculation.drafts(
      method, d.model,
      {values.maybe_integer(key("num_speculative_tokens")), values.maybe_integer(key("eagle_topk")),
       values.maybe_integer(key("num_draft_tokens"))});
  if (!tree.problem.empty()) {
    values.error(map, tree.problem, "give engine.speculative_config.num_speculative_tokens");
    return;
  }
  if (!values.given(key("num_speculative_tokens")))
    values.record(key("num_speculative_tokens"), Json(static_cast<std::int64_t>(tree.steps)), Origin::engine_default,
                  fmt::format("{} with {}", d.engine_name, *name));
  for (const char* only_tree : {"eagle_topk", "num_draft_tokens"}) {
    if (values.given(key(only_tree)) && !profile.speculation.has_trees)
      values.warning(key(only_tree),
                     fmt::format("'{}' has no effect: {} drafts no trees", key(only_tree), d.engine_name));
  }
  if (tree.steps == 0) {
    values.mark_tree_read(map);
    return;
  }
  SpeculationConfig& spec = s.engine.speculation;
  spec.tokens = tree.tokens - 1;
  d.draft = draft_spec(method, d.model, d.dense_format, tree.steps, d.engine_name, d.engine_version);
  d.draft.tokens = tree.tokens - 1;
  d.draft.branches = tree.branches;
  if (reads_parallel_drafting(values, method, d, profile.speculation)) d.draft = in_parallel(std::move(d.draft));
  if (method == DraftMethod::draft_model)
    read_draft_model(values, catalog, s);
  else
    for (const char* unread : {"max_model_len", "model"}) {
      if (!values.given(key(unread))) continue;
      if (const YamlNode* node = values.node(key(unread)); std::string_view(unread) == "model" && node != nullptr) {
        d.draft.checkpoint = node->text;  // of start lines
        values.record_given(key(unread));
      }
      values.mark_tree_read(key(unread));
      if (std::string_view(unread) != "model" || is_lookup(method))
        values.warning(key(unread), fmt::format("'{}' has no effect: method is {}", key(unread), *name));
    }
  const bool bare = d.level == CostLevel::datasheet || d.level == CostLevel::affine;
  const Origin origin = bare ? Origin::default_value : Origin::engine_default;
  const std::string reason = bare ? "" : fmt::format("{} {}", d.engine_name, d.engine_version);
  d.draft.host_per_step = values.quantity("cost.per_draft_step", {bare ? 0 : d.draft.host_per_step, origin, reason});
  d.draft.host_per_pass = values.quantity("cost.per_draft_pass", {bare ? 0 : d.draft.host_per_pass, origin, reason});
  if (d.level == CostLevel::affine) d.affine.per_draft_pass = values.quantity("cost.affine.per_draft_pass");
  read_by_batch(values, spec);
  read_acceptance(values, d.draft, tree.steps, spec);
  if (is_lookup(method)) spec.match_rate = values.number(key("match_rate"));
}

// Rates of the classes that have their own; the others have the engine's.
void build_class_acceptance(Resolver& values, Scenario& s) {
  SpeculationConfig& spec = s.engine.speculation;
  bool any = false;
  std::vector<Acceptance> by_class;
  for (std::size_t i = 0; i < s.workload.classes.size(); ++i) {
    const std::string prefix = fmt::format("workload.classes[{}].", i);
    const bool given = values.given(prefix + "acceptance_rate") || values.given(prefix + "acceptance_rates");
    if (given && !spec.on()) continue;  // has no effect, which is said
    by_class.push_back(spec.acceptance.empty() ? Acceptance{} : spec.acceptance.front());
    if (!given) continue;
    if (values.given(prefix + "acceptance_rate") && values.given(prefix + "acceptance_rates"))
      values.error(prefix + "acceptance_rates", "a class has 'acceptance_rate' or 'acceptance_rates', not both",
                   "keep one of them");
    any = true;
    const std::size_t count = by_class.back().rates.size();
    by_class.back().rates = given_rates(values, prefix, count, static_cast<int>(count));
    if (!values.given(prefix + "acceptance_rate")) by_class.back().concentration = 0;
  }
  if (any && !values.diagnostics().has_errors()) spec.acceptance = std::move(by_class);
}

}  // namespace foretoken
