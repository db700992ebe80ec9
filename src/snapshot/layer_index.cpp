#include "snapshot/layer_index.h"

#include "base/strings.h"
#include "codec/erofs_writer.h"
#include "snapshot/overlay_format.h"

namespace skiff::snapshot {

namespace {

constexpr size_t kIndexBuffer = size_t{64} << 10U;

// Knows how much was read.
class CountedSource : public Source {
 public:
  explicit CountedSource(Source& from) : from_(from) {}
  Result<size_t> read(std::span<char> buffer) override {
    const size_t n = TRY(from_.read(buffer));
    count_ += n;
    return n;
  }
  Result<uint64_t> skip(uint64_t bytes) override {
    const uint64_t n = TRY(from_.skip(bytes));
    count_ += n;
    return n;
  }
  uint64_t count() const { return count_; }

 private:
  Source& from_;
  uint64_t count_ = 0;
};

Result<> read_entries(CountedSource& tar, LayerTree& layer, const CancelToken& cancel) {
  TarReader reader(tar);
  for (;;) {
    TRY(cancel.check());
    const TarEntry* entry = TRY(reader.next());
    if (entry == nullptr) break;
    TRY_CONTEXT(layer.add(*entry, reader.body_pieces()), cat("layer entry ", quoted(entry->name)));
    if (layer.wants_contents()) {
      layer.keep_contents(TRY(read_all(reader.body(), static_cast<size_t>(entry->size))));
    }
  }
  TRY(layer.add_late_links());
  // What follows the end mark is part of the stream whose digest somebody takes.
  std::string rest(kIndexBuffer, '\0');
  while (TRY(tar.read(rest)) > 0) TRY(cancel.check());
  return {};
}

}  // namespace

Result<> LayerIndexer::read(Source& tar, const CancelToken& cancel) {
  CountedSource counted(tar);
  TRY(read_entries(counted, layer_, cancel));
  archive_bytes_ = counted.count();
  return {};
}

Result<> LayerIndexer::hide(const std::set<std::string>& names) {
  for (const std::string& name : names) {
    const TarEntry whiteout{.name = cat(kWhiteoutPrefix, name)};
    TRY(layer_.add(whiteout, {}));
  }
  return {};
}

Result<LayerIndexed> LayerIndexer::write(const LayerPlace& place, Sink& index) {
  TRY(layer_.finish(place.lower));
  const ErofsOptions image{.source_size = archive_bytes_,
                           .read_source = place.read_archive,
                           .least_small_files = place.least_small_files,
                           .uuid = place.uuid};
  const ErofsWritten written = TRY(write_erofs(layer_.tree(), image, index));
  return LayerIndexed{
      .archive_bytes = archive_bytes_, .index_bytes = written.bytes, .inodes = written.inodes};
}

}  // namespace skiff::snapshot
