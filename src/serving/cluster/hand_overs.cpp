// From the end of a prompt to the last byte of its KV cache.
#include "serving/cluster/hand_overs.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/random.hpp"
#include "serving/state/block_growth.hpp"

namespace foretoken {
namespace {

// Of the bytes, or the time, of all layers those of some.
template <class Amount>
Amount share_of(Amount all, LayersSent layers, std::int64_t kv_layers) {
  if (layers == LayersSent::all) return all;
  const Amount last = all / kv_layers;
  return layers == LayersSent::last ? last : all - last;
}

}  // namespace

HandOvers::HandOvers(const PoolsConfig& config, HandOverPort& port, Transport* transport)
    : config_(config), rules_(config.hand_over), port_(port), transport_(transport) {
  if (rules_.core_bandwidth > 0) core_ = network_.add_link(rules_.core_bandwidth);
}

void HandOvers::add_replica(std::size_t pool, int ranks) {
  Replica replica;
  replica.pool = pool;
  const std::int64_t bandwidth = config_.pools[pool].link_bandwidth;
  if (bandwidth > 0) {
    replica.out = network_.add_link(bandwidth);
    replica.in = network_.add_link(bandwidth);
  }
  for (int i = 0; i < ranks; ++i) replica_of_rank_.push_back(replicas_.size());
  replicas_.push_back(replica);
}

const HandOvers::Replica& HandOvers::replica_of(int rank) const {
  return replicas_[replica_of_rank_[static_cast<std::size_t>(rank)]];
}

const PoolConfig& HandOvers::pool_of(int rank) const {
  return config_.pools[replica_of(rank).pool];
}

void HandOvers::at(TimePoint time, std::int64_t request, std::int32_t parked) {
  changed_ = true;
  timers_.push_back({time, order_++, request, parked});
  std::push_heap(timers_.begin(), timers_.end(), later);
}

std::int32_t HandOvers::park(const HandOver& what) {
  if (free_places_.empty()) {
    parked_.push_back(what);
    return static_cast<std::int32_t>(parked_.size() - 1);
  }
  const std::int32_t place = free_places_.back();
  free_places_.pop_back();
  parked_[static_cast<std::size_t>(place)] = what;
  return place;
}

void HandOvers::handed_over(const HandOver& what, TimePoint now) {
  const std::int64_t request = what.request.index;
  Way& way = ways_[request];
  way.from = what.rank;
  way.pinned = what.pinned;
  if (rules_.send != HandOverRules::Send::beside_steps) {  // it has been copied out of its blocks
    way.pinned = kNoRequest;
    port_.release(what.rank, what.pinned, now);
  }
  if (rules_.pin_timeout > Duration{}) {
    changed_ = changed_ || pins_.empty();  // else another goes before it
    pins_.push_back({now + rules_.pin_timeout, request});
  }
  if (way.waits_for_prefill) {
    way.waits_for_prefill = false;
    way.all_known = true;
    port_.take_over(way.to, way.id, what, now);
    if (!way.sending && !way.has_more()) end(request, way, now);
  } else if (rules_.hop > Duration{}) {
    at(now + rules_.hop, request, park(what));
  } else {
    go_on(what, now);
  }
}

void HandOvers::go_on(const HandOver& what, TimePoint now) {
  const bool is_there = rules_.send == HandOverRules::Send::put || rules_.send == HandOverRules::Send::put_async;
  if (is_there) (void)ways_.take(what.request.index);
  port_.reach_decode(what, now);
}

void HandOvers::load_begins(int rank, RequestId id, const Request& request, std::int64_t blocks, Duration waited,
                            TimePoint now) {
  changed_ = true;
  Way& way = ways_[request.index];
  way.to = rank;
  way.id = id;
  way.found = blocks_for(request.prompt_tokens, pool_of(rank).engine.block_size) - blocks;
  if (rules_.reserve == HandOverRules::Reserve::before_prefill) {
    way.waits_for_prefill = true;
    way.blocks = way.found;
    port_.begin_prefill(request, waited, now);
    return;
  }
  way.all_known = true;
  if (way.expired) return end(request.index, way, now);  // there is nothing to read any more
  way.add_part({blocks * pool_of(rank).kv_block_bytes + pool_of(rank).kv_state_bytes});
  send_next(request.index, way, now);
}

void HandOvers::computed(int rank, const Request& request, std::int64_t tokens, bool last, TimePoint now) {
  if (!rules_.in_chunks && !last) return;
  send_chunk(rank, request, tokens, last, {0, rules_.by_layer ? LayersSent::last : LayersSent::all, now}, now);
}

void HandOvers::computes(int rank, const Request& request, std::int64_t tokens, bool last, TimePoint from,
                         TimePoint now) {
  send_chunk(rank, request, tokens, last, {0, LayersSent::all_but_last, from}, now);
}

// What of it was not sent before.
void HandOvers::send_chunk(int rank, const Request& request, std::int64_t tokens, bool last, const Part& part,
                           TimePoint now) {
  changed_ = true;
  Way* const found = ways_.find(request.index);
  if (found == nullptr || !found->waits_for_prefill) return;
  Way& way = *found;
  const PoolConfig& pool = pool_of(way.to);
  const std::int64_t size = pool.engine.block_size;
  const std::int64_t blocks = last ? blocks_for(tokens, size) : tokens / size;
  if (blocks <= way.blocks) return;
  const std::int64_t all = (blocks - way.blocks) * pool.kv_block_bytes + (last ? pool.kv_state_bytes : 0);
  way.from = rank;
  if (part.layers != LayersSent::all_but_last) way.blocks = blocks;
  way.add_part({share_of(all, part.layers, pool_of(rank).kv_layers), part.layers, part.from});
  send_next(request.index, way, now);
}

std::int64_t HandOvers::bytes_of(const Request& request, const PoolConfig& to) const {
  return to.engine.blocks_of(request.prompt_tokens) * to.kv_block_bytes;
}

void HandOvers::send_within_step(int rank, int to, const Request& request, LayersSent layers, TimePoint from,
                                 TimePoint now) {
  changed_ = true;
  Way& way = ways_[request.index];
  way.from = rank;
  way.to = to;
  way.sender_waits = true;
  way.add_part({share_of(bytes_of(request, pool_of(to)), layers, pool_of(rank).kv_layers), layers, from});
  way.all_known = layers != LayersSent::all_but_last;
  send_next(request.index, way, now);
}

void HandOvers::fetch_within_step(int rank, const Request& request, TimePoint now) {
  changed_ = true;
  Way& way = ways_[request.index];
  way.to = rank;
  way.receiver_waits = way.all_known = true;
  way.parts = way.sent = 0;
  way.more_parts.clear();
  way.add_part({bytes_of(request, pool_of(rank))});
  send_next(request.index, way, now);
}

void HandOvers::send_next(std::int64_t request, Way& way, TimePoint now) {
  if (way.sending || !way.has_more()) return;
  way.sending = true;
  const Part part = way.next_part();
  ++totals_.parts;
  totals_.bytes += part.bytes;
  if (transport_ != nullptr) {
    HandOver what;
    what.request.index = request;
    what.since = now;
    const Duration takes = share_of(transport_->of_kv(what, way.to), part.layers, pool_of(way.from).kv_layers);
    const TimePoint begins = std::max(now, part.from);
    if (takes == Duration{} && begins == now) return part_arrived(request, now);
    return at(begins + takes, request);
  }
  const std::int64_t bytes = part.bytes;
  std::array<Network::Link, 3> links{};
  std::size_t count = 0;
  for (const Network::Link link : {replica_of(way.from).out, core_, replica_of(way.to).in}) {
    if (link >= 0) links[count++] = link;
  }
  const std::int64_t most = pool_of(way.to).flow_bandwidth;
  // Within a step the parts of a prompt are of one message. Layers that go beside the steps are set up while those
  // before them go.
  const Duration setup = way.sender_waits && way.sent > 0 ? Duration{} : rules_.setup;
  const TimePoint from = rules_.by_layer ? std::max(now, part.from + setup) : std::max(now, part.from) + setup;
  if (bytes == 0 || (count == 0 && most == 0)) return from > now ? at(from, request) : part_arrived(request, now);
  const Network::Flow flow = network_.start(bytes, std::span(links.data(), count), most, now, from);
  if (static_cast<std::size_t>(flow) >= request_of_flow_.size())
    request_of_flow_.resize(static_cast<std::size_t>(flow) + 1);
  request_of_flow_[static_cast<std::size_t>(flow)] = request;
  way.flow = flow;
}

void HandOvers::part_arrived(std::int64_t request, TimePoint now) {
  Way& way = ways_[request];
  way.sending = false;
  way.flow = -1;
  ++way.sent;
  if (way.has_more()) return send_next(request, way, now);
  if (way.all_known) end(request, way, now);
}

bool HandOvers::fails(std::int64_t request) const {
  if (rules_.failure_probability <= 0) return false;
  RandomStream random(rules_.seed + static_cast<std::uint64_t>(request), "transfer_failures");
  return random.uniform() < rules_.failure_probability;
}

void HandOvers::end(std::int64_t request, Way& on_record, TimePoint now) {
  if (on_record.sender_waits || on_record.receiver_waits) {  // it is where it was to be, and stays on record
    ++totals_.requests;
    const int waits = on_record.sender_waits ? on_record.from : on_record.to;
    on_record.sender_waits = on_record.receiver_waits = false;
    return port_.within_step(waits, now);
  }
  const Way way = ways_.take(request);
  ++totals_.requests;
  const bool lost = way.expired || fails(request);
  if (lost) ++totals_.failed;
  if (lost)
    port_.lost(way.to, way.id, now);
  else
    port_.loaded(way.to, way.id, now);
  if (way.pinned != kNoRequest) port_.release(way.from, way.pinned, now);
}

HandOvers::Left HandOvers::gone(const Request& request, TimePoint now) {
  Way* const found = ways_.find(request.index);
  if (found == nullptr) return {};
  changed_ = some_are_gone_ = true;
  break_off(*found, now);
  const Way way = ways_.take(request.index);
  if (way.pinned != kNoRequest) port_.release(way.from, way.pinned, now);
  return way.waits_for_prefill ? Left{way.to, way.id} : Left{};
}

// What flows stops.
void HandOvers::break_off(Way& way, TimePoint now) {
  if (way.flow >= 0) network_.stop(std::exchange(way.flow, -1), now);
}

// Who waits for blocks finds nothing to read (as after pin_timeout); the reads of others fail at once.
void HandOvers::source_died(int first_rank, int ranks, TimePoint now) {
  std::vector<std::int64_t> requests;
  ways_.for_each([&](std::int64_t request, const Way& way) {
    const bool there = way.from >= first_rank && way.from < first_rank + ranks;
    if (there && way.pinned != kNoRequest) requests.push_back(request);
  });
  std::sort(requests.begin(), requests.end());
  for (const std::int64_t request : requests) {
    changed_ = true;
    Way& way = ways_[request];
    way.pinned = kNoRequest;
    way.expired = true;
    if (way.stranded) {
      some_are_gone_ = true;
      (void)ways_.take(request);
      continue;
    }
    if (way.to < 0) continue;
    some_are_gone_ = true;
    break_off(way, now);
    end(request, way, now);
  }
}

// Of what is where it was to go.
void HandOvers::forget_pins() {
  while (!pins_.empty() && ways_.find(pins_.front().request) == nullptr) pins_.pop_front();
}

TimePoint HandOvers::next_time() {
  changed_ = false;
  // Who is gone waits for nothing.
  while (some_are_gone_ && !timers_.empty() && ways_.find(timers_.front().request) == nullptr) {
    if (timers_.front().parked >= 0) free_places_.push_back(timers_.front().parked);
    std::pop_heap(timers_.begin(), timers_.end(), later);
    timers_.pop_back();
  }
  TimePoint next = network_.next_change();
  if (!timers_.empty()) next = std::min(next, timers_.front().at);
  if (pins_.empty() || pins_.front().until > next) return next;
  forget_pins();
  return pins_.empty() ? next : std::min(next, pins_.front().until);
}

void HandOvers::ring(const Timer& timer, TimePoint now) {
  if (timer.parked >= 0) free_places_.push_back(timer.parked);
  if (const Way* const way = ways_.find(timer.request); way == nullptr || way->stranded) return;  // it is gone
  if (timer.parked < 0) return part_arrived(timer.request, now);
  const HandOver what = parked_[static_cast<std::size_t>(timer.parked)];
  go_on(what, now);
}

void HandOvers::expire(std::int64_t request, TimePoint now) {
  Way* const way = ways_.find(request);
  if (way == nullptr || way->pinned == kNoRequest) return;
  way->expired = true;
  ++totals_.expired;
  port_.release(way->from, std::exchange(way->pinned, kNoRequest), now);
  if (way->stranded) (void)ways_.take(request);
}

std::optional<HandOver> HandOvers::strand(std::int64_t request, TimePoint now) {
  Way* const way = ways_.find(request);
  const auto timer = std::find_if(timers_.begin(), timers_.end(),
                                  [&](const Timer& t) { return t.request == request && t.parked >= 0; });
  if (way == nullptr || timer == timers_.end()) return std::nullopt;
  changed_ = true;
  const HandOver what = parked_[static_cast<std::size_t>(timer->parked)];
  if (way->pinned != kNoRequest && rules_.pin_timeout > Duration{})
    way->stranded = some_are_stranded_ = true;
  else
    (void)gone(what.request, now);
  return what;
}

std::vector<std::int64_t> HandOvers::stranded() const {
  std::vector<std::int64_t> requests;
  ways_.for_each([&](std::int64_t request, const Way& way) {
    if (way.stranded) requests.push_back(request);
  });
  std::sort(requests.begin(), requests.end());
  return requests;
}

void HandOvers::let_stranded_go(TimePoint now) {
  if (!std::exchange(some_are_stranded_, false)) return;
  changed_ = some_are_gone_ = true;
  for (const std::int64_t request : stranded()) {
    const Way way = ways_.take(request);
    port_.release(way.from, way.pinned, now);
  }
}

void HandOvers::due(TimePoint now) {
  changed_ = true;
  // What ends at an instant ends before what begins.
  ended_.clear();
  network_.take_ended(now, ended_);
  ended_requests_.clear();
  for (const Network::Flow flow : ended_) ended_requests_.push_back(request_of_flow_[static_cast<std::size_t>(flow)]);
  for (const std::int64_t request : ended_requests_) part_arrived(request, now);
  while (!timers_.empty() && timers_.front().at <= now) {
    std::pop_heap(timers_.begin(), timers_.end(), later);
    const Timer timer = timers_.back();
    timers_.pop_back();
    ring(timer, now);
  }
  while (!pins_.empty() && pins_.front().until <= now) {
    const std::int64_t request = pins_.front().request;
    pins_.pop_front();
    expire(request, now);
  }
}

}  // namespace foretoken
