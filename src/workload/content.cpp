// Drawing classes and lengths, and the limits that follow from them.
#include "workload/content.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace foretoken {

LengthPair::LengthPair(const LengthPairConfig& config, std::vector<TraceRow> pairs, std::uint64_t seed)
    : input_(config.input),
      output_(config.output),
      pairs_(std::move(pairs)),
      inputs_(seed, pairs_.empty() ? "prompt_lengths" : "length_pairs"),
      outputs_(seed, "output_lengths") {}

LengthPair::Tokens LengthPair::draw(RandomStream& inputs, RandomStream& outputs) const {
  if (pairs_.empty()) {
    const std::int32_t input = input_.draw(inputs);
    return {input, output_.draw(outputs)};
  }
  const auto last = static_cast<std::int64_t>(pairs_.size()) - 1;
  const TraceRow& row = pairs_[static_cast<std::size_t>(inputs.uniform_int(0, last))];
  return {row.input, row.output};
}

ContentSource::ContentSource(const WorkloadConfig& config, std::uint64_t seed)
    : max_tokens_(config.ignore_eos ? 0 : config.max_tokens),
      classes_(seed, "classes"),
      base_share_(config.adapters.base_share),
      stop_string_share_(max_tokens_ > 0 ? config.stop_string_share : 0),
      draws_more_(!config.adapters.weights.empty() || stop_string_share_ > 0),
      adapter_stream_(seed, "adapters"),
      stop_stream_(seed, "stop_strings") {
  if (!config.adapters.weights.empty()) adapters_.emplace(config.adapters.weights);
  std::vector<double> weights;
  for (const RequestClass& c : config.classes) {
    weights.push_back(c.weight);
    priorities_.push_back(static_cast<std::int16_t>(c.priority));
    class_adapters_.push_back(c.adapter);
  }
  if (priorities_.empty()) priorities_.push_back(0);
  class_adapters_.resize(priorities_.size());
  if (weights.size() > 1) choice_.emplace(weights);
}

Result<ContentSource> ContentSource::make(const WorkloadConfig& config, std::uint64_t seed) {
  ContentSource source(config, seed);
  if (std::holds_alternative<TraceConfig>(config.arrivals)) return source;
  source.add_prefixes(config);
  Diagnostics problems;
  const auto add = [&](const LengthPairConfig& lengths, std::uint64_t class_seed) {
    std::vector<TraceRow> pairs;
    if (lengths.paired) {
      auto trace = read_trace(lengths.paired->path, lengths.paired->format, kLengthsOnly);
      if (!trace) {
        problems.append(trace.error());
        return;
      }
      pairs = std::move(trace->rows);
    }
    source.lengths_.emplace_back(lengths, std::move(pairs), class_seed);
  };
  if (config.classes.empty()) add(config.lengths, seed);
  // By name, so that adding a class leaves the others' lengths alone.
  for (const RequestClass& c : config.classes) add(c.lengths, RandomStream(seed, "class " + c.name).next());
  if (problems.has_errors()) return problems;
  return source;
}

// One row per prefix, with one id for all of it.
ContentSource::SharedPrefix ContentSource::add_prefix(std::int64_t tokens) {
  if (tokens == 0) return {};
  const std::int64_t row = prefixes_.rows();
  prefixes_.add_row(std::span(&row, 1), tokens);
  return {tokens, static_cast<std::int32_t>(row)};
}

void ContentSource::add_prefixes(const WorkloadConfig& config) {
  const SharedPrefix common = add_prefix(config.shared_prefix);
  if (config.classes.empty()) shared_.push_back(common);
  for (const RequestClass& c : config.classes)
    shared_.push_back(c.shared_prefix ? add_prefix(*c.shared_prefix) : common);
}

std::int16_t ContentSource::draw_class() {
  return choice_ ? static_cast<std::int16_t>(choice_->draw(classes_)) : std::int16_t{0};
}

std::int16_t ContentSource::draw_adapter(std::int16_t class_index) {
  const std::optional<int>& own = class_adapters_[static_cast<std::size_t>(class_index)];
  if (own) return static_cast<std::int16_t>(*own);
  if (!adapters_ || (base_share_ > 0 && adapter_stream_.uniform() < base_share_)) return -1;
  return static_cast<std::int16_t>(adapters_->draw(adapter_stream_));
}

[[gnu::noinline]] void ContentSource::draw_rest(Request& request) {
  request.adapter = draw_adapter(request.class_index);
  if (stop_string_share_ > 0) request.stop_string = stop_stream_.uniform() < stop_string_share_;
}

Request ContentSource::make_request(std::int16_t class_index, std::int64_t prompt, std::int64_t output) const {
  Request request;
  request.class_index = class_index;
  request.priority = priorities_[static_cast<std::size_t>(class_index)];
  request.prompt_tokens = static_cast<std::int32_t>(std::min(prompt, kMaxTokens));
  // A client that asks for at most max_tokens gets no more, however much the model would say.
  request.output_tokens = static_cast<std::int32_t>(max_tokens_ > 0 ? std::min(output, max_tokens_) : output);
  request.max_tokens = max_tokens_ > 0 ? static_cast<std::int32_t>(max_tokens_) : request.output_tokens;
  return request;
}

Request ContentSource::draw() {
  const std::int16_t class_index = draw_class();
  const auto place = static_cast<std::size_t>(class_index);
  const LengthPair::Tokens tokens = lengths_[place].draw();
  Request request = make_request(class_index, shared_[place].tokens + tokens.input, tokens.output);
  request.prefix_row = shared_[place].row;
  if (draws_more_) [[unlikely]]
    draw_rest(request);
  return request;
}

Request ContentSource::of_row(const TraceRow& row) {
  Request request = make_request(draw_class(), row.input, row.output);
  if (draws_more_) [[unlikely]]
    draw_rest(request);
  return request;
}

Request ContentSource::turn(std::int16_t class_index, std::int64_t said, RandomStream& stream) {
  const auto place = static_cast<std::size_t>(class_index);
  const LengthPair::Tokens tokens = lengths_[place].draw(stream, stream);
  const std::int64_t before = said > 0 ? said : shared_[place].tokens;
  Request request = make_request(class_index, before + tokens.input, tokens.output);
  request.prefix_row = shared_[place].row;
  if (stop_string_share_ > 0) request.stop_string = stream.uniform() < stop_string_share_;
  return request;
}

}  // namespace foretoken
