// Layers that were made here, on their way to a registry in memory (decision 026).
#include "codec/gzip_identity.h"
#include "content/layout.h"
#include "images/catalog.h"
#include "images/test_publish.h"

namespace skiff::images {
namespace {

class PackTest : public testing::Test {
 protected:
  // As a build makes it: its layers are plain.
  Image make(std::string_view name, const std::vector<Files>& layers,
             const oci::Platform& platform = oci::Platform::host()) {
    const auto held = images_.lease();
    const oci::Descriptor manifest = write(layers, *held, platform);
    images_.put(manifest, name);
    return images_.image_of(manifest);
  }
  oci::Descriptor write(const std::vector<Files>& layers, content::Lease& lease,
                        const oci::Platform& platform = oci::Platform::host()) {
    oci::ImageConfig config;
    config.platform = platform;
    std::vector<oci::Descriptor> descriptors;
    for (const Files& files : layers) {
      const std::string tar = layer_tar(files);
      StringSource source(tar);
      const auto layer = images_->add_layer(source, lease);
      EXPECT_EQ(layer->descriptor.digest, layer->diff_id);
      EXPECT_EQ(layer->descriptor.media_type, oci::kMediaTypeLayer);
      config.diff_ids.push_back(layer->diff_id);
      descriptors.push_back(layer->descriptor);
    }
    return *images_->write_image(config, descriptors, lease);
  }

  Result<PushResult> push(const std::string& name, PushOptions options = {}) {
    said_.clear();
    options.client = remote::quick_options();
    const auto note = [&](const ProgressEvent& event) { said_.push_back(event.status); };
    return images_->push(registry_.ref(name), options, note, {});
  }
  oci::Descriptor must_push(const std::string& name, PushOptions options = {}) {
    const auto pushed = push(name, std::move(options));
    EXPECT_TRUE(pushed) << message_of(pushed);
    oci::Descriptor out;
    if (pushed) out.digest = pushed->digest;
    return out;
  }
  std::string in_registry(const std::string& tag_or_digest) {
    return registry_.manifests["app"][tag_or_digest];
  }
  std::string familiar(std::string_view rest) { return cat(registry_.host(), "/", rest); }
  long compressed() const { return std::ranges::count(said_, "Compressing"); }
  Path file_of(const oci::Digest& digest) {
    return content::Layout(images_.root() / "content").blob(digest);
  }
  void expect_whole() {
    const auto tell = [](const Problem& problem) { ADD_FAILURE() << problem.what; };
    EXPECT_TRUE(images_->check({.deep = true}, tell, {}));
  }

  TestImages images_;
  remote::TestRegistry registry_;
  Lines said_;
};

TEST_F(PackTest, APushCompressesOnceAndBothSidesHaveTheSameDigest) {
  const Files large{{"a", std::string(3'000'000, 'x')}};
  const Image built = make(familiar("app:1"), {large, {{"b", "2"}}});
  ASSERT_TRUE(images_->tag(built, reference("other")));
  const oci::Digest pushed = must_push("app:1").digest;
  EXPECT_EQ(compressed(), 2);
  const auto sent = oci::Manifest::parse(in_registry("1"));
  ASSERT_TRUE(sent) << message_of(sent);
  EXPECT_EQ(sent->config.digest, built.id);
  for (const oci::Descriptor& layer : sent->layers) {
    EXPECT_EQ(layer.media_type, oci::kMediaTypeLayerGzip);
  }
  EXPECT_EQ(registry_.blobs["app"][sent->layers[0].digest.str()], gzipped(layer_tar(large)));

  // All its names lead there; the plain layers go with what had them.
  EXPECT_EQ(images_.names(),
            (Lines{familiar("app:1"), familiar(cat("app@", pushed.str())), "other:latest"}));
  for (const char* name : {"other", "app:1"}) {
    const Image found = images_.find(std::string(name) == "other" ? name : familiar(name));
    EXPECT_EQ(found.id, built.id);
    EXPECT_EQ(found.target.digest, pushed);
  }
  EXPECT_FALSE(images_.blobs().contains(built.manifest_doc.layers[0].digest));
  EXPECT_EQ(images_.file_in(images_.find("other"), "b"), "2");
  expect_whole();

  EXPECT_EQ(must_push("app:1").digest, pushed);
  EXPECT_EQ(compressed(), 0);
  // Found before the push: its name leads to what it is now.
  EXPECT_TRUE(images_->tag(built, reference("late")));
  EXPECT_EQ(images_.find("late").target.digest, pushed);
}

TEST_F(PackTest, WhatWasPackedIsKeptWhereTheRegistryRefuses) {
  make(familiar("app:1"), {{{"a", "1"}}});
  registry_.instead = [](net::Request& request, net::ResponseWriter& w) {
    if (request.method == "GET" || request.method == "HEAD") return false;
    EXPECT_TRUE(w.send(403, "application/json", "{}"));
    return true;
  };
  EXPECT_FALSE(push("app:1"));
  EXPECT_EQ(compressed(), 1);
  registry_.instead = nullptr;
  must_push("app:1");
  EXPECT_EQ(compressed(), 0);
}

TEST_F(PackTest, AnotherImageOfThePackedLayerUsesIt) {
  const auto lease = images_.lease();
  const Image one = make(familiar("app:1"), {{{"a", "1"}}});
  make(familiar("app:2"), {{{"a", "1"}}, {{"b", "2"}}});
  must_push("app:1");
  const oci::Descriptor& plain = one.manifest_doc.layers[0];
  const auto done = images_->pack_layer(plain, Pack::kIfDone, *lease, {});
  EXPECT_EQ(done->digest, images_.find(familiar("app:1")).manifest_doc.layers[0].digest);
  EXPECT_EQ(done->media_type, oci::kMediaTypeLayerGzip);
  must_push("app:2");
  EXPECT_EQ(compressed(), 1);
}

// After an upgrade of the library, and of a daemon that did not write down what it had used.
TEST_F(PackTest, WhatAnotherCompressorMadeIsMadeAnew) {
  const auto lease = images_.lease();
  const oci::Descriptor plain = make(familiar("app:1"), {{{"a", "1"}}}).manifest_doc.layers[0];
  make("keeper", {{{"a", "1"}}, {{"b", "2"}}});
  const oci::Digest pushed = must_push("app:1").digest;
  Catalog catalog = *Catalog::open(images_.root() / "images/images.db");
  const PackedForm packed = **catalog.packed_form(plain.digest);
  EXPECT_EQ(packed.compressor, gzip_identity());
  for (const char* compressor : {"libdeflate 0.1, level 4", ""}) {
    PackedForm other = packed;
    other.digest = pushed;
    other.compressor = compressor;
    ASSERT_TRUE(catalog.set_packed_form(plain.digest, other));
    make(familiar("app:2"), {{{"a", "1"}}});
    const auto kept = images_->pack_layer(plain, Pack::kIfDone, *lease, {});
    ASSERT_TRUE(kept) << message_of(kept);
    EXPECT_EQ(kept->digest, plain.digest);
    EXPECT_EQ(must_push("app:2").digest, pushed);
    EXPECT_EQ(compressed(), 1) << compressor;
    EXPECT_EQ((*catalog.packed_form(plain.digest))->compressor, gzip_identity());
  }
}

TEST_F(PackTest, AnIndexFollowsButNotWhatIsAttested) {
  const auto lease = images_.lease();
  const oci::Descriptor amd64 = write({{{"a", "1"}}}, *lease, kAmd64);
  const oci::Descriptor arm64 = write({{{"a", "2"}}}, *lease, *oci::Platform::parse("linux/arm64"));
  oci::Descriptor statement = write({{{"s", "3"}}}, *lease, *oci::Platform::parse("linux/s390x"));
  statement.platform = oci::Platform{.os = "unknown", .architecture = "unknown"};
  statement.annotations = {{"vnd.docker.reference.digest", arm64.digest.str()},
                           {"vnd.docker.reference.type", "attestation-manifest"}};
  oci::Descriptor marked = amd64;
  marked.annotations = {{"note", "kept"}};
  images_.make_index(familiar("app:1"), {marked, arm64, statement}, *lease);
  const oci::Digest pushed = must_push("app:1").digest;
  const auto index = oci::Index::parse(in_registry("1"));
  ASSERT_TRUE(index) << message_of(index);
  EXPECT_NE(index->manifests[0].digest, amd64.digest);
  EXPECT_EQ(index->manifests[0].platform, kAmd64);
  EXPECT_EQ(index->manifests[0].annotations, marked.annotations);
  EXPECT_EQ(index->manifests[1].digest, arm64.digest);
  EXPECT_EQ(index->manifests[2].annotations, statement.annotations);
  const auto image = oci::Manifest::parse(in_registry(index->manifests[0].digest.str()));
  EXPECT_EQ(image->layers[0].media_type, oci::kMediaTypeLayerGzip);
  EXPECT_EQ(images_->find(familiar("app:1"), kAmd64)->target.digest, pushed);
}

TEST_F(PackTest, OnePlatformIsPushedAsTheIndexHasIt) {
  const auto lease = images_.lease();
  const oci::Descriptor amd64 = write({{{"a", "1"}}}, *lease, kAmd64);
  const oci::Descriptor arm64 = write({{{"a", "2"}}}, *lease, *oci::Platform::parse("linux/arm64"));
  images_.make_index(familiar("app:1"), {amd64, arm64}, *lease);
  const oci::Digest pushed = must_push("app:1", {.platform = kAmd64}).digest;
  EXPECT_EQ(images_->find(familiar("app:1"), kAmd64)->manifest.digest, pushed);
}

TEST_F(PackTest, WhatWasPulledPlainIsPushedAsItCame) {
  TestImages other;
  const auto lease = other.lease();
  const std::string tar = layer_tar({{"a", "1"}});
  StringSource source(tar);
  const auto layer = other->add_layer(source, *lease);
  oci::ImageConfig config;
  config.platform = oci::Platform::host();
  config.diff_ids = {layer->diff_id};
  const auto plain = *other->write_image(config, {layer->descriptor}, *lease);
  publish(registry_, other, plain, "app", "1");
  const PullOptions options{.client = remote::quick_options()};
  const auto pulled = images_->pull(registry_.ref("app:1"), options, {}, {});
  ASSERT_TRUE(pulled) << message_of(pulled);
  ASSERT_TRUE(images_->tag(*pulled, registry_.ref("copy:1")));
  EXPECT_EQ(must_push("copy:1").digest, plain.digest);
  EXPECT_EQ(compressed(), 0);
}

TEST_F(PackTest, AnImageIsPushedAsItIsWhereThatIsAsked) {
  const Image built = make(familiar("app:1"), {{{"a", "1"}}});
  EXPECT_EQ(must_push("app:1", {.as_it_is = true}).digest, built.target.digest);
  // And stays so: the registry has it.
  EXPECT_EQ(must_push("app:1").digest, built.target.digest);
}

// What a build has made is one file, as long as both want it.
TEST_F(PackTest, ASealedLayerAndItsBlobAreOneFile) {
  snapshot::Snapshotter& snapshots = images_->snapshots();
  ASSERT_TRUE(snapshots.prepare("step", ""));
  ASSERT_TRUE(write_file(snapshots.mount_of("step")->upper / "a", "1"));
  const auto lease = *images_->lease();
  NewLayer layer;
  const auto store = [&](snapshot::LayerToStore& tar) -> Result<std::string> {
    layer = TRY(images_->add_layer(tar, *lease));
    TRY(lease->hold_snapshots({layer.diff_id.str()}));
    return layer.diff_id.str();
  };
  ASSERT_TRUE(snapshots.seal("step", store, {}, {}));
  EXPECT_EQ(layer.descriptor.digest, layer.diff_id);
  const Path blob = file_of(layer.diff_id);
  EXPECT_EQ(oci::Digest::of(*read_file(blob)), layer.diff_id);
  const bool is_kept = snapshots.backend() == snapshot::Backend::kErofs;
  EXPECT_EQ(std::filesystem::hard_link_count(blob), is_kept ? 2u : 1u);
  oci::ImageConfig config;
  config.platform = oci::Platform::host();
  config.diff_ids = {layer.diff_id};
  images_.put(*images_->write_image(config, {layer.descriptor}, *lease), familiar("app:1"));
  must_push("app:1");
  EXPECT_EQ(images_.file_in(images_.find(familiar("app:1")), "a"), "1");
  expect_whole();
}

TEST_F(PackTest, ALayerThatRottedIsNotPacked) {
  const Image built = make(familiar("app:1"), {{{"a", std::string(100'000, 'x')}}});
  const Path file = file_of(built.manifest_doc.layers[0].digest);
  const auto before = std::filesystem::last_write_time(file);
  std::string bytes = *read_file(file);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(write_file(file, bytes));
  std::filesystem::last_write_time(file, before);
  const auto pushed = push("app:1");
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code(), Code::kDataLoss) << message_of(pushed);
  EXPECT_EQ(images_.find(familiar("app:1")).target.digest, built.target.digest);
}

}  // namespace
}  // namespace skiff::images
