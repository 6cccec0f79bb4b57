// A set of so many keys: the least recently used goes first.
#pragma once

#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index/identity.hpp>
#include <boost/multi_index/sequenced_index.hpp>
#include <boost/multi_index_container.hpp>
#include <cstddef>
#include <cstdint>

namespace foretoken {

class RecentKeys {
 public:
  explicit RecentKeys(std::size_t most) : most_(most) {}

  [[nodiscard]] bool has(std::uint64_t key) const { return keys_.get<1>().contains(key); }
  void use(std::uint64_t key) {
    const auto [place, is_new] = keys_.push_back(key);
    if (!is_new) keys_.relocate(keys_.end(), place);
    if (keys_.size() > most_) keys_.pop_front();
  }

 private:
  std::size_t most_;
  boost::multi_index_container<
      std::uint64_t,
      boost::multi_index::indexed_by<boost::multi_index::sequenced<>,
                                     boost::multi_index::hashed_unique<boost::multi_index::identity<std::uint64_t>>>>
      keys_;  // the least recently used first
};

}  // namespace foretoken
