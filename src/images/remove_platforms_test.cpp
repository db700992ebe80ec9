// Single platforms taken out of an image.
#include "images/test_images.h"

namespace skiff::images {
namespace {

class PlatformRemoval : public testing::Test {
 protected:
  // Both have their base, and the statement about the one its index.
  void SetUp() override {
    const auto held = images_.lease();
    const Files base = {{"base", "x"}};
    amd64_ = images_.write({base, {{"a", "1"}}}, *held, kAmd64);
    arm64_ = images_.write({base, {{"a", "2"}}}, *held, kArm64);
    oci::Descriptor statement =
        images_.write({{{"statement", "y"}}}, *held, {"unknown", "unknown"});
    statement.annotations = {{"vnd.docker.reference.digest", arm64_.digest.str()},
                             {"vnd.docker.reference.type", "attestation-manifest"}};
    statement_ = statement;
    index_ = images_.make_index("web", {amd64_, arm64_, statement}, *held);
    for (const Image& image : *images_->platforms_of(index_)) {
      ASSERT_TRUE(images_->unpack(image, {}, {}));
    }
  }

  Result<std::vector<Removed>> remove(const oci::Platform& platform, bool force = false,
                                      const ImageUser& user = {}) {
    return images_->remove_platforms("web", std::array{platform}, force,
                                     [&](const oci::Digest&) { return user; });
  }
  std::vector<oci::Platform> present() {
    std::vector<oci::Platform> out;
    for (const Image& image : *images_->platforms_of(index_)) out.push_back(image.config.platform);
    return out;
  }

  TestImages images_;
  oci::Descriptor amd64_, arm64_, statement_, index_;
};

TEST_F(PlatformRemoval, TakesWhatIsOfItAlone) {
  const Image arm64 = images_.image_of(arm64_);
  const auto removed = remove(kArm64);
  ASSERT_TRUE(removed) << message_of(removed);
  ASSERT_EQ(removed->size(), 2U);
  EXPECT_EQ(removed->at(0).what, arm64.id.str());
  EXPECT_EQ(removed->at(1).what, arm64.snapshot_name());
  EXPECT_EQ(present(), std::vector{kAmd64});
  EXPECT_EQ(images_.blobs().size(), 5U);  // index, manifest, config and two layers
  EXPECT_FALSE(images_.blobs().contains(statement_.digest));
  EXPECT_EQ(images_.snapshots().size(), 2U);
  EXPECT_EQ(images_.find("web").target.digest, index_.digest);
  EXPECT_EQ(images_.file_in(images_.find("web"), "base"), "x");
}

TEST_F(PlatformRemoval, OfTheLastTheImageGoes) {
  ASSERT_TRUE(remove(kArm64));
  const auto removed = remove(kAmd64);
  ASSERT_TRUE(removed) << message_of(removed);
  EXPECT_EQ(removed->at(0).what, "web:latest");
  images_.expect_empty();
}

TEST_F(PlatformRemoval, OfOneThatIsNotHereSaysSo) {
  ASSERT_TRUE(remove(kArm64));
  const auto removed = remove(kArm64);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code(), Code::kNotFound);
  EXPECT_EQ(present(), std::vector{kAmd64});
}

TEST_F(PlatformRemoval, OnlyThePlatformItself) {
  const oci::Platform v7{.os = "linux", .architecture = "arm", .variant = "v7"};
  EXPECT_EQ(remove(v7).error().code(), Code::kNotFound);  // which arm64 serves, too
}

TEST_F(PlatformRemoval, AContainerKeepsIt) {
  const std::string id(64, 'c');
  EXPECT_EQ(message_of(remove(kArm64, true, {id, true})),
            cat("conflict: unable to delete ", images_.image_of(arm64_).id.short_hex(),
                " (cannot be forced) - image is being used by running container cccccccccccc"));
  EXPECT_FALSE(remove(kArm64, false, {id, false}));
  EXPECT_EQ(present().size(), 2U);
  EXPECT_TRUE(remove(kArm64, true, {id, false}));
}

TEST_F(PlatformRemoval, AnotherImageKeepsIt) {
  images_.put(arm64_, "other");
  EXPECT_FALSE(remove(kArm64, true));
  EXPECT_EQ(present().size(), 2U);
}

TEST_F(PlatformRemoval, WhoWorksOnItKeepsIt) {
  const auto lease = images_.lease();
  ASSERT_TRUE(lease->hold(arm64_.digest));
  EXPECT_EQ(remove(kArm64).error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(present().size(), 2U);
}

}  // namespace
}  // namespace skiff::images
