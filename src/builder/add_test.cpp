// ADD of what comes over the network: files, archives, repositories; from servers of our own.
#include <sys/socket.h>

#include <atomic>
#include <cstdlib>
#include <map>

#include "builder/build_fixture.h"
#include "codec/base64.h"
#include "codec/compress.h"
#include "codec/hash.h"
#include "net/stream.h"
#include "net/test_server.h"

namespace skiff::builder {
namespace {

class Add : public BuildFixture {
 protected:
  void SetUp() override {
    BuildFixture::SetUp();
    server_ = std::make_unique<net::TestServer>([this](net::Request& q, net::ResponseWriter& w) {
      const bool is_private = q.path.starts_with("/private/");
      const std::string shown = cat("basic ", base64_encode("x-access-token:tok"));
      if (is_private && q.headers.get("Authorization") != shown) {
        return w.send(401, "text/plain", "who are you?");
      }
      auto file = read_file(served() / q.path.substr(1));
      if (!file) return w.send(404, "text/plain", "no such file");
      constexpr std::string_view kDate = "Wed, 21 Oct 2015 07:28:00 GMT";
      if (q.path.ends_with(".dated")) {
        w.headers().set("Last-Modified", std::string(kDate));
        if (q.headers.get("If-Modified-Since") == kDate) {
          ++not_modified_;
          return w.send(304, "", "");
        }
        return w.send(200, "application/octet-stream", *file);
      }
      if (q.path.ends_with(".fresh")) {
        w.headers().set("Last-Modified", fresh_);
        EXPECT_EQ(q.headers.get("If-Modified-Since"), "");
        return w.send(200, "application/octet-stream", *file);
      }
      const std::string etag = cat("\"", sha256_hex(*file), "\"");
      w.headers().set("ETag", q.path.ends_with(".weak") ? cat("W/", etag) : etag);
      if (q.headers.get("If-None-Match") == etag) {
        ++not_modified_;
        return w.send(304, "", "");
      }
      w.headers().set("Last-Modified", std::string(kDate));
      return w.send(200, "application/octet-stream", *file);
    });
    std::filesystem::create_directories(served());
  }
  Path served() const { return root() / "served"; }
  std::string url(const std::string& path) const { return server_->url(path); }
  void serve(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file(served() / name, text));
  }
  images::Image after(const std::string& lines) { return built(cat("FROM scratch\n", lines)); }
  std::string failure(const std::string& lines) {
    return error_of(request(cat("FROM scratch\n", lines)));
  }

  std::atomic<int> not_modified_ = 0;
  std::string fresh_ = "Sun, 01 Jan 2051 00:00:00 GMT";
  std::unique_ptr<net::TestServer> server_;
};

std::string small_archive(bool packed) {
  StringSink tar;
  TarWriter writer(tar);
  EXPECT_TRUE(writer.add({.name = "in/f", .mode = 0600, .uid = 1, .gid = 2, .size = 1}));
  EXPECT_TRUE(writer.write_body("x") && writer.finish());
  if (!packed) return tar.take();
  StringSink out;
  auto zstd = make_zstd_sink(out);
  EXPECT_TRUE(zstd->write(tar.text()) && zstd->finish());
  return out.take();
}

TEST_F(Add, AFileOfTheWebHasItsNameModeAndTime) {
  serve("a.txt", "A");
  images::Image image = after(cat("ADD ", url("/a.txt?x=1"), " /d/"));
  EXPECT_EQ(tree(image), "d 755 0:0 d\nf 600 0:0 d/a.txt");
  EXPECT_NE(tree(image, "%P %T@").find("d/a.txt 1445412480.0000000000"), std::string::npos);
}

// SOURCE_DATE_EPOCH=context: what the server says, else what is newest in the archive.
TEST_F(Add, AFetchedContextGivesItsTime) {
  StringSink tar;
  TarWriter writer(tar);
  const std::string lines = "FROM scratch\nCOPY f /\n";
  const auto at = [](int64_t seconds) { return TimePoint(std::chrono::seconds(seconds)); };
  EXPECT_TRUE(writer.add({.name = "Dockerfile", .size = lines.size(), .mtime = at(900'000'000)}));
  EXPECT_TRUE(writer.write_body(lines));
  EXPECT_TRUE(writer.add({.name = "f", .mtime = at(1'000'000'000)}) && writer.finish());
  serve("a.fresh", tar.text());
  serve("a.dated", tar.text());
  fresh_ = "";
  BuildRequest wanted;
  wanted.build_args["SOURCE_DATE_EPOCH"] = "context";
  wanted.context_url = url("/a.fresh");
  EXPECT_EQ(built(wanted).config.created, at(1'000'000'000));
  wanted.context_url = url("/a.dated");
  EXPECT_EQ(built(wanted).config.created, at(1'445'412'480));
}

TEST_F(Add, ItsChecksumIsChecked) {
  serve("a.txt", "A");
  const std::string good = cat("sha256:", sha256_hex("A"));
  EXPECT_EQ(text_in(after(cat("ADD --checksum=", good, " ", url("/a.txt"), " /a")), "a"), "A");
  serve("a.txt", "B");
  const std::string error = failure(cat("ADD --checksum=", good, " ", url("/a.txt"), " /a"));
  EXPECT_NE(error.find("digest mismatch"), std::string::npos) << error;
  EXPECT_NE(error.find(sha256_hex("B")), std::string::npos) << error;
}

TEST_F(Add, OnlyContentDecidesWhetherItIsCached) {
  serve("a.txt", "A");
  const std::string lines = cat("ADD ", url("/a.txt"), " /a");
  after(lines);
  after(lines);
  EXPECT_EQ(told_.cached, std::vector<int>{2});
  serve("a.txt", "B");
  after(lines);
  EXPECT_EQ(told_.missed[2], "a.txt changed");
}

TEST_F(Add, WhatTheServerHasUnchangedIsNotSentAgain) {
  serve("a.txt", "A");
  serve("b.weak", "B");
  const std::string lines = cat("ADD ", url("/a.txt"), " ", url("/b.weak"), " /\n");
  after(lines);
  EXPECT_EQ(not_modified_, 0);
  const images::Image again = after(cat("ENV A=1\n", lines));
  EXPECT_EQ(not_modified_, 1);
  EXPECT_EQ(text_in(again, "a.txt"), "A");
  EXPECT_NE(tree(again, "%P %T@").find("a.txt 1445412480.0000000000"), std::string::npos);
  EXPECT_EQ(text_in(after(cat("ADD --checksum=sha256:", sha256_hex("A"), " ", url("/a.txt"), " /")),
                    "a.txt"),
            "A");
  EXPECT_EQ(not_modified_, 2);
  serve("a.txt", "C");
  EXPECT_EQ(text_in(after(cat("ENV A=2\n", lines)), "a.txt"), "C");
  const auto records = builder_->disk_usage();
  const auto download = std::ranges::find_if(
      *records, [](const CacheRecord& one) { return one.description.starts_with("download of "); });
  ASSERT_NE(download, records->end());
  const auto pruned = builder_->prune({});
  EXPECT_NE(std::ranges::find(pruned->removed, download->id), pruned->removed.end());
  const int before = not_modified_;
  after(cat("ENV A=3\n", lines));
  EXPECT_EQ(not_modified_, before);
}

TEST_F(Add, ATimeTellsWhereThereIsNoETag) {
  serve("a.dated", "A");
  serve("b.fresh", "B");
  const std::string lines = cat("ADD ", url("/a.dated"), " ", url("/b.fresh"), " /\n");
  after(lines);
  EXPECT_EQ(not_modified_, 0);
  const images::Image again = after(cat("ENV A=1\n", lines));
  EXPECT_EQ(not_modified_, 1);
  EXPECT_EQ(text_in(again, "a.dated") + text_in(again, "b.fresh"), "AB");
  EXPECT_NE(tree(again, "%P %T@").find("a.dated 1445412480.0000000000"), std::string::npos);
}

// The bytes that stay are those used last, whatever they are.
TEST_F(Add, PruningKeepsAsManyBytesOfDownloads) {
  serve("a.txt", std::string(100'000, 'a'));
  after(cat("ADD ", url("/a.txt"), " /\n"));
  const auto is_here = [&] {
    const auto records = builder_->disk_usage();
    return std::ranges::any_of(
        *records, [](const CacheRecord& one) { return one.kind == CacheRecord::Kind::kDownload; });
  };
  ASSERT_TRUE(builder_->prune({.max_used_bytes = uint64_t{1} << 30U}));
  EXPECT_TRUE(is_here());
  ASSERT_TRUE(builder_->prune({.max_used_bytes = 1000}));
  EXPECT_FALSE(is_here());
}

TEST_F(Add, UnpackIsAskedForOrRefused) {
  serve("a.tar.zst", small_archive(true));
  write("a.tar", small_archive(false));
  const std::string remote = url("/a.tar.zst");
  EXPECT_EQ(tree(after(cat("ADD ", remote, " /a"))), "f 600 0:0 a");
  EXPECT_EQ(tree(after(cat("ADD --unpack ", remote, " /a"))),
            "d 755 0:0 a\nd 755 0:0 a/in\nf 600 1:2 a/in/f");
  EXPECT_EQ(tree(after("ADD --unpack=false a.tar /a")), "f 644 0:0 a");
  // A directory that the archive does not name is root's.
  EXPECT_EQ(tree(after("ADD --chown=5:6 a.tar /a")),
            "d 755 0:0 a/in\nd 755 5:6 a\nf 600 5:6 a/in/f");
}

TEST_F(Add, AFailureOfTheServerIsNamed) {
  EXPECT_NE(failure(cat("ADD ", url("/none"), " /a")).find("the server answered 404"),
            std::string::npos);
}

// A repository with two commits, a tag on the first, and a branch.
class AddGit : public Add {
 protected:
  void SetUp() override {
    Add::SetUp();
    sh("git init -q -b main work && cd work && git config user.email a@b && "
       "git config user.name n && mkdir docs && echo one > f && echo d > docs/d && "
       "chmod 755 docs/d && git add . && git commit -qm 1 && git tag -am note v1 && "
       "echo two > f && git commit -qam 2 && git branch side && cd .. && "
       "git clone -q --bare work served/a.git && git -C served/a.git update-server-info");
    first_ = sh("git -C work rev-parse v1^{commit}");
    second_ = sh("git -C work rev-parse main");
  }
  std::string sh(const std::string& script) {
    auto done = sys::run_captured(
        {.args = {"/bin/sh", "-c", cat("umask 077; export HOME=/nonexistent; ", script)},
         .working_dir = root()});
    EXPECT_TRUE(done && done->code == 0) << (done ? done->err : done.error().message());
    return done ? std::string(trim(done->out)) : "";
  }
  std::string remote() const { return url("/a.git"); }
  std::string f_of(const std::string& source, const std::string& flags = "") {
    return text_in(after(cat("ADD ", flags, " ", source, " /r")), "r/f");
  }

  std::string first_;
  std::string second_;
};

TEST_F(AddGit, HeadBranchTagAndCommit) {
  EXPECT_EQ(f_of(remote()), "two\n");
  EXPECT_EQ(f_of(cat(remote(), "#side")), "two\n");
  EXPECT_EQ(f_of(cat(remote(), "#v1")), "one\n");
  EXPECT_EQ(f_of(cat(remote(), "#", first_)), "one\n");
  EXPECT_EQ(f_of(cat(remote(), "?tag=v1")), "one\n");
}

TEST_F(AddGit, SecretsOpenPrivateRepositories) {
  std::filesystem::create_directories(served() / "private");
  std::filesystem::rename(served() / "a.git", served() / "private/a.git");
  const std::string remote = url("/private/a.git");
  BuildRequest wanted = request(cat("FROM scratch\nADD ", remote, " /r\n"));
  EXPECT_NE(error_of(wanted).find("git: "), std::string::npos);
  wanted.secrets["GIT_AUTH_TOKEN"] = "tok\n";
  EXPECT_EQ(text_in(built(wanted), "r/f"), "two\n");
  const std::string host = remote.substr(7, remote.find('/', 7) - 7);
  wanted.secrets = {{"GIT_AUTH_TOKEN", "wrong"}, {cat("GIT_AUTH_TOKEN.", host), "tok"}};
  wanted.no_cache = true;
  EXPECT_EQ(text_in(built(wanted), "r/f"), "two\n");
  wanted.secrets = {{"GIT_AUTH_TOKEN.other.example", "tok"}};
  EXPECT_NE(error_of(wanted).find("git: "), std::string::npos);
}

// What the daemon runs with, for the length of a test.
class Environment {
 public:
  void set(const std::string& name, const std::string& value) {
    const char* before = std::getenv(name.c_str());
    before_.try_emplace(name,
                        before == nullptr ? std::nullopt : std::optional<std::string>(before));
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  Environment() = default;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (const auto& [name, value] : before_) {
      if (value) ::setenv(name.c_str(), value->c_str(), 1);
      if (!value) ::unsetenv(name.c_str());
    }
  }

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

// It may open the repository; a build without a secret may not.
TEST_F(AddGit, PasswordsOfTheDaemonsUserOpenNothing) {
  std::filesystem::create_directories(served() / "private");
  std::filesystem::rename(served() / "a.git", served() / "private/a.git");
  const Path home = root() / "home";
  std::filesystem::create_directories(home);
  const std::string header = cat("Authorization: basic ", base64_encode("x-access-token:tok"));
  ASSERT_TRUE(write_file(home / ".gitconfig", cat("[http]\n\textraHeader = ", header, "\n")));
  ASSERT_TRUE(write_file(home / ".netrc", "machine 127.0.0.1 login x-access-token password tok\n"));
  Environment environment;
  environment.set("HOME", home);
  environment.set("XDG_CONFIG_HOME", home);
  environment.set("GIT_CONFIG_COUNT", "1");
  environment.set("GIT_CONFIG_KEY_0", "http.extraHeader");
  environment.set("GIT_CONFIG_VALUE_0", header);
  environment.set("GIT_ASKPASS", "/bin/echo tok");
  const std::string own = cat("git ls-remote ", url("/private/a.git"));
  ASSERT_EQ(sys::run_captured({.args = {"/bin/sh", "-c", own}})->code, 0);
  EXPECT_NE(failure(cat("ADD ", url("/private/a.git"), " /r")).find("git: "), std::string::npos);
}

// The program ssh of the test is the server, too: it runs what it is asked to run, and writes down
// how it was called.
TEST_F(AddGit, KeysOfTheDaemonsUserAreNotShown) {
  const Path programs = root() / "programs";
  std::filesystem::create_directories(programs);
  ASSERT_TRUE(
      write_file(programs / "ssh",
                 cat("#!/bin/sh\nenv > ", root().native(), "/called\necho \"$*\" >> ",
                     root().native(), "/called\nfor last; do :; done\nexec sh -c \"$last\"\n")));
  std::filesystem::permissions(programs / "ssh", std::filesystem::perms(0755));
  Environment environment;
  environment.set("PATH", cat(programs.native(), ":", std::getenv("PATH")));
  environment.set("HOME", root());
  environment.set("SSH_AUTH_SOCK", "/run/agent-of-the-daemon");
  environment.set("GIT_SSH_COMMAND", "ssh -i /root/key-of-the-daemon");
  EXPECT_EQ(f_of(cat("ssh://git@there.invalid", (served() / "a.git").native())), "two\n");
  const std::string called = *read_file(root() / "called");
  EXPECT_EQ(called.find("of-the-daemon"), std::string::npos) << called;
  EXPECT_EQ(called.find("SSH_AUTH_SOCK"), std::string::npos) << called;
  EXPECT_NE(called.find("HOME=/nonexistent\n"), std::string::npos) << called;
  for (const char* option : {"-F none", "-o BatchMode=yes", "-o IdentityFile=none"}) {
    EXPECT_NE(called.find(option), std::string::npos) << called;
  }
}

TEST_F(AddGit, FilesAreOwnedByRootWithoutTheRepository) {
  EXPECT_EQ(tree(after(cat("ADD ", remote(), " /r"))),
            "d 755 0:0 r\nd 755 0:0 r/docs\nf 644 0:0 r/f\nf 755 0:0 r/docs/d");
  EXPECT_EQ(tree(after(cat("ADD ", remote(), "#main:docs /r"))), "d 755 0:0 r\nf 755 0:0 r/d");
  EXPECT_EQ(tree(after(cat("ADD --exclude=docs --chown=3 ", remote(), " /r"))),
            "d 755 3:3 r\nf 644 3:3 r/f");
  images::Image kept = after(cat("ADD --keep-git-dir ", remote(), " /r"));
  EXPECT_EQ(text_in(kept, "r/.git/HEAD"), cat(second_, "\n"));
}

TEST_F(AddGit, TheCommitIsTheKey) {
  const std::string lines = cat("ADD ", remote(), " /r");
  after(lines);
  after(lines);
  EXPECT_EQ(told_.cached, std::vector<int>{2});
  sh("cd work && echo three > f && git commit -qam 3 && git push -q ../served/a.git main && "
     "git -C ../served/a.git update-server-info");
  images::Image image = after(lines);
  EXPECT_EQ(text_in(image, "r/f"), "three\n");
  EXPECT_NE(told_.missed[2].find(cat("\"", second_, "\" is now")), std::string::npos);
}

TEST_F(AddGit, ChecksumsAreBeginningsOfCommits) {
  EXPECT_EQ(f_of(remote(), cat("--checksum=", second_.substr(0, 12))), "two\n");
  EXPECT_NE(failure(cat("ADD --checksum=", first_, " ", remote(), " /r"))
                .find(cat("expected checksum ", first_, ", got ", second_)),
            std::string::npos);
}

TEST_F(AddGit, UnknownReferencesAreNamed) {
  EXPECT_NE(failure(cat("ADD ", remote(), "#nothing /r")).find("no branch or tag is called"),
            std::string::npos);
  EXPECT_NE(failure(cat("ADD ", url("/b.git"), " /r")).find("b.git"), std::string::npos);
}

// As `git daemon` serves it: with the newer protocol, so that only what is needed comes.
TEST_F(AddGit, FromAGitServer) {
  auto listener = net::listen_tcp("127.0.0.1:0");
  const uint16_t port = *net::local_port(listener->get());
  std::jthread serving([&] {
    for (;;) {
      UniqueFd one(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!one) return;
      auto daemon =
          sys::Process::spawn({.args = {"git", "daemon", "--inetd", "--export-all",
                                        cat("--base-path=", served().native()), served().native()},
                               .fds = {{one.get(), 0}, {one.get(), 1}}});
      EXPECT_TRUE(daemon && daemon->wait());
    }
  });
  const std::string address = cat("git://127.0.0.1:", port, "/a.git");
  EXPECT_EQ(f_of(cat(address, "#v1")), "one\n");
  images::Image kept = after(cat("ADD --keep-git-dir=true ", address, " /r"));
  EXPECT_EQ(text_in(kept, "r/.git/shallow"), cat(second_, "\n"));
  ::shutdown(listener->get(), SHUT_RDWR);
}

}  // namespace
}  // namespace skiff::builder
