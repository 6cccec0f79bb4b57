// A file that appears complete or not at all: written as FILE.foretoken-part in the same folder and
// renamed at the end. What a killed run left there is used up by the next one that writes FILE.
#pragma once

#include <string>
#include <string_view>

#include "foretoken/base/result.hpp"

namespace foretoken {

class AtomicFile {
 public:
  // Errors: no such folder, no permission, path is a folder. Devices, pipes and own descriptors
  // (/dev/stdout) are written in place; a link stays, and what it points to is replaced.
  [[nodiscard]] static Result<AtomicFile> create(const std::string& path);
  // Whether create() can do it, without a trace: a pipe is not opened, its reader would see the end.
  [[nodiscard]] static Diagnostics check(const std::string& path);

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();  // without commit(): leaves nothing behind

  // Buffered. After a failure (disk full) the rest is dropped and commit() tells.
  void write(std::string_view text);
  // Empty = the file is there.
  [[nodiscard]] Diagnostics commit();

 private:
  AtomicFile() = default;
  void flush();
  void discard();

  std::string path_;
  std::string target_;     // what the path's links lead to
  std::string temporary_;  // empty when written in place
  std::string buffer_;
  int descriptor_ = -1;
  int error_ = 0;
};

// Whether files can be made in a folder that exists.
[[nodiscard]] bool can_write_into(const std::string& folder);

// Writes `text` as the whole file.
[[nodiscard]] Diagnostics write_file(const std::string& path, std::string_view text);

}  // namespace foretoken
