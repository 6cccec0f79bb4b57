// What the page may move, and what it may not say.
#include "studio/controls.hpp"

#include <gmock/gmock.h>

#include "studio/control_values.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

constexpr const char* kPlain =
    "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm, num_gpus: 4}\nengine: {tensor_parallel_size: 2}\n"
    "workload: {random_input_len: 256, random_output_len: 32, num_prompts: 100, request_rate: 10}\n"
    "slo: [p99_ttft <= 500 ms]\n";

Controls controls_of(const std::string& yaml, const std::string& origin = "test.yaml") {
  const Question question{yaml, origin, {}};
  return Controls::of(question, question.scenario().value()).value();
}

std::vector<std::string> paths_of(const Controls& controls) {
  std::vector<std::string> paths;
  for (const Json& group : *controls.document()["groups"].if_array())
    for (const Json& c : *group["controls"].if_array()) paths.push_back(*c["path"].if_string());
  return paths;
}

std::vector<std::string> set(const Controls& controls, const char* json) {
  return controls.overrides(parse_json(json, "test").value()).value();
}

TEST(Controls, AreTheFieldsOfTheScenario) {
  EXPECT_THAT(paths_of(controls_of(kPlain)),
              ElementsAre("model", "hardware.gpu", "replicas", "engine.tensor_parallel_size", "engine.max_num_seqs",
                          "engine.max_num_batched_tokens", "engine.quantization", "engine.kv_cache_dtype",
                          "workload.request_rate", "workload.random_input_len", "workload.random_output_len", "slo"));
}

TEST(Controls, FollowWhatTheWorkloadHas) {
  const std::string folder = FORETOKEN_SOURCE_DIR "/scenarios/";
  const auto of_file = [&](const char* name) {
    const Scenario scenario = load_scenario(folder + name, {}).value();
    const Question question{"", folder + name, {}};
    return paths_of(Controls::of(question, scenario).value());
  };
  EXPECT_THAT(of_file("azure-conversation.yaml"), IsSupersetOf({"workload.load_factor"}));
  EXPECT_THAT(of_file("azure-conversation.yaml"), Not(::testing::Contains("workload.random_input_len")));
  EXPECT_THAT(of_file("chatbot.yaml"), IsSupersetOf({"workload.input_lengths", "workload.output_lengths"}));
  EXPECT_THAT(of_file("how-many-users.yaml"), IsSupersetOf({"workload.max_concurrency"}));
  // Figures of its own are no name to choose.
  EXPECT_THAT(of_file("my-gpu.yaml"), Not(::testing::Contains("hardware.gpu")));
}

TEST(Controls, BecomeOverrides) {
  const Controls controls = controls_of(kPlain);
  EXPECT_THAT(set(controls, R"({"workload.request_rate": 12.5, "engine.quantization": "fp8", "hardware.gpu": "l40s"})"),
              ElementsAre("workload.request_rate=12.5", "engine.quantization=\"fp8\"", "hardware.gpu=\"l40s\""));
  EXPECT_THAT(set(controls, R"({"workload.request_rate": "inf"})"), ElementsAre("workload.request_rate=inf"));
  EXPECT_THAT(set(controls, R"({"engine.queue_timeout": "90 s", "engine.enforce_eager": true})"),
              ElementsAre("engine.queue_timeout=90 s", "engine.enforce_eager=true"));
  EXPECT_THAT(set(controls, R"({"slo": ["p99_ttft <= 1 s"]})"), ElementsAre("slo=[\"p99_ttft <= 1 s\"]"));
}

TEST(Controls, KeepTheReplicasWhenTheSplitChanges) {
  const Controls controls = controls_of(kPlain);
  EXPECT_THAT(set(controls, R"({"engine.tensor_parallel_size": 4})"),
              ElementsAre("engine.tensor_parallel_size=4", "hardware.num_gpus=null", "replicas=2"));
  EXPECT_THAT(set(controls, R"({"replicas": 3})"), ElementsAre("replicas=3", "hardware.num_gpus=null"));
  EXPECT_THAT(set(controls, R"({"hardware.num_gpus": 8, "replicas": 4})"),
              ElementsAre("hardware.num_gpus=8", "replicas=4"));
}

TEST(Controls, MoveTheMiddleOfADistribution) {
  const Json lengths = parse_json(R"({"distribution": "lognormal", "mu": 6.0, "sigma": 0.5, "max": 4000})", "").value();
  EXPECT_EQ(middle_of(lengths), 403);
  EXPECT_NEAR(middle_of(with_middle(lengths, 1234)), 1234, 0.5);
  EXPECT_EQ(with_middle(lengths, 1234)["sigma"], lengths["sigma"]);
  EXPECT_EQ(with_middle(lengths, 5000)["max"], Json(5000)) << "a median beyond the largest length means nothing";
  EXPECT_FALSE(has_middle(parse_json(R"({"distribution": "empirical", "tokens": [1, 2]})", "").value()));
}

// Everything that could name a file, bring a structure along, or leave the value it is.
TEST(Controls, RefuseWhatIsNoValueOfTheirs) {
  const Controls controls = controls_of(kPlain);
  const char* const wrong[] = {R"({"model": "/etc/passwd"})",
                               R"({"model": "../../etc"})",
                               R"({"workload.trace.path": "/etc/passwd"})",
                               R"({"workload.dataset_path": "/etc/passwd"})",
                               R"({"cost.calibration": "/etc/passwd"})",
                               R"({"memory.startup_log": "x"})",
                               R"({"workload.trace": "{path: /etc/passwd}"})",
                               R"({"workload": "{trace: {path: /etc/passwd}}"})",
                               R"({"sweep": {"replicas": [1, 2]}})",
                               R"({"version": "1"})",
                               R"({"description": "x"})",
                               R"({"workload.classes[0].weight": 2})",
                               R"({"engine.tp": 2})",
                               R"({"hardware.gpu": "{name: x}"})",
                               R"({"hardware.gpu": {"name": "x"}})",
                               R"({"hardware.gpu": "no-such-gpu"})",
                               R"({"replicas": "2"})",
                               R"({"replicas": 1.5})",
                               R"({"replicas": 0})",
                               R"({"replicas": 1e300})",
                               R"({"replicas": [1]})",
                               R"({"replicas": null})",
                               R"({"engine.quantization": "fp9"})",
                               R"({"engine.queue_timeout": "1 s, x: 2"})",
                               R"({"engine.queue_timeout": "{a: b}"})",
                               R"({"engine.queue_timeout": "- 1 s"})",
                               R"({"engine.queue_timeout": "*x"})",
                               R"({"engine.enforce_eager": "true"})",
                               R"({"slo": "p99_ttft <= 1 s"})",
                               R"({"slo": ["a\nb"]})",
                               R"({"slo": [1]})",
                               R"({"no.such.field": 1})",
                               R"([])",
                               R"("replicas=2")"};
  for (const char* json : wrong) {
    const auto overrides = controls.overrides(parse_json(json, "test").value());
    EXPECT_FALSE(overrides) << json << " became " << (overrides ? overrides->front() : "");
  }
}

TEST(Controls, SayAllThatIsWrongAtOnce) {
  const auto refused = controls_of(kPlain).overrides(
      parse_json(R"({"replicas": 0, "model": "/etc/passwd", "workload.trace.path": "x"})", "test").value());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().items().size(), 3U);
  EXPECT_THAT(format(refused.error()), HasSubstr("a whole number from 1"));
}

// A model of the user's own stays possible, because the scenario names it; no other file does.
TEST(Controls, MayGoOnNamingWhatTheScenarioNames) {
  const Controls controls = controls_of(
      "model: meta-llama/Llama-3.1-8B-Instruct\nhardware: {gpu: h100_sxm}\nworkload: {request_rate: 1, num_prompts: "
      "10}\n");
  EXPECT_THAT(set(controls, R"({"model": "meta-llama/Llama-3.1-8B-Instruct"})"),
              ElementsAre("model=\"meta-llama/Llama-3.1-8B-Instruct\""));
}

TEST(Sliders, RiseAndStopAtTheValue) {
  for (const Field& field : scenario_fields()) {
    if (field.kind != FieldKind::integer && field.kind != FieldKind::number) continue;
    for (const double value : {field.least, std::min(field.most, field.least + 37.25), 1.0}) {
      const double rounded = field.kind == FieldKind::integer ? std::floor(value) : value;
      if (rounded < field.least || rounded > field.most) continue;
      const Json steps = slider_steps(field, rounded);
      double before = -1e300;
      bool found = false;
      for (const Json& step : *steps.if_array()) {
        double number = 0;
        ASSERT_TRUE(step.number(number));
        EXPECT_GT(number, before) << field.path;
        EXPECT_GE(number, field.least) << field.path << " at " << rounded;
        EXPECT_LE(number, field.most) << field.path << " at " << rounded;
        found = found || number == rounded;
        before = number;
      }
      EXPECT_TRUE(found) << field.path << " at " << rounded;
      EXPECT_LT(steps.if_array()->size(), 120U) << field.path;
    }
  }
}

}  // namespace
}  // namespace foretoken
