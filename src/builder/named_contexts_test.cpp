// Named and remote contexts: directories, what comes in a tar, images, layouts, repositories, URLs.
#include "builder/build_fixture.h"
#include "codec/hash.h"
#include "net/test_server.h"

namespace skiff::builder {
namespace {

class NamedContextsTest : public BuildFixture {
 protected:
  void SetUp() override {
    BuildFixture::SetUp();
    server_ = std::make_unique<net::TestServer>([this](net::Request& q, net::ResponseWriter& w) {
      auto file = read_file(root() / "served" / q.path.substr(1));
      if (!file) return w.send(404, "text/plain", "no such file");
      return w.send(200, "application/octet-stream", *file);
    });
    std::filesystem::create_directories(root() / "served");
  }
  std::string sh(const std::string& script) {
    auto done = sys::run_captured(
        {.args = {"/bin/sh", "-ec", cat("cd ", root().native(), "; ", script)}}, {}, {});
    EXPECT_TRUE(done && done->code == 0) << (done ? done->err : done.error().message());
    return done ? std::string(trim(done->out)) : "";
  }
  void serve_repository() {
    sh("git init -q -b main work && cd work && git config user.email a@b && "
       "git config user.name n && mkdir -p docs/in && echo one > f && echo d > docs/in/d && "
       "echo 'FROM scratch\nCOPY . /c/' > docs/Dockerfile && ln -s /etc docs/out && "
       "git add . && git commit -qm 1 && cd .. && git clone -q --bare work served/a.git && "
       "git -C served/a.git update-server-info");
  }
  BuildRequest with(const std::string& name, NamedContext context, const std::string& lines) {
    BuildRequest wanted = request(lines);
    wanted.named_contexts[name] = std::move(context);
    return wanted;
  }

  std::unique_ptr<net::TestServer> server_;
};

std::string tar_of(const std::vector<std::pair<std::string, std::string>>& files) {
  StringSink tar;
  TarWriter writer(tar);
  for (const auto& [name, text] : files) {
    TarEntry entry{.name = name, .size = text.size()};
    if (text.starts_with("-> ")) {
      entry = {.name = name, .type = TarType::kSymlink, .link_target = text.substr(3)};
    }
    EXPECT_TRUE(writer.add(entry));
    if (entry.type == TarType::kFile) {
      EXPECT_TRUE(writer.write_body(text));
    }
  }
  EXPECT_TRUE(writer.finish());
  return tar.take();
}

TEST_F(NamedContextsTest, TarsComeBeforeThatOfTheContext) {
  const std::string named_tar =
      tar_of({{"b", "B"}, {".dockerignore", ".dockerignore\nc"}, {"c", "C"}, {"l", "-> /etc"}});
  const std::string main_tar =
      tar_of({{"Dockerfile", "FROM scratch\nCOPY . /\nCOPY --from=n . /n/"}, {"a", "A"}});
  StringSource named(named_tar);
  StringSource main(main_tar);
  BuildRequest wanted;
  wanted.context_tar = &main;
  wanted.named_contexts["n"] = LocalFiles{.tar = &named};
  EXPECT_EQ(tree(built(wanted), "%P"), "Dockerfile\na\nn\nn/b\nn/l");
}

TEST_F(NamedContextsTest, ARepositoryIsFetchedWhenAStepWantsIt) {
  serve_repository();
  const std::string url = cat(server_->url("/a.git"), "#main:docs");
  const std::string lines = "FROM scratch\nCOPY --from=r in /i/\n";
  const images::Image image = built(with("r", RemoteContext{url}, lines));
  EXPECT_EQ(text_in(image, "i/d"), "d\n");
  const RemoteContext nowhere{server_->url("/none.git")};
  built(with("unused", nowhere, "FROM scratch\nENV A=1\n"));
  const std::string error = error_of(with("r", nowhere, lines));
  EXPECT_NE(error.find("build context r"), std::string::npos) << error;
}

TEST_F(NamedContextsTest, AnArchiveOfTheWebIsUnpacked) {
  ASSERT_TRUE(write_file(root() / "served/a.tar", tar_of({{"d/f", "F"}})));
  ASSERT_TRUE(write_file(root() / "served/a.txt", "no archive"));
  const std::string lines = "FROM scratch\nCOPY --from=t d/f /\n";
  const RemoteContext archive{server_->url("/a.tar")};
  EXPECT_EQ(text_in(built(with("t", archive, lines)), "f"), "F");
  const RemoteContext file{server_->url("/a.txt")};
  const std::string error = error_of(with("t", file, lines));
  EXPECT_NE(error.find("\"/d/f\": not found"), std::string::npos) << error;
}

TEST_F(NamedContextsTest, AnyOtherFileOfTheWebIsTheOneInIt) {
  ASSERT_TRUE(write_file(root() / "served/a.txt", "no archive"));
  const RemoteContext file{server_->url("/a.txt?token=1")};
  EXPECT_EQ(text_in(built(with("t", file, "FROM scratch\nCOPY --from=t a.txt /b\n")), "b"),
            "no archive");
  const images::Image base = built(with("t", file, "FROM t\n"));
  EXPECT_EQ(tree(base), "f 600 0:0 a.txt");
  // A Dockerfile is none of 16 MiB, such a file may be larger.
  const std::string large(size_t{17} << 20U, 'x');
  ASSERT_TRUE(write_file(root() / "served/large", large));
  const RemoteContext second{server_->url("/large")};
  EXPECT_TRUE(text_in(built(with("t", second, "FROM t\n")), "large") == large);
}

TEST_F(NamedContextsTest, AnImageOfALayoutIsFoundByTagAndDigest) {
  write("a", "A");
  BuildRequest base = request("FROM scratch\nCOPY a /a\nENV E=1\n");
  base.tags = {*oci::Reference::parse("saved:v1")};
  const images::Image saved = built(base);
  {
    UniqueFd out = *open_file(root() / "saved.tar", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    FdSink sink(out.get());
    ASSERT_TRUE(images_->save({"saved:v1"}, sink, {}));
  }
  sh("mkdir layout && tar -xf saved.tar -C layout");
  ASSERT_TRUE(images_->remove("saved:v1", true, true,
                              [](const oci::Digest&) { return images::ImageUser(); }));
  std::filesystem::remove(context() / "a");
  const LocalFiles layout{root() / "layout"};
  const std::string lines = "FROM base\nCOPY --from=base /a /b\n";
  for (const std::string& reference :
       {std::string(), std::string("v1"), saved.target.digest.str()}) {
    SCOPED_TRACE(reference);
    const images::Image image = built(with("base", LayoutContext{layout, reference}, lines));
    EXPECT_EQ(tree(image, "%P"), "a\nb");
    EXPECT_EQ(image.config.config.env.back(), "E=1");
  }
  EXPECT_FALSE(images_->find("saved:v1"));
  const std::string unknown = error_of(with("base", LayoutContext{layout, "v2"}, lines));
  EXPECT_NE(unknown.find("no image is called v2"), std::string::npos) << unknown;
  const std::string none = error_of(with("base", LayoutContext{{context()}, ""}, lines));
  EXPECT_NE(none.find("it is no OCI layout"), std::string::npos) << none;
}

TEST_F(NamedContextsTest, LinksOfALayoutLeadNowhereElse) {
  const Path layout = root() / "layout";
  std::filesystem::create_directories(layout / "blobs/sha256");
  ASSERT_TRUE(write_file(root() / "outside.json", R"({"schemaVersion":2,"manifests":[]})"));
  std::filesystem::create_symlink(root() / "outside.json", layout / "index.json");
  const LayoutContext context{{layout}, ""};
  const std::string index = error_of(with("base", context, "FROM base\n"));
  EXPECT_NE(index.find("it is no OCI layout"), std::string::npos) << index;
  // Nor is a blob what its name does not say.
  const std::string hex = sha256_hex("{}");
  std::filesystem::remove(layout / "index.json");
  ASSERT_TRUE(write_file(layout / "index.json",
                         cat(R"({"schemaVersion":2,"manifests":[{"mediaType":)",
                             R"("application/vnd.oci.image.manifest.v1+json","size":2,)",
                             R"("digest":"sha256:)", hex, R"("}]})")));
  ASSERT_TRUE(write_file(layout / "blobs/sha256" / hex, "[]"));
  const std::string changed = error_of(with("base", context, "FROM base\n"));
  EXPECT_NE(changed.find(cat("blob sha256:", hex, " is sha256:")), std::string::npos) << changed;
}

TEST_F(NamedContextsTest, TheContextItselfCanBeFetched) {
  serve_repository();
  BuildRequest wanted;
  wanted.context_url = cat(server_->url("/a.git"), "#main:docs");
  EXPECT_EQ(tree(built(wanted), "%P"), "c\nc/Dockerfile\nc/in\nc/in/d\nc/out");
  wanted.build_args["BUILDKIT_CONTEXT_KEEP_GIT_DIR"] = "1";
  wanted.context_url = server_->url("/a.git");
  wanted.dockerfile_text = "FROM scratch\nCOPY .git/HEAD /";
  EXPECT_EQ(tree(built(wanted), "%P"), "HEAD");
  wanted.context_url = cat(server_->url("/a.git"), "#main:docs/out");
  EXPECT_NE(error_of(wanted).find("subdirectory"), std::string::npos);
}

TEST_F(NamedContextsTest, AFileOfTheWebIsAnArchiveOrTheDockerfile) {
  ASSERT_TRUE(write_file(root() / "served/a.tar",
                         tar_of({{"D", "FROM scratch\nCOPY f /g\n"}, {"f", "F"}})));
  ASSERT_TRUE(write_file(root() / "served/D", "FROM scratch\nWORKDIR /made\n"));
  BuildRequest wanted;
  wanted.context_url = server_->url("/a.tar");
  wanted.dockerfile = "D";
  EXPECT_EQ(tree(built(wanted), "%P"), "g");
  wanted.context_url = server_->url("/D");
  EXPECT_EQ(tree(built(wanted), "%P"), "made");
  wanted.context_url = server_->url("/none");
  EXPECT_NE(error_of(wanted).find("404"), std::string::npos);
  wanted.context_url = "nonsense";
  EXPECT_NE(error_of(wanted).find("neither a git repository nor a URL"), std::string::npos);
}

}  // namespace
}  // namespace skiff::builder
