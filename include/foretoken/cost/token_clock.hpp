// How decoding moves: rows that take the same number of tokens in every step, and the clock that counts them.
#pragma once

#include <cstdint>

namespace foretoken {

// What a step of decoding takes in and puts out: `per_row` tokens of each row. More than one when a step verifies
// drafts.
struct TokenRate {
  std::int64_t rows = 0;
  std::int64_t per_row = 1;
  [[nodiscard]] std::int64_t tokens() const { return rows * per_row; }  // a step
  bool operator==(const TokenRate&) const = default;
};

// Counts the tokens that a row takes which is in every step; a step moves it by `per_row`.
class TokenClock {
 public:
  explicit TokenClock(std::int64_t per_row = 1) : per_row_(per_row) {}

  [[nodiscard]] std::int64_t per_row() const { return per_row_; }
  [[nodiscard]] std::int64_t now() const { return now_; }  // in tokens
  [[nodiscard]] std::int64_t steps() const { return steps_; }
  [[nodiscard]] std::int64_t after(std::int64_t steps) const { return now_ + steps * per_row_; }
  void advance(std::int64_t steps) {
    steps_ += steps;
    now_ += steps * per_row_;
  }
  // Fewest steps after which it stands at `time` or beyond. Precondition: time >= now().
  [[nodiscard]] std::int64_t steps_to_reach(std::int64_t time) const {
    return per_row_ == 1 ? time - now_ : (time - now_ + per_row_ - 1) / per_row_;
  }
  // Most steps after which it does not stand beyond `time`. Precondition: time >= now().
  [[nodiscard]] std::int64_t steps_within(std::int64_t time) const {
    return per_row_ == 1 ? time - now_ : (time - now_) / per_row_;
  }

 private:
  std::int64_t per_row_;
  std::int64_t now_ = 0;
  std::int64_t steps_ = 0;
};

}  // namespace foretoken
