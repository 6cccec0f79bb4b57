// Work for the page away from the thread that talks to it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "studio/exchange.hpp"

namespace foretoken {

class WorkQueue {
 public:
  using Work = std::function<void(Exchange&)>;
  // `most` wait at once.
  WorkQueue(int threads, std::size_t most);
  // What waits is dropped; what runs is waited for, and ends soon when its exchange is gone.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  // False: too much waits already. What nobody waits for any more makes room first.
  [[nodiscard]] bool add(ExchangePointer exchange, Work work);

 private:
  struct Task {
    ExchangePointer exchange;
    Work work;
  };
  void run();

  std::size_t most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  bool ends_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace foretoken
