#include "base/space_reserve.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace skiff {
namespace {

class SpaceReserveTest : public testing::Test {
 protected:
  uint64_t allocated() const {
    struct stat st{};
    return ::stat(file_.c_str(), &st) == 0 ? static_cast<uint64_t>(st.st_blocks) * 512 : 0;
  }
  TempDir dir_ = *TempDir::make("/tmp", "skiff-reserve-");
  Path file_ = dir_.path() / "reserve";
};

TEST_F(SpaceReserveTest, ItTakesRoomUntilItIsLent) {
  SpaceReserve reserve(file_, 1 << 20);
  EXPECT_EQ(allocated(), 0u);
  {
    const auto starting = reserve.borrow();
  }
  EXPECT_GE(allocated(), uint64_t{1} << 20);
  {
    const auto one = reserve.borrow();
    EXPECT_EQ(allocated(), 0u);
    {
      const auto two = reserve.borrow();
    }
    EXPECT_EQ(allocated(), 0u) << "one is still lent";
  }
  EXPECT_GE(allocated(), uint64_t{1} << 20);
}

TEST_F(SpaceReserveTest, WhereThereIsNoRoomNoneIsKept) {
  SpaceReserve reserve(file_, uint64_t{1} << 60);
  {
    const auto loan = reserve.borrow();
  }
  EXPECT_FALSE(std::filesystem::exists(file_));
}

}  // namespace
}  // namespace skiff
