// The table of trace formats.
#include <array>

#include "workload/traces/trace.hpp"

namespace foretoken {

std::span<const TraceFormat> trace_formats() {
  using Shape = TraceFormat::Shape;
  using Clock = TraceFormat::Clock;
  static constexpr std::array<TraceFormat, 5> formats{{
      {"azure", "Azure LLM inference traces 2023 and 2024 (Azure/AzurePublicDataset)", Shape::csv, Clock::calendar,
       "TIMESTAMP", "ContextTokens", "GeneratedTokens", "", true, Duration{}},
      {"burstgpt", "BurstGPT (HPMLL/BurstGPT), with or without its session columns", Shape::csv, Clock::seconds,
       "Timestamp", "Request tokens", "Response tokens", "", true, Duration{}},
      {"csv", "plain CSV", Shape::csv, Clock::seconds, "arrival_s", "input_tokens", "output_tokens", "", false,
       Duration{}},
      // The conversation trace's clock stands still for 3 s at a time.
      {"mooncake", "Mooncake (kvcache-ai/Mooncake), hash ids of 512-token blocks", Shape::json_lines,
       Clock::milliseconds, "timestamp", "input_length", "output_length", "hash_ids", true, Duration{3'000'000'000}},
      {"sharegpt", "ShareGPT lengths, one JSON object a line (LLMServingSim)", Shape::json_lines, Clock::nanoseconds,
       "arrival_time_ns", "input_toks", "output_toks", "", true, Duration{}},
  }};
  return formats;
}

}  // namespace foretoken
