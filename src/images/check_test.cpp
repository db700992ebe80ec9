// Checks and repairs of a whole image store.
#include "content/layout.h"
#include "images/test_publish.h"

namespace skiff::images {
namespace {

class ImageCheckTest : public testing::Test {
 protected:
  Path file_of(const oci::Digest& digest) {
    return content::Layout(images_.root() / "content").blob(digest);
  }
  std::vector<Problem> check(const CheckOptions& options = {}) {
    std::vector<Problem> problems;
    const auto checked =
        images_->check(options, [&](const Problem& p) { problems.push_back(p); }, {});
    EXPECT_TRUE(checked) << message_of(checked);
    if (checked) summary_ = *checked;
    return problems;
  }
  // Repairs; the second check finds nothing.
  std::vector<Problem> repair() {
    auto problems = check({.repair = true});
    for (const Problem& problem : problems) EXPECT_TRUE(problem.mended) << problem.what;
    EXPECT_TRUE(check({.deep = true}).empty());
    return problems;
  }
  static bool tells(const std::vector<Problem>& problems, const std::string& words) {
    return std::ranges::any_of(
        problems, [&](const Problem& p) { return p.what.find(words) != std::string::npos; });
  }

  TestImages images_;
  CheckSummary summary_;
};

TEST_F(ImageCheckTest, AWholeStoreIsCounted) {
  const Image image = images_.make("web", {{{"a", "1"}}, {{"b", "2"}}});
  ASSERT_TRUE(images_->unpack(image, {}, {}));
  EXPECT_TRUE(check({.deep = true, .repair = true}).empty());
  EXPECT_EQ(summary_.targets, 1u);
  EXPECT_EQ(summary_.blobs, 4u);
  EXPECT_EQ(summary_.snapshots, 2u);
  EXPECT_EQ(images_.names(), Lines{"web:latest"});
}

TEST_F(ImageCheckTest, AnImageThatLostALayerIsToldAndDropped) {
  images_.make("fine", {{{"a", "1"}}});
  const Image image = images_.make("web", {{{"a", "1"}}, {{"b", "2"}}});
  const oci::Digest lost = image.manifest_doc.layers[1].digest;
  std::filesystem::remove(file_of(lost));
  const auto problems = check();
  EXPECT_EQ(problems.size(), 2u);
  EXPECT_TRUE(tells(problems, cat("blob ", lost.str(), " is damaged: its file is gone")));
  EXPECT_TRUE(problems[0].remedy.starts_with("pull or load web:latest again, or run "))
      << problems[0].remedy;
  EXPECT_TRUE(tells(problems, cat("image web:latest is not whole: blob ", lost.str())));
  EXPECT_EQ(repair().size(), 2u);
  EXPECT_EQ(images_.names(), Lines{"fine:latest"});
  // What a pull can still use is there, until a collection.
  EXPECT_TRUE(images_->content().info(image.manifest.digest));
  ASSERT_TRUE(images_->collect_garbage());
  EXPECT_FALSE(images_->content().info(image.manifest.digest));
}

// What a repair keeps for a pull is kept no longer than anybody may want to go on with it.
TEST_F(ImageCheckTest, APruneBesideARepairLeavesNothing) {
  const Image image = images_.make("web", {{{"a", "1"}}, {{"b", "2"}}});
  ASSERT_TRUE(images_->unpack(image, {}, {}));
  std::filesystem::remove(file_of(image.id));
  size_t dropped = 0;
  const auto prune = [&](const Problem& problem) {
    if (!problem.what.starts_with("image web:latest is not whole")) return;
    EXPECT_TRUE(images_->collect_garbage());
    ++dropped;
  };
  ASSERT_TRUE(images_->check({.repair = true}, prune, {}));
  EXPECT_EQ(dropped, 1u);
  images_.expect_empty();
}

// It is nobody's business what the snapshots of images and containers are called.
TEST_F(ImageCheckTest, ALostLayerUnderAContainerIsToldByItsImage) {
  const Image image = images_.make("web", {{{"a", "1"}}});
  ASSERT_TRUE(images_->unpack(image, {}, {}));
  ASSERT_TRUE(images_->snapshots().prepare("box", image.snapshot_name()));
  std::filesystem::remove_all(images_.root() / "snapshots/snapshots/1");
  const std::string back = "pull or load web:latest again";
  EXPECT_EQ(check().at(0).remedy, cat(back, ", or run skiff system check --repair"));
  EXPECT_EQ(check({.repair = true}).at(0).remedy, cat(back, ": a container stands on it"));
  ASSERT_TRUE(images_->snapshots().remove("box"));
  EXPECT_EQ(repair().size(), 1u);
}

TEST_F(ImageCheckTest, ALayerMadeHereComesBackFromItsSnapshot) {
  const Image image = images_.make("web", {{{"a", "1"}}, {{"d/b", "2"}, {"e", "3"}}});
  ASSERT_TRUE(images_->unpack(image, {}, {}));
  // As a build makes it: the layer is what its snapshot's diff gives.
  StringSink tar;
  ASSERT_TRUE(images_->snapshots().diff(image.snapshot_name(), tar));
  const std::string bytes = tar.take();
  StringSource source(bytes);
  auto lease = images_.lease();
  const auto layer = images_->add_layer(source, *lease, CompressForm{});
  oci::ImageConfig config = image.config;
  config.diff_ids = {image.config.diff_ids[0], layer->diff_id};
  const auto manifest =
      images_->write_image(config, {image.manifest_doc.layers[0], layer->descriptor}, *lease);
  images_.put(*manifest, "built");
  ASSERT_TRUE(images_->unpack(images_.find("built"), {}, {}));
  lease.reset();

  std::filesystem::remove(file_of(layer->descriptor.digest));
  const auto problems = repair();
  EXPECT_TRUE(tells(problems, cat("layer ", layer->descriptor.digest.str(), " was lost")));
  EXPECT_EQ(images_.names(), (Lines{"built:latest", "web:latest"}));
  EXPECT_TRUE(content::read_blob(images_->content(), layer->descriptor.digest));
}

TEST_F(ImageCheckTest, ADamagedLayerIsRefusedUntilItIsPulledAgain) {
  if (images_->snapshots().backend() != snapshot::Backend::kErofs) GTEST_SKIP() << "no tar is kept";
  TestImages from;
  remote::TestRegistry registry;
  publish(registry, from, from.make("app", {{{"a", "below"}}, {{"b", "above"}}}).target, "app",
          "1");
  const auto pull = [&] {
    return images_->pull(registry.ref("app:1"), {.client = remote::quick_options()}, {}, {});
  };
  const auto image = pull();
  ASSERT_TRUE(image) << message_of(image);
  const Path kept = images_.root() / "snapshots/snapshots/1/layer.tar";
  std::string tar = *read_file(kept);
  tar[520] ^= 1;
  ASSERT_TRUE(write_file(kept, tar));
  EXPECT_TRUE(tells(check(), "its tar is sha256:"));
  const auto refused = images_->unpack(*image, {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kDataLoss);
  EXPECT_TRUE(refused.error().message().starts_with(
      cat("image ", image->names.front().familiar(), ": layer sha256:")))
      << refused.error().message();
  ASSERT_TRUE(pull());
  EXPECT_EQ(images_.file_in(*image, "a"), "below");
  EXPECT_TRUE(check({.deep = true}).empty());
}

// No tree tells in which order its tar had it.
TEST_F(ImageCheckTest, ALayerComesBackAsTheTarThatItWas) {
  if (images_->snapshots().backend() != snapshot::Backend::kErofs) GTEST_SKIP() << "no tar is kept";
  const std::string tar = LayerTar().file("z", "1").file("a", "2").file("implied/b", "3").take();
  auto lease = images_.lease();
  StringSource source(tar);
  const NewLayer zipped = *images_->add_layer(source, *lease, CompressForm{});
  oci::Descriptor plain = zipped.descriptor;
  plain.media_type = oci::kMediaTypeLayer;
  plain.digest = *content::write_blob(images_->content(), tar, lease.get());
  plain.size = tar.size();
  oci::ImageConfig config;
  config.platform = kAmd64;
  config.diff_ids = {zipped.diff_id};
  images_.put(*images_->write_image(config, {zipped.descriptor}, *lease), "zipped");
  images_.put(*images_->write_image(config, {plain}, *lease), "plain");
  ASSERT_TRUE(images_->unpack(images_.find("plain"), {}, {}));
  lease.reset();

  for (const oci::Digest& lost : {zipped.descriptor.digest, plain.digest}) {
    std::filesystem::remove(file_of(lost));
    EXPECT_TRUE(tells(repair(), cat("layer ", lost.str(), " was lost")));
  }
  EXPECT_EQ(images_.names(), (Lines{"plain:latest", "zipped:latest"}));
}

TEST_F(ImageCheckTest, ALostConfigOrManifestDropsTheImage) {
  const Image one = images_.make("one", {{{"a", "1"}}});
  const Image two = images_.make("two", {{{"a", "2"}}});
  std::filesystem::remove(file_of(one.id));
  ASSERT_TRUE(images_->collect_garbage());  // documents once read are remembered
  std::filesystem::remove(file_of(two.manifest.digest));
  EXPECT_EQ(check().size(), 4u);
  EXPECT_EQ(repair().size(), 4u);
  EXPECT_EQ(images_.names(), Lines{});
  ASSERT_TRUE(images_->collect_garbage());
  images_.expect_empty();
}

TEST_F(ImageCheckTest, OfSeveralPlatformsOneMustBeWhole) {
  auto lease = images_.lease();
  const auto amd = images_.write({{{"a", "amd"}}}, *lease, kAmd64);
  const auto arm = images_.write({{{"a", "arm"}}}, *lease, kArm64);
  images_.make_index("multi", {amd, arm}, *lease);
  lease.reset();
  const auto layer_of = [&](const oci::Descriptor& manifest) {
    const auto bytes = content::read_blob(images_->content(), manifest.digest);
    return oci::Manifest::parse(*bytes, manifest.media_type)->layers[0].digest;
  };
  std::filesystem::remove(file_of(layer_of(arm)));
  EXPECT_EQ(repair().size(), 1u);
  EXPECT_EQ(images_.find("multi").config.platform.architecture, "amd64");
  std::filesystem::remove(file_of(layer_of(amd)));
  EXPECT_EQ(repair().size(), 2u);
  EXPECT_EQ(images_.names(), Lines{});
}

TEST_F(ImageCheckTest, ARepairCollectsWhatNothingRefersTo) {
  images_.make("web", {{{"a", "1"}}});
  ASSERT_TRUE(content::write_blob(images_->content(), std::string(5000, 'x')));
  EXPECT_TRUE(check().empty());
  EXPECT_EQ(summary_.freed, 0u);
  repair();
  EXPECT_EQ(images_.blobs().size(), 3u);
}

TEST_F(ImageCheckTest, ADamagedLayerIsNamedBySaveAndByRun) {
  const Image image = images_.make("web", {{{"a", std::string(1000, 'x')}}});
  const oci::Digest layer = image.manifest_doc.layers[0].digest;
  const Path file = file_of(layer);
  const auto before = std::filesystem::last_write_time(file);
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  std::string bytes = *read_file(file);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(write_file(file, bytes));
  std::filesystem::last_write_time(file, before);

  const std::string told = cat("blob ", layer.str(), " is damaged on disk (its content is ");
  StringSink tar;
  EXPECT_NE(message_of(images_->save({"web"}, tar, {})).find(told), std::string::npos);
  EXPECT_NE(message_of(images_->unpack(image, {}, {})).find("is damaged on disk"),
            std::string::npos);
  // A load of the whole image replaces it.
  TestImages other;
  other.make("web", {{{"a", std::string(1000, 'x')}}});
  ASSERT_TRUE(images_.load(other.save({"web"})));
  EXPECT_TRUE(check({.deep = true}).empty());
  EXPECT_EQ(images_.file_in(image, "a"), std::string(1000, 'x'));
}

}  // namespace
}  // namespace skiff::images
