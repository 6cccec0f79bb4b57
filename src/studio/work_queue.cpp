// Threads that take the oldest task.
#include "studio/work_queue.hpp"

#include <fmt/format.h>

namespace foretoken {
namespace {

// A bug in one answer is told to who asked, and ends nothing else. Whoever waits for events reads them as events.
void answer(Exchange& exchange, const WorkQueue::Work& work) {
  std::string problem;
  try {
    work(exchange);
    return;
  } catch (const std::bad_alloc&) {
    problem = "out of memory";
  } catch (const std::exception& error) {
    problem = fmt::format("internal error: {}", error.what());
  }
  Json json = Json::object();
  json["problems"] = problem;
  exchange.reply({500, "application/json", to_text(json, 0)});
}

}  // namespace

WorkQueue::WorkQueue(int threads, std::size_t most) : most_(most) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

WorkQueue::~WorkQueue() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    tasks_.clear();
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkQueue::add(ExchangePointer exchange, Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (tasks_.size() >= most_) std::erase_if(tasks_, [](const Task& task) { return task.exchange->gone().load(); });
    if (tasks_.size() >= most_) return false;
    tasks_.push_back({std::move(exchange), std::move(work)});
  }
  changed_.notify_one();
  return true;
}

void WorkQueue::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ends_ || !tasks_.empty(); });
    if (ends_) return;
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    if (!task.exchange->gone().load()) answer(*task.exchange, task.work);
  }
}

}  // namespace foretoken
