#include "images/load.h"

#include <algorithm>

#include "base/strings.h"
#include "codec/compress.h"
#include "images/archive_contents.h"
#include "images/archive_format.h"
#include "images/holding.h"
#include "images/new_image.h"

namespace skiff::images {

namespace {

constexpr size_t kMaxConfig = size_t{16} << 20U;

Error invalid(std::string_view why) {
  return Error(Code::kInvalidArgument, cat("invalid archive: ", why));
}

class Load {
 public:
  // `platforms`: the only ones to stay; without any, all that the archive has.
  Load(Parts& parts, std::span<const oci::Platform> platforms, const ProgressSink& progress,
       const CancelToken& cancel)
      : parts_(parts), platforms_(platforms), progress_(progress), cancel_(cancel) {}

  Result<std::vector<std::string>> run(Source& tar) {
    // What is stored and then part of no image goes with it: all of it after a failure.
    lease_ = TRY(Holding::make(parts_));
    return load(tar);
  }

 private:
  // One target of the archive.
  struct Target {
    oci::Descriptor descriptor;
    std::vector<oci::Reference> names;
    DocumentPtr image;  // to unpack, and to show where there is no name
  };

  Result<std::vector<std::string>> load(Source& tar) {
    ArchiveContents contents(parts_, *lease_);
    const auto plain =
        TRY(open_decompressed(tar, {.bytes = UINT64_MAX, .ratio = parts_.expansion.ratio}));
    TRY(contents.read(*plain, cancel_));
    parts_.reader.changed();
    if (const auto index = TRY(contents.document(kIndexFile))) {
      TRY_CONTEXT(plan_layout(contents, *index), kIndexFile);
    } else if (const auto entries = TRY(contents.document(kDockerManifestFile))) {
      TRY_CONTEXT(plan_docker(contents, *entries), kDockerManifestFile);
    } else {
      return invalid("does not contain a manifest.json or an index.json");
    }
    for (const Target& target : targets_) TRY(unpack(*target.image));
    std::vector<std::string> loaded;
    for (const Target& target : targets_) {
      TRY(record_target(parts_, target.descriptor, target.names));
      for (const oci::Reference& name : target.names) loaded.push_back(name.familiar());
      if (target.names.empty()) loaded.push_back(target.image->id().str());
    }
    return loaded;
  }

  Result<> unpack(const Document& image) {
    TRY(lease_->hold_snapshots(image.snapshots()));
    return unpack_layers(parts_, image, "Loading layer", progress_, cancel_);
  }

  void add_target(Target target) {
    auto known = std::ranges::find(targets_, target.descriptor.digest,
                                   [](const Target& each) { return each.descriptor.digest; });
    if (known == targets_.end()) {
      targets_.push_back(std::move(target));
      return;
    }
    for (oci::Reference& name : target.names) known->names.push_back(std::move(name));
  }

  // An OCI image layout.
  Result<> plan_layout(const ArchiveContents& contents, std::string_view index_bytes) {
    if (const auto layout = TRY(contents.document(kLayoutFile))) {
      const std::string version = TRY(json::parse(*layout)).string("imageLayoutVersion");
      if (version != "1.0.0") {
        return invalid(cat("image layout version ", skiff::quoted(version), " is unknown"));
      }
    }
    const oci::Index index = TRY(oci::Index::parse(index_bytes, oci::kMediaTypeIndex));
    for (oci::Descriptor entry : index.manifests) {
      Target target;
      if (auto name = TRY(annotated_name(entry))) target.names.push_back(*std::move(name));
      entry.annotations.clear();
      if (platforms_.empty()) {
        target.image = TRY(choose_image(entry));
        target.descriptor = std::move(entry);
      } else {
        TRY(narrow(target, entry));
      }
      add_target(std::move(target));
    }
    return {};
  }

  // Makes it one of the platforms that are asked for, alone: a manifest, or an index of these.
  Result<> narrow(Target& target, const oci::Descriptor& entry) {
    TRY(choose_image(entry));
    const std::string name =
        target.names.empty() ? entry.digest.str() : target.names.front().familiar();
    const auto images = TRY(of_platforms(TRY(parts_.reader.present(entry)), platforms_, name));
    target.image = default_choice(images);
    target.descriptor = images.front()->descriptor;
    if (images.size() == 1 || !oci::is_index_type(entry.media_type)) return {};
    std::vector<oci::Descriptor> manifests;
    for (const DocumentPtr& image : images) manifests.push_back(image->descriptor);
    const oci::Index index = oci::Index::make(oci::kMediaTypeIndex, std::move(manifests));
    target.descriptor = index.descriptor();
    return store_bytes(parts_, index.raw, target.descriptor.digest, *lease_, cancel_);
  }

  // Of several platforms some may be missing, but not all.
  Result<DocumentPtr> choose_image(const oci::Descriptor& target) {
    const bool is_manifest = oci::is_manifest_type(target.media_type);
    if (!is_manifest && !oci::is_index_type(target.media_type)) {
      return invalid(
          cat(target.digest.str(), " is of the unknown type ", skiff::quoted(target.media_type)));
    }
    std::optional<oci::Digest> missing;
    TRY(parts_.reader.visit(target, [&](const oci::Descriptor& part) -> Result<> {
      TRY(lease_->hold(part.digest));
      if (!missing && !TRY(parts_.reader.has(part.digest))) missing = part.digest;
      return {};
    }));
    if (DocumentPtr image = default_choice(TRY(parts_.reader.present(target)))) return image;
    if (missing) return invalid(cat("blob ", missing->str(), " is missing"));
    if (is_manifest) TRY(parts_.reader.document(target));
    return invalid(cat(target.digest.str(), " holds no container image"));
  }

  // A docker-archive.
  Result<> plan_docker(const ArchiveContents& contents, std::string_view entries) {
    const json::Value list = TRY(json::parse(entries));
    if (!list.is_array()) return invalid("no list of images");
    for (const json::Value& each : list.as_array()) {
      const DockerEntry entry = TRY(DockerEntry::from_json(each));
      Target target;
      for (const std::string& tag : entry.tags) {
        const auto name = TRY_CONTEXT(oci::Reference::parse(tag), skiff::quoted(tag));
        target.names.push_back(name.with_default_tag());
      }
      target.descriptor = TRY(convert(contents, entry));
      parts_.reader.changed();
      target.image = TRY(choose_image(target.descriptor));
      if (!platforms_.empty()) TRY(narrow(target, target.descriptor));
      target.descriptor.platform.reset();
      add_target(std::move(target));
    }
    return {};
  }

  // Config and layers as an image of their own; returns the manifest.
  Result<oci::Descriptor> convert(const ArchiveContents& contents, const DockerEntry& entry) {
    const auto source = TRY(contents.open(entry.config));
    const std::string config_bytes = TRY_CONTEXT(read_all(*source, kMaxConfig), entry.config);
    const oci::ImageConfig config =
        TRY_CONTEXT(oci::ImageConfig::parse(config_bytes), entry.config);
    if (entry.layers.size() != config.diff_ids.size()) {
      return Error(Code::kInvalidArgument,
                   cat("invalid manifest, layers length mismatch: expected ", entry.layers.size(),
                       ", got ", config.diff_ids.size()));
    }
    std::vector<oci::Descriptor> layers;
    for (size_t i = 0; i < entry.layers.size(); ++i) {
      layers.push_back(TRY_CONTEXT(add_layer_file(contents, entry.layers[i], config.diff_ids[i]),
                                   cat("layer ", skiff::quoted(entry.layers[i]))));
    }
    return write_manifest(parts_, config_bytes, config, std::move(layers), *lease_);
  }

  Result<oci::Descriptor> add_layer_file(const ArchiveContents& contents, const std::string& path,
                                         const oci::Digest& diff_id) {
    const auto known = layers_.find(diff_id);
    if (known != layers_.end()) return known->second;
    const auto file = TRY(contents.open(path));
    const auto plain = TRY(open_decompressed(*file, parts_.expansion));
    CancellableSource tar(*plain, cancel_);
    const NewLayer layer = TRY(add_layer(parts_, tar, *lease_));
    if (layer.diff_id != diff_id) {
      return Error(Code::kInvalidArgument,
                   cat("invalid diffID: expected ", diff_id.str(), ", got ", layer.diff_id.str()));
    }
    layers_.emplace(diff_id, layer.descriptor);
    return layer.descriptor;
  }

  Parts& parts_;
  const std::span<const oci::Platform> platforms_;
  ProgressStream progress_;
  const CancelToken& cancel_;
  std::unique_ptr<Holding> lease_;
  std::map<oci::Digest, oci::Descriptor> layers_;  // by diffID
  std::vector<Target> targets_;
};

}  // namespace

Result<std::vector<std::string>> load_images(Parts& parts, Source& tar,
                                             std::span<const oci::Platform> platforms,
                                             const ProgressSink& progress,
                                             const CancelToken& cancel) {
  return Load(parts, platforms, progress, cancel).run(tar);
}

}  // namespace skiff::images
