// Resolved values, memory, rooflines and floors on the terminal.
#include <fmt/format.h>

#include "foretoken/base/units.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/report/report.hpp"
#include "report/common.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

std::string fields_section(const Scenario& scenario, const TextStyle& style) {
  TextTable table("lll");
  table.without_headings();
  for (const ResolvedField& field : scenario.fields) {
    std::string origin(to_string(field.origin));
    if (field.where.line > 0) origin = fmt::format("{}:{}", field.where.file, field.where.line);
    if (!field.reason.empty()) origin += fmt::format(" ({})", field.reason);
    table.row({field.path, to_text(field.value, 0), std::move(origin)});
  }
  return table.text(style, "  ");
}

std::string step_section(const StepExplanation& step, double ridge, const TextStyle& style) {
  TextTable table("lrrrrrrll", "043320105");
  table.row({"operator", "launches", "GFLOP", "MB", "FLOP/B", "µs", "datasheet µs", "bound", "served by"});
  for (const OperatorCost& op : step.breakdown.operators) {
    table.row({op.name, readable(op.count), readable(op.flops * 1e-9), readable(op.bytes * 1e-6),
               op.bytes > 0 ? readable(op.flops / op.bytes) : "-", readable(op.seconds * 1e6),
               readable(op.datasheet_seconds * 1e6), std::string(to_string(op.bound)),
               op.served_by + (op.inside_range ? "" : " (outside its range)")});
  }
  table.row({"step", "", readable(step.flops * 1e-9), readable(step.bytes * 1e-6), readable(step.intensity()),
             readable(step.breakdown.seconds * 1e6), readable(step.breakdown.datasheet_seconds * 1e6), "", ""});
  std::string text = table.text(style, "  ");
  text += "  bound: the largest term of the level that served the operator, which the datasheet's alone need not be\n";
  if (ridge > 0 && step.bytes > 0) {
    text += fmt::format("  arithmetic intensity {} FLOP/B, {} the ridge point {}: {} bound by the datasheet\n",
                        readable(step.intensity()), step.intensity() < ridge ? "below" : "above", readable(ridge),
                        step.intensity() < ridge ? "memory" : "compute");
  }
  if (step.breakdown.clamped > 0)
    text += fmt::format("  {} operators were lifted to their datasheet bound\n", step.breakdown.clamped);
  return text;
}

std::string floors_section(const Floors& f, const TextStyle& style) {
  TextTable table("lrr");
  table.row(
      {fmt::format("{} in, {} out, alone on an idle engine", readable(f.prompt_tokens), readable(f.output_tokens)),
       "predicted", "datasheet bound"});
  table.row({"TTFT ms", readable(f.ttft_ms), readable(f.datasheet_ttft_ms)});
  table.row({"TPOT ms", readable(f.tpot_ms), readable(f.datasheet_tpot_ms)});
  table.row({"E2E ms", readable(f.e2el_ms),
             readable(f.datasheet_ttft_ms + f.datasheet_tpot_ms * static_cast<double>(f.output_tokens))});
  return table.text(style, "  ");
}

std::string speculation_section(const SpeculationExplanation& s, const TextStyle& style) {
  std::string rates;
  for (const double rate : s.rates) rates += fmt::format("{}{}", rates.empty() ? "" : ", ", readable(rate));
  std::string text =
      fmt::format("  {} tokens a row and step in the mean; the first 1, 2, ... drafts are accepted with {}\n",
                  readable(s.mean_acceptance_length), rates);
  TextTable table("rrrrrrr");
  table.row({"batch", "ms without", "ms with", "speed-up", "pays above", "best drafts", "speed-up"});
  for (const SpeculationPoint& p : s.points) {
    table.row({readable(p.batch), readable(p.base_ms), readable(p.step_ms), readable(p.speed_up),
               fmt::format("{} tok", readable(p.length_to_break_even)), readable(std::int64_t{p.best_tokens}),
               readable(p.best_speed_up)});
  }
  text += table.text(style, "  ");
  text += s.pays_below > 0
              ? fmt::format("  it pays below {} sequences at once, and costs from there on\n", readable(s.pays_below))
              : fmt::format("  it pays at every batch up to {}\n", readable(s.largest_batch));
  return text;
}

std::string kv_tiers_section(const KvTiersExplanation& k, const TextStyle& style) {
  if (k.swap_blocks > 0)
    return fmt::format(
        "  {} blocks of preempted requests fit; a mean request of {} tokens takes {} ms out or in, and {} ms to "
        "compute "
        "again\n",
        readable(k.swap_blocks), readable(k.prompt_tokens), readable(k.swap_ms), readable(k.recompute_ms));
  TextTable table("lrrrrr");
  table.row({"tier", "GB", "tokens", "read GB/s", "write GB/s",
             fmt::format("{} tokens to the GPU, ms", readable(k.prompt_tokens))});
  for (const KvTierExplanation& t : k.tiers)
    table.row({std::string(to_string(t.tier)), readable(t.bytes * 1e-9), readable(t.tokens),
               readable(t.read_bandwidth * 1e-9), readable(t.write_bandwidth * 1e-9), readable(t.load_ms)});
  table.row({"computed again", "", "", "", "", readable(k.recompute_ms)});
  return table.text(style, "  ") + "  of one replica; alone on the links, and without the steps until it is seen\n";
}

std::string steps_sections(const Explanation& e, const std::string& of_pool, const TextStyle& style) {
  std::string out;
  for (const StepExplanation& step : e.steps)
    out += section(of_pool + step.title, step_section(step, e.ridge_point, style), style);
  if (e.speculation)
    out += section(fmt::format("{}speculation: {} with {} draft{}", of_pool, e.speculation->method,
                               e.speculation->tokens, e.speculation->tokens == 1 ? "" : "s"),
                   speculation_section(*e.speculation, style), style);
  if (e.kv_tiers)
    out += section(fmt::format("{}KV tiers ({})", of_pool,
                               e.kv_tiers->swap_blocks > 0 ? "swapping" : to_string(e.kv_tiers->backend)),
                   kv_tiers_section(*e.kv_tiers, style), style);
  if (e.ridge_point > 0)
    out += fmt::format("\nRidge point: {} FLOP per byte (peak FLOPs over peak bandwidth)\n", readable(e.ridge_point));
  return out;
}

}  // namespace

std::string to_text(const Explanation& e, const TextStyle& style) {
  std::string out = heading(e.scenario, style);
  out += section("Resolved values and their origin", fields_section(e.scenario, style), style);
  if (e.pools.empty()) out += section("Memory of one GPU", memory_section(e.memory, style), style);
  for (const PoolExplanation& pool : e.pools)
    out += section(fmt::format("Pool {} ({}): memory of one GPU", pool.name, to_string(pool.role)),
                   memory_section(pool.alone.memory, style), style);
  if (!e.feasible) out += fmt::format("Does not fit: {}\n", e.memory.verdict);
  out += e.pools.empty() ? steps_sections(e, "", style) : std::string();
  for (const PoolExplanation& pool : e.pools)
    out += steps_sections(pool.alone, fmt::format("Pool {}, ", pool.name), style);
  out += section("Floors", floors_section(e.floors, style), style);
  return within_width(out, style);
}

}  // namespace foretoken
