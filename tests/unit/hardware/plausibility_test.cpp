// Each known kind of mistake, planted into a correct H100, must be found.
#include "hardware/plausibility.hpp"

#include <gmock/gmock.h>

namespace foretoken {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LinkSpec nvlink4() {
  LinkSpec link;
  link.id = "nvlink4";
  link.per_direction = {450e9};
  link.lanes = 18;
  link.per_lane = {25e9};
  link.per_peer = link.per_direction;
  return link;
}

LinkSpec pcie5() {
  LinkSpec link;
  link.id = "pcie5";
  link.per_direction = link.per_peer = {64e9};
  link.lanes = 16;
  link.per_lane = {4e9};
  return link;
}

GpuSpec h100() {
  GpuSpec gpu;
  gpu.id = "h100_sxm";
  gpu.peak_bf16 = {989.4e12};
  gpu.peak_fp8 = ComputeRate{1978.9e12};
  gpu.peak_int8 = ComputeRate{1978.9e12};
  gpu.measured_bf16 = ComputeRate{794.5e12};
  gpu.measured_fp8 = ComputeRate{1402.6e12};
  gpu.memory_capacity = {80.0 * 1024 * 1024 * 1024};
  gpu.memory_bandwidth = Bandwidth{3.35e12};
  gpu.scale_up_link = nvlink4();
  gpu.scale_up_domain = 8;
  gpu.host_link = pcie5();
  gpu.tdp = Power{700};
  gpu.idle_power = Power{70};
  return gpu;
}

TEST(Plausibility, TheDatasheetFiguresOfAnH100AreAccepted) {
  EXPECT_THAT(implausible_figures(h100()), IsEmpty());
  EXPECT_THAT(implausible_figures(nvlink4()), IsEmpty());
  EXPECT_THAT(implausible_figures(pcie5()), IsEmpty());
}

TEST(Plausibility, ASparseFp8PeakIsFound) {
  GpuSpec gpu = h100();
  gpu.peak_fp8 = ComputeRate{3957.8e12};
  gpu.measured_fp8.reset();
  EXPECT_THAT(implausible_figures(gpu), ElementsAre(HasSubstr("fp8 peak is 4.00 times")));
}

TEST(Plausibility, SparseFiguresThroughoutAreFoundByTheMeasuredRates) {
  GpuSpec gpu = h100();
  gpu.peak_bf16 = {1978.9e12};
  gpu.peak_fp8 = gpu.peak_int8 = ComputeRate{3957.8e12};
  EXPECT_THAT(implausible_figures(gpu), ElementsAre(HasSubstr("measured bf16 matmul reaches only 40 %"),
                                                    HasSubstr("measured fp8 matmul reaches only 35 %")));
}

TEST(Plausibility, SparseFiguresWithoutMeasurementAreFoundByTheRidgePoint) {
  // L40S: 733 TFLOP/s is the sparse bf16 peak; 733e12 / 864e9 = 848 FLOP per byte.
  GpuSpec gpu = h100();
  gpu.measured_bf16.reset();
  gpu.measured_fp8.reset();
  gpu.peak_bf16 = {733e12};
  gpu.peak_fp8 = gpu.peak_int8 = ComputeRate{1466e12};
  gpu.memory_bandwidth = Bandwidth{864e9};
  gpu.scale_up_link = gpu.host_link;
  EXPECT_THAT(implausible_figures(gpu), ElementsAre(HasSubstr("848 bf16 FLOP per byte")));
}

TEST(Plausibility, DecimalGigabytesOfMemoryAreFound) {
  GpuSpec gpu = h100();
  gpu.memory_capacity = {80e9};
  EXPECT_THAT(implausible_figures(gpu), ElementsAre(HasSubstr("GB taken for GiB")));
}

TEST(Plausibility, CapacityInMebibytesAsADriverShowsItIsAccepted) {
  GpuSpec gpu = h100();
  gpu.memory_capacity = {81559.0 * 1024 * 1024};
  EXPECT_THAT(implausible_figures(gpu), IsEmpty());
}

TEST(Plausibility, BothDirectionsOfALinkSummedAreFound) {
  LinkSpec link = nvlink4();
  link.per_direction = {900e9};
  EXPECT_THAT(implausible_figures(link), ElementsAre(HasSubstr("both directions summed")));
  link.per_lane = {50e9};
  EXPECT_THAT(implausible_figures(link), ElementsAre(HasSubstr("one lane of this kind carries 25.00 GB/s")));
}

TEST(Plausibility, MemoryBandwidthAndLinkSwappedAreFound) {
  GpuSpec gpu = h100();
  std::swap(gpu.memory_bandwidth->value, gpu.scale_up_link.per_direction.value);
  EXPECT_THAT(implausible_figures(gpu), ::testing::Contains(HasSubstr("figures swapped")));
}

TEST(Plausibility, AMeasuredRateAboveThePeakIsFound) {
  GpuSpec gpu = h100();
  gpu.measured_bf16 = ComputeRate{1100e12};
  EXPECT_THAT(implausible_figures(gpu), ElementsAre(HasSubstr("beats the peak")));
}

TEST(Plausibility, AScaleUpLinkSlowerThanTheHostLinkIsFound) {
  GpuSpec gpu = h100();
  gpu.scale_up_link.per_direction = {32e9};
  EXPECT_THAT(implausible_figures(gpu), ElementsAre(HasSubstr("slower than the host link")));
}

TEST(Plausibility, IdlePowerNearTheTdpIsFound) {
  GpuSpec gpu = h100();
  gpu.idle_power = Power{650};
  EXPECT_THAT(implausible_figures(gpu), ElementsAre(HasSubstr("idle power")));
}

}  // namespace
}  // namespace foretoken
