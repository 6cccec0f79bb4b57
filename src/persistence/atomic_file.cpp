// POSIX files with every failure reported by its system message.
#include "persistence/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace foretoken {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBufferSize = std::size_t{1} << 16;
constexpr mode_t kReadableByAll = 0666;  // less what the umask takes away

Diagnostics cannot_write(const std::string& path, int error) {
  Diagnostics problems;
  std::string hint;
  if (error == ENOENT) hint = "the folder must exist";
  if (error == ENOSPC || error == EDQUOT) hint = "the disk is full; nothing was left behind";
  if (error == EFBIG) hint = "the limit of the size of files is reached; nothing was left behind";
  problems.error({path, 0, 0}, fmt::format("cannot write: {}", std::generic_category().message(error)),
                 std::move(hint));
  return problems;
}

// /dev/fd/3 or /proc/self/fd/3: the descriptor itself, whose place in its file another open() would lose.
std::optional<int> own_descriptor(const fs::path& path) {
  const std::string name = path.filename().string();
  int number = -1;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (failed != std::errc{} || end != name.data() + name.size() || number < 0) return std::nullopt;
  std::error_code error;
  const fs::path folder = fs::canonical(path.parent_path().empty() ? "." : path.parent_path(), error);
  if (error || folder != fs::canonical("/proc/self/fd", error) || error) return std::nullopt;
  return number;
}

// Where writing ends up.
struct Place {
  fs::path path;
  std::optional<int> descriptor;
};

Place behind_links(const std::string& path) {
  constexpr int kMostLinks = 40;  // as the kernel
  Place place{path, own_descriptor(path)};
  std::error_code error;
  for (int i = 0; i < kMostLinks && !place.descriptor && fs::is_symlink(place.path, error); ++i) {
    const fs::path next = fs::read_symlink(place.path, error);
    if (error) break;
    place.path = next.is_absolute() ? next : place.path.parent_path() / next;
    place.descriptor = own_descriptor(place.path);
  }
  return place;
}

// The same for every run, so that what a killed one left behind is found again.
std::string part_name(const fs::path& path, int number) {
  constexpr std::size_t kLongestName = 255;
  std::string ending = ".foretoken-part";
  if (number > 0) ending += fmt::format("-{}", number);
  return (path.parent_path() / (path.filename().string().substr(0, kLongestName - ending.size()) + ending)).string();
}

// An empty file of this name, locked for as long as it is open; or -1 with errno, which is EWOULDBLOCK when another
// run is writing it.
int open_part(const std::string& name) {
  constexpr int kMostTries = 100;
  for (int i = 0; i < kMostTries; ++i) {
    const int descriptor =
        ::open(name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, kReadableByAll);
    if (descriptor < 0) return -1;
    struct stat opened {
    }, named{};
    if (::fstat(descriptor, &opened) != 0 || !S_ISREG(opened.st_mode) || ::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      ::close(descriptor);
      errno = EWOULDBLOCK;
      return -1;
    }
    // Its writer may have renamed it before it let go of the lock.
    const bool same =
        ::stat(name.c_str(), &named) == 0 && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
    if (same && named.st_size == 0) return descriptor;
    if (same) ::unlink(name.c_str());  // left behind
    ::close(descriptor);
  }
  errno = EWOULDBLOCK;
  return -1;
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  constexpr int kMostWriters = 100;
  if (path.empty()) return cannot_write(path, ENOENT);
  const Place place = behind_links(path);
  AtomicFile file;
  file.path_ = path;
  file.target_ = place.path.string();
  struct stat status {};
  const bool exists = ::stat(file.target_.c_str(), &status) == 0;
  if (place.descriptor) {
    file.descriptor_ = ::fcntl(*place.descriptor, F_DUPFD_CLOEXEC, 3);
  } else if (exists && S_ISDIR(status.st_mode)) {
    return cannot_write(path, EISDIR);
  } else if (exists && !S_ISREG(status.st_mode)) {
    file.descriptor_ = ::open(file.target_.c_str(), O_WRONLY | O_CLOEXEC);
  } else if (exists && ::access(file.target_.c_str(), W_OK) != 0) {
    return cannot_write(path, errno);
  } else {
    errno = EWOULDBLOCK;
    for (int i = 0; i < kMostWriters && file.descriptor_ < 0 && errno == EWOULDBLOCK; ++i) {
      file.temporary_ = part_name(place.path, i);
      file.descriptor_ = open_part(file.temporary_);
    }
    if (file.descriptor_ >= 0 && exists) ::fchmod(file.descriptor_, status.st_mode & 07777);
  }
  if (file.descriptor_ < 0) {
    file.temporary_.clear();
    return cannot_write(path, errno);
  }
  file.buffer_.reserve(kBufferSize);
  return file;
}

Diagnostics AtomicFile::check(const std::string& path) {
  const Place place = behind_links(path);
  struct stat status {};
  const bool in_place =
      ::stat(place.path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
  if (in_place && !place.descriptor)
    return ::access(place.path.c_str(), W_OK) == 0 ? Diagnostics{} : cannot_write(path, errno);
  const Result<AtomicFile> file = create(path);
  return file ? Diagnostics{} : file.error();
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      buffer_(std::exchange(other.buffer_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)),
      error_(other.error_) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this == &other) return *this;
  discard();
  path_ = std::move(other.path_);
  target_ = std::move(other.target_);
  temporary_ = std::exchange(other.temporary_, {});
  buffer_ = std::exchange(other.buffer_, {});
  descriptor_ = std::exchange(other.descriptor_, -1);
  error_ = other.error_;
  return *this;
}

AtomicFile::~AtomicFile() {
  discard();
}

void AtomicFile::discard() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());  // while it is locked: then it is nobody else's
  temporary_.clear();
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

void AtomicFile::write(std::string_view text) {
  buffer_.append(text);
  if (buffer_.size() >= kBufferSize) flush();
}

void AtomicFile::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty() && error_ == 0) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  buffer_.clear();
}

Diagnostics AtomicFile::commit() {
  flush();
  // Some file systems tell of a failed write when the file is closed; the lock stays with the descriptor itself.
  const int other = descriptor_ >= 0 ? ::dup(descriptor_) : -1;
  if (other >= 0 && ::close(other) != 0 && error_ == 0) error_ = errno;
  if (error_ == 0 && !temporary_.empty()) {
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
      error_ = errno;
    } else {
      temporary_.clear();
    }
  }
  const int error = error_;
  discard();
  return error == 0 ? Diagnostics{} : cannot_write(path_, error);
}

bool can_write_into(const std::string& folder) {
  return ::access(folder.c_str(), W_OK | X_OK) == 0;
}

Diagnostics write_file(const std::string& path, std::string_view text) {
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file) return file.error();
  file->write(text);
  return file->commit();
}

}  // namespace foretoken
