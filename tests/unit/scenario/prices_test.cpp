// Prices: which figure is of which GPU, and which are refused.
#include <gmock/gmock.h>

#include "foretoken/scenario/catalog.hpp"
#include "foretoken/scenario/scenario.hpp"

namespace foretoken {
namespace prices_test {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kBase = "model: Llama-3.1-8B\nhardware: {gpu: h100_sxm}\nreplicas: 2\n";

struct Loaded {
  std::optional<HourlyPrice> price;
  std::string warnings;
};

Loaded load(const std::string& prices, std::vector<std::string> set = {}) {
  Diagnostics warnings;
  const auto s = parse_scenario(kBase + prices, "test.yaml", {std::move(set), {}}, &warnings);
  if (!s) throw std::runtime_error(format(s.error()));
  return {price_per_hour(*s), format(warnings)};
}

std::string problems(const std::string& prices) {
  const auto s = parse_scenario(kBase + prices, "test.yaml", {});
  return s ? "none" : format(s.error());
}

TEST(Prices, ANumberIsThePriceOfOneGpu) {
  const Loaded l = load("prices: {gpu_hour: 2.5}\n");
  ASSERT_TRUE(l.price);
  EXPECT_DOUBLE_EQ(l.price->usd, 5.0) << "2 replicas of one GPU at 2.5";
  EXPECT_DOUBLE_EQ(l.price->usd_per_gpu, 2.5);
  EXPECT_FALSE(l.price->example);
  EXPECT_THAT(l.warnings, IsEmpty());
}

TEST(Prices, WithoutThemNothingHasAPrice) {
  EXPECT_FALSE(load("").price);
  EXPECT_FALSE(load("prices: {kwh: 0.2}\n").price);
}

TEST(Prices, DependOnHowTheGpusAreBought) {
  const std::string prices = "prices: {gpu_hour: {on_demand: 3, spot: 1.5}}\n";
  EXPECT_DOUBLE_EQ(load(prices).price->usd_per_gpu, 3);
  EXPECT_DOUBLE_EQ(load(prices, {"prices.purchase=spot"}).price->usd_per_gpu, 1.5);
  const Loaded reserved = load(prices, {"prices.purchase=reserved"});
  EXPECT_FALSE(reserved.price);
  EXPECT_THAT(reserved.warnings, HasSubstr("no price for purchase reserved"));
}

TEST(Prices, ByGpuFollowTheGpuByAnyOfItsNames) {
  const std::string prices = "prices: {gpu_hour: {H100: 3, h200_sxm: {on_demand: 4, spot: 2}}}\n";
  EXPECT_DOUBLE_EQ(load(prices).price->usd_per_gpu, 3);
  EXPECT_DOUBLE_EQ(load(prices, {"hardware.gpu=h200_sxm"}).price->usd_per_gpu, 4);
  const Loaded other = load(prices, {"hardware.gpu=l40s"});
  EXPECT_FALSE(other.price);
  EXPECT_THAT(other.warnings, HasSubstr("no price of l40s"));
}

// Otherwise a what-if over GPUs would price all of them like the first.
TEST(Prices, WithoutANameAreNotOfAGpuSetLater) {
  const std::string prices = "prices: {gpu_hour: 2.5}\n";
  const Loaded other = load(prices, {"hardware.gpu=h200_sxm"});
  EXPECT_FALSE(other.price);
  EXPECT_THAT(other.warnings, AllOf(HasSubstr("not of h200_sxm"), HasSubstr("name the GPUs")));
  EXPECT_TRUE(load(prices, {"hardware.gpu=H100-80GB"}).price) << "the same GPU by another name";
  EXPECT_DOUBLE_EQ(load(prices, {"hardware.gpu=h200_sxm", "prices.gpu_hour=4"}).price->usd_per_gpu, 4);
  EXPECT_FALSE(load("", {"prices.gpu_hour=4", "hardware.gpu=h200_sxm"}).price) << "4 was said of the h100";
}

TEST(Prices, OfTheCatalogAreExamplesAndMustBeAskedFor) {
  const Loaded l = load("prices: {examples: true}\n");
  ASSERT_TRUE(l.price);
  EXPECT_TRUE(l.price->example);
  EXPECT_THAT(l.price->source, HasSubstr("example, not a quote"));
  EXPECT_FALSE(load("prices: {gpu_hour: 2, examples: true}\n").price->example) << "what the user says wins";
  const auto quiet = parse_scenario(kBase, "test.yaml", {});
  EXPECT_FALSE(price_per_hour(*quiet));
  EXPECT_TRUE(price_per_hour(*quiet, true));
  EXPECT_THAT(load("prices: {examples: true}\n", {"hardware.gpu=h20"}).warnings, HasSubstr("no example price of h20"));
}

TEST(Prices, OfEveryCatalogEntrySayWhatTheyAre) {
  const auto gpus = Catalog().gpus();
  ASSERT_TRUE(gpus) << format(gpus.error());
  int priced = 0;
  for (const GpuSpec& gpu : *gpus) {
    const GpuHourPrices& p = gpu.example_price;
    if (!p.any()) continue;
    ++priced;
    EXPECT_EQ(p.source, "example, not a quote") << gpu.id;
    ASSERT_TRUE(p.on_demand && p.reserved && p.spot) << gpu.id;
    EXPECT_LT(*p.reserved, *p.on_demand) << gpu.id;
    EXPECT_LT(*p.spot, *p.reserved) << gpu.id;
  }
  EXPECT_GE(priced, 20);
}

TEST(Prices, AreRefusedWhenTheyCannotBePrices) {
  for (const char* bad :
       {"0", "-1", ".nan", ".inf", "1e9", "cheap", "[1, 2]", "{}", "{on_demand: 0}", "{on_demand: {spot: 1}}",
        "{on_demand: 2, h100_sxm: 3}", "{h100_sxm: {monthly: 3}}", "{h100_sxmm: 3}", "{H100: 2, h100_sxm: 3}"}) {
    EXPECT_THAT(problems(std::string("prices: {gpu_hour: ") + bad + "}\n"), HasSubstr("error")) << bad;
  }
  EXPECT_THAT(problems("prices: {gpu_hour: {h100_sxmm: 3}}\n"), HasSubstr("did you mean `h100_sxm`"));
  EXPECT_THAT(problems("prices: {gpu_hours: 3}\n"), HasSubstr("did you mean 'gpu_hour'"));
  EXPECT_THAT(problems("prices: {kwh: 0}\n"), HasSubstr("prices.kwh"));
  EXPECT_THAT(problems("prices: {grid_g_per_kwh: -1}\n"), HasSubstr("prices.grid_g_per_kwh"));
}

TEST(Prices, AreNeededByObjectivesInMoney) {
  const std::string slo = "slo: [cost_per_1m_output_tokens <= 0.5 $]\n";
  EXPECT_THAT(problems(slo), AllOf(HasSubstr("needs a price"), HasSubstr("prices.gpu_hour")));
  EXPECT_EQ(problems(slo + "prices: {gpu_hour: 2}\n"), "none");
  EXPECT_THAT(problems("slo: [co2e_g_per_1m_tokens <= 9 g]\n"), HasSubstr("needs prices.grid_g_per_kwh"));
  EXPECT_EQ(problems("slo: [energy_j_per_token <= 9 J]\n"), "none");
}

TEST(Power, IsUnknownWithoutATdpAndSaysWhy) {
  const auto tpu = Catalog().gpu("tpu_v5e");
  ASSERT_TRUE(tpu);
  Deployment d;
  d.gpu = *tpu;
  EXPECT_FALSE(power_of(d));
  EXPECT_THAT(why_no_power(d), HasSubstr("no TDP of tpu_v5e"));
  d.gpu = *Catalog().gpu("h100_sxm");
  ASSERT_TRUE(power_of(d));
  EXPECT_DOUBLE_EQ(power_of(d)->tdp_watts, 700);
  EXPECT_DOUBLE_EQ(power_of(d)->idle_watts, 70);
  EXPECT_TRUE(power_of(d)->idle_is_guess);
  d.gpu = *Catalog().gpu("rtx_pro_6000_server");
  EXPECT_FALSE(power_of(d)->idle_is_guess);
  d.gpu = *Catalog().gpu("h100_pcie");
  EXPECT_DOUBLE_EQ(power_of(d)->idle_watts, 35) << "no figure: a tenth of 350 W";
  EXPECT_TRUE(power_of(d)->idle_is_guess);
  d.level = CostLevel::affine;
  EXPECT_FALSE(power_of(d));
}

}  // namespace prices_test
}  // namespace foretoken
