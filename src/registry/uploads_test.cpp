#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "content/recorded_store.h"
#include "db/database.h"
#include "registry/quota.h"
#include "registry/schema.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

class Uploads : public RegistryTest {
 protected:
  bool has(const std::string& repository, const std::string& bytes) {
    return client().head(blob_path(repository, oci::Digest::of(bytes).str())).status == 200;
  }
  // How many files there are under content/DIRECTORY.
  int files(const char* directory) {
    int count = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(options_.root / "content" / directory)) {
      if (entry.is_regular_file()) ++count;
    }
    return count;
  }
  static std::string with_digest(const std::string& location, const std::string& bytes) {
    return cat(location, "?digest=", oci::Digest::of(bytes).str());
  }
};

TEST_F(Uploads, PostThenPut) {
  std::string location = client().start("a/b");
  Reply put = client().call("PUT", with_digest(location, "bytes"), "bytes");
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.header("Location"), blob_path("a/b", oci::Digest::of("bytes").str()));
  EXPECT_EQ(put.header("Docker-Content-Digest"), oci::Digest::of("bytes").str());
  EXPECT_TRUE(has("a/b", "bytes"));
  EXPECT_EQ(client().get(location).error(), "BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(files("ingests"), 0);
}

TEST_F(Uploads, InChunksInOrder) {
  std::string location = client().start("a");
  EXPECT_EQ(client().get(location).header("Range"), "0-0");
  Reply first = client().call("PATCH", location, "hello ", {{"Content-Range", "0-5"}});
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(first.header("Range"), "0-5");
  Reply gap = client().call("PATCH", location, "x", {{"Content-Range", "7-7"}});
  EXPECT_EQ(gap.status, 416);
  EXPECT_EQ(gap.error(), "BLOB_UPLOAD_INVALID");
  EXPECT_EQ(gap.header("Range"), "0-5");
  EXPECT_EQ(client().call("PATCH", location, "hello ", {{"Content-Range", "0-5"}}).status, 416);
  Reply state = client().get(location);
  EXPECT_EQ(state.status, 204);
  EXPECT_EQ(state.header("Range"), "0-5");
  EXPECT_EQ(client().call("PATCH", location, "wor").header("Range"), "0-8");
  Reply bad_end =
      client().call("PUT", with_digest(location, "hello world"), "ld", {{"Content-Range", "0-1"}});
  EXPECT_EQ(bad_end.status, 416);
  Reply put =
      client().call("PUT", with_digest(location, "hello world"), "ld", {{"Content-Range", "9-10"}});
  EXPECT_EQ(put.status, 201);
  EXPECT_TRUE(has("a", "hello world"));
}

TEST_F(Uploads, AChunkMustBeAsLongAsItSays) {
  std::string location = client().start("a");
  Reply wrong = client().call("PATCH", location, "hello", {{"Content-Range", "0-2"}});
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.error(), "SIZE_INVALID");
  Reply malformed = client().call("PATCH", location, "hello", {{"Content-Range", "x-2"}});
  EXPECT_EQ(malformed.error(), "BLOB_UPLOAD_INVALID");
  EXPECT_EQ(client().get(location).header("Range"), "0-0");
}

TEST_F(Uploads, AWrongDigestLeavesNothing) {
  std::string location = client().start("a");
  Reply put = client().call("PUT", with_digest(location, "expected"), "something else");
  EXPECT_EQ(put.status, 400);
  EXPECT_EQ(put.error(), "DIGEST_INVALID");
  EXPECT_FALSE(has("a", "expected"));
  EXPECT_FALSE(has("a", "something else"));
  EXPECT_EQ(client().get(location).status, 404);
  Reply at_once =
      client().call("POST", with_digest("/v2/a/blobs/uploads/", "expected"), "something else");
  EXPECT_EQ(at_once.error(), "DIGEST_INVALID");
  EXPECT_EQ(files("ingests"), 0);
  EXPECT_EQ(files("blobs"), 0);
}

TEST_F(Uploads, ABadDigestParameterKeepsTheUpload) {
  std::string location = client().start("a");
  EXPECT_EQ(client().call("PUT", location, "x").error(), "DIGEST_INVALID");
  EXPECT_EQ(client().call("PUT", location + "?digest=sha256:zz", "x").error(), "DIGEST_INVALID");
  EXPECT_EQ(client().call("PUT", with_digest(location, "x"), "x").status, 201);
}

TEST_F(Uploads, AreCancelled) {
  std::string location = client().start("a");
  client().call("PATCH", location, "hello");
  EXPECT_EQ(client().remove(location).status, 204);
  EXPECT_EQ(client().get(location).status, 404);
  EXPECT_EQ(client().call("PATCH", location, "x").status, 404);
  EXPECT_EQ(client().remove(location).error(), "BLOB_UPLOAD_UNKNOWN");
  EXPECT_EQ(files("ingests"), 0);
}

TEST_F(Uploads, BelongToTheirRepository) {
  std::string location = client().start("a");
  std::string elsewhere = replace_all(location, "/v2/a/", "/v2/b/");
  EXPECT_EQ(client().call("PATCH", elsewhere, "x").status, 404);
  EXPECT_EQ(client().get("/v2/a/blobs/uploads/no-such-id").error(), "BLOB_UPLOAD_UNKNOWN");
}

// Promises 100 bytes, sends ten, and is gone.
void die_in_the_middle(uint16_t port, const std::string& location) {
  auto stream = net::make_plain_stream(*net::connect_tcp("127.0.0.1", port));
  ASSERT_TRUE(stream->write(
      cat("PATCH ", location, " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n0123456789")));
  ASSERT_TRUE(stream->shutdown_write());
  EXPECT_TRUE(read_all(*stream, 100'000));  // until the server has noticed
}

TEST_F(Uploads, GoOnWhereAClientDied) {
  std::string location = client().start("a");
  die_in_the_middle(port(), location);
  EXPECT_EQ(client().get(location).header("Range"), "0-9");
  EXPECT_EQ(client().call("PATCH", location, "abc", {{"Content-Range", "10-12"}}).status, 202);
  EXPECT_EQ(client().call("PUT", with_digest(location, "0123456789abc")).status, 201);
}

TEST_F(Uploads, GoOnAfterARestart) {
  std::string location = client().start("a");
  client().call("PATCH", location, "0123456789");
  restart();
  EXPECT_EQ(client().get(location).header("Range"), "0-9");
  EXPECT_EQ(client().call("PUT", with_digest(location, "0123456789abc"), "abc").status, 201);
  EXPECT_TRUE(has("a", "0123456789abc"));
}

// As after a power cut: of the file is left what was synced, and behind that something else.
class CutUploads : public Uploads {
 protected:
  Path ingest_file() const {
    return std::filesystem::directory_iterator(options_.root / "content/ingests")->path();
  }
  void append(std::string_view bytes) const {
    UniqueFd fd = *open_file(ingest_file(), O_WRONLY | O_APPEND);
    ASSERT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
};

TEST_F(CutUploads, GoOnAtTheAcknowledgedOffset) {
  const std::string location = client().start("a");
  client().call("PATCH", location, "0123456789");
  stop();
  append("garbage");
  edit_tables("UPDATE upload SET boot = 'another'");
  start();
  EXPECT_EQ(client().get(location).header("Range"), "0-9");
  EXPECT_EQ(client().call("PUT", with_digest(location, "0123456789abc"), "abc").status, 201);
}

TEST_F(CutUploads, WithoutAcknowledgementBeginAnew) {
  const std::string location = client().start("a");
  die_in_the_middle(port(), location);
  stop();
  edit_tables("UPDATE upload SET boot = 'another', \"offset\" = 0, hash = x''");
  start();
  EXPECT_EQ(client().get(location).header("Range"), "0-0");
  EXPECT_EQ(client().call("PUT", with_digest(location, "abc"), "abc").status, 201);
}

// Not a power cut: what a dead client and a killed server left is as it was written.
TEST_F(CutUploads, GoOnBehindWhatWasNotAcknowledged) {
  const std::string location = client().start("a");
  client().call("PATCH", location, "0123456789");
  stop();
  append("abc");
  start();
  EXPECT_EQ(client().get(location).header("Range"), "0-12");
  EXPECT_EQ(client().call("PUT", with_digest(location, "0123456789abcd"), "d").status, 201);
}

// Of the version before, which noted no state.
TEST_F(CutUploads, OfOlderVersionsGoOn) {
  const std::string location = client().start("a");
  client().call("PATCH", location, "0123456789");
  stop();
  edit_tables("UPDATE upload SET boot = '', \"offset\" = 0, hash = x''");
  start();
  EXPECT_EQ(client().get(location).header("Range"), "0-9");
  EXPECT_EQ(client().call("PUT", with_digest(location, "0123456789abc"), "abc").status, 201);
}

// What is acknowledged is not read again: it may be gigabytes. Here it is not even what it was.
TEST_F(CutUploads, ReadNothingAgain) {
  for (const HashAlgorithm by : {HashAlgorithm::kSha256, HashAlgorithm::kSha512}) {
    const char* algorithm = by == HashAlgorithm::kSha256 ? "sha256" : "sha512";
    Reply begun = client().call("POST", cat("/v2/a/blobs/uploads/?digest-algorithm=", algorithm));
    const std::string location = begun.header("Location");
    client().call("PATCH", location, "0123456789");
    stop();
    UniqueFd fd = *open_file(ingest_file(), O_WRONLY);
    ASSERT_EQ(::pwrite(fd.get(), "X", 1, 0), 1);
    start();
    const std::string digest = oci::Digest::of("0123456789abc", by).str();
    EXPECT_EQ(client().call("PUT", cat(location, "?digest=", digest), "abc").status, 201);
  }
}

// The crash came when the content was stored, and the registry had not heard of it.
TEST_F(CutUploads, AreBlobsWhereTheirEndWasBrokenOff) {
  for (const bool is_known : {false, true}) {
    const std::string bytes = cat("0123456789", is_known);
    if (is_known) client().push_blob("b", bytes);
    const std::string location = client().start("a");
    client().call("PATCH", location, bytes);
    const oci::Digest digest = oci::Digest::of(bytes);
    stop();
    {
      auto metadata = open_metadata();
      auto blobs = *content::open_recorded_store(options_.root / "content");
      const std::string id = location.substr(location.rfind('/') + 1);
      auto ingest = *blobs->resume(cat("upload-", id), HashAlgorithm::kSha256,
                                   (*metadata->find_upload("a", id))->state.bytes);
      ASSERT_TRUE(metadata->blob_arrives(digest, id));
      ASSERT_TRUE(blobs->commit(*ingest, digest));
    }
    start();
    EXPECT_EQ(client().get(blob_path("a", digest.str())).body, bytes) << is_known;
    EXPECT_EQ(client().get(location).status, 404) << is_known;
  }
}

// A quota that is full by then takes nothing, and keeps no registry from its start.
TEST_F(CutUploads, HaveEndedWhereAQuotaIsFull) {
  const std::string bytes = "0123456789";
  const std::string location = client().start("a");
  client().call("PATCH", location, bytes);
  const oci::Digest digest = oci::Digest::of(bytes);
  stop();
  {
    auto metadata = open_metadata();
    auto blobs = *content::open_recorded_store(options_.root / "content");
    const std::string id = location.substr(location.rfind('/') + 1);
    auto ingest = *blobs->resume(cat("upload-", id), HashAlgorithm::kSha256,
                                 (*metadata->find_upload("a", id))->state.bytes);
    ASSERT_TRUE(metadata->blob_arrives(digest, id));
    ASSERT_TRUE(blobs->commit(*ingest, digest));
    Database db = *open_registry_database(options_.root);
    ASSERT_TRUE(set_quota(db, "", 5));
  }
  start();
  EXPECT_FALSE(has("a", bytes));
  EXPECT_EQ(client().get(location).status, 404);
  EXPECT_EQ(files("blobs"), 0);
}

// Before that: it is an upload still.
TEST_F(CutUploads, GoOnWhereTheirEndHadNotBegun) {
  const std::string location = client().start("a");
  client().call("PATCH", location, "0123456789");
  stop();
  edit_tables(cat("UPDATE upload SET becoming = '", oci::Digest::of("0123456789").str(), "'"));
  start();
  EXPECT_EQ(client().get(location).header("Range"), "0-9");
  EXPECT_EQ(client().call("PUT", with_digest(location, "0123456789")).status, 201);
}

// Counts what reaches the disk.
class CountingFiles : public DurableFiles {
 public:
  std::atomic<int> files = 0;
  std::atomic<int> directories = 0;
  std::atomic<bool> broken = false;

  Result<> sync_file(int fd) override {
    ++files;
    return broken ? Result<>(Error::from_errno(EIO, "fsync")) : system().sync_file(fd);
  }
  Result<> rename(const Path& from, const Path& to) override { return system().rename(from, to); }
  Result<> sync_directory(const Path& path) override {
    ++directories;
    return system().sync_directory(path);
  }
  Result<> unlink(const Path& path) override { return system().unlink(path); }
};

class SyncedUploads : public Uploads {
 protected:
  SyncedUploads() { files_ = &counting_; }
  CountingFiles counting_;
};

TEST_F(SyncedUploads, AreOnTheDiskBeforeTheyAreAcknowledged) {
  const std::string location = client().start("a");
  EXPECT_EQ(counting_.files, 0);
  const int directories = counting_.directories;
  client().call("PATCH", location, "0123");
  EXPECT_EQ(counting_.files, 1);
  EXPECT_EQ(counting_.directories, directories + 1);
  client().call("PATCH", location, "4567");
  EXPECT_EQ(counting_.files, 2);
  EXPECT_EQ(counting_.directories, directories + 1);  // the name is there
  client().get(location);
  EXPECT_EQ(counting_.files, 2);  // nothing new
  die_in_the_middle(port(), location);
  EXPECT_EQ(client().get(location).header("Range"), "0-17");
  EXPECT_EQ(counting_.files, 3);
}

TEST_F(SyncedUploads, GoBackToWhatTheDiskHas) {
  const std::string location = client().start("a");
  client().call("PATCH", location, "0123");
  counting_.broken = true;
  EXPECT_EQ(client().call("PATCH", location, "4567").status, 500);
  counting_.broken = false;
  EXPECT_EQ(client().get(location).header("Range"), "0-3");
  Reply late = client().call("PATCH", location, "8", {{"Content-Range", "8-8"}});
  EXPECT_EQ(late.status, 416);
  EXPECT_EQ(late.header("Range"), "0-3");
  EXPECT_EQ(client().call("PUT", with_digest(location, "0123abc"), "abc").status, 201);
}

TEST_F(SyncedUploads, AtOnceTheyLeaveNothingWhereTheyFail) {
  const std::string digest = oci::Digest::of("0123").str();
  counting_.broken = true;
  EXPECT_EQ(client().call("POST", cat("/v2/a/blobs/uploads/?digest=", digest), "0123").status, 500);
  EXPECT_TRUE(std::filesystem::is_empty(options_.root / "content/ingests"));
}

TEST_F(Uploads, SecondWriterIsToldToWait) {
  std::string location = client().start("a");
  auto stream = net::make_plain_stream(*net::connect_tcp("127.0.0.1", port()));
  ASSERT_TRUE(stream->write(
      cat("PATCH ", location, " HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")));
  // The state can be asked for meanwhile, and tells when the first bytes are there.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (Reply state; state.header("Range") != "0-1"; state = client().get(location)) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline)
        << state.status << ", range " << state.header("Range");
    std::this_thread::yield();
  }
  Reply second = client().call("PATCH", location, "zz");
  EXPECT_EQ(second.status, 409);
  ASSERT_TRUE(stream->write("cd"));
  ASSERT_TRUE(stream->shutdown_write());
  EXPECT_TRUE(read_all(*stream, 100'000)->starts_with("HTTP/1.1 202"));
  EXPECT_EQ(client().call("PUT", with_digest(location, "abcd")).status, 201);
}

TEST_F(Uploads, MountFromAnotherRepository) {
  client().push_blob("from", "layer");
  std::string digest = oci::Digest::of("layer").str();
  Reply mounted = client().call("POST", cat("/v2/to/blobs/uploads/?mount=", digest, "&from=from"));
  EXPECT_EQ(mounted.status, 201);
  EXPECT_EQ(mounted.header("Location"), blob_path("to", digest));
  EXPECT_TRUE(has("to", "layer"));
  Reply anonymous = client().call("POST", cat("/v2/third/blobs/uploads/?mount=", digest));
  EXPECT_EQ(anonymous.status, 201);
  EXPECT_TRUE(has("third", "layer"));
}

TEST_F(Uploads, AMountThatCannotBeBecomesAnUpload) {
  client().push_blob("other", "layer");
  std::string digest = oci::Digest::of("layer").str();
  Reply reply = client().call("POST", cat("/v2/to/blobs/uploads/?mount=", digest, "&from=empty"));
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(client().call("PUT", cat(reply.header("Location"), "?digest=", digest), "layer").status,
            201);
  EXPECT_EQ(client().call("POST", "/v2/to/blobs/uploads/?mount=sha256:x&from=a").error(),
            "DIGEST_INVALID");
  EXPECT_EQ(client().call("POST", cat("/v2/to/blobs/uploads/?mount=", digest, "&from=A")).error(),
            "NAME_INVALID");
}

TEST_F(Uploads, AbandonedOnesAreDropped) {
  std::string location = client().start("a");
  client().call("PATCH", location, "hello");
  std::string young = client().start("a");
  clock_.advance(options_.upload_age / 2);
  client().get(young);
  clock_.advance(options_.upload_age / 2 + std::chrono::minutes(10));
  ASSERT_TRUE(registry_->collect_garbage());
  EXPECT_EQ(client().get(location).status, 404);
  EXPECT_EQ(client().get(young).status, 204);
  EXPECT_EQ(files("ingests"), 1);
}

TEST_F(Uploads, ManyClientsPushTheSameAndOtherBlobs) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      Client mine(port());
      for (int i = 0; i < 10; ++i) {
        mine.push_blob("shared", cat("shared ", i));
        mine.push_blob(cat("own", t), cat("own ", t, " ", i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(has("shared", cat("shared ", i)));
    for (int t = 0; t < 8; ++t) EXPECT_TRUE(has(cat("own", t), cat("own ", t, " ", i)));
  }
  EXPECT_EQ(files("blobs"), 90);
  EXPECT_EQ(files("ingests"), 0);
}

}  // namespace
}  // namespace skiff::registry
