#include "builder/conversions.h"

#include "base/strings.h"
#include "builder/export_tar.h"
#include "codec/compress.h"
#include "images/progress.h"
#include "snapshot/diff_source.h"

namespace skiff::builder {

namespace {

// A layer's line is some 300 bytes.
constexpr size_t kMostRemembered = 4096;

bool is_usual(const std::optional<CompressForm>& form) { return !form || *form == CompressForm{}; }

// What images are packed as is no other conversion: a layer that some registry has plain stays so.
std::string packed_key(const Conversion& wanted) {
  return cat("packed ", wanted.layer.digest.str());
}

std::string key_of(const Conversion& wanted) {
  const CompressForm form = wanted.form.value_or(CompressForm{});
  return cat(wanted.layer.digest.str(), " ", static_cast<int>(form.compression), " ",
             form.level.value_or(-1), " ", wanted.newest ? unix_nanos(*wanted.newest) : -1);
}

}  // namespace

std::optional<Compression> compression_of(std::string_view media_type) {
  if (media_type.ends_with("gzip")) return Compression::kGzip;
  if (media_type.ends_with("zstd")) return Compression::kZstd;
  if (media_type.ends_with(".tar")) return Compression::kNone;
  return std::nullopt;
}

bool has_form(std::string_view media_type, const CompressForm& form) {
  return compression_of(media_type) == form.compression && !form.level;
}

std::optional<images::NewLayer> Conversions::find(const std::string& key) const {
  const std::scoped_lock lock(mutex_);
  const auto found = made_.find(key);
  return found == made_.end() ? std::nullopt : std::optional(found->second);
}

void Conversions::remember(const std::string& key, const images::NewLayer& made) {
  const std::scoped_lock lock(mutex_);
  if (made_.size() >= kMostRemembered) made_.clear();
  made_.insert_or_assign(key, made);
}

std::optional<oci::Descriptor> Conversions::known(const Conversion& wanted) const {
  const bool usual = is_usual(wanted.form);
  if (!usual && has_form(wanted.layer.media_type, *wanted.form)) return wanted.layer;
  const auto found = find(usual ? packed_key(wanted) : key_of(wanted));
  return found ? std::optional(found->descriptor) : std::nullopt;
}

Result<images::NewLayer> Conversions::convert(const Conversion& wanted, images::ImageLease& lease,
                                              const CancelToken& cancel) {
  content::ContentStore& store = images_.content();
  const std::string key = key_of(wanted);
  if (const auto found = find(key)) {
    TRY(lease.hold(found->descriptor.digest));
    const auto there = store.info(found->descriptor.digest);
    if (there && !there->damaged) return *found;
  }
  images::NewLayer made = TRY(make(wanted, lease, cancel));
  remember(key, made);
  return made;
}

Result<images::NewLayer> Conversions::make(const Conversion& wanted, images::ImageLease& lease,
                                           const CancelToken& cancel) {
  const auto reader = TRY(images_.content().open(wanted.layer.digest));
  const auto plain = TRY(open_decompressed(*reader));
  const CompressForm form = wanted.form.value_or(CompressForm{});
  if (!wanted.newest) {
    images::CancellableSource tar(*plain, cancel);
    return images_.add_layer(tar, lease, form);
  }
  snapshot::DiffSource rewritten(
      [&](Sink& to) -> Result<> {
        TarWriter tar(to);
        TRY(copy_tar(*plain, {.newest = wanted.newest}, tar));
        return tar.finish();
      },
      cancel);
  return images_.add_layer(rewritten, lease, form);
}

Result<oci::Descriptor> Conversions::pack(const Conversion& wanted, images::ImageLease& lease,
                                          const CancelToken& cancel) {
  if (!is_usual(wanted.form)) {
    if (has_form(wanted.layer.media_type, *wanted.form)) return wanted.layer;
    return TRY(convert(wanted, lease, cancel)).descriptor;
  }
  images::NewLayer made;
  made.descriptor = TRY(images_.pack_layer(wanted.layer, images::Pack::kNow, lease, cancel));
  remember(packed_key(wanted), made);
  return made.descriptor;
}

}  // namespace skiff::builder
