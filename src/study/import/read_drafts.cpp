// Speculative decoding of a start line: vLLM's map, SGLang's flags, TensorRT-LLM's options.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "study/import/import_draft.hpp"

namespace foretoken {
namespace {

constexpr std::string_view kMap = "engine.speculative_config";

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// The scenario's word; empty: it has none.
std::string_view draft_method(const std::string& name) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"ngram", "ngram"},
                                                                      {"ngram_gpu", "ngram"},
                                                                      {"suffix", "suffix"},
                                                                      {"medusa", "medusa"},
                                                                      {"eagle", "eagle"},
                                                                      {"eagle3", "eagle3"},
                                                                      {"draft_model", "draft_model"},
                                                                      {"mtp", "mtp"},
                                                                      {"nextn", "mtp"},
                                                                      {"standalone", "draft_model"},
                                                                      {"draft_target", "draft_model"},
                                                                      {"drafttarget", "draft_model"}};
  const std::string wanted = lower(name);
  for (const auto& [known, ours] : kNames) {
    if (wanted == known) return ours;
  }
  return wanted.ends_with("_mtp") ? "mtp" : "";
}

class DraftReader {
 public:
  DraftReader(ImportDraft& draft, std::string prefix) : draft_(draft), prefix_(std::move(prefix)) {}

  void set(std::string_view key, const YamlNode& node, const std::string& said) {
    const bool list = node.kind == YamlNode::Kind::list;
    draft_.set({fmt::format("{}.{}", kMap, key), list ? to_flow(node) : node.text, said, node.where});
  }
  [[nodiscard]] std::string said(const YamlNode::Entry& entry) const {
    return fmt::format("{}{}: {}", prefix_, entry.key, to_flow(entry.value));
  }
  void leave(const YamlNode::Entry& entry) { draft_.not_simulated.push_back(said(entry)); }
  // A draft model is a model of its own; a head (EAGLE, Medusa) is the method's.
  void checkpoint(std::string_view method, const YamlNode& node, const std::string& text) {
    if (method == "draft_model")
      set("model", node, text);
    else
      draft_.harmless.push_back(text);
  }

 private:
  ImportDraft& draft_;
  std::string prefix_;
};

}  // namespace

void read_vllm_drafts(const CommandWord& word, const std::string& value, ImportDraft& draft) {
  const Result<YamlNode> map = parse_yaml(value, word.where.file);
  if (!map || map->kind != YamlNode::Kind::map) {
    draft.problems.error(word.where, fmt::format("'{}' is no map", value),
                         "'{\"method\": \"eagle3\", \"num_speculative_tokens\": 3}', in quotes");
    return;
  }
  // Places within a word mean nothing in its file.
  YamlNode root = *map;
  root.where = word.where;
  for (YamlNode::Entry& entry : root.entries) entry.where = entry.value.where = word.where;
  DraftReader reader(draft, "--speculative-config ");
  const YamlNode* named = root.find("method");
  const std::string_view method = named != nullptr                ? draft_method(named->text)
                                  : root.find("model") != nullptr ? std::string_view("draft_model")
                                                                  : std::string_view();
  if (method.empty()) {
    draft.not_simulated.push_back("--speculative-config " + value);
    return;
  }
  draft.set({fmt::format("{}.method", kMap), std::string(method), "--speculative-config", word.where});
  constexpr std::string_view kSame[] = {"num_speculative_tokens",
                                        "num_speculative_tokens_per_batch_size",
                                        "synthetic_acceptance_rates",
                                        "synthetic_acceptance_length",
                                        "max_model_len",
                                        "parallel_drafting"};
  for (const YamlNode::Entry& entry : root.entries) {
    if (entry.key == "method") continue;
    if (entry.key == "model")
      reader.checkpoint(method, entry.value, reader.said(entry));
    else if (std::find(std::begin(kSame), std::end(kSame), entry.key) != std::end(kSame))
      reader.set(entry.key, entry.value, reader.said(entry));
    else
      reader.leave(entry);
  }
}

bool read_sglang_draft(std::string_view flag, const CommandWord& word, const std::string& value,
                       const std::string& said, ImportDraft& draft) {
  if (flag == "speculative-algorithm") {
    const std::string_view method = draft_method(value);
    if (method.empty())
      draft.not_simulated.push_back(said);
    else
      draft.set({fmt::format("{}.method", kMap), std::string(method), said, word.where});
    return true;
  }
  if (flag != "speculative-draft-model-path") return false;
  draft.drafter = {fmt::format("{}.model", kMap), value, said, word.where};
  return true;
}

void read_tensorrt_drafts(const YamlNode& section, ImportDraft& draft) {
  DraftReader reader(draft, "speculative_config.");
  const YamlNode* named = section.find("decoding_type");
  const std::string_view method = named != nullptr ? draft_method(named->text) : "";
  if (method.empty()) {
    draft.not_simulated.push_back(fmt::format("speculative_config: {}", to_flow(section)));
    return;
  }
  reader.set("method", YamlNode(*named), fmt::format("speculative_config.decoding_type: {}", named->text));
  draft.fields.back().value = std::string(method);
  for (const YamlNode::Entry& entry : section.entries) {
    if (entry.key == "decoding_type") continue;
    if (entry.key == "max_draft_len" || entry.key == "num_nextn_predict_layers")
      reader.set("num_speculative_tokens", entry.value, reader.said(entry));
    else if (entry.key == "speculative_model_dir" || entry.key == "speculative_model")
      reader.checkpoint(method, entry.value, reader.said(entry));
    else
      reader.leave(entry);
  }
}

void settle_drafter(ImportDraft& draft) {
  if (draft.drafter.path.empty()) return;
  const ImportedField* method = draft.find(fmt::format("{}.method", kMap));
  if (method != nullptr && method->value == "draft_model")
    draft.set(draft.drafter);
  else
    draft.harmless.push_back(draft.drafter.said);
}

}  // namespace foretoken
