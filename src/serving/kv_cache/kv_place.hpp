// What a tier holds. A store that replicas share is one of these, which each of them reaches over a link of its own.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "foretoken/serving/kv_offload_config.hpp"
#include "serving/kv_cache/block_pool.hpp"
#include "serving/kv_cache/copy_link.hpp"

namespace foretoken {

struct KvPlace {
  explicit KvPlace(const KvTierConfig& config) : pool(config.units) {
    if (config.store_bandwidth > 0) link.emplace(config.store_bandwidth, config.store_bandwidth, 0, Duration{});
  }
  // So many bytes go from here or come here over `own`, in `least` at the least: in each direction the store's own link
  // carries one copy after the other too, and passes on what has come while the rest comes.
  TimePoint copy(CopyLink& own, CopyLink::Direction direction, std::int64_t bytes, Duration least, TimePoint at) {
    const TimePoint end = own.copy(direction, bytes, least, at).end;
    return link ? std::max(end, link->copy(direction, bytes, Duration{}, at).end) : end;
  }

  BlockPool pool;
  std::vector<TimePoint> ready;  // by block: when its content is there
  std::optional<CopyLink> link;  // none: as fast as all replicas together
};

}  // namespace foretoken
