// The table of frameworks. Of several prefixes the longest counts.
#include "measurement/accuracy/frameworks.hpp"

#include <algorithm>
#include <cctype>

#include "foretoken/base/result.hpp"
#include "foretoken/base/version.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

constexpr bool kReads = true, kFixed = false;
constexpr bool kEager = true, kGraphs = false;
constexpr bool kStaticScales = true;

constexpr Framework kFrameworks[] = {
    // Runs of 2025 and 2026 whose version is not stated are taken as the release of their time.
    {"vllm ", "vllm-v1", "0.19", "vLLM 0.15+", {}, {}, kReads},
    {"vllm (2024", "vllm-v0", "0.5", "vLLM 2024", {}, {}},
    {"vllm (2023", "vllm-v0", "0.2", "vLLM 2023", {}, {}, kFixed, kEager},
    {"sglang ", "sglang", "0.5.9", "SGLang 0.5.9+", {}, {}},
    {"trtllm ", "tensorrt-llm", "1.0", "TensorRT-LLM 1.x", {}, {}, kReads, kGraphs, kStaticScales},
    {"tensorrt-llm 1", "tensorrt-llm", "1.0", "TensorRT-LLM 1.x", {}, {}, kReads, kGraphs, kStaticScales},
    {"tensorrt-llm 0", "tensorrt-llm", "0.17", "TensorRT-LLM 0.x", {}, {}, kReads, kGraphs, kStaticScales},
    {"tensorrt-llm (2024", "tensorrt-llm", "0.10", "TensorRT-LLM 2024", {}, {}, kFixed, kGraphs, kStaticScales},
    // One batch by a C++ session: no scheduler and no answers per sequence, as hidden as in 1.x.
    {"tensorrt-llm 0.5 (static", "static", "", "TensorRT-LLM 0.5-0.6 static", "tensorrt-llm", "0.17", kFixed, kGraphs,
     kStaticScales},
    {"tensorrt-llm 0.6.1 (static", "static", "", "TensorRT-LLM 0.5-0.6 static", "tensorrt-llm", "0.17", kFixed, kGraphs,
     kStaticScales},
    {"fastertransformer", "static", "", "FasterTransformer 5", {}, {}},
    {"lmdeploy", "", "", "lmdeploy", {}, {}},
};

bool digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

// "vllm 0.19.0" → 0.19; empty where no such number stands behind the name.
std::string release_in(const std::string& name) {
  const auto space = name.find(' ');
  const std::size_t begin = space == std::string::npos ? name.size() : space + 1;
  std::size_t end = begin;
  while (end < name.size() && digit(name[end])) ++end;
  if (end == begin || end + 1 >= name.size() || name[end] != '.' || !digit(name[end + 1])) return {};
  for (++end; end < name.size() && digit(name[end]);) ++end;
  return name.substr(begin, end - begin);
}

}  // namespace

const Framework* find_framework(const std::string& name) {
  const std::string lower = lower_case(name);
  const Framework* best = nullptr;
  for (const Framework& f : kFrameworks) {
    if (lower.starts_with(f.prefix) && (best == nullptr || f.prefix.size() > best->prefix.size())) best = &f;
  }
  return best;
}

Release release_of(const Framework& framework, const std::string& name) {
  const std::string fixed(framework.version);
  if (!framework.reads_version) return {{}, fixed};
  const std::string written = release_in(name);
  if (written.empty()) return {{}, fixed};
  const auto releases = find_engine(framework.engine).releases;
  if (releases.empty() || std::find(releases.begin(), releases.end(), written) != releases.end())
    return {written, written};
  std::string_view nearest = releases.front();
  for (const std::string_view release : releases) {
    const bool later = version_at_least(release, written);
    if (later ? !version_at_least(nearest, written) || version_at_least(nearest, release)
              : !version_at_least(nearest, written) && version_at_least(release, nearest))
      nearest = release;
  }
  return {written, std::string(nearest)};
}

}  // namespace foretoken
