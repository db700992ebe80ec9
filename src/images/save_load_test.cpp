// Archives, both ways; with skopeo as the oracle.
#include "images/archive_format.h"
#include "images/test_images.h"

namespace skiff::images {
namespace {

using snapshot::run;

class SaveLoad : public testing::Test {
 protected:
  std::string put_file(const std::string& name, std::string_view bytes) {
    const Path file = dir_.path() / name;
    EXPECT_TRUE(write_file(file, bytes));
    return file.native();
  }
  std::string path(const std::string& name) const { return (dir_.path() / name).native(); }
  std::string bytes_of(const std::string& name) {
    return *read_file(dir_.path() / name, size_t{64} << 20U);
  }
  Lines must_load(std::string_view tar) {
    const auto loaded = to_.load(tar);
    EXPECT_TRUE(loaded) << message_of(loaded);
    return loaded.value_or(Lines());
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-archives-");
  TestImages from_;
  TestImages to_;
};

TEST_F(SaveLoad, AnImageComesBackAsItWas) {
  const Image image = from_.make("web:1", {{{"a", "below"}, {"b", "1"}}, {{"a", "above"}}});
  EXPECT_EQ(must_load(from_.save({"web:1"})), Lines{"web:1"});
  const Image loaded = to_.find("web:1");
  EXPECT_EQ(loaded.id, image.id);
  EXPECT_EQ(loaded.target.digest, image.target.digest);
  EXPECT_EQ(loaded.config_bytes, image.config_bytes);
  EXPECT_EQ(to_.snapshots().size(), 2u);
  EXPECT_EQ(to_.file_in(loaded, "a"), "above");
  EXPECT_EQ(to_.file_in(loaded, "b"), "1");
  EXPECT_EQ(from_.save({"web:1"}), to_.save({"web:1"}));
}

TEST_F(SaveLoad, OnePlatformLeavesAndComesAlone) {
  const oci::Platform host = oci::Platform::host();
  const std::vector<oci::Platform> one{*oci::Platform::parse("linux/s390x")};
  const auto held = from_.lease();
  const std::vector<oci::Descriptor> manifests{
      from_.write({{{"a", "native"}}}, *held, host),
      from_.write({{{"a", "foreign"}}}, *held, one[0]),
      from_.write({{{"a", "third"}}}, *held, *oci::Platform::parse("linux/riscv64"))};
  from_.make_index("web:1", manifests, *held);
  const auto platforms = [this] {
    std::string out;
    for (const Image& image : *to_->list()) out += cat(image.config.platform.str(), " ");
    return out;
  };
  for (const bool narrow_archive : {true, false}) {
    const auto loaded = narrow_archive ? to_.load(from_.save({"web:1"}, one))
                                       : to_.load(from_.save({"web:1"}), one);
    ASSERT_TRUE(loaded) << message_of(loaded);
    EXPECT_EQ(*loaded, Lines{"web:1"});
    EXPECT_EQ(platforms(), "linux/s390x ");
    EXPECT_EQ(to_.blobs().size(), 3U);
    EXPECT_EQ(to_.find("web:1").manifest.digest, manifests[1].digest);
    ASSERT_TRUE(to_.remove("web:1"));
  }
  const std::vector<oci::Platform> two{host, one[0]};
  ASSERT_TRUE(to_.load(from_.save({"web:1"}), two));
  EXPECT_EQ(to_->list()->size(), 2U);
  const std::vector<oci::Platform> none{*oci::Platform::parse("linux/ppc64le")};
  StringSink tar;
  EXPECT_EQ(message_of(from_->save({"web:1"}, tar, {}, none)),
            "image with reference web:1 was found but does not provide the specified platform "
            "(linux/ppc64le)");
  EXPECT_FALSE(to_.load(from_.save({"web:1"}), none));
}

TEST_F(SaveLoad, LoadingTwiceChangesNothing) {
  from_.make("web:1", {{{"a", "x"}}});
  const std::string archive = from_.save({"web:1"});
  must_load(archive);
  const auto blobs = to_.blobs();
  EXPECT_EQ(must_load(archive), Lines{"web:1"});
  EXPECT_EQ(to_.blobs(), blobs);
  EXPECT_EQ(to_.names(), Lines{"web:1"});
}

TEST_F(SaveLoad, ARepositoryStandsForAllItsTags) {
  const Image one = from_.make("web:1", {{{"a", "1"}}});
  from_.make("web:2", {{{"a", "2"}}});
  from_.make("other:1", {{{"a", "3"}}});
  ASSERT_TRUE(from_->tag(one, reference("web:latest")));
  EXPECT_EQ(must_load(from_.save({"web"})), (Lines{"web:1", "web:latest", "web:2"}));
  EXPECT_EQ(to_.names(), (Lines{"web:1", "web:2", "web:latest"}));
  EXPECT_EQ(to_.find("web:latest").id, one.id);
}

TEST_F(SaveLoad, AnImageSavedByIdHasNoName) {
  const Image image = from_.make("web:1", {{{"a", "1"}}});
  EXPECT_EQ(must_load(from_.save({image.id.short_hex()})), Lines{image.id.str()});
  EXPECT_EQ(to_.names(), Lines{"<none>"});
}

TEST_F(SaveLoad, SeveralPlatformsOfOneTag) {
  const auto lease = from_.lease();
  const auto amd = from_.write({{{"arch", "amd64"}}}, *lease, kAmd64);
  const auto arm = from_.write({{{"arch", "arm64"}}}, *lease, kArm64);
  const auto index = from_.make_index("web", {amd, arm}, *lease);
  must_load(from_.save({"web"}));
  EXPECT_EQ(to_.find("web").target.digest, index.digest);
  for (const auto& [platform, arch] : {std::pair(kAmd64, "amd64"), std::pair(kArm64, "arm64")}) {
    const auto image = to_->find("web", platform);
    ASSERT_TRUE(image) << message_of(image);
    EXPECT_EQ(to_.file_in(*image, "arch"), arch);
  }
  EXPECT_EQ(to_->platforms_of(index)->size(), 2u);
}

TEST_F(SaveLoad, OfAnIndexThatIsNotWholeThePlatformsHereAreSaved) {
  const auto lease = from_.lease();
  const auto amd = from_.write({{{"arch", "amd64"}}}, *lease, kAmd64);
  const auto arm = from_.write({{{"arch", "arm64"}}}, *lease, kArm64);
  oci::Descriptor missing = arm;
  missing.digest = oci::Digest::of("nowhere");
  missing.platform = kRiscv64;
  from_.make_index("one", {amd, missing}, *lease);
  must_load(from_.save({"one"}));
  EXPECT_EQ(to_.find("one").target.digest, amd.digest);
  from_.make_index("two", {amd, missing, arm}, *lease);
  must_load(from_.save({"two"}));
  EXPECT_EQ(to_->platforms_of(to_.find("two").target)->size(), 2u);
}

TEST_F(SaveLoad, AnIndexMayComeWithSomeOfItsPlatforms) {
  const auto lease = from_.lease();
  const auto amd = from_.write({{{"arch", "amd64"}}}, *lease, kAmd64);
  oci::Descriptor missing = amd;
  missing.digest = oci::Digest::of("nowhere");
  missing.platform = kArm64;
  const oci::Index index = oci::Index::make(oci::kMediaTypeIndex, {amd, missing});
  from_.put(amd, "web");
  // The archive of one platform, with the whole index in its place.
  put_file("saved.tar", from_.save({"web"}));
  run({"sh", "-c", cat("cd ", path(""), "; mkdir l; tar -xf saved.tar -C l; rm l/manifest.json")});
  put_file(cat("l/", blob_path(index.descriptor().digest)), index.raw);
  put_file("l/index.json", oci::Index::make(oci::kMediaTypeIndex, {index.descriptor()}).raw);
  run({"sh", "-c", cat("cd ", path("l"), "; tar -cf ../layout.tar .")});
  EXPECT_EQ(must_load(bytes_of("layout.tar")).size(), 1u);
  EXPECT_EQ(to_->list()->at(0).target.digest, index.descriptor().digest);
  EXPECT_EQ(to_->platforms_of(index.descriptor())->size(), 1u);
}

TEST_F(SaveLoad, CompressedArchivesToo) {
  from_.make("web:1", {{{"a", "x"}}});
  put_file("a.tar", from_.save({"web:1"}));
  for (const char* program : {"gzip", "zstd -q", "xz", "bzip2"}) {
    run({"sh", "-c", cat("cd ", path(""), "; ", program, " < a.tar > a.compressed")});
    EXPECT_EQ(must_load(bytes_of("a.compressed")), Lines{"web:1"}) << program;
  }
}

// A docker-archive as older programs write it.
struct OldArchive {
  LayerTar tar;
  json::Array entries;

  std::string take() {
    tar.file("manifest.json", json::Value(entries).dump());
    return tar.take();
  }
};

std::string config_of(const std::vector<std::string>& layers, std::string_view extra = "") {
  std::string ids;
  for (const std::string& layer : layers) {
    ids += cat(ids.empty() ? "" : ",", "\"", oci::Digest::of(layer).str(), "\"");
  }
  return cat(R"({"architecture":"amd64","os":"linux","config":{"Cmd":["sh"]},)", extra,
             R"("rootfs":{"type":"layers","diff_ids":[)", ids, "]}}");
}

TEST_F(SaveLoad, OldDockerArchives) {
  const std::string below = layer_tar({{"a", "below"}});
  const std::string above = layer_tar({{"a", "above"}});
  const std::string config = config_of({below, above}, R"("x-unknown":"kept",)");
  OldArchive old;
  old.tar.directory("1/").file("1/layer.tar", below).file("1/json", "{}").file("1/VERSION", "1.0");
  old.tar.file("2/layer.tar", gzipped(above)).file("config.json", config);
  old.entries.push_back(json::object({{"Config", "config.json"},
                                      {"RepoTags", Lines{"old:1", "old:2"}},
                                      {"Layers", Lines{"1/layer.tar", "2/layer.tar"}}}));
  // As docker saved an image that shares a layer.
  const std::string second = config_of({below});
  old.tar.directory("3/").symlink("3/layer.tar", "../1/layer.tar").file("second.json", second);
  old.entries.push_back(json::object(
      {{"Config", "second.json"}, {"RepoTags", nullptr}, {"Layers", Lines{"3/layer.tar"}}}));
  EXPECT_EQ(must_load(old.take()), (Lines{"old:1", "old:2", oci::Digest::of(second).str()}));
  const Image image = to_.find("old:2");
  EXPECT_EQ(image.id, oci::Digest::of(config));
  EXPECT_EQ(image.config_bytes, config);
  EXPECT_EQ(to_.file_in(image, "a"), "above");
  EXPECT_EQ(to_.file_in(to_.find(oci::Digest::of(second).str()), "a"), "below");
  // Two configs, two manifests, two layers: what else the archive held is gone.
  EXPECT_EQ(to_.blobs().size(), 6u);
}

TEST_F(SaveLoad, ALoadedNameMovesAndLeavesTheOldImageDangling) {
  const Image old = to_.make("web:1", {{{"a", "old"}}});
  const Image loaded = from_.make("web:1", {{{"a", "new"}}});
  must_load(from_.save({"web:1"}));
  EXPECT_EQ(to_.find("web:1").id, loaded.id);
  EXPECT_EQ(to_.names(), (Lines{"<none>", "web:1"}));
}

TEST_F(SaveLoad, SavingWhatIsNotThereIsAnError) {
  StringSink tar;
  EXPECT_EQ(message_of(from_->save({"none"}, tar, {})), "No such image: none:latest");
}

TEST_F(SaveLoad, ACancelledLoadLeavesNothing) {
  from_.make("web:1", {{{"a", std::string(3'000'000, 'x')}}});
  const std::string archive = from_.save({"web:1"});
  CancelSource cancel;
  cancel.cancel();
  StringSource source(archive);
  EXPECT_EQ(to_->load(source, {}, cancel.token()).error().code(), Code::kCancelled);
  to_.expect_empty();
}

// skopeo

std::string skopeo(const Lines& arguments) {
  Lines command = {"skopeo", "--insecure-policy"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command);
}

TEST_F(SaveLoad, SkopeoReadsWhatWeSaveInEitherForm) {
  const Image image = from_.make("web:1", {{{"a", "below"}}, {{"b", "above"}}});
  const std::string archive = put_file("ours.tar", from_.save({"web:1"}));
  for (const std::string& form : {cat("docker-archive:", archive), cat("oci-archive:", archive)}) {
    const auto seen = json::parse(skopeo({"inspect", form}));
    ASSERT_TRUE(seen) << form;
    EXPECT_EQ(seen->string("Architecture"), image.config.platform.architecture) << form;
    const std::string config = skopeo({"inspect", "--config", "--raw", form});
    EXPECT_EQ(oci::Digest::of(config), image.id) << form;
  }
  skopeo({"copy", cat("oci-archive:", archive), cat("oci:", path("layout"), ":web")});
  const auto index = json::parse(bytes_of("layout/index.json"));
  EXPECT_EQ(index->array("manifests").at(0).string("digest"), image.manifest.digest.str());
}

TEST_F(SaveLoad, WhatSkopeoWritesIsLoaded) {
  const Image image = from_.make("web:1", {{{"a", "below"}}, {{"a", "above"}}});
  const std::string archive = put_file("ours.tar", from_.save({"web:1"}));
  skopeo({"copy", cat("docker-archive:", archive),
          cat("docker-archive:", path("docker.tar"), ":copied:1")});
  skopeo({"copy", cat("oci-archive:", archive), cat("oci-archive:", path("oci.tar"), ":copied:2")});
  EXPECT_EQ(must_load(bytes_of("docker.tar")), Lines{"copied:1"});
  EXPECT_EQ(to_.find("copied:1").id, image.id);
  EXPECT_EQ(must_load(bytes_of("oci.tar")), Lines{"copied:2"});
  EXPECT_EQ(to_.find("copied:2").target.digest, image.target.digest);
  EXPECT_EQ(to_.file_in(to_.find("copied:2"), "a"), "above");
}

}  // namespace
}  // namespace skiff::images
