// How much of what was damaged is kept.
#include "content/quarantine.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace skiff::content {
namespace {

class QuarantineTest : public testing::Test {
 protected:
  oci::Digest take(const std::string& bytes, Quarantine& quarantine) {
    const Path file = dir_.path() / "blob";
    EXPECT_TRUE(write_file(file, bytes));
    const oci::Digest digest = oci::Digest::of(bytes);
    wait_for_a_tick();
    EXPECT_TRUE(quarantine.take(file, digest));
    EXPECT_FALSE(std::filesystem::exists(file));
    return digest;
  }
  static bool has(const Quarantine& quarantine, const oci::Digest& digest) {
    return std::filesystem::exists(quarantine.file(digest));
  }
  // Two renames within one tick of the file system's clock would be of one age.
  void wait_for_a_tick() {
    const Path probe = dir_.path() / "probe";
    const auto touched = [&] {
      struct stat st{};
      EXPECT_TRUE(write_file(probe, "x"));
      EXPECT_EQ(::stat(probe.c_str(), &st), 0);
      return std::pair(st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
    };
    const auto before = touched();
    while (touched() == before) {
    }
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-quarantine-");
  Path place_ = dir_.path() / "quarantine";
};

TEST_F(QuarantineTest, TheOldestGoWhereTooManyAreKept) {
  Quarantine quarantine(place_, {.files = 2});
  const oci::Digest first = take("1", quarantine);
  const oci::Digest second = take("2", quarantine);
  EXPECT_TRUE(has(quarantine, first));
  const oci::Digest third = take("3", quarantine);
  EXPECT_FALSE(has(quarantine, first));
  EXPECT_TRUE(has(quarantine, second));
  EXPECT_TRUE(has(quarantine, third));
}

TEST_F(QuarantineTest, TheOldestGoWhereTooManyBytesAreKept) {
  Quarantine quarantine(place_, {.bytes = 10});
  const oci::Digest first = take("12345", quarantine);
  const oci::Digest second = take("1234", quarantine);
  const oci::Digest third = take("123456", quarantine);
  EXPECT_FALSE(has(quarantine, first));
  EXPECT_TRUE(has(quarantine, second));
  EXPECT_TRUE(has(quarantine, third));
  const oci::Digest large = take("more than ten bytes", quarantine);
  EXPECT_FALSE(has(quarantine, third));
  EXPECT_TRUE(has(quarantine, large));
  quarantine.drop(large);
  quarantine.drop(large);
  EXPECT_FALSE(has(quarantine, large));
}

}  // namespace
}  // namespace skiff::content
