// Headings, memory, ticks.
#include "report/sections.hpp"

#include <fmt/format.h>

#include "base/visible.hpp"
#include "foretoken/base/units.hpp"
#include "foretoken/experiment/version.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

constexpr const char* kBold = "\x1b[1m";
constexpr const char* kGreen = "\x1b[32m";
constexpr const char* kRed = "\x1b[31m";
constexpr const char* kReset = "\x1b[0m";
constexpr std::size_t kHashShown = 12;

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

std::string title_line(const SweepHead& s, const TextStyle& style) {
  return fmt::format("{}{}{}: {}\n", style.color ? kBold : "", visible(s.name), style.color ? kReset : "",
                     visible(s.deployment));
}

std::string about_lines(const SweepHead& s) {
  std::string out;
  if (!s.description.empty()) out += visible(s.description) + (s.description.back() == '\n' ? "" : "\n");
  return out + fmt::format("seed {}, scenario {}, foretoken {}\n", s.seed, s.scenario_sha256.substr(0, kHashShown),
                           s.version);
}

SweepHead head_of(const Scenario& s) {
  SweepHead head;
  head.name = s.name;
  head.description = s.description;
  head.deployment = deployment_line(s);
  head.version = version();
  head.scenario_sha256 = scenario_sha256(s);
  head.seed = s.seed;
  return head;
}

}  // namespace

std::string title(const Scenario& s, const TextStyle& style) {
  return within_width(title_line(head_of(s), style), style);
}

std::string about_section(const Scenario& s, const TextStyle& style) {
  return "\n" + within_width(about_lines(head_of(s)), style);
}

std::string heading(const Scenario& s, const TextStyle& style) {
  return heading(head_of(s), style);
}

std::string heading(const SweepHead& s, const TextStyle& style) {
  return within_width(title_line(s, style) + about_lines(s), style);
}

std::string section(std::string_view title, const std::string& body, const TextStyle& style) {
  if (body.empty()) return {};
  return fmt::format("\n{}{}{}\n{}", style.color ? kBold : "", title, style.color ? kReset : "", body);
}

std::string memory_section(const MemoryPlan& plan, const TextStyle& style) {
  const double capacity = plan.capacity.value;
  if (!(capacity > 0)) return {};
  TextTable table("lrl");
  table.without_headings();
  const auto line = [&](const char* name, ByteCount bytes) {
    table.row({name, format_quantity(bytes.value, Dimension::bytes), bar(bytes.value / capacity, 24)});
  };
  line("weights", plan.weights);
  if (plan.adapters.value > 0) line("LoRA slots", plan.adapters);
  line("activations", plan.activations);
  line("CUDA graphs", plan.cuda_graphs);
  line("outside torch", plan.non_torch);
  line("KV cache", plan.kv_cache);
  table.row({"budget", format_quantity(plan.budget.value, Dimension::bytes),
             fmt::format("of {}", format_quantity(capacity, Dimension::bytes))});
  return table.text(style, "  ") + fmt::format("  KV cache: {} blocks, {} tokens, {} requests of full length at once\n",
                                               readable(plan.num_gpu_blocks), readable(plan.kv_cache_size_tokens),
                                               readable(plan.kv_cache_max_concurrency));
}

std::string colored_ticks(const std::string& text) {
  std::string out = text;
  replace_all(out, "✓", fmt::format("{}✓{}", kGreen, kReset));
  replace_all(out, "✗", fmt::format("{}✗{}", kRed, kReset));
  return out;
}

}  // namespace foretoken
