// Named random streams. One top-level seed; each purpose has its own stream, so
// changing a policy leaves the workload as it was.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace foretoken {

// The seed of replication r of any point of a study: depends on (seed, r) only.
[[nodiscard]] std::uint64_t replication_seed(std::uint64_t seed, std::uint64_t replication);

// xoshiro256++ (Blackman, Vigna), state filled by splitmix64 from (seed, name).
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view purpose);

  [[nodiscard]] std::uint64_t next();
  // Uniform in (0, 1): never 0 and never 1, so that quantile functions are finite.
  [[nodiscard]] double uniform();
  // Uniform integer in [low, high], without modulo bias.
  [[nodiscard]] std::int64_t uniform_int(std::int64_t low, std::int64_t high);

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace foretoken
