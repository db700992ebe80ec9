// What a layer's tar says of files whose contents were lent.
#include "snapshot/lent_contents.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "codec/tar.h"
#include "snapshot/layer_diff.h"

namespace skiff::snapshot {
namespace {

class LentContentsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(upper());
    ASSERT_TRUE(write_file(dir_.path() / "from", "what it holds"));
  }
  Path upper() const { return dir_.path() / "upper"; }
  UniqueFd create(const char* name) {
    return *open_file(upper() / name, O_WRONLY | O_CREAT | O_EXCL, 0640);
  }
  LentContents::Content content(std::function<Result<>()> check = {}) {
    return {.file = *open_file(dir_.path() / "from", O_RDONLY), .check = std::move(check)};
  }
  void lend(const char* name, std::function<Result<>()> check = {}) {
    LentContents::Content what = content(std::move(check));
    ASSERT_TRUE(lent_.lend(create(name).get(), kSize, what));
  }
  Result<std::string> tar() {
    StringSink out;
    TRY(write_layer(upper(), {}, out, &lent_));
    return out.take();
  }
  // "NAME=CONTENT" and the attributes' names, of all entries.
  std::string told() {
    const std::string bytes = *tar();
    StringSource source(bytes);
    TarReader reader(source);
    std::string out;
    for (;;) {
      const auto entry = reader.next();
      if (!entry || !*entry) return out;
      out += (*entry)->name + "=" + *read_all(reader.body(), kSize) + ";";
      for (const auto& [name, value] : (*entry)->xattrs) out += name + ";";
    }
  }

  static constexpr uint64_t kSize = 13;  // of "what it holds"
  TempDir dir_ = *TempDir::make("/tmp", "skiff-lent-");
  LentContents lent_;
};

TEST_F(LentContentsTest, TheTarHasWhatWasLentAndNotTheMark) {
  lend("a");
  lend("b");
  ASSERT_TRUE(write_file(upper() / "own", "of its own"));
  ASSERT_EQ(::link((upper() / "b").c_str(), (upper() / "again").c_str()), 0);
  EXPECT_EQ(told(), "a=what it holds;again=what it holds;b=;own=of its own;");
  EXPECT_EQ(told(), "a=what it holds;again=what it holds;b=;own=of its own;") << "a second time";
  EXPECT_EQ(lent_.bytes(), 2 * kSize);
}

TEST_F(LentContentsTest, TheFileItselfTakesNoRoom) {
  LentContents::Content what = content();
  constexpr off_t kLarge = 1 << 30;
  ASSERT_TRUE(lent_.lend(create("a").get(), kLarge, what));
  struct stat st{};
  ASSERT_EQ(::stat((upper() / "a").c_str(), &st), 0);
  EXPECT_EQ(st.st_size, kLarge);
  EXPECT_LT(st.st_blocks * 512, 1 << 16);
}

TEST_F(LentContentsTest, WhatReplacesALentFileIsReadItself) {
  lend("removed");
  std::filesystem::remove(upper() / "removed");
  ASSERT_TRUE(write_file(upper() / "removed", "new"));
  lend("rewritten");
  {
    const UniqueFd file = *open_file(upper() / "rewritten", O_WRONLY | O_TRUNC);
    LentContents::take_back(file.get());
    ASSERT_TRUE(FdSink(file.get()).write("written"));
  }
  EXPECT_EQ(told(), "removed=new;rewritten=written;");
}

// An archive may say of its files what it likes.
TEST_F(LentContentsTest, AMarkOfAnotherIsAnAttribute) {
  lend("a");
  LentContents other;
  LentContents::Content what = content();
  ASSERT_TRUE(other.lend(create("b").get(), 3, what));
  const UniqueFd forged = create("c");
  ASSERT_EQ(::fsetxattr(forged.get(), "trusted.skiff.lent", "0", 1, 0), 0);
  EXPECT_EQ(told(), std::string("a=what it holds;b=") + std::string(3, '\0') +
                        ";trusted.skiff.lent;c=;trusted.skiff.lent;");
}

TEST_F(LentContentsTest, WhatIsNoLongerTheSameIsAnError) {
  lend("a", [] { return Error(Code::kAborted, "changed"); });
  EXPECT_EQ(tar().error().code(), Code::kAborted);
}

TEST_F(LentContentsTest, WhatHasBecomeShorterIsAnError) {
  lend("a");
  ASSERT_TRUE(write_file(dir_.path() / "from", "less"));
  EXPECT_FALSE(tar());
}

TEST_F(LentContentsTest, SmallOnesAndMoreThanDescriptorsAreNotTaken) {
  EXPECT_FALSE(lent_.takes(LentContents::kLeast - 1));
  int taken = 0;
  while (lent_.takes(LentContents::kLeast) && taken < 1000) lend(std::to_string(taken++).c_str());
  EXPECT_GT(taken, 10);
  EXPECT_LT(taken, 200);
}

}  // namespace
}  // namespace skiff::snapshot
