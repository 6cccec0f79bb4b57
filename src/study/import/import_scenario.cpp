// From what was read to a scenario that stands by itself, and is read once before anyone gets it.
#include "study/import/import_scenario.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "base/csv.hpp"
#include "foretoken/cost/memory_plan.hpp"
#include "foretoken/scenario/scenario.hpp"
#include "scenario/checkpoint_name.hpp"
#include "scenario/text_file.hpp"
#include "study/import/import_draft.hpp"

namespace foretoken {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kOurLongest = 8192;  // of max_model_len where nobody says one
constexpr const char* kPlaceholderGpu = "h100_sxm";

bool looks_like_yaml(const ImportSource& source) {
  return source.origin.ends_with(".yaml") || source.origin.ends_with(".yml");
}

// One document of a manifest, with empty lines in place of those before it, so that places stay right.
std::vector<std::string> documents_of(const std::string& text) {
  std::vector<std::string> documents(1);
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    ++lines;
    if (line.starts_with("---"))
      documents.emplace_back(lines, '\n');
    else
      documents.back() += line + "\n";
    at = end + 1;
  }
  std::erase_if(documents, [](const std::string& d) { return d.find_first_not_of(" \t\r\n") == std::string::npos; });
  return documents;
}

void read_yaml_source(const ImportSource& source, const ImportOptions& options, ImportDraft& draft) {
  bool found = false;
  for (const std::string& document : documents_of(source.text)) {
    const Result<YamlNode> root = parse_yaml(document, source.origin);
    if (!root)
      draft.problems.append(root.error());
    else
      found = read_config_map(*root, draft) || read_options(*root, draft) ||
              read_manifest(*root, options.entry, draft) || found;
  }
  if (!found && !draft.problems.has_errors())
    draft.problems.error({source.origin, 0, 0}, "there is no start line in this file",
                         "servingEngineSpec.modelSpec of vLLM's Helm chart, or a container with command and args");
}

void read_commands_source(const ImportSource& source, ImportDraft& draft) {
  bool found = false;
  std::vector<std::string> documents;
  const std::string script = without_here_documents(source.text, documents);
  for (const std::string& document : documents) {
    if (const Result<YamlNode> root = parse_yaml(document, source.origin)) (void)read_options(*root, draft);
  }
  const std::vector<CommandWords> commands = split_commands(script, source.origin, draft.problems);
  for (const CommandWords& words : commands) {
    if (read_command(words, draft))
      found = true;
    else
      draft.notes.push_back(fmt::format("'{}' is no start line and is left out", words.front().text));
  }
  if (!found && !draft.problems.has_errors())
    draft.problems.error(
        {source.origin, 1, 1}, "this is no start line of an engine",
        "vllm serve MODEL ..., python -m sglang.launch_server ..., trtllm-serve MODEL ..., vllm bench serve ...");
}

void read_folder(const ImportSource& source, ImportDraft& draft) {
  std::error_code failed;
  const fs::path config = fs::absolute(fs::path(source.origin) / "config.json", failed);
  if (!fs::exists(config, failed)) {
    draft.problems.error({source.origin, 0, 0}, "there is no config.json in this folder",
                         "give the folder of a Hugging Face checkpoint");
    return;
  }
  draft.model = config.string();
  draft.model_where = {source.origin, 0, 0};
  draft.sources.push_back(source.origin);
}

// A local checkpoint is its config.json; other names must be the catalog's.
void resolve_model(const ImportOptions& options, ImportDraft& draft) {
  std::error_code failed;
  if (!options.model.empty()) {
    draft.model = options.model.ends_with(".json") ? fs::absolute(options.model, failed).string() : options.model;
    draft.model_where = {"--model", 1, 1};
  }
  if (draft.model.empty() && !draft.bench_model.empty()) draft.model = draft.bench_model;
  if (draft.model.empty()) {
    if (!draft.problems.has_errors())
      draft.problems.error(draft.engine_where, "no model is named",
                           "vllm serve MODEL, --model-path MODEL, or --model here");
    return;
  }
  if (draft.model.ends_with(".json")) return;
  const fs::path config = fs::absolute(fs::path(draft.model) / "config.json", failed);
  if (fs::is_directory(draft.model, failed) && fs::exists(config, failed)) {
    draft.model = config.string();
    return;
  }
  std::string doubt;
  const Result<ModelSpec> model = find_checkpoint(Catalog(options.catalog_dir), draft.model, doubt);
  if (model) return;
  std::string close;
  const Diagnostics found = model.error();
  for (const Diagnostic& d : found.items()) close += close.empty() && !d.hint.empty() ? d.hint + "; " : "";
  draft.problems.error(
      draft.model_where, fmt::format("the catalog has no model '{}'", draft.model),
      close + "with its config.json at hand: --model path/to/config.json (or the folder it stands in)");
}

bool is_dense(const ImportDraft& draft, const ImportOptions& options) {
  std::string doubt;
  const Result<ModelSpec> model = find_checkpoint(Catalog(options.catalog_dir), draft.model, doubt);
  return model && model->moe.experts == 0;
}

std::int64_t whole(const std::string& text, std::int64_t otherwise) {
  double number = 0;
  return parse_number(text, number) && number >= 1 && number < 1e9 ? static_cast<std::int64_t>(number) : otherwise;
}

// Ranks that do not share a batch's experts are replicas here; SGLang counts those that share among its tensor ranks.
void settle_data_parallelism(const ImportOptions& options, ImportDraft& draft) {
  const auto dp = std::find_if(draft.fields.begin(), draft.fields.end(),
                               [](const ImportedField& f) { return f.path == "engine.data_parallel_size"; });
  if (dp == draft.fields.end()) return;
  const bool sglang = draft.engine == Program::sglang;
  const bool apart = sglang ? !draft.attention_dp : is_dense(draft, options);
  if (apart) {
    const std::int64_t replicas = whole(draft.replicas, 1) * whole(dp->value, 1);
    draft.notes.push_back(fmt::format("{}: ranks that share nothing are {} replicas here", dp->said, replicas));
    draft.replicas = std::to_string(replicas);
    draft.replicas_where = dp->where;
    draft.fields.erase(dp);
    return;
  }
  if (!sglang) return;
  for (ImportedField& f : draft.fields) {
    if (f.path != "engine.tensor_parallel_size") continue;
    const std::int64_t ranks = whole(f.value, 1), groups = whole(dp->value, 1);
    if (ranks % groups != 0)
      draft.problems.error(
          f.where,
          fmt::format("--tp-size {} does not divide into {} ranks of attention data parallelism", ranks, groups));
    else
      f.value = std::to_string(ranks / groups);
  }
}

// What a comment can hold: one line.
std::string flat(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return text;
}

// A line of the scenario, and where what it says was read.
class Writer {
 public:
  void line(const std::string& text, const SourceLocation& where = {}) {
    text_ += text + "\n";
    places_.push_back(where);
  }
  void comment(const std::string& text) { line("# " + flat(text)); }
  void list(const std::string& title, const std::vector<std::string>& items) {
    if (items.empty()) return;
    comment(title);
    for (const std::string& item : items) comment("  " + item);
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] SourceLocation place(int line) const {
    return line >= 1 && line <= static_cast<int>(places_.size()) ? places_[static_cast<std::size_t>(line) - 1]
                                                                 : SourceLocation{};
  }

 private:
  std::string text_;
  std::vector<SourceLocation> places_;
};

std::string quoted(const std::string& value) {
  const bool plain = !value.empty() &&
                     value.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-/") ==
                         std::string::npos &&
                     value.front() != '-';
  double number = 0;
  return plain || parse_number(value, number) ? value : to_text(Json(value), 0);
}

// Lists were written by their reader.
std::string spelt(const ImportedField& f) {
  const bool list = f.path == "workload.random_mm_bucket_config" ||
                    (f.path.starts_with("engine.speculative_config.") && f.value.starts_with('['));
  return list ? f.value : quoted(f.value);
}

// The fields of one map, in the order they were given; those of a map in it together.
void write_group(Writer& out, const ImportDraft& draft, const std::string& group, const std::string& indent = "  ") {
  std::vector<std::string> written;
  for (const ImportedField& f : draft.fields) {
    if (!f.path.starts_with(group + ".")) continue;
    const std::string key = f.path.substr(group.size() + 1);
    const std::size_t dot = key.find('.');
    if (dot == std::string::npos) {
      out.line(fmt::format("{}{}: {}  # {}", indent, key, spelt(f), flat(f.said)), f.where);
      continue;
    }
    const std::string inner = key.substr(0, dot);
    if (std::find(written.begin(), written.end(), inner) != written.end()) continue;
    written.push_back(inner);
    out.line(fmt::format("{}{}:", indent, inner), f.where);
    write_group(out, draft, group + "." + inner, indent + "  ");
  }
}

bool has_group(const ImportDraft& draft, const std::string& group) {
  return std::any_of(draft.fields.begin(), draft.fields.end(),
                     [&](const ImportedField& f) { return f.path.starts_with(group + "."); });
}

void write_engine(Writer& out, const ImportDraft& draft, std::int64_t model_context) {
  if (!draft.engine) return;
  const std::string name(engine_name_of(*draft.engine));
  out.line("engine:");
  out.line("  name: " + name, draft.engine_where);
  if (!draft.version.empty())
    out.line(fmt::format("  version: {}  # the image's tag", to_text(Json(draft.version), 0)), draft.engine_where);
  if (draft.find("engine.max_model_len") == nullptr && model_context > 0)
    out.line(fmt::format("  max_model_len: {}  # not given: the model's own context, as the engine takes it",
                         model_context));
  write_group(out, draft, "engine");
}

void write_workload(Writer& out, const ImportDraft& draft) {
  if (!draft.has_load)
    out.comment(
        "No load was given (a `vllm bench serve` line beside it fills this): the defaults of `vllm bench serve`, at "
        "once.");
  out.line("workload:");
  // Of a short context, what it holds.
  const ImportedField* length = draft.find("engine.max_model_len");
  const std::int64_t context = length == nullptr ? kOurLongest : whole(length->value, kOurLongest);
  const std::int64_t output = std::min<std::int64_t>(128, std::max<std::int64_t>(1, context / 2));
  const std::int64_t input = std::min<std::int64_t>(1024, std::max<std::int64_t>(1, context - output));
  const std::pair<const char*, std::string> defaults[] = {{"random_input_len", std::to_string(input)},
                                                          {"random_output_len", std::to_string(output)},
                                                          {"num_prompts", "1000"}};
  const bool dataset = draft.find("workload.dataset_path") != nullptr;
  for (const auto& [key, value] : defaults) {
    if (draft.find(std::string("workload.") + key) != nullptr || (dataset && std::string_view(key) != "num_prompts"))
      continue;
    out.line(fmt::format("  {}: {}  # default of vllm bench serve{}", key, value,
                         context < 1152 ? ", as far as the context holds it" : ""));
  }
  write_group(out, draft, "workload");
}

std::vector<std::string> gpu_names(const ImportOptions& options) {
  std::vector<std::string> names;
  const auto gpus = Catalog(options.catalog_dir).gpus();
  if (!gpus) return names;
  for (const GpuSpec& gpu : *gpus) {
    if (gpu.memory_bandwidth) names.push_back(gpu.id);
  }
  return names;
}

Writer write_scenario(const ImportDraft& draft, const ImportOptions& options, const std::string& gpu,
                      std::int64_t model_context) {
  Writer out;
  for (const std::string& source : draft.sources) out.comment("Imported from: " + source);
  out.list("Assumed:", draft.notes);
  out.list("Not simulated:", draft.not_simulated);
  out.list("Changes nothing here:", draft.harmless);
  out.line("version: 1");
  out.line("model: " + quoted(draft.model), draft.model_where);
  if (gpu.empty())
    out.comment(
        fmt::format("hardware: {{gpu: NAME}}  # required; NAME is one of {}", fmt::join(gpu_names(options), ", ")));
  else
    out.line(fmt::format("hardware: {{gpu: {}}}", quoted(gpu)), {"--gpu", 1, 1});
  write_engine(out, draft, model_context);
  if (!draft.replicas.empty() && draft.replicas != "1")
    out.line("replicas: " + quoted(draft.replicas), draft.replicas_where);
  write_workload(out, draft);
  if (const ImportedField* seed = draft.find("seed"))
    out.line(fmt::format("seed: {}  # {}", quoted(seed->value), flat(seed->said)), seed->where);
  if (has_group(draft, "goodput")) {
    out.line("goodput:");
    write_group(out, draft, "goodput");
  }
  return out;
}

// What the scenario's reader says of a line, where that line was read.
Diagnostics at_the_source(const Diagnostics& problems, const Writer& out) {
  Diagnostics moved;
  for (const Diagnostic& d : problems.items()) {
    if (d.severity != Severity::error) continue;
    const SourceLocation place = out.place(d.where.line);
    moved.error(place.file.empty() ? SourceLocation{"imported scenario", d.where.line, d.where.column} : place,
                d.message, d.hint, place.file.empty() ? d.source_line : "");
  }
  return moved;
}

// An image's release that has no rules here is no reason to refuse the rest.
void leave_out_unknown_release(ImportDraft& draft, const ImportOptions& options) {
  if (draft.version.empty()) return;
  ImportDraft only;
  only.engine = draft.engine;
  only.model = "Llama-3.1-8B";
  // 0.19.0 has the rules of 0.19, but 0.5.9 has its own.
  for (std::string release = draft.version; release.find('.') != std::string::npos;
       release.resize(release.rfind('.'))) {
    only.version = release;
    const Writer trial = write_scenario(only, options, kPlaceholderGpu, 0);
    if (!parse_scenario(trial.text(), "imported scenario", {{}, options.catalog_dir})) continue;
    draft.version = release;
    return;
  }
  draft.notes.push_back(fmt::format("release {} of the image has no rules of its own here", draft.version));
  draft.version.clear();
}

// Where nobody named a length, the engine's: the model's own context. 0: the same as here.
std::int64_t context_of_model(const ImportDraft& draft, const ImportOptions& options) {
  const Writer trial = write_scenario(draft, options, kPlaceholderGpu, 0);
  const Result<Scenario> scenario = parse_scenario(trial.text(), "imported scenario", {{}, options.catalog_dir});
  if (!scenario || draft.find("engine.max_model_len") != nullptr) return 0;
  const std::int64_t context = scenario->deployment.model.max_position_embeddings;
  return context > kOurLongest ? context : 0;
}

}  // namespace

Result<ImportedScenario> import_scenario(const std::vector<ImportSource>& sources, const ImportOptions& options,
                                         Diagnostics* warnings) {
  ImportDraft draft;
  for (const ImportSource& source : sources) {
    if (source.folder)
      read_folder(source, draft);
    else if (looks_like_yaml(source))
      read_yaml_source(source, options, draft);
    else
      read_commands_source(source, draft);
  }
  resolve_model(options, draft);
  settle_data_parallelism(options, draft);
  settle_dataset(draft);
  settle_options(draft);
  if (warnings != nullptr) warnings->append(draft.warnings);
  const std::string validated = options.gpu.empty() ? kPlaceholderGpu : options.gpu;
  const std::int64_t context = context_of_model(draft, options);
  leave_out_unknown_release(draft, options);
  const Writer trial = write_scenario(draft, options, validated, context);
  const Result<Scenario> scenario = parse_scenario(trial.text(), "imported scenario", {{}, options.catalog_dir});
  // A model that the catalog does not have is said already, and better.
  if (!scenario && !draft.problems.has_errors()) draft.problems.append(at_the_source(scenario.error(), trial));
  if (draft.problems.has_errors()) return draft.problems;
  if (!options.gpu.empty() && !plan_memory(scenario->deployment, scenario->memory).fits)
    draft.notes.push_back("does not fit on this GPU: " + plan_memory(scenario->deployment, scenario->memory).verdict);
  if (draft.engine && draft.version.empty())
    draft.notes.push_back(
        fmt::format("no version was given: the rules of {} {}", scenario->engine.name, scenario->engine.version));
  if (draft.has_load && draft.find("workload.ignore_eos") == nullptr)
    draft.notes.emplace_back(
        "without --ignore-eos a model ends its answers itself; here every output has its full length");
  ImportedScenario imported;
  imported.text = write_scenario(draft, options, options.gpu, context).text();
  imported.not_simulated = draft.not_simulated;
  imported.notes = draft.notes;
  imported.needs_gpu = options.gpu.empty();
  return imported;
}

}  // namespace foretoken
