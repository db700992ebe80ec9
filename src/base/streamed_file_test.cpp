#include "base/streamed_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include "base/file.h"

namespace skiff {
namespace {

constexpr size_t kBlock = StreamedFile::kBlock;

// Differs from block to block: its period is no power of two.
std::string text(size_t size) {
  std::string out(size, 0);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i % 251);
  return out;
}

Result<> write(StreamedFile& file, std::string_view bytes, size_t step) {
  while (!bytes.empty()) {
    const std::span<char> room = TRY(file.room());
    const std::string_view part = bytes.substr(0, std::min(step, room.size()));
    part.copy(room.data(), part.size());
    file.advance(part.size());
    bytes.remove_prefix(part.size());
  }
  return {};
}

class StreamedFileTest : public ::testing::Test {
 protected:
  TempDir dir_ = *TempDir::make(::testing::TempDir(), "streamed");
  Path path_ = dir_.path() / "file";
  UniqueFd fd_ = *open_file(path_, O_RDWR | O_CREAT, 0600);
};

TEST_F(StreamedFileTest, TakesEveryLength) {
  for (const size_t size :
       {size_t{0}, size_t{1}, kBlock - 1, kBlock, kBlock + 1, 5 * kBlock + 77}) {
    ASSERT_EQ(::ftruncate(fd_.get(), 0), 0);
    ASSERT_EQ(::lseek(fd_.get(), 0, SEEK_SET), 0);
    StreamedFile file(fd_.get());
    const std::string bytes = text(size);
    ASSERT_TRUE(write(file, bytes, 100'000));
    ASSERT_TRUE(file.finish());
    EXPECT_TRUE(read_file(path_).value() == bytes) << size;
    EXPECT_EQ(::lseek(fd_.get(), 0, SEEK_CUR), static_cast<off_t>(size));
    EXPECT_EQ(::fcntl(fd_.get(), F_GETFL) & O_DIRECT, 0);
  }
}

TEST_F(StreamedFileTest, WritesAsEverWhereTheSystemRefusesItsWay) {
  ASSERT_EQ(::write(fd_.get(), "x", 1), 1);  // nothing after it is aligned
  StreamedFile file(fd_.get());
  const std::string bytes = text(3 * kBlock + 5);
  ASSERT_TRUE(write(file, bytes, kBlock));
  ASSERT_TRUE(file.finish());
  EXPECT_TRUE(read_file(path_).value() == "x" + bytes);
}

// Reads up to `there` by the reader's calls alone; ends early where the writer has gone ahead.
std::string read_in_pace(StreamedFile& file, const std::atomic<size_t>& there, size_t size) {
  std::string read;
  std::string buffer(300'000, 0);
  while (read.size() < size) {
    const size_t most = std::min(buffer.size(), there.load() - read.size());
    if (most == 0) {
      std::this_thread::yield();
      continue;
    }
    const size_t n = file.copy_from(read.size(), std::span(buffer).first(most));
    if (n == 0) break;
    read.append(buffer, 0, n);
    file.passed(read.size());
  }
  file.passed(UINT64_MAX);
  return read;
}

TEST_F(StreamedFileTest, KeepsPaceWithItsReader) {
  StreamedFile file(fd_.get(), true);
  const std::string bytes = text(20 * kBlock + 5);
  std::string read;
  std::atomic<size_t> there = 0;
  std::thread reader([&] { read = read_in_pace(file, there, bytes.size()); });
  for (std::string_view rest = bytes; !rest.empty();) {
    const std::string_view part = rest.substr(0, 90'000);
    EXPECT_TRUE(write(file, part, part.size()));
    rest.remove_prefix(part.size());
    there = bytes.size() - rest.size();
  }
  reader.join();
  ASSERT_TRUE(file.finish());
  EXPECT_TRUE(read == bytes);
  EXPECT_TRUE(read_file(path_).value() == bytes);
}

TEST_F(StreamedFileTest, GivesWhatIsGoneToNobody) {
  StreamedFile file(fd_.get());
  const std::string bytes = text(4 * kBlock + 10);
  ASSERT_TRUE(write(file, bytes, kBlock));
  std::string buffer(10, 0);
  EXPECT_EQ(file.copy_from(kBlock, buffer), 0U);
  EXPECT_EQ(file.copy_from(4 * kBlock, buffer), buffer.size());
  EXPECT_EQ(buffer, bytes.substr(4 * kBlock));
  file.drop();
  EXPECT_EQ(file.copy_from(4 * kBlock, buffer), 0U);
}

TEST_F(StreamedFileTest, TellsThatTheDiskIsFull) {
  const UniqueFd full = *open_file("/dev/full", O_WRONLY);
  StreamedFile file(full.get());
  const Result<> written = write(file, text(20 * kBlock), kBlock);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().sys_errno(), ENOSPC);
  EXPECT_FALSE(file.finish());
}

TEST_F(StreamedFileTest, TellsThatTheDiskIsFullAtTheEnd) {
  const UniqueFd full = *open_file("/dev/full", O_WRONLY);
  StreamedFile file(full.get());
  ASSERT_TRUE(write(file, "little", 6));
  EXPECT_FALSE(file.finish());
}

}  // namespace
}  // namespace skiff
