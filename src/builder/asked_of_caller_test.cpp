// What a request does not hold itself, and the builder asks its caller for.
#include "builder/git_checkout.h"
#include "builder/run_fixture.h"
#include "net/stream.h"

namespace skiff::builder {
namespace {

class AskedOfCaller : public RunFixture {};

TEST_F(AskedOfCaller, ASecretIsAskedForWhenAStepNeedsIt) {
  BuildRequest wanted = request(
      "FROM base:1\nRUN --mount=type=secret,id=s --mount=type=secret,id=none "
      "cat /run/secrets/s > /dev/null && ls /run/secrets\n");
  std::vector<std::string> asked;
  wanted.find_secret = [&](const std::string& id) -> Result<std::optional<std::string>> {
    asked.push_back(id);
    return id == "s" ? std::optional<std::string>("value") : std::nullopt;
  };
  built(wanted);
  EXPECT_EQ(told_.output, "s\n");
  EXPECT_EQ(asked, (std::vector<std::string>{"s", "none"}));
  built(wanted);  // from the cache
  EXPECT_EQ(asked.size(), 2U);
}

TEST_F(AskedOfCaller, ASecretThatCannotBeHadFailsTheStep) {
  BuildRequest wanted = request("FROM base:1\nRUN --mount=type=secret,id=s true\n");
  wanted.find_secret = [](const std::string&) -> Result<std::optional<std::string>> {
    return Error(Code::kUnavailable, "the client is gone");
  };
  EXPECT_NE(error_of(wanted).find("the client is gone"), std::string::npos);
}

TEST_F(AskedOfCaller, AnAgentIsAskedFor) {
  const Path socket = root() / "agent";
  auto listener = net::listen_unix(socket, 0600);
  ASSERT_TRUE(listener);
  BuildRequest wanted =
      request("FROM base:1\nRUN --mount=type=ssh test -S $SSH_AUTH_SOCK && echo there\n");
  wanted.find_ssh_agent = [&](const std::string& id) -> Result<std::optional<Path>> {
    return id == "default" ? std::optional(socket) : std::nullopt;
  };
  built(wanted);
  EXPECT_EQ(told_.output, "there\n");
}

TEST_F(AskedOfCaller, TokensAndTheAgentOfRepositoriesAreAskedFor) {
  BuildRequest wanted;
  wanted.find_secret = [&](const std::string& id) -> Result<std::optional<std::string>> {
    return id == "GIT_AUTH_TOKEN.git.example" ? std::optional<std::string>("t\n") : std::nullopt;
  };
  wanted.find_ssh_agent = [&](const std::string& id) -> Result<std::optional<Path>> {
    return id == "default" ? std::optional<Path>("/agent") : std::nullopt;
  };
  const auto web = git_access(wanted, "https://git.example/a.git");
  ASSERT_TRUE(web) << web.error().message();
  EXPECT_EQ(web->authorization, "basic eC1hY2Nlc3MtdG9rZW46dA==");
  EXPECT_EQ(git_access(wanted, "https://other.example/a.git")->authorization, "");
  EXPECT_EQ(git_access(wanted, "git@git.example:a.git")->agent, "/agent");
  wanted.find_secret = [](const std::string&) -> Result<std::optional<std::string>> {
    return Error(Code::kUnavailable, "the client is gone");
  };
  EXPECT_FALSE(git_access(wanted, "https://git.example/a.git"));
}

TEST_F(AskedOfCaller, CredentialsAreAskedForByHost) {
  BuildRequest wanted = request("FROM 127.0.0.1:1/none\n");
  std::string asked;
  wanted.find_credentials =
      [&](const std::string& host) -> Result<std::optional<remote::Credentials>> {
    asked = host;
    return Error(Code::kUnauthenticated, "no");
  };
  error_of(wanted);
  EXPECT_EQ(asked, "127.0.0.1:1");
}

TEST_F(AskedOfCaller, AnIgnoreFileOfTheCallersStandsForTheContexts) {
  write("a", "A");
  write("b", "B");
  write(".dockerignore", "a\n");
  BuildRequest wanted = request("FROM scratch\nCOPY a b* /\n");
  wanted.ignore_text = "b\n";
  EXPECT_EQ(tree(built(wanted), "%P"), "a");
}

}  // namespace
}  // namespace skiff::builder
