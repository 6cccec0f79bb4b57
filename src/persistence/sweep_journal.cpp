// Appends one checked line per point and waits for the disk; the lock lives as long as the file is open.
#include "persistence/sweep_journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace foretoken {
namespace {

Diagnostics refusal(const std::string& path, std::string message, std::string hint = {}) {
  Diagnostics problems;
  problems.error({path, 0, 0}, std::move(message), std::move(hint));
  return problems;
}

std::string words(int error) {
  return std::generic_category().message(error);
}

// What differs, for people.
std::string difference(const SweepFileHead& there, const SweepFileHead& here) {
  const SweepIdentity& a = there.identity;
  const SweepIdentity& b = here.identity;
  if (a.version != b.version) return fmt::format("foretoken {}, this is {}", a.version, b.version);
  if (a.seed != b.seed) return fmt::format("seed {}, this run has {}", a.seed, b.seed);
  if (a.part_index != b.part_index || a.part_count != b.part_count)
    return fmt::format("shard {}/{}, this is {}/{}", a.part_index, a.part_count, b.part_index, b.part_count);
  return "another scenario or other axes";
}

}  // namespace

Result<SweepJournal> SweepJournal::open(const std::string& path, const SweepFileHead& head, Diagnostics& warnings) {
  constexpr mode_t kReadableByAll = 0644;
  SweepJournal journal;
  journal.path_ = path;
  journal.descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, kReadableByAll);
  if (journal.descriptor_ < 0) {
    const int error = errno;
    return refusal(path, "cannot open the journal: " + words(error), error == ENOENT ? "the folder must exist" : "");
  }
  struct stat status {};
  if (::fstat(journal.descriptor_, &status) != 0 || !S_ISREG(status.st_mode))
    return refusal(path, "a journal is a plain file");
  if (::flock(journal.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return refusal(path, "another run is writing this journal", "wait for it, or give this run a journal of its own");
    return refusal(path, "cannot lock the journal: " + words(errno));
  }
  if (Diagnostics problems = journal.read(head, warnings); problems.has_errors()) return problems;
  return journal;
}

SweepJournal::SweepJournal(SweepJournal&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      failed_(other.failed_),
      known_(std::move(other.known_)) {}

SweepJournal::~SweepJournal() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Diagnostics SweepJournal::read(const SweepFileHead& head, Diagnostics& warnings) {
  std::ifstream stream(path_, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream) return refusal(path_, "cannot be read");
  const std::string wanted = head_line(head);
  std::size_t whole = text.find('\n') + 1;  // 0 without a line break
  int number = 1;
  if (whole == 0) {
    // A head that was never finished is ours; anything else is somebody's file.
    if (!wanted.starts_with(text)) return refusal(path_, "is not a journal of a sweep", "give the name of a new file");
  } else {
    const auto there = parse_head_line(std::string_view(text).substr(0, whole - 1), {path_, 1, 0});
    if (!there)
      return refusal(path_, "is not a journal of a sweep, or its first line is damaged", "give the name of a new file");
    if (there->identity != head.identity || there->axes != head.axes) {
      return refusal(path_, "is the journal of another sweep: " + difference(*there, head),
                     "take the scenario and options it was begun with, or the name of a new file");
    }
    // A damaged line costs its own point; those behind the last whole one are taken off.
    int line = 1, damaged = 0, first_damaged = 0, until_whole = 0;
    for (std::size_t begin = whole, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      ++line;
      Result<StoredPoint> stored =
          parse_point_line(std::string_view(text).substr(begin, end - begin), head, {path_, line, 0});
      if (!stored) {
        if (++damaged == 1) first_damaged = line;
        continue;
      }
      known_.insert_or_assign(stored->index, std::move(stored->point));
      whole = end + 1;
      number = line;
      until_whole = damaged;
    }
    if (until_whole > 0)
      warnings.warning(
          {path_, first_damaged, 0},
          fmt::format("{} damaged lines in the journal, this one first: their points are run again", until_whole));
  }
  size_ = static_cast<std::int64_t>(whole);
  if (whole < text.size()) {
    if (whole > 0)
      warnings.warning({path_, number + 1, 0},
                       fmt::format("the journal is damaged from here on; {} whole points before it are kept, the rest "
                                   "is run again",
                                   known_.size()));
    if (::ftruncate(descriptor_, size_) != 0) return refusal(path_, "cannot be repaired: " + words(errno));
  }
  return whole == 0 ? append(wanted) : Diagnostics{};
}

Diagnostics SweepJournal::append(const std::string& line) {
  std::string_view rest = line;
  int error = 0;
  while (!rest.empty() && error == 0) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written >= 0)
      rest.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      error = errno;
  }
  if (error == 0 && ::fdatasync(descriptor_) != 0) error = errno;
  if (error == 0) {
    size_ += static_cast<std::int64_t>(line.size());
    return {};
  }
  // No torn line stays behind where that can be helped; if not, the next --resume drops it.
  failed_ = true;
  (void)!::ftruncate(descriptor_, size_);
  return refusal(path_, "cannot write the journal: " + words(error),
                 error == ENOSPC || error == EDQUOT ? "the disk is full; what the journal holds is kept" : "");
}

Diagnostics SweepJournal::add(std::size_t index, const SweepPoint& point) {
  if (failed_) return {};
  return append(point_line(index, point));
}

}  // namespace foretoken
