// Trees as docker-registry writes them, made by hand; tests/e2e has one that it wrote itself.
#include <algorithm>

#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

class ImportTest : public RegistryTest {
 protected:
  Path v2() const { return dir_.path() / "tree/docker/registry/v2"; }
  static void write(const Path& file, const std::string& text) {
    ASSERT_TRUE(make_directories(file.parent_path()));
    ASSERT_TRUE(write_file_durably(file, text));
  }
  Path data(const std::string& bytes) const {
    const std::string hex = oci::Digest::of(bytes).hex();
    return v2() / "blobs/sha256" / hex.substr(0, 2) / hex / "data";
  }
  std::string add_blob(const std::string& bytes) const {
    write(data(bytes), bytes);
    return oci::Digest::of(bytes).str();
  }
  std::string add_manifest(const std::string& name, const std::string& bytes,
                           const std::string& tag = "") const {
    const std::string digest = add_blob(bytes);
    const Path manifests = v2() / "repositories" / name / "_manifests";
    write(manifests / "revisions/sha256" / oci::Digest::of(bytes).hex() / "link", digest);
    if (!tag.empty()) write(manifests / "tags" / tag / "current/link", digest);
    return digest;
  }
  std::string add_image(const std::string& name, const std::string& tag, const std::string& config,
                        const std::vector<std::string>& layers) const {
    add_blob(config);
    for (const std::string& layer : layers) add_blob(layer);
    return add_manifest(name, image_of(config, layers), tag);
  }
  ImportSummary take(const ImportOptions& options = {}) {
    problems_.clear();
    const auto done = registry_->import_tree(
        dir_.path() / "tree", options, [](const std::string&) {},
        [&](const Problem& problem) { problems_.push_back(problem.what); }, {});
    EXPECT_TRUE(done) << done.error().message();
    return done.value_or(ImportSummary());
  }
  bool tells(const std::string& words) const {
    return std::ranges::any_of(problems_, [&](const std::string& problem) {
      return problem.find(words) != std::string::npos;
    });
  }

  std::vector<std::string> problems_;
};

TEST_F(ImportTest, ImagesIndexesAndTagsCome) {
  const std::string digest = add_image("a/b", "1", "{}", {"one", "two"});
  const std::string image = image_of("{\"n\":1}", {"one"});
  add_image("a/b/c", "", "{\"n\":1}", {"one"});
  const std::string index = add_manifest("a/b/c", index_of({image}), "all");
  const ImportSummary done = take();
  EXPECT_TRUE(problems_.empty()) << problems_.front();
  EXPECT_EQ(done.repositories, 2u);
  EXPECT_EQ(done.manifests, 3u);
  EXPECT_EQ(done.tags, 2u);
  EXPECT_EQ(done.blobs, 4u);
  EXPECT_EQ(done.bytes, 2u + 3u + 3u + 7u);
  EXPECT_EQ(client().get(manifest_path("a/b", "1")).header("Docker-Content-Digest"), digest);
  EXPECT_EQ(client().get(manifest_path("a/b/c", "all")).header("Docker-Content-Digest"), index);
  EXPECT_EQ(client().get(blob_path("a/b/c", oci::Digest::of("one").str())).body, "one");
  const ImportSummary again = take();
  EXPECT_EQ(again.manifests, 3u);
  EXPECT_EQ(again.tags, 2u);
  EXPECT_EQ(again.blobs, 0u);
  add_image("a/b", "2", "{}", {"three"});
  EXPECT_EQ(take().bytes, 5u);
}

// However long it takes from the one to the other.
TEST_F(ImportTest, WhatAnIndexListsGoesWithIt) {
  const std::chrono::seconds grace = options_.metadata.grace;
  // The part comes in its turn; then, with what is told of one that is damaged, time passes; then
  // the index comes.
  const auto hex = [](const std::string& bytes) { return oci::Digest::of(bytes).hex(); };
  const std::string damaged = image_of("damaged", {});
  std::string config;
  std::string part;
  std::string index;
  for (int i = 0; index.empty() || hex(part) > hex(damaged) || hex(index) < hex(damaged); ++i) {
    config = cat("{\"n\":", i, "}");
    part = image_of(config, {"one"});
    index = index_of({part});
  }
  add_image("a", "", config, {"one"});
  add_manifest("a", damaged);
  write(data(damaged), "damaged");
  add_manifest("a", index, "1");
  const std::string own = add_image("a", "", "own", {"one"});
  const auto done = registry_->import_tree(
      dir_.path() / "tree", {}, [](const std::string&) {},
      [&](const Problem&) { clock_.advance(grace * 2); }, {});
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->manifests, 3u);

  const auto status = [&](const std::string& digest) {
    return client().get(manifest_path("a", digest)).status;
  };
  EXPECT_EQ(client().remove(manifest_path("a", oci::Digest::of(index).str())).status, 202);
  for (int i = 0; i < 4; ++i) {
    clock_.advance(grace * 2);
    ASSERT_TRUE(registry_->collect_garbage());
  }
  EXPECT_EQ(status(oci::Digest::of(part).str()), 404);
  EXPECT_EQ(status(own), 200);
}

TEST_F(ImportTest, WhatIsDamagedOrMissingIsToldAndLeftOut) {
  add_image("a", "good", "{}", {"one"});
  add_image("a", "bad", "{}", {"two"});
  write(data("two"), "owt");
  add_image("a", "gone", "{}", {"three"});
  std::filesystem::remove(data("three"));
  const std::string changed = image_of("{}", {"four"});
  add_image("a", "changed", "{}", {"four"});
  write(data(changed), "{}");
  add_manifest("a", "{\"schemaVersion\":1}", "old");
  write(v2() / "repositories/a/_manifests/tags/lost/current/link",
        oci::Digest::of("nothing").str());
  write(v2() / "repositories/a/_manifests/tags/none/current/link", "nothing");
  write(v2() / "repositories/a/note.txt", "mine");
  write(v2() / "repositories/Upper/_manifests/tags/1/current/link", "x");
  const ImportSummary done = take();
  EXPECT_EQ(done.manifests, 1u);
  EXPECT_EQ(done.tags, 1u);
  EXPECT_TRUE(tells(cat("blob ", oci::Digest::of("two").str(), " is left out")));
  EXPECT_TRUE(tells(cat("layers[0] ", oci::Digest::of("two").str(), " is not there")));
  EXPECT_TRUE(tells(cat("layers[0] ", oci::Digest::of("three").str(), " is not there")));
  EXPECT_TRUE(
      tells(cat("manifest ", oci::Digest::of(changed).str(), " is left out: it is damaged")));
  EXPECT_TRUE(tells("is none of a manifest or index"));
  EXPECT_TRUE(tells("tag lost is left out"));
  EXPECT_TRUE(tells("tag \"none\" is left out: it names no digest"));
  EXPECT_TRUE(tells("a file that belongs to no registry"));
  EXPECT_TRUE(tells("repository \"Upper\" is left out"));
  EXPECT_EQ(client().get(manifest_path("a", "good")).status, 200);
  for (const char* tag : {"bad", "gone", "changed", "old", "lost", "none"}) {
    EXPECT_EQ(client().get(manifest_path("a", tag)).status, 404) << tag;
  }
  EXPECT_TRUE(
      registry_->check({.deep = true}, [](const Problem& p) { ADD_FAILURE() << p.what; }, {}));
}

TEST_F(ImportTest, ATagOfOursIsMovedOnlyWhereThatIsSaid) {
  const std::string ours = push_image("a", "1", "{}", {"ours"});
  const std::string theirs = add_image("a", "1", "{}", {"theirs"});
  take();
  EXPECT_TRUE(tells("tag 1 is left out: it names"));
  EXPECT_EQ(client().get(manifest_path("a", "1")).header("Docker-Content-Digest"), ours);
  EXPECT_EQ(client().get(manifest_path("a", theirs)).status, 200);
  take({.move_tags = true});
  EXPECT_TRUE(problems_.empty());
  EXPECT_EQ(client().get(manifest_path("a", "1")).header("Docker-Content-Digest"), theirs);
}

TEST_F(ImportTest, LinksOfTheFileSystemAreNotFollowed) {
  add_image("a", "1", "{}", {"one"});
  write(dir_.path() / "secret", "one");
  std::filesystem::remove(data("one"));
  std::filesystem::create_symlink(dir_.path() / "secret", data("one"));
  std::filesystem::create_directory_symlink(v2() / "repositories/a", v2() / "repositories/b");
  EXPECT_EQ(take().manifests, 0u);
  EXPECT_TRUE(tells(cat("blob ", oci::Digest::of("one").str(), " is left out")));
  EXPECT_EQ(client().get(manifest_path("a", "1")).status, 404);
  EXPECT_EQ(client().get(manifest_path("b", "1")).status, 404);
}

TEST_F(ImportTest, AnotherTreeIsRefused) {
  const auto done =
      registry_->import_tree(dir_.path(), {}, [](const std::string&) {}, [](const Problem&) {}, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace skiff::registry
