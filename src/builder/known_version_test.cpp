// A context that somebody keeps, and says of when it is another one.
#include "builder/build_fixture.h"

namespace skiff::builder {
namespace {

class KnownVersion : public BuildFixture {};

TEST_F(KnownVersion, IsNotLookedAtAgain) {
  write("d/a", "A");
  write("d/b", "B");
  BuildRequest wanted = request("FROM scratch\nCOPY d /d\nCOPY --parents d/b /p/");
  wanted.context_version = "1";
  wanted.ignore_text = "";
  const images::Image first = built(wanted);
  write("d/b", "C");
  EXPECT_EQ(built(wanted).id, first.id);
  wanted.dockerfile_text = "FROM scratch\nCOPY --chmod=700 d /d";
  built(wanted);
  EXPECT_TRUE(told_.cached.empty());
  wanted = request("FROM scratch\nCOPY d /d");
  wanted.context_version = "1";
  wanted.ignore_text = "d/b";
  EXPECT_EQ(tree(built(wanted), "%P"), "d\nd/a");
  wanted.context_version = "2";
  wanted.ignore_text = "";
  EXPECT_EQ(text_in(built(wanted), "d/b"), "C");
  wanted.context_version = "";
  write("d/b", "D");
  EXPECT_EQ(text_in(built(wanted), "d/b"), "D");
}

}  // namespace
}  // namespace skiff::builder
