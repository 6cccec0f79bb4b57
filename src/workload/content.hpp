// What each request asks for: its class, lengths and limits.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "foretoken/base/random.hpp"
#include "foretoken/workload/request.hpp"
#include "workload/lengths.hpp"
#include "workload/traces/trace.hpp"

namespace foretoken {

// Lengths of one class: two samplers, or pairs drawn together from a file.
struct LengthPair {
  std::unique_ptr<LengthSampler> input;
  std::unique_ptr<LengthSampler> output;
  std::vector<TraceRow> pairs;
};

// Each purpose has its own stream: a change of the lengths leaves the classes as they were.
class ContentSource {
 public:
  // Errors: lengths, weights and files that cannot be used.
  static Result<ContentSource> make(const WorkloadConfig& config, std::uint64_t seed);

  // Fills class, priority, lengths and max_tokens.
  void fill(Request& request);
  // The new input of a later turn of a conversation of `class_index`, and its output.
  void fill_turn(Request& request, std::int64_t conversation_tokens);
  [[nodiscard]] double mean_input() const;
  [[nodiscard]] double mean_output() const;
  [[nodiscard]] std::int64_t max_input() const;
  [[nodiscard]] std::int64_t max_total() const;
  // Priority and limits for a request whose lengths come from a trace.
  void finish(Request& request) const;
  void choose_class(Request& request);

 private:
  explicit ContentSource(std::uint64_t seed)
      : classes_random_(seed, "classes"), prompts_(seed, "prompt_lengths"), outputs_(seed, "output_lengths") {}
  void draw_lengths(Request& request);

  std::vector<LengthPair> classes_;
  std::vector<double> weights_;
  std::vector<std::int16_t> priorities_;
  std::unique_ptr<AliasTable> choice_;  // null with one class
  bool ignore_eos_ = true;
  std::int64_t max_tokens_ = 0;
  RandomStream classes_random_;
  RandomStream prompts_;
  RandomStream outputs_;
};

}  // namespace foretoken
