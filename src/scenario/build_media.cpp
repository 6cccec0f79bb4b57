// Images, videos and sounds in prompts: workload.random_mm_*, in the spelling of `vllm bench serve`.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/media.hpp"
#include "scenario/build.hpp"
#include "serving/engines/engine_profile.hpp"

namespace foretoken {
namespace {

constexpr const char* kItems = "workload.random_mm_base_items_per_request";
constexpr const char* kBuckets = "workload.random_mm_bucket_config";
constexpr const char* kRatio = "workload.random_mm_num_mm_items_range_ratio";
constexpr const char* kDistinct = "workload.random_mm_distinct_items";

// One of the sizes; false: it is wrong, which is said.
bool read_bucket(Resolver& values, const EncoderSpec& encoder, std::size_t index, MediaConfig& media) {
  const std::string element = fmt::format("{}[{}]", kBuckets, index);
  if (!values.given(element)) return false;  // not a map: reported
  MediaSize size;
  const auto seconds = values.maybe_quantity(element + ".seconds");
  const auto width = values.maybe_integer(element + ".width"), height = values.maybe_integer(element + ".height");
  size.frames = values.integer(element + ".num_frames");
  MediaKind kind;
  kind.weight = values.number(element + ".weight");
  if (seconds) {
    size.seconds = *seconds;
    kind.name = fmt::format("{:g} s", *seconds);
  } else if (width && height) {
    size.width = *width, size.height = *height;
    kind.name =
        size.frames > 1 ? fmt::format("{}x{}x{}", *height, *width, size.frames) : fmt::format("{}x{}", *height, *width);
  } else {
    values.error(element, fmt::format("'{}' has no size", element),
                 "height and width in pixels, or seconds of a sound");
    return false;
  }
  const Result<MediaShape> shape = media_shape(encoder, size);
  if (!shape) {
    const Diagnostics problems = shape.error();
    for (const Diagnostic& problem : problems.items())
      values.error(element, fmt::format("'{}': {}", element, problem.message), problem.hint);
    return false;
  }
  constexpr std::int64_t kMost = 10'000'000;
  if (shape->tokens > kMost || shape->patches > kMost) {
    values.error(element, fmt::format("'{}' becomes {} tokens", element, shape->tokens), "give fewer frames");
    return false;
  }
  kind.tokens = static_cast<std::int32_t>(shape->tokens);
  kind.sequences = static_cast<std::int32_t>(shape->sequences);
  kind.patches = static_cast<std::int32_t>(shape->patches);
  media.kinds.push_back(kind);
  return true;
}

// What is not simulated with them, and says so.
void refuse_together(Resolver& values, Resolver& engine, const Scenario& s) {
  const Deployment& d = s.deployment;
  const auto refuse = [&](const std::string& with) {
    values.error(kBuckets, fmt::format("images and sounds in prompts are not simulated with {}", with),
                 "leave one of them out");
  };
  if (!find_engine(d.engine_name).encodes_media)
    values.error(kBuckets,
                 fmt::format("images and sounds in prompts are simulated for vllm-v1 alone, not for {}", d.engine_name),
                 "set engine.name: vllm-v1");
  if (d.parallelism.pipeline > 1) refuse("pipeline stages");
  if (d.parallelism.data > 1) refuse("attention data parallelism");
  if (d.draft.on()) refuse("speculative decoding");
  if (engine.given("engine.enable_lora") && engine.flag("engine.enable_lora")) refuse("LoRA adapters");
  if (engine.given("engine.kv_offloading_size") && engine.number("engine.kv_offloading_size") > 0)
    refuse("KV caches outside the GPU");
  if (values.given("workload.trace")) refuse("a trace, which says nothing of them");
  if (values.given("workload.sessions")) refuse("conversations");
  if (values.given("workload.client.migration_limit")) refuse("migrations");
}

// workload.random_mm_*; false: something is wrong, which is said.
bool read_media(Resolver& values, Resolver& engine, Scenario& s) {
  const ModelSpec& model = s.deployment.model;
  MediaConfig media;
  media.items = values.integer(kItems);
  media.range_ratio = values.number(kRatio);
  media.distinct = values.integer(kDistinct);
  if (!values.given(kBuckets)) {
    values.error("workload", fmt::format("'{}' is missing: nobody says how large the images are", kBuckets),
                 "random_mm_bucket_config: [{height: 1080, width: 1920}]");
    return false;
  }
  if (model.encoder.rule == MediaRule::none) {
    values.error(kBuckets, fmt::format("{} takes text alone", model.id.empty() ? "the model" : model.id),
                 "models with an encoder: Qwen2.5-VL-7B, Qwen3-VL-8B, Gemma-3-27b-it, Llama-4-Scout, Qwen2-Audio-7B");
    return false;
  }
  refuse_together(values, engine, s);
  bool fine = values.count(kBuckets) > 0;
  if (!fine) values.error(kBuckets, fmt::format("'{}' is empty", kBuckets), "[{height: 1080, width: 1920}]");
  for (std::size_t i = 0; i < values.count(kBuckets); ++i) fine = read_bucket(values, model.encoder, i, media) && fine;
  if (!fine) return false;
  double weights = 0;
  for (const MediaKind& kind : media.kinds) weights += kind.weight;
  if (!(weights > 0)) values.error(kBuckets, fmt::format("the weights of '{}' add up to 0", kBuckets));
  s.workload.media = media;
  return true;
}

}  // namespace

// Keys of the workload are of the whole, those of the engine of one pool where there are several: what the first of
// them has read holds for the others.
void build_media(Resolver& values, Resolver& engine, Scenario& s) {
  const bool given = std::ranges::any_of(std::initializer_list<const char*>{kItems, kBuckets, kRatio, kDistinct},
                                         [&](const char* path) { return values.given(path); });
  if (!given) return;
  Deployment& d = s.deployment;
  if (!s.workload.media.on() && !read_media(values, engine, s)) return;
  for (const MediaKind& kind : s.workload.media.kinds) {
    if (kind.weight > 0) d.largest_item = std::max<std::int64_t>(d.largest_item, kind.tokens);
  }
  d.encoder_data_parallel = engine.text("engine.mm_encoder_tp_mode") == "data";
}

void build_encoder(Resolver& values, Scenario& s) {
  const std::int64_t largest = s.deployment.largest_item;
  if (largest == 0) return;
  EngineConfig& engine = s.engine;
  engine.encoder.budget = std::max(engine.max_num_batched_tokens, largest);
  const char* whole = "engine.disable_chunked_mm_input";
  engine.encoder.elsewhere = s.deployment.encoded_elsewhere;
  engine.encoder.whole_items = values.flag(whole);
  if (engine.encoder.whole_items && largest > engine.max_num_batched_tokens)
    values.error(whole,
                 fmt::format("vLLM refuses to start: an item of {} tokens is never computed in whole within "
                             "max_num_batched_tokens {}",
                             largest, engine.max_num_batched_tokens),
                 "raise the budget, or leave it out");
}

}  // namespace foretoken
