// Fair queueing by virtual token counters (Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024): who
// has been served the least, of the classes of the workload that wait, goes first.
#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

#include "serving/queueing/queueing_policy.hpp"

namespace foretoken {
namespace {

// To the scheduler; on the way some pass others (images that are encoded apart).
bool came_before(const Request& a, const Request& b) {
  return a.known_at() != b.known_at() ? a.known_at() < b.known_at() : a.index < b.index;
}

class Vtc final : public QueueingPolicy {
 public:
  explicit Vtc(const EngineConfig& config)
      : prompt_weight_(config.fair_prompt_weight),
        output_weight_(config.fair_output_weight),
        shares_(config.fair_shares) {}

  void push(const Waiting& waiting) override {
    const std::size_t of = class_of(waiting);
    // Who comes back from being idle has not saved up service.
    if (tenants_[of].is_idle()) lift(of);
    enter(waiting);
    find_head();
  }
  void pop() override {
    Tenant& tenant = tenants_[static_cast<std::size_t>(leader())];
    count(tenant.front(), -1);
    (tenant.preempted.empty() ? tenant.fresh : tenant.preempted).pop_front();
    find_head();
  }
  void put_back(const Waiting& head) override {
    Tenant& tenant = tenants_[class_of(head)];
    count(head, 1);
    (goes_before_others(head) ? tenant.preempted : tenant.fresh).push_front(head);
    find_head();
  }
  std::size_t size() const override { return size_; }
  std::int64_t prompt_tokens() const override { return prompt_tokens_; }
  const Waiting* oldest() const override {
    const Waiting* oldest = nullptr;
    for (const Tenant& tenant : tenants_) {
      const auto place = std::find_if(tenant.fresh.begin(), tenant.fresh.end(),
                                      [](const Waiting& w) { return w.resumed == kNoRequest; });
      if (place != tenant.fresh.end() && (oldest == nullptr || came_before(place->request, oldest->request)))
        oldest = &*place;
    }
    return oldest;
  }
  void pop_oldest() override { remove(oldest()->request.index); }
  std::optional<Waiting> remove(std::int64_t index) override {
    for (Tenant& tenant : tenants_) {
      for (std::deque<Waiting>* part : {&tenant.preempted, &tenant.fresh}) {
        const auto place =
            std::find_if(part->begin(), part->end(), [&](const Waiting& w) { return w.request.index == index; });
        if (place == part->end()) continue;
        const Waiting gone = *place;
        part->erase(place);
        count(gone, -1);
        find_head();
        return gone;
      }
    }
    return std::nullopt;
  }

  void admitted(const Request& request) override {
    const auto of = static_cast<std::size_t>(request.class_index);
    tenants_[of].counter += tenants_[of].prompt_unit * request.prompt_tokens;
    if (tenants_[of].is_idle()) last_left_ = static_cast<int>(of);
    find_head();
  }
  void put_out(int class_index, std::int64_t tokens) override {
    Tenant& tenant = tenants_[static_cast<std::size_t>(class_index)];
    tenant.counter += tenant.output_unit * tokens;
    find_head();
  }
  bool head_moves() const override {
    return std::count_if(tenants_.begin(), tenants_.end(), [](const Tenant& t) { return !t.is_idle(); }) > 1;
  }

 private:
  struct Tenant {
    std::int64_t counter = 0;  // in 2^-20 of a token, so that sums do not depend on their order
    std::int64_t prompt_unit = 0, output_unit = 0;
    std::deque<Waiting> preempted, fresh;
    [[nodiscard]] bool is_idle() const { return preempted.empty() && fresh.empty(); }
    [[nodiscard]] const Waiting& front() const { return preempted.empty() ? fresh.front() : preempted.front(); }
  };
  static bool goes_before_others(const Waiting& w) { return w.first || (w.resumed != kNoRequest && !w.last); }

  void find_head() {
    const int first = leader();
    set_head(first < 0 ? nullptr : &tenants_[static_cast<std::size_t>(first)].front());
  }
  // The class whose turn it is; -1: nobody waits.
  [[nodiscard]] int leader() const {
    int first = -1;
    for (std::size_t i = 0; i < tenants_.size(); ++i) {
      if (tenants_[i].is_idle()) continue;
      if (first < 0 || tenants_[i].counter < tenants_[static_cast<std::size_t>(first)].counter)
        first = static_cast<int>(i);
    }
    return first;
  }
  std::size_t class_of(const Waiting& waiting) {
    const auto of = static_cast<std::size_t>(waiting.request.class_index);
    while (of >= tenants_.size()) {
      const double share = tenants_.size() < shares_.size() ? shares_[tenants_.size()] : 1;
      Tenant tenant;
      tenant.prompt_unit = std::llround(prompt_weight_ / share * 0x1p20);
      tenant.output_unit = std::llround(output_weight_ / share * 0x1p20);
      tenants_.push_back(std::move(tenant));
    }
    return of;
  }
  void enter(const Waiting& waiting) {
    Tenant& tenant = tenants_[class_of(waiting)];
    count(waiting, 1);
    if (goes_before_others(waiting))
      tenant.preempted.push_front(waiting);
    else
      tenant.fresh.push_back(waiting);
  }
  void count(const Waiting& waiting, int by) {
    size_ = by > 0 ? size_ + 1 : size_ - 1;
    prompt_tokens_ += by * waiting.request.prompt_tokens;
  }
  void lift(std::size_t of) {
    if (size_ > 0) {
      const std::int64_t least = tenants_[static_cast<std::size_t>(leader())].counter;
      tenants_[of].counter = std::max(tenants_[of].counter, least);
    } else if (last_left_ >= 0) {
      tenants_[of].counter = std::max(tenants_[of].counter, tenants_[static_cast<std::size_t>(last_left_)].counter);
    }
  }

  double prompt_weight_, output_weight_;
  std::vector<double> shares_;
  std::vector<Tenant> tenants_;  // by class
  int last_left_ = -1;           // the class whose last waiting request was admitted last
  std::size_t size_ = 0;
  std::int64_t prompt_tokens_ = 0;
};

}  // namespace

std::unique_ptr<QueueingPolicy> make_vtc(const EngineConfig& config) {
  return std::make_unique<Vtc>(config);
}

}  // namespace foretoken
