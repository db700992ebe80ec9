// A real layer, Debian's root file system as scripts/debian-base makes it: what both back ends show
// of it is what GNU tar and libarchive unpack. Needs root; runs from the top of the tree.
#include "snapshot/layer_index_test_support.h"

namespace skiff::snapshot {
namespace {

TEST(DebianLayer, BothBackEndsAndBothOraclesMakeTheSame) {
  const std::string archive = run({"scripts/debian-base", "bookworm-amd64"});
  const auto tar = read_file(archive.substr(0, archive.find('\n')), size_t{1} << 30U);
  ASSERT_TRUE(tar) << tar.error().message();
  const Agreement agreed = agreement_on(*tar, Position::kLowest);
  EXPECT_EQ(agreed.error, "");
  EXPECT_GT(agreed.tree.size(), 5000u);
  expect_judged(*tar, agreed.tree, oracles(), RootShown::kYes);
}

}  // namespace
}  // namespace skiff::snapshot
