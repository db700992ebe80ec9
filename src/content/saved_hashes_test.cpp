#include "content/saved_hashes.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace skiff::content {
namespace {

class SavedHashesTest : public testing::Test {
 protected:
  SavedHashesTest() { EXPECT_TRUE(write("hello")); }
  Result<> write(std::string_view bytes) { return FdSink(file_.get()).write(bytes); }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-hashes-");
  UniqueFd file_ = *open_file(dir_.path() / "file", O_RDWR | O_CREAT, 0600);
  SavedHashes hashes_;
};

Hasher hash_of(std::string_view bytes) {
  Hasher hash;
  hash.update(bytes);
  return hash;
}

TEST_F(SavedHashesTest, AHashIsGivenBackOnce) {
  hashes_.save(file_.get(), HashAlgorithm::kSha256, hash_of("hello"));
  EXPECT_FALSE(hashes_.take(file_.get(), HashAlgorithm::kSha512));
  const auto again = hashes_.take(file_.get(), HashAlgorithm::kSha256);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->hex(), sha256_hex("hello"));
  EXPECT_FALSE(hashes_.take(file_.get(), HashAlgorithm::kSha256));
}

TEST_F(SavedHashesTest, AFileThatChangedSinceIsNotKnown) {
  hashes_.save(file_.get(), HashAlgorithm::kSha256, hash_of("hello"));
  ASSERT_TRUE(write("!"));
  EXPECT_FALSE(hashes_.take(file_.get(), HashAlgorithm::kSha256));
}

}  // namespace
}  // namespace skiff::content
