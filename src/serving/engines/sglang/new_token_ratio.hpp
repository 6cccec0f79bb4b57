// SGLang's new_token_ratio: the share of max_tokens that running requests are expected to write.
#pragma once

#include <algorithm>
#include <cstdint>

namespace foretoken {

// Falls with every decode step from its initial value to a least one, and jumps when requests are
// retracted (src/serving/README.md, "SGLang"; SGLang's scheduler, init_new_token_ratio). `clock` counts decode steps.
class NewTokenRatio {
 public:
  static constexpr double kInitial = 0.7;           // times schedule_conservativeness
  static constexpr double kLeast = 0.14;            // of the initial ratio
  static constexpr std::int64_t kDecaySteps = 600;  // from the initial ratio to the least

  [[nodiscard]] bool known() const { return since_ >= 0; }
  void start(double conservativeness, std::int64_t clock) {
    initial_ = std::min(1.0, kInitial * conservativeness);
    set(initial_, clock);
  }
  // From here on it falls at the same pace. Precondition: known().
  void set(double ratio, std::int64_t clock) {
    ratio_ = std::min(1.0, ratio);
    since_ = clock;
  }
  // This step is none of decode.
  void skip_step() { ++since_; }
  [[nodiscard]] double at(std::int64_t clock) const {
    const double least = kLeast * initial_;
    const double decay = (initial_ - least) / static_cast<double>(kDecaySteps);
    return std::max(least, ratio_ - decay * static_cast<double>(clock - since_));
  }

 private:
  double initial_ = kInitial;
  double ratio_ = kInitial;
  std::int64_t since_ = -1;
};

}  // namespace foretoken
