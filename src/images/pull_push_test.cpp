// Pulls and pushes, with a registry in memory.
#include "base/random.h"
#include "content/layout.h"
#include "images/test_publish.h"

namespace skiff::images {
namespace {

class PullPush : public testing::Test {
 protected:
  PullPush() {
    // Each manifest under the type that it has.
    registry_.instead = [this](net::Request& request, net::ResponseWriter& w) {
      const auto parts = split_last(request.path, '/');
      if (request.method == "PUT" || !parts || !parts->first.ends_with("/manifests")) return false;
      const std::string repository(parts->first.substr(4, parts->first.size() - 14));
      const auto found = registry_.manifests[repository].find(std::string(parts->second));
      if (found == registry_.manifests[repository].end()) return false;
      w.headers().set("Docker-Content-Digest", oci::Digest::of(found->second).str());
      EXPECT_TRUE(w.send(200, oci::sniff_media_type(found->second), found->second));
      return true;
    };
  }

  void publish(TestImages& from, const oci::Descriptor& target, const std::string& repository,
               const std::string& tag) {
    images::publish(registry_, from, target, repository, tag);
  }

  Result<Image> pull(const std::string& name, std::optional<oci::Platform> platform = {},
                     bool all = false) {
    progress_.clear();
    PullOptions options{
        .platform = std::move(platform), .all_platforms = all, .client = remote::quick_options()};
    const auto note = [&](const ProgressEvent& event) {
      if (event.total == 0)
        progress_.push_back(cat(event.id, event.id.empty() ? "" : ": ", event.status));
    };
    return to_->pull(registry_.ref(name), options, note, {});
  }
  Image must_pull(const std::string& name, std::optional<oci::Platform> platform = {},
                  bool all = false) {
    auto image = pull(name, std::move(platform), all);
    EXPECT_TRUE(image) << message_of(image);
    return image ? *image : Image();
  }
  Result<PushResult> push(const std::string& name, std::optional<oci::Platform> platform = {}) {
    progress_.clear();
    PushOptions options{.platform = std::move(platform), .client = remote::quick_options()};
    const auto note = [&](const ProgressEvent& event) {
      if (event.total == 0)
        progress_.push_back(cat(event.id, event.id.empty() ? "" : ": ", event.status));
    };
    return to_->push(registry_.ref(name), options, note, {});
  }
  void expect_whole() {
    const auto tell = [](const Problem& problem) { ADD_FAILURE() << problem.what; };
    EXPECT_TRUE(to_->check({.deep = true}, tell, {}));
  }
  bool said(const std::string& line) const { return std::ranges::count(progress_, line) > 0; }
  int asked_for_blobs() {
    return static_cast<int>(std::ranges::count_if(registry_.asked(), [](const std::string& line) {
      return line.starts_with("GET ") && line.find("/blobs/") != std::string::npos;
    }));
  }

  TestImages from_;
  TestImages to_;
  remote::TestRegistry registry_;
  Lines progress_;
};

TEST_F(PullPush, APulledImageIsWholeAndUnpacked) {
  const Image image = from_.make("app", {{{"a", "below"}}, {{"a", "above"}}});
  publish(from_, image.target, "app", "1");
  const Image pulled = must_pull("app:1");
  EXPECT_EQ(pulled.id, image.id);
  EXPECT_EQ(pulled.target.digest, image.target.digest);
  EXPECT_EQ(to_.snapshots().size(), 2u);
  EXPECT_EQ(to_.file_in(pulled, "a"), "above");
  const std::string digest = image.target.digest.str();
  EXPECT_EQ(to_.names(),
            (Lines{cat(registry_.host(), "/app:1"), cat(registry_.host(), "/app@", digest)}));
  EXPECT_EQ(progress_.front(), "1: Pulling from app");
  for (const auto& layer : image.manifest_doc.layers) {
    const std::string label = layer.digest.short_hex();
    for (const char* status :
         {"Pulling fs layer", "Verifying Checksum", "Download complete", "Pull complete"}) {
      EXPECT_TRUE(said(cat(label, ": ", status))) << status;
    }
  }
  EXPECT_EQ(progress_.at(progress_.size() - 2), cat("Digest: ", digest));
  EXPECT_EQ(progress_.back(),
            cat("Status: Downloaded newer image for ", registry_.host(), "/app:1"));
}

TEST_F(PullPush, ALostOrDamagedBlobIsFetchedAgain) {
  const Image image = from_.make("app", {{{"a", "below"}}, {{"a", "above"}}});
  publish(from_, image.target, "app", "1");
  must_pull("app:1");
  const content::Layout layout(to_.root() / "content");
  const auto& layers = image.manifest_doc.layers;
  for (const oci::Digest& digest :
       {layers[0].digest, layers[1].digest, image.id, image.manifest.digest}) {
    std::filesystem::remove(layout.blob(digest));
  }
  EXPECT_EQ(push("app:1").error().code(), Code::kDataLoss);
  must_pull("app:1");
  EXPECT_EQ(progress_.back(),
            cat("Status: Downloaded newer image for ", registry_.host(), "/app:1"));
  EXPECT_TRUE(said(cat(layers[0].digest.short_hex(), ": Download complete")));
  expect_whole();
  must_pull("app:1");
  EXPECT_EQ(progress_.back(), cat("Status: Image is up to date for ", registry_.host(), "/app:1"));
}

// Rot that no pull can see until it reads the layer.
TEST_F(PullPush, ALayerThatRottedBeforeItIsUnpackedIsFetchedAgain) {
  const Image image = from_.make("app", {{{"a", "below"}}, {{"a", "above"}}});
  publish(from_, image.target, "app", "1");
  const Image pulled = must_pull("app:1");
  ASSERT_TRUE(to_->snapshots().remove(pulled.snapshot_name()));
  const Path file =
      content::Layout(to_.root() / "content").blob(image.manifest_doc.layers[1].digest);
  const auto before = std::filesystem::last_write_time(file);
  std::string bytes = *read_file(file);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(write_file(file, bytes));
  std::filesystem::last_write_time(file, before);
  const auto pushed = push("app:1");  // the registry has it: nothing is sent
  EXPECT_TRUE(pushed) << message_of(pushed);
  EXPECT_EQ(to_.file_in(must_pull("app:1"), "a"), "above");
  expect_whole();
}

TEST_F(PullPush, LayersThatAreUnpackedAlreadyExist) {
  const Image image = from_.make("app", {{{"a", "below"}}, {{"a", "above"}}});
  publish(from_, image.target, "app", "1");
  ASSERT_TRUE(to_->snapshots().remove(must_pull("app:1").snapshot_name()));
  progress_.clear();
  must_pull("app:1");
  const auto& layers = image.manifest_doc.layers;
  EXPECT_TRUE(said(cat(layers[0].digest.short_hex(), ": Already exists")));
  EXPECT_FALSE(said(cat(layers[1].digest.short_hex(), ": Already exists")));
  EXPECT_TRUE(said(cat(layers[1].digest.short_hex(), ": Pull complete")));
}

// Its tree is here, from another blob of the same content: the new blob is told to its end, too.
TEST_F(PullPush, ALayerThatIsUnpackedAlreadyIsPulledToItsEnd) {
  const Image image = from_.make("app", {{{"a", "1"}}});
  publish(from_, image.target, "app", "1");
  must_pull("app:1");
  const oci::Descriptor& known = image.manifest_doc.layers[0];
  const std::string plain = layer_tar({{"a", "1"}});
  const auto lease = from_.lease();
  oci::Descriptor layer = known;
  layer.media_type = oci::kMediaTypeLayer;
  layer.digest = *content::write_blob(from_->content(), plain, lease.get());
  layer.size = plain.size();
  publish(from_, *from_->write_image(image.config, {layer}, *lease), "app", "2");
  must_pull("app:2");
  EXPECT_TRUE(said(cat(layer.digest.short_hex(), ": Download complete")));
  EXPECT_EQ(std::ranges::count(progress_, cat(layer.digest.short_hex(), ": Pull complete")), 1);
}

TEST_F(PullPush, ASecondPullOnlyAsks) {
  const Image image = from_.make("app", {{{"a", "1"}}});
  publish(from_, image.target, "app", "1");
  must_pull("app:1");
  registry_.forget_asked();
  must_pull("app:1");
  EXPECT_EQ(progress_.back(), cat("Status: Image is up to date for ", registry_.host(), "/app:1"));
  EXPECT_TRUE(said(cat(image.manifest_doc.layers[0].digest.short_hex(), ": Already exists")));
  EXPECT_EQ(asked_for_blobs(), 0);
  // A tag that moved.
  const Image newer = from_.make("app", {{{"a", "1"}}, {{"b", "2"}}});
  publish(from_, newer.target, "app", "1");
  EXPECT_EQ(must_pull("app:1").id, newer.id);
  EXPECT_EQ(asked_for_blobs(), 2);  // a config and a layer
  EXPECT_TRUE(to_->find(image.id.str()));
}

TEST_F(PullPush, ByDigestItHasNoTag) {
  const Image image = from_.make("app", {{{"a", "1"}}});
  publish(from_, image.target, "app", "1");
  const std::string name = cat("app@", image.target.digest.str());
  must_pull(name);
  EXPECT_EQ(to_.names(), Lines{cat(registry_.host(), "/", name)});
  EXPECT_TRUE(to_->find(cat(registry_.host(), "/", name)));
}

TEST_F(PullPush, OnePlatformOfSeveralThenTheOthers) {
  const auto lease = from_.lease();
  const auto amd = from_.write({{{"arch", "amd64"}}}, *lease, kAmd64);
  const auto arm = from_.write({{{"arch", "arm64"}}}, *lease, kArm64);
  const auto index = from_.make_index("multi", {amd, arm}, *lease);
  publish(from_, index, "multi", "1");
  EXPECT_EQ(to_.file_in(must_pull("multi:1", kArm64), "arch"), "arm64");
  EXPECT_EQ(to_.blobs().size(), 4u);  // index, manifest, config, layer
  const std::string name = cat(registry_.host(), "/multi:1");
  EXPECT_EQ(to_->find(name, kAmd64).error().code(), Code::kNotFound);
  EXPECT_EQ(to_.file_in(must_pull("multi:1", kAmd64), "arch"), "amd64");
  EXPECT_TRUE(to_->find(name, kArm64));
  EXPECT_EQ(to_->platforms_of(index)->size(), 2u);
  EXPECT_EQ(message_of(pull("multi:1", kRiscv64)),
            "no matching manifest for linux/riscv64 in the manifest list entries");
}

TEST_F(PullPush, AllPlatformsAtOnce) {
  const auto lease = from_.lease();
  const auto amd = from_.write({{{"arch", "amd64"}}}, *lease, kAmd64);
  const auto arm = from_.write({{{"arch", "arm64"}}}, *lease, kArm64);
  const auto index = from_.make_index("multi", {amd, arm}, *lease);
  publish(from_, index, "multi", "1");
  must_pull("multi:1", std::nullopt, true);
  EXPECT_EQ(to_.blobs(), from_.blobs());
}

TEST_F(PullPush, AnotherPlatformThanTheOnlyOneIsRefused) {
  const Image image = from_.make("arm", {{{"a", "1"}}}, kArm64);
  publish(from_, image.target, "arm", "1");
  EXPECT_EQ(message_of(pull("arm:1", kAmd64)),
            cat("image with reference ", registry_.host(), "/arm:1 was found but does not match ",
                "the specified platform: wanted linux/amd64, actual: linux/arm64"));
  EXPECT_TRUE(to_.names().empty());
}

TEST_F(PullPush, AnUnknownTagIsNotFound) {
  const auto pulled = pull("none:1");
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code(), Code::kNotFound);
}

TEST_F(PullPush, ABrokenOffPullIsContinued) {
  const Image image =
      from_.make("app", {{{"a", "1"}}, {{"b", random_bytes(300'000)}}, {{"c", "3"}}});
  publish(from_, image.target, "app", "1");
  const std::string layer = image.manifest_doc.layers[1].digest.str();
  const std::string bytes = registry_.blobs["app"][layer];
  registry_.blobs["app"].erase(layer);
  EXPECT_FALSE(pull("app:1"));
  EXPECT_TRUE(to_.names().empty());
  registry_.blobs["app"][layer] = bytes;
  registry_.forget_asked();
  must_pull("app:1");
  EXPECT_LE(asked_for_blobs(), 3);  // the config is here
  EXPECT_EQ(to_.blobs(), from_.blobs());
}

TEST_F(PullPush, WhatABrokenOffPullFetchedOutlivesTheDaemonForADay) {
  const Image image = from_.make("app", {{{"a", "1"}}, {{"b", "2"}}});
  publish(from_, image.target, "app", "1");
  registry_.blobs["app"].erase(image.manifest_doc.layers[1].digest.str());
  EXPECT_FALSE(pull("app:1"));
  const auto fetched = to_.blobs();
  EXPECT_GE(fetched.size(), 2u);
  to_.reopen();
  to_.clock().advance(std::chrono::hours(23));
  EXPECT_EQ(*to_->collect_leftovers(), 0u);
  EXPECT_EQ(to_.blobs(), fetched);
  to_.clock().advance(std::chrono::hours(1));
  EXPECT_GT(*to_->collect_leftovers(), 0u);
  to_.expect_empty();
}

TEST_F(PullPush, APruneTakesWhatABrokenOffPullFetched) {
  const Image image = from_.make("app", {{{"a", "1"}}, {{"b", "2"}}});
  publish(from_, image.target, "app", "1");
  registry_.blobs["app"].erase(image.manifest_doc.layers[1].digest.str());
  EXPECT_FALSE(pull("app:1"));
  ASSERT_TRUE((*to_->content().ingest("blob-half"))->write("half"));
  EXPECT_GT(*to_->collect_garbage(), 4u);
  to_.expect_empty();
  EXPECT_EQ(*to_->content().abort_idle(), 0u);
}

TEST_F(PullPush, ABlobThatIsNotWhatItsDigestSaysIsRefused) {
  const Image image = from_.make("app", {{{"a", "1"}}});
  publish(from_, image.target, "app", "1");
  std::string& layer = registry_.blobs["app"][image.manifest_doc.layers[0].digest.str()];
  layer.back() = static_cast<char>(layer.back() ^ 1);
  EXPECT_FALSE(pull("app:1"));
  EXPECT_TRUE(to_.names().empty());
  EXPECT_TRUE(to_.snapshots().empty());
  EXPECT_TRUE(to_->collect_garbage());
  EXPECT_TRUE(to_.blobs().empty());
}

TEST_F(PullPush, ALayerThatIsNotWhatTheConfigPromisedIsRefused) {
  const auto lease = from_.lease();
  const std::string tar = layer_tar({{"a", "1"}});
  StringSource source(tar);
  const NewLayer layer = *from_->add_layer(source, *lease, CompressForm{});
  oci::ImageConfig config;
  config.platform = oci::Platform::host();
  config.diff_ids = {oci::Digest::of("another")};
  const auto manifest = *from_->write_image(config, {layer.descriptor}, *lease);
  publish(from_, manifest, "app", "1");
  const auto pulled = pull("app:1");
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code(), Code::kDataLoss);
  EXPECT_NE(message_of(pulled).find("the image promised"), std::string::npos);
  EXPECT_TRUE(to_.snapshots().empty());
  EXPECT_TRUE(to_.names().empty());
}

TEST_F(PullPush, PullsOfTheSameImageShareTheirDownloads) {
  const Image image = from_.make("app", {{{"a", "1"}}, {{"b", std::string(500'000, 'x')}}});
  publish(from_, image.target, "app", "1");
  publish(from_, image.target, "app", "2");
  std::vector<std::thread> pulls;
  for (int i = 0; i < 4; ++i) {
    pulls.emplace_back([&, i] {
      const PullOptions options{.platform = {}, .client = remote::quick_options()};
      const auto pulled = to_->pull(registry_.ref(cat("app:", i % 2 + 1)), options, {}, {});
      EXPECT_TRUE(pulled) << message_of(pulled);
    });
  }
  for (std::thread& each : pulls) each.join();
  EXPECT_EQ(asked_for_blobs(), 3);
  EXPECT_EQ(to_.names().size(), 3u);
}

TEST_F(PullPush, ACancelledPullStops) {
  const Image image = from_.make("app", {{{"a", "1"}}});
  publish(from_, image.target, "app", "1");
  CancelSource cancel;
  cancel.cancel();
  const auto pulled =
      to_->pull(registry_.ref("app:1"), {.platform = {}, .client = remote::quick_options()}, {},
                cancel.token());
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code(), Code::kCancelled);
}

TEST_F(PullPush, APushedImageIsTheSameAtTheOtherEnd) {
  const Image image = to_.make("app", {{{"a", "1"}}, {{"b", "2"}}});
  ASSERT_TRUE(to_->tag(image, registry_.ref("app:1")));
  const auto pushed = push("app:1");
  ASSERT_TRUE(pushed) << message_of(pushed);
  EXPECT_EQ(pushed->digest, image.target.digest);
  EXPECT_EQ(oci::Digest::of(registry_.manifests["app"]["1"]), image.target.digest);
  EXPECT_EQ(registry_.blobs["app"].size(), 3u);
  for (const auto& [digest, bytes] : registry_.blobs["app"]) {
    EXPECT_EQ(oci::Digest::of(bytes).str(), digest);
  }
  EXPECT_EQ(progress_.front(), cat("The push refers to repository [", registry_.host(), "/app]"));
  for (const auto& layer : image.manifest_doc.layers) {
    EXPECT_TRUE(said(cat(layer.digest.short_hex(), ": Preparing")));
    EXPECT_TRUE(said(cat(layer.digest.short_hex(), ": Pushed")));
  }
  EXPECT_EQ(progress_.back(), cat("1: digest: ", image.target.digest.str(),
                                  " size: ", registry_.manifests["app"]["1"].size()));
  // It has a digest name now, as a pulled one.
  EXPECT_TRUE(to_->find(cat(registry_.host(), "/app@", image.target.digest.str())));
}

TEST_F(PullPush, WhatTheRegistryHasIsMountedOrLeft) {
  const Image image = to_.make("app", {{{"a", "1"}}});
  ASSERT_TRUE(to_->tag(image, registry_.ref("app:1")) && to_->tag(image, registry_.ref("fork:1")));
  ASSERT_TRUE(push("app:1"));
  ASSERT_TRUE(push("fork:1"));
  const std::string label = image.manifest_doc.layers[0].digest.short_hex();
  EXPECT_TRUE(said(cat(label, ": Mounted from app")));
  EXPECT_EQ(registry_.blobs["fork"].size(), 2u);
  ASSERT_TRUE(push("fork:1"));
  EXPECT_TRUE(said(cat(label, ": Layer already exists")));
}

TEST_F(PullPush, OfAnIndexThatIsNotWholeOnePlatformIsPushed) {
  const auto lease = to_.lease();
  const auto amd = to_.write({{{"arch", "amd64"}}}, *lease, kAmd64);
  const auto arm = to_.write({{{"arch", "arm64"}}}, *lease, kArm64);
  oci::Descriptor missing = arm;
  missing.digest = oci::Digest::of("nowhere");
  missing.platform = kRiscv64;
  const std::string host = registry_.host();
  to_.make_index(cat(host, "/one:1"), {amd, missing}, *lease);
  EXPECT_EQ(push("one:1")->digest, amd.digest);
  EXPECT_TRUE(
      said("Not all multiplatform-content is present and only the available "
           "single-platform image was pushed"));
  to_.make_index(cat(host, "/two:1"), {amd, arm, missing}, *lease);
  const auto refused = push("two:1");
  EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(message_of(refused).find("only linux/amd64, linux/arm64"), std::string::npos);
  EXPECT_EQ(push("two:1", kArm64)->digest, arm.digest);
  const auto whole = to_.make_index(cat(host, "/all:1"), {amd, arm}, *lease);
  EXPECT_EQ(push("all:1")->digest, whole.digest);
  EXPECT_EQ(registry_.manifests["all"].size(), 3u);
}

TEST_F(PullPush, AManifestIsPushedBeforeWhatNamesIt) {
  const auto lease = to_.lease();
  const auto amd = to_.write({{{"arch", "amd64"}}}, *lease, kAmd64);
  const auto arm = to_.write({{{"arch", "arm64"}}}, *lease, kArm64);
  // The inner index names again what the outer one has named before it.
  const auto inner = to_.make_index("inner:1", {arm, amd}, *lease);
  to_.make_index(cat(registry_.host(), "/outer:1"), {amd, inner}, *lease);
  ASSERT_TRUE(push("outer:1"));
  Lines put;
  for (const std::string& line : registry_.asked()) {
    if (line.starts_with("PUT /v2/outer/manifests/")) put.push_back(line.substr(24));
  }
  EXPECT_EQ(put, (Lines{amd.digest.str(), arm.digest.str(), inner.digest.str(), "1"}));
}

TEST_F(PullPush, WhatIsNotHereCannotBePushed) {
  EXPECT_EQ(message_of(push("none:1")),
            cat("An image does not exist locally with the tag: ", registry_.host(), "/none"));
  EXPECT_EQ(message_of(push(cat("app@", oci::Digest::of("x").str()))),
            "cannot push a digest reference");
}

// Another of the same index, whose platform has no image in it, while this one downloads.
TEST_F(PullPush, APullThatFailsForGoodLeavesWhatAnotherOfTheSameFetched) {
  const Image image = from_.make("app", {{{"a", "1"}}, {{"b", "2"}}});
  const auto lease = from_.lease();
  const std::string artifact =
      cat(R"({"schemaVersion":2,"mediaType":")", oci::kMediaTypeManifest,
          R"(","config":{"mediaType":"application/x","size":2,"digest":")",
          content::write_blob(from_->content(), "{}", lease.get())->str(), R"("},"layers":[]})");
  oci::Descriptor other = image.manifest;
  other.digest = *content::write_blob(from_->content(), artifact, lease.get());
  other.size = artifact.size();
  other.platform = kRiscv64;
  publish(from_, from_.make_index("index", {image.manifest, other}, *lease), "app", "1");
  const auto layers = image.manifest_doc.layers;
  registry_.blobs["app"].erase(layers[1].digest.str());
  registry_.instead = [&, manifests = registry_.instead](net::Request& r, net::ResponseWriter& w) {
    if (r.path.ends_with(layers[1].digest.str())) {
      while (!to_.blobs().contains(layers[0].digest)) std::this_thread::yield();
      const PullOptions options{.platform = kRiscv64, .client = remote::quick_options()};
      const auto pulled = to_->pull(registry_.ref("app:1"), options, {}, {});
      EXPECT_FALSE(pulled);
      EXPECT_EQ(pulled.error().code(), Code::kInvalidArgument) << message_of(pulled);
    }
    return manifests(r, w);
  };
  const auto pulled = pull("app:1");
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code(), Code::kNotFound) << message_of(pulled);
  ASSERT_TRUE(to_->collect_leftovers());
  EXPECT_TRUE(to_.blobs().contains(layers[0].digest));
}

// Neither stored nor kept for another attempt.
TEST_F(PullPush, WhatIsNoImageLeavesNothing) {
  const Image image = from_.make("app", {{{"a", "1"}}});
  publish(from_, image.target, "app", "1");
  const std::string manifest = registry_.manifests["app"]["1"];
  registry_.manifests["app"]["1"] = cat(R"({"schemaVersion": 2, "layers": "none", "mediaType": ")",
                                        oci::kMediaTypeManifest, "\"}");
  const auto malformed = pull("app:1");
  ASSERT_FALSE(malformed);
  EXPECT_EQ(malformed.error().code(), Code::kInvalidArgument) << message_of(malformed);
  to_.expect_empty();
  // The config is only known to be none once it is here.
  const std::string config = image.manifest_doc.config.digest.str();
  registry_.manifests["app"]["1"] =
      replace_all(manifest, config, oci::Digest::of("no config").str());
  registry_.manifests["app"]["1"] = replace_all(
      registry_.manifests["app"]["1"], cat("\"size\":", image.config_bytes.size()), "\"size\":9");
  registry_.blobs["app"][oci::Digest::of("no config").str()] = "no config";
  EXPECT_FALSE(pull("app:1"));
  to_.expect_empty();
  EXPECT_EQ(*to_->unneeded(), 0u);
}

}  // namespace
}  // namespace skiff::images
