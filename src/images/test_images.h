// For tests: image stores on temporary roots, and small images made in them.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/strings.h"
#include "codec/compress.h"
#include "images/image_store.h"
#include "snapshot/suite_support.h"

namespace skiff::images {

using Lines = std::vector<std::string>;
using Files = std::map<std::string, std::string>;
using snapshot::LayerTar;

inline const oci::Platform kAmd64{.os = "linux", .architecture = "amd64"};
inline const oci::Platform kArm64{.os = "linux", .architecture = "arm64"};
inline const oci::Platform kRiscv64{.os = "linux", .architecture = "riscv64"};

inline std::string message_of(const auto& result) {
  return result ? std::string("(no error)") : result.error().message();
}

inline oci::Reference reference(std::string_view name) { return *oci::Reference::parse(name); }

inline std::string layer_tar(const Files& files) {
  LayerTar tar;
  for (const auto& [name, body] : files) tar.file(name, body);
  return tar.take();
}

inline std::string gzipped(std::string_view bytes) {
  StringSink out;
  const auto gzip = make_gzip_sink(out);
  EXPECT_TRUE(gzip->write(bytes) && gzip->finish());
  return out.take();
}

inline ImageUser nobody(const oci::Digest&) { return {}; }

class TestImages {
 public:
  TestImages() { reopen(); }

  void reopen() {
    store_.reset();
    auto content = content::open_content_store(root() / "content");
    auto snapshots =
        snapshot::open_snapshotter(root() / "snapshots", snapshot::choose_backend(root()));
    auto opened = open_image_store(root() / "images", std::move(*content), std::move(*snapshots),
                                   clock_, limits_);
    EXPECT_TRUE(opened) << message_of(opened);
    store_ = std::move(*opened);
  }
  void set_storage_limit(uint64_t bytes) {
    limits_.bytes = bytes;
    reopen();
  }
  void set_layer_limit(uint64_t bytes) {
    limits_.layer.bytes = bytes;
    reopen();
  }
  ImageStore& operator*() { return *store_; }
  ImageStore* operator->() { return store_.get(); }
  const Path& root() const { return dir_.path(); }
  ManualClock& clock() { return clock_; }

  // An image of one layer for each of `layers`; the caller puts or indexes it.
  oci::Descriptor write(const std::vector<Files>& layers, content::Lease& lease,
                        const oci::Platform& platform = oci::Platform::host()) {
    oci::ImageConfig config;
    config.platform = platform;
    config.created = clock_.now();
    config.config.cmd = {"sh"};
    std::vector<oci::Descriptor> descriptors;
    for (const Files& files : layers) {
      const std::string tar = layer_tar(files);
      StringSource source(tar);
      const auto layer = store_->add_layer(source, lease, CompressForm{});  // as registries have it
      EXPECT_TRUE(layer) << message_of(layer);
      EXPECT_EQ(layer->diff_id, oci::Digest::of(tar));
      config.diff_ids.push_back(layer->diff_id);
      descriptors.push_back(layer->descriptor);
    }
    const auto manifest = store_->write_image(config, descriptors, lease);
    EXPECT_TRUE(manifest) << message_of(manifest);
    return *manifest;
  }
  std::unique_ptr<content::Lease> lease() { return *store_->content().lease(); }

  // ... and named ("" for a dangling one).
  Image make(std::string_view name, const std::vector<Files>& layers,
             const oci::Platform& platform = oci::Platform::host(),
             const std::string& parent = "") {
    const auto held = lease();
    const oci::Descriptor manifest = write(layers, *held, platform);
    put(manifest, name, parent);
    return image_of(manifest);
  }
  // Puts an index over manifests, which need not be here.
  oci::Descriptor make_index(std::string_view name, const std::vector<oci::Descriptor>& manifests,
                             content::Lease& lease) {
    const oci::Index index = oci::Index::make(oci::kMediaTypeIndex, manifests);
    EXPECT_TRUE(content::write_blob(store_->content(), index.raw, &lease));
    put(index.descriptor(), name);
    return index.descriptor();
  }
  void put(const oci::Descriptor& target, std::string_view name, const std::string& parent = "") {
    const auto named = name.empty() ? std::nullopt : std::optional(reference(name));
    const auto done = store_->put(target, named, parent);
    EXPECT_TRUE(done) << message_of(done);
  }
  Image image_of(const oci::Descriptor& manifest) {
    auto images = store_->platforms_of(manifest);
    EXPECT_TRUE(images && images->size() == 1) << message_of(images);
    return images->at(0);
  }
  Image find(const std::string& name) {
    auto image = store_->find(name);
    EXPECT_TRUE(image) << message_of(image);
    return image ? *image : Image();
  }

  std::string save(const Lines& names, std::span<const oci::Platform> platforms = {}) {
    StringSink tar;
    const auto saved = store_->save(names, tar, {}, platforms);
    EXPECT_TRUE(saved) << message_of(saved);
    return tar.take();
  }
  Result<Lines> load(std::string_view tar, std::span<const oci::Platform> platforms = {}) {
    StringSource source(tar);
    return store_->load(source, {}, {}, platforms);
  }
  // The removed things as Docker lists them: "untagged alpine:latest", "deleted sha256:...".
  Result<Lines> remove(const std::string& name, bool force = false,
                       const std::function<ImageUser(const oci::Digest&)>& in_use = nobody) {
    Lines lines;
    for (const Removed& each : TRY(store_->remove(name, force, true, in_use))) {
      const bool deleted = each.kind == RemovedKind::kDeleted;
      lines.push_back(cat(deleted ? "deleted " : "untagged ", each.what));
    }
    return lines;
  }

  Lines must_remove(const std::string& name, bool force = false,
                    const std::function<ImageUser(const oci::Digest&)>& in_use = nobody) {
    const auto removed = remove(name, force, in_use);
    EXPECT_TRUE(removed) << message_of(removed);
    return removed.value_or(Lines());
  }

  std::set<oci::Digest> blobs() {
    std::set<oci::Digest> found;
    EXPECT_TRUE(store_->content().walk([&](const content::BlobInfo& blob) -> Result<> {
      found.insert(blob.digest);
      return {};
    }));
    return found;
  }
  std::set<std::string> snapshots() {
    std::set<std::string> found;
    EXPECT_TRUE(store_->snapshots().walk([&](const snapshot::Info& info) -> Result<> {
      found.insert(info.name);
      return {};
    }));
    return found;
  }
  Lines names() {
    Lines found;
    const auto images = store_->list();
    EXPECT_TRUE(images) << message_of(images);
    for (const Image& image : *images) {
      for (const oci::Reference& name : image.names) found.push_back(name.familiar());
      if (image.names.empty()) found.push_back("<none>");
    }
    std::ranges::sort(found);
    return found;
  }
  // Nothing but the databases, the locks and empty directories.
  void expect_empty() {
    EXPECT_TRUE(blobs().empty());
    EXPECT_TRUE(snapshots().empty());
    EXPECT_TRUE(store_->list()->empty());
    for (const char* directory : {"content/blobs", "content/ingests", "images/loading"}) {
      for (const auto& each : std::filesystem::recursive_directory_iterator(root() / directory)) {
        EXPECT_TRUE(each.is_directory() && each.path().parent_path().filename() != "loading")
            << each.path();
      }
    }
    EXPECT_TRUE(std::filesystem::is_empty(root() / "snapshots/snapshots"));
  }
  // What stands at `path` in the unpacked image.
  std::string file_in(const Image& image, const std::string& path) {
    const auto name = store_->unpack(image, {}, {});
    EXPECT_TRUE(name) << message_of(name);
    const std::string key = cat("look-", ++views_);
    EXPECT_TRUE(store_->snapshots().view(key, *name));
    std::string text;
    {
      const Path target = root() / key;
      EXPECT_TRUE(make_directories(target));
      const auto mounted =
          snapshot::MountedSnapshot::mount(*store_->snapshots().mount_of(key), target);
      EXPECT_TRUE(mounted) << message_of(mounted);
      text = read_file(mounted->path() / path).value_or("(none)");
    }
    EXPECT_TRUE(store_->snapshots().remove(key));
    return text;
  }

 private:
  TempDir dir_ = *TempDir::make("/tmp", "skiff-images-");
  ManualClock clock_{Clock::system().now()};
  StoreLimits limits_;
  std::unique_ptr<ImageStore> store_;
  int views_ = 0;
};

}  // namespace skiff::images
