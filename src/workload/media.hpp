// Images, videos and sounds of generated prompts: how many, of which kind, and which of them recur.
#pragma once

#include <cstdint>
#include <vector>

#include "foretoken/workload/request_source.hpp"

namespace foretoken {

// What items add to prompts, in tokens.
struct MediaMoments {
  double mean = 0;
  std::int64_t most = 0;
};
// items: of a request, before the range ratio.
[[nodiscard]] MediaMoments media_moments(const MediaConfig& config, std::int64_t items);

// Everything is hashed from the seed and the number of the request, so nothing is kept of any.
class GeneratedMedia final : public PromptMedia {
 public:
  GeneratedMedia(const WorkloadConfig& config, std::uint64_t seed);

  // It brings what the next number stands for; its prompt grows by that.
  void add_to(Request& request);
  void items_of(const Request& request, std::vector<MediaItem>& items) const override;

 private:
  [[nodiscard]] std::int64_t count_of(const Request& request) const;
  [[nodiscard]] std::size_t kind_of(std::uint64_t content) const;

  MediaConfig config_;
  std::vector<std::int64_t> items_;  // by class
  std::vector<double> up_to_;        // share of the kinds up to this one
  std::uint64_t seed_;
  std::int32_t next_ = 0;
};

}  // namespace foretoken
