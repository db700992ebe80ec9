// Which platform an image is of, and what is copied from another image.
#include "builder/build_fixture.h"
#include "remote/test_registry.h"

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

// Whether the emulator is there or not.
TEST_F(TargetPlatform, EachEmulatedPlatformIsWarnedOfOnce) {
  write("a", "a");
  BuildRequest base = request("FROM scratch\nCOPY a /a\n");
  for (const char* platform : {"linux/s390x", "linux/ppc64le", "linux/riscv64", "linux/arm/v7"}) {
    base.platforms.push_back(*oci::Platform::parse(platform));
  }
  base.tags = {*oci::Reference::parse("base:1")};
  ASSERT_TRUE(build(base));
  BuildRequest wanted = request(
      "FROM --platform=linux/s390x base:1 AS first\nRUN a\nRUN b\n"
      "FROM --platform=linux/ppc64le base:1 AS second\nRUN a\n"
      "FROM base:1\nCOPY --from=first / /\nCOPY --from=second / /\nRUN c\n");
  const auto warned_of = [&] {
    EXPECT_FALSE(build(wanted));
    std::vector<std::string> out;
    for (const std::string& warning : told_.warnings) {
      const bool counts = warning.find("is emulated") != std::string::npos;
      if (counts) out.push_back(split(warning, ' ').at(2));
    }
    return out;
  };
  wanted.platforms = {*oci::Platform::parse("linux/riscv64")};
  EXPECT_EQ(join(warned_of(), " "), "linux/s390x linux/ppc64le linux/riscv64");
  wanted.platforms.push_back(*oci::Platform::parse("linux/arm/v7"));
  EXPECT_EQ(std::ranges::count(warned_of(), "linux/s390x"), 1);
}

TEST_F(TargetPlatform, APullIsToldAtOnceAsTheFromThatItIsFor) {
  remote::TestRegistry registry;
  const oci::Reference name = registry.ref("base:1");
  options_.client = remote::quick_options();
  open_builder_again();
  write("a", "of the base");
  BuildRequest base = request("FROM scratch\nCOPY a /a\n");
  base.tags = {name};
  built(base);
  const images::PushOptions push{.client = remote::quick_options()};
  ASSERT_TRUE(images_->push(name, push, [](const images::ProgressEvent&) {}, {}));
  ASSERT_TRUE(images_->remove(name.familiar(), true, true,
                              [](const oci::Digest&) { return images::ImageUser(); }));
  const std::string text = cat("FROM scratch AS first\nCOPY a /b\nFROM ", name.familiar(),
                               "\nWORKDIR /w\nENV A=b\nCOPY --from=first /b /c\n");
  built(text);
  ASSERT_FALSE(told_.pulls.empty());
  const BasePull& first = told_.pulls.front();
  EXPECT_EQ(
      cat(first.step.stage, " ", first.step.place, "/", first.step.places, " ", first.step.text),
      cat("1 1/3 FROM ", name.familiar()));
  EXPECT_EQ(std::ranges::count(told_.places, cat("1 1/3 FROM ", name.familiar())), 1);
  EXPECT_EQ(first.step.step.number, 3);
  EXPECT_EQ(first.image, name.familiar());
  EXPECT_TRUE(std::ranges::any_of(told_.pulls, [](const BasePull& pull) {
    return pull.progress.status == "Downloading" && pull.progress.digest.starts_with("sha256:");
  }));
  EXPECT_TRUE(told_.pulls.back().over);
  EXPECT_EQ(told_.pulls.back().error, "");
  // What is here is not pulled.
  built(text);
  EXPECT_TRUE(told_.pulls.empty());
}

// An image that no index leads to is taken whatever its platform, as BuildKit does: from its
// registry, and where that has none, from here.
TEST_F(TargetPlatform, ASoleImageOfAnotherPlatformIsTakenAndToldOf) {
  remote::TestRegistry registry;
  const oci::Platform s390x = *oci::Platform::parse("linux/s390x");
  const oci::Reference name = registry.ref("foreign:1");
  options_.client = remote::quick_options();
  open_builder_again();
  write("a", "of s390x");
  BuildRequest foreign = request("FROM scratch\nCOPY a /a\n");
  foreign.platforms = {s390x};
  foreign.tags = {name};
  const images::Image base = built(foreign);
  const auto check = [&] {
    BuildRequest wanted = request(cat("ARG N=", name.familiar(), "\nFROM $N\nCOPY a /b\n"));
    wanted.platforms = {oci::Platform::host()};
    EXPECT_EQ(built(wanted).config.platform.str(), oci::Platform::host().str());
    ASSERT_EQ(told_.warnings.size(), 1U);
    EXPECT_NE(told_.warnings[0].find(cat("Base image ", name.familiar(),
                                         " was pulled with platform \"linux/s390x\", expected \"",
                                         oci::Platform::host().str(), "\" for current build")),
              std::string::npos)
        << told_.warnings[0];
    wanted.dockerfile_text = cat("FROM scratch\nCOPY --from=", name.familiar(), " /a /c\n");
    EXPECT_EQ(text_in(built(wanted), "c"), "of s390x");
    EXPECT_TRUE(told_.warnings.empty());
  };
  check();
  const images::PushOptions push{.client = remote::quick_options()};
  ASSERT_TRUE(images_->push(name, push, [](const images::ProgressEvent&) {}, {}));
  check();
  ASSERT_TRUE(images_->remove(name.familiar(), true, true,
                              [](const oci::Digest&) { return images::ImageUser(); }));
  check();
  const images::PullOptions pull{.platform = oci::Platform::host(),
                                 .client = remote::quick_options()};
  const auto refused = images_->pull(name, pull, [](const images::ProgressEvent&) {}, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("does not match the specified platform"),
            std::string::npos);
}

// A registry that does not answer may have the right one; one that tells nobody has none.
TEST_F(TargetPlatform, AnImageOfAnotherPlatformIsTakenOnlyWhereItsRegistryHasNone) {
  remote::TestRegistry registry;
  const oci::Reference name = registry.ref("foreign:1");
  options_.client = remote::quick_options();
  open_builder_again();
  write("a", "a");
  BuildRequest foreign = request("FROM scratch\nCOPY a /a\n");
  foreign.platforms = {*oci::Platform::parse("linux/s390x")};
  foreign.tags = {name};
  built(foreign);
  int status = 503;
  registry.instead = [&](net::Request&, net::ResponseWriter& w) {
    EXPECT_TRUE(w.send(status, "application/json", "{}"));
    return true;
  };
  BuildRequest wanted = request(cat("FROM ", name.familiar(), "\nCOPY a /b\n"));
  wanted.platforms = {oci::Platform::host()};
  EXPECT_NE(error_of(wanted).find("503"), std::string::npos);
  for (const int refusal : {401, 403, 404}) {
    status = refusal;
    EXPECT_EQ(built(wanted).config.platform.str(), oci::Platform::host().str()) << status;
    EXPECT_EQ(told_.warnings.size(), 1U);
  }
}

}  // namespace
}  // namespace skiff::builder
