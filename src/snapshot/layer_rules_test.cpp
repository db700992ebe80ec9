// What a layer's entries mean, to both back ends: an index, mounted, shows what the other one
// unpacks, both show what GNU tar and libarchive make of it, and what one refuses the other refuses
// with the same words.
#include <gtest/gtest.h>

#include "snapshot/layer_cases.h"
#include "snapshot/layer_index_test_support.h"

namespace skiff::snapshot {
namespace {

std::string tar_of(const std::function<void(LayerTar&)>& add) {
  LayerTar tar;
  add(tar);
  return tar.take();
}

TEST(LayerRules, BothBackEndsMakeTheSame) {
  for (const Case& each : accepted_cases) {
    const std::string bytes = tar_of(each.add);
    for (const Position position : {Position::kLowest, Position::kAbove}) {
      SCOPED_TRACE(each.what);
      EXPECT_EQ(expect_agreement(bytes, position), "");
    }
  }
}

TEST(LayerRules, OraclesMakeTheSame) {
  for (const Case& each : accepted_cases) {
    SCOPED_TRACE(each.what);
    const std::string bytes = tar_of(each.add_for_oracles ? each.add_for_oracles : each.add);
    const Agreement agreed = agreement_on(tar_of(each.add), Position::kLowest);
    expect_judged(bytes, agreed.tree, each.judges, RootShown::kYes);
  }
}

TEST(LayerRules, ALeadingSlashMeansNothing) {
  const auto tree_of = [](const std::string& tar) {
    EXPECT_EQ(expect_agreement(tar, Position::kAbove), "");
    const Unpacked unpacked(tar, Position::kAbove);
    return without_new_times(list_tree(unpacked.path(), RootShown::kYes));
  };
  const auto with = [](const std::string& start) {
    LayerTar tar;
    tar.directory(start + "d", 0711).file(start + "d/f", "x").hard_link("l", start + "d/f");
    tar.file(start + ".wh.gone").directory(start + "o").file(start + "o/.wh..wh..opq");
    return tar.file(start + ".wh..wh.plnk").directory(start, 01700).take();
  };
  EXPECT_EQ(difference(tree_of(with("/")), tree_of(with("./"))), "");
  EXPECT_EQ(difference(tree_of(with("//")), tree_of(with("./"))), "");
}

TEST(LayerRules, BothBackEndsRefuseTheSame) {
  for (const Case& each : refused_cases) {
    const std::string error = expect_agreement(tar_of(each.add), Position::kAbove);
    EXPECT_NE(error.find(each.what), std::string::npos) << each.what << " / " << error;
  }
}

bool has_failed() {
  return testing::UnitTest::GetInstance()->current_test_info()->result()->Failed();
}

RC_GTEST_PROP(RandomLayers, BothBackEndsAgree, ()) {
  const std::string tar = RandomArchive(RandomKind::kAny).make();
  const std::string error = expect_agreement(tar, Position::kAbove);
  RC_CLASSIFY(error.empty(), "accepted");
  RC_ASSERT(!has_failed());
}

TEST(RandomLayers, OraclesAgreeWithBoth) {
  std::map<std::string, int> judged;  // archives, by oracle
  const bool holds = rc::check([&] {
    const std::string tar = RandomArchive(RandomKind::kForOracles).make();
    const Agreement agreed = agreement_on(tar, Position::kLowest);
    for (const Oracle* oracle : oracles()) {
      if (!agreed.error.empty()) continue;
      const OracleVerdict found = judge(*oracle, tar, agreed.tree, RootShown::kYes);
      EXPECT_EQ(found.difference, "") << oracle->name;
      if (found.complaint.empty()) ++judged[oracle->name];
    }
    RC_ASSERT(!has_failed());
  });
  EXPECT_TRUE(holds);
  // An oracle that complains of everything would prove nothing.
  for (const Oracle* oracle : oracles()) EXPECT_GE(judged[oracle->name], 10) << oracle->name;
}

}  // namespace
}  // namespace skiff::snapshot
