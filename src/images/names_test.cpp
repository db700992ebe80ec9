// Names and ids.
#include "images/test_images.h"

namespace skiff::images {
namespace {

class Names : public testing::Test {
 protected:
  TestImages images_;
};

TEST_F(Names, AnImageIsFoundByEveryNameItHas) {
  const Image image = images_.make("docker.io/library/web:1", {{{"a", "1"}}});
  const std::string hex = image.id.hex();
  for (const std::string& name :
       {std::string("web:1"), std::string("library/web:1"), std::string("docker.io/library/web:1"),
        image.id.str(), hex, hex.substr(0, 12), hex.substr(0, 4), cat("sha256:", hex.substr(0, 8)),
        cat("web@", image.target.digest.str()), cat("web:1@", image.target.digest.str())}) {
    const auto found = images_->find(name);
    ASSERT_TRUE(found) << name << ": " << message_of(found);
    EXPECT_EQ(found->id, image.id) << name;
  }
}

TEST_F(Names, WhatIsNotThereIsNamedAsDockerDoes) {
  images_.make("web:1", {{{"a", "1"}}});
  EXPECT_EQ(message_of(images_->find("web")), "No such image: web:latest");
  EXPECT_EQ(message_of(images_->find("web:2")), "No such image: web:2");
  EXPECT_EQ(message_of(images_->find("ffffffffffff")), "No such image: ffffffffffff:latest");
  const std::string id = oci::Digest::of("none").str();
  EXPECT_EQ(message_of(images_->find(id)), cat("No such image: ", id));
  EXPECT_EQ(images_->find("Not/Valid::").error().code(), Code::kInvalidArgument);
  EXPECT_NE(message_of(images_->find("bad name")).find("invalid reference format"),
            std::string::npos);
}

TEST_F(Names, APrefixOfSeveralIdsIsAmbiguous) {
  // Two variants whose ids start alike are found on paper: only they are made.
  const auto variant = [](int i) { return cat("v", 100'000 + i); };
  const auto make = [&](int i) {
    oci::Platform platform = oci::Platform::host();
    platform.variant = variant(i);
    return images_.make(cat("web:", i), {}, platform);
  };
  const std::string config = make(0).config_bytes;
  const size_t at = config.find(variant(0));
  ASSERT_NE(at, std::string::npos);
  std::map<std::string, int> starts;
  std::string shared;
  for (int i = 1; shared.empty(); ++i) {
    std::string other = config;
    other.replace(at, variant(0).size(), variant(i));
    const std::string start = oci::Digest::of(other).hex().substr(0, 4);
    const auto [twin, is_new] = starts.emplace(start, i);
    if (is_new) continue;
    ASSERT_TRUE(make(twin->second).id.hex().starts_with(start));
    ASSERT_TRUE(make(i).id.hex().starts_with(start));
    shared = start;
  }
  // Less than four digits are a name, and there is none.
  EXPECT_EQ(message_of(images_->find(shared.substr(0, 3))),
            cat("No such image: ", shared.substr(0, 3), ":latest"));
  const auto found = images_->find(shared);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Code::kInvalidArgument);
  EXPECT_NE(message_of(found).find("is ambiguous"), std::string::npos);
}

TEST_F(Names, AnImageOfOnePlatformIsNoOther) {
  images_.make("arm", {{{"a", "1"}}}, kArm64);
  EXPECT_TRUE(images_->find("arm"));
  EXPECT_TRUE(images_->find("arm", kArm64));
  EXPECT_EQ(message_of(images_->find("arm", kRiscv64)),
            "image with reference arm:latest was found but does not match the specified platform: "
            "wanted linux/riscv64, actual: linux/arm64");
  const auto lease = images_.lease();
  images_.make_index("both",
                     {images_.write({{{"a", "1"}}}, *lease, kArm64),
                      images_.write({{{"a", "1"}}}, *lease, kAmd64)},
                     *lease);
  EXPECT_EQ(images_->find("both", kArm64)->config.platform, kArm64);
  EXPECT_EQ(images_->find("both", kAmd64)->config.platform, kAmd64);
  EXPECT_EQ(message_of(images_->find("both", kRiscv64)),
            "image with reference both:latest was found but does not provide the specified "
            "platform (linux/riscv64)");
}

TEST_F(Names, ATagMovesAndWhatItNamedStays) {
  const Image one = images_.make("web", {{{"a", "1"}}});
  const Image two = images_.make("other", {{{"a", "2"}}});
  ASSERT_TRUE(images_->tag(two, reference("web")));
  EXPECT_EQ(images_.find("web").id, two.id);
  EXPECT_EQ(images_.names(), (Lines{"<none>", "other:latest", "web:latest"}));
  EXPECT_TRUE(images_->find(one.id.str()));
  EXPECT_EQ(message_of(images_->tag(two, reference(cat("web@", two.target.digest.str())))),
            "refusing to create a tag with a digest reference");
}

TEST_F(Names, NamesAndTargetsSurviveARestart) {
  const Image image = images_.make("web:1", {{{"a", "1"}}});
  images_.make("", {{{"a", "2"}}});
  images_.reopen();
  EXPECT_EQ(images_.names(), (Lines{"<none>", "web:1"}));
  EXPECT_EQ(images_.find("web:1").id, image.id);
}

TEST_F(Names, OnlyWhatIsStoredCanBeNamed) {
  oci::Descriptor nothing;
  nothing.media_type = oci::kMediaTypeManifest;
  nothing.digest = oci::Digest::of("nothing");
  EXPECT_EQ(images_->put(nothing, reference("web")).error().code(), Code::kNotFound);
  EXPECT_TRUE(images_.names().empty());
}

TEST_F(Names, APlatformThatComesLaterIsFoundByItsId) {
  const oci::Descriptor other = images_.write({{{"a", "1"}}}, *images_.lease(), kRiscv64);
  const std::string id = images_.image_of(other).id.str();
  ASSERT_TRUE(images_->collect_garbage());
  const auto lease = images_.lease();
  const oci::Descriptor here = images_.write({{{"a", "1"}}}, *lease, kArm64);
  const oci::Descriptor both = images_.make_index("both", {here, other}, *lease);
  EXPECT_FALSE(images_->find(id));
  EXPECT_TRUE(images_->find(images_.image_of(here).id.str()));
  ASSERT_EQ(images_.write({{{"a", "1"}}}, *lease, kRiscv64).digest, other.digest);
  const auto found = images_->find(id);
  ASSERT_TRUE(found) << message_of(found);
  EXPECT_EQ(found->target.digest, both.digest);
}

TEST_F(Names, ListsTheNewestFirst) {
  images_.make("old", {{{"a", "1"}}});
  images_.clock().advance(std::chrono::seconds(10));
  images_.make("new", {{{"a", "2"}}});
  const auto list = images_->list();
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ(list->at(0).names, std::vector{reference("new").with_default_tag()});
  EXPECT_EQ(list->at(0).tagged, images_.clock().now());
  EXPECT_GT(list->at(0).size, 0u);
}

TEST_F(Names, ALayerOfDockersIsNamedInTheWordsOfOci) {
  const auto lease = images_.lease();
  const std::string tar = layer_tar({{"a", "1"}});
  StringSource source(tar);
  NewLayer layer = *images_->add_layer(source, *lease, CompressForm{});
  layer.descriptor.media_type = oci::kDockerLayerGzip;
  oci::ImageConfig config;
  config.platform = kAmd64;
  config.diff_ids = {layer.diff_id};
  const auto manifest = images_->write_image(config, {layer.descriptor}, *lease);
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->platform, kAmd64);
  images_.put(*manifest, "web");
  EXPECT_EQ(images_.find("web").manifest_doc.layers[0].media_type, oci::kMediaTypeLayerGzip);
  EXPECT_EQ(images_->write_image(config, {}, *lease).error().message(),
            "the manifest has 0 layers, the config 1");
}

}  // namespace
}  // namespace skiff::images
