// What a benchmark's line says of its load: the dataset, and sizes of images.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/csv.hpp"
#include "study/import/import_draft.hpp"

namespace foretoken {

void settle_dataset(ImportDraft& draft) {
  const bool random = draft.dataset_name == "random" || draft.dataset_name == "random-mm";
  if (draft.dataset_name.empty() || random) return;
  const bool known = draft.dataset_name == "sharegpt" || draft.dataset_name == "burstgpt";
  if (!known || draft.dataset_path.empty()) {
    draft.not_simulated.push_back(
        fmt::format("--dataset-name {}: the lengths are those of random prompts", draft.dataset_name));
    return;
  }
  std::error_code failed;
  const SourceLocation nowhere{};
  draft.set({"workload.dataset_name", draft.dataset_name, "--dataset-name " + draft.dataset_name, nowhere});
  draft.set({"workload.dataset_path", std::filesystem::absolute(draft.dataset_path, failed).string(),
             "--dataset-path " + draft.dataset_path, nowhere});
}

// {(256, 256, 1): 0.5, (720, 1280, 1): 0.5}: height, width and frames.
std::string media_buckets(std::string value) {
  std::erase_if(value, [](char c) { return c == ' ' || c == '{' || c == '}' || c == '\'' || c == '"'; });
  std::string buckets;
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t open = value.find('(', at), close = value.find("):", at);
    if (open != at || close == std::string::npos) return {};
    const std::size_t first = value.find(',', open), second = value.find(',', first + 1);
    if (second == std::string::npos || second > close) return {};
    const std::size_t end = std::min(value.find(",(", close), value.size());
    double height = 0, width = 0, frames = 0, weight = 0;
    const bool fine = parse_number(value.substr(open + 1, first - open - 1), height) &&
                      parse_number(value.substr(first + 1, second - first - 1), width) &&
                      parse_number(value.substr(second + 1, close - second - 1), frames) &&
                      parse_number(value.substr(close + 2, end - close - 2), weight);
    if (!fine) return {};
    if (weight > 0)
      buckets += fmt::format("{}{{height: {:g}, width: {:g}, num_frames: {:g}, weight: {:g}}}",
                             buckets.empty() ? "" : ", ", height, width, frames, weight);
    at = end + 1;
  }
  return buckets.empty() ? buckets : "[" + buckets + "]";
}

}  // namespace foretoken
