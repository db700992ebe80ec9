// What a collection takes and what it leaves, also while others work.
#include "images/garbage.h"

#include "images/test_images.h"

namespace skiff::images {
namespace {

class GarbageTest : public testing::Test {
 protected:
  void collect() {
    const auto freed = images_->collect_garbage();
    EXPECT_TRUE(freed) << message_of(freed);
  }
  TestImages images_;
};

TEST_F(GarbageTest, OnlyWhatIsReachableStays) {
  const Image image = images_.make("web", {{{"a", "1"}}});
  ASSERT_TRUE(images_->unpack(image, {}, {}));
  const auto blobs = images_.blobs();
  ASSERT_TRUE(content::write_blob(images_->content(), std::string(5000, 'x')));
  const std::string tar = layer_tar({{"b", "2"}});
  StringSource source(tar);
  ASSERT_TRUE(
      images_->snapshots().unpack(oci::Digest::of("stray").str(), image.snapshot_name(), source));
  const auto stray = content::write_blob(images_->content(), std::string(700, 'y'));
  const uint64_t unneeded = *images_->unneeded();
  EXPECT_GE(unneeded, 5700u);
  {
    const auto lease = images_.lease();
    ASSERT_TRUE(lease->hold(*stray));
    EXPECT_EQ(*images_->unneeded(), unneeded - 700);
  }
  const auto freed = images_->collect_garbage();
  EXPECT_EQ(*freed, unneeded);
  EXPECT_EQ(images_.blobs(), blobs);
  EXPECT_EQ(images_.snapshots(), std::set{image.snapshot_name()});
  EXPECT_EQ(*images_->collect_garbage(), 0u);
  EXPECT_EQ(*images_->unneeded(), 0u);
}

TEST_F(GarbageTest, ALeaseKeepsItsBlobs) {
  auto lease = images_.lease();
  const auto manifest = images_.write({{{"a", "1"}}}, *lease);
  collect();
  EXPECT_EQ(images_.blobs().size(), 3u);
  images_.put(manifest, "web");
  lease.reset();
  collect();
  EXPECT_EQ(images_.blobs().size(), 3u);
  const auto other = images_.lease();
  images_.write({{{"a", "2"}}}, *other);
  EXPECT_EQ(images_.blobs().size(), 6u);
  ASSERT_TRUE(images_.remove("web"));
  EXPECT_EQ(images_.blobs().size(), 3u);
}

// Whoever holds images collects at its end where something was passed over meanwhile: what a pull
// or a build is still to make is nothing of that kind.
TEST_F(GarbageTest, OnlyWhatAPinKeepsWasPassedOver) {
  Catalog catalog = *Catalog::open(images_.root() / "other.db");
  ImageReader reader(images_->content());
  Garbage garbage(images_->content(), images_->snapshots(), catalog, reader);
  const auto to_come = garbage.pin({"to come"});
  ASSERT_TRUE(garbage.collect());
  EXPECT_EQ(garbage.passed_over(), 0u);
  const std::string tar = layer_tar({{"b", "2"}});
  StringSource source(tar);
  ASSERT_TRUE(images_->snapshots().unpack("there", "", source));
  {
    const auto there = garbage.pin({"there"});
    const Garbage::Candidates another{.blobs = {}, .snapshots = {"another"}};
    ASSERT_TRUE(garbage.collect(&another));
    EXPECT_EQ(garbage.passed_over(), 0u);
    const Garbage::Candidates both{.blobs = {}, .snapshots = {"another", "there"}};
    ASSERT_TRUE(garbage.collect(&both));
    EXPECT_EQ(garbage.passed_over(), 1u);
    ASSERT_TRUE(garbage.collect());
    EXPECT_EQ(garbage.passed_over(), 2u);
    EXPECT_EQ(images_.snapshots(), std::set<std::string>{"there"});
  }
  ASSERT_TRUE(garbage.collect());
  EXPECT_EQ(garbage.passed_over(), 2u);
  EXPECT_TRUE(images_.snapshots().empty());
}

TEST_F(GarbageTest, AContainerKeepsItsSnapshots) {
  const Image image = images_.make("web", {{{"a", "1"}}, {{"b", "2"}}});
  ASSERT_TRUE(images_->unpack(image, {}, {}));
  ASSERT_TRUE(images_->snapshots().prepare("box", image.snapshot_name()));
  ASSERT_TRUE(images_.remove("web"));
  collect();
  EXPECT_EQ(images_.snapshots().size(), 3u);
  ASSERT_TRUE(images_->snapshots().remove("box"));
  collect();
  images_.expect_empty();
}

TEST_F(GarbageTest, OthersMayNameRoots) {
  const std::string tar = layer_tar({{"b", "2"}});
  StringSource source(tar);
  ASSERT_TRUE(images_->snapshots().unpack("cached", "", source));
  const oci::Digest blob = *content::write_blob(images_->content(), "cached");
  images_->set_extra_roots([&]() -> Result<ImageStore::Roots> {
    return ImageStore::Roots{{"cached", "never-there"}, {blob}};
  });
  collect();
  EXPECT_EQ(images_.snapshots(), std::set<std::string>{"cached"});
  EXPECT_EQ(images_.blobs(), std::set{blob});
  images_->set_extra_roots([&]() -> Result<ImageStore::Roots> {
    return Error(Code::kUnavailable, "the cache is closed");
  });
  // Without knowing all roots nothing is removed.
  EXPECT_EQ(message_of(images_->collect_garbage()), "collect garbage: the cache is closed");
  EXPECT_EQ(images_.blobs(), std::set{blob});
  images_->set_extra_roots({});
  collect();
  images_.expect_empty();
}

// A build commits a layer just after it was asked what it holds.
TEST_F(GarbageTest, WhatIsCommittedMeanwhileStays) {
  images_->set_extra_roots([&]() -> Result<ImageStore::Roots> {
    const std::string tar = layer_tar({{"b", "2"}});
    StringSource source(tar);
    EXPECT_TRUE(images_->snapshots().unpack("new", "", source));
    return ImageStore::Roots();
  });
  collect();
  EXPECT_EQ(images_.snapshots(), std::set<std::string>{"new"});
  images_->set_extra_roots({});
  collect();
  images_.expect_empty();
}

// The engine makes layers of its own between an image and its containers.
TEST_F(GarbageTest, WhatStandsOnAnImageGoesWithIt) {
  const Image base = images_.make("base", {{{"a", "1"}}});
  const Image web = images_.make("web", {{{"a", "1"}}, {{"b", "2"}}});
  ASSERT_TRUE(images_->unpack(base, {}, {}));
  ASSERT_TRUE(images_->unpack(web, {}, {}));
  auto& snapshots = images_->snapshots();
  for (const Image& image : {base, web}) {
    const std::string name = cat("container-init:", image.snapshot_name());
    ASSERT_TRUE(snapshots.prepare("making", image.snapshot_name()));
    ASSERT_TRUE(snapshots.commit(name, "making"));
  }
  // The layer of `base` is one of `web` too: what stands on it above `web` stays.
  EXPECT_EQ(images_.must_remove("base").back(), cat("deleted ", base.id.str()));
  EXPECT_TRUE(snapshots.stat(cat("container-init:", web.snapshot_name())));
  const Lines removed = images_.must_remove("web");
  EXPECT_TRUE(std::ranges::none_of(
      removed, [](const std::string& line) { return line.find("init") != line.npos; }));
  images_.expect_empty();
}

TEST_F(GarbageTest, WhatABrokenOffPullLeftGoes) {
  const Image image = images_.make("web", {{{"a", "1"}}, {{"b", "2"}}});
  oci::Descriptor missing = image.manifest;
  missing.digest = oci::Digest::of("nowhere");
  missing.platform = kRiscv64;
  const auto lease = images_.lease();
  images_.make_index("index", {image.manifest, missing}, *lease);
  ASSERT_TRUE(images_.remove("web"));
  collect();
  // What the index names and is here stays, so that the rest can be pulled into it.
  EXPECT_EQ(images_.find("index").id, image.id);
  EXPECT_EQ(images_.blobs().size(), 5u);
}

// Each names the next 300 times: on every path it would be some 8 * 10^9 steps to the image.
TEST_F(GarbageTest, IndexesThatNameOneAnotherManyTimesTakeLittleTime) {
  constexpr size_t kTimes = 300;
  const Image image = images_.make("web", {{{"a", "1"}}});
  const auto lease = images_.lease();
  oci::Descriptor lower = image.manifest;
  for (int level = 0; level < 4; ++level) {
    lower = images_.make_index(cat("index", level), std::vector<oci::Descriptor>(kTimes, lower),
                               *lease);
  }
  EXPECT_EQ(images_.find("index3").id, image.id);
  collect();
  EXPECT_EQ(images_.blobs().size(), 7u);
}

// However many ask without pause whether it runs.
TEST_F(GarbageTest, ACollectionIsNotKeptWaiting) {
  const Image image = images_.make("web", {{{"a", "1"}}});
  constexpr int kMost = 20'000;
  std::atomic<bool> collecting = false;
  std::atomic<bool> collected = false;
  std::atomic<int> begun = 0;
  std::atomic<int> tired = 0;
  std::vector<std::thread> askers;
  for (int i = 0; i < 8; ++i) {
    askers.emplace_back([&] {
      ++begun;
      int asked = 0;
      while (!collected && asked < kMost) {
        EXPECT_TRUE(*images_->still_has(image));
        asked += collecting ? 1 : 0;
      }
      tired += asked == kMost ? 1 : 0;
    });
  }
  while (begun < 8) std::this_thread::yield();
  collecting = true;
  collect();
  collected = true;
  for (std::thread& asker : askers) asker.join();
  EXPECT_EQ(tired, 0);
}

// Loads, names, unpacks and removes images that share layers, from several threads, while
// another collects without pause: whatever has a name is whole at every moment.
TEST_F(GarbageTest, CollectionsBesideAllOtherWork) {
  constexpr int kWorkers = 3;
  constexpr int kRounds = 12;
  TestImages from;
  Lines archives;
  for (int i = 0; i < kWorkers; ++i) {
    from.make(cat("img", i), {{{"base", "shared"}}, {{"own", cat(i)}}});
    archives.push_back(from.save({cat("img", i)}));
  }
  std::atomic<bool> done = false;
  std::thread collector([&] {
    while (!done) {
      const auto freed = images_->collect_garbage();
      EXPECT_TRUE(freed) << message_of(freed);
    }
  });
  std::vector<std::thread> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([&, i] {
      const std::string name = cat("img", i);
      for (int round = 0; round < kRounds; ++round) {
        const auto loaded = images_.load(archives[static_cast<size_t>(i)]);
        EXPECT_TRUE(loaded) << message_of(loaded);
        const auto image = images_->find(name);
        ASSERT_TRUE(image) << message_of(image);
        const auto top = images_->unpack(*image, {}, {});
        EXPECT_TRUE(top) << message_of(top);
        EXPECT_TRUE(images_->snapshots().stat(*top));
        for (const oci::Descriptor& layer : image->manifest_doc.layers) {
          EXPECT_TRUE(content::read_blob(images_->content(), layer.digest));
        }
        const auto removed = images_->remove(name, false, true, nobody);
        EXPECT_TRUE(removed) << message_of(removed);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  done = true;
  collector.join();
  collect();
  images_.expect_empty();
}

}  // namespace
}  // namespace skiff::images
