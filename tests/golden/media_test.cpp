// Images worked out by hand (src/serving/README.md, "Golden schedules", M1 to M9): where chunks stop, what is encoded
// and what is found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "golden/schedule.hpp"

namespace foretoken::test {
namespace {

using ::testing::ElementsAre;

// Content, first token, tokens.
MediaItem image(std::int64_t content, std::int32_t start, std::int32_t tokens) {
  return {content, start, tokens, 1, tokens};
}

struct WithImages {
  std::int32_t prompt;
  std::int32_t output;
  std::vector<MediaItem> items;
  double arrival_ms = 0;
  int priority = 0;
};

// A step takes 1 ms, and the encoder 1 us for every embedding.
struct ImageSchedule {
  Recorder seen;
  SimulationOutcome outcome;

  ImageSchedule(EngineConfig engine, const std::vector<WithImages>& prompts) {
    std::vector<Request> requests;
    std::vector<std::vector<MediaItem>> media;
    std::int64_t largest = 0;
    for (const WithImages& p : prompts) {
      Request r;
      r.arrival = TimePoint{duration_from_seconds(p.arrival_ms * 1e-3)};
      r.prompt_tokens = p.prompt;
      r.output_tokens = r.max_tokens = p.output;
      r.priority = static_cast<std::int16_t>(p.priority);
      if (!p.items.empty()) {
        r.media = static_cast<std::int32_t>(media.size());
        media.push_back(p.items);
      }
      for (const MediaItem& item : p.items) largest = std::max<std::int64_t>(largest, item.tokens);
      requests.push_back(r);
    }
    if (engine.encoder.budget == 0) engine.encoder.budget = std::max(engine.max_num_batched_tokens, largest);
    SimulationConfig config;
    config.engine = engine;
    config.step_by_step = true;
    const auto source = make_fixed_source(requests, {}, media);
    StubTerms terms;
    terms.per_encoded_token = 1e-6;
    const StubCost cost(terms);
    outcome = simulate(config, *source, cost, seen);
  }
  [[nodiscard]] std::vector<std::string> schedule(std::size_t steps) const {
    auto lines = seen.schedule();
    lines.resize(std::min(lines.size(), steps));
    return lines;
  }
  [[nodiscard]] EncoderTotals encoder() const { return outcome.replicas.front().encoder; }
};

EngineConfig budget_of(std::int64_t tokens) {
  EngineConfig engine = vllm();
  engine.max_num_batched_tokens = tokens;
  engine.max_model_len = 8192;
  return engine;
}

TEST(GoldenMedia, M1AChunkStopsBeforeAnImageForWhichNoBudgetIsLeft) {
  // 1536 embeddings a step: the first image takes 1024, the second needs as many and has 512.
  const ImageSchedule run(budget_of(1536), {{2198, 1, {image(1, 100, 1024), image(2, 1124, 1024)}}});
  EXPECT_THAT(run.schedule(2), ElementsAre("1124 | 0", "1074+1124 | 0"));
  EXPECT_EQ(run.encoder().items, 2);
  EXPECT_EQ(run.encoder().steps, 2);
}

TEST(GoldenMedia, M2TheEncoderHoldsUpTheDecodesOfItsStep) {
  // A decodes in steps 2 and 3; B's image of 1000 embeddings makes step 2 a millisecond longer.
  const ImageSchedule run(budget_of(2048), {{100, 3, {}}, {1100, 1, {image(1, 50, 1000)}, 0.5}});
  EXPECT_THAT(run.schedule(3), ElementsAre("100 | 0", "1100 | 1", "| 1"));
  const RequestRecord a = run.seen.by_index().front();
  EXPECT_EQ(to_milliseconds(a.finish - TimePoint{}), 4.0);
}

TEST(GoldenMedia, M3TheSameImageTwiceIsComputedOnce) {
  const ImageSchedule run(budget_of(2048),
                          {{1300, 1, {image(7, 100, 500), image(7, 700, 500)}}, {600, 1, {image(7, 0, 500)}}});
  EXPECT_THAT(run.schedule(1), ElementsAre("1300 600 | 0"));
  EXPECT_EQ(run.encoder().items, 1);
  EXPECT_EQ(run.encoder().tokens, 500);
  EXPECT_EQ(run.encoder().hits, 1) << "of the second request";
}

TEST(GoldenMedia, M4AnImageIsFoundUntilItsRoomIsWanted) {
  // Room for 1000: the 600 of image 1 are kept when its prompt is done, found by the second request, and go for image 2
  // of the third; the fourth has to compute image 1 again.
  const auto one = [](std::int64_t content, double at) { return WithImages{700, 1, {image(content, 50, 600)}, at}; };
  const ImageSchedule run(budget_of(1000), {one(1, 0), one(1, 10), one(2, 20), one(1, 30)});
  EXPECT_EQ(run.encoder().items, 3);
  EXPECT_EQ(run.encoder().hits, 1);
  EXPECT_EQ(run.encoder().queries, 4);
}

TEST(GoldenMedia, M5TwoThatNeedTheLastRoomFollowEachOther) {
  // Both images of 600 do not fit into 1000: the second prompt stops before its image.
  const ImageSchedule run(budget_of(1000), {{650, 1, {image(1, 20, 600)}}, {650, 1, {image(2, 30, 600)}}});
  EXPECT_THAT(run.schedule(2), ElementsAre("650 30 | 0", "620+30 | 0"));
}

TEST(GoldenMedia, M6APromptThatBeginsWithItsImageWaitsAndNobodyPasses) {
  // The third has no image, and stands behind the second, which ends admission.
  const ImageSchedule run(budget_of(1000), {{650, 1, {image(1, 0, 600)}}, {650, 1, {image(2, 0, 600)}}, {10, 1, {}}});
  EXPECT_THAT(run.schedule(2), ElementsAre("650 | 0", "650 10 | 0"));
}

TEST(GoldenMedia, M7AnImageStaysUntilTheChunkThatEndsIt) {
  // Budget 400 tokens, image of 1000: the budget of embeddings is raised to it; it is computed once, and read in three
  // chunks.
  const ImageSchedule run(budget_of(400), {{1100, 1, {image(1, 50, 1000)}}});
  EXPECT_THAT(run.schedule(3), ElementsAre("400 | 0", "400+400 | 0", "300+800 | 0"));
  EXPECT_EQ(run.encoder().items, 1);
  EXPECT_EQ(run.encoder().queries, 1);
}

TEST(GoldenMedia, M8WholeItemsOrNone) {
  EngineConfig engine = budget_of(800);
  engine.encoder.whole_items = true;
  const ImageSchedule run(engine, {{900, 1, {image(1, 300, 600)}}});
  EXPECT_THAT(run.schedule(2), ElementsAre("300 | 0", "600+300 | 0"));
  const ImageSchedule cut(budget_of(800), {{900, 1, {image(1, 300, 600)}}});
  EXPECT_THAT(cut.schedule(2), ElementsAre("800 | 0", "100+800 | 0"));
}

TEST(GoldenMedia, M9WhoIsPreemptedFindsItsImageAgain) {
  // Blocks of 16 for 40 tokens: A and B decode until B has to go; its image of 8 is kept, and not computed again.
  EngineConfig engine = budget_of(64);
  engine.max_model_len = 64;
  engine.num_gpu_blocks = 5;  // one is the null block
  engine.scheduler_reserve_full_isl = false;
  const ImageSchedule run(engine, {{24, 20, {image(1, 4, 8)}}, {24, 12, {image(2, 4, 8)}}});
  EXPECT_GT(run.outcome.replicas.front().preemptions, 0);
  EXPECT_EQ(run.encoder().items, 2);
  EXPECT_GT(run.encoder().hits, 0);
}

}  // namespace
}  // namespace foretoken::test
