// Start lines inside YAML: the values of vLLM's Helm chart, and any container with `command` and `args`.
#include <fmt/format.h>

#include <algorithm>

#include "study/import/import_draft.hpp"

namespace foretoken {
namespace {

using NodeKind = YamlNode::Kind;

std::string text_at(const YamlNode& map, std::string_view key) {
  const YamlNode* node = map.find(key);
  return node != nullptr && node->kind == NodeKind::scalar ? node->text : std::string();
}

// v0.19.0: 0.19.0, of which as much counts as has rules of its own.
std::string tag_release(std::string tag) {
  if (tag.starts_with('v')) tag.erase(0, 1);
  const bool plain = tag.find_first_not_of("0123456789.") == std::string::npos && tag.find('.') != std::string::npos;
  return plain ? tag : "";
}

void add_words(const YamlNode* node, CommandWords& words, Diagnostics& problems) {
  if (node == nullptr) return;
  if (node->kind == NodeKind::scalar) {
    // `command: vllm serve ...` of Compose, or one string behind sh -c.
    for (const CommandWords& command : split_commands(node->text, node->where.file, problems)) {
      for (const CommandWord& word : command) words.push_back({word.text, node->where});
    }
  }
  for (const YamlNode& item : node->items) {
    if (item.kind == NodeKind::scalar) words.push_back({item.text, item.where});
  }
}

// sh -c "vllm serve ..." is what stands in the quotes.
CommandWords without_shell(CommandWords words, Diagnostics& problems) {
  const auto flag =
      std::find_if(words.begin(), words.end(), [](const CommandWord& w) { return w.text == "-c" || w.text == "-lc"; });
  if (words.empty() || flag == words.end() || flag + 1 == words.end() || !words.front().text.ends_with("sh"))
    return words;
  CommandWords inner;
  for (const CommandWords& command : split_commands((flag + 1)->text, (flag + 1)->where.file, problems)) {
    if (!inner.empty() && inner.front().text.find("vllm") != std::string::npos) break;
    inner.clear();
    for (const CommandWord& word : command) inner.push_back({word.text, (flag + 1)->where});
  }
  return inner;
}

// ---- Helm values ----

struct ChartFlag {
  std::string_view key, flag;
};
constexpr ChartFlag kChartFlags[] = {{"maxModelLen", "--max-model-len"},
                                     {"dtype", "--dtype"},
                                     {"tensorParallelSize", "--tensor-parallel-size"},
                                     {"pipelineParallelSize", "--pipeline-parallel-size"},
                                     {"maxNumSeqs", "--max-num-seqs"},
                                     {"gpuMemoryUtilization", "--gpu-memory-utilization"}};

bool is_true(const std::string& text) {
  return text == "true" || text == "True" || text == "yes";
}

// As the chart's template does, which switches prefix caching off where the values do not switch it on.
void add_chart_flags(const YamlNode& config, CommandWords& words, ImportDraft& draft) {
  bool prefix = false;
  for (const YamlNode::Entry& entry : config.entries) {
    const auto flag = std::find_if(std::begin(kChartFlags), std::end(kChartFlags),
                                   [&](const ChartFlag& f) { return f.key == entry.key; });
    if (flag != std::end(kChartFlags)) {
      words.push_back({std::string(flag->flag), entry.where});
      words.push_back({entry.value.text, entry.value.where});
    } else if (entry.key == "enableChunkedPrefill") {
      words.push_back(
          {is_true(entry.value.text) ? "--enable-chunked-prefill" : "--no-enable-chunked-prefill", entry.where});
    } else if (entry.key == "enablePrefixCaching") {
      prefix = is_true(entry.value.text);
    } else if (entry.key != "extraArgs") {
      draft.not_simulated.push_back(fmt::format("vllmConfig.{}: {}", entry.key, to_flow(entry.value)));
    }
  }
  words.push_back({prefix ? "--enable-prefix-caching" : "--no-enable-prefix-caching", config.where});
  if (!prefix)
    draft.notes.emplace_back(
        "the chart switches prefix caching off where vllmConfig.enablePrefixCaching does not switch it on");
  if (const YamlNode* extra = config.find("extraArgs")) add_words(extra, words, draft.problems);
}

void read_model_spec(const YamlNode& spec, ImportDraft& draft) {
  constexpr std::string_view kHarmless[] = {"name",
                                            "repository",
                                            "tag",
                                            "modelURL",
                                            "replicaCount",
                                            "vllmConfig",
                                            "requestCPU",
                                            "requestMemory",
                                            "requestGPU",
                                            "limitCPU",
                                            "limitMemory",
                                            "pvcStorage",
                                            "pvcAccessMode",
                                            "hf_token",
                                            "env",
                                            "nodeSelectorTerms",
                                            "enabled",
                                            "annotations",
                                            "podAnnotations",
                                            "requestGPUType",
                                            "pvcMatchLabels",
                                            "storageClass",
                                            "shmSize"};
  CommandWords words{{"vllm", spec.where}, {"serve", spec.where}};
  const YamlNode* url = spec.find("modelURL");
  if (url == nullptr || url->kind != NodeKind::scalar)
    draft.problems.error(spec.where, "this model has no modelURL", "the chart needs one");
  else
    words.push_back({url->text, url->where});
  const YamlNode* config = spec.find("vllmConfig");
  if (config != nullptr && config->kind == NodeKind::map) add_chart_flags(*config, words, draft);
  draft.version = tag_release(text_at(spec, "tag"));
  draft.replicas = text_at(spec, "replicaCount");
  if (const YamlNode* replicas = spec.find("replicaCount")) draft.replicas_where = replicas->where;
  for (const YamlNode::Entry& entry : spec.entries) {
    if (std::find(std::begin(kHarmless), std::end(kHarmless), entry.key) == std::end(kHarmless))
      draft.not_simulated.push_back(fmt::format("modelSpec.{}: {}", entry.key, to_flow(entry.value)));
  }
  read_command(words, draft);
  const std::string gpus = text_at(spec, "requestGPU");
  const ImportedField* tensor = draft.find("engine.tensor_parallel_size");
  if (!gpus.empty() && gpus != (tensor == nullptr ? "1" : tensor->value))
    draft.notes.push_back(
        fmt::format("requestGPU is {}, tensor parallelism {}: GPUs beyond it stay idle, and are not simulated", gpus,
                    tensor == nullptr ? "1" : tensor->value));
}

bool read_chart(const YamlNode& root, const std::string& entry, ImportDraft& draft) {
  const YamlNode* engine = root.kind == NodeKind::map ? root.find("servingEngineSpec") : nullptr;
  const YamlNode* specs = engine != nullptr && engine->kind == NodeKind::map ? engine->find("modelSpec") : nullptr;
  if (specs == nullptr || specs->kind != NodeKind::list || specs->items.empty()) return false;
  std::vector<const YamlNode*> chosen;
  std::string names;
  for (const YamlNode& spec : specs->items) {
    if (spec.kind != NodeKind::map) continue;
    const std::string name = text_at(spec, "name");
    names += (names.empty() ? "" : ", ") + name;
    if (entry.empty() || entry == name) chosen.push_back(&spec);
  }
  if (chosen.size() != 1) {
    draft.problems.error(specs->where,
                         fmt::format("{} models {}: {}", chosen.empty() ? "none of the" : "there are several",
                                     chosen.empty() ? fmt::format("is called '{}'", entry) : "here", names),
                         "choose one: --entry NAME");
    return true;
  }
  read_model_spec(*chosen.front(), draft);
  return true;
}

// ---- manifests ----

// Depth first, with the nearest `replicas` above.
bool read_containers(const YamlNode& node, const std::string& entry, std::string replicas, SourceLocation where,
                     ImportDraft& draft) {
  bool found = false;
  if (node.kind == NodeKind::map) {
    if (const YamlNode* count = node.find("replicas"); count != nullptr && count->kind == NodeKind::scalar) {
      replicas = count->text;
      where = count->where;
    }
    CommandWords words;
    const std::string image = text_at(node, "image");
    add_words(node.find("command"), words, draft.problems);
    add_words(node.find("args"), words, draft.problems);
    words = without_shell(std::move(words), draft.problems);
    const bool own_entry_point = node.find("command") == nullptr && image.find("vllm-openai") != std::string::npos;
    if (own_entry_point && !words.empty()) words.insert(words.begin(), {{"vllm", node.where}, {"serve", node.where}});
    const bool wanted = entry.empty() || text_at(node, "name") == entry;
    if (wanted && !words.empty() && read_command(words, draft)) {
      found = true;
      draft.replicas = replicas;
      draft.replicas_where = where;
      if (const auto colon = image.find_last_of(':'); colon != std::string::npos)
        draft.version = tag_release(image.substr(colon + 1));
    }
  }
  for (const YamlNode& item : node.items) found = read_containers(item, entry, replicas, where, draft) || found;
  for (const YamlNode::Entry& e : node.entries)
    found = read_containers(e.value, entry, replicas, where, draft) || found;
  return found;
}

}  // namespace

bool read_manifest(const YamlNode& root, const std::string& entry, ImportDraft& draft) {
  return read_chart(root, entry, draft) || read_containers(root, entry, "", {}, draft);
}

}  // namespace foretoken
