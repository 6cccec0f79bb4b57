// fork, exec and pipes.
#include "support/process.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

namespace foretoken::testing {
namespace {

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 65536> buffer;
  for (ssize_t n = 0; (n = ::read(descriptor, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  ::close(descriptor);
  return text;
}

[[noreturn]] void become(const std::vector<std::string>& command, int in, int out, int err) {
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& command, const ProcessOptions& options) {
  int in[2], out[2], err[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) return {};
  if (!options.stdout_path.empty()) {
    ::close(out[1]);
    out[1] = ::open(options.stdout_path.c_str(), O_WRONLY | O_CLOEXEC);
  }
  if (options.close_stdout_early) {
    ::close(out[0]);
    out[0] = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  const pid_t child = ::fork();
  if (child == 0) become(command, in[0], out[1], err[1]);
  ::close(in[0]);
  ::close(out[1]);
  ::close(err[1]);
  ProcessResult result;
  std::thread read_out([&] { result.out = read_all(out[0]); });
  std::thread read_err([&] { result.err = read_all(err[0]); });
  // Inputs of the tests are smaller than a pipe's buffer.
  if (!options.input.empty() && ::write(in[1], options.input.data(), options.input.size()) < 0)
    result.err = "input lost";
  ::close(in[1]);
  if (options.meanwhile) options.meanwhile(child);
  int status = 0;
  ::waitpid(child, &status, 0);
  read_out.join();
  read_err.join();
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace foretoken::testing
