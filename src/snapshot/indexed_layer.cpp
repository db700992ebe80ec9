#include "snapshot/indexed_layer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/random.h"
#include "base/streamed_file.h"
#include "base/strings.h"
#include "codec/hash.h"
#include "snapshot/file_attributes.h"
#include "snapshot/layer_directory.h"
#include "snapshot/lower_dir.h"
#include "snapshot/overlay_format.h"

namespace skiff::snapshot {

namespace {

// As much is made at once as stays in a core's own cache.
constexpr size_t kStep = size_t{256} << 10U;

// Passes on what it reads and writes it to a file.
class CopyingSource : public Source {
 public:
  CopyingSource(Source& from, int file) : from_(from), to_(file) {}

  Result<size_t> read(std::span<char> buffer) override {
    if (made_.empty()) TRY(fill());
    const size_t n = std::min(buffer.size(), made_.size());
    std::memcpy(buffer.data(), made_.data(), n);
    made_ = made_.subspan(n);
    return n;
  }
  Result<uint64_t> skip(uint64_t bytes) override {
    uint64_t left = bytes;
    while (left > 0) {
      if (made_.empty()) TRY(fill());
      if (made_.empty()) break;
      const size_t n = std::min<uint64_t>(left, made_.size());
      made_ = made_.subspan(n);
      left -= n;
    }
    return bytes - left;
  }
  Result<> finish() { return to_.finish(); }

 private:
  Result<> fill() {
    std::span<char> room = TRY(to_.room());
    room = room.first(std::min(room.size(), kStep));
    made_ = room.first(TRY(read_full(from_, room)));
    to_.advance(made_.size());
    return {};
  }

  Source& from_;
  StreamedFile to_;
  std::span<const char> made_;  // and not passed on yet
};

// Hashes what is written to a file.
class HashedFile : public Sink {
 public:
  explicit HashedFile(int file) : to_(file) {}

  Result<> write(std::string_view bytes) override {
    hasher_.update(bytes);
    return to_.write(bytes);
  }
  std::string hex() const { return hasher_.hex(); }

 private:
  FdSink to_;
  Hasher hasher_;
};

Result<> read_at(int file, uint64_t offset, std::span<char> buffer) {
  while (!buffer.empty()) {
    const ssize_t n = ::pread(file, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "read layer.tar");
    if (n == 0) return Error(Code::kDataLoss, "layer.tar ends early");
    buffer = buffer.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

Result<std::optional<ErofsAttributes>> attributes_of(const LowerDir& directory) {
  if (directory.empty()) return std::nullopt;
  struct stat st{};
  if (::fstat(directory.top(), &st) != 0) return Error::from_errno(errno, "stat");
  ErofsAttributes out{.mode = st.st_mode & 07777U,
                      .uid = st.st_uid,
                      .gid = st.st_gid,
                      .mtime = time_of(st.st_mtim)};
  out.xattrs = TRY(read_xattrs(directory.top(), "."));
  return out;
}

std::array<uint8_t, 16> new_uuid() {
  std::array<uint8_t, 16> uuid{};
  std::ranges::copy(random_bytes(uuid.size()), uuid.begin());
  return uuid;
}

}  // namespace

Result<std::unique_ptr<IndexedLayer>> IndexedLayer::read(Source& tar, const Path& directory,
                                                         const LayerTreeOptions& options,
                                                         DurableFiles& files,
                                                         const CancelToken& cancel) {
  UniqueFd file = TRY(open_file(directory / kTarName, O_RDWR | O_CREAT | O_EXCL, 0600));
  std::unique_ptr<IndexedLayer> layer(new IndexedLayer(directory, std::move(file), options, files));
  CopyingSource copied(tar, layer->tar_.get());
  TRY(layer->index_.read(copied, cancel));
  TRY_CONTEXT(copied.finish(), "layer.tar");
  TRY(files.sync_file(layer->tar_.get()));
  return layer;
}

Result<FdSource> IndexedLayer::tar() {
  if (::lseek(tar_.get(), 0, SEEK_SET) != 0) return Error::from_errno(errno, "seek in layer.tar");
  return FdSource(tar_.get());
}

Result<std::string> IndexedLayer::write_index(const std::vector<Path>& lowers) {
  const LowerDir below = TRY(LowerDir::open(lowers));
  // Overlayfs ignores the opaque attribute of a layer's root: each name below is hidden instead.
  if (index_.hides_all_below()) TRY(index_.hide(TRY(below.names())));
  const LayerPlace place{
      .lower = [&](const std::string& path) -> Result<std::optional<ErofsAttributes>> {
        if (below.empty()) return std::nullopt;
        if (path.empty()) return attributes_of(below);
        return attributes_of(TRY(below.descend_path(path)));
      },
      .uuid = new_uuid(),
      .read_archive = [this](
                          uint64_t offset,
                          std::span<char> buffer) { return read_at(tar_.get(), offset, buffer); }};
  const UniqueFd file = TRY(open_file(directory_ / kIndexName, O_WRONLY | O_CREAT | O_EXCL, 0600));
  HashedFile sink(file.get());
  TRY(index_.write(place, sink));
  TRY(files_.sync_file(file.get()));
  return sink.hex();
}

}  // namespace skiff::snapshot
