#include "solver/predecessors.h"

#include <gtest/gtest.h>

#include <map>

#include "base/strings.h"
#include "solver/portable_records.h"

namespace skiff::solver {
namespace {

KeyParts with_values(const std::string& parent, const std::vector<std::string>& values) {
  KeyParts parts = {{PartKind::kInput, "base image base:1", parent}};
  for (size_t i = 0; i < values.size(); ++i) {
    parts.push_back({PartKind::kFile, cat("f", i), values[i]});
  }
  return parts;
}

class PredecessorsTest : public testing::Test {
 protected:
  // One of the same place and text, used the later the more of them there are.
  EarlierStep& add(const std::string& parent, const std::vector<std::string>& values) {
    const std::string record = cat(earlier_.size());
    records_[record] = with_values(parent, values);
    earlier_.push_back({.record = record,
                        .parent = parent,
                        .identity = step_,
                        .used = static_cast<int64_t>(earlier_.size())});
    return earlier_.back();
  }
  std::vector<std::string> differences_from_them() {
    read_ = 0;
    const auto parts_of = [this](const EarlierStep& earlier) -> Result<KeyParts> {
      ++read_;
      return records_.at(earlier.record);
    };
    return Predecessors(step_, now_).differences_from(earlier_, parts_of);
  }

  StepIdentity step_{.platform = "linux/amd64", .place = "app|0|2", .text = "COPY . /"};
  KeyParts now_ = with_values("p", {"1", "2", "3"});
  std::vector<EarlierStep> earlier_;
  std::map<std::string, KeyParts> records_;
  int read_ = 0;
};

TEST_F(PredecessorsTest, ThePartsOfOneThatDiffersInOneAreTheLastThatAreRead) {
  add("p", {"1", "x", "y"});
  add("p", {"1", "2", "x"});
  add("p", {"x", "y", "z"});
  EXPECT_EQ(differences_from_them(), std::vector<std::string>{"f2 changed"});
  EXPECT_EQ(read_, 2);
}

TEST_F(PredecessorsTest, FewAreReadHoweverManyThereAre) {
  for (int i = 0; i < 100; ++i) add("p", {"x", "y", "z"});
  EXPECT_EQ(differences_from_them().size(), 3);
  EXPECT_EQ(read_, 8);
}

TEST_F(PredecessorsTest, OfOneThatIsNoneNothingIsRead) {
  add("p", {"1", "2", "x"}).identity.text = "RUN make";
  earlier_.back().identity.place = "other|0|2";
  add("p", {"1", "2", "x"}).identity.platform = "linux/arm64";
  earlier_.back().identity.place = "other|0|2";
  EXPECT_EQ(differences_from_them(), std::vector<std::string>());
  EXPECT_EQ(read_, 0);
}

TEST_F(PredecessorsTest, OneOfAnotherProjectCountsOnlyOnTheSameGround) {
  add("q", {"1", "2", "x"}).identity.place = "other|0|2";
  EXPECT_EQ(differences_from_them(),
            (std::vector<std::string>{"f2 changed", "base image base:1 changed"}));
  records_["0"].front().name = "base image other:1";
  EXPECT_EQ(differences_from_them(), std::vector<std::string>());
}

TEST_F(PredecessorsTest, ManyOfOtherProjectsLeaveRoomForOneOfAnotherPlatform) {
  for (int i = 0; i < 20; ++i) {
    add("q", {"1", "2", "x"}).identity.place = "other|0|2";
    records_[cat(i)].front().name = "base image other:1";
  }
  add("p", {"1", "2", "3"}).identity.platform = "linux/arm64";
  EXPECT_EQ(differences_from_them(),
            std::vector<std::string>{"platform: \"linux/arm64\" is now \"linux/amd64\""});
}

// The nearest of another cache may stand anywhere in it.
TEST_F(PredecessorsTest, ImportedRecordsAreChosenByTheirNearness) {
  std::vector<NewRecord> records;
  for (int i = 0; i < 20; ++i) {
    records.push_back({.keys = {cat("key", i)},
                       .parent = i == 15 ? "p" : "q",
                       .identity = step_,
                       .parts = with_values(i == 15 ? "p" : "q", {"1", "2", "x"})});
  }
  ImportedRecords imported;
  // An image that tells of the same step has a record without parts.
  std::vector<NewRecord> told = {records[15]};
  told.front().parts.clear();
  imported.add(std::move(told), {});
  imported.add(std::move(records), {});
  const auto parts_of = [](const EarlierStep& earlier) { return *earlier.imported; };
  EXPECT_EQ(Predecessors(step_, now_).differences_from(imported.similar(step_, "p"), parts_of),
            std::vector<std::string>{"f2 changed"});
}

}  // namespace
}  // namespace skiff::solver
