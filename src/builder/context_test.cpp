// Build contexts that nobody trusts, and what is refused by name.
#include "base/scope_exit.h"
#include "builder/build_fixture.h"
#include "codec/compress.h"

namespace skiff::builder {
namespace {

class HostileContext : public BuildFixture {
 protected:
  // A context of these entries, with a Dockerfile of `lines` after FROM scratch.
  std::string tar_of(const std::vector<TarEntry>& entries, const std::string& lines = "") {
    StringSink sink;
    TarWriter writer(sink);
    auto add = [&](TarEntry entry, std::string_view body) {
      entry.size = entry.type == TarType::kFile ? body.size() : 0;
      EXPECT_TRUE(writer.add(entry));
      if (entry.size > 0) {
        EXPECT_TRUE(writer.write_body(body));
      }
    };
    add({.name = "Dockerfile"}, cat("FROM scratch\n", lines));
    for (const TarEntry& entry : entries) add(entry, "evil");
    EXPECT_TRUE(writer.finish());
    return sink.take();
  }
  Result<BuildResult> build_tar(const std::string& tar) {
    StringSource source(tar);
    BuildRequest wanted;
    wanted.context_tar = &source;
    return build(wanted);
  }
  std::string failure(const std::string& tar) {
    auto result = build_tar(tar);
    EXPECT_FALSE(result);
    return result ? "" : result.error().message();
  }
};

TEST_F(HostileContext, NamesThatLeadOut) {
  for (const char* name : {"../escaped", "a/../../escaped", "..", "a/.."}) {
    EXPECT_NE(failure(tar_of({{.name = name}})).find("leads out"), std::string::npos) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(options_.scratch() / "escaped"));
}

TEST_F(HostileContext, LinksThatLeadOutAreResolvedInside) {
  TarEntry link{.name = "link", .type = TarType::kSymlink, .link_target = options_.root.native()};
  auto built = build_tar(tar_of({link, {.name = "link/escaped"}}, "COPY . /c"));
  EXPECT_FALSE(std::filesystem::exists(options_.scratch() / "escaped"));
  TarEntry up{.name = "up", .type = TarType::kSymlink, .link_target = "../../.."};
  built = build_tar(tar_of({up, {.name = "up/escaped"}}, "COPY up/escaped /x"));
  EXPECT_TRUE(built) << built.error().message();
  EXPECT_FALSE(std::filesystem::exists(root() / "escaped"));
}

TEST_F(HostileContext, HardLinksToOutside) {
  TarEntry link{.name = "l", .type = TarType::kHardLink, .link_target = "/etc/passwd"};
  EXPECT_NE(failure(tar_of({link}, "COPY l /l")).find("No such file"), std::string::npos);
  link.link_target = "../../etc/passwd";
  EXPECT_NE(failure(tar_of({link}, "COPY l /l")).find("leads out"), std::string::npos);
}

TEST_F(HostileContext, DevicesAndGarbage) {
  TarEntry device{.name = "mem", .type = TarType::kCharDevice, .dev_major = 1, .dev_minor = 1};
  EXPECT_NE(failure(tar_of({device})).find("devices are not allowed"), std::string::npos);
  EXPECT_FALSE(build_tar("this is no archive, but it is long enough to be looked at"));
  std::string tar = tar_of({{.name = "a"}});
  EXPECT_FALSE(build_tar(tar.substr(0, 1100)));
}

TEST_F(HostileContext, CompressedAndLaterEntriesWin) {
  TarEntry directory{.name = "x", .type = TarType::kDirectory, .mode = 0700};
  std::string tar =
      tar_of({directory, {.name = "x/a"}, {.name = "x/a", .mode = 0600}}, "COPY . /c");
  StringSink packed;
  auto gzip = make_gzip_sink(packed);
  ASSERT_TRUE(gzip->write(tar) && gzip->finish());
  auto result = build_tar(packed.text());
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(tree(*images_->find(result->id.str())),
            "d 700 0:0 c/x\nd 755 0:0 c\nf 600 0:0 c/x/a\nf 644 0:0 c/Dockerfile");
}

TEST_F(HostileContext, AbsoluteNamesAreOfTheContext) {
  TarEntry link{.name = "/x/b", .type = TarType::kHardLink, .link_target = "/x/a"};
  auto result = build_tar(tar_of({{.name = "/x/a"}, link}, "COPY x /x"));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(tree(*images_->find(result->id.str())), "d 755 0:0 x\nf 644 0:0 x/a\nf 644 0:0 x/b");
}

TEST_F(HostileContext, MissingDockerfile) {
  StringSink sink;
  TarWriter writer(sink);
  ASSERT_TRUE(writer.finish());
  EXPECT_EQ(failure(sink.text()), "Cannot locate specified Dockerfile: Dockerfile");
}

TEST_F(HostileContext, EmptyContextBuilds) {
  BuildRequest wanted;
  wanted.dockerfile_text = "FROM scratch\nLABEL a=b";
  wanted.labels = {{"c", "d"}};
  auto result = build(wanted);
  ASSERT_TRUE(result) << result.error().message();
  auto image = images_->find(result->id.str());
  EXPECT_EQ(image->config.config.labels,
            (std::map<std::string, std::string>{{"a", "b"}, {"c", "d"}}));
}

TEST_F(HostileContext, ForeignFrontendsAreRefused) {
  EXPECT_NE(error_of(request("# syntax=example.com/front:1\nFROM scratch\n"))
                .find("frontends in images are not supported"),
            std::string::npos);
  const std::string digest = cat("@sha256:", std::string(64, '1'));
  for (const std::string& known :
       {std::string(), std::string(":1"), std::string(":1.0"), std::string(":1.7.1-labs"),
        std::string(":1.26"), std::string(":latest"), cat(":1.7", digest)}) {
    EXPECT_TRUE(build(request(cat("# syntax=docker/dockerfile", known, "\nFROM scratch\n"))))
        << known;
  }
  for (const std::string& unknown : {std::string(":1.99"), std::string(":2"), std::string(":1.x"),
                                     std::string(":1.7.1.1"), std::string(":"), digest}) {
    const std::string error =
        error_of(request(cat("# syntax=docker/dockerfile", unknown, "\nFROM scratch\n")));
    EXPECT_NE(error.find("write \"# syntax=docker/dockerfile:1\""), std::string::npos) << error;
  }
}

TEST_F(HostileContext, UnusedArgumentsAreTold) {
  BuildRequest wanted = request("FROM scratch\n");
  wanted.build_args = {{"X", "1"}};
  EXPECT_TRUE(build(wanted));
  EXPECT_EQ(told_.warnings,
            std::vector<std::string>{"One or more build-args [X] were not consumed"});
}

TEST_F(HostileContext, SeveralPlatformsMakeAnIndex) {
  write("a-amd64", "A");
  write("a-arm64", "B");
  BuildRequest wanted = request("FROM scratch\nARG TARGETARCH\nCOPY a-$TARGETARCH /a\n");
  wanted.platforms = {*oci::Platform::parse("linux/arm64"), *oci::Platform::parse("linux/amd64")};
  auto result = build(wanted);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_TRUE(oci::is_index_type(result->target.media_type));
  ASSERT_EQ(result->images.size(), 2);
  for (const char* arch : {"amd64", "arm64"}) {
    auto image = images_->find("test:1", oci::Platform::parse(cat("linux/", arch)).value());
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_EQ(text_in(*image, "a"), arch == std::string_view("amd64") ? "A" : "B");
  }
}

}  // namespace
}  // namespace skiff::builder
