// What each request asks for: its class, lengths and limits.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/random.hpp"
#include "foretoken/workload/request_source.hpp"
#include "foretoken/workload/workload_config.hpp"
#include "workload/lengths/distributions.hpp"
#include "workload/lengths/lengths.hpp"
#include "workload/traces/trace.hpp"

namespace foretoken {

// Lengths of one class: two samplers, or pairs drawn together from a file. Each class has its
// own streams, so that a change of one leaves the requests of the others as they were.
class LengthPair {
 public:
  LengthPair(const LengthPairConfig& config, std::vector<TraceRow> pairs, std::uint64_t seed);

  struct Tokens {
    std::int32_t input, output;
  };
  [[nodiscard]] Tokens draw() { return draw(inputs_, outputs_); }
  [[nodiscard]] Tokens draw(RandomStream& inputs, RandomStream& outputs) const;

 private:
  LengthSampler input_, output_;
  std::vector<TraceRow> pairs_;  // empty = the samplers
  RandomStream inputs_, outputs_;
};

class ContentSource {
 public:
  // Opens the files of paired lengths. `config` has passed check_workload().
  [[nodiscard]] static Result<ContentSource> make(const WorkloadConfig& config, std::uint64_t seed);

  // A request of a drawn class with drawn lengths.
  [[nodiscard]] Request draw();
  // A request of a drawn class with the lengths of a trace's row.
  [[nodiscard]] Request of_row(const TraceRow& row);
  // A turn of a conversation: new input after what was said.
  [[nodiscard]] Request turn(std::int16_t class_index, std::int64_t said, RandomStream& stream);
  [[nodiscard]] std::int16_t draw_class();
  // A LoRA adapter, -1 = the base model: that of the class, or a drawn one.
  [[nodiscard]] std::int16_t draw_adapter(std::int16_t class_index);
  // The shared prefixes of the classes; null when there are none.
  [[nodiscard]] const PrefixTable* prefixes() const { return prefixes_.rows() > 0 ? &prefixes_ : nullptr; }

 private:
  struct SharedPrefix {
    std::int64_t tokens = 0;
    std::int32_t row = -1;
  };
  [[nodiscard]] SharedPrefix add_prefix(std::int64_t tokens);
  void add_prefixes(const WorkloadConfig& config);
  ContentSource(const WorkloadConfig& config, std::uint64_t seed);
  [[nodiscard]] Request make_request(std::int16_t class_index, std::int64_t prompt, std::int64_t output) const;

  std::vector<LengthPair> lengths_;       // one per class; none for traces
  std::vector<std::int16_t> priorities_;  // one per class
  std::optional<AliasTable> choice_;      // with two classes or more
  std::vector<SharedPrefix> shared_;      // one per class
  PrefixTable prefixes_;
  std::int64_t max_tokens_;  // what the clients ask for; 0 = the output's length
  RandomStream classes_;
  void draw_rest(Request& request);

  std::optional<AliasTable> adapters_;              // with any
  std::vector<std::optional<int>> class_adapters_;  // one per class
  double base_share_;
  double stop_string_share_;
  bool draws_more_;  // than class and lengths
  RandomStream adapter_stream_, stop_stream_;
};

}  // namespace foretoken
