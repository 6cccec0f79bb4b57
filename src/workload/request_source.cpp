// Requests one at a time: sends from an arrival process or a trace, through the client's seats.
#include "foretoken/workload/request_source.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "workload/arrivals.hpp"
#include "workload/client.hpp"
#include "workload/content.hpp"
#include "workload/media.hpp"
#include "workload/traces/trace.hpp"

namespace foretoken {
namespace {

// A feed: the requests that clients mean to send, whether or not they may. next_time() never
// decreases; kNever at the end.
class GeneratedFeed {
 public:
  GeneratedFeed(const WorkloadConfig& config, ContentSource content, std::uint64_t seed)
      : arrivals_(config.arrivals, config.num_prompts, seed),
        content_(std::move(content)),
        media_(config.media.on() ? std::make_unique<GeneratedMedia>(config, seed) : nullptr),
        next_(arrivals_.next()) {}

  [[nodiscard]] TimePoint next_time() const { return next_; }
  [[nodiscard]] Request take() {
    Request request = content_.draw();
    if (media_) media_->add_to(request);
    request.arrival = next_;
    next_ = arrivals_.next();
    return request;
  }
  // For conversations, whose lengths are drawn turn by turn: the time passes, no lengths are drawn.
  void skip() { next_ = arrivals_.next(); }
  [[nodiscard]] ContentSource& content() { return content_; }
  [[nodiscard]] const PrefixTable* prefixes() const { return content_.prefixes(); }
  [[nodiscard]] const PromptMedia* media() const { return media_.get(); }
  [[nodiscard]] Diagnostics problems() { return {}; }

 private:
  ArrivalProcess arrivals_;
  ContentSource content_;
  std::unique_ptr<GeneratedMedia> media_;
  TimePoint next_;
};

class TraceFeed {
 public:
  TraceFeed(TraceCursor cursor, ContentSource content) : cursor_(std::move(cursor)), content_(std::move(content)) {}

  [[nodiscard]] TimePoint next_time() const { return cursor_.next_time(); }
  [[nodiscard]] Request take() {
    Request request = content_.of_row(cursor_.row());
    request.arrival = cursor_.next_time();
    request.prefix_row = cursor_.prefix_row();
    cursor_.advance();
    return request;
  }
  void skip() { cursor_.advance(); }
  [[nodiscard]] ContentSource& content() { return content_; }
  [[nodiscard]] const PrefixTable* prefixes() const { return cursor_.prefixes(); }
  [[nodiscard]] const PromptMedia* media() const { return nullptr; }
  [[nodiscard]] Diagnostics problems() { return cursor_.problems(); }

 private:
  TraceCursor cursor_;
  ContentSource content_;
};

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

// Every request is sent when the feed says so: the fast path.
template <class Feed>
class OpenSource final : public RequestSource {
 public:
  OpenSource(const WorkloadConfig& config, Feed feed)
      : feed_(std::move(feed)),
        end_(config.duration ? TimePoint{*config.duration} : kNever),
        limit_(config.num_prompts.value_or(kUnlimited)) {
    settle();
  }

  TimePoint next_arrival() const override { return next_; }
  Request take() override {
    Request request = feed_.take();
    request.index = sent_++;
    settle();
    return request;
  }
  void completed(const Request&, TimePoint) override {}
  bool is_open() const override { return true; }
  const PrefixTable* prefixes() const override { return feed_.prefixes(); }
  const PromptMedia* media() const override { return feed_.media(); }
  Diagnostics problems() override { return feed_.problems(); }

 private:
  void settle() {
    const TimePoint next = feed_.next_time();
    next_ = sent_ < limit_ && next < end_ ? next : kNever;
  }

  Feed feed_;
  TimePoint end_;
  std::int64_t limit_;
  std::int64_t sent_ = 0;
  TimePoint next_ = kNever;
};

// Sends that wait for other requests' ends: a seat of max_concurrency, held by a conversation
// through all its turns, or the answer to the turn before.
template <class Feed>
class ClosedSource final : public RequestSource {
 public:
  ClosedSource(const WorkloadConfig& config, Feed feed, std::uint64_t seed)
      : feed_(std::move(feed)),
        seats_(config.max_concurrency),
        think_time_(config.think_time),
        client_delay_(config.client_delay),
        end_(config.duration ? TimePoint{*config.duration} : kNever),
        limit_(config.num_prompts.value_or(kUnlimited)),
        seed_(seed) {
    if (config.sessions) conversations_.emplace(*config.sessions, seed);
    settle();
  }

  TimePoint next_arrival() const override { return next_; }

  Request take() override {
    const TimePoint now = next_;
    Request request = turn_is_next_ ? next_turn(conversations_->take_turn()) : next_send();
    request.arrival = now;
    ++sent_;
    settle();
    return request;
  }

  void completed(const Request& request, TimePoint now) override {
    const std::int64_t tokens = std::int64_t{request.prompt_tokens} + request.output_tokens;
    if (!conversations_ || !conversations_->finished(request.index, tokens, now, client_delay_)) {
      seats_.give_back(add_saturated(add_saturated(now, think_time_after(request)), client_delay_));
    }
    settle();
  }
  const PrefixTable* prefixes() const override { return feed_.prefixes(); }
  const PromptMedia* media() const override { return feed_.media(); }
  Diagnostics problems() override { return feed_.problems(); }

 private:
  Request next_send() {
    const TimePoint meant = feed_.next_time();
    Request request;
    if (conversations_) {
      const std::int16_t class_index = feed_.content().draw_class();
      feed_.skip();
      Conversation conversation = conversations_->open(class_index);
      conversation.adapter = feed_.content().draw_adapter(class_index);
      request = next_turn(std::move(conversation));
    } else {
      request = feed_.take();
      request.index = sent_;
    }
    request.client_wait = next_ - meant;
    seats_.take();
    return request;
  }

  Request next_turn(Conversation conversation) {
    Request request = feed_.content().turn(conversation.class_index, conversation.said, conversation.stream);
    request.index = sent_;
    request.conversation = conversation.number;
    request.adapter = conversation.adapter;
    conversations_->sent(request.index, std::move(conversation));
    return request;
  }

  // Drawn from a stream of the request's own: the order of completions, which a policy
  // decides, does not change who thinks how long.
  Duration think_time_after(const Request& request) const {
    if (!think_time_.exponential) return think_time_.mean;
    RandomStream stream(replication_seed(seed_, static_cast<std::uint64_t>(request.index) + 1), "think_time");
    return draw_pause(think_time_, stream);
  }

  // The earlier of the next turn of a conversation and the next send that has a seat.
  void settle() {
    next_ = kNever;
    turn_is_next_ = false;
    if (sent_ >= limit_) return;
    const TimePoint turn = conversations_ ? conversations_->next_turn() : kNever;
    const TimePoint send = std::max(feed_.next_time(), seats_.available());
    turn_is_next_ = turn != kNever && turn <= send;
    const TimePoint next = std::min(turn, send);
    if (next < end_) next_ = next;
  }

  Feed feed_;
  Seats seats_;
  std::optional<Conversations> conversations_;
  PauseConfig think_time_;
  Duration client_delay_;
  TimePoint end_;
  std::int64_t limit_;
  std::uint64_t seed_;
  std::int64_t sent_ = 0;
  TimePoint next_ = kNever;
  bool turn_is_next_ = false;
};

class ListedMedia final : public PromptMedia {
 public:
  explicit ListedMedia(std::vector<std::vector<MediaItem>> rows) : rows_(std::move(rows)) {}
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  void items_of(const Request& request, std::vector<MediaItem>& items) const override {
    items = rows_[static_cast<std::size_t>(request.media)];
  }

 private:
  std::vector<std::vector<MediaItem>> rows_;
};

class FixedSource final : public RequestSource {
 public:
  FixedSource(std::vector<Request> requests, PrefixTable prefixes, std::vector<std::vector<MediaItem>> media)
      : requests_(std::move(requests)), prefixes_(std::move(prefixes)), media_(std::move(media)) {
    std::stable_sort(requests_.begin(), requests_.end(),
                     [](const Request& a, const Request& b) { return a.arrival < b.arrival; });
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      requests_[i].index = static_cast<std::int64_t>(i);
      requests_[i].max_tokens = std::max(requests_[i].max_tokens, requests_[i].output_tokens);
    }
  }
  TimePoint next_arrival() const override { return next_ < requests_.size() ? requests_[next_].arrival : kNever; }
  Request take() override { return requests_[next_++]; }
  void completed(const Request&, TimePoint) override {}
  bool is_open() const override { return true; }
  const PrefixTable* prefixes() const override { return prefixes_.rows() > 0 ? &prefixes_ : nullptr; }
  const PromptMedia* media() const override { return media_.empty() ? nullptr : &media_; }

 private:
  std::vector<Request> requests_;
  PrefixTable prefixes_;
  ListedMedia media_;
  std::size_t next_ = 0;
};

template <class Feed>
std::unique_ptr<RequestSource> make_source(const WorkloadConfig& config, Feed feed, std::uint64_t seed) {
  if (config.max_concurrency || config.sessions) {
    return std::make_unique<ClosedSource<Feed>>(config, std::move(feed), seed);
  }
  return std::make_unique<OpenSource<Feed>>(config, std::move(feed));
}

}  // namespace

Result<std::unique_ptr<RequestSource>> make_request_source(const WorkloadConfig& config, std::uint64_t seed) {
  Diagnostics problems = check_workload(config);
  if (problems.has_errors()) return problems;
  auto content = ContentSource::make(config, seed);
  if (!content) return content.error();

  std::unique_ptr<RequestSource> source;
  if (const auto* trace_config = std::get_if<TraceConfig>(&config.arrivals)) {
    auto cursor = open_trace(*trace_config, config.num_prompts);
    if (!cursor) return cursor.error();
    source = make_source(config, TraceFeed(std::move(*cursor), std::move(*content)), seed);
  } else {
    source = make_source(config, GeneratedFeed(config, std::move(*content), seed), seed);
  }
  if (source->next_arrival() != kNever) return source;
  problems.error({}, "workload: no request arrives before the end of the run", "raise the rate, or workload.duration");
  return problems;
}

std::unique_ptr<RequestSource> make_fixed_source(std::vector<Request> requests, PrefixTable prefixes,
                                                 std::vector<std::vector<MediaItem>> media) {
  return std::make_unique<FixedSource>(std::move(requests), std::move(prefixes), std::move(media));
}

}  // namespace foretoken
