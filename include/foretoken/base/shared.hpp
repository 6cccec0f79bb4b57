// A large value that many hold and few change: copies share it until one of them is changed.
#pragma once

#include <memory>
#include <utility>

namespace foretoken {

// Behaves as a value of T: a copy costs a reference, `==` compares what is held (at once where it is the same object),
// and `change` gives the holder an object of its own. Different threads may read and copy; one holder is one thread's.
template <class T>
class Shared {
 public:
  Shared() : Shared(nothing()) {}
  Shared(T value) : value_(std::make_shared<const T>(std::move(value))) {}  // NOLINT: a T is one

  // Copies only: a holder that was moved from would hold nothing.
  Shared(const Shared&) = default;
  Shared& operator=(const Shared&) = default;
  ~Shared() = default;

  [[nodiscard]] const T& operator*() const { return *value_; }
  [[nodiscard]] const T* operator->() const { return value_.get(); }
  operator const T&() const { return *value_; }  // NOLINT: reads as a T

  // f(T&) changes this holder's value and nobody else's.
  template <class F>
  void change(F&& f) {
    T own = *value_;
    std::forward<F>(f)(own);
    value_ = std::make_shared<const T>(std::move(own));
  }

  bool operator==(const Shared& other) const { return value_ == other.value_ || *value_ == *other.value_; }

 private:
  // All that were never given a value share one.
  static const Shared& nothing() {
    static const Shared none{T{}};
    return none;
  }

  std::shared_ptr<const T> value_;
};

}  // namespace foretoken
