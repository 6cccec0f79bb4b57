// Arrivals, lengths, times and engine arguments of a replay folder.
#include "measurement/calibration/recorded_run.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "measurement/accuracy/engine_fields.hpp"
#include "scenario/sha256.hpp"
#include "scenario/text_file.hpp"

namespace foretoken {

Result<MeasuredRun> read_recorded_run(const std::string& folder) {
  const Result<Recording> recording = read_recording(folder);
  if (!recording) return recording.error();
  MeasuredRun run;
  run.name = folder;
  run.format = "replay";
  run.model = recording->model;
  run.has_arrivals = true;
  constexpr std::size_t kMost = std::size_t{1} << 30;
  const auto text = read_text_file((std::filesystem::path(folder) / "requests.jsonl").string(), kMost, "");
  if (text) run.sha256 = sha256(*text);
  const double start = recording->requests.front().arrival;
  for (const RecordedRequest& r : recording->requests) {
    const double decode = r.last_token - r.first_token;
    run.requests.push_back(
        {r.prompt_tokens, r.output_tokens, r.arrival - start, (r.first_token - r.arrival) * 1e3,
         r.output_tokens > 1 ? decode * 1e3 / static_cast<double>(r.output_tokens - 1) : std::nan(""),
         (r.last_token - r.arrival) * 1e3});
  }
  run.completed = static_cast<std::int64_t>(run.requests.size());
  std::vector<std::string> not_modelled;
  for (const EngineField& field : engine_fields(*recording, not_modelled))
    run.overrides.push_back(fmt::format("engine.{}={}", field.name, field.value));
  for (const std::string& argument : not_modelled) run.notes.push_back("not modelled: " + argument);
  return run;
}

}  // namespace foretoken
