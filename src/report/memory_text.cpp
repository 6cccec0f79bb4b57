// What each precision makes room for, and what it does to a token, side by side.
#include <fmt/format.h>

#include <map>

#include "foretoken/base/units.hpp"
#include "foretoken/report/report.hpp"
#include "foretoken/study/memory.hpp"
#include "report/common.hpp"
#include "report/sections.hpp"

namespace foretoken {
namespace {

std::string gib_of(double amount) {
  return readable(amount / kGiB);
}

// Of weights and of the KV cache.
std::string precision_of(const MemoryCandidate& c) {
  return c.quantization + "/" + c.kv_cache_dtype;
}

std::string times(double value, double of) {
  return of > 0 ? fmt::format("x{:.2f}", value / of) : "-";
}

std::string base_line(const MemoryCandidate& c) {
  const std::string where = fmt::format("of {} tokens on {} with {}", readable(c.context), c.gpu, precision_of(c));
  if (c.status == MemoryStatus::fits)
    return fmt::format("HOLDS {} requests {}: TPOT {} ms alone, {} ms with {}\n", readable(c.requests), where,
                       readable(c.tpot_alone_ms), readable(c.tpot_full_ms), readable(c.batch));
  if (c.status == MemoryStatus::does_not_fit)
    return fmt::format("HOLDS no request {}: {} GiB missing\n", where, gib_of(c.missing));
  return fmt::format("HOLDS no request {}: {}\n", where, to_string(c.status));
}

// Of each GPU at the longest context: the first precision, and the one that holds most requests.
std::string answer(const MemoryStudy& s) {
  std::string out;
  const std::size_t precisions = s.quantizations.size() * s.kv_cache_dtypes.size();
  for (std::size_t gpu = 0; gpu < s.gpus.size(); ++gpu) {
    const std::size_t first = ((gpu + 1) * s.contexts.size() - 1) * precisions;
    std::size_t most = first;
    for (std::size_t i = first; i < first + precisions; ++i) {
      if (s.candidates[i].requests > s.candidates[most].requests) most = i;
    }
    const MemoryCandidate &base = s.candidates[first], &best = s.candidates[most];
    out += base_line(base);
    if (most == first) continue;
    const bool both = base.status == MemoryStatus::fits;
    const auto against = [&](double value, double of) { return both ? " (" + times(value, of) + ")" : ""; };
    out += fmt::format(
        "  most: {} with {}{}: TPOT {} ms alone{}, {} ms with {}\n", readable(best.requests), precision_of(best),
        against(static_cast<double>(best.requests), static_cast<double>(base.requests)), readable(best.tpot_alone_ms),
        against(best.tpot_alone_ms, base.tpot_alone_ms), readable(best.tpot_full_ms), readable(best.batch));
  }
  return out;
}

std::string table_of(const MemoryStudy& s, const TextStyle& style) {
  TextTable table("lllrrrrrrrrrr", "0000142060307");
  table.row({"GPU", "weights", "KV", "context", "wt GiB", "KiB/tok", "GiB/req", "requests", "vs first", "TPOT 1",
             "batch", "TPOT full", "tok/s"});
  for (std::size_t i = 0; i < s.candidates.size(); ++i) {
    const MemoryCandidate& c = s.candidates[i];
    std::vector<std::string> cells{c.gpu, c.quantization, c.kv_cache_dtype, readable(c.context)};
    const bool planned = c.status == MemoryStatus::fits || c.status == MemoryStatus::does_not_fit;
    cells.push_back(planned ? gib_of(c.memory.weights.value) : "-");
    cells.push_back(planned ? readable(c.memory.kv_bytes_per_token / 1024) : "-");
    cells.push_back(planned ? gib_of(c.kv_bytes_per_request) : "-");
    if (c.status == MemoryStatus::fits) {
      const MemoryCandidate& base = s.baseline_of(i);
      cells.push_back(readable(c.requests));
      cells.push_back(base.status == MemoryStatus::fits
                          ? times(static_cast<double>(c.requests), static_cast<double>(base.requests))
                          : "-");
      cells.push_back(readable(c.tpot_alone_ms));
      cells.push_back(readable(c.batch) + (c.by_seats ? "*" : ""));
      cells.push_back(readable(c.tpot_full_ms));
      cells.push_back(readable(c.tokens_per_s));
    } else {
      cells.push_back(c.status == MemoryStatus::does_not_fit ? "no" : "-");
    }
    table.row(std::move(cells));
  }
  return table.text(style, "  ");
}

std::string reasons_of(const MemoryStudy& s) {
  std::string out;
  for (const MemoryCandidate& c : s.candidates) {
    if (c.status == MemoryStatus::fits) continue;
    out += fmt::format("  {}, {}, {} tokens: ", c.gpu, precision_of(c), readable(c.context));
    if (c.status == MemoryStatus::does_not_fit)
      out += fmt::format("{} GiB missing, weights take {} of the {} GiB that may be used; {}\n", gib_of(c.missing),
                         gib_of(c.memory.weights.value), gib_of(c.memory.budget.value), c.remedy);
    else
      out += c.reason + "\n";
  }
  return out;
}

std::string notes_of(const MemoryStudy& s) {
  std::map<std::string, int> said;
  std::string out;
  for (const MemoryCandidate& c : s.candidates) {
    if (c.status == MemoryStatus::fits && !c.note.empty() && said[c.note]++ == 0) out += fmt::format("  {}\n", c.note);
  }
  for (const std::string& note : s.notes) out += fmt::format("  {}\n", note);
  return out;
}

std::string conventions_of(const MemoryStudy& s) {
  const Parallelism& p = s.scenario.deployment.parallelism;
  std::string out = "  none/auto: of weights / of the KV cache; bytes are of one GPU";
  if (p.gpus() > 1) out += fmt::format(" of the {} of a replica", p.gpus());
  out += fmt::format(
      ", requests of one replica, each as long as its context in whole KV blocks\n"
      "  wt GiB: weights; TPOT in ms = one decode step in which every request holds its whole context: a request "
      "alone, and the "
      "largest batch that fits (* max_num_seqs {} ends it, not memory), priced by the cost model's level '{}', without "
      "prefill\n",
      readable(s.scenario.engine.max_num_seqs), to_string(s.scenario.deployment.level));
  return out;
}

}  // namespace

std::string to_text(const MemoryStudy& s, const TextStyle& style) {
  std::string out = title(s.scenario, style) + answer(s);
  out += section("Memory and time of a token by precision", table_of(s, style), style);
  out += section("What does not fit or does not exist", reasons_of(s), style);
  out += section("Notes", notes_of(s), style);
  out += section("Conventions", conventions_of(s), style);
  return within_width(out, style) + about_section(s.scenario, style);
}

}  // namespace foretoken
