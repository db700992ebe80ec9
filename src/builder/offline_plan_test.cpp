// What a build reads of its context, as far as the Dockerfile tells.
#include "builder/build_fixture.h"

namespace skiff::builder {
namespace {

class ContextPathsTest : public BuildFixture {
 protected:
  // "all", or the paths.
  std::string paths(const std::string& dockerfile,
                    const std::function<void(BuildRequest&)>& change = {}) {
    BuildRequest wanted = request(dockerfile);
    if (change) change(wanted);
    const auto out = builder_->context_paths(wanted);
    if (!out) return out.error().message();
    return *out ? join(**out, " ") : "all";
  }
};

TEST_F(ContextPathsTest, AreThoseOfTheStagesThatAreNeeded) {
  const std::string file =
      "FROM scratch AS a\nARG V=1\nCOPY src/$V ./x/../y*.c /\nADD b.tar https://h.example/f /\n"
      "FROM scratch AS other\nCOPY unneeded /\n"
      "FROM scratch\nCOPY --from=a / /\nRUN --mount=target=/in,source=tools true\n";
  EXPECT_EQ(paths(file), "b.tar src/1 tools y*.c");
  EXPECT_EQ(paths(file, [](BuildRequest& r) { r.target = "other"; }), "unneeded");
  EXPECT_EQ(paths(file, [](BuildRequest& r) { r.build_args["V"] = "2"; }),
            "b.tar src/2 tools y*.c");
  EXPECT_EQ(paths("FROM scratch\nCOPY <<E /a\ntext\nE\n"), "");
}

TEST_F(ContextPathsTest, AreOfEachPlatform) {
  EXPECT_EQ(paths("FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /\n",
                  [](BuildRequest& r) {
                    r.platforms = {*oci::Platform::parse("linux/amd64"),
                                   *oci::Platform::parse("linux/arm64")};
                  }),
            "amd64 arm64");
}

TEST_F(ContextPathsTest, AreAllWhereThatIsNotKnown) {
  EXPECT_EQ(paths("FROM scratch\nCOPY . /\n"), "all");
  EXPECT_EQ(paths("FROM scratch\nRUN --mount=target=/in true\n"), "all");
  EXPECT_EQ(paths("FROM scratch\nCOPY --parents **/x /\n"), "all");
  // It may have triggers.
  EXPECT_EQ(paths("FROM unknown.example/image\nCOPY a /\n"), "all");
  EXPECT_EQ(paths("FROM scratch\nCOPY a /\n", [](BuildRequest& r) { r.pull = true; }), "all");
}

TEST_F(ContextPathsTest, ThoseOfOtherContextsAreNotOfThis) {
  EXPECT_EQ(paths("FROM scratch\nCOPY --from=named a /\nCOPY b /\n",
                  [](BuildRequest& r) { r.named_contexts["named"] = LocalFiles{}; }),
            "b");
}

TEST_F(ContextPathsTest, TriggersOfABaseImageCount) {
  BuildRequest base = request("FROM scratch\nONBUILD COPY by-trigger /\n");
  base.tags = {*oci::Reference::parse("base:1")};
  ASSERT_TRUE(build(base));
  EXPECT_EQ(paths("FROM base:1\nCOPY a /\n"), "a by-trigger");
}

}  // namespace
}  // namespace skiff::builder
