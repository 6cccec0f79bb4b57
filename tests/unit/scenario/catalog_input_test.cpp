// A user's own catalog folder: it adds and overrides, and every mistake in it is
// reported with its place.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "cost/levels/pricing.hpp"
#include "foretoken/scenario/catalog.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class UserCatalog : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path(FORETOKEN_BINARY_DIR) / "test_catalog_input" / name;
    fs::remove_all(folder_);
    for (const char* kind : {"gpus", "models", "links"}) fs::create_directories(folder_ / kind);
  }
  void write(const std::string& path, const std::string& text) const { std::ofstream(folder_ / path) << text; }
  [[nodiscard]] Catalog catalog() const { return Catalog(folder_.string()); }
  // The diagnostics of reading one GPU file with this text.
  [[nodiscard]] std::string gpu_problems(const std::string& text) const {
    write("gpus/mine.yaml", text);
    const Result<GpuSpec> gpu = catalog().gpu("mine");
    return gpu ? "no problem" : format(gpu.error());
  }
  [[nodiscard]] std::string model_problems(const std::string& text) const {
    write("models/mine.yaml", text);
    const Result<ModelSpec> model = catalog().model("mine");
    return model ? "no problem" : format(model.error());
  }

  fs::path folder_;
};

const std::string good_gpu = R"(name: My GPU
aliases: [box]
vendor: Me
peak_dense:
  bf16: 100 TFLOP/s
memory:
  capacity: 24 GiB
  bandwidth: 1 TB/s
links:
  host: pcie4
sources: [my bench]
)";

const std::string good_model = R"(architecture: LlamaForCausalLM
hidden_size: 1024
num_hidden_layers: 4
vocab_size: 1000
attention:
  num_attention_heads: 8
  num_key_value_heads: 8
  head_dim: 128
mlp:
  intermediate_size: 4096
sources: [my own]
)";

TEST_F(UserCatalog, AddsAGpuThatIsFoundByIdNameAndAlias) {
  write("gpus/mine.yaml", good_gpu);
  for (const char* name : {"mine", "my-gpu", "BOX"}) {
    const Result<GpuSpec> gpu = catalog().gpu(name);
    ASSERT_TRUE(gpu) << format(gpu.error());
    EXPECT_EQ(gpu->id, "mine");
  }
  EXPECT_EQ(catalog().gpus()->size(), 41U);
}

TEST_F(UserCatalog, AFileOfTheSameNameReplacesTheBuiltInOne) {
  write("gpus/h100_sxm.yaml", good_gpu);
  EXPECT_EQ(catalog().gpu("h100_sxm")->display_name, "My GPU");
  EXPECT_EQ(catalog().gpus()->size(), 40U);
}

TEST_F(UserCatalog, AnAliasOfTheUsersWinsOverABuiltInName) {
  std::string text = good_gpu;
  text.replace(text.find("box"), 3, "h100_sxm");
  write("gpus/mine.yaml", text);
  EXPECT_EQ(catalog().gpu("h100_sxm")->id, "mine");
}

TEST_F(UserCatalog, AnOverriddenLinkReachesTheBuiltInGpus) {
  write("links/nvlink4.yaml", "per_direction: 400 GB/s\nlatency: 1 us\nsources: [measured]\n");
  EXPECT_EQ(catalog().gpu("h100_sxm")->scale_up_link.per_direction.value, 400e9);
}

TEST_F(UserCatalog, AModelNeedsNoMoreThanItsShape) {
  write("models/mine.yaml", good_model);
  const Result<ModelSpec> model = catalog().model("mine");
  ASSERT_TRUE(model) << format(model.error());
  EXPECT_EQ(model->full_attention_layers, 4);
  EXPECT_EQ(model->mlp_matrices, 3);
}

TEST_F(UserCatalog, EveryProblemOfAFileIsReportedWithItsPlace) {
  const std::string text = gpu_problems(R"(name: My GPU
vendr: Me
peak_dense:
  bf16: 100 TB/s
  fp8: -3 TFLOP/s
memory:
  capacity: 24
  bandwidth: .nan TB/s
links:
  host: pcie9
sources: []
)");
  EXPECT_THAT(text, HasSubstr("mine.yaml:2:1"));  // vendr
  EXPECT_THAT(text, HasSubstr("did you mean `vendor`"));
  EXPECT_THAT(text, HasSubstr("mine.yaml:4:9"));   // TB/s is no compute rate
  EXPECT_THAT(text, HasSubstr("mine.yaml:5:8"));   // negative
  EXPECT_THAT(text, HasSubstr("mine.yaml:7:13"));  // no unit
  EXPECT_THAT(text, HasSubstr("mine.yaml:8:14"));  // NaN
  EXPECT_THAT(text, HasSubstr("mine.yaml:10:9"));  // unknown link
  EXPECT_THAT(text, HasSubstr("mine.yaml:11"));    // no source
}

TEST_F(UserCatalog, APeakThatDoesNotSayDenseIsRefused) {
  std::string text = good_gpu;
  text.replace(text.find("peak_dense"), 10, "peak");
  EXPECT_THAT(gpu_problems(text), HasSubstr("peak_dense"));
}

TEST_F(UserCatalog, MissingParts) {
  const std::string text = gpu_problems("name: My GPU\n");
  EXPECT_THAT(text, HasSubstr("peak_dense"));
  EXPECT_THAT(text, HasSubstr("memory"));
  EXPECT_THAT(text, HasSubstr("sources"));
}

TEST_F(UserCatalog, ModelShapesThatCannotBeAreRefused) {
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good_model;
    text.replace(text.find(from), from.size(), to);
    return model_problems(text);
  };
  EXPECT_EQ(with("head_dim", "head_dim"), "no problem");
  EXPECT_THAT(with("num_key_value_heads: 8", "num_key_value_heads: 3"), HasSubstr("mine.yaml:7"));
  EXPECT_THAT(with("hidden_size: 1024", "hidden_size: 0"), HasSubstr("mine.yaml:2"));
  EXPECT_THAT(with("hidden_size: 1024", "hidden_size: 99999999999"), HasSubstr("mine.yaml:2"));
  EXPECT_THAT(with("  head_dim: 128", "  head_dim: 128\n  sliding_layers: 9\n  sliding_window: 10"),
              HasSubstr("layers"));
  EXPECT_THAT(with("  head_dim: 128", "  head_dim: 128\n  sliding_layers: 2"), HasSubstr("sliding_window"));
  EXPECT_THAT(with("  head_dim: 128", "  head_dim: 128\n  kind: mla"), HasSubstr("kv_lora_rank"));
  EXPECT_THAT(with("mlp:", "moe: {num_experts: 4, num_experts_per_tok: 8, moe_intermediate_size: 64}\nmlp:"),
              HasSubstr("num_experts_per_tok"));
}

TEST_F(UserCatalog, BrokenFilesAreNamed) {
  EXPECT_THAT(gpu_problems(""), HasSubstr("mine.yaml"));
  EXPECT_THAT(gpu_problems("a: [b\n"), HasSubstr("mine.yaml"));
  EXPECT_THAT(gpu_problems("- just\n- a list\n"), HasSubstr("mine.yaml"));
  EXPECT_THAT(gpu_problems(good_gpu + "vendor: Twice\n"), HasSubstr("mine.yaml:12"));
  EXPECT_THAT(gpu_problems(good_gpu + "---\nname: Second\n"), HasSubstr("second document"));
  EXPECT_THAT(gpu_problems(", a\n"), HasSubstr("mine.yaml"));
  EXPECT_THAT(gpu_problems("a: &a [*a]\n"), HasSubstr("mine.yaml"));
  EXPECT_THAT(gpu_problems(std::string(20'000, '[')), HasSubstr("mine.yaml"));
  EXPECT_THAT(gpu_problems(std::string("a\0b: 1\n", 7)), HasSubstr("mine.yaml"));
}

TEST_F(UserCatalog, ABrokenFileDoesNotHideTheOthersUnlessItIsAskedFor) {
  write("gpus/broken.yaml", "a: [b\n");
  EXPECT_TRUE(catalog().gpu("h100_sxm"));
  EXPECT_FALSE(catalog().gpu("broken"));
  EXPECT_FALSE(catalog().gpus());
}

TEST_F(UserCatalog, AFolderThatIsNoCatalogIsDiagnosed) {
  const Result<GpuSpec> missing = Catalog((folder_ / "nowhere").string()).gpu("h100_sxm");
  ASSERT_FALSE(missing);
  EXPECT_THAT(format(missing.error()), HasSubstr("does not exist"));
  const Result<GpuSpec> wrong = Catalog((folder_ / "gpus").string()).gpu("h100_sxm");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(format(wrong.error()), HasSubstr("none of the folders"));
}

// The times of shapes that come with the built-in sets are over the formulas of those. A set of one's own has its own.
TEST_F(UserCatalog, SetsOfOnesOwnAreNotCorrectedByTimesOfBuiltInOnes) {
  Deployment d;
  d.gpu = Catalog().gpu("h100_sxm").value();
  d.model = Catalog().model("Qwen3-30B-A3B").value();
  d.parallelism.tensor = 4;  // of a shape that was timed
  d.engine_version = "0.24";
  d.level = CostLevel::calibrated;
  d.calibration = Catalog().calibration().value();
  const std::string built_in = make_pricing(d).experts.name;
  ASSERT_THAT(built_in, HasSubstr("times of this shape"));
  fs::create_directories(folder_ / "calibration");
  for (const Catalog::File& file : Catalog().files("calibration"))
    if (file.stem == "h100_sxm-vllm-0.24.0-fitted") write("calibration/" + file.stem + ".yaml", file.text);
  d.calibration = catalog().calibration().value();
  EXPECT_EQ(make_pricing(d).experts.name + ", times of this shape", built_in) << "the same set otherwise";
}

}  // namespace
}  // namespace foretoken
