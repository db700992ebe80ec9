// COPY and ADD, WORKDIR and config, end to end but for RUN: what the image's tree is.
#include <sys/resource.h>
#include <unistd.h>

#include "builder/build_fixture.h"
#include "builder/copier.h"
#include "codec/compress.h"

namespace skiff::builder {
namespace {

class Copy : public BuildFixture {
 protected:
  // "FROM scratch", then the lines; the tree of the image.
  std::string after(const std::string& lines) { return tree(built(cat("FROM scratch\n", lines))); }
  std::string failure(const std::string& lines) {
    return error_of(request(cat("FROM scratch\n", lines)));
  }
};

TEST_F(Copy, FileToNameDirectoryAndNewParents) {
  write("a", "A", 0640);
  EXPECT_EQ(after("COPY a /x/y/b"),
            "d 755 0:0 x\n"
            "d 755 0:0 x/y\n"
            "f 640 0:0 x/y/b");
  EXPECT_EQ(after("COPY a /d/\nCOPY a /d"),
            "d 755 0:0 d\n"
            "f 640 0:0 d/a");
}

TEST_F(Copy, DirectoryGivesItsContents) {
  write("d/a", "A");
  write("d/sub/b", "B");
  std::filesystem::create_directory(context() / "d/empty");
  EXPECT_EQ(after("COPY d /to"),
            "d 755 0:0 to\n"
            "d 755 0:0 to/empty\n"
            "d 755 0:0 to/sub\n"
            "f 644 0:0 to/a\n"
            "f 644 0:0 to/sub/b");
}

TEST_F(Copy, SeveralSourcesAndWildcards) {
  write("a.txt", "A");
  write("b.txt", "B");
  write("c.md", "C");
  write("sub/d.txt", "D");
  EXPECT_EQ(after("COPY *.txt c.? /x/"),
            "d 755 0:0 x\n"
            "f 644 0:0 x/a.txt\n"
            "f 644 0:0 x/b.txt");
  EXPECT_EQ(after("COPY [ab].txt s*/d.txt /x/"),
            "d 755 0:0 x\n"
            "f 644 0:0 x/a.txt\n"
            "f 644 0:0 x/b.txt\n"
            "f 644 0:0 x/d.txt");
}

TEST_F(Copy, MissingSourceNamesItself) {
  EXPECT_NE(failure("COPY nothere /x").find("\"/nothere\": not found"), std::string::npos);
  EXPECT_NE(failure("COPY ../outside /x").find("Dockerfile:2: COPY failed"), std::string::npos);
}

TEST_F(Copy, OwnerAndMode) {
  write("etc/passwd", "root:x:0:0::/:\napp:x:1000:1001::/:\n");
  write("etc/group", "extra:x:2000:\n");
  write("a", "A");
  EXPECT_EQ(after("COPY etc /etc\n"
                  "COPY --chown=app a /new/app\n"
                  "COPY --chown=app:extra --chmod=600 a /2\n"
                  "COPY --chown=7 a /3\n"
                  "COPY --chown=7:8 a /4"),
            "d 755 0:0 etc\n"
            "d 755 1000:1001 new\n"
            "f 600 1000:2000 2\n"
            "f 644 0:0 etc/group\n"
            "f 644 0:0 etc/passwd\n"
            "f 644 1000:1001 new/app\n"
            "f 644 7:7 3\n"
            "f 644 7:8 4");
  EXPECT_EQ(after("COPY --chown=nobody a /x"), "f 644 0:0 x");
}

TEST_F(Copy, LinksStayLinksAndNeverLeaveTheContext) {
  write("real", "R");
  std::filesystem::create_symlink("real", context() / "link");
  std::filesystem::create_symlink("/etc/passwd", context() / "out");
  std::filesystem::create_directory(context() / "d");
  std::filesystem::create_symlink("../real", context() / "d/inner");
  EXPECT_EQ(after("COPY link /x\nCOPY d /d"),
            "d 755 0:0 d\n"
            "f 644 0:0 x\n"
            "l 777 0:0 d/inner");
  EXPECT_NE(failure("COPY out /x").find("which is outside of the build context"), std::string::npos)
      << failure("COPY out /x");
}

TEST_F(Copy, DestinationLinkIsFollowedInsideTheImage) {
  write("a", "A");
  std::filesystem::create_directories(context() / "base/real");
  std::filesystem::create_symlink("/real", context() / "base/link");
  EXPECT_EQ(after("COPY base /\nCOPY a /link/"),
            "d 755 0:0 real\n"
            "f 644 0:0 real/a\n"
            "l 777 0:0 link");
}

TEST_F(Copy, FileAndDirectoryDoNotReplaceEachOther) {
  write("f", "F");
  write("d/f/x", "X");
  EXPECT_NE(failure("COPY f /d\nCOPY d /d").find("cannot copy to non-directory"),
            std::string::npos);
  EXPECT_NE(failure("COPY d /e\nCOPY f /e").find("cannot replace directory"), std::string::npos);
}

TEST_F(Copy, IgnoredFilesAreNotThere) {
  write(".dockerignore", "**/*.log\n!keep.log\nsecret\n");
  write("a.log", "");
  write("keep.log", "");
  write("secret/x", "");
  write("sub/b.log", "");
  write("sub/c", "");
  EXPECT_EQ(after("COPY . /c"),
            "d 755 0:0 c\n"
            "d 755 0:0 c/sub\n"
            "f 644 0:0 c/.dockerignore\n"
            "f 644 0:0 c/keep.log\n"
            "f 644 0:0 c/sub/c");
  EXPECT_NE(failure("COPY secret /x").find(".dockerignore leaves it out"), std::string::npos);
}

TEST_F(Copy, DockerfilesOwnIgnoreFileWins) {
  write(".dockerignore", "a\n");
  write("Dockerfile.dockerignore", "b\n*ignore\n");
  write("a", "");
  write("b", "");
  EXPECT_EQ(after("COPY . /"), "f 644 0:0 a");
}

TEST_F(Copy, FromStageKeepsOwners) {
  write("a", "A");
  EXPECT_EQ(tree(built("FROM scratch AS one\nCOPY --chown=5:6 a /d/a\n"
                       "FROM scratch\nCOPY --from=one /d /\nCOPY --from=0 --chown=1:1 /d/a /b")),
            "f 644 1:1 b\n"
            "f 644 5:6 a");
}

TEST_F(Copy, FromImage) {
  write("a", "A");
  built("FROM scratch\nCOPY a /a");
  EXPECT_EQ(after("COPY --from=test:1 /a /copied"), "f 644 0:0 copied");
}

TEST_F(Copy, Heredocs) {
  images::Image image = built(
      "FROM scratch\nENV V=1\nCOPY <<one <<\"two\" /d/\nv=$V\none\nv=$V\ntwo\n"
      "COPY --chmod=755 <<EOF /script\n#!/bin/sh\nEOF");
  EXPECT_EQ(text_in(image, "d/one"), "v=1\n");
  EXPECT_EQ(text_in(image, "d/two"), "v=$V\n");
  EXPECT_NE(tree(image).find("f 755 0:0 script"), std::string::npos);
}

TEST_F(Copy, AddUnpacksLocalArchives) {
  StringSink tar;
  TarWriter writer(tar);
  ASSERT_TRUE(writer.add({.name = "d/", .type = TarType::kDirectory, .mode = 0750, .uid = 3}));
  ASSERT_TRUE(writer.add({.name = "d/f", .mode = 0600, .uid = 1, .gid = 2, .size = 1}));
  ASSERT_TRUE(writer.write_body("x"));
  ASSERT_TRUE(writer.finish());
  StringSink packed;
  auto gzip = make_gzip_sink(packed);
  ASSERT_TRUE(gzip->write(tar.text()) && gzip->finish());
  write("a.tgz", packed.text());
  write("no.tar", "not an archive");
  EXPECT_EQ(after("ADD a.tgz no.tar /x/\nCOPY a.tgz /y"),
            "d 750 3:0 x/d\n"
            "d 755 0:0 x\n"
            "f 600 1:2 x/d/f\n"
            "f 644 0:0 x/no.tar\n"
            "f 644 0:0 y");
  // The directory is made for it, and not copied.
  EXPECT_NE(after("ADD --chmod=700 a.tgz /w").find("d 755 0:0 w\n"), std::string::npos);
}

TEST_F(Copy, LinkedLayersDoNotDependOnWhatIsBelow) {
  write("a", "A");
  write("b", "B");
  built("FROM scratch\nCOPY a /x\nCOPY --link b /b");
  images::Image image = built("FROM scratch\nCOPY b /x\nCOPY --link b /b");
  EXPECT_EQ(told_.cached, std::vector<int>{3});
  EXPECT_EQ(text_in(image, "x"), "B");
  EXPECT_EQ(text_in(image, "b"), "B");
  write("b", "C");
  EXPECT_EQ(text_in(built("FROM scratch\nCOPY --link b /b"), "b"), "C");
  EXPECT_EQ(told_.missed[2], "b changed");
}

// Which are not copied into the step's own tree where a layer is kept as its tar; see LentContents.
TEST_F(Copy, LargeFilesOfAStage) {
  const std::string large(size_t{3} << 20U, 'l');
  const std::string other(size_t{2} << 20U, 'o');
  write("large", large);
  write("other", other);
  write("small", "s");
  ASSERT_EQ(::link((context() / "large").c_str(), (context() / "name").c_str()), 0);
  const images::Image made = built(
      "FROM scratch AS files\n"
      "COPY . /f\n"
      "FROM scratch\n"
      "COPY --from=files --chmod=600 --chown=1:2 f /d\n"
      "COPY --from=files f/large f/other f/small /e/\n"
      "COPY --from=files f/other f/small /e/\n"
      "COPY --from=files f/small /e/other\n");
  EXPECT_EQ(tree(made),
            "d 600 1:2 d\n"
            "d 755 0:0 e\n"
            "f 600 1:2 d/large\n"
            "f 600 1:2 d/name\n"
            "f 600 1:2 d/other\n"
            "f 600 1:2 d/small\n"
            "f 644 0:0 e/large\n"
            "f 644 0:0 e/other\n"
            "f 644 0:0 e/small");
  EXPECT_TRUE(text_in(made, "d/large") == large);
  EXPECT_TRUE(text_in(made, "d/name") == large);
  EXPECT_TRUE(text_in(made, "d/other") == other);
  EXPECT_TRUE(text_in(made, "e/large") == large);
  EXPECT_EQ(text_in(made, "e/other"), "s");
}

TEST_F(Copy, TimesAreKept) {
  write("d/a", "A");
  const timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (context() / "d/a").c_str(), times, 0), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, (context() / "d").c_str(), times, 0), 0);
  EXPECT_EQ(tree(built("FROM scratch\nCOPY d /d"), "%P %T@"),
            "d 1000000000.0000000000\nd/a 1000000000.0000000000");
  // That of the source has a directory that is there already, too, and one that is made for paths.
  EXPECT_EQ(tree(built("FROM scratch\nCOPY <<b /d/\nb\nCOPY d /d"), "%P %T@").substr(0, 23),
            "d 1000000000.0000000000");
  EXPECT_EQ(tree(built("FROM scratch\nCOPY --parents d/./a /p/"), "%P %T@").substr(0, 23),
            "p 1000000000.0000000000");
  // A file that is written where a link leads has its own.
  write("l/e", "");
  std::filesystem::create_symlink("e", context() / "l/k");
  const std::string linked = tree(built("FROM scratch\nCOPY l /\nCOPY d/a /k"), "%P %T@");
  EXPECT_NE(linked.find("e 1000000000.0000000000"), std::string::npos) << linked;
}

// However deep they are: no more files are open for them than for one.
TEST(Directories, ThatAreMadeHaveTheTimeAllTheWay) {
  const TempDir directory = *TempDir::make("/tmp", "skiff-copier-");
  const sys::RootDir root = *sys::RootDir::open(directory.path());
  constexpr int kDepth = 500;
  std::string path;
  for (int i = 0; i < kDepth; ++i) path += "/d";
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{.rlim_cur = 100, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto made =
      Copier(root, {.owner = {}, .mode = {}, .made_at = timespec{7, 0}}).make_directories(path);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(made) << made.error().message();
  for (size_t depth = 1; depth <= kDepth; ++depth) {
    EXPECT_EQ(root.stat(path.substr(0, 2 * depth))->st_mtim.tv_sec, 7) << depth;
  }
}

}  // namespace
}  // namespace skiff::builder
