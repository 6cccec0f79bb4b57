// Independent pieces of work on several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace foretoken {

// 0 = one per core.
[[nodiscard]] inline int threads_or_cores(int threads) {
  return threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// `body(i)` for every i in [0, count), each once, on at most `threads` threads (0 =
// one per core). Of several exceptions that of the lowest index is rethrown.
template <class Body>
void parallel_for(std::size_t count, int threads, const Body& body) {
  const std::size_t used = std::min(static_cast<std::size_t>(threads_or_cores(threads)), count);
  std::vector<std::exception_ptr> failures(count);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        body(i);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> pool;
    for (std::size_t t = 1; t < used; ++t) pool.emplace_back(work);
    work();
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

// Threads that stay for many short rounds. Whoever asks works along.
class Crew {
 public:
  explicit Crew(int threads) {
    for (int t = 1; t < threads; ++t) hands_.emplace_back([this](const std::stop_token& leave) { stay(leave); });
  }
  // `body(i)` for every i in [0, count), each once. Of several exceptions one is rethrown.
  void each(std::size_t count, const std::function<void(std::size_t)>& body) {
    std::unique_lock lock(mutex_);
    body_ = &body;
    count_ = count;
    next_ = done_ = 0;
    ++round_;
    begun_.notify_all();
    work(lock);
    finished_.wait(lock, [&] { return done_ == count_; });
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  void stay(const std::stop_token& leave) {
    std::unique_lock lock(mutex_);
    for (std::int64_t seen = 0; begun_.wait(lock, leave, [&] { return round_ != seen; });) {
      seen = round_;
      work(lock);
    }
  }
  void work(std::unique_lock<std::mutex>& lock) {
    while (next_ < count_) {
      const std::size_t i = next_++;
      lock.unlock();
      std::exception_ptr failure;
      try {
        (*body_)(i);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      if (failure) failure_ = failure;
      if (++done_ == count_) finished_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any begun_, finished_;
  const std::function<void(std::size_t)>* body_ = nullptr;
  std::size_t count_ = 0, next_ = 0, done_ = 0;
  std::int64_t round_ = 0;
  std::exception_ptr failure_;
  std::vector<std::jthread> hands_;  // the last member: they leave first
};

}  // namespace foretoken
