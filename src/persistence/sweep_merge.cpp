// Parts of one sweep put together, and what is wrong with them in words.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "persistence/sweep_store.hpp"
#include "scenario/text_file.hpp"

namespace foretoken {
namespace {

struct Part {
  std::string path;
  SweepFileHead file;
  std::map<std::size_t, SweepPoint> points;
};

std::optional<Part> read_part(const std::string& path, Diagnostics& problems) {
  constexpr std::size_t kMost = std::size_t{1} << 30;
  const char* hint = "give the files that `foretoken sweep --shard` wrote";
  const Result<std::string> read = read_text_file(path, kMost, hint);
  if (!read || read->empty()) {
    if (read)
      problems.error({path, 0, 0}, "the file is empty", hint);
    else
      problems.append(read.error());
    return std::nullopt;
  }
  const std::string& text = *read;
  std::optional<Part> part;
  int number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    const SourceLocation where{path, ++number, 0};
    begin = end + 1;
    if (!part) {
      const Result<SweepFileHead> head = parse_head_line(line, where);
      if (!head) {
        problems.append(head.error());
        return std::nullopt;
      }
      part = Part{path, *head, {}};
      continue;
    }
    Result<StoredPoint> stored = parse_point_line(line, part->file, where);
    if (!stored)
      problems.append(stored.error());
    else if (!part->points.emplace(stored->index, std::move(stored->point)).second)
      problems.error(where, fmt::format("point {} stands there twice", stored->index));
  }
  return part;
}

// The first numbers of a list, and how many more there are.
std::string listed(const std::vector<std::size_t>& numbers) {
  constexpr std::size_t kShown = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, numbers.size()); ++i)
    text += fmt::format("{}{}", i > 0 ? ", " : "", numbers[i]);
  if (numbers.size() > kShown) text += fmt::format(" and {} more", numbers.size() - kShown);
  return text;
}

void check_same_sweep(const Part& part, const Part& first, Diagnostics& problems) {
  const SweepIdentity& a = part.file.identity;
  const SweepIdentity& b = first.file.identity;
  const auto differs = [&](const std::string& what) {
    problems.error({part.path, 0, 0}, fmt::format("{} than {}", what, first.path),
                   "all parts come from one scenario, seed and version");
  };
  if (a.version != b.version) differs(fmt::format("is of another version ({}, not {})", a.version, b.version));
  if (a.seed != b.seed) differs(fmt::format("has another seed ({}, not {})", a.seed, b.seed));
  if (a.part_count != b.part_count)
    differs(fmt::format("is part of another cut ({} shards, not {})", a.part_count, b.part_count));
  if (a.seed == b.seed && (a.question_sha256 != b.question_sha256 || part.file.axes != first.file.axes))
    differs("is of another scenario or other axes");
}

void check_whole(const Part& part, Diagnostics& problems) {
  std::vector<std::size_t> missing;
  const SweepIdentity& id = part.file.identity;
  for (std::size_t i = id.part_index; i < point_count(part.file.axes); i += id.part_count) {
    if (!part.points.contains(i)) missing.push_back(i);
  }
  if (missing.empty()) return;
  problems.error({part.path, 0, 0},
                 fmt::format("shard {}/{} is not finished: {} of {} points are missing: {}", id.part_index,
                             id.part_count, missing.size(), missing.size() + part.points.size(), listed(missing)),
                 "run it again; with --resume only what is missing");
}

void check_all_there(const std::vector<Part>& parts, Diagnostics& problems) {
  const std::size_t count = parts.front().file.identity.part_count;
  std::map<std::size_t, const Part*> there;
  for (const Part& part : parts) {
    const SweepIdentity& id = part.file.identity;
    if (id.part_count != count) continue;
    const auto [at, is_new] = there.emplace(id.part_index, &part);
    if (!is_new)
      problems.error({part.path, 0, 0},
                     fmt::format("shard {}/{} is there twice, in {} as well", id.part_index, count, at->second->path),
                     "leave one of them out");
  }
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < count; ++i) {
    if (!there.contains(i)) missing.push_back(i);
  }
  if (missing.empty()) return;
  problems.error({}, fmt::format("{} of {} shards missing: {}", missing.size(), count, listed(missing)),
                 fmt::format("run `foretoken sweep ... --shard {}/{}`", missing.front(), count));
}

}  // namespace

Result<SweepTable> merge_sweeps(const std::vector<std::string>& paths) {
  Diagnostics problems;
  std::vector<Part> parts;
  for (const std::string& path : paths) {
    if (auto part = read_part(path, problems)) parts.push_back(std::move(*part));
  }
  if (parts.empty()) {
    if (!problems.has_errors()) problems.error({}, "there are no files of sweep points to merge");
    return problems;
  }
  for (std::size_t i = 1; i < parts.size(); ++i) check_same_sweep(parts[i], parts.front(), problems);
  for (const Part& part : parts) check_whole(part, problems);
  check_all_there(parts, problems);
  if (problems.has_errors()) return problems;

  std::sort(parts.begin(), parts.end(),
            [](const Part& a, const Part& b) { return a.file.identity.part_index < b.file.identity.part_index; });
  SweepTable table;
  table.head = parts.front().file.head;
  table.axes = parts.front().file.axes;
  table.points.resize(point_count(table.axes));
  for (Part& part : parts) {
    for (auto& [index, point] : part.points) table.points[index] = std::move(point);
  }
  if (Diagnostics invalid = all_invalid(table.points, table.head.name); invalid.has_errors()) return invalid;
  if (!table.head.slo.empty()) table.frontiers = find_frontiers(table.axes, table.points);
  return table;
}

}  // namespace foretoken
