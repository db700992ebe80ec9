#include "images/save.h"

#include <algorithm>

#include "base/strings.h"
#include "codec/tar.h"
#include "images/archive_format.h"
#include "images/holding.h"
#include "images/progress.h"

namespace skiff::images {

namespace {

class Save {
 public:
  // `platforms`: the only ones; without any, all that are here.
  Save(Parts& parts, ImageFinder& finder, ArchiveForm form,
       std::span<const oci::Platform> platforms, const CancelToken& cancel)
      : parts_(parts), finder_(finder), form_(form), platforms_(platforms), cancel_(cancel) {}

  Result<> add(const std::string& name) {
    // As `docker save` has it, a bare repository means all its tags.
    const auto parsed = oci::Reference::parse(name);
    if (parsed && parsed->tag().empty() && !parsed->digest()) {
      const auto tags = TRY(parts_.catalog.tags_in(parsed->repository()));
      for (const oci::Reference& tag : tags) {
        TRY(add_target(TRY(look_up_held(tag.familiar())), tag));
      }
      if (!tags.empty()) return {};
    }
    const ImageFinder::Found found = TRY(look_up_held(name));
    const bool has_tag = !found.by_id && !found.name.digest();
    return add_target(found, has_tag ? std::optional(found.name) : std::nullopt);
  }

  // What the caller holds, once for each name; without any, once.
  Result<> add(const oci::Descriptor& target, std::span<const oci::Reference> names) {
    ImageFinder::Found found;
    found.row.target = target;
    annotations_ = target.annotations;
    found.present = TRY(parts_.reader.present(target));
    if (names.empty()) return add_target(found, std::nullopt);
    for (const oci::Reference& name : names) TRY(add_target(found, name));
    return {};
  }

  Result<> write(Sink& out) {
    TarWriter tar(out);
    TRY(write_directory(tar, "blobs/"));
    std::string directory;
    for (const auto& [path, digest] : blobs_) {
      const std::string parent = path.substr(0, path.rfind('/') + 1);
      if (parent != directory) TRY(write_directory(tar, parent));
      directory = parent;
      TRY(write_blob(tar, path, digest));
    }
    for (const auto& [path, bytes] : made_) TRY(write_bytes(tar, path, bytes));
    TRY(write_bytes(tar, kIndexFile, oci::Index::make(oci::kMediaTypeIndex, entries_).raw));
    if (form_ == ArchiveForm::kOciAndDocker) {
      json::Array docker;
      for (const DockerEntry& entry : docker_) docker.push_back(entry.to_json());
      TRY(write_bytes(tar, kDockerManifestFile, json::Value(std::move(docker)).dump()));
    }
    TRY(write_bytes(tar, kLayoutFile, kLayoutContent));
    return tar.finish();
  }

 private:
  // What nobody removes before it is written.
  Result<ImageFinder::Found> look_up_held(const std::string& name) {
    if (!lease_) lease_ = TRY(Holding::make(parts_));
    while (true) {
      ImageFinder::Found found = TRY(finder_.look_up(name));
      if (TRY(lease_->hold_target(found.row.target))) return found;
    }
  }

  Result<> add_target(ImageFinder::Found found, const std::optional<oci::Reference>& tag) {
    if (found.present.empty()) {
      return Error(Code::kNotFound, cat("No such image: ", found.name.familiar()));
    }
    if (!platforms_.empty()) {
      found.present = TRY(of_platforms(found.present, platforms_, found.name.familiar()));
      found.by_id = false;
    }
    oci::Descriptor root = TRY(archived_target(found));
    root.annotations = annotations_;
    if (tag) {
      root.annotations[std::string(kNameAnnotation)] = tag->str();
      root.annotations[std::string(kRefNameAnnotation)] = tag->tag();
    }
    entries_.push_back(std::move(root));
    add_docker_entry(found.by_id ? *found.chosen : *default_choice(found.present), tag);
    return {};
  }

  // What index.json names: the target where all of it is here, else what is.
  Result<oci::Descriptor> archived_target(const ImageFinder::Found& found) {
    if (platforms_.empty() && TRY(parts_.reader.complete(found.row.target))) {
      TRY(add_blobs(found.row.target));
      return found.row.target;
    }
    std::vector<oci::Descriptor> manifests;
    for (const DocumentPtr& image : found.present) {
      TRY(add_blobs(image->descriptor));
      manifests.push_back(image->descriptor);
    }
    if (manifests.size() == 1) return manifests.front();
    const oci::Index index = oci::Index::make(oci::kMediaTypeIndex, std::move(manifests));
    made_[blob_path(index.descriptor().digest)] = index.raw;
    return index.descriptor();
  }

  Result<> add_blobs(const oci::Descriptor& root) {
    return parts_.reader.visit(root, [&](const oci::Descriptor& part) -> Result<> {
      TRY(parts_.store.verify(part.digest, {}, cancel_));
      blobs_.insert_or_assign(blob_path(part.digest), part.digest);
      return {};
    });
  }

  void add_docker_entry(const Document& image, const std::optional<oci::Reference>& tag) {
    const std::string config = blob_path(image.id());
    auto entry = std::ranges::find(docker_, config, &DockerEntry::config);
    if (entry == docker_.end()) {
      DockerEntry made{.config = config, .tags = {}, .layers = {}};
      for (const auto& layer : image.manifest.layers)
        made.layers.push_back(blob_path(layer.digest));
      entry = docker_.insert(docker_.end(), std::move(made));
    }
    if (tag) entry->tags.push_back(tag->familiar());
  }

  static Result<> write_directory(TarWriter& tar, const std::string& path) {
    TarEntry entry;
    entry.name = path;
    entry.type = TarType::kDirectory;
    entry.mode = 0755;
    return tar.add(entry);
  }

  static Result<> write_bytes(TarWriter& tar, std::string_view path, std::string_view bytes) {
    TarEntry entry;
    entry.name = path;
    entry.size = bytes.size();
    TRY(tar.add(entry));
    return tar.write_body(bytes);
  }

  Result<> write_blob(TarWriter& tar, const std::string& path, const oci::Digest& digest) {
    const auto reader = TRY(parts_.store.open(digest));
    TarEntry entry;
    entry.name = path;
    entry.size = reader->size();
    CancellableSource body(*reader, cancel_);
    Hasher hasher(digest.algorithm());
    HashingSource hashed(body, hasher);
    TRY(tar.add_file(entry, hashed));
    if (hasher.hex() == digest.hex()) return {};
    TRY(parts_.store.verify(digest, {.always = true}, cancel_));
    return Error(Code::kDataLoss, cat("blob ", digest.str(), " was read wrongly: try again"));
  }

  Parts& parts_;
  ImageFinder& finder_;
  const ArchiveForm form_;
  const std::span<const oci::Platform> platforms_;
  const CancelToken& cancel_;
  std::map<std::string, std::string> annotations_;  // of what is added
  std::unique_ptr<Holding> lease_;
  std::map<std::string, oci::Digest> blobs_;  // by path
  std::map<std::string, std::string> made_;   // documents made for this archive, by path
  std::vector<oci::Descriptor> entries_;
  std::vector<DockerEntry> docker_;
};

}  // namespace

Result<> save_images(Parts& parts, ImageFinder& finder, const std::vector<std::string>& names,
                     std::span<const oci::Platform> platforms, Sink& tar,
                     const CancelToken& cancel) {
  Save save(parts, finder, ArchiveForm::kOciAndDocker, platforms, cancel);
  for (const std::string& name : names) TRY(save.add(name));
  return save.write(tar);
}

Result<> archive_target(Parts& parts, ImageFinder& finder, const oci::Descriptor& target,
                        std::span<const oci::Reference> names, ArchiveForm form, Sink& tar,
                        const CancelToken& cancel) {
  Save save(parts, finder, form, {}, cancel);
  TRY(save.add(target, names));
  return save.write(tar);
}

}  // namespace skiff::images
