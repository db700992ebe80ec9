#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/random.h"
#include "content/content_store_suite.h"
#include "content/layout.h"

namespace skiff::content {
namespace {

INSTANTIATE_TEST_SUITE_P(Local, ContentStoreSuite,
                         testing::Values([](const Path& root, const Clock& clock) {
                           return open_content_store(root, DurableFiles::system(), clock);
                         }));

// Fails the `nth` of its calls, counted from 1.
class FailingFiles : public DurableFiles {
 public:
  int fail_at = 0;
  int calls = 0;

  Result<> sync_file(int fd) override {
    TRY(next("fsync"));
    return system().sync_file(fd);
  }
  Result<> rename(const Path& from, const Path& to) override {
    TRY(next("rename"));
    return system().rename(from, to);
  }
  Result<> sync_directory(const Path& directory) override {
    TRY(next("fsync of a directory"));
    return system().sync_directory(directory);
  }
  Result<> unlink(const Path& path) override {
    TRY(next("unlink"));
    return system().unlink(path);
  }

 private:
  Result<> next(std::string_view what) {
    if (++calls == fail_at) return Error::from_errno(EIO, what);
    return {};
  }
};

class LocalStoreTest : public testing::Test {
 protected:
  TempDir dir_ = *TempDir::make("/tmp", "skiff-content-");
  Layout layout_{dir_.path()};
  FailingFiles files_;

  std::unique_ptr<ContentStore> open() {
    auto store = open_content_store(dir_.path(), files_);
    EXPECT_TRUE(store) << store.error().message();
    return std::move(*store);
  }
  int files_in(const Path& directory) {
    int count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
      count += entry.is_directory() ? 0 : 1;
    }
    return count;
  }
};

TEST_F(LocalStoreTest, OneOpenerARoot) {
  auto store = open();
  EXPECT_EQ(open_content_store(dir_.path()).error().code(), Code::kUnavailable);
  store.reset();
  EXPECT_TRUE(open_content_store(dir_.path()));
}

TEST_F(LocalStoreTest, AFailureOfAnyStepOfACommitLeavesTheIngestAndNoBlob) {
  auto store = open();
  int failures = 0;
  for (int step = 1;; ++step) {
    std::string bytes = cat("blob ", step);
    auto ingest = store->ingest(bytes);
    ASSERT_TRUE((*ingest)->write(bytes));
    files_.calls = 0;
    files_.fail_at = step;
    auto failed = store->commit(**ingest, oci::Digest::of(bytes));
    files_.fail_at = 0;
    if (failed) break;
    ++failures;
    EXPECT_EQ(failed.error().code(), Code::kInternal);
    EXPECT_EQ(store->info(oci::Digest::of(bytes)).error().code(), Code::kNotFound);
    EXPECT_FALSE(std::filesystem::exists(layout_.blob(oci::Digest::of(bytes))));
    EXPECT_TRUE(store->commit(**ingest, oci::Digest::of(bytes))) << "step " << step;
    EXPECT_EQ(*read_blob(*store, oci::Digest::of(bytes)), bytes);
  }
  EXPECT_EQ(failures, 4);  // fsync, fsync of the parent, rename, fsync of the directory
  EXPECT_EQ(files_in(layout_.ingests()), 0);
}

TEST_F(LocalStoreTest, AFailedRemovalIsFinishedOrUndoneAtTheNextStart) {
  auto store = open();
  oci::Digest digest = *write_blob(*store, "hello");
  files_.calls = 0;
  files_.fail_at = 1;
  EXPECT_FALSE(store->remove(digest));
  EXPECT_FALSE(store->info(digest));
  files_.fail_at = 0;
  store.reset();
  store = open();
  EXPECT_EQ(*read_blob(*store, digest), "hello");
  EXPECT_EQ(*store->collect({}), 5u);
  EXPECT_EQ(files_in(layout_.blobs()), 0);
}

TEST_F(LocalStoreTest, ALargeBlobMayComeBackWhileItsOldFileIsStillRemoved) {
  auto store = open();
  const std::string bytes(4 << 20, 'x');
  for (int round = 0; round < 5; ++round) {
    oci::Digest digest = *write_blob(*store, bytes);
    EXPECT_EQ(*store->collect({}), bytes.size());
    EXPECT_FALSE(store->info(digest));
    EXPECT_EQ(files_in(layout_.blobs()), 0);
    ASSERT_TRUE(write_blob(*store, bytes));
    store->settle();
    EXPECT_EQ(*read_blob(*store, digest), bytes);
    ASSERT_TRUE(store->remove(digest));
  }
  store->settle();
  EXPECT_EQ(files_in(layout_.trash()), 0);
}

TEST_F(LocalStoreTest, AFileWhoseRemovalWasCutShortIsGoneAfterTheNextStart) {
  open();
  ASSERT_TRUE(write_file(layout_.trash() / "left", "x"));
  open()->settle();
  EXPECT_EQ(files_in(layout_.trash()), 0);
}

TEST_F(LocalStoreTest, FilesAndRowsAreReconciledAtStart) {
  oci::Digest lost = oci::Digest::of("lost");
  {
    auto store = open();
    ASSERT_TRUE(write_blob(*store, "lost"));
    ASSERT_TRUE(write_blob(*store, "fine"));
  }
  std::filesystem::remove(layout_.blob(lost));
  Path orphan = layout_.blob(oci::Digest::of("orphan"));
  ASSERT_TRUE(make_directories(orphan.parent_path()) && write_file(orphan, "orphan"));
  Path false_name = layout_.blob(oci::Digest::of("something else"));
  ASSERT_TRUE(make_directories(false_name.parent_path()) && write_file(false_name, "noise"));
  ASSERT_TRUE(write_file(layout_.blobs() / "sha256" / "stray", "noise"));

  auto store = open();
  EXPECT_FALSE(store->info(lost));
  EXPECT_EQ(*read_blob(*store, oci::Digest::of("orphan")), "orphan");
  EXPECT_EQ(*read_blob(*store, oci::Digest::of("fine")), "fine");
  EXPECT_EQ(files_in(layout_.blobs()), 2);
}

// As a bad sector would: reading it gives EIO.
TEST_F(LocalStoreTest, AFileThatCannotBeReadKeepsNoOtherAway) {
  ASSERT_TRUE(write_blob(*open(), "fine"));
  const oci::Digest bad = oci::Digest::of("bad");
  ASSERT_TRUE(make_directories(layout_.blob(bad).parent_path()));
  std::filesystem::create_symlink("/proc/self/mem", layout_.blob(bad));

  auto store = open();
  EXPECT_EQ(*read_blob(*store, oci::Digest::of("fine")), "fine");
  EXPECT_FALSE(store->info(bad));
  std::vector<Problem> problems;
  ASSERT_TRUE(store->check({.repair = true}, [&](const Problem& p) { problems.push_back(p); }));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_FALSE(problems[0].mended);
  EXPECT_NE(problems[0].remedy.find("cannot be read"), std::string::npos) << problems[0].remedy;
  // Stored again it is whole.
  ASSERT_TRUE(write_blob(*store, "bad"));
  EXPECT_EQ(*read_blob(*store, bad), "bad");
}

TEST_F(LocalStoreTest, BlobsSurviveALostDatabase) {
  {
    ASSERT_TRUE(write_blob(*open(), "hello"));
  }
  for (const char* name : {"content.db", "content.db-wal", "content.db-shm"}) {
    std::filesystem::remove(dir_.path() / name);
  }
  EXPECT_EQ(*read_blob(*open(), oci::Digest::of("hello")), "hello");
}

TEST_F(LocalStoreTest, AnIngestOlderThanADayIsDroppedAtStart) {
  {
    auto store = open();
    ASSERT_TRUE((*store->ingest("old"))->write("old") && (*store->ingest("new"))->write("new"));
  }
  timespec yesterday[2] = {{::time(nullptr) - 90'000, 0}, {::time(nullptr) - 90'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, layout_.ingest("old").c_str(), yesterday, 0), 0);
  auto store = open();
  EXPECT_EQ((*store->ingest("old"))->offset(), 0u);
  EXPECT_EQ((*store->ingest("new"))->offset(), 3u);
}

TEST_F(LocalStoreTest, BytesDamagedBetweenTwoAttemptsAreNoticed) {
  auto store = open();
  {
    ASSERT_TRUE((*store->ingest("r"))->write("hello "));
  }
  UniqueFd file = *open_file(layout_.ingest("r"), O_WRONLY);
  ASSERT_EQ(::pwrite(file.get(), "J", 1, 0), 1);
  // Later: within a tick of the clock the file would have the same time.
  const timespec later[2] = {{0, UTIME_OMIT}, {::time(nullptr) + 60, 0}};
  ASSERT_EQ(::futimens(file.get(), later), 0);
  auto ingest = store->ingest("r");
  ASSERT_TRUE((*ingest)->write("world"));
  auto committed = store->commit(**ingest, oci::Digest::of("hello world"));
  EXPECT_EQ(committed.error().code(), Code::kDataLoss);
}

TEST_F(LocalStoreTest, ATruncatedOrBitFlippedBlobIsToldNotServed) {
  auto store = open();
  oci::Digest cut = *write_blob(*store, "a blob to cut");
  oci::Digest flipped = *write_blob(*store, "a blob to flip");
  ASSERT_EQ(::truncate(layout_.blob(cut).c_str(), 3), 0);
  UniqueFd file = *open_file(layout_.blob(flipped), O_WRONLY);
  ASSERT_EQ(::pwrite(file.get(), "b", 1, 0), 1);
  EXPECT_EQ(store->open(cut).error().code(), Code::kDataLoss);
  EXPECT_EQ(read_blob(*store, flipped).error().code(), Code::kDataLoss);
}

TEST_F(LocalStoreTest, BlobsAreReadOnlyFiles) {
  auto store = open();
  oci::Digest digest = *write_blob(*store, "hello");
  struct stat st{};
  ASSERT_EQ(::stat(layout_.blob(digest).c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0444u);
}

// Commits blobs without end, telling each acknowledged one on `acknowledged`.
[[noreturn]] void commit_for_ever(const Path& root, int acknowledged) {
  auto store = open_content_store(root);
  if (!store) _exit(1);
  for (;;) {
    std::string bytes = random_hex(20'000);
    auto digest = write_blob(**store, bytes);
    if (!digest) _exit(1);
    std::string line = digest->str() + "\n";
    if (::write(acknowledged, line.data(), line.size()) < 0) _exit(1);
  }
}

TEST_F(LocalStoreTest, KilledAtRandomItKeepsAllThatWasAcknowledged) {
  std::set<oci::Digest> acknowledged;
  for (int round = 0; round < 15; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    pid_t child = ::fork();
    if (child == 0) commit_for_ever(dir_.path(), writer.get());
    writer.reset();
    // Mostly once it commits, however slow the machine is; sometimes while it still opens.
    pollfd first{.fd = reader.get(), .events = POLLIN, .revents = 0};
    if (round % 3 != 0) {
      ASSERT_EQ(::poll(&first, 1, 30'000), 1);
    }
    ::usleep(10'000 + static_cast<useconds_t>(random_bytes(1)[0] & 0x7f) * 300);
    ::kill(child, SIGKILL);
    FdSource source(reader.get());
    std::string lines = *read_all(source, 1 << 20U);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    for (const std::string& line : split(lines, '\n')) {
      if (auto digest = oci::Digest::parse(line)) acknowledged.insert(*digest);
    }
    auto store = open();
    for (const oci::Digest& digest : acknowledged) {
      EXPECT_TRUE(read_blob(*store, digest)) << digest.str();
    }
    int rows = 0;
    ASSERT_TRUE(store->walk([&](const BlobInfo& blob) -> Result<> {
      ++rows;
      EXPECT_TRUE(read_blob(*store, blob.digest));
      return {};
    }));
    EXPECT_EQ(rows, files_in(layout_.blobs()));
    // At most the one that was not yet acknowledged a round, beside the acknowledged ones.
    EXPECT_LE(rows, static_cast<int>(acknowledged.size()) + round + 1);
    EXPECT_LE(files_in(layout_.ingests()), round + 1);
  }
  EXPECT_GT(acknowledged.size(), 0u);
}

}  // namespace
}  // namespace skiff::content
