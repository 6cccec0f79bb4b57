// What starts a deployment under one engine: its start line with every given knob, and a file of options where flags
// do not do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "study/emit/target_engine.hpp"

namespace foretoken {

struct EngineFiles {
  std::string line;                        // vllm serve ...; with `options`, it names kOptionsFile
  std::string options;                     // YAML; empty: none needed
  std::vector<std::string> missing;        // given knobs that neither can say, and what differs from what was simulated
  std::vector<std::string> of_simulation;  // given keys that describe the machine, not the engine
};
inline constexpr std::string_view kOptionsFile = "llm_options.yaml";

[[nodiscard]] EngineFiles engine_files(const TargetDeployment& target);

// A script for sh: how knobs were converted and what is missing as comments, the start line, and the `vllm bench serve`
// line that would verify the prediction.
[[nodiscard]] std::string to_script(const TargetDeployment& target);
// Manifests of Kubernetes: a Deployment, or a LeaderWorkerSet where a replica needs several nodes, and its Service.
// Errors: a deployment over several nodes that the engine starts by other means.
[[nodiscard]] Result<std::string> to_manifest(const TargetDeployment& target);

// `# ` before every line that a reader has to know.
[[nodiscard]] std::string emit_comments(const TargetDeployment& target, const EngineFiles& files);
// The line that measures it; empty, and a reason in the comments, where none can.
[[nodiscard]] std::string verification_comment(const Scenario& scenario);

}  // namespace foretoken
