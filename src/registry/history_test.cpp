// What tags named before, and deleted manifests that come back.
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

using std::chrono::hours;

class Undelete : public RegistryTest {
 protected:
  Undelete() { options_.metadata.undelete = hours(24); }

  static std::string api(const std::string& rest) { return cat("/v2/a/_skiff/", rest); }
  Reply restore(const std::string& reference) {
    return client().call("POST", api(cat("restore/", reference)));
  }
  int status(const std::string& reference) {
    return client().head(manifest_path("a", reference)).status;
  }
  void remove(const std::string& reference) {
    EXPECT_EQ(client().remove(manifest_path("a", reference)).status, 202);
  }
  std::string target(const std::string& tag) {
    return client().head(manifest_path("a", tag)).header("Docker-Content-Digest");
  }
  json::Array trash() { return client().get(api("trash")).json().array("manifests"); }
  json::Array history(const std::string& rest = "") {
    return client().get(api(cat("history", rest))).json().array("changes");
  }
  bool on_disk(const std::string& bytes) {
    const std::string hex = oci::Digest::of(bytes).hex();
    return std::filesystem::exists(options_.root / "content/blobs/sha256" / hex.substr(0, 2) / hex);
  }
  void collect_after(std::chrono::seconds time) {
    for (int i = 0; i < 4; ++i) {
      clock_.advance(time / 4);
      ASSERT_TRUE(registry_->collect_garbage());
    }
  }
  // Until all is forgotten, and what it kept is gone.
  void collect_all() {
    collect_after(hours(25));
    for (int i = 0; i < 4; ++i) collect_after(options_.metadata.grace * 2);
  }
};

TEST_F(Undelete, ADeletedManifestComesBackWithItsTags) {
  const std::string digest = push_image("a", "1", "{}", {"layer"});
  client().put_manifest("a", "2", image_of("{}", {"layer"}));
  remove(digest);
  EXPECT_EQ(status("1"), 404);
  EXPECT_EQ(status(digest), 404);
  EXPECT_TRUE(client().get("/v2/_catalog").json().strings("repositories").empty());
  collect_after(hours(20));
  EXPECT_TRUE(on_disk("layer"));
  ASSERT_EQ(trash().size(), 1u);
  EXPECT_EQ(trash().front().string("digest"), digest);
  EXPECT_EQ(trash().front().strings("tags"), (std::vector<std::string>{"1", "2"}));
  Reply restored = restore(digest);
  EXPECT_EQ(restored.status, 200);
  EXPECT_EQ(restored.json().strings("tags"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(client().get(manifest_path("a", "2")).body, image_of("{}", {"layer"}));
  EXPECT_TRUE(trash().empty());
  collect_all();
  EXPECT_EQ(client().get(blob_path("a", oci::Digest::of("layer").str())).body, "layer");
}

TEST_F(Undelete, AfterItsTimeItIsGone) {
  const std::string digest = push_image("a", "1", "{}", {"layer"});
  remove(digest);
  clock_.advance(hours(24));
  EXPECT_TRUE(trash().empty());
  EXPECT_EQ(restore(digest).status, 404);
  EXPECT_TRUE(history().empty());
  collect_all();
  EXPECT_FALSE(on_disk("layer"));
  EXPECT_FALSE(on_disk("{}"));
  EXPECT_EQ(client().get("/v2/a/tags/list").status, 404);
}

TEST_F(Undelete, SurvivesARestart) {
  const std::string digest = push_image("a", "1", "{}", {"layer"});
  remove(digest);
  restart();
  EXPECT_EQ(restore(digest).status, 200);
  EXPECT_EQ(status("1"), 200);
}

TEST_F(Undelete, ATagThatNamesSomethingElseNowIsLeftAlone) {
  const std::string first = push_image("a", "1", "{}", {});
  remove(first);
  const std::string second = push_image("a", "1", "[]", {});
  EXPECT_TRUE(restore(first).json().strings("tags").empty());
  EXPECT_EQ(target("1"), second);
  EXPECT_EQ(status(first), 200);
}

TEST_F(Undelete, APushTakesItOutOfTheTrash) {
  const std::string digest = push_image("a", "1", "{}", {"layer"});
  remove(digest);
  push_image("a", "2", "{}", {"layer"});
  EXPECT_TRUE(trash().empty());
  EXPECT_EQ(restore(digest).json().strings("tags").size(), 0u);
  collect_all();
  EXPECT_TRUE(on_disk("layer"));
}

TEST_F(Undelete, ABlobMayBeDeletedMeanwhileThenItIsTold) {
  const std::string digest = push_image("a", "1", "{}", {"layer"});
  remove(digest);
  EXPECT_EQ(client().remove(blob_path("a", oci::Digest::of("layer").str())).status, 202);
  Reply refused = restore(digest);
  EXPECT_EQ(refused.status, 409);
  EXPECT_NE(refused.body.find("layers[0]"), std::string::npos);
  EXPECT_EQ(status(digest), 404);
  client().push_blob("a", "layer");
  EXPECT_EQ(restore(digest).status, 200);
}

TEST_F(Undelete, AnIndexComesBackWithWhatItLists) {
  const std::string child = push_image("a", "child", "{}", {"layer"});
  const std::string index = index_of({image_of("{}", {"layer"})});
  const std::string digest = oci::Digest::of(index).str();
  client().put_manifest("a", "multi", index, oci::kMediaTypeIndex);
  remove(digest);
  remove(child);
  collect_after(hours(20));
  EXPECT_EQ(restore("multi").status, 200);
  EXPECT_EQ(status("multi"), 200);
  EXPECT_EQ(status(child), 200);
  EXPECT_EQ(status("child"), 200);
}

TEST_F(Undelete, ReferrersWaitWithTheirSubject) {
  const std::string image = image_of("{}", {});
  const std::string digest = push_image("a", "1", "{}", {});
  json::Value note = *json::parse(image_of("{}", {}, {{"a", "note"}}));
  note.set("subject", describe(image, oci::kMediaTypeManifest).to_json());
  const std::string referrer = oci::Digest::of(note.dump()).str();
  client().put_manifest("a", referrer, note.dump());
  remove(digest);
  collect_after(hours(20));
  EXPECT_EQ(status(referrer), 200);
  EXPECT_EQ(restore(digest).status, 200);
  remove(digest);
  collect_all();
  EXPECT_EQ(status(referrer), 404);
}

TEST_F(Undelete, ATagGoesBackToWhatItNamed) {
  const std::string first = push_image("a", "1", "{}", {});
  const std::string second = push_image("a", "1", "[]", {});
  const std::string third = push_image("a", "1", "[1]", {});
  EXPECT_EQ(restore("1").json().string("digest"), second);
  EXPECT_EQ(target("1"), second);
  EXPECT_EQ(restore(cat("1?digest=", first)).status, 200);
  EXPECT_EQ(target("1"), first);
  EXPECT_EQ(restore(cat("1?digest=", oci::Digest::of("x").str())).status, 404);
  remove("1");
  EXPECT_EQ(status("1"), 404);
  EXPECT_EQ(restore("1").status, 200);
  EXPECT_EQ(target("1"), first);
  EXPECT_EQ(restore("none").status, 404);
  EXPECT_EQ(status(third), 200);
}

TEST_F(Undelete, ATagComesBackWithItsManifest) {
  const std::string digest = push_image("a", "1", "{}", {});
  client().put_manifest("a", "2", image_of("{}", {}));
  remove(digest);
  EXPECT_EQ(restore("2").json().strings("tags"), std::vector<std::string>{"2"});
  EXPECT_EQ(target("2"), digest);
  EXPECT_EQ(status("1"), 404);
}

TEST_F(Undelete, TheHistoryOfTagsIsTold) {
  const std::string first = push_image("a", "1", "{}", {});
  const std::string second = push_image("a", "1", "[]", {});
  push_image("a", "1", "[]", {});  // changes nothing
  push_image("a", "2", "{}", {});
  remove("1");
  restore("1");
  const json::Array changes = history("/1");
  ASSERT_EQ(changes.size(), 4u);
  const auto is = [&](size_t n, const char* action, const std::string& digest,
                      const std::string& before) {
    EXPECT_EQ(changes[n].string("tag"), "1") << n;
    EXPECT_EQ(changes[n].string("action"), action) << n;
    EXPECT_EQ(changes[n].string("digest"), digest) << n;
    EXPECT_EQ(changes[n].string("before"), before) << n;
  };
  is(0, "restore", second, "");
  is(1, "delete", "", second);
  is(2, "set", second, first);
  is(3, "set", first, "");
  EXPECT_EQ(history().size(), 5u);
  Reply page = client().get(api("history?n=2"));
  EXPECT_EQ(page.json().array("changes").size(), 2u);
  const std::string link = page.header("Link");
  const std::string next = link.substr(1, link.find('>') - 1);
  EXPECT_EQ(client().get(next).json().array("changes").size(), 2u);
  EXPECT_EQ(client().get(api("history?n=x")).status, 400);
  clock_.advance(hours(25));
  EXPECT_TRUE(history().empty());
}

class UndeleteUntagged : public Undelete {
 protected:
  UndeleteUntagged() { options_.metadata.collect_untagged = true; }
};

TEST_F(UndeleteUntagged, WhatATagNamedIsKeptForTheTime) {
  const std::string first = push_image("a", "1", "{}", {"old"});
  push_image("a", "1", "[]", {"new"});
  collect_after(hours(20));
  EXPECT_EQ(status(first), 200);
  EXPECT_TRUE(on_disk("old"));
  EXPECT_EQ(restore("1").status, 200);
  EXPECT_EQ(target("1"), first);
  collect_all();
  EXPECT_EQ(status(first), 200);
  EXPECT_FALSE(on_disk("new"));
}

// The programs' switch: then a deletion is for good.
class NoUndelete : public Undelete {
 protected:
  NoUndelete() { options_.metadata.undelete = hours(0); }
};

TEST_F(NoUndelete, NothingIsKept) {
  const std::string digest = push_image("a", "1", "{}", {"layer"});
  remove(digest);
  EXPECT_TRUE(trash().empty());
  EXPECT_TRUE(history().empty());
  EXPECT_EQ(restore(digest).status, 404);
  EXPECT_EQ(restore("1").status, 404);
  collect_after(options_.metadata.grace * 5);
  EXPECT_FALSE(on_disk("layer"));
}

}  // namespace
}  // namespace skiff::registry
