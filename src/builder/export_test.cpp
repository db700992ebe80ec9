// What comes out of a build, by each type of output.
#include "builder/export_fixture.h"
#include "builder/export_options.h"
#include "codec/compress.h"
#include "remote/test_registry.h"

namespace skiff::builder {
namespace {

TEST_F(ExportTest, WithoutOutputsTheImageIsInTheStore) {
  write("a", "text of a\n");
  built(std::string(kDockerfile));
  EXPECT_EQ(images_here(), 1U);
}

TEST_F(ExportTest, NoneKeepsNoImage) {
  ASSERT_TRUE(build(wanted(OutputType::kNone)));
  EXPECT_EQ(images_here(), 0U);
}

TEST_F(ExportTest, TarHasTheFilesAndNoImageIsKept) {
  ASSERT_TRUE(build(wanted(OutputType::kTar)));
  const TarContent content = read_tar(file_.text());
  EXPECT_EQ(content.lines, (std::vector<std::string>{"./", "b", "d/", "d/a"}));
  EXPECT_EQ(content.files.at("d/a"), "text of a\n");
  EXPECT_EQ(images_here(), 0U);
}

TEST_F(ExportTest, SeveralPlatformsHaveADirectoryEach) {
  BuildRequest several = wanted(OutputType::kTar);
  several.platforms = {*oci::Platform::parse("linux/amd64"), *oci::Platform::parse("linux/arm/v7")};
  ASSERT_TRUE(build(several));
  const TarContent content = read_tar(file_.text());
  EXPECT_EQ(content.files.at("linux_amd64/b"), "text of a\n");
  EXPECT_EQ(content.files.at("linux_arm_v7/d/a"), "text of a\n");
}

TEST_F(ExportTest, SeveralPlatformsMayShareADirectory) {
  BuildRequest several = wanted(OutputType::kTar, {{"platform-split", "false"}});
  several.platforms = {*oci::Platform::parse("linux/amd64"), *oci::Platform::parse("linux/arm/v7")};
  several.dockerfile_text = "FROM scratch\nARG TARGETARCH\nCOPY a /d/$TARGETARCH\n";
  ASSERT_TRUE(build(several));
  EXPECT_EQ(read_tar(file_.text()).lines,
            (std::vector<std::string>{"./", "d/", "d/amd64", "d/arm"}));
  // No file of one is taken for another's, nor a directory.
  several.dockerfile_text = "FROM scratch\nARG TARGETARCH\nCOPY a /d/$TARGETARCH\nCOPY a /b\n";
  EXPECT_EQ(error_of(several),
            "output type=tar: cannot overwrite b from linux/amd64 with linux/arm/v7 when split "
            "option is disabled");
  several.dockerfile_text =
      "FROM scratch AS amd64\nCOPY a /d\nFROM scratch AS arm\nCOPY a /d/a\nFROM $TARGETARCH\n";
  EXPECT_NE(error_of(several).find("cannot overwrite d from linux/amd64"), std::string::npos);
}

TEST_F(ExportTest, APlatformMayHaveADirectoryOfItsOwn) {
  BuildRequest alone = wanted(OutputType::kTar, {{"platform-split", "true"}});
  alone.platforms = {*oci::Platform::parse("linux/arm64")};
  ASSERT_TRUE(build(alone));
  EXPECT_TRUE(read_tar(file_.text()).files.contains("linux_arm64/b"));
  EXPECT_EQ(error_of(wanted(OutputType::kTar, {{"platform-split", ""}})),
            "output type=tar: platform-split=: it is true or false");
  EXPECT_EQ(error_of(wanted(OutputType::kOci, {{"platform-split", "true"}})),
            "output type=oci: platform-split=true: this type has no such attribute");
}

TEST_F(ExportTest, LocalGivesMountsToTheReceiver) {
  struct Receiver : TreeReceiver {
    Result<> receive(std::span<const ExportedTree> trees, const CancelToken&) override {
      for (const ExportedTree& tree : trees) texts[tree.name] = TRY(read_file(tree.root / "b"));
      return {};
    }
    std::map<std::string, std::string> texts;
  } receiver;
  BuildRequest local = wanted(OutputType::kLocal);
  local.outputs[0].file = nullptr;
  local.outputs[0].trees = &receiver;
  ASSERT_TRUE(build(local));
  EXPECT_EQ(receiver.texts, (std::map<std::string, std::string>{{"", "text of a\n"}}));
}

TEST_F(ExportTest, OciArchiveIsALayoutThatLoads) {
  auto result = build(wanted(OutputType::kOci, {{"name", "one:1,two:2"}}));
  ASSERT_TRUE(result) << result.error().message();
  const TarContent content = read_tar(file_.text());
  EXPECT_EQ(content.files.count("manifest.json"), 0U);
  const auto index = oci::Index::parse(content.files.at("index.json"));
  ASSERT_TRUE(index);
  ASSERT_EQ(index->manifests.size(), 2U);
  EXPECT_EQ(index->manifests[0].digest, result->target.digest);
  EXPECT_EQ(index->manifests[0].annotations.at("io.containerd.image.name"),
            "docker.io/library/one:1");
  // What leaves is compressed.
  const auto manifest =
      oci::Manifest::parse(content.files.at(cat("blobs/sha256/", result->target.digest.hex())));
  ASSERT_TRUE(manifest);
  for (const auto& layer : manifest->layers) {
    EXPECT_EQ(layer.media_type, oci::kMediaTypeLayerGzip);
  }
  EXPECT_EQ(images_here(), 0U);
  StringSource archive(file_.text());
  auto loaded = images_->load(archive, [](const images::ProgressEvent&) {}, {});
  ASSERT_TRUE(loaded) << loaded.error().message();
  auto image = images_->find("two:2");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->id, result->id);
  EXPECT_EQ(text_in(*image, "d/a"), "text of a\n");
}

TEST_F(ExportTest, ADirectoryIsGivenItsBlobs) {
  struct Blobs : BlobReceiver {
    std::map<std::string, std::string> all;
    Result<> receive(const oci::Digest& blob, uint64_t size, Source& bytes) override {
      all[blob.str()] = TRY(read_all(bytes, size));
      return {};
    }
  } blobs;
  BuildRequest asked = wanted(OutputType::kOci, {{"tar", "false"}});
  asked.outputs[0].file = nullptr;
  asked.outputs[0].blobs = &blobs;
  const auto result = build(asked);
  ASSERT_TRUE(result) << result.error().message();
  const auto manifest = oci::Manifest::parse(blobs.all.at(result->target.digest.str()));
  ASSERT_TRUE(manifest);
  EXPECT_TRUE(blobs.all.contains(manifest->config.digest.str()));
  EXPECT_EQ(blobs.all.size(), manifest->layers.size() + 2);
  for (const auto& [digest, bytes] : blobs.all) EXPECT_EQ(oci::Digest::of(bytes).str(), digest);
}

TEST_F(ExportTest, DockerArchiveHasAManifestOfDockersToo) {
  ASSERT_TRUE(build(wanted(OutputType::kDocker)));
  const TarContent content = read_tar(file_.text());
  EXPECT_NE(content.files.at("manifest.json").find("\"RepoTags\":[\"test:1\"]"), std::string::npos);
}

TEST_F(ExportTest, ImageTakesTheNamesOfItsOutput) {
  ASSERT_TRUE(build(wanted(OutputType::kImage, {{"name", "other:2"}})));
  EXPECT_TRUE(images_->find("other:2"));
  EXPECT_FALSE(images_->find("test:1"));
}

TEST_F(ExportTest, SeveralOutputsOfOneBuild) {
  BuildRequest several = wanted(OutputType::kTar);
  several.outputs.push_back({.type = OutputType::kImage});
  ASSERT_TRUE(build(several));
  EXPECT_TRUE(images_->find("test:1"));
  EXPECT_FALSE(file_.text().empty());
}

TEST_F(ExportTest, LayersAreCompressedAsAsked) {
  const std::string plain = built(wanted(OutputType::kImage)).config.diff_ids.back().str();
  const auto layers = [&](std::map<std::string, std::string> attributes) {
    return built(wanted(OutputType::kImage, std::move(attributes))).manifest_doc.layers;
  };
  const auto zstd = layers({{"compression", "zstd"}, {"compression-level", "19"}});
  ASSERT_EQ(zstd.size(), 2U);
  EXPECT_EQ(zstd[1].media_type, oci::kMediaTypeLayerZstd);
  const auto uncompressed = layers({{"compression", "uncompressed"}});
  EXPECT_EQ(uncompressed[1].media_type, oci::kMediaTypeLayer);
  EXPECT_EQ(uncompressed[1].digest.str(), plain);
  const auto words = layers({{"oci-mediatypes", "false"}});
  EXPECT_EQ(words[1].media_type, oci::kDockerLayerPlain);
  const auto gzip = layers({{"compression", "gzip"}, {"oci-mediatypes", "false"}});
  EXPECT_EQ(gzip[1].media_type, oci::kDockerLayerGzip);
  EXPECT_EQ(images_->find("test:1")->manifest.media_type, oci::kDockerManifest);
}

// So that an image which was pushed is the same one when it is built again.
TEST_F(ExportTest, LayersAreNamedAsTheyHaveLeft) {
  const auto lease = *images_->lease();
  std::vector<oci::Digest> packed;
  for (const auto& layer : built(wanted(OutputType::kImage)).manifest_doc.layers) {
    EXPECT_EQ(layer.media_type, oci::kMediaTypeLayer);
    packed.push_back(images_->pack_layer(layer, images::Pack::kNow, *lease, {})->digest);
  }
  const auto again = built(wanted(OutputType::kImage)).manifest_doc.layers;
  ASSERT_EQ(again.size(), packed.size());
  for (size_t i = 0; i < packed.size(); ++i) EXPECT_EQ(again[i].digest, packed[i]);
}

TEST_F(ExportTest, TheBasesLayersAreCompressedAnewOnlyByForce) {
  built("FROM scratch\nWORKDIR /base\n");
  const auto types = [&](std::map<std::string, std::string> attributes) {
    BuildRequest above = wanted(OutputType::kImage, std::move(attributes));
    above.dockerfile_text = "FROM test:1\nCOPY a /a\n";
    above.tags = {*oci::Reference::parse("above:1")};
    std::vector<std::string> out;
    for (const auto& layer : built(above).manifest_doc.layers) out.push_back(layer.media_type);
    return out;
  };
  const std::string plain(oci::kMediaTypeLayer);
  const std::string zstd(oci::kMediaTypeLayerZstd);
  EXPECT_EQ(types({{"compression", "zstd"}}), (std::vector<std::string>{plain, zstd}));
  EXPECT_EQ(types({{"compression", "zstd"}, {"force-compression", "true"}}),
            (std::vector<std::string>{zstd, zstd}));
}

TEST_F(ExportTest, AnnotationsOfManifestAndIndex) {
  BuildRequest several = wanted(OutputType::kImage, {{"annotation.a", "1"},
                                                     {"annotation[linux/arm64].b", "2"},
                                                     {"annotation-index.c", "3"},
                                                     {"annotation-manifest-descriptor.d", "4"},
                                                     {"annotation-index-descriptor.e", "5"}});
  several.platforms = {*oci::Platform::parse("linux/amd64"), *oci::Platform::parse("linux/arm64")};
  auto result = build(several);
  ASSERT_TRUE(result) << result.error().message();
  const auto raw = content::read_blob(images_->content(), result->target.digest);
  const auto index = oci::Index::parse(*raw);
  using Annotations = std::map<std::string, std::string>;
  EXPECT_EQ(index->annotations, (Annotations{{"c", "3"}}));
  EXPECT_EQ(index->manifests[1].annotations, (Annotations{{"d", "4"}}));
  const auto arm = images_->find("test:1", oci::Platform::parse("linux/arm64").value());
  EXPECT_EQ(arm->manifest_doc.annotations, (Annotations{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(result->target.annotations, (Annotations{{"e", "5"}}));
}

// Where no index has it, that of an archive has.
TEST_F(ExportTest, AnnotationsOfTheOnlyDescriptor) {
  ASSERT_TRUE(
      build(wanted(OutputType::kOci, {{"annotation-manifest-descriptor.a", "1"},
                                      {"annotation-manifest-descriptor[linux/s390x].b", "2"}})));
  const auto index = oci::Index::parse(read_tar(file_.text()).files.at("index.json"));
  std::map<std::string, std::string> found = index->manifests.at(0).annotations;
  EXPECT_EQ(found["a"], "1");
  EXPECT_EQ(found["io.containerd.image.name"], "docker.io/library/test:1");
  EXPECT_FALSE(found.contains("b"));
}

TEST_F(ExportTest, RewrittenTimesGiveTheSameImageAgain) {
  const auto digest = [&] {
    BuildRequest again = wanted(
        OutputType::kImage, {{"rewrite-timestamp", "true"}, {"source-date-epoch", "1000000000"}});
    again.no_cache = true;
    auto result = build(again);
    EXPECT_TRUE(result);
    return result->target.digest.str();
  };
  const std::string first = digest();
  EXPECT_EQ(digest(), first);
  const auto image = images_->find("test:1");
  EXPECT_EQ(unix_seconds(image->config.created), 1'000'000'000);
  EXPECT_EQ(unix_seconds(image->config.history[0].created), 1'000'000'000);
  EXPECT_EQ(tree(*image, "%P %Ts"), "b 1000000000\nd 1000000000\nd/a 1000000000");
}

// With an epoch: by each output, whatever this engine has pushed, and in which form.
TEST_F(ExportTest, WhatWasPushedBeforeIsNotToldByADigest) {
  remote::TestRegistry registry;
  write("a", "text of a\n");
  const auto digests = [&] {
    std::set<std::string> out;
    const std::string name = registry.ref("above:1").familiar();
    std::vector<BuildRequest> all = {
        wanted(OutputType::kImage), wanted(OutputType::kOci),
        wanted(OutputType::kImage, {{"push", "true"}, {"name", name}, {"store", "false"}})};
    for (BuildRequest& one : all) {
      one.dockerfile_text = "FROM base:1\nCOPY a /a\n";
      one.no_cache = true;
      one.outputs[0].attributes["rewrite-timestamp"] = "true";
      one.outputs[0].attributes["source-date-epoch"] = "1000000000";
      const auto result = build(one);
      EXPECT_TRUE(result) << result.error().message();
      if (result) out.insert(result->target.digest.str());
    }
    return out;
  };
  for (const bool as_it_is : {false, true}) {
    BuildRequest base = request(cat("FROM scratch\nCOPY a /base-", as_it_is, "\n"));
    base.tags = {*oci::Reference::parse("base:1")};
    const images::Image made = built(base);
    const auto before = digests();
    EXPECT_EQ(before.size(), 1U);
    ASSERT_TRUE(images_->tag(made, registry.ref("base:1")));
    const images::PushOptions push{.as_it_is = as_it_is, .client = remote::quick_options()};
    const auto pushed =
        images_->push(registry.ref("base:1"), push, [](const images::ProgressEvent&) {}, {});
    ASSERT_TRUE(pushed) << pushed.error().message();
    EXPECT_EQ(digests(), before);
  }
}

// Which is what they are there, until somebody asks for another form.
TEST_F(ExportTest, LayersThatWereBuiltLeavePackedAlsoWhereARegistryHasThemPlain) {
  remote::TestRegistry registry;
  const std::string name = registry.ref("app:1").familiar();
  ASSERT_TRUE(build(wanted(OutputType::kImage,
                           {{"push", "true"}, {"name", name}, {"compression", "uncompressed"}})));
  const auto result = build(wanted(OutputType::kOci));
  ASSERT_TRUE(result) << result.error().message();
  const TarContent content = read_tar(file_.text());
  const auto manifest =
      oci::Manifest::parse(content.files.at(cat("blobs/sha256/", result->target.digest.hex())));
  ASSERT_TRUE(manifest);
  for (const auto& layer : manifest->layers) {
    EXPECT_EQ(layer.media_type, oci::kMediaTypeLayerGzip);
  }
}

// What depends on no platform is made once for all.
TEST_F(ExportTest, AStageOfTheBuildPlatformIsBuiltOnce) {
  write("a", "text of a\n");
  BuildRequest several = request(
      "FROM --platform=$BUILDPLATFORM scratch AS made\nCOPY a /made\nFROM scratch\nARG "
      "TARGETARCH\nCOPY --from=made /made /$TARGETARCH\n");
  several.platforms = {*oci::Platform::parse("linux/amd64"), *oci::Platform::parse("linux/arm64")};
  ASSERT_TRUE(build(several));
  const auto count = [&](std::string_view start) {
    return std::ranges::count_if(told_.log,
                                 [&](const auto& line) { return line.starts_with(start); });
  };
  EXPECT_EQ(count("start 2/"), 2);  // COPY a /made, of either platform
  EXPECT_EQ(count("cached 2"), 1);  // of which one is made, the other found
}

TEST_F(ExportTest, AttributesThatChangeNothingHereAreTaken) {
  const oci::Digest plain = built(wanted(OutputType::kImage)).id;
  EXPECT_EQ(built(wanted(OutputType::kImage, {{"load", "true"},
                                              {"oci-artifact", "false"},
                                              {"prefer-nondist-layers", "true"},
                                              {"buildinfo", "true"},
                                              {"buildinfo-attrs", "false"},
                                              {"inline-cache", "false"}}))
                .id,
            plain);
  const auto telling = built(wanted(OutputType::kImage, {{"inline-cache", "true"}}));
  EXPECT_NE(telling.id, plain);
  EXPECT_EQ(error_of(wanted(OutputType::kImage, {{"load", "maybe"}})),
            "output type=image: load=maybe: it is true or false");
}

TEST_F(ExportTest, WrongAttributesFailBeforeTheFirstStep) {
  const auto refused = [&](OutputType type, std::map<std::string, std::string> attributes) {
    return error_of(wanted(type, std::move(attributes)));
  };
  EXPECT_EQ(refused(OutputType::kTar, {{"colour", "red"}}),
            "output type=tar: colour=red: unknown attribute");
  EXPECT_EQ(refused(OutputType::kTar, {{"push", "true"}}),
            "output type=tar: push=true: this type has no such attribute");
  EXPECT_EQ(refused(OutputType::kImage, {{"push", "maybe"}}),
            "output type=image: push=maybe: it is true or false");
  EXPECT_EQ(refused(OutputType::kImage, {{"compression", "estargz"}}),
            "output type=image: compression=estargz: it is gzip, zstd or uncompressed");
  EXPECT_EQ(refused(OutputType::kImage, {{"compression-level", "12"}}),
            "output type=image: level 12: gzip has 0 to 9");
  EXPECT_EQ(refused(OutputType::kImage, {{"annotation[no/such/thing/x].a", "1"}}),
            "output type=image: annotation[no/such/thing/x].a=1: bad platform");
  EXPECT_EQ(refused(OutputType::kImage, {{"annotation-index.a", "1"}}),
            "index annotations not supported for single platform export");
  EXPECT_EQ(refused(OutputType::kOci, {{"annotation-index-descriptor.a", "1"}}),
            "index annotations not supported for single platform export");
  EXPECT_NE(refused(OutputType::kImage, {{"name", "UPPER"}}).find("name=UPPER"), std::string::npos);
  EXPECT_NE(refused(OutputType::kImage, {{"push-by-digest", "true"}}).find("has a tag"),
            std::string::npos);
  BuildRequest nowhere = wanted(OutputType::kOci);
  nowhere.outputs[0].file = nullptr;
  EXPECT_EQ(error_of(nowhere), "output type=oci: nobody takes its bytes");
  EXPECT_TRUE(told_.log.empty());
}

TEST(OutputTypes, Words) {
  EXPECT_EQ(parse_output_type("moby"), OutputType::kImage);
  EXPECT_EQ(parse_output_type("none"), OutputType::kNone);
  EXPECT_EQ(parse_output_type("zip"), std::nullopt);
  EXPECT_EQ(name_of(OutputType::kNone), "cacheonly");
}

}  // namespace
}  // namespace skiff::builder
