// Drawing of the progress line.
#include "cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/terminal.hpp"
#include "report/common.hpp"

namespace foretoken {
namespace {

constexpr const char* kWipe = "\r\x1b[K";

}  // namespace

void ProgressLine::update(const Progress& progress) {
  const auto now = Clock::now();
  if (now - start_ < std::chrono::milliseconds{500} || now - shown_ < std::chrono::milliseconds{200}) return;
  shown_ = now;
  visible_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::string line = fmt::format("{}{} {}", kWipe, readable(progress.requests), what_);
  if (progress.expected && *progress.expected > 0) {
    const double share =
        std::min(1.0, static_cast<double>(progress.requests) / static_cast<double>(*progress.expected));
    line += fmt::format(" of {} ({:.0f} %)", readable(*progress.expected), share * 100);
    line += time_left(seconds, share);
  }
  say(line);
}

ProgressLine::~ProgressLine() {
  if (visible_) say(kWipe);
}

std::unique_ptr<ProgressLine> follow(std::function<void(const Progress&)>& progress, std::string what,
                                     const OutputOptions& output) {
  if (!wants_progress(output)) return nullptr;
  auto line = std::make_unique<ProgressLine>(std::move(what));
  progress = [shown = line.get()](const Progress& now) { shown->update(now); };
  return line;
}

}  // namespace foretoken
