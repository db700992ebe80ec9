// Files as the rest of Skiff needs them: whole reads, and writes that survive a
// power cut. Every durable write goes through the DurableFiles seam, so that tests
// can make any step of it fail.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace skiff {

using Path = std::filesystem::path;

Result<UniqueFd> open_file(const Path& path, int flags, mode_t mode = 0);
// The file's bytes; fails with kResourceExhausted beyond `limit`.
Result<std::string> read_file(const Path& path, size_t limit = size_t{64} << 20U);
// Where the symlink `name` of an open directory leads.
Result<std::string> read_link_at(int directory, const std::string& name);
// Writes in place, not durably: for /proc, /sys and cgroup files.
Result<> write_file(const Path& path, std::string_view bytes);
// Creates `path` and its parents with `mode`; existing directories are left as they are.
Result<> make_directories(const Path& path, mode_t mode = 0711);
// Removes a tree; a missing one is success. Never crosses into a mount.
Result<> remove_tree(const Path& path);

// The four steps of a durable write. Thread-safe.
class DurableFiles {
 public:
  virtual ~DurableFiles() = default;
  virtual Result<> sync_file(int fd) = 0;
  virtual Result<> rename(const Path& from, const Path& to) = 0;
  virtual Result<> sync_directory(const Path& directory) = 0;
  virtual Result<> unlink(const Path& path) = 0;

  static DurableFiles& system();
};

// Replaces `path` by `bytes`, atomically and durably: temp file in the same
// directory, fsync, rename, fsync of the directory.
Result<> write_file_durably(const Path& path, std::string_view bytes, mode_t mode = 0600,
                            DurableFiles& files = DurableFiles::system());

// A directory of its own under `parent` that is removed, with all in it, on destruction.
class TempDir {
 public:
  static Result<TempDir> make(const Path& parent, std::string_view prefix);
  TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempDir& operator=(TempDir&& other) noexcept;
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  const Path& path() const { return path_; }
  // Gives up ownership: the directory stays.
  Path release() { return std::exchange(path_, {}); }

 private:
  explicit TempDir(Path path) : path_(std::move(path)) {}
  Path path_;
};

}  // namespace skiff
