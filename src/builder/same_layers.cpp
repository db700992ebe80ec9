#include "builder/same_layers.h"

#include "codec/compress.h"
#include "codec/tar.h"

namespace skiff::builder {

namespace {

// A layer as it is read.
class OpenLayer {
 public:
  static Result<std::unique_ptr<OpenLayer>> open(content::ContentStore& store,
                                                 const StepResult& result) {
    auto blob = TRY(store.open(result.layer->blob.digest));
    auto plain = TRY(open_decompressed(*blob));
    return std::unique_ptr<OpenLayer>(new OpenLayer(result, std::move(blob), std::move(plain)));
  }
  TarReader& tar() { return tar_; }

  // Whether a file got this time because the step wrote it.
  bool is_fresh(TimePoint time) const {
    // Of whole seconds, where the layer has no finer ones; and the kernel's clock for files stays
    // behind by up to a tick.
    const auto began = std::chrono::floor<std::chrono::seconds>(result_.began - kTick);
    return began <= time && time <= result_.created;
  }

 private:
  static constexpr auto kTick = std::chrono::milliseconds(20);
  OpenLayer(const StepResult& result, std::unique_ptr<content::BlobReader> blob,
            std::unique_ptr<Source> plain)
      : result_(result), blob_(std::move(blob)), plain_(std::move(plain)), tar_(*plain_) {}

  const StepResult& result_;
  std::unique_ptr<content::BlobReader> blob_;
  std::unique_ptr<Source> plain_;
  TarReader tar_;
};

bool same_attributes(const TarEntry& one, const TarEntry& other) {
  return one.name == other.name && one.type == other.type && one.mode == other.mode &&
         one.uid == other.uid && one.gid == other.gid && one.size == other.size &&
         one.link_target == other.link_target && one.dev_major == other.dev_major &&
         one.dev_minor == other.dev_minor && one.xattrs == other.xattrs;
}

Result<bool> same_bodies(Source& one, Source& other, const CancelToken& cancel) {
  constexpr size_t kPiece = size_t{64} << 10U;
  std::string left(kPiece, '\0');
  std::string right(kPiece, '\0');
  for (;;) {
    TRY(cancel.check());
    const size_t n = TRY(read_full(one, left));
    const size_t m = TRY(read_full(other, right));
    if (std::string_view(left).substr(0, n) != std::string_view(right).substr(0, m)) return false;
    if (n == 0) return true;
  }
}

}  // namespace

Result<bool> same_layers(content::ContentStore& store, const StepResult& one,
                         const StepResult& other, Times times, const CancelToken& cancel) {
  const auto left = TRY(OpenLayer::open(store, one));
  const auto right = TRY(OpenLayer::open(store, other));
  for (;;) {
    const TarEntry* a = TRY(left->tar().next());
    const TarEntry* b = TRY(right->tar().next());
    if (a == nullptr || b == nullptr) return a == b;
    const bool same_time = times == Times::kNone || a->mtime == b->mtime ||
                           (left->is_fresh(a->mtime) && right->is_fresh(b->mtime));
    if (!same_time || !same_attributes(*a, *b)) return false;
    if (a->size > 0 && !TRY(same_bodies(left->tar().body(), right->tar().body(), cancel))) {
      return false;
    }
  }
}

}  // namespace skiff::builder
