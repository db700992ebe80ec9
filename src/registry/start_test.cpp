// A start looks at what a crash may have left, and at nothing else: however many blobs there are.
#include <sys/inotify.h>
#include <unistd.h>

#include "base/random.h"
#include "db/database.h"
#include "registry/schema.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

// Bytes that this process has read by system calls so far.
uint64_t bytes_read() {
  const std::string text = read_file("/proc/self/io").value_or("");
  const size_t at = text.find("rchar: ");
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + 7, nullptr, 10);
}

class Start : public RegistryTest {
 protected:
  Path file_of(const std::string& digest) const {
    const std::string hex = digest.substr(7);
    return options_.root / "content/blobs/sha256" / hex.substr(0, 2) / hex;
  }
  // Blobs that are in the databases, and have no files.
  void add_rows(int count) {
    auto registry = *Database::open(options_.root / "registry.db", migrations());
    ASSERT_TRUE(registry.execute(cat(
        "BEGIN; CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n"
        " WHERE i < ",
        count,
        ") SELECT 'sha256:' || lower(hex(randomblob(32))) AS digest FROM n;"
        "INSERT INTO blob(digest, size, state) SELECT digest, 1, 'stored' FROM n;"
        "INSERT INTO link(repository, digest, lease) SELECT (SELECT min(id) FROM repository), "
        "digest, 0 FROM n; COMMIT;"
        "ATTACH '",
        (options_.root / "content/content.db").native(),
        "' AS content;"
        "INSERT INTO content.blob(digest, size, created) SELECT digest, 1, 0 FROM n")));
  }
  uint64_t read_by_a_start() {
    const uint64_t before = bytes_read();
    auto opened = open_registry(options_, clock_);
    EXPECT_TRUE(opened) << opened.error().message();
    return bytes_read() - before;
  }
};

TEST_F(Start, ReadsNoMoreForManyBlobs) {
  if (!on_sqlite()) GTEST_SKIP() << "of what SQLite reads";
  push_image("a", "1", "{}", {"layer"});
  stop();
  const uint64_t few = read_by_a_start();
  add_rows(20'000);  // of some 100 bytes in each of three tables and two indexes
  const uint64_t many = read_by_a_start();
  EXPECT_GT(few, 0u);
  EXPECT_LT(many, few + 200'000);
}

TEST_F(Start, OpensNoDirectoryOfBlobs) {
  const std::string digest = push_image("a", "1", "{}", {"layer"});
  stop();
  UniqueFd watch(::inotify_init1(IN_NONBLOCK));
  const Path blobs = options_.root / "content/blobs";
  for (const Path& each : {blobs, blobs / "sha256"}) {
    ASSERT_GE(::inotify_add_watch(watch.get(), each.c_str(), IN_OPEN | IN_ACCESS), 0);
  }
  read_by_a_start();
  std::array<char, 4096> events;
  EXPECT_LT(::read(watch.get(), events.data(), events.size()), 0);
  EXPECT_EQ(errno, EAGAIN);
}

// What a walk would find, and what is found without: by who asks for it.
TEST_F(Start, LeavesWhatNoCrashLeaves) {
  push_image("a", "1", "{}", {"layer"});
  const std::string lost = oci::Digest::of("layer").str();
  const std::string stray = oci::Digest::of("stray").str();
  stop();
  std::filesystem::remove(file_of(lost));
  std::filesystem::create_directories(file_of(stray).parent_path());
  ASSERT_TRUE(write_file(file_of(stray), "stray"));
  start();
  EXPECT_TRUE(std::filesystem::exists(file_of(stray)));
  EXPECT_EQ(client().head(blob_path("a", lost)).status, 404);
  client().push_blob("a", "layer");
  EXPECT_EQ(client().get(blob_path("a", lost)).body, "layer");
}

// A crash between the file's new name and its row, of a blob that the registry had noted.
TEST_F(Start, RemovesAFileWithoutRowThatWasArriving) {
  const std::string digest = oci::Digest::of("half").str();
  stop();
  {
    auto metadata = open_metadata();
    ASSERT_TRUE(metadata->blob_arrives(*oci::Digest::parse(digest), ""));
  }
  std::filesystem::create_directories(file_of(digest).parent_path());
  ASSERT_TRUE(write_file(file_of(digest), "half"));
  start();
  EXPECT_FALSE(std::filesystem::exists(file_of(digest)));
}

TEST_F(Start, DropsIngestsOfNoUpload) {
  const std::string location = client().start("a");
  client().call("PATCH", location, "hello");
  stop();
  const Path ingests = options_.root / "content/ingests";
  for (const char* name : {"once-0123", "0123456789abcdef"}) {
    ASSERT_TRUE(write_file(ingests / name, "left"));
  }
  start();
  const auto left = std::distance(std::filesystem::directory_iterator(ingests),
                                  std::filesystem::directory_iterator());
  EXPECT_EQ(left, 1);
  EXPECT_EQ(client().get(location).header("Range"), "0-4");
}

}  // namespace
}  // namespace skiff::registry
