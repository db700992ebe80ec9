#include "buildkit/tree_record.h"

#include <gtest/gtest.h>

#include "buildkit/go_mode.h"
#include "session.pb.h"

namespace skiff::buildkit {
namespace {

constexpr int64_t kExact = 1'700'000'000'123'456'789;
constexpr int64_t kWhole = 1'700'000'000'000'000'000;

struct Recorded {
  std::string path;
  int64_t mtime = kExact;
  uint32_t mode = 0644;
  std::string link = "";
  bool settled = true;
  int64_t size = 5;

  std::string packet() const {
    wire::Packet packet;
    wire::Stat& stat = *packet.mutable_stat();
    stat.set_path(path);
    stat.set_mode(mode);
    stat.set_mod_time(mtime);
    stat.set_linkname(link);
    stat.set_size(size);
    return packet.SerializeAsString();
  }
};

Recorded recorded_directory(const std::string& path, int64_t mtime = kExact) {
  return {.path = path, .mtime = mtime, .mode = kGoDirectory | 0755U};
}

// The paths that are not the same, then those that are gone, each with a '-'.
std::vector<std::string> compare(const std::vector<Recorded>& before,
                                 const std::vector<Recorded>& now) {
  TreeRecord record;
  for (const Recorded& file : before) record.add(file.packet(), file.settled);
  TreeComparison comparison(record.bytes());
  for (const Recorded& file : now) {
    wire::Packet packet;
    EXPECT_TRUE(packet.ParseFromString(file.packet()));
    comparison.take(file.packet(), packet.stat());
  }
  comparison.end();
  std::vector<std::string> out;
  for (size_t i = 0; i < now.size(); ++i) {
    if (!comparison.same().at(i)) out.push_back(now[i].path);
  }
  for (const std::string& path : comparison.gone()) out.push_back("-" + path);
  EXPECT_EQ(comparison.changed(), !out.empty());
  return out;
}

using Paths = std::vector<std::string>;

TEST(TreeComparison, TheSameIsTheSame) {
  const std::vector<Recorded> tree{recorded_directory("a"),
                                   {"a/b"},
                                   {"a.b"},
                                   {.path = "l", .mode = kGoSymlink | 0777U, .link = "a.b"}};
  EXPECT_EQ(compare(tree, tree), Paths{});
}

TEST(TreeComparison, AnyDifferenceIsAChange) {
  const Recorded file{"f"};
  for (const Recorded& other : {Recorded{"f", kExact + 1}, Recorded{.path = "f", .mode = 0755},
                                Recorded{.path = "f", .size = 6}, recorded_directory("f")}) {
    EXPECT_EQ(compare({file}, {other}), Paths{"f"});
  }
}

TEST(TreeComparison, WhatIsNewOrGoneIsFoundInTheOrderOfAWalk) {
  const Recorded a{"a"};
  const Recorded b{"b"};
  const Recorded c{"c"};
  EXPECT_EQ(compare({a, c}, {a, b, c}), Paths{"b"});
  EXPECT_EQ(compare({a, b, c}, {a, c}), Paths{"-b"});
  EXPECT_EQ(compare({recorded_directory("d"), {"d/x"}, {"d.x"}}, {{"d.x"}}), (Paths{"-d", "-d/x"}));
  EXPECT_EQ(compare({a}, {}), Paths{"-a"});
}

// Another change in the same tick of the clock would not show.
TEST(TreeComparison, WhatHadJustChangedIsAskedForAgain) {
  const Recorded file{.path = "f", .settled = false};
  EXPECT_EQ(compare({file}, {file}), Paths{"f"});
}

// A file was moved over another one, with its time.
TEST(TreeComparison, FilesOfADirectoryThatHasChangedAreAskedForAgain) {
  EXPECT_EQ(
      compare({recorded_directory("d"), {"d/x"}, recorded_directory("d/e"), {"d/e/y"}},
              {recorded_directory("d", kExact + 1), {"d/x"}, recorded_directory("d/e"), {"d/e/y"}}),
      (Paths{"d", "d/x"}));
}

// The times of an archive, which other versions of it have, too.
TEST(TreeComparison, WholeSecondsAreNoEvidence) {
  const Recorded file{"d/x", kWhole};
  EXPECT_EQ(
      compare({recorded_directory("d", kWhole), file}, {recorded_directory("d", kWhole), file}),
      Paths{"d/x"});
  EXPECT_EQ(compare({recorded_directory("d"), file}, {recorded_directory("d"), file}), Paths{});
  EXPECT_EQ(compare({{"x", kWhole}}, {{"x", kWhole}}), Paths{"x"});
}

TEST(TreeComparison, AHardLinkIsWhatItLeadsTo) {
  const Recorded link{.path = "z", .link = "a"};
  EXPECT_EQ(compare({{"a"}, link}, {{"a"}, link}), Paths{});
  EXPECT_EQ(compare({{"a"}, link}, {{"a", kExact + 1}, link}), (Paths{"a", "z"}));
}

TEST(TreeComparison, ADamagedRecordKnowsLess) {
  TreeRecord record;
  record.add(Recorded{"a"}.packet(), true);
  record.add(Recorded{"b"}.packet(), true);
  const std::string_view cut =
      std::string_view(record.bytes()).substr(0, record.bytes().size() - 3);
  TreeComparison comparison(cut);
  for (const char* path : {"a", "b"}) {
    wire::Packet packet;
    ASSERT_TRUE(packet.ParseFromString(Recorded{path}.packet()));
    comparison.take(Recorded{path}.packet(), packet.stat());
  }
  EXPECT_EQ(comparison.same(), (std::vector<bool>{true, false}));
}

}  // namespace
}  // namespace skiff::buildkit
