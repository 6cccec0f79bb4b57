// Standard streams, with their failures.
#include "cli/terminal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "cli/exit_codes.hpp"
#include "cli/pictures.hpp"
#include "persistence/atomic_file.hpp"
#include "report/markdown.hpp"

namespace foretoken {
namespace {

// 0 or the error number.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

int write_file(const std::string& text, const std::string& path) {
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file) {
    say(file.error());
    return kExitBadInput;
  }
  file->write(text);
  const Diagnostics problems = file->commit();
  if (problems.empty()) return kExitOk;
  say(problems);
  return kExitInternal;
}

// The same place on disk, however spelled. Devices and pipes may be written twice.
bool same_file(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty() || a == "-" || b == "-") return false;
  std::error_code ignored;
  if (std::filesystem::exists(a, ignored) && !std::filesystem::is_regular_file(a, ignored)) return false;
  // Of a relative path that is not there yet, weakly_canonical() would not say where it is.
  const auto place = [&](const std::string& path) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(path, ignored), ignored);
  };
  return place(a) == place(b);
}

bool wants_color(const OutputOptions& options) {
  if (options.color == "always") return true;
  if (options.color == "never" || !options.output.empty()) return false;
  // Before any thread starts. https://no-color.org
  const char* no_color = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  return (no_color == nullptr || *no_color == '\0') && ::isatty(STDOUT_FILENO) == 1;
}

}  // namespace

void hold_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // The lowest free number is this one. Read only, whatever it is for.
    if (::fcntl(stream, F_GETFD) == -1 && errno == EBADF) (void)!::open("/dev/null", O_RDONLY);
  }
}

void say(std::string_view text) {
  // Nobody is left to tell when standard error is gone.
  (void)write_all(STDERR_FILENO, text);
}

void say(const Diagnostics& diagnostics) {
  std::string text = format(diagnostics);
  if (!text.empty() && text.back() != '\n') text += '\n';
  say(text);
}

bool output_can_be_created(const OutputOptions& options) {
  const Diagnostics problems = options.output.empty() ? Diagnostics{} : AtomicFile::check(options.output);
  if (!problems.empty()) say(problems);
  return pictures_can_be_created(options) && problems.empty();
}

bool files_are_distinct(const std::vector<std::pair<std::string, std::string>>& named) {
  bool distinct = true;
  for (std::size_t i = 0; i < named.size(); ++i) {
    for (std::size_t j = i + 1; j < named.size(); ++j) {
      if (!same_file(named[i].second, named[j].second)) continue;
      say(fmt::format("error: {} and {} are the same file, '{}'\n  hint: give each a name of its own\n", named[i].first,
                      named[j].first, named[j].second));
      distinct = false;
    }
  }
  return distinct;
}

int finish(const std::string& text, bool interrupted, bool feasible, const OutputOptions& output, int answer) {
  const int delivered = deliver(text, output);
  if (delivered != kExitOk) return delivered;
  if (interrupted) {
    say("interrupted: what was finished is kept\n");
    return kExitInterrupted;
  }
  return feasible ? answer : kExitInfeasible;
}

int deliver(const std::string& words, const OutputOptions& options) {
  const std::string text = options.format == "markdown" ? to_markdown(words) : words;
  if (!options.output.empty()) {
    const int code = write_file(text, options.output);
    if (code == kExitOk) return code;
    // A run may have taken long: a file that cannot be written does not cost the user the result.
    say("The result goes to standard output instead.\n");
    (void)write_all(STDOUT_FILENO, text);
    return code;
  }
  const int error = write_all(STDOUT_FILENO, text);
  if (error == 0 || error == EPIPE) return kExitOk;
  say(fmt::format("error: cannot write to standard output: {}\n", std::generic_category().message(error)));
  return kExitInternal;
}

int terminal_width() {
  static constexpr int kLeast = 40, kMost = 10'000;  // less is no table, and a slip of the keyboard no width
  const auto sensible = [](int width) { return std::clamp(width, kLeast, kMost); };
  // Before any thread starts.
  if (const char* columns = std::getenv("COLUMNS"); columns != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    const std::string_view text(columns);
    int width = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), width);
    if (error == std::errc() && end == text.data() + text.size() && width > 0) return sensible(width);
  }
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return sensible(size.ws_col);
  return TextStyle::kUnknownWidth;
}

TextStyle text_style(const OutputOptions& options) {
  TextStyle style;
  style.color = wants_color(options);
  style.width = terminal_width();
  style.markdown = options.format == "markdown";
  if (style.markdown) style.color = false;
  return style;
}

bool wants_progress(const OutputOptions& options) {
  return !options.quiet && !options.no_progress && ::isatty(STDERR_FILENO) == 1;
}

}  // namespace foretoken
