// Journal, shards and ranks around the points of a sweep.
#include "cli/sweep_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "cli/exit_codes.hpp"
#include "cli/pictures.hpp"
#include "cli/point_ranks.hpp"
#include "cli/terminal.hpp"
#include "experiment/parallel.hpp"
#include "foretoken/experiment/explain.hpp"
#include "foretoken/experiment/sweep.hpp"
#include "foretoken/experiment/version.hpp"
#include "foretoken/report/report.hpp"
#include "persistence/sweep_journal.hpp"
#include "report/sweep_front_report.hpp"
#include "report/vllm_sweep.hpp"

namespace foretoken {
namespace {

SweepFileHead file_head(const SweepRun& sweep, std::string question_sha256) {
  SweepFileHead head;
  head.identity.question_sha256 = std::move(question_sha256);
  head.identity.version = version();
  head.identity.seed = sweep.question.base.seed;
  if (sweep.shard) {
    head.identity.part_index = sweep.shard->index;
    head.identity.part_count = sweep.shard->count;
  }
  head.head = sweep_head(sweep.question.base);
  head.axes = sweep.question.base.sweep;
  return head;
}

std::string stored_lines(const SweepFileHead& head, const std::vector<SweepPoint>& points) {
  std::string lines = head_line(head);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].status != PointStatus::skipped) lines += point_line(i, points[i]);
  }
  return lines;
}

// The points go to the other ranks, which send back the lines of a journal.
void run_on_ranks(const SweepRun& sweep, const SweepFileHead& head, const std::vector<std::size_t>& wanted,
                  const PointSink& sink) {
  const auto line_of = [&](std::size_t index) {
    const SweepPoint point = run_point(sweep.question, index, sweep.options.run);
    return point.status == PointStatus::skipped ? std::string{} : point_line(index, point);
  };
  sweep.ranks->hand_out(
      wanted, line_of,
      [&](std::size_t index, const std::string& line) {
        if (line.empty()) return;
        const std::string_view whole = std::string_view(line).substr(0, line.size() - 1);
        Result<StoredPoint> stored = parse_point_line(whole, head, {fmt::format("point {}", index), 0, 0});
        invariant(stored && stored->index == index, "a rank sent a point that cannot be read");
        sink(index, std::move(stored->point));
      },
      sweep.options.run.stop);
}

int compute_for_others(const SweepRun& sweep) {
  sweep.ranks->compute([&](std::size_t index) {
    const SweepPoint point = run_point(sweep.question, index, sweep.options.run);
    return point.status == PointStatus::skipped ? std::string{} : point_line(index, point);
  });
  return kExitOk;
}

int finish_sweep(const SweepRun& sweep, const SweepFileHead& head, const SweepResult& result) {
  const std::string text =
      sweep.shard ? stored_lines(head, result.points) : render(sweep_table(result), sweep.output, sweep.front);
  const bool fits = sweep.shard || any_fits(result.points);
  OutputOptions output = sweep.output;
  if (sweep.shard) output.format = "json";  // lines of JSON, whatever the whole is to be printed as
  int code = finish(text, result.interrupted, fits, output);
  code = deliver_pictures(code, sweep.output, [&] {
    Pictured pictured = pictured_sweep(sweep_table(result), sweep.front);
    add_roofline_of(pictured.document, result.base);
    return pictured;
  });
  if (code == kExitInterrupted) {
    say(sweep.journal.empty()
            ? std::string("  hint: with --resume FILE the finished points are kept for the next run\n")
            : fmt::format("  the finished points are in '{}'; the same command goes on from there\n", sweep.journal));
  }
  return code;
}

// This shard's points, or all; nothing when it was refused, with the reason said.
std::optional<SweepResult> run_part(SweepRun& sweep) {
  if (sweep.shard) {
    sweep.options.part_index = sweep.shard->index;
    sweep.options.part_count = sweep.shard->count;
  }
  Result<SweepResult> result = run_sweep(sweep.question, sweep.options);
  if (result) return std::move(*result);
  say(result.error());
  return std::nullopt;
}

}  // namespace

Pictured pictured_sweep(const SweepTable& table, std::optional<SweepFront> front) {
  if (front) find_front(*front, table.points);
  Pictured pictured{to_json(table), to_text(table) + front_text(table, front)};
  add_front(pictured.document, table, front);
  return pictured;
}

std::string render(const SweepTable& table, const OutputOptions& output, std::optional<SweepFront> front) {
  if (front) find_front(*front, table.points);
  if (output.format == "csv") return to_csv(table, front);
  if (output.format != "json") return to_text(table, text_style(output)) + front_text(table, front, text_style(output));
  Json json = to_json(table);
  add_front(json, table, front);
  return to_text(json) + "\n";
}

bool any_fits(const std::vector<SweepPoint>& points) {
  return std::any_of(points.begin(), points.end(),
                     [](const SweepPoint& p) { return p.status != PointStatus::does_not_fit; });
}

int run_and_deliver(SweepRun sweep) {
  if (sweep.ranks != nullptr && !sweep.ranks->is_first()) return compute_for_others(sweep);
  const Result<std::string> hash = question_sha256(sweep.question.asked);
  if (!hash) {
    say(hash.error());
    return kExitBadInput;
  }
  const SweepFileHead head = file_head(sweep, *hash);
  std::optional<SweepJournal> journal;
  if (!sweep.journal.empty()) {
    Diagnostics warnings;
    Result<SweepJournal> opened = SweepJournal::open(sweep.journal, head, warnings);
    if (!opened) {
      say(opened.error());
      return kExitBadInput;
    }
    if (!warnings.empty()) say(warnings);
    journal.emplace(std::move(*opened));
    sweep.options.known = journal->known();
  }
  bool journal_failed = false;
  if (journal) {
    sweep.options.on_point = [&](std::size_t index, const SweepPoint& point) {
      const Diagnostics lost = journal->add(index, point);
      if (lost.empty()) return;
      journal_failed = true;
      say(lost);
    };
  }
  if (sweep.ranks != nullptr) {
    sweep.options.run_points = [&](const std::vector<std::size_t>& wanted, const PointSink& sink) {
      run_on_ranks(sweep, head, wanted, sink);
    };
  }
  std::optional<VllmSweep> vllm;
  if (!sweep.vllm_folder.empty()) {
    Result<VllmSweep> created = VllmSweep::create(sweep.vllm_folder, sweep.question.base.sweep);
    if (!created) {
      say(created.error());
      return kExitBadInput;
    }
    vllm.emplace(std::move(*created));
    sweep.options.on_result = [&](std::size_t index, const Scenario& scenario, const RunResult& run) {
      vllm->add(index, scenario, run);
    };
  }
  const std::optional<SweepResult> result = run_part(sweep);
  if (!result) return kExitBadInput;
  const Diagnostics lost = vllm ? vllm->commit() : Diagnostics{};
  if (!lost.empty()) say(lost);
  const int code = finish_sweep(sweep, head, *result);
  return (journal_failed || !lost.empty()) && code == kExitOk ? kExitInternal : code;
}

int deliver_plan(SweepRun sweep) {
  sweep.options.run_points = [&](const std::vector<std::size_t>& wanted, const PointSink& sink) {
    std::vector<SweepPoint> checked(wanted.size());
    parallel_for(wanted.size(), sweep.options.run.threads,
                 [&](std::size_t i) { checked[i] = check_point(sweep.question, wanted[i]); });
    for (std::size_t i = 0; i < wanted.size(); ++i) sink(wanted[i], std::move(checked[i]));
  };
  const std::optional<SweepResult> result = run_part(sweep);
  if (!result) return kExitBadInput;
  const SweepTable table = sweep_table(*result);
  const SweepPart part{sweep.options.part_index, sweep.options.part_count};
  if (sweep.output.format == "json") return deliver(to_text(plan_json(table, part)) + "\n", sweep.output);
  if (sweep.output.format == "csv") return deliver(plan_csv(table, part), sweep.output);
  return deliver(plan_text(table, part, text_style(sweep.output)), sweep.output);
}

}  // namespace foretoken
