// vLLM's front ends in front of data-parallel ranks.
#include <unordered_map>
#include <vector>

#include "serving/engines/vllm/vllm.hpp"
#include "serving/kv_cache/key_chain.hpp"

namespace foretoken {
namespace {

// Front ends (API servers), each of which gets its share of the connections, hears of the ranks' loads at most every
// 100 ms and counts what it sends in between as waiting, for itself and for all others, who do likewise. Until 0.23 it
// looks at 4 x waiting + running, each front end from a rank of its own on; from 0.24 on at its own requests that have
// not left, or at what ranks report where that is more, with six requests for each that waits where more than half of
// the KV cache is in use, and from the next rank on each time.
class VllmBalance final : public RankBalance {
 public:
  explicit VllmBalance(const EngineConfig& engine)
      : counts_own_(version_at_least(engine.version, "0.24")),
        servers_(static_cast<std::size_t>(engine.api_server_count)) {}

  int choose(std::span<const RankLoad> loads, std::int64_t request, TimePoint now) override {
    constexpr Duration kReportEvery{100'000'000};
    const std::size_t number = server_of(request);
    Server& server = servers_[number];
    if (server.known.empty()) {
      server.start = number * loads.size() / servers_.size();
      server.in_flight.resize(loads.size());
    }
    if (server.known.empty() || now - server.heard >= kReportEvery) {
      server.known.assign(loads.begin(), loads.end());
      server.heard = now;
    }
    std::size_t chosen = server.start % loads.size();
    for (std::size_t k = 1; k < loads.size(); ++k) {
      const std::size_t rank = (server.start + k) % loads.size();
      if (score(server, rank) < score(server, chosen)) chosen = rank;
    }
    if (counts_own_) ++server.start;
    server.known[chosen].waiting += static_cast<std::int64_t>(servers_.size());
    ++server.in_flight[chosen];
    if (counts_own_) rank_of_.emplace(request, chosen);
    return static_cast<int>(chosen);
  }
  void left(std::int64_t request) override {
    const auto at = rank_of_.find(request);
    if (at == rank_of_.end()) return;
    --servers_[server_of(request)].in_flight[at->second];
    rank_of_.erase(at);
  }

 private:
  struct Server {
    std::vector<RankLoad> known;
    std::vector<std::int64_t> in_flight;  // of its own, by rank
    TimePoint heard{};
    std::size_t start = 0;
  };

  // The kernel gives a connection to any of them.
  [[nodiscard]] std::size_t server_of(std::int64_t request) const {
    constexpr std::uint64_t kConnections = 5;
    if (servers_.size() == 1) return 0;
    return mix_keys(kConnections, static_cast<std::uint64_t>(request)) % servers_.size();
  }
  [[nodiscard]] double score(const Server& server, std::size_t rank) const {
    const RankLoad& l = server.known[rank];
    if (!counts_own_) return static_cast<double>(4 * l.waiting + l.running);
    const auto own = static_cast<std::int64_t>(servers_.size()) * server.in_flight[rank];
    const auto known = static_cast<double>(std::max(own, l.waiting + l.running));
    return known + static_cast<double>(l.waiting) * 6 * std::max(0.0, l.kv_used - 0.5);
  }

  bool counts_own_;
  std::vector<Server> servers_;
  std::unordered_map<std::int64_t, std::size_t> rank_of_;  // by request in flight; never iterated
};

}  // namespace

std::unique_ptr<RankBalance> make_vllm_balance(const EngineConfig& engine) {
  return std::make_unique<VllmBalance>(engine);
}

}  // namespace foretoken
