// What came as a part of an index goes with the last index that lists it.
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

class FormerEntriesGarbage : public RegistryTest {
 protected:
  FormerEntriesGarbage() { options_.metadata.grace = kGrace; }

  // By digest; returns it.
  std::string push_entry(const std::string& config) {
    client().push_blob("a", config);
    const std::string image = image_of(config, {});
    return put(oci::Digest::of(image).str(), image, oci::kMediaTypeManifest);
  }
  std::string put(const std::string& reference, const std::string& bytes, std::string_view type) {
    const Reply reply = client().put_manifest("a", reference, bytes, type);
    EXPECT_EQ(reply.status, 201) << reply.body;
    return reply.header("Docker-Content-Digest");
  }
  std::string push_index(const std::string& reference, const std::vector<std::string>& configs) {
    std::vector<std::string> images;
    for (const std::string& config : configs) images.push_back(image_of(config, {}));
    return put(reference, index_of(images), oci::kMediaTypeIndex);
  }
  void remove(const std::string& reference) {
    EXPECT_EQ(client().remove(manifest_path("a", reference)).status, 202);
  }
  // What each let go of is looked at in its turn.
  void collect() {
    for (int i = 0; i < 4; ++i) {
      clock_.advance(kGrace + std::chrono::seconds(1));
      ASSERT_TRUE(registry_->collect_garbage());
    }
  }
  bool has(const std::string& digest) {
    return client().get(manifest_path("a", digest)).status == 200;
  }

  static constexpr std::chrono::seconds kGrace{100};
};

TEST_F(FormerEntriesGarbage, GoWithTheirIndex) {
  const std::string entry = push_entry("one");
  const std::string index = push_index("1", {"one"});
  collect();
  EXPECT_TRUE(has(entry));
  remove(index);
  EXPECT_TRUE(has(entry));
  collect();
  EXPECT_FALSE(has(entry));
  EXPECT_EQ(client().get(blob_path("a", oci::Digest::of("one").str())).status, 404);
  EXPECT_EQ(client().get("/v2/_catalog").json().strings("repositories").size(), 0);
}

TEST_F(FormerEntriesGarbage, WhatWasThereBeforeAnybodyListedItIsNone) {
  const std::string own = push_entry("own");
  collect();
  push_index("1", {"own"});
  remove("1");
  collect();
  EXPECT_TRUE(has(own));
}

TEST_F(FormerEntriesGarbage, AnIndexThatListsOneAgainMakesItAPartAgain) {
  const std::string entry = push_entry("one");
  const std::string first = push_index("1", {"one"});
  remove(first);
  const std::string second = push_index("2", {"one", "one"});
  collect();
  EXPECT_TRUE(has(entry));
  remove(second);
  collect();
  EXPECT_FALSE(has(entry));
}

TEST_F(FormerEntriesGarbage, OneThatIsRestoredStays) {
  const std::string entry = push_entry("one");
  remove(push_index("1", {"one"}));
  EXPECT_EQ(client().call("POST", cat("/v2/a/_skiff/restore/", entry)).status, 200);
  collect();
  EXPECT_TRUE(has(entry));
}

TEST_F(FormerEntriesGarbage, StayWithAnotherIndexATagOrASecondPush) {
  const std::string shared = push_entry("shared");
  const std::string tagged = push_entry("tagged");
  const std::string again = push_entry("again");
  const std::string alone = push_entry("alone");
  const std::string first = push_index("1", {"shared", "tagged", "again"});
  const std::string second = push_index("2", {"shared"});
  put("t", image_of("tagged", {}), oci::kMediaTypeManifest);
  remove("t");  // the tag alone: it was somebody's for its own sake
  remove(first);
  push_entry("again");
  collect();
  for (const std::string& each : {shared, tagged, again, alone}) EXPECT_TRUE(has(each)) << each;
  remove(second);
  collect();
  EXPECT_FALSE(has(shared));
  EXPECT_TRUE(has(alone));
}

TEST_F(FormerEntriesGarbage, ComeBackWithTheirIndex) {
  options_.metadata.undelete = kGrace * 10;
  restart();
  const std::string entry = push_entry("one");
  const std::string index = push_index("1", {"one"});
  remove(index);
  collect();
  EXPECT_TRUE(has(entry));
  EXPECT_EQ(client().call("POST", "/v2/a/_skiff/restore/1").status, 200);
  clock_.advance(kGrace * 20);
  collect();
  EXPECT_TRUE(has(entry));
  EXPECT_TRUE(has(index));
  remove(index);
  clock_.advance(kGrace * 20);
  collect();
  EXPECT_FALSE(has(entry));
}

TEST_F(FormerEntriesGarbage, NoCheckKeepsThem) {
  const std::string entry = push_entry("one");
  remove(push_index("1", {"one"}));
  for (int i = 0; i < 8; ++i) {
    clock_.advance(kGrace * 3 / 4);
    EXPECT_TRUE(registry_->check({}, [](const Problem& p) { ADD_FAILURE() << p.what; }, {}));
    ASSERT_TRUE(registry_->collect_garbage());
  }
  EXPECT_FALSE(has(entry));
}

TEST_F(FormerEntriesGarbage, WhoHearsThatOneIsHereMayListIt) {
  const std::string entry = push_entry("one");
  remove(push_index("1", {"one"}));
  clock_.advance(kGrace);
  EXPECT_EQ(client().head(manifest_path("a", entry)).status, 200);
  clock_.advance(kGrace / 2);
  ASSERT_TRUE(registry_->collect_garbage());
  push_index("2", {"one"});
  collect();
  EXPECT_TRUE(has(entry));
}

}  // namespace
}  // namespace skiff::registry
