// The grid of lengths with the load that each cell takes, then the longest contexts.
#include <fmt/format.h>

#include "report/common.hpp"
#include "report/promise_report.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

std::string load_of(double load) {
  return load >= 1e3 ? readable(load) : fmt::format("{:.4g}", load);
}

std::string cell_text(const PromiseCell& cell) {
  if (cell.skipped) return "-";
  switch (cell.outcome) {
    case CapacityOutcome::found:
      return load_of(*cell.capacity);
    case CapacityOutcome::everything_meets:
      return ">= " + load_of(*cell.capacity);
    case CapacityOutcome::nothing_meets:
      return "none";
    case CapacityOutcome::not_decided:
      break;
  }
  return cell.capacity ? load_of(*cell.capacity) + " ?" : "?";
}

std::string grid_section(const PromiseResult& r, const TextStyle& style) {
  std::vector<std::string> head{"prompt \\ output"};
  for (const std::int64_t output : r.outputs) head.push_back(readable(output));
  TextTable table("r" + std::string(r.outputs.size(), 'r'), "0" + std::string(r.outputs.size(), '1'));
  table.row(head);
  for (std::size_t row = 0; row < r.prompts.size(); ++row) {
    std::vector<std::string> cells{readable(r.prompts[row])};
    for (std::size_t column = 0; column < r.outputs.size(); ++column)
      cells.push_back(cell_text(r.cells[row * r.outputs.size() + column]));
    table.row(std::move(cells));
  }
  return table.text(style, "  ") +
         fmt::format(
             "  each cell: the largest load ({}) known to meet every objective when all requests have these "
             "lengths, within {}; none = not even alone; - = longer than max_model_len; ? = where it ends is not "
             "decided; >= = met at the largest tried\n",
             r.unit, percent(r.scenario.promise.precision));
}

// The sentence of the first cell of each kind: the others differ in numbers.
std::string why_section(const PromiseResult& r) {
  std::string text;
  for (const PromiseCell& cell : r.cells) {
    if (cell.skipped || cell.outcome != CapacityOutcome::nothing_meets) continue;
    text += fmt::format("  {} + {}: {}\n", readable(cell.prompt), readable(cell.output), cell.reason);
    break;
  }
  return text;
}

std::string memory_contexts(const PromiseResult& r, const TextStyle& style) {
  TextTable table("rrl");
  table.row({"at once", "tokens each", ""});
  for (const ContextByMemory& c : r.by_memory) {
    table.row({readable(c.concurrency), c.tokens > 0 ? readable(c.tokens) : "-",
               c.by_model_len ? "max_model_len"
               : c.tokens > 0 ? "KV cache"
                              : "no room for so many"});
  }
  return table.text(style, "  ") + "  prompt and output together, blocks shared out evenly over the replicas\n";
}

std::string slo_context(const PromiseResult& r) {
  const ContextBySlo& c = r.by_slo;
  if (!c.prompt)
    return fmt::format("  none at {:g} {} with {} output tokens: {}\n", c.load, r.unit, readable(c.output), c.reason);
  std::string text = fmt::format("  {} prompt tokens at {:g} {} with {} output tokens", readable(*c.prompt), c.load,
                                 r.unit, readable(c.output));
  if (c.missed) text += fmt::format("; misses at {}", readable(*c.missed));
  return text + (c.reason.empty() ? "\n" : fmt::format(" ({})\n", c.reason));
}

}  // namespace

std::string to_text(const PromiseResult& r, const TextStyle& style) {
  std::string out = heading(r.scenario, style);
  if (!r.feasible) {
    out += section("Memory of one GPU", memory_section(r.memory, style), style);
    return within_width(out + fmt::format("Does not fit: {}\n", r.memory.verdict), style);
  }
  if (r.interrupted) out += "INTERRUPTED: what was known by then\n";
  std::string objectives;
  for (const SloLine& line : r.scenario.slo) objectives += fmt::format("  {}\n", line.expression);
  out += section("Promise", objectives, style);
  out += section(fmt::format("Largest {} by lengths in tokens", to_string(r.variable)),
                 grid_section(r, style) + why_section(r), style);
  out += section("Longest context by memory", memory_contexts(r, style), style);
  out += section("Longest prompt by the objectives", slo_context(r), style);
  return within_width(
      out + section("What this rests on",
                    fmt::format("  {} requests simulated, on the same random numbers in every cell\n  {}\n",
                                readable(r.requests), model_sentence(r.band)),
                    style),
      style);
}

}  // namespace foretoken
