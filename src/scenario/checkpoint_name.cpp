// Words of a checkpoint's name from its end, as far as they speak of number formats. The words are those
// that publishers use on the Hugging Face hub.
#include "scenario/checkpoint_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

#include "foretoken/base/result.hpp"
#include "scenario/catalog_entries.hpp"

namespace foretoken {
namespace {

struct PrecisionWord {
  std::string_view word, format;
};
constexpr std::array kPrecisionWords{
    PrecisionWord{"fp8", "fp8"},
    PrecisionWord{"nvfp4", "nvfp4"},
    PrecisionWord{"fp4", "nvfp4"},
    PrecisionWord{"nvfp4a16", "nvfp4"},
    PrecisionWord{"mxfp4", "mxfp4"},
    PrecisionWord{"awq", "awq"},
    PrecisionWord{"gptq", "gptq"},
    PrecisionWord{"int4", "int4"},
    PrecisionWord{"w4a16", "int4"},
    PrecisionWord{"4bit", "int4"},
    PrecisionWord{"int8", "int8"},
    PrecisionWord{"w8a8", "int8"},
    PrecisionWord{"w8a16", "int8_weight_only"},
    PrecisionWord{"8bit", "int8_weight_only"},
    PrecisionWord{"bf16", "bfloat16"},
    PrecisionWord{"bfloat16", "bfloat16"},
    PrecisionWord{"fp16", "float16"},
    PrecisionWord{"float16", "float16"},
};

// Say something only beside a precision: FP8-dynamic, bnb-4bit, quantized.w4a16, Q4_K_M, NVFP4-v2.
constexpr std::array<std::string_view, 16> kCompanions{
    "dynamic", "static", "block", "kv", "bnb", "quantized", "hf", "v1", "v2", "k", "m", "s", "l", "0", "1", "xs"};

// These store FP8 with a scale for each block of 128 x 128 weights (weight_block_size of their configs).
constexpr std::array<std::string_view, 2> kBlockScaleOwners{"qwen", "deepseek_ai"};

bool starts_with_digits_after(std::string_view word, std::string_view prefix) {
  return word.size() > prefix.size() && word.starts_with(prefix) &&
         std::isdigit(static_cast<unsigned char>(word[prefix.size()])) != 0;
}

// A number format to a reader, if not to the cost model: FP6, 3bit, W4A8, Q5, EXL2, GGUF.
bool resembles_precision(std::string_view word) {
  constexpr std::array<std::string_view, 12> kPrefixes{"fp",   "int", "uint", "nf",  "mxfp", "mxint",
                                                       "nvfp", "q",   "iq",   "exl", "bpw",  "float"};
  constexpr std::array<std::string_view, 8> kMethods{"gguf", "mlx", "hqq", "aqlm", "eetq", "autoround", "quip", "spqr"};
  if (std::find(kMethods.begin(), kMethods.end(), word) != kMethods.end()) return true;
  if (std::any_of(kPrefixes.begin(), kPrefixes.end(), [&](auto p) { return starts_with_digits_after(word, p); }))
    return true;
  if (word.ends_with("bit") && starts_with_digits_after(word, "")) return true;
  return starts_with_digits_after(word, "w") && word.find('a') != std::string_view::npos &&
         starts_with_digits_after(word.substr(word.find('a')), "a");
}

struct Words {
  std::vector<std::string> precisions, companions;  // lower case, the last of the name first
  bool unknown = false;
  [[nodiscard]] bool companion(std::string_view word) const {
    return std::find(companions.begin(), companions.end(), word) != companions.end();
  }
};

std::string format_of(const Words& words, std::string_view name) {
  if (words.unknown || words.precisions.empty()) return {};
  const auto has = [&](std::string_view word) {
    return std::find(words.precisions.begin(), words.precisions.end(), word) != words.precisions.end();
  };
  // AWQ and GPTQ are weight-only at any width: AWQ-INT4, GPTQ-Int8.
  if (has("int8") && (has("gptq") || has("awq"))) return "int8_weight_only";
  const auto row = std::find_if(kPrecisionWords.begin(), kPrecisionWords.end(),
                                [&](const PrecisionWord& w) { return w.word == words.precisions.front(); });
  if (row->format != "fp8") return std::string(row->format);
  const std::string owner = fold_name(name.substr(0, std::min(name.find('/'), name.size())));
  const bool blocks = words.companion("block") ||
                      std::find(kBlockScaleOwners.begin(), kBlockScaleOwners.end(), owner) != kBlockScaleOwners.end();
  return blocks ? "fp8_block" : "fp8";
}

std::string known_words() {
  std::string text;
  for (const PrecisionWord& w : kPrecisionWords) text += fmt::format("{}{}", text.empty() ? "" : ", ", w.word);
  return text;
}

// The catalog's spelling of the name that was asked for, so that what is emitted serves that checkpoint.
std::string hub_id(const ModelSpec& model, std::string_view name) {
  const std::string wanted = fold_name(name);
  std::vector<std::string> names = model.aliases;
  names.insert(names.begin(), model.hf_id);
  for (const std::string& known : names) {
    if (const std::string folded = fold_name(known); folded == wanted || folded.ends_with("/" + wanted)) return known;
  }
  return name.find('/') == std::string_view::npos ? std::string() : std::string(name);
}

void set_hub_id(ModelSpec& model, std::string_view name) {
  const std::string id = hub_id(model, name);
  if (id.empty() || id == model.hf_id || id.find('/') == std::string::npos) return;
  model.aliases.push_back(std::exchange(model.hf_id, id));
}

}  // namespace

CheckpointName read_checkpoint_name(std::string_view name) {
  CheckpointName read{.base = std::string(name), .suffix = {}, .format = {}};
  Words words;
  std::vector<std::string> passed;  // companions that no precision has followed yet
  std::size_t end = name.size(), cut = name.size();
  const std::size_t owner = name.rfind('/');
  const std::size_t first = owner == std::string_view::npos ? 0 : owner + 1;
  while (end > first) {
    const std::size_t at = name.find_last_of("-_.", end - 1);
    if (at == std::string_view::npos || at <= first) break;
    const std::string word = lower_case(name.substr(at + 1, end - at - 1));
    const bool known = std::any_of(kPrecisionWords.begin(), kPrecisionWords.end(),
                                   [&](const PrecisionWord& w) { return w.word == word; });
    if (known || resembles_precision(word)) {
      if (known) words.precisions.push_back(word);
      words.unknown = words.unknown || !known;
      words.companions.insert(words.companions.end(), passed.begin(), passed.end());
      passed.clear();
      cut = at;
    } else if (std::find(kCompanions.begin(), kCompanions.end(), word) != kCompanions.end()) {
      passed.push_back(word);
      if (cut < name.size() && (word == "bnb" || word == "quantized")) cut = at;
    } else {
      break;
    }
    end = at;
  }
  if (cut == name.size()) return read;
  read.base = std::string(name.substr(0, cut));
  read.suffix = std::string(name.substr(cut + 1));
  read.format = format_of(words, name);
  return read;
}

Result<ModelSpec> find_checkpoint(const Catalog& catalog, std::string_view name, std::string& doubt) {
  Result<ModelSpec> model = catalog.model(name);
  const CheckpointName read = read_checkpoint_name(name);
  if (read.suffix.empty()) {
    if (model) set_hub_id(*model, name);
    return model;
  }
  if (model && (fold_name(model->id) == fold_name(name) || fold_name(model->hf_id) == fold_name(name)))
    return model;  // an entry of its own: it states its format itself
  if (!model) {
    Result<ModelSpec> base = catalog.model(read.base);
    if (!base) return model;
    model = std::move(base);
  }
  set_hub_id(*model, name);
  if (read.format.empty()) {
    doubt = fmt::format("`{}` in `{}` is not a precision that is modelled: its weights are priced as those of {}",
                        read.suffix, name, model->id);
    doubt += fmt::format("\nknown: {}; say what to price with engine.quantization", known_words());
    return model;
  }
  model->released_weight_format = read.format;
  model->released_dense_format.clear();
  model->released_format_origin = fmt::format("the name says {}", read.suffix);
  return model;
}

std::string_view format_family(std::string_view format) {
  if (format.starts_with("fp8")) return "fp8";
  if (format.starts_with("int8")) return "int8";
  if (format == "awq" || format == "gptq" || format == "int4") return "int4";
  return format == "nvfp4" || format == "mxfp4" ? format : "none";
}

}  // namespace foretoken
