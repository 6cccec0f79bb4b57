// Signals name the case: a handler may reach nothing but globals and write().
#include "fuzz/case.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "base/visible.hpp"

namespace foretoken::fuzz {
namespace {

constexpr unsigned kLongestCase = 60;  // s: a hang, not a measure of speed
// A signal handler reaches nothing but globals. NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
std::array<char, 200> running_case{};

extern "C" void name_case(int signal) {
  (void)!::write(STDERR_FILENO, running_case.data(), std::strlen(running_case.data()));
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

std::int64_t number_in(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe) before any thread starts
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

void remember(const std::string& name) {
  const std::string line = "fuzz: crashed or hung in " + name + "\n";
  std::memcpy(running_case.data(), line.c_str(), std::min(line.size() + 1, running_case.size() - 1));
}

}  // namespace

void run_cases(std::string_view target, std::int64_t count, const std::function<void(RandomStream&)>& one) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM}) ::signal(signal, name_case);
  const std::int64_t only = number_in("FORETOKEN_FUZZ_ONLY", -1);
  const std::int64_t first = only >= 0 ? only : number_in("FORETOKEN_FUZZ_FROM", 0);
  const std::int64_t end = only >= 0 ? only + 1 : first + count * number_in("FORETOKEN_FUZZ_TIMES", 1);
  for (std::int64_t i = first; i < end; ++i) {
    const std::string name = std::string(target) + " FORETOKEN_FUZZ_ONLY=" + std::to_string(i);
    SCOPED_TRACE(name);
    remember(name);
    ::alarm(kLongestCase);
    RandomStream random = stream_of(target, i);
    try {
      one(random);
    } catch (const std::exception& error) {
      ADD_FAILURE() << "exception: " << error.what();
    }
    ::alarm(0);
  }
}

void expect_well_said(const Diagnostics& problems) {
  EXPECT_TRUE(problems.has_errors());
  for (const Diagnostic& d : problems.items()) EXPECT_FALSE(d.message.empty());
  const std::string text = format(problems);
  EXPECT_EQ(find_control(text), std::string::npos) << text;
}

}  // namespace foretoken::fuzz
