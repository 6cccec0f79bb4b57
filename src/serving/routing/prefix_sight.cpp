// The router's own record, block by block.
#include "serving/routing/prefix_sight.hpp"

#include "serving/kv_cache/key_chain.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kRecordBlock = 16;  // tokens

// Of the prompt; what no other prompt can have is not worth a record.
std::int64_t blocks_worth_knowing(const Request& request, const KeyChain& chain) {
  return request.conversation >= 0 ? request.prompt_tokens / kRecordBlock : chain.described_blocks();
}

}  // namespace

PrefixSight::PrefixSight(const RoutingPlace& place) : prefixes_(place.prefixes) {
  if (place.config.prefix_index != "router") return;
  const RecentKeys empty(static_cast<std::size_t>(place.config.prefix_index_blocks));
  records_.assign(static_cast<std::size_t>(place.replicas), empty);
}

std::int64_t PrefixSight::cached_tokens(const ClusterView& view, int replica, const Request& request) const {
  if (records_.empty()) return view.cached_tokens(replica, request);
  const RecentKeys& record = records_[static_cast<std::size_t>(replica)];
  KeyChain chain(request, prefixes_, kRecordBlock);
  const std::int64_t most = blocks_worth_knowing(request, chain);
  std::int64_t blocks = 0;
  while (blocks < most && record.has(chain.key(blocks))) ++blocks;
  return blocks * kRecordBlock;
}

void PrefixSight::sent(int replica, const Request& request) {
  if (records_.empty()) return;
  RecentKeys& record = records_[static_cast<std::size_t>(replica)];
  KeyChain chain(request, prefixes_, kRecordBlock);
  const std::int64_t blocks = blocks_worth_knowing(request, chain);
  for (std::int64_t block = 0; block < blocks; ++block) record.use(chain.key(block));
}

}  // namespace foretoken
