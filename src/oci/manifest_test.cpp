// What the documents in tests/golden/manifests do not show.
#include "oci/manifest.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "oci/image_config.h"

namespace skiff::oci {
namespace {

Descriptor descriptor(std::string_view type, std::string_view bytes) {
  Descriptor d;
  d.media_type = type;
  d.digest = Digest::of(bytes);
  d.size = bytes.size();
  return d;
}

TEST(Manifest, WhatIsMadeIsParsedBack) {
  const Manifest made =
      Manifest::make(kDockerManifest, descriptor(kDockerConfig, "{}"),
                     {descriptor(kDockerLayerGzip, "one"), descriptor(kDockerLayerGzip, "two")},
                     {{"key", "value"}});
  auto parsed = Manifest::parse(made.raw, kDockerManifest);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->raw, made.raw);
  EXPECT_EQ(parsed->layers[1].digest, Digest::of("two"));
  EXPECT_EQ(parsed->annotations.at("key"), "value");
  EXPECT_EQ(parsed->descriptor().digest, Digest::of(made.raw));
  EXPECT_EQ(parsed->descriptor().media_type, kDockerManifest);
}

TEST(Manifest, AnIndexThatIsMadeIsParsedBack) {
  Descriptor arm = descriptor(kMediaTypeManifest, "arm");
  arm.platform = Platform::parse("linux/arm/v7").value();
  const Index made = Index::make(kMediaTypeIndex, {descriptor(kMediaTypeManifest, "x"), arm});
  auto parsed = Index::parse(made.raw);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->manifests[1].platform, arm.platform);
  EXPECT_EQ(parsed->descriptor().digest, made.descriptor().digest);
}

TEST(Manifest, ADescriptorKeepsAllFields) {
  Descriptor d = descriptor("application/x", "x");
  d.artifact_type = "application/vnd.example";
  d.annotations = {{"a", "b"}};
  d.urls = {"https://example.org/x"};
  d.platform = Platform{"windows", "amd64", "", "10.0"};
  auto parsed = Descriptor::from_json(d.to_json());
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->to_json(), d.to_json());
}

TEST(Manifest, TheTransportsTypeMustAgree) {
  const Manifest made = Manifest::make(kMediaTypeManifest, descriptor(kMediaTypeConfig, "{}"), {});
  EXPECT_TRUE(Manifest::parse(made.raw, kMediaTypeManifest));
  auto refused = Manifest::parse(made.raw, kDockerManifest);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), cat("image manifest: mediaType: \"", kMediaTypeManifest,
                                           "\" was sent as \"", kDockerManifest, "\""));
}

TEST(Manifest, TheTransportsTypeCountsWhereTheDocumentSaysNone) {
  const std::string bytes =
      cat(R"({"schemaVersion":2,"config":)", descriptor(kDockerConfig, "{}").to_json().dump(),
          R"(,"layers":[]})");
  EXPECT_EQ(Manifest::parse(bytes, kDockerManifest)->media_type, kDockerManifest);
  EXPECT_EQ(Manifest::parse(bytes)->media_type, kMediaTypeManifest);
  EXPECT_FALSE(Manifest::parse(bytes, kMediaTypeIndex));
}

TEST(Manifest, ErrorsNameThePlace) {
  Descriptor layer = descriptor(kMediaTypeLayer, "x");
  std::string bytes = Manifest::make(kMediaTypeManifest, layer, {layer, layer, layer}).raw;
  const size_t last = bytes.rfind(layer.digest.hex());
  bytes.replace(last, 64, "short");
  EXPECT_EQ(Manifest::parse(bytes).error().message(),
            "image manifest: layers[2].digest: invalid digest \"sha256:short\": must have 64 "
            "digits");
}

TEST(ChainId, IsTheDiffIdThenTheHashOfBoth) {
  const std::vector<Digest> ids = {Digest::of("a"), Digest::of("b"), Digest::of("c")};
  EXPECT_EQ(chain_id(ids, 1), ids[0]);
  const Digest two = Digest::of(cat(ids[0].str(), " ", ids[1].str()));
  EXPECT_EQ(chain_id(ids, 2), two);
  EXPECT_EQ(chain_id(ids, 3), Digest::of(cat(two.str(), " ", ids[2].str())));
}

TEST(ImageConfig, EqualConfigsHaveEqualBytes) {
  ImageConfig config;
  config.created = parse_rfc3339("2026-01-02T03:04:05.100Z").value();
  config.platform = {"linux", "arm", "v7", ""};
  config.config.cmd = {"/bin/sh"};
  config.config.labels = {{"b", "2"}, {"a", "1"}};
  config.diff_ids = {Digest::of("layer")};
  config.history = {{.created = config.created, .created_by = "step"}, {.empty_layer = true}};
  auto parsed = ImageConfig::parse(config.serialize());
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->serialize(), config.serialize());
  EXPECT_EQ(parsed->config, config.config);
  EXPECT_EQ(parsed->created, config.created);
  EXPECT_EQ(parsed->platform, config.platform);
  EXPECT_EQ(parsed->diff_ids, config.diff_ids);
  EXPECT_EQ(parsed->history[0].created_by, "step");
  EXPECT_TRUE(parsed->history[1].empty_layer);
}

}  // namespace
}  // namespace skiff::oci
