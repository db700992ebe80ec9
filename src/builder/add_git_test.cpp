// ADD of repositories, and what their addresses say; from servers of our own.
#include <sys/socket.h>

#include <cstdlib>
#include <map>

#include "builder/add_fixture.h"
#include "net/stream.h"

namespace skiff::builder {
namespace {

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

TEST_F(AddGit, ItsFilesMayHaveTheTimeOfTheCommit) {
  sh("cd work && GIT_COMMITTER_DATE='@1000000000 +0000' git commit -q --amend -m 2 && "
     "git push -qf ../served/a.git main && git -C ../served/a.git update-server-info");
  const std::string dated = " 1000000000\n/docs 1000000000\n/docs/d 1000000000\n/f 1000000000";
  const auto below = [&](const images::Image& image, const std::string& directory) {
    std::string all = tree(image, "%P %Ts");
    for (size_t at; (at = all.find(directory)) != std::string::npos;) all.erase(at, 2);
    return all;
  };
  const std::string add = cat("ADD ", remote(), "?mtime=commit /r1");
  EXPECT_EQ(below(after(add), "r1"), dated);
  // A context has it where the build has a time, and another layer than without it.
  BuildRequest wanted;
  wanted.dockerfile_text = "FROM scratch\nCOPY . /r2";
  const auto of_context = [&](const std::string& query, const char* epoch) {
    wanted.context_url = cat(remote(), query);
    wanted.build_args.clear();
    if (epoch != nullptr) wanted.build_args["SOURCE_DATE_EPOCH"] = epoch;
    return below(built(wanted), "r2");
  };
  const std::string fetched = of_context("", nullptr);
  EXPECT_EQ(fetched.find("1000000000"), std::string::npos);
  EXPECT_EQ(of_context("?mtime=checkout", "5"), fetched);
  EXPECT_EQ(of_context("", "5"), dated);
  BuildRequest from_context = request("FROM files");
  from_context.build_args["SOURCE_DATE_EPOCH"] = "5";
  from_context.named_contexts["files"] = RemoteContext{remote()};
  const auto time_of_f = [&] {
    const std::string all = tree(built(from_context), "%P %Ts");
    const size_t at = all.find("\nf ");
    return all.substr(at, all.find('\n', at + 1) - at);
  };
  EXPECT_EQ(time_of_f(), "\nf 1000000000");
  // Of a commit that changes nothing else.
  sh("cd work && GIT_COMMITTER_DATE='@1000000001 +0000' git commit -q --amend -m 3 && "
     "git push -qf ../served/a.git main && git -C ../served/a.git update-server-info");
  const std::string later = replace_all(dated, "1000000000", "1000000001");
  EXPECT_EQ(below(after(add), "r1"), later);
  EXPECT_EQ(of_context("", "5"), later);
  EXPECT_EQ(told_.missed[2], "the time of the commit: \"1000000000\" is now \"1000000001\"");
  EXPECT_EQ(time_of_f(), "\nf 1000000001");
}

// Whatever the branch leads to by the time that its files are wanted.
TEST_F(AddGit, TheTimeAndTheFilesAreOfOneCommit) {
  const std::string next =
      "cd work && echo three > f && GIT_COMMITTER_DATE='@1000000002 +0000' git commit -qam 3 && "
      "git push -q ../served/a.git main && git -C ../served/a.git update-server-info";
  sh("cd work && GIT_COMMITTER_DATE='@1000000001 +0000' git commit -q --amend -m 2 && "
     "git push -qf ../served/a.git main && git -C ../served/a.git update-server-info");
  BuildRequest wanted =
      request(cat("FROM scratch AS s\nADD ", remote(), " /r\nFROM scratch\nCOPY --from=s /r /\n"));
  wanted.build_args["SOURCE_DATE_EPOCH"] = "s";
  bool is_changed = false;
  const auto result = builder_->build(wanted,
                                      [&](const BuildEvent& event) {
                                        const bool begins =
                                            std::holds_alternative<StepStarted>(event);
                                        if (begins && !std::exchange(is_changed, true)) sh(next);
                                      },
                                      {});
  ASSERT_TRUE(result) << result.error().message();
  const images::Image image = *images_->find(result->id.str());
  EXPECT_EQ(unix_seconds(image.config.created), 1'000'000'001);
  EXPECT_EQ(text_in(image, "f"), "two\n");
}

TEST_F(AddGit, ACommitIsFetchedWhereverTheReferenceIs) {
  const std::string query = cat("?ref=main&fetch-by-commit=1&checksum=");
  EXPECT_EQ(f_of(cat(remote(), query, first_)), "one\n");
  EXPECT_EQ(f_of(cat(remote(), "?fetch-by-commit"), cat("--checksum=", first_)), "one\n");
  EXPECT_NE(failure(cat("ADD ", remote(), query, first_.substr(0, 9), " /r"))
                .find("fetch-by-commit needs a whole commit"),
            std::string::npos);
}

TEST_F(AddGit, FlagsAndAddressAgree) {
  EXPECT_NE(failure(cat("ADD --keep-git-dir=false ", remote(), "?keep-git-dir=1 /r"))
                .find("inconsistent keep-git-dir configuration"),
            std::string::npos);
  EXPECT_NE(failure(cat("ADD --checksum=01 ", remote(), "?checksum=02 /r"))
                .find("checksum mismatch \"01\" != \"02\""),
            std::string::npos);
}

TEST_F(AddGit, UnknownReferencesAreNamed) {
  EXPECT_NE(failure(cat("ADD ", remote(), "#nothing /r")).find("no branch or tag is called"),
            std::string::npos);
  EXPECT_NE(failure(cat("ADD ", url("/b.git"), " /r")).find("b.git"), std::string::npos);
}

// Neither where we tell of it nor where git does: of a submodule it prints the whole address.
TEST_F(AddGit, ErrorsTellNoLogins) {
  sh("cd work && printf '[submodule \"s\"]\\n path = s\\n url = ./none.git\\n' >.gitmodules && "
     "git add .gitmodules && git update-index --add --cacheinfo 160000,$(git rev-parse v1),s && "
     "git commit -qm 3 && git push -q ../served/a.git main && "
     "git -C ../served/a.git update-server-info");
  const std::string with_login = cat("http://ana:planted@", remote().substr(7));
  const std::string none = cat("http://ana:planted@", url("/none.git").substr(7));
  for (const std::string& end : {std::string("#nothing"), std::string("#v1:nowhere"),
                                 cat("?checksum=", std::string(40, '0')), std::string()}) {
    BuildRequest wanted;
    wanted.dockerfile_text = "FROM scratch\nCOPY . /\n";
    wanted.context_url = cat(with_login, end);
    const std::string error = error_of(wanted);
    EXPECT_NE(error.find("a.git"), std::string::npos) << error;
    EXPECT_EQ(error.find("planted"), std::string::npos) << error;
    BuildRequest added = request("ARG FROM\nFROM scratch\nARG FROM\nADD $FROM /\n");
    added.build_args["FROM"] = cat(with_login, end);
    EXPECT_EQ(error_of(added).find("planted"), std::string::npos) << error_of(added);
    added.build_args["FROM"] = cat(none, end);
    EXPECT_EQ(error_of(added).find("planted"), std::string::npos) << error_of(added);
  }
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
