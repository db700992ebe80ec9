// The storage limit: what does not fit is refused, and nothing of it stays.
#include "images/storage_limit.h"

#include <thread>

#include "base/random.h"
#include "images/parts.h"
#include "images/test_publish.h"

namespace skiff::images {
namespace {

constexpr uint64_t kLimit = 1'000'000;

// Bytes that no compression makes smaller.
std::string noise(size_t size) {
  std::string bytes;
  while (bytes.size() < size) bytes += random_hex(64);
  bytes.resize(size);
  return bytes;
}

class StorageLimitTest : public testing::Test {
 protected:
  StorageLimitTest() { limited_.set_storage_limit(kLimit); }

  static void expect_refused(const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::kResourceExhausted);
    EXPECT_NE(message_of(result).find("the storage limit of 1 MB is reached"), std::string::npos)
        << message_of(result);
  }
  uint64_t used() { return limited_->storage_use()->used; }

  TestImages limited_;
};

TEST_F(StorageLimitTest, WhatFitsIsCounted) {
  const Image image = limited_.make("web", {{{"a", noise(100'000)}}});
  EXPECT_GT(used(), 50'000u);
  ASSERT_TRUE(limited_->unpack(image, {}, {}));
  EXPECT_GT(used(), 150'000u);
  EXPECT_EQ(limited_->storage_use()->limit, kLimit);
  limited_.must_remove("web");
  EXPECT_EQ(used(), 0u);
}

TEST_F(StorageLimitTest, ALoadThatDoesNotFitLeavesNothing) {
  TestImages from;
  from.make("big", {{{"a", noise(3'000'000)}}});
  expect_refused(limited_.load(from.save({"big"})));
  limited_.expect_empty();
  from.make("small", {{{"a", noise(100'000)}}});
  EXPECT_TRUE(limited_.load(from.save({"small"})));
}

// An old archive's layers lie beside one another in scratch files first.
TEST_F(StorageLimitTest, AnArchiveOfLayersThatDoNotFitLeavesNothing) {
  LayerTar tar;
  for (const char* name : {"one/layer.tar", "two/layer.tar"}) tar.file(name, noise(600'000));
  expect_refused(limited_.load(tar.take()));
  limited_.expect_empty();
}

// A pull that was broken off in the layer that both have may still be continued.
TEST_F(StorageLimitTest, APullThatDoesNotFitLeavesThePartsOfAnother) {
  const std::string shared = noise(200'000);
  TestImages from;
  const Image app = from.make("app", {{{"a", "small"}}, {{"b", shared}}});
  const Image big = from.make("big", {{{"b", shared}}, {{"c", noise(3'000'000)}}});
  remote::TestRegistry registry;
  publish(registry, from, app.target, "app", "1");
  publish(registry, from, big.target, "big", "1");
  const oci::Descriptor& layer = app.manifest_doc.layers[1];
  ASSERT_EQ(layer.digest, big.manifest_doc.layers[0].digest);
  const std::string bytes = std::exchange(registry.blobs["app"][layer.digest.str()], "");
  registry.blobs["app"].erase(layer.digest.str());
  const PullOptions options{.client = remote::quick_options()};
  EXPECT_FALSE(limited_->pull(registry.ref("app:1"), options, {}, {}));
  ASSERT_TRUE((*limited_->content().ingest(ingest_reference(layer.digest)))
                  ->write(bytes.substr(0, bytes.size() / 2)));
  const auto fetched = limited_.blobs();

  expect_refused(limited_->pull(registry.ref("big:1"), options, {}, {}));
  EXPECT_EQ(*limited_->content().idle_bytes(), bytes.size() / 2);
  EXPECT_EQ(limited_.blobs(), fetched);
  registry.blobs["app"][layer.digest.str()] = bytes;
  const auto pulled = limited_->pull(registry.ref("app:1"), options, {}, {});
  EXPECT_TRUE(pulled) << message_of(pulled);
}

// Its layer is small, its content is not.
TEST_F(StorageLimitTest, ALoadWhoseFilesDoNotFitLeavesNothing) {
  TestImages from;
  from.make("zeros", {{{"a", std::string(3'000'000, 'z')}}});
  expect_refused(limited_.load(from.save({"zeros"})));
  limited_.expect_empty();
}

TEST_F(StorageLimitTest, ALayerThatDoesNotFitIsRefused) {
  const std::string tar = layer_tar({{"a", noise(3'000'000)}});
  StringSource source(tar);
  const auto lease = limited_.lease();
  expect_refused(limited_->add_layer(source, *lease));
  limited_.expect_empty();
}

TEST_F(StorageLimitTest, APullThatDoesNotFitIsRefusedBeforeItsLayersTravel) {
  TestImages from;
  const Image image = from.make("app", {{{"a", noise(3'000'000)}}, {{"b", "small"}}});
  remote::TestRegistry registry;
  publish(registry, from, image.target, "app", "1");
  const PullOptions options{.client = remote::quick_options()};
  expect_refused(limited_->pull(registry.ref("app:1"), options, {}, {}));
  for (const std::string& line : registry.asked()) {
    for (const auto& layer : image.manifest_doc.layers) {
      EXPECT_EQ(line.find(layer.digest.str()), std::string::npos) << line;
    }
  }
  limited_.expect_empty();
}

// It is stored as long as somebody may go on with it, and its room is then its own.
TEST_F(StorageLimitTest, ABrokenOffDownloadCountsOnce) {
  TestImages from;
  const Image image = from.make("app", {{{"a", noise(800'000)}}});  // 400 kB compressed
  remote::TestRegistry registry;
  publish(registry, from, image.target, "app", "1");
  const oci::Descriptor& layer = image.manifest_doc.layers[0];
  const std::string bytes = *content::read_blob(from->content(), layer.digest);
  limited_.set_storage_limit(1'500'000);
  {
    const auto ingest = *limited_->content().ingest(ingest_reference(layer.digest));
    ASSERT_TRUE(ingest->write(bytes.substr(0, bytes.size() - 1000)));
    EXPECT_EQ(used(), 0u) << "who writes it asks for its room";
  }
  EXPECT_EQ(used(), bytes.size() - 1000);
  // The layer, its tar and half of it once more would not fit.
  const PullOptions options{.client = remote::quick_options()};
  const auto pulled = limited_->pull(registry.ref("app:1"), options, {}, {});
  EXPECT_TRUE(pulled) << message_of(pulled);
}

// The limit holds on the disk, too: what was removed counts until its room is free.
TEST_F(StorageLimitTest, AWriteThatFitsOnceTheTrashIsEmptiedWaitsForIt) {
  auto& content = limited_->content();
  const oci::Digest blob = *content::write_blob(content, noise(400'000));
  const std::string tar = layer_tar({{"a", noise(400'000)}});
  StringSource source(tar);
  ASSERT_TRUE(limited_->snapshots().unpack("layer", "", source));
  StorageLimit limit(content, limited_->snapshots(), kLimit);
  StorageLimit::Room room = limit.room();
  ASSERT_TRUE(room.grow(100'000));
  ASSERT_TRUE(content.remove(blob));
  ASSERT_TRUE(limited_->snapshots().remove("layer"));
  const auto grown = room.grow(800'000);
  EXPECT_TRUE(grown) << message_of(grown);
  for (const char* trash : {"content/trash", "snapshots/trash"}) {
    EXPECT_TRUE(std::filesystem::is_empty(limited_.root() / trash)) << trash;
  }
}

// One after the other both are served.
TEST_F(StorageLimitTest, TwoPullsOfOneImageTakeItsRoomOnce) {
  TestImages from;
  const Image image = from.make("app", {{{"a", noise(800'000)}}});
  const oci::Descriptor& layer = image.manifest_doc.layers[0];
  StorageLimit limit(limited_->content(), limited_->snapshots(), layer.size + layer.size / 2);
  const auto one = limit.room_of("host", layer.digest, "ingest");
  const auto two = limit.room_of("host", layer.digest, "ingest");
  EXPECT_TRUE(one->reserve(layer.size));
  EXPECT_TRUE(two->reserve(layer.size));
  // What comes from elsewhere is written beside it.
  EXPECT_FALSE(limit.room_of("other", layer.digest, "ingest")->reserve(layer.size));
  one->stored();
  EXPECT_TRUE(two->reserve(layer.size)) << "nothing is left to ask for";
  EXPECT_TRUE(limit.room().grow(layer.size));
}

// Between its being stored and the telling of it.
TEST_F(StorageLimitTest, ABlobThatHasJustComeCountsOnce) {
  StorageLimit limit(limited_->content(), limited_->snapshots(), kLimit);
  const std::string bytes = noise(400'000);
  const auto room = limit.room_of("host", oci::Digest::of(bytes), "ingest");
  ASSERT_TRUE(room->reserve(bytes.size()));
  ASSERT_TRUE(content::write_blob(limited_->content(), bytes));
  EXPECT_EQ(*limit.used(), 0u);
  room->stored();
  EXPECT_EQ(*limit.used(), bytes.size());
}

// While somebody counts.
TEST_F(StorageLimitTest, BlobsThatComeMeanwhileCountOnce) {
  StorageLimit limit(limited_->content(), limited_->snapshots(), kLimit);
  std::atomic<bool> done = false;
  std::thread coming([&] {
    for (int i = 0; i < 100; ++i) {
      const std::string bytes = cat(i) + std::string(400'000, 'x');
      const oci::Digest digest = oci::Digest::of(bytes);
      const auto room = limit.room_of("host", digest, "ingest");
      EXPECT_TRUE(room->reserve(bytes.size()));
      EXPECT_TRUE(content::write_blob(limited_->content(), bytes));
      room->stored();
      EXPECT_TRUE(limited_->content().remove(digest));
    }
    done = true;
  });
  while (!done) {
    const auto grown = limit.room().grow(500'000);
    EXPECT_TRUE(grown) << message_of(grown);
  }
  coming.join();
}

TEST_F(StorageLimitTest, DownloadsThatBreakOffMeanwhileCountOnce) {
  StorageLimit limit(limited_->content(), limited_->snapshots(), kLimit);
  std::atomic<bool> done = false;
  std::thread coming([&] {
    for (int i = 0; i < 200; ++i) {
      const std::string bytes = cat(i) + std::string(400'000, 'x');
      const oci::Digest digest = oci::Digest::of(bytes);
      {
        const auto room = limit.room_of("host", digest, ingest_reference(digest));
        EXPECT_TRUE(room->reserve(bytes.size()));
        const auto ingest = limited_->content().ingest(ingest_reference(digest));
        EXPECT_TRUE((*ingest)->write(bytes));
      }
      EXPECT_TRUE(limited_->content().abort(ingest_reference(digest)));
    }
    done = true;
  });
  while (!done) {
    const auto grown = limit.room().grow(500'000);
    EXPECT_TRUE(grown) << message_of(grown);
  }
  coming.join();
}

TEST_F(StorageLimitTest, ThoseWhoAskAndThoseWhoCountDoNotWaitForEachOther) {
  StorageLimit limit(limited_->content(), limited_->snapshots(), kLimit);
  constexpr int kRounds = 300;
  std::thread asking([&] {
    for (int i = 0; i < 20 * kRounds; ++i) {
      limit.room_of("host", oci::Digest::of(cat(i)), "ingest");
    }
  });
  // What is refused was counted before.
  for (int i = 0; i < kRounds; ++i) EXPECT_FALSE(limit.room().grow(kLimit + 1));
  asking.join();
}

// The snapshot's own copy of the layer, which compresses well.
TEST_F(StorageLimitTest, ASealThatDoesNotFitIsRefused) {
  auto& snapshots = limited_->snapshots();
  ASSERT_TRUE(snapshots.prepare("step", ""));
  const snapshot::Mount mount = *snapshots.mount_of("step");
  ASSERT_TRUE(write_file(mount.upper / "a", std::string(3'000'000, 'z')));
  const auto lease = limited_.lease();
  const auto store = [&](Source& tar) -> Result<std::string> {
    TRY(limited_->add_layer(tar, *lease));
    return std::string("sealed");
  };
  expect_refused(snapshots.seal("step", store, limited_->layer_room(), {}));
  EXPECT_FALSE(snapshots.stat("sealed"));
  ASSERT_TRUE(snapshots.remove("step"));
  limited_.expect_empty();
}

TEST_F(StorageLimitTest, APullWhoseFilesDoNotFitLeavesNothing) {
  TestImages from;
  const Image image = from.make("app", {{{"b", "small"}}, {{"a", std::string(3'000'000, 'z')}}});
  remote::TestRegistry registry;
  publish(registry, from, image.target, "app", "1");
  const PullOptions options{.client = remote::quick_options()};
  expect_refused(limited_->pull(registry.ref("app:1"), options, {}, {}));
  limited_.expect_empty();
}

}  // namespace
}  // namespace skiff::images
