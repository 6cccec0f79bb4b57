// Which flag of which program is which field of a scenario.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace foretoken {

enum class Program { vllm, sglang, tensorrt_llm, vllm_bench };
[[nodiscard]] std::string_view engine_name_of(Program program);

enum class FlagKind {
  value,       // one word, taken as it is
  tokens,      // a number of tokens, 32k and 32K too
  on,          // no word: true
  off,         // no word: false
  harmless,    // one word that changes nothing here
  harmless_on  // no word, likewise
};

// `name` without dashes in front and with '-' for '_'. An empty field: the reader knows the flag by its name.
struct FlagRow {
  std::string_view name;
  FlagKind kind = FlagKind::value;
  std::string_view field = "";
};

[[nodiscard]] std::span<const FlagRow> flags_of(Program program);
// Keys of the file of options of an engine that takes one (trtllm-serve --extra_llm_api_options), sections apart.
struct EngineOption {
  std::string_view path;   // kv_cache_config.tokens_per_block
  std::string_view field;  // engine.block_size
  bool inverted = false;   // true there is false here
};
[[nodiscard]] std::span<const EngineOption> options_of(Program program);
// Null: it has none for the field.
[[nodiscard]] const EngineOption* option_of(Program program, std::string_view field);

// Null: not known.
[[nodiscard]] const FlagRow* find_flag(Program program, std::string_view name);

}  // namespace foretoken
