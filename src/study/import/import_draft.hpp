// What has been read of a deployment so far, and the readers that add to it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenario/yaml_tree.hpp"
#include "study/import/command_words.hpp"
#include "study/import/flag_tables.hpp"

namespace foretoken {

struct ImportedField {
  std::string path;   // engine.max_num_seqs
  std::string value;  // as --set would take it
  std::string said;   // --max-num-seqs 64
  SourceLocation where;
};

struct ImportDraft {
  std::optional<Program> engine;
  SourceLocation engine_where;
  std::string version;  // of an image's tag; empty = not said
  std::string model;
  SourceLocation model_where;
  std::string bench_model;
  std::vector<ImportedField> fields;
  ImportedField drafter;  // SGLang: a checkpoint that drafts, which the algorithm says more of
  bool has_load = false;
  bool attention_dp = false;  // of SGLang: data-parallel ranks share the GPUs of one engine
  bool expert_parallel = false;
  std::string replicas;  // empty = not said
  SourceLocation replicas_where;
  std::string dataset_name, dataset_path;
  std::string options_file;          // that the start line names
  bool has_options = false;          // its contents were read
  std::vector<std::string> sources;  // the commands that were read
  std::vector<std::string> harmless;
  std::vector<std::string> not_simulated;
  std::vector<std::string> notes;
  Diagnostics problems;
  Diagnostics warnings;

  // A second value of one field replaces the first, with a warning.
  void set(ImportedField field);
  [[nodiscard]] const ImportedField* find(std::string_view path) const;
};

// Speculative decoding: the map of vLLM's flag; one of SGLang's flags, false when it is none; a section of
// TensorRT-LLM's options; and when all is read.
void read_vllm_drafts(const CommandWord& word, const std::string& value, ImportDraft& draft);
bool read_sglang_draft(std::string_view flag, const CommandWord& word, const std::string& value,
                       const std::string& said, ImportDraft& draft);
void read_tensorrt_drafts(const YamlNode& section, ImportDraft& draft);
void settle_drafter(ImportDraft& draft);

// --dataset-name and --dataset-path; when all is read.
void settle_dataset(ImportDraft& draft);
// A list for workload.random_mm_bucket_config of what `vllm bench serve` takes; empty: it cannot be read.
[[nodiscard]] std::string media_buckets(std::string value);

// Options of an engine, as trtllm-serve takes them from a file; false when none of the keys is one.
bool read_options(const YamlNode& root, ImportDraft& draft);
// A ConfigMap of Kubernetes whose data hold such options; false when it is none.
bool read_config_map(const YamlNode& root, ImportDraft& draft);
// When all sources are read: what the options mean for the start line, and that they are missing.
void settle_options(ImportDraft& draft);
// The script without what stands between `<<EOF` and `EOF`, line by line, and those documents with empty lines before
// them, so that places stay right.
[[nodiscard]] std::string without_here_documents(const std::string& script, std::vector<std::string>& documents);

// The start line of an engine or of its benchmark; false when the words are another command.
bool read_command(const CommandWords& words, ImportDraft& draft);
// Helm values of the vLLM production stack, or any manifest with `command` and `args`; false when there is neither.
bool read_manifest(const YamlNode& root, const std::string& entry, ImportDraft& draft);

}  // namespace foretoken
