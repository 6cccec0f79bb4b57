// Encoders in a pool of their own, worked out by hand (src/serving/README.md, "Golden schedules", M10 to M15).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "foretoken/serving/simulation.hpp"
#include "support/pooled_run.hpp"
#include "support/stub_cost.hpp"

namespace foretoken::test {
namespace {

using ::testing::ElementsAre;

constexpr Duration kOneMs{1'000'000};

struct WithItems {
  std::int32_t prompt;
  std::int32_t output;
  std::vector<MediaItem> items;
  std::int64_t arrival_ms = 0;
};

// Content, first token, tokens.
MediaItem apart_item(std::int64_t content, std::int32_t start, std::int32_t tokens) {
  return {content, start, tokens, 1, tokens};
}

// Encoders whose steps take 1 ms and 1 us for every embedding, up to 1536 of them; then engines with steps of 10 ms.
struct Apart {
  StubCost encoder{StubTerms{.base = 1e-3, .per_encoded_token = 1e-6}};
  StubCost language{StubTerms{.base = 10e-3, .per_encoded_token = 1}};
  PoolsConfig config;
  PooledRun run;

  explicit Apart(int encoders) {
    config.step_by_step = true;
    EngineConfig engine;
    engine.name = "vllm-v1";
    engine.max_model_len = 8192;
    engine.max_num_batched_tokens = 1536;
    engine.num_gpu_blocks = 10'000;
    engine.encoder.budget = 1536;
    PoolConfig encode{PoolRole::encoder, FirstToken::where_prefilled, engine, {}, &encoder};
    encode.cluster.replicas = encoders;
    engine.encoder.elsewhere = true;
    config.pools.push_back(encode);
    config.pools.push_back({PoolRole::both, FirstToken::where_prefilled, engine, {}, &language});
  }
  void serve(const std::vector<WithItems>& all) {
    std::vector<Request> requests;
    std::vector<std::vector<MediaItem>> media;
    for (const WithItems& one : all) {
      Request r;
      r.arrival = TimePoint{one.arrival_ms * kOneMs};
      r.prompt_tokens = one.prompt;
      r.output_tokens = r.max_tokens = one.output;
      if (!one.items.empty()) {
        r.media = static_cast<std::int32_t>(media.size());
        media.push_back(one.items);
      }
      requests.push_back(r);
    }
    const auto source = make_fixed_source(requests, {}, media);
    run.outcome = simulate(config, *source, run.seen);
  }
  [[nodiscard]] std::vector<std::int64_t> begins_us() const {
    std::vector<std::int64_t> all;
    for (const Recorder::Step& step : run.seen.steps) all.push_back(step.begin.time_since_epoch().count() / 1000);
    return all;
  }
  [[nodiscard]] EncoderTotals encoded(std::size_t replica = 0) const { return run.outcome.replicas[replica].encoder; }
};

// 1024 of 1536 embeddings are taken, so the second image has a step of its own: 2 x 2024 us. The prompt waits for both,
// and nothing is encoded in its steps, but the first of them ends where there is no room for the second image.
TEST(GoldenEncodersApart, M10APromptWaitsForAllItsImages) {
  Apart apart(1);
  apart.serve({{2198, 2, {apart_item(1, 100, 1024), apart_item(2, 1124, 1024)}}});
  EXPECT_THAT(apart.run.seen.schedule(), ElementsAre("1124 | 0", "1074+1124 | 0", "| 1"));
  EXPECT_EQ(apart.begins_us().front(), 2 * 2024);
  EXPECT_EQ(apart.encoded().steps, 2);
  EXPECT_EQ(apart.encoded().tokens, 2048);
  EXPECT_EQ(apart.run.outcome.replicas[1].encoder.items, 0);
  const RequestRecord& r = apart.run.seen.records.front();
  EXPECT_EQ(r.request.on_the_way, Duration{2 * 2'024'000});
  EXPECT_EQ(r.ttft_parts[static_cast<std::size_t>(AttributionPart::engine_overhead)],
            Duration{2 * 2'024'000} + 20 * kOneMs);  // steps are overhead too
}

// Images are dealt out in turn: two encoders compute them beside each other.
TEST(GoldenEncodersApart, M11ImagesAreDealtOut) {
  Apart apart(2);
  apart.serve({{2198, 1, {apart_item(1, 100, 1024), apart_item(2, 1124, 1024)}}});
  EXPECT_EQ(apart.begins_us().front(), 2024);
  EXPECT_EQ(apart.encoded(0).items, 1);
  EXPECT_EQ(apart.encoded(1).items, 1);
}

// Embeddings of 1000 tokens of 1000 bytes at 1 GB/s: 1 ms and 0.5 ms of set-up each. Both are computed in one step,
// after 2.4 ms, and the second is sent when the first has gone: they are there at 2.4 + 1.5 + 0.9 ms.
TEST(GoldenEncodersApart, M12AReplicaSendsOneAfterTheOther) {
  Apart apart(1);
  PoolConfig& pool = apart.config.pools.front();
  pool.link_bandwidth = 1'000'000'000;
  pool.embedding_bytes = 1000;
  pool.embedding_setup = kOneMs / 2;
  apart.serve({{1500, 1, {apart_item(1, 0, 1000), apart_item(2, 1000, 400)}}});
  EXPECT_EQ(apart.begins_us().front(), 2400 + 1500 + 900);
}

// The same image again, while it is computed and when it has been: once in all. When another has taken its room it is
// computed again.
TEST(GoldenEncodersApart, M13AnImageIsComputedOnceWhileThereIsRoom) {
  Apart apart(1);
  const MediaItem first = apart_item(1, 0, 1000), other = apart_item(2, 0, 1000);
  apart.serve({{1100, 1, {first}},
               {1100, 1, {first}},
               {1100, 1, {first}, 50},
               {1100, 1, {other}, 100},
               {1100, 1, {first}, 150}});
  EXPECT_EQ(apart.encoded().items, 3);
  EXPECT_EQ(apart.encoded().queries, 5);
  EXPECT_EQ(apart.encoded().hits, 2);
}

// Text passes those whose images are encoded.
TEST(GoldenEncodersApart, M14TextDoesNotWait) {
  Apart apart(1);
  apart.serve({{1100, 1, {apart_item(1, 0, 1000)}}, {20, 1, {}, 1}});
  EXPECT_THAT(apart.run.seen.schedule(), ElementsAre("20 | 0", "1100 | 0"));
}

// All clients leave after 1 ms. The first one's second image waited for its turn and is not encoded; the first one was
// under way and is kept, so that the next to bring it goes on at once, and leaves with the step in flight.
TEST(GoldenEncodersApart, M15WhoLeavesTakesAlongWhatWaits) {
  Apart apart(1);
  apart.config.clients.on = true;
  apart.config.clients.abort_share = 1;
  apart.config.clients.patience = kOneMs;
  const MediaItem first = apart_item(1, 0, 1024);
  apart.serve({{2198, 2, {first, apart_item(2, 1100, 1024)}}, {1100, 2, {first}, 5}});
  EXPECT_EQ(apart.encoded().items, 1);
  EXPECT_EQ(apart.encoded().hits, 1);
  EXPECT_EQ(apart.run.outcome.aborted, 2);
  EXPECT_THAT(apart.run.seen.schedule(), ElementsAre("1100 | 0"));
  EXPECT_EQ(apart.begins_us().front(), 5000);
  EXPECT_EQ(apart.run.outcome.replicas[1].kv_blocks_at_end, 0);
}

// Room for 1536 embeddings where prompts are computed: the second prompt's image waits until the first one's is let go.
TEST(GoldenEncodersApart, M14WhatComesEncodedNeedsRoom) {
  Apart apart(2);
  apart.config.pools[1].engine.max_num_batched_tokens = 4096;
  apart.serve({{1100, 2, {apart_item(1, 50, 1024)}}, {1100, 2, {apart_item(2, 50, 1024)}}});
  EXPECT_THAT(apart.run.seen.schedule(), ElementsAre("1100 50 | 0", "1050+50 | 1", "| 1"));
}

}  // namespace
}  // namespace foretoken::test
