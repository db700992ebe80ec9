#include "sys/subordinate_ids.h"

#include <gtest/gtest.h>

namespace skiff::sys {
namespace {

const HostUser kAlice{.name = "alice", .uid = 1000, .gid = 1000};

std::vector<IdRange> ranges_in(std::string_view text) {
  return parse_subordinate_ids(text, kAlice).value();
}

TEST(SubordinateIds, AllLinesOfTheOwnerByNameOrNumber) {
  const std::vector<IdRange> wanted{{100000, 65536}, {400000, 10}};
  EXPECT_EQ(ranges_in("bob:1:5\nalice:100000:65536\n# alice\n\n1000:400000:10"), wanted);
  EXPECT_EQ(ranges_in("alice2:100000:65536\n"), std::vector<IdRange>());
  EXPECT_EQ(ranges_in(""), std::vector<IdRange>());
}

TEST(SubordinateIds, OnlyTheOwnersLinesMustBeOfTheForm) {
  EXPECT_EQ(ranges_in("bob\nbob:x:y:z\nalice:7:1\n"), (std::vector<IdRange>{{7, 1}}));
  for (const char* line :
       {"alice", "alice:1", "alice:1:2:3", "alice:x:5", "alice:5:0", "alice::", "alice:-1:5",
        "alice:4294967295:1", "alice:4294967000:296", "alice:1:18446744073709551615"}) {
    EXPECT_EQ(parse_subordinate_ids(line, kAlice).error().code(), Code::kInvalidArgument) << line;
  }
  EXPECT_EQ(ranges_in("alice:4294967000:295"), (std::vector<IdRange>{{4294967000, 295}}));
}

TEST(SubordinateIds, OverlappingRangesAreRefused) {
  EXPECT_FALSE(parse_subordinate_ids("alice:100:10\nalice:109:5\n", kAlice));
  EXPECT_FALSE(parse_subordinate_ids("alice:109:5\n1000:100:10\n", kAlice));
  EXPECT_TRUE(parse_subordinate_ids("alice:100:10\nalice:110:5\n", kAlice));
}

TEST(SubordinateIds, AnOwnerWithoutALineIsToldWhatToDo) {
  const TempDir directory = TempDir::make("/tmp", "skiff-subids-").value();
  const Path file = directory.path() / "subuid";
  EXPECT_EQ(subordinate_ids(file, kAlice).error().code(), Code::kNotFound);  // no file
  ASSERT_TRUE(write_file_durably(file, "bob:100000:65536\n"));
  const Error error = subordinate_ids(file, kAlice).error();
  EXPECT_EQ(error.code(), Code::kNotFound);
  EXPECT_TRUE(error.message().find("\"alice:FIRST:65536\"") != std::string::npos);
}

TEST(HostUsers, ByNameAndByNumber) {
  EXPECT_EQ(find_host_user("root").value().uid, 0U);
  EXPECT_EQ(find_host_user("0").value().name, "root");
  EXPECT_EQ(find_host_group("root").value(), 0U);
  for (const char* name : {"no such user", "", "4294967295", "+0"}) {
    EXPECT_EQ(find_host_user(name).error().code(), Code::kNotFound) << name;
    EXPECT_EQ(find_host_group(name).error().code(), Code::kNotFound) << name;
  }
}

}  // namespace
}  // namespace skiff::sys
