// From a request's arrival to its last embedding.
#include "serving/encoders/encoder_stage.hpp"

#include "foretoken/base/result.hpp"

namespace foretoken {

EncoderStage::EncoderStage(const PoolsConfig& config, const PromptMedia& media) : config_(config), media_(media) {
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    const PoolConfig& pool = config.pools[i];
    if (pool.role != PoolRole::encoder) continue;
    if (replicas_.empty()) fewest_ = pool.cluster.router == "least_outstanding";
    for (int k = 0; k < pool.cluster.replicas; ++k) replicas_.emplace_back().pool = i;
  }
  invariant(!replicas_.empty(), "no pool of role encoder");
}

EncoderStage::Replica& EncoderStage::choose() {
  if (!fewest_) return replicas_[turn_++ % replicas_.size()];
  return *std::min_element(replicas_.begin(), replicas_.end(),
                           [](const Replica& a, const Replica& b) { return a.outstanding < b.outstanding; });
}

EncoderStage::Job* EncoderStage::find_job(Replica& r, std::int64_t content) {
  const auto same = [&](const Job& job) { return job.content == content; };
  if (const auto at = std::find_if(r.running.begin(), r.running.end(), same); at != r.running.end()) return &*at;
  const auto at = std::find_if(r.queue.begin(), r.queue.end(), same);
  return at == r.queue.end() ? nullptr : &*at;
}

bool EncoderStage::enter(const Request& request, TimePoint now) {
  if (request.media < 0) return false;
  media_.items_of(request, items_);
  if (items_.empty()) return false;
  // The same twice in a prompt is one item.
  std::sort(items_.begin(), items_.end(), [](const MediaItem& a, const MediaItem& b) {
    return a.content != b.content ? a.content < b.content : a.start < b.start;
  });
  items_.erase(std::unique(items_.begin(), items_.end(),
                           [](const MediaItem& a, const MediaItem& b) { return a.content == b.content; }),
               items_.end());
  std::sort(items_.begin(), items_.end(), [](const MediaItem& a, const MediaItem& b) { return a.start < b.start; });
  inside_[request.index] = {request, static_cast<std::int64_t>(items_.size())};
  for (const MediaItem& item : items_) {
    Replica& r = choose();
    ++r.totals.encoder.queries;
    if (Job* job = find_job(r, item.content)) {
      ++r.totals.encoder.hits;
      job->requests.push_back(request.index);
    } else if (const auto kept = r.kept.find(item.content); kept != r.kept.end()) {
      ++r.totals.encoder.hits;
      use(r, item.content, kept->second);
      send(r, request.index, item.tokens, now);
    } else {
      ++r.outstanding;
      r.queue.push_back({item.content, {item.tokens, item.sequences, item.patches}, {request.index}});
    }
  }
  return true;
}

std::optional<Request> EncoderStage::abort(std::int64_t request) {
  const auto inside = inside_.find(request);
  if (inside == inside_.end()) return std::nullopt;
  const Request gone = inside->second.request;
  inside_.erase(inside);
  for (Replica& r : replicas_) {
    for (Job& job : r.running) std::erase(job.requests, request);
    for (Job& job : r.queue) std::erase(job.requests, request);
    r.outstanding -=
        static_cast<std::int64_t>(std::erase_if(r.queue, [](const Job& job) { return job.requests.empty(); }));
  }
  return gone;
}

void EncoderStage::begin_steps(TimePoint now) {
  for (Replica& r : replicas_) {
    if (r.running.empty() && !r.queue.empty()) begin_step(r, now);
  }
}

// As vLLM's scheduler would with an image for a prompt: first come, first served, whole items, as many as the budget of
// a step has embeddings for and as there are seats.
void EncoderStage::begin_step(Replica& r, TimePoint now) {
  const PoolConfig& pool = pool_of(r);
  std::int64_t left = pool.engine.encoder.budget;
  shapes_.clear();
  while (!r.queue.empty() && static_cast<std::int64_t>(r.running.size()) < pool.engine.max_num_seqs) {
    const EncodedItem& shape = r.queue.front().shape;
    if (shape.tokens > left && !r.running.empty()) break;
    left -= shape.tokens;
    shapes_.push_back(shape);
    r.running.push_back(std::move(r.queue.front()));
    r.queue.pop_front();
  }
  const StepTime time = pool.cost->encode(shapes_);
  r.elapsed = std::max(time.total(), fine_from(Duration{1}));
  r.clock.begin(now);
  r.end = r.clock.after(r.elapsed);
  ReplicaTotals& t = r.totals;
  ++t.steps, ++t.spans, ++t.schedule_calls, ++t.prefill_steps;
  t.peak_running = std::max(t.peak_running, static_cast<std::int64_t>(r.running.size()));
  t.busy += r.elapsed.units;
  for (std::size_t i = 0; i < time.parts.size(); ++i) t.prefill_parts[i] += time.parts[i].units;
  t.flops += time.flops, t.prefill_flops += time.flops;
  t.bytes += time.bytes, t.prefill_bytes += time.bytes;
  t.encoder.items += static_cast<std::int64_t>(r.running.size());
  for (const EncodedItem& shape : shapes_) t.encoder.tokens += shape.tokens;
  ++t.encoder.steps;
  t.encoder.time += r.elapsed.units;
}

void EncoderStage::end_steps(TimePoint now) {
  for (Replica& r : replicas_) {
    if (r.end > now) continue;
    r.clock.advance(r.elapsed);
    r.end = kNever;
    for (const Job& job : r.running) {
      --r.outstanding;
      keep(r, job.content, job.shape.tokens);
      for (const std::int64_t request : job.requests) send(r, request, job.shape.tokens, now);
    }
    r.running.clear();
  }
}

void EncoderStage::use(Replica& r, std::int64_t content, Kept& kept) {
  r.order.erase(kept.used);
  kept.used = ++uses_;
  r.order.emplace(kept.used, content);
}

// As many embeddings as its cache has room for; those of the coming step need it before.
void EncoderStage::keep(Replica& r, std::int64_t content, std::int32_t tokens) {
  const std::int64_t room = pool_of(r).engine.encoder.budget;
  r.kept[content] = {tokens, ++uses_};
  r.order.emplace(uses_, content);
  r.kept_tokens += tokens;
  while (r.kept_tokens > room && r.order.size() > 1) {
    const auto oldest = r.kept.find(r.order.begin()->second);
    r.kept_tokens -= oldest->second.tokens;
    r.kept.erase(oldest);
    r.order.erase(r.order.begin());
  }
}

// A replica sends one after the other.
void EncoderStage::send(Replica& r, std::int64_t request, std::int32_t tokens, TimePoint now) {
  const PoolConfig& pool = pool_of(r);
  Duration takes = pool.embedding_setup;
  if (pool.link_bandwidth > 0) {
    const double seconds =
        static_cast<double>(pool.embedding_bytes * tokens) / static_cast<double>(pool.link_bandwidth);
    takes += ceil_to_nanoseconds(fine_from_seconds(seconds));
  }
  r.link_free = std::max(r.link_free, now) + takes;
  transfers_.push_back({r.link_free, sent_++, request});
  std::push_heap(transfers_.begin(), transfers_.end(), later);
}

EncoderStage::Transfer EncoderStage::take_transfer() {
  std::pop_heap(transfers_.begin(), transfers_.end(), later);
  const Transfer transfer = transfers_.back();
  transfers_.pop_back();
  return transfer;
}

TimePoint EncoderStage::next() const {
  TimePoint next = transfers_.empty() ? kNever : transfers_.front().at;
  for (const Replica& r : replicas_) next = std::min(next, r.end);
  return next;
}

std::vector<Request> EncoderStage::inside() const {
  std::vector<Request> all;
  for (const auto& [index, inside] : inside_) all.push_back(inside.request);
  std::sort(all.begin(), all.end(), [](const Request& a, const Request& b) { return a.index < b.index; });
  return all;
}

std::vector<ReplicaTotals> EncoderStage::totals(std::size_t pool) const {
  std::vector<ReplicaTotals> all;
  for (const Replica& r : replicas_) {
    if (r.pool == pool) all.push_back(r.totals);
  }
  return all;
}

}  // namespace foretoken
