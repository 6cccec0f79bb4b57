// The winner, the ranking, why nothing cheaper does, and the fronts, in columns.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "foretoken/report/report.hpp"
#include "foretoken/study/recommend.hpp"
#include "report/common.hpp"
#include "report/launch_lines.hpp"
#include "report/sections.hpp"
#include "report/uncertainty_report.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

std::string counted(std::size_t n) {
  return readable(static_cast<std::int64_t>(n));
}

std::string split_of(const Candidate& c) {
  if (!c.pools.empty()) return c.pools;
  std::string text = fmt::format("TP{}", c.parallelism.tensor);
  if (c.parallelism.pipeline > 1) text += fmt::format(" PP{}", c.parallelism.pipeline);
  if (c.parallelism.data > 1) text += fmt::format(" DP{}", c.parallelism.data);
  return text + (c.replicas > 1 ? fmt::format(" x{}", c.replicas) : "");
}

bool is_token_budget(const std::string& path) {
  const auto engines = engine_profiles();
  return std::any_of(engines.begin(), engines.end(),
                     [&](const EngineProfile& engine) { return engine.token_budget.key == path; });
}

// Values of fields that have no column of their own.
std::string other_values(const RecommendResult& r, const Candidate& c) {
  std::string text;
  for (std::size_t i = 0; i < r.domain.size(); ++i) {
    const std::string& path = r.domain[i].path;
    const bool shown = path == "hardware.gpu" || path == "hardware.num_gpus" || path == "replicas" ||
                       path == "engine.tensor_parallel_size" || path == "engine.pipeline_parallel_size" ||
                       path == "engine.data_parallel_size" || path == "engine.max_num_seqs" || is_token_budget(path);
    const auto dot = path.rfind('.');
    const std::string last = dot == path.npos ? path : path.substr(dot + 1);
    constexpr std::string_view kPools = "pools.";
    const bool of_a_pool = path.starts_with(kPools);
    if (shown || (of_a_pool && last == "replicas")) continue;
    const std::string pool = of_a_pool ? path.substr(kPools.size(), path.find('.', kPools.size()) - kPools.size()) : "";
    text += fmt::format("{}{}{}{}={}", text.empty() ? "" : " ", pool, of_a_pool ? "." : "", last, c.values[i]);
  }
  return text;
}

// USD per hour and per million output tokens (cost_per_1m_output_tokens, as `run` has it), or GPU-hours where nobody
// said a price.
std::string cost_text(const RecommendResult& r, const Candidate& c) {
  return r.by_money ? fmt::format("{:.2f}", *c.cost.usd_per_hour) : fmt::format("{}", c.cost.gpus);
}
std::string per_million(const RecommendResult& r, const Candidate& c) {
  const double hours = c.figures.gpu_hours_per_1m_output_tokens;
  if (!(hours > 0)) return "-";
  return readable(r.by_money ? hours * *c.cost.usd_per_hour / c.cost.gpus : hours);
}

std::vector<std::string> head(const RecommendResult& r) {
  return {"rank",
          "GPUs",
          "kind",
          "split",
          "seqs",
          "budget",
          "tok/s/GPU",
          "tok/s/user",
          "p99 TTFT",
          "TPOT",
          r.by_money ? "$/h" : "GPUs",
          r.by_money ? "$/1M out" : "GPU-h/1M out",
          "room",
          "P(meets)",
          "verdict",
          ""};
}
constexpr const char* kAlignments = "rrllrrrrrrrrrrll";
constexpr const char* kImportance = "0000465711030220";  // which leave a narrow terminal first: TextTable

std::string verdict_of(const Candidate& c) {
  return fmt::format("{}{}", to_string(c.fate), c.short_run ? " (short run)" : "");
}

std::vector<std::string> row_of(const RecommendResult& r, const Candidate& c, const std::string& rank) {
  const bool simulated = !c.objectives.empty();
  const auto figure = [&](double value, const char* unit = "") {
    return simulated && !std::isnan(value) ? readable(value) + unit : std::string("-");
  };
  return {rank,
          std::to_string(c.cost.gpus),
          c.gpu.empty() ? "-" : c.gpu,
          split_of(c),
          readable(c.max_num_seqs),
          readable(c.token_budget),
          figure(c.figures.tokens_per_s_per_gpu),
          figure(c.figures.tokens_per_s_per_user),
          figure(c.figures.p99_ttft_ms, " ms"),
          figure(c.figures.mean_tpot_ms, " ms"),
          cost_text(r, c),
          simulated ? per_million(r, c) : "-",
          percent(c.room),
          c.all_meet ? probability_text(*c.all_meet) : "-",
          verdict_of(c),
          other_values(r, c)};
}

std::string table_of(const RecommendResult& r, const std::vector<Candidate>& candidates, bool ranked,
                     const TextStyle& style) {
  TextTable table(kAlignments, kImportance);
  table.row(head(r));
  for (std::size_t i = 0; i < candidates.size(); ++i)
    table.row(row_of(r, candidates[i], ranked ? std::to_string(i + 1) : ""));
  return table.text(style, "  ");
}

// Fields in which candidates with the same run differ from the one shown.
std::string twins_of(const RecommendResult& r, const Candidate& c, std::size_t rank) {
  if (c.same.empty()) return {};
  std::string values;
  for (const std::size_t i : c.same) {
    const std::vector<std::string> other = point_values(r.domain, i);
    for (std::size_t axis = 0; axis < r.domain.size(); ++axis) {
      if (other[axis] == c.values[axis]) continue;
      values += fmt::format("{}{}={}", values.empty() ? "" : ", ", r.domain[axis].path, other[axis]);
    }
  }
  return fmt::format("  rank {} is the same run, to the last bit, with {}\n", rank, values);
}

// The cheapest by the model is not the cheapest that one can count on.
std::string confidence_line(const RecommendResult& r) {
  constexpr double kLikely = 0.8;
  const Candidate& w = r.ranked.front();
  if (!w.all_meet) return {};
  std::string text =
      fmt::format("With the model's error as measured it meets them with {}", probability_text(*w.all_meet));
  if (w.all_meet->value >= kLikely) return text + "\n";
  const auto likely = std::find_if(r.ranked.begin(), r.ranked.end(),
                                   [](const Candidate& c) { return c.all_meet && c.all_meet->value >= kLikely; });
  if (likely == r.ranked.end()) return text + fmt::format("; none of those ranked with {:.0f} %\n", 100 * kLikely);
  return text + fmt::format("; the first with {:.0f} % is rank {} ({})\n", 100 * kLikely, likely - r.ranked.begin() + 1,
                            probability_text(*likely->all_meet));
}

std::string headline(const RecommendResult& r) {
  if (!r.ranked.empty()) {
    const Candidate& w = r.ranked.front();
    std::string text = fmt::format(
        "{} x {} ({}) is the cheapest that meets the objectives: {}\n", w.cost.gpus, w.gpu.empty() ? "replica" : w.gpu,
        split_of(w),
        r.by_money ? fmt::format("{:.2f} $/h{}", *w.cost.usd_per_hour, r.example_prices ? " at example prices" : "")
                   : fmt::format("{} GPU{}", w.cost.gpus, w.cost.gpus == 1 ? "" : "s"));
    text += confidence_line(r);
    if (!r.undecided.empty())
      text += fmt::format("{} cheaper candidate{} not decided within the budget: see below\n", r.undecided.size(),
                          r.undecided.size() == 1 ? " is" : "s are");
    return text;
  }
  if (r.overall == Decision::not_decided)
    return r.interrupted ? "NONE FOUND before the interrupt\n"
                         : "NOT DECIDED: some candidates may meet, none is sure to\n";
  return "NONE of the candidates meets the objectives\n";
}

// One line for each kind: its cheapest that meets, or why it has none.
std::string kinds_section(const RecommendResult& r, bool competing) {
  std::string text;
  for (const BestOfKind& kind : r.kinds) {
    if (kind.competes != competing) continue;
    if (!kind.best) {
      std::string why = kind.why.substr(0, kind.why.find('\n'));
      if (why.size() > 110) why = why.substr(0, 107) + "...";
      text += fmt::format("  {}: none: {}\n", kind.gpu, why);
      continue;
    }
    const Candidate& c = *kind.best;
    const std::string cost =
        competing && r.by_money ? fmt::format(", {} $/h, {} $/1M out", cost_text(r, c), per_million(r, c)) : "";
    text += fmt::format("  {}: {} GPU{} ({}){}, room {}{}\n", kind.gpu, c.cost.gpus, c.cost.gpus == 1 ? "" : "s",
                        split_of(c), cost, percent(c.room),
                        c.all_meet ? ", P(meets) " + probability_text(*c.all_meet) : "");
    if (kind.break_even_usd_per_gpu)
      text += fmt::format("    cheaper than what is ranked first below {:.2f} $ per GPU-hour: give prices.gpu_hour\n",
                          *kind.break_even_usd_per_gpu);
  }
  return text;
}

std::string proof_section(const RecommendResult& r, const TextStyle& style) {
  TextTable table("lrrl", "0010");
  table.row({"fate", "candidates", "cheaper", "for example"});
  constexpr std::size_t kReasons = 4;
  std::size_t shown = 0, left_out = 0;
  for (std::size_t i = 0; i < r.fates.size(); ++i) {
    const FateCount& c = r.fates[i];
    shown = i > 0 && r.fates[i - 1].fate == c.fate ? shown + 1 : 0;
    if (shown >= kReasons) {
      left_out += c.count;
      continue;
    }
    std::string example = c.example_why;
    if (c.fate == Fate::no_better) example = "costs the same, no more room as far as was looked";
    if (c.fate == Fate::dearer) example = "costs more than what is ranked";
    if (c.fate == Fate::unpriced) example = "prices.gpu_hour names others: see what stands apart";
    if (example.size() > 110) example = example.substr(0, 107) + "...";
    std::replace(example.begin(), example.end(), '\n', ' ');
    table.row({std::string(to_string(c.fate)), counted(c.count), counted(c.cheaper), example});
  }
  std::string text = table.text(style, "  ");
  if (left_out > 0)
    text += fmt::format("  and {} more, for other reasons (--format json lists them)\n", counted(left_out));
  return text;
}

std::string effort_section(const RecommendResult& r) {
  const SearchEffort& e = r.effort;
  std::string text = fmt::format("  {} candidates over", counted(e.candidates));
  for (const SweepAxis& axis : r.domain) text += fmt::format(" {} ({})", axis.path, axis.values.size());
  text += r.usual_domain ? ", the usual ones but for what --over names (recommend.over declares others)\n"
                         : ", as declared\n";
  if (!r.widening.empty()) text += fmt::format("  replicas went {}\n", r.widening);
  text +=
      fmt::format("  {} can run, {} bounded, {} tried in a short run, {} judged, {} the same as another\n",
                  counted(e.runnable), counted(e.bounded), counted(e.short_runs), counted(e.verdicts), counted(e.same));
  text += fmt::format("  {} requests simulated", readable(e.requests));
  if (e.requests > 0 && e.requests_of_a_verdict > 0)
    text += fmt::format("; judging all that can run takes {} times as many at least",
                        readable(e.exhaustive_requests() / static_cast<double>(e.requests)));
  text += "\n";
  if (!r.by_money) text += "  not every candidate has a price: cost is the number of GPUs, of whatever kind\n";
  if (r.example_prices) text += "  EXAMPLE PRICES of the catalog, no quote of anybody: give your own under `prices`\n";
  return text;
}

std::string commands_section(const RecommendResult& r, const TextStyle& style) {
  if (!r.winner) return {};
  const Scenario& s = *r.winner;
  const std::string serve = serve_line(s), bench = bench_line(s);
  if (serve.empty()) return {};
  std::string text;
  for (const PoolPlan& pool : s.pools) {
    const std::string flags = role_flags(s, pool);
    const bool says_role = pool.role == PoolRole::both || !flags.empty();
    text += fmt::format("  pool {}, {} time{}{} (router: {}):\n", pool.name, pool.cluster.replicas,
                        pool.cluster.replicas == 1 ? "" : "s",
                        says_role ? "" : fmt::format(", with what makes it one of role {}", to_string(pool.role)),
                        pool.cluster.router);
    text += shell_command(serve_line(only_pool(s, pool)) + flags, style, "  ");
  }
  if (s.pools.empty() && replicas_in_all(s) > 1)
    text += fmt::format("  {} times, behind a router ({}):\n", replicas_in_all(s), s.cluster.router);
  if (s.pools.empty()) text += shell_command(serve, style, "  ");
  if (!bench.empty()) text += shell_command(bench, style, "  ");
  for (const std::string& difference : launch_differences(s)) text += "  differs: " + difference + "\n";
  return text;
}

}  // namespace

std::string to_text(const RecommendResult& r, const TextStyle& style) {
  std::string out = fmt::format("{}: the cheapest of {} candidates\n", r.base.name, counted(r.effort.candidates));
  if (r.interrupted) out += "INTERRUPTED: judged by what had finished\n";
  out += headline(r);
  if (r.base.spare > 0)
    out += fmt::format("Every verdict holds with {} of its replicas down; costs count all of them (spare)\n",
                       r.base.spare);
  if (r.base.load_factor != 1) out += fmt::format("Load x {:g} (workload.load_factor)\n", r.base.load_factor);
  if (!r.ranked.empty()) {
    std::string body = table_of(r, r.ranked, true, style);
    for (std::size_t i = 0; i < r.ranked.size(); ++i) body += twins_of(r, r.ranked[i], i + 1);
    body += fmt::format(
        "  {}: decode's share of the price over output tokens, cost_per_1m_output_tokens as `run` has it;\n"
        "  with prefill's share too it is full_cost_per_1m_output_tokens (--format json)\n",
        r.by_money ? "$/1M out" : "GPU-h/1M out");
    out += section("Ranking", body, style);
    if (r.kinds.size() > 1) out += section("Best of each GPU kind", kinds_section(r, true), style);
    if (const std::string apart = kinds_section(r, false); !apart.empty())
      out += section("Without a price of yours: they do not compete", apart, style);
    out += section("To run it", commands_section(r, style), style);
  }
  if (!r.undecided.empty())
    out += section(r.ranked.empty() ? "Not decided" : "Cheaper, but not decided",
                   table_of(r, r.undecided, false, style), style);
  if (r.closest) {
    out += section("Closest", table_of(r, {*r.closest}, false, style) + "  " + r.closest->why + "\n", style);
  }
  if (r.ranked.empty() && r.kinds.size() > 1)
    out += section("By GPU kind", kinds_section(r, true) + kinds_section(r, false), style);
  out += section("Why nothing cheaper", proof_section(r, style), style);
  if (r.throughput_front.size() > 1)
    out += section("Front: tokens/s per GPU against tokens/s of a user", table_of(r, r.throughput_front, false, style),
                   style);
  if (r.cost_front.size() > 1)
    out += section("Front: cost against " + r.base.slo[r.front_objective].metric,
                   table_of(r, r.cost_front, false, style), style);
  return within_width(out + section("What this rests on", effort_section(r), style), style);
}

}  // namespace foretoken
