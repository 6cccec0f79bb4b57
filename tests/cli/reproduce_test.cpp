// A stored result made again, and what is said when it cannot be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.hpp"
#include "test_paths.hpp"

namespace foretoken {
namespace {

using namespace foretoken::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string store(const TemporaryFolder& folder, const std::string& name, std::vector<std::string> more = {}) {
  const std::string file = folder.path(name);
  more.insert(more.begin(), {"run", folder.path("s.yaml"), "--format", "json", "-o", file});
  const ProcessResult r = foretoken_program(more);
  EXPECT_EQ(r.exit_code, 0) << r.err;
  return file;
}

void replace(const std::string& path, const std::string& from, const std::string& to) {
  std::string text = content_of(path);
  const auto at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  std::ofstream(path, std::ios::binary) << text.replace(at, from.size(), to);
}

TEST(Verify, MakesAResultAgainByteForByteOnAnyNumberOfThreads) {
  const TemporaryFolder folder;
  (void)folder.file("s.yaml", small_scenario());
  const std::string file = store(folder, "r.json", {"--set", "replications=3", "--seed", "7", "-j", "1"});
  const ProcessResult r = foretoken_program({"verify", file, "-j", "3"});
  EXPECT_EQ(r.exit_code, 0) << r.out << r.err;
  EXPECT_THAT(r.out, HasSubstr("byte for byte"));
}

TEST(Verify, NeedsNoScenarioFileAndSaysWhenItChanged) {
  const TemporaryFolder folder;
  (void)folder.file("s.yaml", small_scenario());
  const std::string file = store(folder, "r.json");
  (void)folder.file("s.yaml", small_scenario() + "seed: 9\n");
  const ProcessResult changed = foretoken_program({"verify", file});
  EXPECT_EQ(changed.exit_code, 0) << changed.out;
  EXPECT_THAT(changed.err, HasSubstr("has changed since"));
  std::filesystem::remove(folder.path("s.yaml"));
  const ProcessResult gone = foretoken_program({"verify", file});
  EXPECT_EQ(gone.exit_code, 0) << gone.out;
  EXPECT_THAT(gone.err, HasSubstr("taken from the result"));
}

TEST(Verify, NamesAnotherVersionAndAFigureThatWasTouched) {
  const TemporaryFolder folder;
  (void)folder.file("s.yaml", small_scenario());
  const std::string file = store(folder, "r.json");
  replace(file, "\"foretoken_version\": \"", "\"foretoken_version\": \"0.0.");
  replace(file, "\"completed\": 200", "\"completed\": 199");
  const ProcessResult r = foretoken_program({"verify", file});
  EXPECT_EQ(r.exit_code, 99);
  EXPECT_THAT(r.out, AllOf(HasSubstr("foretoken_version"), HasSubstr("completed"), HasSubstr("199"),
                           Not(HasSubstr("Configuration"))));
}

TEST(Verify, NamesTheTraceThatChanged) {
  const TemporaryFolder folder;
  (void)folder.file("t.csv", "arrival_s,input_tokens,output_tokens\n0,100,10\n1,120,12\n");
  (void)folder.file("s.yaml",
                    "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nworkload: {trace: {path: t.csv, format: csv}}\n");
  const std::string file = store(folder, "r.json");
  EXPECT_EQ(foretoken_program({"verify", file}).exit_code, 0);
  (void)folder.file("t.csv", "arrival_s,input_tokens,output_tokens\n0,100,10\n1,120,13\n");
  const ProcessResult r = foretoken_program({"verify", file});
  EXPECT_EQ(r.exit_code, 99) << r.out;
  EXPECT_THAT(r.out, AllOf(HasSubstr("file t.csv"), HasSubstr("total_output_tokens")));
}

TEST(Verify, NamesTheCatalogEntryThatChanged) {
  const TemporaryFolder folder;
  (void)folder.file("s.yaml", small_scenario());
  std::filesystem::create_directories(folder.path("cat/gpus"));
  const std::string entry = folder.path("cat/gpus/h100_sxm.yaml");
  std::filesystem::copy_file(std::string(FORETOKEN_SOURCE_DIR) + "/scenarios/catalog/gpus/h100_sxm.yaml", entry);
  const std::string file = store(folder, "r.json", {"--catalog", folder.path("cat")});
  EXPECT_EQ(foretoken_program({"verify", file}).exit_code, 0);
  replace(entry, "3.35 TB/s", "3.00 TB/s");
  const ProcessResult r = foretoken_program({"verify", file});
  EXPECT_EQ(r.exit_code, 99) << r.out;
  EXPECT_THAT(r.out, HasSubstr("gpu h100_sxm"));
}

TEST(Verify, RefusesWhatIsNoWholeResult) {
  const TemporaryFolder folder;
  (void)folder.file("s.yaml", small_scenario());
  const std::string whole = content_of(store(folder, "r.json"));
  const auto exit_of = [&](const std::string& text) {
    return foretoken_program({"verify", folder.file("x.json", text)});
  };
  const ProcessResult half = exit_of(whole.substr(0, whole.size() / 2));
  EXPECT_EQ(half.exit_code, 2);
  EXPECT_THAT(half.err, HasSubstr("x.json:"));
  EXPECT_EQ(exit_of("").exit_code, 2);
  EXPECT_EQ(exit_of("{\"schema\": \"foretoken.result/1\"}").exit_code, 2) << "made by hand, from nothing";
  EXPECT_EQ(foretoken_program({"verify", folder.path("none.json")}).exit_code, 2);
}

TEST(Diff, SaysWhichFieldChangedAndWhatItDidToTheFigures) {
  const TemporaryFolder folder;
  (void)folder.file("s.yaml", small_scenario());
  const std::string a = store(folder, "a.json");
  const std::string b = store(folder, "b.json", {"--set", "engine.max_num_seqs=8"});
  const ProcessResult r = foretoken_program({"diff", a, b});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, AllOf(HasSubstr("engine.max_num_seqs"), HasSubstr("scenario_sha256"), HasSubstr("p99_ttft_ms"),
                           HasSubstr("%"), Not(HasSubstr("Catalog and files"))));
  EXPECT_THAT(foretoken_program({"diff", a, a}).out, HasSubstr("no difference"));
  EXPECT_THAT(foretoken_program({"diff", a, b, "--format", "json"}).out, HasSubstr("\"identical\": false"));
  EXPECT_EQ(foretoken_program({"diff", a, folder.path("s.yaml")}).exit_code, 2);
}

}  // namespace
}  // namespace foretoken
