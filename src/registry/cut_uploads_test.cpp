// Uploads that a crash or a power cut broke off.
#include <fcntl.h>
#include <unistd.h>

#include "content/recorded_store.h"
#include "db/database.h"
#include "registry/quota.h"
#include "registry/schema.h"
#include "registry/test_uploads.h"

namespace skiff::registry {
namespace {

// As after a power cut: of the file is left what was synced, and behind that something else.
class CutUploads : public UploadsTest {
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

class SyncedUploads : public UploadsTest {
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

}  // namespace
}  // namespace skiff::registry
