// Look-up in the built-in catalog and a user's folder. Start-up must stay cheap: only
// files whose text has the wanted name are parsed.
#include "foretoken/scenario/catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <tuple>

#include "scenario/calibration_entries.hpp"
#include "scenario/catalog_entries.hpp"
#include "scenario/embedded_catalog.hpp"

namespace foretoken {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t max_file_size = 1 << 20;
constexpr std::string_view folders[] = {"gpus", "models", "links", "calibration"};

using Files = std::vector<Catalog::File>;
using FileSpan = std::span<const Catalog::File>;

// The user's files stand first: they win by id, name and alias.
struct Collected {
  Files files;
  std::size_t users = 0;
  [[nodiscard]] FileSpan user() const { return FileSpan(files).first(users); }
  [[nodiscard]] FileSpan built_in() const { return FileSpan(files).subspan(users); }
};

char fold(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '-' || c == ' ' ? '_' : c;
}

// "meta-llama/Llama-3.1-8B" is also found as "Llama-3.1-8B".
std::string_view without_owner(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

bool text_has(std::string_view text, std::string_view folded_name) {
  return std::search(text.begin(), text.end(), folded_name.begin(), folded_name.end(),
                     [](char in_text, char in_name) { return fold(in_text) == in_name; }) != text.end();
}

void read_user_file(const fs::path& path, std::string_view folder, Files& files, Diagnostics& diagnostics) {
  const SourceLocation where{.file = path.string(), .line = 0, .column = 0};
  std::error_code failed;
  const std::uintmax_t size = fs::is_regular_file(path, failed) ? fs::file_size(path, failed) : 0;
  if (failed || size == 0) {
    diagnostics.error(where, "catalog file is empty or not a regular file");
    return;
  }
  if (size > max_file_size) {
    diagnostics.error(where, fmt::format("catalog file has {} bytes, at most {} are read", size, max_file_size));
    return;
  }
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) {
    diagnostics.error(where, "catalog file can't be read");
    return;
  }
  files.push_back({std::string(folder), path.stem().string(), text.str(), path.string()});
}

// The user's files of one folder, sorted; a folder that is absent has none.
Files user_files(const std::string& dir, std::string_view folder, Diagnostics& diagnostics) {
  Files files;
  if (dir.empty()) return files;
  std::error_code failed;
  if (!fs::is_directory(dir, failed)) {
    diagnostics.error({.file = dir, .line = 0, .column = 0}, "catalog folder does not exist");
    return files;
  }
  const auto holds = [&](std::string_view name) { return fs::is_directory(fs::path(dir) / name, failed); };
  if (std::none_of(std::begin(folders), std::end(folders), holds)) {
    diagnostics.error({.file = dir, .line = 0, .column = 0},
                      "catalog folder has none of the folders gpus, models, links, calibration");
    return files;
  }
  const fs::path inside = fs::path(dir) / folder;
  if (!fs::exists(inside, failed) && !failed) return files;
  std::vector<fs::path> paths;
  for (fs::directory_iterator entry(inside, failed), end; !failed && entry != end; entry.increment(failed)) {
    const fs::path extension = entry->path().extension();
    if (extension == ".yaml" || extension == ".yml") paths.push_back(entry->path());
  }
  if (failed)
    diagnostics.error({.file = inside.string(), .line = 0, .column = 0},
                      "catalog folder can't be read: " + failed.message());
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) read_user_file(path, folder, files, diagnostics);
  return files;
}

// The user's files and the built-in ones they don't replace.
Result<Collected> collect(const std::string& dir, std::string_view folder) {
  Diagnostics diagnostics;
  Collected all{.files = user_files(dir, folder, diagnostics), .users = 0};
  if (diagnostics.has_errors()) return diagnostics;
  all.users = all.files.size();
  for (const EmbeddedFile& built_in : embedded_catalog()) {
    if (built_in.folder != folder) continue;
    const std::string id = fold_name(built_in.stem);
    const FileSpan user = all.user();
    if (std::any_of(user.begin(), user.end(), [&](const Catalog::File& f) { return fold_name(f.stem) == id; }))
      continue;
    all.files.push_back({std::string(folder), std::string(built_in.stem), std::string(built_in.text),
                         fmt::format("catalog/{}/{}.yaml", folder, built_in.stem)});
  }
  return all;
}

std::vector<std::string> names_of(const GpuSpec& gpu) {
  std::vector<std::string> names{gpu.id, gpu.display_name};
  names.insert(names.end(), gpu.aliases.begin(), gpu.aliases.end());
  return names;
}
std::vector<std::string> names_of(const ModelSpec& model) {
  std::vector<std::string> names{model.id, model.hf_id};
  names.insert(names.end(), model.aliases.begin(), model.aliases.end());
  return names;
}
std::vector<std::string> names_of(const LinkSpec& link) {
  std::vector<std::string> names{link.id};
  names.insert(names.end(), link.aliases.begin(), link.aliases.end());
  return names;
}

template <class Spec>
bool answers_to(const Spec& spec, std::string_view folded_name) {
  const std::vector<std::string> names = names_of(spec);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const std::string folded = fold_name(name);
    return folded == folded_name || without_owner(folded) == folded_name;
  });
}

// The file whose id is the name; else the first whose name or alias it is. A file that
// doesn't parse is reported only when no other one answers.
template <class Spec, class Parse>
std::optional<Result<Spec>> find_in(FileSpan files, std::string_view name, const Parse& parse, Diagnostics& broken) {
  const std::string wanted = fold_name(name);
  for (const Catalog::File& file : files) {
    if (fold_name(file.stem) == wanted) return parse(file);
  }
  for (const std::string& folded : {wanted, std::string(without_owner(wanted))}) {
    if (folded.empty()) continue;
    for (const Catalog::File& file : files) {
      if (!text_has(file.text, folded) && fold_name(file.stem) != folded) continue;
      Result<Spec> spec = parse(file);
      if (!spec) {
        broken.append(spec.error());
      } else if (answers_to(*spec, folded)) {
        return spec;
      }
    }
  }
  return std::nullopt;
}

// Without owner and signs, so that "Llama3-8b" is one version away from Llama-3.1-8B and three from Llama-2-7B.
std::string bare_name(std::string_view name) {
  std::string bare;
  for (const char c : without_owner(name)) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) bare += fold(c);
  }
  return bare;
}

// By letters and digits alone, then by all that is written.
std::string closest_name(std::string_view name, const std::vector<std::string>& known) {
  std::vector<std::string> bare;
  for (const std::string& candidate : known) bare.push_back(bare_name(candidate));
  const std::string match = closest_match(bare_name(name), bare);
  if (match.empty()) return closest_match(name, known);
  return known[static_cast<std::size_t>(std::find(bare.begin(), bare.end(), match) - bare.begin())];
}

template <class Spec, class Parse>
Diagnostics unknown_name(const Collected& all, std::string_view kind, std::string_view name, const Parse& parse) {
  std::vector<std::string> known;
  for (const Catalog::File& file : all.files) {
    const Result<Spec> spec = parse(file);
    if (!spec) continue;
    const std::vector<std::string> names = names_of(*spec);
    known.insert(known.end(), names.begin(), names.end());
  }
  const std::string closest = closest_name(name, known);
  Diagnostics unknown;
  unknown.error({}, fmt::format("unknown {} `{}`", kind, name),
                closest.empty() ? fmt::format("`foretoken catalog {}s` lists all", kind)
                                : fmt::format("did you mean `{}`?", closest));
  return unknown;
}

template <class Spec, class Parse>
Result<Spec> find(const std::string& dir, std::string_view kind, std::string_view name, const Parse& parse) {
  const Result<Collected> all = collect(dir, fmt::format("{}s", kind));
  if (!all) return all.error();
  Diagnostics broken;
  for (const FileSpan files : {all->user(), all->built_in()}) {
    if (std::optional<Result<Spec>> found = find_in<Spec>(files, name, parse, broken)) return *std::move(found);
  }
  if (broken.has_errors()) return broken;
  return unknown_name<Spec>(*all, kind, name, parse);
}

template <class Spec, class Parse>
Result<std::vector<Spec>> parse_all(const std::string& dir, std::string_view folder, const Parse& parse) {
  const Result<Collected> all = collect(dir, folder);
  if (!all) return all.error();
  std::vector<Spec> specs;
  Diagnostics broken;
  for (const Catalog::File& file : all->files) {
    Result<Spec> spec = parse(file);
    if (spec) {
      specs.push_back(std::move(*spec));
    } else {
      broken.append(spec.error());
    }
  }
  if (broken.has_errors()) return broken;
  std::sort(specs.begin(), specs.end(), [](const Spec& a, const Spec& b) { return fold_name(a.id) < fold_name(b.id); });
  return specs;
}

CalibrationTable built_in_calibration() {
  const EmbeddedCalibration embedded = embedded_calibration();
  CalibrationTable table;
  for (const EmbeddedDevice& d : embedded.devices) {
    table.devices.push_back({std::string(d.gpu), std::string(d.generation), d.flops_bf16, d.flops_fp8, d.flops_fp4,
                             d.bandwidth, d.compute_units, d.l2_bytes, d.link_bandwidth});
  }
  table.sets.reserve(embedded.sets.size());
  for (const EmbeddedSet& s : embedded.sets) {
    CoefficientSet& set = table.sets.emplace_back(CoefficientSet{std::string(s.gpu),
                                                                 std::string(s.engine),
                                                                 std::string(s.version),
                                                                 std::string(s.format),
                                                                 std::string(s.operation),
                                                                 s.level,
                                                                 {},
                                                                 {},
                                                                 s.fitted_rows,
                                                                 s.held_out_error,
                                                                 std::string(s.fitted_by),
                                                                 std::string(s.note),
                                                                 s.unusable,
                                                                 s.transferable});
    for (const EmbeddedCoefficient& c : embedded.coefficients.subspan(s.first_coefficient, s.coefficients))
      set.coefficients.push_back({std::string(c.name), c.value});
    for (const EmbeddedRange& r : embedded.ranges.subspan(s.first_range, s.ranges))
      set.ranges.push_back({std::string(r.dimension), r.low, r.high});
  }
  return table;
}

Result<CalibrationTable> read_calibration_with(const std::string& dir) {
  Result<Collected> all = collect(dir, "calibration");
  if (!all) return all.error();
  if (all->users == 0) return built_in_calibration();
  std::set<std::string> users;
  for (const Catalog::File& file : all->user()) users.insert(file.stem);
  const auto is_user = [&](const Catalog::File& file) { return users.contains(file.stem); };
  // By name, so that a set's place in the table does not depend on the folder.
  std::sort(all->files.begin(), all->files.end(),
            [](const Catalog::File& a, const Catalog::File& b) { return a.stem < b.stem; });
  CalibrationTable table, own;
  Diagnostics broken;
  for (const Catalog::File& file : all->files) broken.append(read_calibration(file, is_user(file) ? own : table));
  for (CoefficientSet& set : own.sets) set.of_a_user = true;
  // A set of one's own stands for the built-in one of the same key.
  const auto same_key = [](const CoefficientSet& a, const CoefficientSet& b) {
    return std::tie(a.gpu, a.engine, a.version, a.format, a.operation, a.level) ==
           std::tie(b.gpu, b.engine, b.version, b.format, b.operation, b.level);
  };
  std::erase_if(table.sets, [&](const CoefficientSet& set) {
    return std::any_of(own.sets.begin(), own.sets.end(), [&](const auto& o) { return same_key(o, set); });
  });
  std::erase_if(table.devices, [&](const CalibrationDevice& d) {
    return std::any_of(own.devices.begin(), own.devices.end(), [&](const auto& o) { return o.gpu == d.gpu; });
  });
  table.sets.insert(table.sets.end(), own.sets.begin(), own.sets.end());
  table.devices.insert(table.devices.end(), own.devices.begin(), own.devices.end());
  for (const std::string& problem : calibration_problems(table)) broken.error({}, problem);
  if (broken.has_errors()) return broken;
  return table;
}

}  // namespace

std::string fold_name(std::string_view name) {
  std::string folded(name);
  std::transform(folded.begin(), folded.end(), folded.begin(), fold);
  return folded;
}

Catalog::Catalog(std::string dir) : dir_(std::move(dir)) {}

Result<GpuSpec> Catalog::gpu(std::string_view name) const {
  return find<GpuSpec>(dir_, "gpu", name, [this](const File& file) { return parse_gpu(file, *this); });
}

Result<ModelSpec> Catalog::model(std::string_view name) const {
  return find<ModelSpec>(dir_, "model", name, parse_model);
}

Result<LinkSpec> Catalog::link(std::string_view name) const {
  return find<LinkSpec>(dir_, "link", name, parse_link);
}

Result<std::vector<GpuSpec>> Catalog::gpus() const {
  return parse_all<GpuSpec>(dir_, "gpus", [this](const File& file) { return parse_gpu(file, *this); });
}

Result<std::vector<ModelSpec>> Catalog::models() const {
  return parse_all<ModelSpec>(dir_, "models", parse_model);
}

Result<std::vector<LinkSpec>> Catalog::links() const {
  return parse_all<LinkSpec>(dir_, "links", parse_link);
}

Result<SharedCalibration> Catalog::calibration() const {
  // The built-in files never change; a study resolves many scenarios against them.
  static const SharedCalibration built_in = built_in_calibration();
  if (dir_.empty()) return built_in;
  Result<CalibrationTable> table = read_calibration_with(dir_);
  if (!table) return table.error();
  return SharedCalibration(std::move(*table));
}

std::vector<Catalog::File> Catalog::files(std::string_view folder) const {
  Result<Collected> all = collect(dir_, folder);
  if (!all) return {};
  std::sort(all->files.begin(), all->files.end(), [](const File& a, const File& b) { return a.stem < b.stem; });
  return std::move(all->files);
}

}  // namespace foretoken
