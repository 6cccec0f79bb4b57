// The journal of a sweep: a file to which every finished point is added at once, so that a run that
// was killed goes on where it stood.
#pragma once

#include <map>
#include <string>

#include "persistence/sweep_store.hpp"

namespace foretoken {

class SweepJournal {
 public:
  // Creates the file, or takes its points up. A line that is damaged or cut off is left out, which
  // `warnings` says. Errors: no such folder, another run writes it, another sweep's journal, some other file.
  [[nodiscard]] static Result<SweepJournal> open(const std::string& path, const SweepFileHead& head,
                                                 Diagnostics& warnings);

  SweepJournal(const SweepJournal&) = delete;
  SweepJournal& operator=(const SweepJournal&) = delete;
  SweepJournal(SweepJournal&& other) noexcept;
  SweepJournal& operator=(SweepJournal&&) = delete;
  ~SweepJournal();

  [[nodiscard]] const std::map<std::size_t, SweepPoint>& known() const { return known_; }

  // On disk when it returns. After a failure (disk full), which is told once, nothing more is added; the
  // file keeps the points before.
  [[nodiscard]] Diagnostics add(std::size_t index, const SweepPoint& point);

 private:
  SweepJournal() = default;
  [[nodiscard]] Diagnostics read(const SweepFileHead& head, Diagnostics& warnings);
  [[nodiscard]] Diagnostics append(const std::string& line);

  std::string path_;
  int descriptor_ = -1;    // locked
  std::int64_t size_ = 0;  // of what is whole
  bool failed_ = false;
  std::map<std::size_t, SweepPoint> known_;
};

}  // namespace foretoken
