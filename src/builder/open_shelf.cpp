#include "builder/open_shelf.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "base/random.h"
#include "base/strings.h"
#include "builder/oci_layout.h"
#include "remote/registry_client.h"
#include "sys/root_dir.h"

namespace skiff::builder {

namespace {

constexpr size_t kMostRecords = size_t{64} << 20U;  // bytes of their document

// A directory with an OCI layout (OCI image-spec, image-layout.md). Who writes has it locked.
class LayoutShelf : public CacheShelf {
 public:
  LayoutShelf(content::ContentStore& store, OciLayout layout, std::string tag)
      : store_(store), layout_(std::move(layout)), tag_(std::move(tag)) {}

  Result<std::optional<std::string>> manifest() override {
    for (const oci::Descriptor& one : TRY(index()).manifests) {
      if (is_ours(one)) return std::optional(TRY(document(one)));
    }
    return std::optional<std::string>();
  }
  Result<std::string> document(const oci::Descriptor& blob) override {
    return layout_.document(blob, kMostRecords);
  }
  Result<> fetch(const oci::Descriptor& blob, content::Ingest& to) override {
    TRY(to.reset());
    return layout_.fetch(blob, to);
  }
  Result<> put(const oci::Descriptor& blob) override {
    const std::string path = OciLayout::path_of(blob.digest);
    if (auto there = root().stat(path); there) return {};
    const auto reader = TRY(store_.open(blob.digest));
    return write(path, *reader);
  }
  Result<> put_manifest(const oci::Manifest& manifest, const std::string& before) override {
    const UniqueFd lock = TRY(root().open_at("/", O_RDONLY | O_DIRECTORY));
    if (::flock(lock.get(), LOCK_EX) != 0) return Error::from_errno(errno, "lock cache directory");
    const auto now = TRY(this->manifest());
    if ((now ? oci::Digest::of(*now).str() : "") != before) {
      return Error(Code::kFailedPrecondition, "somebody else has written it");
    }
    TRY(write_text(OciLayout::path_of(manifest.descriptor().digest), manifest.raw));
    std::vector<oci::Descriptor> all = TRY(index()).manifests;
    std::erase_if(all, [&](const oci::Descriptor& one) { return is_ours(one); });
    all.push_back(manifest.descriptor());
    all.back().annotations[std::string(OciLayout::kRefName)] = tag_;
    TRY(write_text("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
    return write_text("index.json", oci::Index::make(oci::kMediaTypeIndex, std::move(all)).raw);
  }

 private:
  const sys::RootDir& root() const { return layout_.root(); }
  bool is_ours(const oci::Descriptor& one) const {
    const auto name = one.annotations.find(std::string(OciLayout::kRefName));
    return name != one.annotations.end() && name->second == tag_;
  }
  Result<oci::Index> index() {
    auto index = layout_.index();
    if (!index && index.error().code() == Code::kNotFound) return oci::Index();
    return index;
  }
  Result<> write_text(const std::string& path, std::string_view text) {
    StringSource source(text);
    return write(path, source);
  }
  // Whole or not at all.
  Result<> write(const std::string& path, Source& from) {
    constexpr size_t kDigits = 12;
    const sys::Place place = TRY(root().make_place(path));
    const sys::Place beside = TRY(root().make_place(cat(path, ".new-", random_hex(kDigits))));
    const UniqueFd out(::openat(beside.parent.get(), beside.name.c_str(),
                                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!out) return Error::from_errno(errno, cat("write ", path));
    FdSink sink(out.get());
    auto written = copy(from, sink);
    if (written && ::renameat(beside.parent.get(), beside.name.c_str(), place.parent.get(),
                              place.name.c_str()) == 0) {
      return {};
    }
    const int why = errno;
    ::unlinkat(beside.parent.get(), beside.name.c_str(), 0);
    if (!written) return std::move(written.error()).with_context(path);
    return Error::from_errno(why, cat("rename to ", path));
  }

  content::ContentStore& store_;
  OciLayout layout_;
  std::string tag_;
};

class RegistryShelf : public CacheShelf {
 public:
  RegistryShelf(content::ContentStore& store, remote::ClientOptions options, oci::Reference name,
                CancelToken cancel)
      : store_(store),
        client_(std::move(options)),
        name_(std::move(name)),
        cancel_(std::move(cancel)) {}

  Result<std::optional<std::string>> manifest() override {
    auto found = client_.fetch_manifest(name_, cancel_);
    if (found) return std::optional(std::move(found->bytes));
    if (found.error().code() == Code::kNotFound) return std::optional<std::string>();
    return std::move(found.error());
  }
  Result<std::string> document(const oci::Descriptor& blob) override {
    if (oci::is_manifest_type(blob.media_type)) {
      const oci::Reference manifest = name_.with_digest(blob.digest);
      return TRY(client_.fetch_manifest(manifest, cancel_)).bytes;
    }
    if (blob.size > kMostRecords)
      return Error(Code::kResourceExhausted, "its records are too many");
    auto ingest = TRY(store_.ingest(""));
    TRY(fetch(blob, *ingest));
    TRY(store_.commit(*ingest, blob.digest));
    return content::read_blob(store_, blob.digest, kMostRecords);
  }
  Result<> fetch(const oci::Descriptor& blob, content::Ingest& to) override {
    return client_.fetch_blob(name_, blob, to, {}, cancel_);
  }
  Result<> put(const oci::Descriptor& blob) override {
    TRY(client_.push_blob(name_, blob, store_, "", {}, cancel_));
    return {};
  }
  Result<> put_manifest(const oci::Manifest& manifest, const std::string& before) override {
    TRY(client_.push_manifest(name_, manifest.raw, manifest.media_type, cancel_,
                              remote::Swap{before}));
    return {};
  }

 private:
  content::ContentStore& store_;
  remote::RegistryClient client_;
  oci::Reference name_;
  CancelToken cancel_;
};

// An image of the image store, which is read, and whose blobs are all here.
class ImageShelf : public CacheShelf {
 public:
  ImageShelf(content::ContentStore& store, oci::Descriptor target,
             std::unique_ptr<images::ImageLease> lease)
      : store_(store), target_(std::move(target)), lease_(std::move(lease)) {}

  Result<std::optional<std::string>> manifest() override {
    return std::optional(TRY(document(target_)));
  }
  Result<std::string> document(const oci::Descriptor& blob) override {
    return content::read_blob(store_, blob.digest, kMostRecords);
  }
  Result<> fetch(const oci::Descriptor& blob, content::Ingest& /*to*/) override {
    return Error(Code::kNotFound, cat("blob ", blob.digest.str(), " of the image is not here"));
  }
  Result<> put(const oci::Descriptor& /*blob*/) override { return is_read(); }
  Result<> put_manifest(const oci::Manifest& /*manifest*/, const std::string& /*before*/) override {
    return is_read();
  }

 private:
  static Result<> is_read() {
    return Error(Code::kInvalidArgument, "no cache is written to an image that is here");
  }

  content::ContentStore& store_;
  oci::Descriptor target_;
  std::unique_ptr<images::ImageLease> lease_;
};

// nullptr where there is no such image, but another place to look.
Result<std::shared_ptr<CacheShelf>> shelf_of_image(Site& site, const CachePlace& place) {
  auto lease = TRY(site.images.lease());
  auto image = site.images.find_held(place.image, std::nullopt, *lease);
  if (image) {
    return std::make_shared<ImageShelf>(site.images.content(), image->target, std::move(lease));
  }
  if (place.reference) return std::shared_ptr<CacheShelf>();
  return std::move(image.error());
}

}  // namespace

std::string text_of(const CachePlace& place) {
  if (place.shelf) return "the client";
  if (!place.image.empty()) return place.image;
  return place.reference ? place.reference->familiar() : cat("directory, ", place.tag);
}

Result<std::shared_ptr<CacheShelf>> open_shelf(Site& site, const BuildRequest& request,
                                               const CachePlace& place, const CancelToken& cancel) {
  if (place.shelf) return place.shelf;
  if (!place.image.empty()) {
    if (auto shelf = TRY(shelf_of_image(site, place))) return shelf;
  }
  content::ContentStore& store = site.images.content();
  if (!place.reference) {
    return std::make_shared<LayoutShelf>(store, TRY(OciLayout::open(place.directory)), place.tag);
  }
  remote::ClientOptions options = site.options.client;
  auto credentials = TRY(request.credentials_of(place.reference->domain()));
  if (credentials) options.credentials = std::move(*credentials);
  return std::make_shared<RegistryShelf>(store, std::move(options),
                                         place.reference->with_default_tag(), cancel);
}

}  // namespace skiff::builder
