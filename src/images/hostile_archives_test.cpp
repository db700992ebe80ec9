// Archives that lie: one clear error, and nothing left of them.
#include "images/archive_format.h"
#include "images/test_images.h"

namespace skiff::images {
namespace {

std::string config_for(const std::vector<std::string>& diff_ids) {
  const json::Value ids(diff_ids);
  return json::object({{"architecture", "amd64"},
                       {"os", "linux"},
                       {"config", json::object()},
                       {"rootfs", json::object({{"type", "layers"}, {"diff_ids", ids}})}})
      .dump();
}

json::Value docker_entry(const std::string& config, const Lines& layers,
                         const Lines& tags = {"evil:1"}) {
  return json::object({{"Config", config}, {"RepoTags", tags}, {"Layers", layers}});
}

oci::Descriptor described(std::string_view media_type, std::string_view bytes) {
  oci::Descriptor out;
  out.media_type = media_type;
  out.digest = oci::Digest::of(bytes);
  out.size = bytes.size();
  return out;
}

// An OCI layout of one image, each of whose parts a test may spoil.
struct Layout {
  std::string layer = layer_tar({{"f", "x"}});
  std::string config = config_for({oci::Digest::of(layer).str()});
  std::string manifest =
      oci::Manifest::make(oci::kMediaTypeManifest, described(oci::kMediaTypeConfig, config),
                          {described(oci::kMediaTypeLayer, layer)})
          .raw;
  std::string layer_path = blob_path(oci::Digest::of(layer));
  std::string config_path = blob_path(oci::Digest::of(config));
  std::string manifest_path = blob_path(oci::Digest::of(manifest));
  std::string index =
      oci::Index::make(oci::kMediaTypeIndex, {described(oci::kMediaTypeManifest, manifest)}).raw;
  std::string version = std::string(kLayoutContent);
  std::set<std::string> without;

  LayerTar tar() const {
    LayerTar out;
    const auto add = [&](const std::string& path, const std::string& bytes) {
      if (!without.contains(path)) out.file(path, bytes);
    };
    add(layer_path, layer);
    add(config_path, config);
    add(manifest_path, manifest);
    add("index.json", index);
    add("oci-layout", version);
    return out;
  }
};

class HostileArchives : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(write_file(outside_.path() / "secret", "s")); }

  void expect_refused(const std::string& what, std::string_view archive, std::string_view text) {
    const auto loaded = images_.load(archive);
    ASSERT_FALSE(loaded) << what;
    EXPECT_NE(loaded.error().message().find(text), std::string::npos)
        << what << ": " << loaded.error().message();
    SCOPED_TRACE(what);
    images_.expect_empty();
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(outside_.path()), {}), 1) << what;
  }

  TempDir outside_ = *TempDir::make("/tmp", "skiff-outside-");
  TestImages images_;
};

TEST_F(HostileArchives, TheLayoutTheTestsSpoilIsGood) {
  const auto loaded = images_.load(Layout().tar().take());
  ASSERT_TRUE(loaded) << message_of(loaded);
  EXPECT_EQ(images_.snapshots().size(), 1u);
  ASSERT_TRUE(images_.remove(loaded->at(0)));
  images_.expect_empty();
}

TEST_F(HostileArchives, AWrongBlobIsRefusedWhereTheRightOneIsStored) {
  const Layout good;
  ASSERT_TRUE(images_.load(good.tar().take()));
  for (const std::string& path : {good.layer_path, good.config_path, good.manifest_path}) {
    Layout wrong;
    wrong.without = {path};
    const auto loaded = images_.load(wrong.tar().file(path, "something else").take());
    ASSERT_FALSE(loaded) << path;
    EXPECT_NE(loaded.error().message().find("its content is sha256:"), std::string::npos)
        << loaded.error().message();
  }
  EXPECT_TRUE(images_.load(good.tar().take()));
}

TEST_F(HostileArchives, NoArchives) {
  expect_refused("nothing", "", "does not contain a manifest.json");
  expect_refused("text", std::string(3000, 'x'), "not a tar archive");
  expect_refused("another tar", LayerTar().file("hello", "x").take(),
                 "does not contain a manifest.json");
  expect_refused("truncated gzip", gzipped(Layout().tar().take()).substr(0, 300), "gzip");
  const std::string whole = Layout().tar().take();
  expect_refused("cut in a blob", whole.substr(0, 700), "cut short");
  expect_refused("cut after a blob", whole.substr(0, 2048), "");
}

TEST_F(HostileArchives, NamesThatLeaveTheArchive) {
  const std::string outside = outside_.path().native();
  const std::string up = "../../../../../../../.." + outside;
  const std::pair<const char*, std::function<void(LayerTar&)>> kEntries[] = {
      {"dot-dot", [&](LayerTar& t) { t.file("../evil", "x"); }},
      {"dot-dot within", [&](LayerTar& t) { t.file("blobs/../../evil", "x"); }},
      {"link up", [&](LayerTar& t) { t.symlink("evil", up).file("evil/f", "x"); }},
      {"absolute link", [&](LayerTar& t) { t.symlink("evil", outside); }},
      {"hard link up", [&](LayerTar& t) { t.hard_link("evil", up + "/secret"); }},
      {"device", [&](LayerTar& t) {
         t.add({.name = "evil", .type = TarType::kBlockDevice, .dev_major = 8});
       }}};
  for (const auto& [what, add] : kEntries) {
    LayerTar tar = Layout().tar();
    add(tar);
    expect_refused(what, tar.take(), "archive entry");
  }
}

TEST_F(HostileArchives, AbsoluteNamesAreOfTheArchive) {
  Layout absolute;
  absolute.without = {absolute.layer_path, absolute.config_path};
  LayerTar tar = absolute.tar();
  tar.file("/" + absolute.config_path, absolute.config);
  tar.file("//" + absolute.layer_path, absolute.layer).hard_link("/again", "/index.json");
  tar.file((outside_.path() / "secret").native(), "planted");
  const auto loaded = images_.load(tar.take());
  ASSERT_TRUE(loaded) << message_of(loaded);
  EXPECT_EQ(read_file(outside_.path() / "secret").value_or(""), "s");
  ASSERT_TRUE(images_.remove(loaded->at(0)));
  images_.expect_empty();
}

TEST_F(HostileArchives, AHoleOfTerabytes) {
  const Path file = outside_.path() / "secret";
  ASSERT_EQ(::truncate(file.c_str(), off_t{4} << 40U), 0);
  const std::string sparse =
      snapshot::run({"tar", "-cSf", "-", "-C", outside_.path().native(), "secret"});
  expect_refused("sparse", sparse, "sparse");
}

TEST_F(HostileArchives, LinksInsteadOfFiles) {
  const std::string config = config_for({oci::Digest::of("secret").str()});
  const auto archive = [&](const std::string& layer, const auto& add) {
    LayerTar tar;
    add(tar);
    tar.file("c.json", config);
    return tar.file("manifest.json", json::array({docker_entry("c.json", {layer})}).dump()).take();
  };
  expect_refused("loop", archive("a", [](LayerTar& t) { t.symlink("a", "b").symlink("b", "a"); }),
                 "has no file");
  expect_refused("dangling", archive("a", [](LayerTar& t) { t.symlink("a", "gone"); }),
                 "has no file");
  expect_refused("a name of ours", archive("../../content/content.db", [](LayerTar&) {}),
                 "has no file");
  expect_refused("an absolute name",
                 archive((outside_.path() / "secret").native(), [](LayerTar&) {}), "has no file");
}

TEST_F(HostileArchives, WrongOrMissingBlobs) {
  Layout good;
  for (const std::string& path : {good.layer_path, good.config_path, good.manifest_path}) {
    Layout lacking;
    lacking.without = {path};
    expect_refused(cat("without ", path), lacking.tar().take(), "is missing");
    Layout wrong;
    wrong.without = {path};
    expect_refused(cat("wrong ", path), wrong.tar().file(path, "something else").take(),
                   "expected sha256:");
  }
  Layout no_names;
  no_names.without = {"index.json"};
  expect_refused("no index", no_names.tar().take(), "does not contain a manifest.json");
}

TEST_F(HostileArchives, WrongDocuments) {
  const std::pair<const char*, const char*> kIndexes[] = {
      {"no json", "{"},
      {"no list", R"({"schemaVersion":2})"},
      {"no digest", R"({"schemaVersion":2,"manifests":[{"mediaType":"a/b","size":1}]})"}};
  for (const auto& [what, index] : kIndexes) {
    Layout layout;
    layout.index = index;
    expect_refused(what, layout.tar().take(), "index.json: ");
  }
  Layout unknown;
  unknown.version = R"({"imageLayoutVersion":"9"})";
  expect_refused("layout version", unknown.tar().take(), "version \"9\" is unknown");
  Layout type;
  type.index = oci::Index::make(oci::kMediaTypeIndex, {described("text/plain", type.manifest)}).raw;
  expect_refused("type", type.tar().take(), "unknown type \"text/plain\"");
  Layout name;
  oci::Descriptor target = described(oci::kMediaTypeManifest, name.manifest);
  target.annotations["io.containerd.image.name"] = "case/UPPER";
  name.index = oci::Index::make(oci::kMediaTypeIndex, {target}).raw;
  expect_refused("name", name.tar().take(), "must be lowercase");
}

TEST_F(HostileArchives, AnArtifactIsNoImage) {
  Layout layout;
  layout.manifest = oci::Manifest::make(oci::kMediaTypeManifest,
                                        described("application/vnd.chart+json", layout.config),
                                        {described(oci::kMediaTypeLayer, layout.layer)})
                        .raw;
  layout.manifest_path = blob_path(oci::Digest::of(layout.manifest));
  layout.index =
      oci::Index::make(oci::kMediaTypeIndex, {described(oci::kMediaTypeManifest, layout.manifest)})
          .raw;
  expect_refused("artifact", layout.tar().take(), "not a container image");
}

TEST_F(HostileArchives, LayersThatAreNotWhatTheConfigPromised) {
  Layout layout;
  layout.config = config_for({oci::Digest::of("other").str()});
  layout.config_path = blob_path(oci::Digest::of(layout.config));
  layout.manifest =
      oci::Manifest::make(oci::kMediaTypeManifest, described(oci::kMediaTypeConfig, layout.config),
                          {described(oci::kMediaTypeLayer, layout.layer)})
          .raw;
  layout.manifest_path = blob_path(oci::Digest::of(layout.manifest));
  layout.index =
      oci::Index::make(oci::kMediaTypeIndex, {described(oci::kMediaTypeManifest, layout.manifest)})
          .raw;
  expect_refused("diffID of a layout", layout.tar().take(), "the image promised");

  const std::string good = layer_tar({{"f", "x"}});
  const auto docker = [&](const std::string& config, const Lines& layers) {
    LayerTar tar;
    tar.file("c.json", config).file("l.tar", good);
    return tar.file("manifest.json", json::array({docker_entry("c.json", layers)}).dump()).take();
  };
  expect_refused("diffID", docker(config_for({oci::Digest::of("other").str()}), {"l.tar"}),
                 "invalid diffID: expected ");
  expect_refused("too few layers", docker(config_for({oci::Digest::of(good).str()}), {}),
                 "layers length mismatch: expected 0, got 1");
  expect_refused("no layer", docker(config_for({oci::Digest::of(good).str()}), {"m.tar"}),
                 "the archive has no file \"m.tar\"");
  expect_refused("no config", docker("not json", {"l.tar"}), "c.json");
}

TEST_F(HostileArchives, LayersThatLeaveTheirTree) {
  LayerTar evil;
  evil.symlink("up", outside_.path().native()).file("up/evil", "x");
  const std::string layer = evil.take();
  const std::string config = config_for({oci::Digest::of(layer).str()});
  LayerTar tar;
  tar.file("c.json", config).file("l.tar", layer);
  tar.file("manifest.json", json::array({docker_entry("c.json", {"l.tar"})}).dump());
  expect_refused("symlink", tar.take(), "leaves the layer");
}

TEST_F(HostileArchives, OneBadImageSpoilsAll) {
  const std::string good = layer_tar({{"f", "x"}});
  LayerTar tar;
  tar.file("c.json", config_for({oci::Digest::of(good).str()})).file("l.tar", good);
  tar.file("bad.json", config_for({oci::Digest::of("other").str()}));
  tar.file("manifest.json", json::array({docker_entry("c.json", {"l.tar"}, {"good:1"}),
                                         docker_entry("bad.json", {"l.tar"}, {"bad:1"})})
                                .dump());
  expect_refused("second", tar.take(), "invalid diffID");
}

TEST_F(HostileArchives, WhatWasHereStays) {
  const Image here = images_.make("here", {{{"f", "x"}}});
  ASSERT_TRUE(images_->unpack(here, {}, {}));
  const auto blobs = images_.blobs();
  const auto snapshots = images_.snapshots();
  Layout lacking;
  lacking.without = {lacking.config_path};
  EXPECT_FALSE(images_.load(lacking.tar().take()));
  EXPECT_EQ(images_.blobs(), blobs);
  EXPECT_EQ(images_.snapshots(), snapshots);
  EXPECT_EQ(images_.file_in(images_.find("here"), "f"), "x");
}

TEST_F(HostileArchives, WhatAKilledLoadLeftGoesAtTheNextStart) {
  ASSERT_TRUE(make_directories(images_.root() / "images/loading/load-x"));
  ASSERT_TRUE(write_file(images_.root() / "images/loading/load-x/0", "x"));
  images_.reopen();
  images_.expect_empty();
}

}  // namespace
}  // namespace skiff::images
