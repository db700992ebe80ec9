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
  EXPECT_EQ(error_of(dated), "SOURCE_DATE_EPOCH=yesterday: it is seconds since 1970");
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
  EXPECT_EQ(error_of(request(cat("ARG SOURCE_DATE_EPOCH=x\n", kBuild))),
            "SOURCE_DATE_EPOCH=x: it is seconds since 1970");
}

}  // namespace
}  // namespace skiff::builder
