// One row for each spelling.
#include "scenario/number_formats.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace foretoken {
namespace {

struct NamedFormat {
  std::string_view name;
  WeightFormat format;
};
constexpr std::array kWeightFormats{
    NamedFormat{"none", WeightFormat::bf16},
    NamedFormat{"bfloat16", WeightFormat::bf16},
    NamedFormat{"float16", WeightFormat::bf16},
    NamedFormat{"fp8", WeightFormat::fp8},
    NamedFormat{"fp8_static", WeightFormat::fp8_static},
    NamedFormat{"fp8_block", WeightFormat::fp8_block},
    NamedFormat{"int8", WeightFormat::int8},
    NamedFormat{"int8_weight_only", WeightFormat::int8_weight_only},
    NamedFormat{"awq", WeightFormat::int4_weight_only},
    NamedFormat{"gptq", WeightFormat::int4_weight_only},
    NamedFormat{"int4", WeightFormat::int4_weight_only},
    NamedFormat{"nvfp4", WeightFormat::nvfp4},
    NamedFormat{"mxfp4", WeightFormat::mxfp4},
};

}  // namespace

const WeightFormat* named_format(std::string_view name) {
  const auto at =
      std::find_if(kWeightFormats.begin(), kWeightFormats.end(), [&](const NamedFormat& f) { return f.name == name; });
  return at == kWeightFormats.end() ? nullptr : &at->format;
}

KvFormat kv_format_of(std::string_view name) {
  constexpr std::pair<std::string_view, KvFormat> kNames[] = {{"fp8_per_token_head", KvFormat::fp8_per_token_head},
                                                              {"int8_per_token_head", KvFormat::int8_per_token_head},
                                                              {"fp8", KvFormat::fp8},
                                                              {"fp8_e4m3", KvFormat::fp8},
                                                              {"fp8_e5m2", KvFormat::fp8},
                                                              {"int8", KvFormat::int8},
                                                              {"int4", KvFormat::int4},
                                                              {"fp4", KvFormat::fp4}};
  for (const auto& [known, format] : kNames) {
    if (known == name) return format;
  }
  return KvFormat::bf16;
}

}  // namespace foretoken
