#include "snapshot/indexed_layer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/random.h"
#include "base/strings.h"
#include "codec/hash.h"
#include "snapshot/file_attributes.h"
#include "snapshot/layer_directory.h"
#include "snapshot/lower_dir.h"
#include "snapshot/overlay_format.h"

namespace skiff::snapshot {

namespace {

constexpr size_t kStep = size_t{256} << 10U;

// Passes on what it reads and writes it to a file, in large pieces whatever it is asked for.
class CopyingSource : public Source {
 public:
  CopyingSource(Source& from, int file) : from_(from), to_(file) {}

  Result<size_t> read(std::span<char> buffer) override {
    if (given_ == filled_) TRY(fill());
    const size_t n = std::min(buffer.size(), filled_ - given_);
    std::copy_n(buffer_.get() + given_, n, buffer.data());
    given_ += n;
    return n;
  }

 private:
  Result<> fill() {
    filled_ = given_ = 0;
    const size_t n = TRY(read_full(from_, {buffer_.get(), kStep}));
    TRY(to_.write({buffer_.get(), n}));
    filled_ = n;
    return {};
  }

  Source& from_;
  FdSink to_;
  std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kStep);
  size_t given_ = 0;
  size_t filled_ = 0;
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
