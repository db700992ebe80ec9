// Any bytes as a layer: an index that the kernel mounts and in which every name can be read, or
// an error and nothing written. Checksums of headers are made right first, or no change of a
// header would get past them. Without root nothing is mounted.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/strings.h"
#include "snapshot/layer_index.h"
#include "sys/erofs_mount.h"
#include "sys/root_dir.h"

namespace {

using skiff::Path;

constexpr size_t kBlock = 512;

void repair_checksums(std::string& tar) {
  for (size_t at = 0; at + kBlock <= tar.size();) {
    char* header = tar.data() + at;
    std::memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(header[i]);
    if (sum == 8 * ' ') {  // the end mark
      std::memset(header + 148, 0, 8);
      return;
    }
    std::snprintf(header + 148, 8, "%06o", sum);
    const auto size = skiff::parse_uint(std::string(header + 124, 11).c_str(), 8);
    if (!size || *size > tar.size()) return;
    at += kBlock + (*size + kBlock - 1) / kBlock * kBlock;
  }
}

void must(bool good, const Path& path, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s: %s: %s\n", path.c_str(), what, std::strerror(errno));
  std::abort();
}

void read_entry(const Path& path) {
  struct stat st{};
  must(::lstat(path.c_str(), &st) == 0, path, "stat");
  char buffer[8192];
  must(::llistxattr(path.c_str(), nullptr, 0) >= 0, path, "attributes");
  if (S_ISLNK(st.st_mode))
    must(::readlink(path.c_str(), buffer, sizeof buffer) > 0, path, "target");
  if (!S_ISREG(st.st_mode)) return;
  const skiff::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  must(static_cast<bool>(fd), path, "open");
  for (const off_t offset : {off_t{0}, st.st_size / 2, st.st_size - 4096}) {
    if (offset < 0) continue;
    const off_t left = std::min<off_t>(st.st_size - offset, sizeof buffer);
    must(::pread(fd.get(), buffer, sizeof buffer, offset) == left, path, "read");
  }
}

// On a disk: EROFS mounts no file of a tmpfs.
skiff::UniqueFd nameless_file(std::string_view bytes) {
  skiff::UniqueFd fd(::open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  must(fd && skiff::FdSink(fd.get()).write(bytes), "/var/tmp", "write");
  return fd;
}

void read_mounted(std::string_view index, std::string_view tar) {
  const skiff::UniqueFd index_file = nameless_file(index);
  const skiff::UniqueFd tar_file = nameless_file(tar);
  auto root = skiff::sys::mount_erofs(skiff::sys::fd_path(index_file.get()),
                                      skiff::sys::fd_path(tar_file.get()));
  if (!root && root.error().code() == skiff::Code::kPermissionDenied) return;
  must(root.has_value(), "mount", root ? "" : root.error().message().c_str());
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(skiff::sys::fd_path(root->get()))) {
    read_entry(entry.path());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, size_t size) {
  if (size > size_t{256} << 10U) return 0;
  std::string tar(data, size);
  repair_checksums(tar);
  skiff::StringSource source(tar);
  skiff::StringSink index;
  skiff::snapshot::LayerIndexer indexer({});
  if (!indexer.read(source, {})) return 0;
  skiff::snapshot::LayerPlace place;
  place.read_archive = [&](uint64_t offset, std::span<char> buffer) -> skiff::Result<> {
    must(offset + buffer.size() <= tar.size(), "archive", "read beyond its end");
    std::memcpy(buffer.data(), tar.data() + offset, buffer.size());
    return {};
  };
  const auto done = indexer.write(place, index);
  must(done.has_value() || index.text().empty(), "index", "written in spite of an error");
  if (done) read_mounted(index.text(), tar);
  return 0;
}
