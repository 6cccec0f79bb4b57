// Drawing classes and lengths.
#include "workload/content.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace foretoken {
namespace {

std::int32_t tokens32(std::int64_t tokens) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(tokens, 1, kMaxTokens));
}

Result<LengthPair> make_pair_of(const LengthPairConfig& config, const std::string& name) {
  LengthPair pair;
  if (config.paired) {
    auto trace = read_trace(config.paired->path, config.paired->format);
    if (!trace) return trace.error();
    pair.pairs = std::move(trace->rows);
    return pair;
  }
  Diagnostics problems;
  for (const auto& [length, what] : {std::pair{&config.input, "input"}, std::pair{&config.output, "output"}}) {
    if (const std::string p = length_problem(*length); !p.empty()) problems.error({}, fmt::format("{}{} length: {}", name, what, p));
  }
  if (problems.has_errors()) return problems;
  pair.input = make_length_sampler(config.input);
  pair.output = make_length_sampler(config.output);
  return pair;
}

// Mean, or maximum, of a field over the pairs of a file.
template <class Field>
double mean_of(const std::vector<TraceRow>& rows, Field field) {
  double sum = 0;
  for (const TraceRow& row : rows) sum += field(row);
  return sum / static_cast<double>(rows.size());
}

}  // namespace

Result<ContentSource> ContentSource::make(const WorkloadConfig& config, std::uint64_t seed) {
  ContentSource source(seed);
  Diagnostics problems;
  source.ignore_eos_ = config.ignore_eos;
  source.max_tokens_ = config.max_tokens;
  const auto add = [&](const LengthPairConfig& lengths, const std::string& name, double weight, int priority) {
    auto pair = make_pair_of(lengths, name);
    if (!pair) { problems.append(pair.error()); return; }
    if (!(weight >= 0) || !std::isfinite(weight)) problems.error({}, fmt::format("{}weight must be finite and not negative", name));
    source.classes_.push_back(std::move(*pair));
    source.weights_.push_back(weight);
    source.priorities_.push_back(static_cast<std::int16_t>(std::clamp(priority, -32768, 32767)));
  };
  if (config.classes.empty()) add(config.lengths, "", 1, 0);
  for (const RequestClass& c : config.classes) add(c.lengths, fmt::format("class '{}': ", c.name), c.weight, c.priority);
  const double total = std::accumulate(source.weights_.begin(), source.weights_.end(), 0.0);
  if (!problems.has_errors() && !(total > 0 && std::isfinite(total))) problems.error({}, "the classes' weights must have a positive sum");
  if (problems.has_errors()) return problems;
  if (source.classes_.size() > 1) source.choice_ = std::make_unique<AliasTable>(source.weights_);
  for (double& w : source.weights_) w /= total;
  return source;
}

void ContentSource::choose_class(Request& request) {
  if (choice_) request.class_index = static_cast<std::int16_t>(choice_->sample(classes_random_));
  request.priority = priorities_[static_cast<std::size_t>(request.class_index)];
}

void ContentSource::draw_lengths(Request& request) {
  const LengthPair& lengths = classes_[static_cast<std::size_t>(request.class_index)];
  if (lengths.pairs.empty()) {
    request.prompt_tokens = tokens32(lengths.input->sample(prompts_));
    request.output_tokens = tokens32(lengths.output->sample(outputs_));
  } else {
    const auto last = static_cast<std::int64_t>(lengths.pairs.size()) - 1;
    const TraceRow& row = lengths.pairs[static_cast<std::size_t>(prompts_.uniform_int(0, last))];
    request.prompt_tokens = row.input;
    request.output_tokens = row.output;
  }
}

void ContentSource::finish(Request& request) const {
  request.max_tokens = ignore_eos_ || max_tokens_ <= 0
                           ? request.output_tokens
                           : tokens32(std::max<std::int64_t>(request.output_tokens, max_tokens_));
}

void ContentSource::fill(Request& request) {
  choose_class(request);
  draw_lengths(request);
  finish(request);
}

void ContentSource::fill_turn(Request& request, std::int64_t conversation_tokens) {
  draw_lengths(request);
  request.prompt_tokens = tokens32(conversation_tokens + request.prompt_tokens);
  finish(request);
}

double ContentSource::mean_input() const {
  double mean = 0;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    mean += weights_[i] * (classes_[i].pairs.empty() ? classes_[i].input->mean()
                                                     : mean_of(classes_[i].pairs, [](const TraceRow& r) { return double(r.input); }));
  }
  return mean;
}

double ContentSource::mean_output() const {
  double mean = 0;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    mean += weights_[i] * (classes_[i].pairs.empty() ? classes_[i].output->mean()
                                                     : mean_of(classes_[i].pairs, [](const TraceRow& r) { return double(r.output); }));
  }
  return mean;
}

std::int64_t ContentSource::max_input() const {
  std::int64_t largest = 0;
  for (const LengthPair& c : classes_) {
    if (c.input) largest = std::max(largest, c.input->max());
    for (const TraceRow& row : c.pairs) largest = std::max<std::int64_t>(largest, row.input);
  }
  return largest;
}

std::int64_t ContentSource::max_total() const {
  std::int64_t largest = 0;
  for (const LengthPair& c : classes_) {
    if (c.input) largest = std::max(largest, c.input->max() + c.output->max());
    for (const TraceRow& row : c.pairs) largest = std::max<std::int64_t>(largest, std::int64_t{row.input} + row.output);
  }
  return largest;
}

}  // namespace foretoken
