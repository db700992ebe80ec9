// For tests: an index and its data as files, mounted.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "codec/erofs_writer.h"
#include "sys/erofs_mount.h"
#include "sys/mounts.h"
#include "sys/root_dir.h"

namespace skiff::snapshot {

// Mounted for as long as it lives; no mount point is needed.
class MountedIndex {
 public:
  MountedIndex(std::string_view index, std::string_view data) {
    EXPECT_TRUE(write_file(dir_.path() / "index", index));
    EXPECT_TRUE(write_file(dir_.path() / "data", data));
    auto mounted = sys::mount_erofs(dir_.path() / "index", dir_.path() / "data");
    EXPECT_TRUE(mounted) << mounted.error().message();
    if (mounted) root_ = std::move(*mounted);
  }
  Path path() const { return sys::fd_path(root_.get()); }

 private:
  TempDir dir_ = *TempDir::make("/var/tmp", "skiff-index-");  // on a disk
  UniqueFd root_;
};

inline std::string index_of(const ErofsTree& tree, std::string_view data) {
  const auto read = [&](uint64_t offset, std::span<char> buffer) -> Result<> {
    std::ranges::copy(data.substr(offset, buffer.size()), buffer.begin());
    return {};
  };
  StringSink sink;
  auto written = write_erofs(tree, {.source_size = data.size(), .read_source = read}, sink);
  EXPECT_TRUE(written) << written.error().message();
  return sink.take();
}

// A read-only overlay mount of directories, topmost first; detached.
inline UniqueFd overlay_of(const std::vector<Path>& lowers) {
  sys::FilesystemOptions wanted{.type = "overlay", .source = "overlay"};
  for (const Path& lower : lowers) wanted.options.emplace_back("lowerdir+", lower.native());
  auto mounted = sys::new_filesystem(wanted);
  EXPECT_TRUE(mounted) << mounted.error().message();
  return mounted ? std::move(*mounted) : UniqueFd();
}

}  // namespace skiff::snapshot
