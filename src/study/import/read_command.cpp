// Finds the program in a command line and takes its flags one by one.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

#include "base/csv.hpp"
#include "study/import/import_draft.hpp"

namespace foretoken {
namespace {

std::string_view base_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

bool is_assignment(std::string_view word) {
  const auto equals = word.find('=');
  return equals != std::string_view::npos && equals > 0 &&
         std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

// -1 and -.5 are values, and dashes alone are no flag.
bool is_flag(std::string_view word) {
  const std::size_t name = word.find_first_not_of('-');
  if (name == 0 || name == std::string_view::npos) return false;
  return std::isalpha(static_cast<unsigned char>(word[name])) != 0;
}

// As the tables spell it: without dashes in front, '-' for '_'.
std::string plain_name(std::string_view word) {
  std::string name(word.substr(word.find_first_not_of('-')));
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

struct ProgramAt {
  Program program = Program::vllm;
  std::size_t next = 0;      // of the words behind its name
  bool model_first = false;  // a word without flag names the model
};

// 0.19.0 of vllm/vllm-openai:v0.19.0, of which as much counts as has rules of its own; empty for other tags.
std::string release_of_image(std::string_view image) {
  const auto colon = image.find_last_of(':');
  std::string_view tag = colon == std::string_view::npos ? "" : image.substr(colon + 1);
  if (tag.starts_with('v')) tag.remove_prefix(1);
  std::size_t end = 0;
  int dots = 0;
  while (end < tag.size() &&
         (std::isdigit(static_cast<unsigned char>(tag[end])) != 0 || (tag[end] == '.' && ++dots < 3)))
    ++end;
  return dots == 0 ? "" : std::string(tag.substr(0, end));
}

std::optional<ProgramAt> find_program(const CommandWords& words, ImportDraft& draft) {
  std::size_t at = 0;
  const auto word = [&](std::size_t i) {
    return i < words.size() ? std::string_view(words[i].text) : std::string_view();
  };
  const auto skip_prefixes = [&] {
    for (; at < words.size(); ++at) {
      const std::string_view w = word(at);
      const bool prefix = w == "sudo" || w == "exec" || w == "nohup" || w == "time" || w == "env";
      if (!prefix && !is_assignment(w)) return;
      if (!prefix && !w.starts_with("CUDA_VISIBLE_DEVICES")) draft.not_simulated.emplace_back(w);
    }
  };
  skip_prefixes();
  if (word(at) == "docker" || word(at) == "podman") {
    const auto image = std::find_if(words.begin(), words.end(), [](const CommandWord& w) {
      return w.text.find("vllm-openai") != std::string::npos || w.text.find("sglang:") != std::string::npos ||
             w.text.find("tensorrt-llm") != std::string::npos;
    });
    if (image == words.end()) return std::nullopt;
    at = static_cast<std::size_t>(image - words.begin()) + 1;
    draft.version = release_of_image(image->text);
    if (image->text.find("vllm-openai") != std::string::npos && base_name(word(at)) != "vllm")
      return ProgramAt{Program::vllm, at, true};
    skip_prefixes();
  }
  const std::string_view name = base_name(word(at));
  if (name == "vllm" && word(at + 1) == "serve") return ProgramAt{Program::vllm, at + 2, true};
  if (name == "vllm" && word(at + 1) == "bench" && word(at + 2) == "serve")
    return ProgramAt{Program::vllm_bench, at + 3};
  if (name == "sglang" && word(at + 1) == "serve") return ProgramAt{Program::sglang, at + 2};
  if (name == "trtllm-serve") return ProgramAt{Program::tensorrt_llm, word(at + 1) == "serve" ? at + 2 : at + 1, true};
  if (!name.starts_with("python")) return std::nullopt;
  for (++at; at < words.size() && word(at).starts_with("-") && word(at) != "-m"; ++at) {
  }
  if (base_name(word(at)) == "benchmark_serving.py") return ProgramAt{Program::vllm_bench, at + 1};
  if (word(at) != "-m") return std::nullopt;
  const std::string_view module = word(at + 1);
  if (module == "vllm.entrypoints.openai.api_server") return ProgramAt{Program::vllm, at + 2};
  if (module == "sglang.launch_server") return ProgramAt{Program::sglang, at + 2};
  return std::nullopt;
}

// vLLM reads 32k as 32,000 and 32K as 32,768.
std::string number_of_tokens(const std::string& value) {
  constexpr std::pair<char, double> kFactors[] = {{'k', 1e3},    {'m', 1e6},       {'g', 1e9},
                                                  {'K', 1024.0}, {'M', 1048576.0}, {'G', 1073741824.0}};
  for (const auto& [suffix, factor] : kFactors) {
    double number = 0;
    if (value.empty() || value.back() != suffix || !parse_number(value.substr(0, value.size() - 1), number)) continue;
    return fmt::format("{:.0f}", std::floor(number * factor));
  }
  return value;
}

// The scenario's word for a weight format; empty: it has none.
std::string weight_format(const std::string& value) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"fp8", "fp8"},
                                                                      {"w8a8_fp8", "fp8"},
                                                                      {"fbgemm_fp8", "fp8"},
                                                                      {"ptpc_fp8", "fp8"},
                                                                      {"modelopt", "fp8"},
                                                                      {"modelopt_fp8", "fp8"},
                                                                      {"awq", "awq"},
                                                                      {"awq_marlin", "awq"},
                                                                      {"gptq", "gptq"},
                                                                      {"gptq_marlin", "gptq"},
                                                                      {"mxfp4", "mxfp4"},
                                                                      {"nvfp4", "nvfp4"},
                                                                      {"modelopt_fp4", "nvfp4"},
                                                                      {"petit_nvfp4", "nvfp4"},
                                                                      {"w8a8_int8", "int8"},
                                                                      {"int8", "int8"}};
  for (const auto& [name, ours] : kNames) {
    if (value == name) return std::string(ours);
  }
  return {};
}
std::string kv_format(const std::string& value) {
  if (value == "nvfp4" || value == "fp4_e2m1") return "fp4";
  if (value == "bf16") return "bfloat16";
  for (const char* same : {"auto", "bfloat16", "float16", "fp8", "fp8_e4m3", "fp8_e5m2", "int8", "fp8_per_token_head",
                           "int8_per_token_head"}) {
    if (value == same) return value;
  }
  return {};
}

class CommandReader {
 public:
  CommandReader(const CommandWords& words, const ProgramAt& at, ImportDraft& draft)
      : words_(words), at_(at.next), program_(at.program), model_first_(at.model_first), draft_(draft) {}

  void run() {
    while (at_ < words_.size()) {
      const CommandWord& word = words_[at_];
      if (is_flag(word.text)) {
        read_flag(word);
        continue;
      }
      ++at_;
      if (std::exchange(model_first_, false))
        name_model(word.text, word.where);
      else
        draft_.problems.error(word.where, fmt::format("'{}' belongs to no flag", word.text),
                              "values stand behind their flag; one with spaces needs quotes");
    }
  }

 private:
  void name_model(const std::string& name, const SourceLocation& where) {
    if (program_ == Program::vllm_bench) {
      draft_.bench_model = name;
      return;
    }
    if (!draft_.model.empty() && draft_.model != name)
      draft_.warnings.warning(
          where, fmt::format("the model is named twice: '{}' takes the place of '{}'", name, draft_.model));
    draft_.model = name;
    draft_.model_where = where;
  }

  void read_flag(const CommandWord& word) {
    ++at_;
    const auto equals = word.text.find('=');
    const std::string name = plain_name(std::string_view(word.text).substr(0, equals));
    std::optional<std::string> value;
    if (equals != std::string::npos) value = word.text.substr(equals + 1);
    const FlagRow* row = find_flag(program_, name);
    if (row == nullptr) return unknown(word, value);
    const bool without_word =
        row->kind == FlagKind::on || row->kind == FlagKind::off || row->kind == FlagKind::harmless_on;
    if (!without_word && !value) {
      if (at_ >= words_.size() || is_flag(words_[at_].text)) {
        draft_.problems.error(
            word.where, fmt::format("'{}' needs a value", word.text),
            at_ < words_.size() ? fmt::format("behind it stands '{}'", words_[at_].text) : "nothing stands behind it");
        return;
      }
      value = words_[at_++].text;
    }
    const std::string said = equals != std::string::npos || !value ? word.text : word.text + " " + *value;
    if (row->kind == FlagKind::harmless || row->kind == FlagKind::harmless_on) {
      draft_.harmless.push_back(said);
      return;
    }
    take(*row, word, value.value_or(""), said);
  }

  // What nobody here knows takes the words up to the next flag with it.
  void unknown(const CommandWord& word, const std::optional<std::string>& value) {
    std::string said = word.text;
    while (!value && at_ < words_.size() && !is_flag(words_[at_].text)) said += " " + words_[at_++].text;
    std::vector<std::string> names;
    for (const FlagRow& row : flags_of(program_)) names.emplace_back(row.name);
    const std::string name = plain_name(std::string_view(word.text).substr(0, word.text.find('=')));
    const std::string close = name.size() > 3 ? closest_match(name, names) : "";
    if (!close.empty())
      draft_.warnings.warning(word.where, fmt::format("'{}' is not known", word.text),
                              fmt::format("did you mean '--{}'?", close));
    draft_.not_simulated.push_back(said);
  }

  void set(std::string_view path, std::string value, const CommandWord& word, const std::string& said) {
    draft_.set({std::string(path), std::move(value), said, word.where});
  }

  // A counterpart that is a word of its own, or none.
  void set_or_leave(const FlagRow& row, const std::string& ours, const CommandWord& word, const std::string& said) {
    if (ours.empty())
      draft_.not_simulated.push_back(said);
    else
      set(row.field, ours, word, said);
  }

  void take(const FlagRow& row, const CommandWord& word, const std::string& value, const std::string& said) {
    const std::string_view field = row.field;
    if (row.kind == FlagKind::on || row.kind == FlagKind::off) {
      if (row.name == "enable-dp-attention") draft_.attention_dp = true;
      const bool on = (row.kind == FlagKind::on) != (value == "false" || value == "False");
      if (!field.empty()) set(field, on ? "true" : "false", word, said);
    } else if (field == "engine.quantization") {
      set_or_leave(row, weight_format(value), word, said);
    } else if (field == "workload.random_mm_bucket_config") {
      set_or_leave(row, media_buckets(value), word, said);
    } else if (field == "engine.kv_cache_dtype") {
      set_or_leave(row, kv_format(value), word, said);
    } else if (field == "engine.dtype") {
      set_or_leave(row, value.find("32") == std::string::npos && value != "float" ? value : "", word, said);
    } else if (field == "engine.max_model_len" && (value == "auto" || value == "-1")) {
      draft_.notes.push_back(
          fmt::format("{}: the engine takes what fits; here the model's context or 8,192, whatever is less", said));
    } else if (!field.empty()) {
      set(field, row.kind == FlagKind::tokens ? number_of_tokens(value) : value, word, said);
    } else {
      take_by_name(row, word, value, said);
    }
  }

  void take_by_name(const FlagRow& row, const CommandWord& word, const std::string& value, const std::string& said) {
    if (row.name == "model" || row.name == "model-path") return name_model(value, word.where);
    if (row.name.starts_with("ep") || row.name == "expert-parallel-size") {
      if (value != "1") set("engine.enable_expert_parallel", "true", word, said);
    } else if (row.name == "dataset-name") {
      draft_.dataset_name = value;
    } else if (row.name == "dataset-path") {
      draft_.dataset_path = value;
    } else if (row.name == "extra-llm-api-options" || row.name == "config") {
      draft_.options_file = value;
    } else if (row.name == "speculative-config") {
      read_vllm_drafts(word, value, draft_);
    } else if (read_sglang_draft(row.name, word, value, said, draft_)) {
      return;
    } else if (row.name == "goodput") {
      read_goodput(word, value);
    } else if (row.name == "schedule-policy" && value == "fcfs") {
      draft_.harmless.push_back(said);
    } else {
      draft_.not_simulated.push_back(said);
    }
  }

  // --goodput ttft:500 tpot:20, in milliseconds.
  void read_goodput(const CommandWord& word, std::string value) {
    for (;;) {
      const auto colon = value.find(':');
      double limit = 0;
      const std::string metric = value.substr(0, colon);
      const bool known = metric == "ttft" || metric == "tpot" || metric == "e2el";
      if (colon == std::string::npos || !known || !parse_number(value.substr(colon + 1), limit))
        draft_.problems.error(word.where, fmt::format("'{}' is no limit of --goodput", value),
                              "ttft:500, tpot:50 or e2el:10000, in ms");
      else
        set("goodput." + metric, fmt::format("{:g}", limit), word, "--goodput " + value);
      if (at_ >= words_.size() || is_flag(words_[at_].text)) return;
      value = words_[at_++].text;
    }
  }

  const CommandWords& words_;
  std::size_t at_;
  Program program_;
  bool model_first_;
  ImportDraft& draft_;
};

}  // namespace

void ImportDraft::set(ImportedField field) {
  for (ImportedField& there : fields) {
    if (there.path != field.path) continue;
    warnings.warning(
        field.where,
        fmt::format("'{}' is given twice: '{}' takes the place of '{}'", field.path, field.said, there.said),
        "the last one counts, as in the engine");
    there = std::move(field);
    return;
  }
  fields.push_back(std::move(field));
}

const ImportedField* ImportDraft::find(std::string_view path) const {
  const auto at = std::find_if(fields.begin(), fields.end(), [&](const ImportedField& f) { return f.path == path; });
  return at == fields.end() ? nullptr : &*at;
}

bool read_command(const CommandWords& words, ImportDraft& draft) {
  const std::optional<ProgramAt> program = find_program(words, draft);
  if (!program) return false;
  std::string text;
  for (const CommandWord& w : words) text += (text.empty() ? "" : " ") + w.text;
  draft.sources.push_back(text);
  if (program->program == Program::vllm_bench) {
    draft.has_load = true;
  } else if (draft.engine) {
    draft.problems.error(words.front().where, "a second start line of an engine", "import one deployment at a time");
    return true;
  } else {
    draft.engine = program->program;
    draft.engine_where = words.front().where;
  }
  CommandReader(words, *program, draft).run();
  return true;
}

}  // namespace foretoken
