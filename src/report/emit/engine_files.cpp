// Flags by the tables that `import` reads them with, so that both ways agree.
#include "report/emit/engine_files.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/visible.hpp"
#include "foretoken/experiment/version.hpp"
#include "report/common.hpp"
#include "report/launch_lines.hpp"

namespace foretoken {
namespace {

constexpr std::string_view kOfTheSimulation[] = {"memory.", "cost.", "engine.speculative_config.acceptance",
                                                 "engine.speculative_config.synthetic",
                                                 "engine.speculative_config.match_rate"};

// As a word of a command: what a shell would split or expand stands in quotes.
std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-/:";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string flag_value(const Json& value) {
  const std::string* text = value.if_string();
  return shell_word(text != nullptr ? *text : to_text(value, 0));
}

bool has_flag(const std::string& line, std::string_view name) {
  std::string dashed = line + " ";
  std::replace(dashed.begin(), dashed.end(), '_', '-');
  return dashed.find(fmt::format(" --{} ", name)) != std::string::npos;
}

// The first of the table's flags that says this value of the field.
const FlagRow* flag_of(Program program, std::string_view field, bool* on) {
  for (const FlagRow& row : flags_of(program)) {
    if (row.field != field) continue;
    if (row.kind == FlagKind::value || row.kind == FlagKind::tokens) return &row;
    if (on != nullptr && *on == (row.kind == FlagKind::on)) return &row;
  }
  return nullptr;
}

// Quantisation is the start line's own business: a checkpoint may hold it.
bool is_settled(std::string_view path) {
  return path == "engine.name" || path == "engine.version" || path == "engine.quantization" ||
         path == "engine.data_parallel_size";
}

class StartWriter {
 public:
  StartWriter(const TargetDeployment& target, EngineFiles& files) : target_(target), files_(files) {}

  void run() {
    files_.line = serve_line(target_.scenario);
    const std::string model = served_model_name(target_.scenario);
    if (const std::size_t at = files_.line.find(model); at != std::string::npos)
      files_.line.replace(at, model.size(), shell_word(model));
    for (const ResolvedField& field : target_.scenario.fields) {
      if (is_given(field)) given(field);
    }
    write_options();
    for (const std::string& pool : target_.left_out)
      files_.missing.push_back(fmt::format("pool '{}', which has a start line of its own", pool));
    for (const std::string& difference : launch_differences(target_.scenario, true))
      files_.missing.push_back(difference);
  }

 private:
  void given(const ResolvedField& field) {
    const std::string_view path = field.path;
    const bool simulation = std::any_of(std::begin(kOfTheSimulation), std::end(kOfTheSimulation),
                                        [&](std::string_view prefix) { return path.starts_with(prefix); });
    if (simulation) files_.of_simulation.push_back(fmt::format("{}: {}", path, flag_value(field.value)));
    if (!path.starts_with("engine.") || is_settled(path) || (simulation && path.starts_with("engine."))) return;
    // One flag, or several, for all of it.
    const bool says_drafts =
        target_.program == Program::tensorrt_llm || files_.line.find(" --speculative-") != std::string::npos;
    if (path.starts_with("engine.speculative_config.") && says_drafts) return;
    const bool* truth = field.value.if_bool();
    bool on = truth != nullptr && *truth;
    if (is_said(path)) return;
    if (target_.program == Program::sglang && path == "engine.enable_prefix_caching") {
      if (!on && !has_flag(files_.line, "disable-radix-cache")) files_.line += " --disable-radix-cache";
      return;
    }
    if (const EngineOption* option = option_of(target_.program, path)) {
      options_.emplace_back(option, field.value);
    } else if (const FlagRow* row = flag_of(target_.program, path, truth == nullptr ? nullptr : &on)) {
      files_.line += fmt::format(" --{}", row->name);
      if (truth == nullptr) files_.line += " " + flag_value(field.value);
    } else if (!is_default(path, field.value)) {
      files_.missing.push_back(fmt::format("{}: {} (the engine has no flag for it)", path, flag_value(field.value)));
    }
  }

  // The start line has one of the field's flags.
  [[nodiscard]] bool is_said(std::string_view field) const {
    const std::span<const FlagRow> rows = flags_of(target_.program);
    return std::any_of(rows.begin(), rows.end(),
                       [&](const FlagRow& row) { return row.field == field && has_flag(files_.line, row.name); });
  }
  // A flag that only one direction exists of: false is what there is without it.
  [[nodiscard]] static bool is_default(std::string_view path, const Json& value) {
    const bool* truth = value.if_bool();
    return truth != nullptr && !*truth && path != "engine.enable_chunked_prefill";
  }

  void write_options() {
    if (target_.program != Program::tensorrt_llm) return;
    const Scenario& s = target_.scenario;
    // What the flags cannot say is always said, so that the engine's own defaults do not matter.
    options_.emplace_back(option_of(target_.program, "engine.enable_chunked_prefill"), s.engine.enable_chunked_prefill);
    options_.emplace_back(option_of(target_.program, "engine.enable_prefix_caching"), s.engine.enable_prefix_caching);
    options_.emplace_back(option_of(target_.program, "engine.block_size"), std::int64_t{s.engine.block_size});
    if (s.engine.data_parallel_size > 1) files_.options += "enable_attention_dp: true\n";
    std::vector<std::string> written;
    for (const EngineOption& row : options_of(target_.program)) {
      const auto at = std::find_if(options_.begin(), options_.end(), [&](const auto& o) { return o.first == &row; });
      if (at == options_.end()) continue;
      const auto dot = row.path.find('.');
      const std::string section(dot == std::string_view::npos ? "" : row.path.substr(0, dot));
      if (!section.empty() && std::find(written.begin(), written.end(), section) == written.end()) {
        files_.options += section + ":\n";
        written.push_back(section);
      }
      Json value = at->second;
      if (const bool* truth = value.if_bool(); truth != nullptr && row.inverted) value = Json(!*truth);
      files_.options += fmt::format("{}{}: {}\n", section.empty() ? "" : "  ",
                                    section.empty() ? row.path : row.path.substr(dot + 1), flag_value(value));
    }
    write_drafts();
    if (!files_.options.empty()) files_.line += fmt::format(" --extra_llm_api_options {}", kOptionsFile);
  }

  // tensorrt_llm/llmapi/llm_args.py: DecodingBaseConfig and its kinds.
  void write_drafts() {
    const DraftSpec& draft = target_.scenario.deployment.draft;
    const std::int64_t tokens = target_.scenario.engine.speculation.tokens;
    if (tokens == 0) return;
    const bool mtp = draft.method == DraftMethod::mtp;
    const std::string_view type = mtp                                        ? "MTP"
                                  : draft.method == DraftMethod::eagle3      ? "Eagle3"
                                  : draft.method == DraftMethod::eagle       ? "Eagle"
                                  : draft.method == DraftMethod::ngram       ? "NGram"
                                  : draft.method == DraftMethod::medusa      ? "Medusa"
                                  : draft.method == DraftMethod::draft_model ? "Draft_Target"
                                                                             : "";
    if (type.empty()) {
      files_.missing.push_back(fmt::format("{} speculation (the engine has none)", to_string(draft.method)));
      return;
    }
    files_.options += fmt::format("speculative_config:\n  decoding_type: {}\n  {}: {}\n", type,
                                  mtp ? "num_nextn_predict_layers" : "max_draft_len", tokens);
    if (!draft.checkpoint.empty()) files_.options += fmt::format("  speculative_model_dir: {}\n", draft.checkpoint);
  }

  const TargetDeployment& target_;
  EngineFiles& files_;
  std::vector<std::pair<const EngineOption*, Json>> options_;
};

void add_list(std::string& text, std::string_view title, const std::vector<std::string>& items) {
  if (items.empty()) return;
  text += fmt::format("# {}\n", title);
  for (const std::string& item : items) text += fmt::format("#   {}\n", visible(item));
}

}  // namespace

EngineFiles engine_files(const TargetDeployment& target) {
  EngineFiles files;
  StartWriter(target, files).run();
  return files;
}

std::string emit_comments(const TargetDeployment& target, const EngineFiles& files) {
  const Scenario& s = target.scenario;
  std::string text = fmt::format("# {}: {}\n# scenario {}, foretoken {}\n", visible(s.name),
                                 visible(deployment_line(s)), scenario_sha256(s).substr(0, 12), version());
  add_list(text, "Converted from the scenario's engine:", target.converted);
  add_list(text, "Not carried over, this engine has no such knob:", target.dropped);
  add_list(text, "Not expressed:", files.missing);
  add_list(text, "Of the simulation alone, nothing that an engine is told:", files.of_simulation);
  return text;
}

std::string verification_comment(const Scenario& s) {
  const std::string bench = bench_line(s);
  std::string text = "# The prediction is verified by\n";
  if (!bench.empty()) text += "#   " + bench + "\n";
  for (const std::string& difference : launch_differences(s)) {
    const bool of_load =
        difference.find("bench") != std::string::npos || difference.find("answers") != std::string::npos;
    if (of_load) text += "#   note: " + difference + "\n";
  }
  return text + "# and `foretoken validate` with the file that --save-result writes.\n";
}

std::string to_script(const TargetDeployment& target) {
  const EngineFiles files = engine_files(target);
  const Scenario& s = target.scenario;
  std::string text = "#!/bin/sh\n" + emit_comments(target, files) + "\n";
  const int replicas = replicas_in_all(s);
  if (replicas > 1) text += fmt::format("# One of {} replicas, behind a router ({}).\n", replicas, s.cluster.router);
  if (!files.options.empty()) text += fmt::format("cat > {} <<'EOF'\n{}EOF\n", kOptionsFile, files.options);
  return text + files.line + "\n\n" + verification_comment(s);
}

}  // namespace foretoken
