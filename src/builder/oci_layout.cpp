#include "builder/oci_layout.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/strings.h"

namespace skiff::builder {

Result<OciLayout> OciLayout::open(const Path& directory) {
  return OciLayout(TRY(sys::RootDir::open(directory)));
}

std::string OciLayout::path_of(const oci::Digest& digest) {
  return cat("blobs/", digest.algorithm_name(), "/", digest.hex());
}

Result<oci::Index> OciLayout::index() const {
  constexpr size_t kMost = size_t{4} << 20U;
  const std::string text = TRY(root_.read_file("index.json", kMost));
  return oci::Index::parse(text).context("index.json");
}

Result<std::string> OciLayout::document(const oci::Descriptor& what, size_t most) const {
  std::string text = TRY(root_.read_file(path_of(what.digest), most));
  const auto actual = oci::Digest::of(text, what.digest.algorithm());
  if (actual == what.digest) return text;
  return Error(Code::kDataLoss, cat("blob ", what.digest.str(), " is ", actual.str()));
}

Result<> OciLayout::fetch(const oci::Descriptor& what, content::Ingest& to) const {
  // Who opens a pipe waits for its writer.
  const UniqueFd file =
      TRY(root_.open_at(path_of(what.digest), O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
  struct stat st{};
  if (::fstat(file.get(), &st) != 0) return Error::from_errno(errno, "stat");
  if (!S_ISREG(st.st_mode)) {
    return Error(Code::kInvalidArgument, cat(path_of(what.digest), " is no file"));
  }
  FdSource source(file.get());
  TRY(copy(source, to));
  return {};
}

namespace {

class Importer {
 public:
  Importer(images::ImageStore& images, OciLayout layout, images::ImageLease& lease,
           const CancelToken& cancel)
      : images_(images), layout_(std::move(layout)), lease_(lease), cancel_(cancel) {}

  // The manifest or index that the reference names.
  Result<oci::Descriptor> choose(const std::string& reference) {
    const auto index = TRY_CONTEXT(layout_.index(), "it is no OCI layout");
    std::vector<std::string> names;
    for (const oci::Descriptor& one : index.manifests) {
      const auto found = one.annotations.find(std::string(OciLayout::kRefName));
      const std::string name = found == one.annotations.end() ? "" : found->second;
      // Some tools write the tag there, others the whole name.
      const bool is_named =
          !reference.empty() && (name == reference || name.ends_with(cat(":", reference)));
      if (one.digest.str() == reference || is_named) return one;
      if (!name.empty()) names.push_back(name);
    }
    if (reference.empty() && index.manifests.size() == 1) return index.manifests.front();
    if (reference.empty()) {
      return invalid_argument(
          cat("it has ", index.manifests.size(), " images: name one of [", join(names, " "), "]"));
    }
    return Error(Code::kNotFound,
                 cat("no image is called ", reference, ", only [", join(names, " "), "]"));
  }

  Result<oci::Descriptor> manifest_of(oci::Descriptor target, const oci::Platform& platform) {
    while (oci::is_index_type(target.media_type)) {
      const auto index = TRY(oci::Index::parse(TRY(layout_.document(target)), target.media_type));
      const oci::Descriptor* best = index.choose(platform);
      if (best == nullptr) {
        return Error(Code::kNotFound, cat("no image for ", platform.str()));
      }
      target = *best;
    }
    return target;
  }

  Result<> import(const oci::Descriptor& target) {
    const auto manifest =
        TRY(oci::Manifest::parse(TRY(layout_.document(target)), target.media_type));
    TRY(add(manifest.config));
    for (const oci::Descriptor& layer : manifest.layers) TRY(add(layer));
    return add(target);
  }

 private:
  Result<> add(const oci::Descriptor& what) {
    TRY(cancel_.check());
    auto& content = images_.content();
    TRY(lease_.hold(what.digest));
    if (content.info(what.digest)) return {};
    const auto ingest = TRY(content.ingest(""));
    TRY(layout_.fetch(what, *ingest));
    TRY(content.commit(*ingest, what.digest, &lease_));
    return {};
  }

  images::ImageStore& images_;
  OciLayout layout_;
  images::ImageLease& lease_;
  const CancelToken& cancel_;
};

}  // namespace

Result<images::Image> import_layout(images::ImageStore& images, const LayoutContext& layout,
                                    const std::optional<oci::Platform>& platform,
                                    images::ImageLease& lease, const CancelToken& cancel) {
  OciLayout files = TRY(OciLayout::open(layout.layout.directory));
  Importer importer(images, std::move(files), lease, cancel);
  const oci::Descriptor named = TRY(importer.choose(layout.reference));
  const oci::Descriptor manifest =
      TRY(importer.manifest_of(named, platform.value_or(oci::Platform::host())));
  TRY(importer.import(manifest));
  auto found = TRY(images.platforms_of(manifest));
  if (found.empty()) return invalid_argument("its image cannot be read");
  TRY(lease.hold_image(found.front()));
  return std::move(found.front());
}

}  // namespace skiff::builder
