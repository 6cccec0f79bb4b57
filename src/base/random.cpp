// Seeds and the generator. The constants are those of the published algorithms.
#include "base/random.hpp"

#include <bit>

#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

// splitmix64 (Steele, Lea, Flood 2014; Vigna's constants): one step of the state, mixed.
std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// FNV-1a, 64 bits.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

std::uint64_t replication_seed(std::uint64_t seed, std::uint64_t replication) {
  if (replication == 0) return seed;
  std::uint64_t state = seed;
  std::uint64_t mixed = splitmix64(state) ^ replication;
  return splitmix64(mixed);
}

RandomStream::RandomStream(std::uint64_t seed, std::string_view purpose) {
  std::uint64_t state = seed;
  state = splitmix64(state) ^ hash_of(purpose);
  for (std::uint64_t& word : state_) word = splitmix64(state);
}

std::uint64_t RandomStream::next() {
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double RandomStream::uniform() {
  // 52 bits and a half: symmetric, the ends excluded.
  return (static_cast<double>(next() >> 12) + 0.5) * 0x1.0p-52;
}

std::int64_t RandomStream::uniform_int(std::int64_t low, std::int64_t high) {
  invariant(low <= high, "a range of random integers with its ends swapped");
  const std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  if (range == 0) return static_cast<std::int64_t>(next());
  // Lemire's multiply-and-reject: the high half of a product, without bias.
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(next()) * range;
  if (static_cast<std::uint64_t>(product) < range) {
    const std::uint64_t reject_below = (0 - range) % range;
    while (static_cast<std::uint64_t>(product) < reject_below) product = static_cast<Wide>(next()) * range;
  }
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + static_cast<std::uint64_t>(product >> 64));
}

}  // namespace foretoken
