// Progressive filling in whole numbers.
#include "serving/transfers/network.hpp"

#include <algorithm>

#include "foretoken/base/result.hpp"

namespace foretoken {
namespace {

constexpr std::int64_t kNano = 1'000'000'000;

}  // namespace

Network::Link Network::add_link(std::int64_t bytes_per_second) {
  bandwidths_.push_back(bytes_per_second);
  return static_cast<Link>(bandwidths_.size() - 1);
}

Network::Flow Network::start(std::int64_t bytes, std::span<const Link> links, std::int64_t most, TimePoint now,
                             TimePoint from) {
  invariant(bytes > 0 && (most > 0 || !links.empty()), "a flow of nothing, or without a limit");
  advance(now);
  Flow flow = static_cast<Flow>(flows_.size());
  if (spare_.empty()) {
    flows_.emplace_back();
  } else {
    flow = spare_.back();
    spare_.pop_back();
  }
  State& s = state(flow);
  s.left = static_cast<NanoBytes>(bytes) * kNano;
  s.rate = 0;
  s.from = from;
  s.most = most;
  s.links.assign(links.begin(), links.end());  // in the room that it has
  active_.push_back(flow);
  settled_ = false;
  return flow;
}

void Network::advance(TimePoint now) {
  if (now == at_) return;
  if (!settled_) share_out();
  for (const Flow flow : active_) {
    State& s = state(flow);
    const std::int64_t elapsed = (now - std::max(at_, s.from)).count();
    if (elapsed > 0) s.left -= std::min(s.left, static_cast<NanoBytes>(s.rate) * elapsed);
  }
  at_ = now;
  if (shares_at_ <= now) settled_ = false;
}

TimePoint Network::end_of(const State& flow) const {
  constexpr std::int64_t kLongest = std::int64_t{1} << 61;  // beyond any run
  const TimePoint begin = std::max(at_, flow.from);
  const NanoBytes rounded = flow.left + flow.rate - 1;
  if (rounded <= INT64_MAX) return begin + Duration{std::min(static_cast<std::int64_t>(rounded) / flow.rate, kLongest)};
  return begin + Duration{static_cast<std::int64_t>(std::min<NanoBytes>(rounded / flow.rate, kLongest))};
}

TimePoint Network::next_change() {
  if (!settled_) share_out();
  TimePoint next = shares_at_;
  for (const Flow flow : active_) next = std::min(next, state(flow).end);
  return next;
}

void Network::take_ended(TimePoint now, std::vector<Flow>& ended) {
  if (active_.size() == 1 && settled_ && state(active_.front()).end == now) {  // as most do
    at_ = now;
    ended.push_back(active_.front());
    spare_.push_back(active_.front());
    return active_.clear();
  }
  advance(now);
  for (const Flow flow : active_) {
    if (state(flow).left == 0) ended.push_back(flow);
  }
  if (ended.empty()) return;
  std::erase_if(active_, [&](Flow flow) { return state(flow).left == 0; });
  spare_.insert(spare_.end(), ended.begin(), ended.end());
  settled_ = false;
}

void Network::stop(Flow flow, TimePoint now) {
  advance(now);
  std::erase(active_, flow);
  spare_.push_back(flow);
  settled_ = false;
}

std::int64_t Network::rate_of(Flow flow) {
  if (!settled_) share_out();
  return state(flow).rate;
}

// What it has alone.
std::int64_t Network::whole_rate(const State& flow) const {
  std::int64_t rate = flow.most > 0 ? flow.most : std::int64_t{1} << 62;
  for (const Link link : flow.links) rate = std::min(rate, bandwidths_[static_cast<std::size_t>(link)]);
  return std::max<std::int64_t>(1, rate);
}

void Network::hold_at(State& flow, std::int64_t rate) {
  rate = std::max<std::int64_t>(1, rate);
  if (flow.rate == rate) return;
  flow.rate = rate;
  flow.end = end_of(flow);
}

// No link is too narrow for what all could use: nothing is to be shared.
bool Network::all_have_their_most() {
  left_ = bandwidths_;
  for (const Flow flow : active_) {
    const State& s = state(flow);
    if (s.most == 0) return false;
    for (const Link link : s.links) {
      if ((left_[static_cast<std::size_t>(link)] -= s.most) < 0) return false;
    }
  }
  return true;
}

// Those that do not flow yet take nothing.
void Network::leave_out_those_to_come() {
  const auto to_come = [&](Flow flow) {
    State& s = state(flow);
    if (s.from <= at_) return false;
    shares_at_ = std::min(shares_at_, s.from);
    s.rate = 0;
    s.end = kNever;
    return true;
  };
  std::erase_if(open_, to_come);
}

void Network::share_out() {
  shares_at_ = kNever;
  if (active_.empty()) {
    settled_ = true;
    return;
  }
  if (active_.size() == 1) {
    State& alone = state(active_.front());
    hold_at(alone, whole_rate(alone));
    settled_ = true;
    return;
  }
  if (all_have_their_most()) {
    for (const Flow flow : active_) hold_at(state(flow), state(flow).most);
    settled_ = true;
    return;
  }
  left_ = bandwidths_;
  users_.assign(bandwidths_.size(), 0);
  open_ = active_;
  leave_out_those_to_come();
  for (const Flow flow : open_) {
    for (const Link link : state(flow).links) ++users_[static_cast<std::size_t>(link)];
  }
  const auto hold = [&](Flow flow, std::int64_t rate) {
    State& s = state(flow);
    hold_at(s, rate);
    for (const Link link : s.links) {
      const auto i = static_cast<std::size_t>(link);
      left_[i] -= rate;
      --users_[i];
    }
  };
  while (!open_.empty()) {
    // The least that any link has for each of its flows.
    std::int64_t share = std::int64_t{1} << 62;
    for (std::size_t i = 0; i < left_.size(); ++i) {
      if (users_[i] > 0) share = std::min(share, left_[i] / users_[i]);
    }
    // Those who cannot use it leave the rest to others.
    const auto limited = [&](Flow flow) { return state(flow).most > 0 && state(flow).most <= share; };
    if (std::any_of(open_.begin(), open_.end(), limited)) {
      std::int64_t least = share;
      for (const Flow flow : open_) {
        if (limited(flow)) least = std::min(least, state(flow).most);
      }
      const auto at_least = [&](Flow flow) { return state(flow).most == least; };
      for (const Flow flow : open_) {
        if (at_least(flow)) hold(flow, least);
      }
      std::erase_if(open_, at_least);
      continue;
    }
    const auto before = users_;
    const auto remaining = left_;
    const auto is_full = [&](Flow flow) {
      return std::any_of(state(flow).links.begin(), state(flow).links.end(), [&](Link link) {
        const auto i = static_cast<std::size_t>(link);
        return before[i] > 0 && remaining[i] / before[i] == share;
      });
    };
    for (const Flow flow : open_) {
      if (is_full(flow)) hold(flow, share);
    }
    std::erase_if(open_, is_full);
  }
  settled_ = true;
}

}  // namespace foretoken
