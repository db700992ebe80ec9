// Which platform an image is of, and what is copied from another image.
#include "builder/build_fixture.h"

namespace skiff::builder {
namespace {

class TargetPlatform : public BuildFixture {
 protected:
  std::string platform_of(const std::string& dockerfile, std::vector<oci::Platform> asked) {
    write("a", "a");
    BuildRequest wanted = request(dockerfile);
    wanted.platforms = std::move(asked);
    return built(wanted).config.platform.str();
  }
};

TEST_F(TargetPlatform, ScratchIsOfTheBuilds) {
  EXPECT_EQ(platform_of("FROM --platform=linux/s390x scratch\nCOPY a /a\n", {}),
            oci::Platform::host().str());
  EXPECT_EQ(platform_of("FROM --platform=linux/s390x scratch\nCOPY a /a\n",
                        {*oci::Platform::parse("linux/arm/v7")}),
            "linux/arm/v7");
}

TEST_F(TargetPlatform, AnImageAskedForIsOfThatWhateverItStandsOn) {
  BuildRequest base = request("FROM scratch\nCOPY a /a\n");
  write("a", "a");
  base.tags = {*oci::Reference::parse("base:1")};
  built(base);
  const std::string on_base = "FROM --platform=$BUILDPLATFORM base:1\nCOPY a /b\n";
  EXPECT_EQ(platform_of(on_base, {*oci::Platform::parse("linux/s390x")}), "linux/s390x");
  EXPECT_EQ(platform_of(on_base, {}), oci::Platform::host().str());
}

TEST_F(TargetPlatform, CopiesFromAnImageTakeTheTargets) {
  write("a", "of the host");
  BuildRequest tools = request("FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /arch\n");
  write(oci::Platform::host().architecture, "native");
  write("s390x", "foreign");
  tools.platforms = {oci::Platform::host(), *oci::Platform::parse("linux/s390x")};
  tools.tags = {*oci::Reference::parse("tools:1")};
  ASSERT_TRUE(build(tools));
  BuildRequest wanted = request(
      "FROM --platform=$BUILDPLATFORM tools:1 AS build\nCOPY --from=tools:1 /arch /copied\n"
      "FROM scratch\nCOPY --from=build / /\n");
  wanted.platforms = {*oci::Platform::parse("linux/s390x")};
  const images::Image image = built(wanted);
  with_tree(image, [](const Path& root) {
    EXPECT_EQ(read_file(root / "arch").value_or(""), "native");
    EXPECT_EQ(read_file(root / "copied").value_or(""), "foreign");
  });
}

}  // namespace
}  // namespace skiff::builder
