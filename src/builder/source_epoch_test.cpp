#include "builder/build_fixture.h"

namespace skiff::builder {
namespace {

class SourceEpoch : public BuildFixture {
 protected:
  int64_t time_of(const BuildRequest& wanted) { return unix_seconds(built(wanted).config.created); }
  const std::string kBuild = "FROM scratch\nCOPY a /a\n";
};

TEST_F(SourceEpoch, OfAnArgumentIsTheImagesTime) {
  write("a", "A");
  BuildRequest dated = request(kBuild);
  dated.build_args["SOURCE_DATE_EPOCH"] = "1000000000";
  const auto image = built(dated);
  EXPECT_EQ(unix_seconds(image.config.created), 1'000'000'000);
  EXPECT_TRUE(told_.warnings.empty());
  EXPECT_EQ(tree(image, "%Ts").find("1000000000"), std::string::npos);
  dated.build_args["SOURCE_DATE_EPOCH"] = "yesterday";
  EXPECT_EQ(
      error_of(dated),
      "SOURCE_DATE_EPOCH=yesterday: it is seconds since 1970, \"context\", a named context or a "
      "stage");
  dated.build_args["SOURCE_DATE_EPOCH"] = "-1";
  EXPECT_EQ(error_of(dated), "SOURCE_DATE_EPOCH=-1: it is seconds since 1970");
}

// Files and the directories that are made for them have their own, as without it.
TEST_F(SourceEpoch, IsTheTimeOfWorkingDirectories) {
  write("a", "A");
  const std::string lines = cat(kBuild, "WORKDIR /x/y\nCOPY <<h /z/h\nh\n");
  BuildRequest dated = request(lines);
  dated.build_args["SOURCE_DATE_EPOCH"] = "1000000000";
  const auto of = [&](std::string_view path) {
    const std::string all = tree(built(dated), "%P@%Ts");
    const size_t at = all.find(cat("\n", path, "@"));
    return all.substr(at + 1, all.find('\n', at + 1) - at - 1);
  };
  EXPECT_EQ(of("x"), "x@1000000000");
  EXPECT_EQ(of("x/y"), "x/y@1000000000");
  EXPECT_NE(of("z"), "z@1000000000");
  EXPECT_NE(of("z/h"), "z/h@1000000000");
  // Another time is another directory.
  dated.build_args["SOURCE_DATE_EPOCH"] = "5";
  EXPECT_EQ(of("x/y"), "x/y@5");
}

TEST_F(SourceEpoch, MayBeTheDockerfilesOwn) {
  write("a", "A");
  const BuildRequest dated =
      request(cat("ARG YEAR=1000000000\nARG SOURCE_DATE_EPOCH=$YEAR\n", kBuild));
  EXPECT_EQ(time_of(dated), 1'000'000'000);
  BuildRequest given = dated;
  given.build_args["SOURCE_DATE_EPOCH"] = "5";
  EXPECT_EQ(time_of(given), 5);
  // An empty one is none, as where nobody says anything.
  given.build_args["SOURCE_DATE_EPOCH"] = "";
  EXPECT_GT(time_of(given), 1'000'000'000);
  EXPECT_GT(time_of(request(cat("ARG SOURCE_DATE_EPOCH\n", kBuild))), 1'000'000'000);
  // A directory has no time.
  EXPECT_GT(time_of(request(cat("ARG SOURCE_DATE_EPOCH=context\n", kBuild))), 1'000'000'000);
  EXPECT_EQ(
      error_of(request(cat("ARG SOURCE_DATE_EPOCH=x\n", kBuild))),
      "SOURCE_DATE_EPOCH=x: it is seconds since 1970, \"context\", a named context or a stage");
}

// What it names must have been made for that.
TEST_F(SourceEpoch, OfAStageThatIsNoneOfItsKindIsRefused) {
  write("a", "A");
  const auto refused = [&](const std::string& stage) {
    BuildRequest wanted = request(cat(stage, "\n", kBuild));
    wanted.build_args["SOURCE_DATE_EPOCH"] = "SRC";
    return error_of(wanted);
  };
  const std::string one = "a stage that gives it has exactly one remote ADD, of one source";
  EXPECT_NE(refused("FROM scratch AS src").find(one), std::string::npos);
  EXPECT_NE(refused("FROM scratch AS src\nADD http://h/a http://h/b /").find(one),
            std::string::npos);
  EXPECT_NE(
      refused("FROM base AS src\nADD http://h/a /").find("a stage that gives it is FROM scratch"),
      std::string::npos);
  EXPECT_NE(refused("FROM scratch AS src\nCOPY a /").find("nothing but ARG and one remote ADD"),
            std::string::npos);
  EXPECT_NE(refused("FROM scratch AS src\nADD a /").find("a is neither a URL nor a git repository"),
            std::string::npos);
}

}  // namespace
}  // namespace skiff::builder
