// Files of options beside a start line.
#include <fmt/format.h>

#include <algorithm>

#include "study/import/import_draft.hpp"

namespace foretoken {
namespace {

constexpr Program kProgram = Program::tensorrt_llm;  // the one that takes such a file

const EngineOption* find_option(std::string_view path) {
  const std::span<const EngineOption> rows = options_of(kProgram);
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const EngineOption& row) { return row.path == path; });
  return at == rows.end() ? nullptr : &*at;
}

bool is_section(std::string_view key) {
  const std::span<const EngineOption> rows = options_of(kProgram);
  return std::any_of(rows.begin(), rows.end(),
                     [&](const EngineOption& row) { return row.path.starts_with(fmt::format("{}.", key)); });
}

bool is_on(const std::string& text) {
  return text == "true" || text == "True";
}

bool read_entry(const YamlNode::Entry& entry, const std::string& section, ImportDraft& draft) {
  const std::string path = section.empty() ? entry.key : section + "." + entry.key;
  const std::string said = fmt::format("{}: {}", path, to_flow(entry.value));
  if (path == "enable_attention_dp") {
    draft.attention_dp = is_on(entry.value.text);
    return true;
  }
  const EngineOption* option = find_option(path);
  if (option == nullptr) {
    draft.not_simulated.push_back(said);
    return false;
  }
  std::string value = entry.value.text;
  if (option->inverted) value = is_on(value) ? "false" : "true";
  draft.set({std::string(option->field), value, said, entry.value.where});
  return true;
}

}  // namespace

bool read_options(const YamlNode& root, ImportDraft& draft) {
  if (root.kind != YamlNode::Kind::map) return false;
  const bool known = std::any_of(root.entries.begin(), root.entries.end(), [](const YamlNode::Entry& e) {
    return e.key == "enable_attention_dp" || e.key == "speculative_config" || find_option(e.key) != nullptr ||
           is_section(e.key);
  });
  if (!known) return false;
  for (const YamlNode::Entry& entry : root.entries) {
    if (entry.key == "speculative_config" && entry.value.kind == YamlNode::Kind::map) {
      read_tensorrt_drafts(entry.value, draft);
      continue;
    }
    if (!is_section(entry.key)) {
      (void)read_entry(entry, "", draft);
      continue;
    }
    for (const YamlNode::Entry& inner : entry.value.entries) (void)read_entry(inner, entry.key, draft);
  }
  draft.has_options = true;
  return true;
}

bool read_config_map(const YamlNode& root, ImportDraft& draft) {
  const YamlNode* kind = root.kind == YamlNode::Kind::map ? root.find("kind") : nullptr;
  const YamlNode* data = kind != nullptr && kind->text == "ConfigMap" ? root.find("data") : nullptr;
  if (data == nullptr) return false;
  for (const YamlNode::Entry& entry : data->entries) {
    if (const Result<YamlNode> inner = parse_yaml(entry.value.text, entry.value.where.file))
      (void)read_options(*inner, draft);
  }
  return true;
}

void settle_options(ImportDraft& draft) {
  settle_drafter(draft);
  // Under attention data parallelism TensorRT-LLM's tensor ranks are ranks with a scheduler each.
  for (ImportedField& f : draft.fields) {
    if (draft.engine == kProgram && draft.attention_dp && f.path == "engine.tensor_parallel_size")
      f.path = "engine.data_parallel_size";
  }
  if (draft.options_file.empty() || draft.has_options) return;
  draft.not_simulated.push_back(
      fmt::format("{}: what it says; give the file too, behind the start line", draft.options_file));
}

std::string without_here_documents(const std::string& script, std::vector<std::string>& documents) {
  std::string rest, end;
  std::size_t lines = 0;
  for (std::size_t at = 0; at < script.size(); ++lines) {
    const std::size_t stop = std::min(script.find('\n', at), script.size());
    const std::string line = script.substr(at, stop - at);
    at = stop + 1;
    if (!end.empty()) {
      if (line == end)
        end.clear();
      else
        documents.back() += line + "\n";
      rest += '\n';
      continue;
    }
    const std::size_t mark = line.find("<<");
    rest += line.substr(0, mark) + "\n";
    if (mark == std::string::npos || line.starts_with('#')) continue;
    end = line.substr(mark + 2);
    std::erase_if(end, [](char c) { return c == '\'' || c == '"' || c == ' ' || c == '-'; });
    if (!end.empty()) documents.emplace_back(lines + 1, '\n');
  }
  return rest;
}

}  // namespace foretoken
