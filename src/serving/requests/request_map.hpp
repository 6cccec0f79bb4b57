// What is known of some requests, found by their index.
#pragma once

#include <bit>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace foretoken {

// A table of open addresses (linear probing, no gaps left behind) over places that stay where they are: no memory is
// asked for once it has seen as many requests at a time as there will be.
template <class Value>
class RequestMap {
 public:
  RequestMap() = default;
  RequestMap(const RequestMap&) = delete;  // cells point into it
  RequestMap& operator=(const RequestMap&) = delete;

  // Null: nothing is known of it. The place stays until erase().
  [[nodiscard]] Value* find(std::int64_t request) {
    if (size_ == 0) return nullptr;
    for (std::size_t i = home(request);; i = next(i)) {
      if (cells_[i].place == nullptr) return nullptr;
      if (cells_[i].request == request) return cells_[i].place;
    }
  }
  // A new one, where nothing is known of it.
  Value& operator[](std::int64_t request) {
    if (Value* found = find(request)) return *found;
    if (2 * (size_ + 1) > cells_.size()) grow();
    if (free_.empty()) free_.push_back(&places_.emplace_back());
    Value* const place = free_.back();
    free_.pop_back();
    put({request, place});
    ++size_;
    return *place;
  }
  // Precondition: something is known of it.
  Value take(std::int64_t request) {
    std::size_t hole = home(request);
    while (cells_[hole].request != request || cells_[hole].place == nullptr) hole = next(hole);
    Value* const place = cells_[hole].place;
    free_.push_back(place);
    --size_;
    // Who stands further from home than the hole moves up.
    for (std::size_t i = next(hole); cells_[i].place != nullptr; i = next(i)) {
      const std::size_t at_home = home(cells_[i].request);
      if (((i - at_home) & mask()) < ((i - hole) & mask())) continue;
      cells_[hole] = cells_[i];
      hole = i;
    }
    cells_[hole].place = nullptr;
    return std::exchange(*place, Value{});
  }
  // visit(request, value) of all, in no order that anything may hang on.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Cell& cell : cells_) {
      if (cell.place != nullptr) visit(cell.request, std::as_const(*cell.place));
    }
  }

 private:
  struct Cell {
    std::int64_t request = 0;
    Value* place = nullptr;  // null: free
  };
  [[nodiscard]] std::size_t mask() const { return cells_.size() - 1; }
  [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) & mask(); }
  // Fibonacci hashing: indices that follow each other, as those of requests do, lie apart.
  [[nodiscard]] std::size_t home(std::int64_t request) const {
    return (static_cast<std::uint64_t>(request) * 0x9E3779B97F4A7C15ULL) >> shift_;
  }
  void put(const Cell& cell) {
    std::size_t i = home(cell.request);
    while (cells_[i].place != nullptr) i = next(i);
    cells_[i] = cell;
  }
  void grow() {
    const std::vector<Cell> before = std::exchange(cells_, std::vector<Cell>(cells_.empty() ? 16 : 2 * cells_.size()));
    shift_ = 64 - std::countr_zero(cells_.size());
    for (const Cell& cell : before) {
      if (cell.place != nullptr) put(cell);
    }
  }

  std::size_t size_ = 0;
  int shift_ = 60;
  std::vector<Cell> cells_;  // a power of two of them, at most half full
  std::deque<Value> places_;
  std::vector<Value*> free_;
};

}  // namespace foretoken
