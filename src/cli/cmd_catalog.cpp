// foretoken catalog: what comes with the program, one entry a line, or one entry in full.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "foretoken/metrics/summary.hpp"
#include "foretoken/scenario/catalog.hpp"
#include "model/counts.hpp"
#include "report/common.hpp"
#include "serving/policies.hpp"

namespace foretoken {
namespace {

struct CatalogCommand {
  std::string kind;
  std::string name;
  std::string catalog_dir;
  OutputOptions output;
};

// An entry by its name is told in full.
TextStyle listing_style(const OutputOptions& output) {
  TextStyle style = text_style(output);
  style.elsewhere = "`foretoken catalog` with the entry's name";
  return style;
}

std::string optional_quantity(double value, Dimension dimension) {
  return value > 0 ? format_quantity(value, dimension) : std::string("-");
}

std::string list_of(const std::vector<GpuSpec>& gpus, const TextStyle& style) {
  TextTable table("lllrrrr", "0430012");
  table.row({"id", "name", "architecture", "memory", "bandwidth", "bf16 dense", "fp8 dense"});
  for (const GpuSpec& g : gpus) {
    table.row({g.id, g.display_name, g.architecture, format_quantity(g.memory_capacity.value, Dimension::bytes),
               optional_quantity(g.memory_bandwidth.value_or(Bandwidth{}).value, Dimension::bandwidth),
               optional_quantity(g.peak_bf16.value, Dimension::compute_rate),
               optional_quantity(g.peak_fp8.value_or(ComputeRate{}).value, Dimension::compute_rate)});
  }
  return table.text(style);
}

std::string list_of(const std::vector<ModelSpec>& models, const TextStyle& style) {
  TextTable table("lrrrrl", "001234");
  table.row({"id", "parameters", "active", "layers", "KV per token", "Hugging Face"});
  constexpr double kBillion = 1e9;
  for (const ModelSpec& m : models) {
    const ParameterCounts counts = count_parameters(m);
    table.row({m.id, fmt::format("{:.1f} B", counts.total / kBillion),
               fmt::format("{:.1f} B", counts.active / kBillion), readable(std::int64_t{m.layers}),
               readable(kv_elements_per_token(m)), m.hf_id});
  }
  return table.text(style);
}

std::string list_of(const std::vector<LinkSpec>& links, const TextStyle& style) {
  TextTable table("lrr");
  table.without_headings();
  for (const LinkSpec& l : links) {
    table.row({l.id, optional_quantity(l.per_direction.value, Dimension::bandwidth),
               optional_quantity(l.latency.value, Dimension::time)});
  }
  return table.text(style);
}

std::string list_of(std::span<const PolicyInfo> policies, const TextStyle& style) {
  TextTable table("ll");
  table.without_headings();
  for (const PolicyInfo& p : policies) table.row({std::string(p.name), std::string(p.summary)});
  return table.text(style);
}

// All, or those of which the name is part: "ttft" finds every statistic of it.
int deliver_metrics(const std::string& name, const OutputOptions& output) {
  TextTable table("lll");
  table.without_headings();
  std::string in_full;
  bool any = false;
  const auto row = [&](std::string key, std::string_view unit, std::string_view meaning) {
    if (key.find(name) == std::string::npos) return;
    if (!name.empty())
      in_full += fmt::format("{}{}: {}\n", key, unit.empty() ? "" : fmt::format(" ({})", unit), meaning);
    table.row({std::move(key), std::string(unit), std::string(meaning)});
    any = true;
  };
  for (const Column& c : columns()) row(std::string(c.key), c.unit, c.meaning);
  for (const LatencyMetric& m : latency_metrics()) {
    std::string key = fmt::format("{{mean,median,std,min,max,pNN}}_{}_ms", m.name);
    if (name.ends_with(fmt::format("_{}_ms", m.name))) key = name;  // p99_ttft_ms
    row(std::move(key), "ms", m.meaning);
  }
  if (any && !name.empty()) return deliver(within_width(in_full, listing_style(output)), output);
  if (any) return deliver(table.text(listing_style(output)), output);
  say(fmt::format("error: unknown metric '{}'\n  hint: `foretoken catalog metrics` lists them\n", name));
  return kExitBadInput;
}

// Delivers a list, or says why there is none.
template <class T>
int deliver_list(const Result<std::vector<T>>& entries, const OutputOptions& output) {
  if (entries) return deliver(list_of(*entries, listing_style(output)), output);
  say(entries.error());
  return kExitBadInput;
}

// The file of an entry (named after its id), with the sources of its figures.
template <class T>
int deliver_file(const Catalog& catalog, const Result<T>& entry, const std::string& folder,
                 const OutputOptions& output) {
  if (!entry) {
    say(entry.error());
    return kExitBadInput;
  }
  for (const Catalog::File& file : catalog.files(folder)) {
    if (file.stem == entry->id) return deliver(file.text, output);
  }
  say(fmt::format("internal error: no file of catalog {} holds {}\n", folder, entry->id));
  return kExitInternal;
}

int deliver_policy(std::span<const PolicyInfo> policies, const std::string& name, const OutputOptions& output) {
  if (name.empty()) return deliver(list_of(policies, listing_style(output)), output);
  std::vector<std::string> names;
  for (const PolicyInfo& p : policies) {
    if (p.name == name)
      return deliver(within_width(fmt::format("{}: {}\n", p.name, p.summary), listing_style(output)), output);
    names.emplace_back(p.name);
  }
  const std::string close = closest_match(name, names);
  say(fmt::format("error: unknown name '{}'; allowed are {}\n{}", name, fmt::join(names, ", "),
                  close.empty() ? "" : fmt::format("did you mean '{}'?\n", close)));
  return kExitBadInput;
}

int run(const CatalogCommand& c) {
  if (c.kind == "engines") return deliver_policy(batching_policies(), c.name, c.output);
  if (c.kind == "queueing") return deliver_policy(queueing_policies(), c.name, c.output);
  if (c.kind == "routers") return deliver_policy(routing_policies(), c.name, c.output);
  if (c.kind == "metrics") return deliver_metrics(c.name, c.output);
  const Catalog catalog(c.catalog_dir);
  if (c.kind == "gpus") {
    return c.name.empty() ? deliver_list(catalog.gpus(), c.output)
                          : deliver_file(catalog, catalog.gpu(c.name), c.kind, c.output);
  }
  if (c.kind == "models") {
    return c.name.empty() ? deliver_list(catalog.models(), c.output)
                          : deliver_file(catalog, catalog.model(c.name), c.kind, c.output);
  }
  return c.name.empty() ? deliver_list(catalog.links(), c.output)
                        : deliver_file(catalog, catalog.link(c.name), c.kind, c.output);
}

}  // namespace

Action add_catalog_command(CLI::App* catalog_app) {
  auto command = std::make_shared<CatalogCommand>();
  catalog_app->add_option("kind", command->kind, "What to list")
      ->required()
      ->check(CLI::IsMember(
          std::vector<std::string>{"gpus", "models", "links", "engines", "queueing", "routers", "metrics"}));
  catalog_app->add_option("name", command->name, "Show this entry in full, with its sources");
  catalog_app->add_option("--catalog", command->catalog_dir, "Folder whose entries win over the built-in ones")
      ->type_name("DIR");
  add_output_options(*catalog_app, command->output, {"table"});
  return [command] { return run(*command); };
}

}  // namespace foretoken
