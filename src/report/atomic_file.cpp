// POSIX files with every failure reported by its system message.
#include "foretoken/report/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace foretoken {
namespace {

constexpr std::size_t kBufferSize = std::size_t{1} << 16;
constexpr mode_t kReadableByAll = 0644;

Diagnostics cannot_write(const std::string& path, int error) {
  Diagnostics problems;
  std::string hint;
  if (error == ENOENT) hint = "the folder must exist";
  if (error == ENOSPC || error == EDQUOT) hint = "the disk is full; nothing was left behind";
  problems.error({path, 0, 0}, fmt::format("cannot write: {}", std::generic_category().message(error)),
                 std::move(hint));
  return problems;
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::string& path) {
  AtomicFile file;
  file.path_ = path;
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) return cannot_write(path, EISDIR);
  if (exists && !S_ISREG(status.st_mode)) {
    file.descriptor_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    if (path.empty()) return cannot_write(path, ENOENT);
    file.temporary_ = path + ".XXXXXX";
    file.descriptor_ = ::mkstemp(file.temporary_.data());
    // mkstemp makes files private; results are for others to read, as with any tool.
    if (file.descriptor_ >= 0) ::fchmod(file.descriptor_, exists ? status.st_mode & 07777 : kReadableByAll);
  }
  if (file.descriptor_ < 0) {
    file.temporary_.clear();
    return cannot_write(path, errno);
  }
  file.buffer_.reserve(kBufferSize);
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      buffer_(std::exchange(other.buffer_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)),
      error_(other.error_) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this == &other) return *this;
  discard();
  path_ = std::move(other.path_);
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
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
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
  if (descriptor_ >= 0 && ::close(std::exchange(descriptor_, -1)) != 0 && error_ == 0) error_ = errno;
  if (error_ == 0 && !temporary_.empty()) {
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
      error_ = errno;
    } else {
      temporary_.clear();
    }
  }
  const int error = error_;
  discard();
  return error == 0 ? Diagnostics{} : cannot_write(path_, error);
}

Diagnostics write_file(const std::string& path, std::string_view text) {
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file) return file.error();
  file->write(text);
  return file->commit();
}

}  // namespace foretoken
