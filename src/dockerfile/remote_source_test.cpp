#include "dockerfile/remote_source.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff::dockerfile {
namespace {

// "REMOTE REF DIRECTORY CHECKSUM" and what else the address says, or the error, or "none".
std::string read(const std::string& text, bool context = false) {
  const auto source = context ? parse_git_context(text) : parse_git_source(text);
  if (!source) return source.error().message();
  if (!*source) return "none";
  const GitSource& git = **source;
  const auto told = [](std::string_view name, std::optional<bool> value) {
    return value ? cat(" ", name, "=", *value ? "1" : "0") : "";
  };
  return cat(git.remote, " ", git.ref, " ", git.subdirectory, " ", git.checksum,
             told("keep", git.keep_git_dir), told("times", git.commit_times),
             git.submodules ? "" : " alone", git.by_commit ? " by commit" : "");
}

TEST(RemoteSource, AddressesThatAreRepositories) {
  EXPECT_EQ(read("https://h/a.git"), "https://h/a.git   ");
  EXPECT_EQ(read("http://u:p@h:80/a.git#v1:docs//en/"), "http://u:p@h:80/a.git v1 docs/en ");
  EXPECT_EQ(read("git://h/a"), "git://h/a   ");
  EXPECT_EQ(read("ssh://git@h/a#v1"), "ssh://git@h/a v1  ");
  EXPECT_EQ(read("git@h:o/a"), "git@h:o/a   ");
  EXPECT_EQ(read("git@h:o/a?ref=v1&subdir=d"), "git@h:o/a v1 d ");
  EXPECT_EQ(read("git+https://h/a#v1"), "https://h/a v1  ");
}

TEST(RemoteSource, AddressesThatAreNone) {
  for (const char* text :
       {"https://h/a", "https://h/a.git/b", "https://h/?a=b.git", "./git@h:a", "a b@h:c", "g@h/a:b",
        "@h:a", "git@:a", "git@h", "file:///a.git", "git+ssh://h/a", "github.com/o/a", "a.git"}) {
    EXPECT_EQ(read(text), "none") << text;
  }
}

TEST(RemoteSource, KeysOfTheQuery) {
  EXPECT_EQ(read("https://h/a.git?tag=v1&commit=01ab"), "https://h/a.git refs/tags/v1  01ab");
  EXPECT_EQ(read("https://h/a.git?branch=refs/heads/b"), "https://h/a.git refs/heads/b  ");
  EXPECT_EQ(read("https://h/a.git?keep-git-dir&submodules=F"), "https://h/a.git    keep=1 alone");
  EXPECT_EQ(read("https://h/a.git?mtime=commit"), "https://h/a.git    times=1");
  EXPECT_EQ(read("https://h/a.git?mtime=checkout#:d"), "https://h/a.git  d  times=0");
  EXPECT_EQ(read("https://h/a.git?checksum=01&fetch-by-commit=true"),
            "https://h/a.git   01 by commit");
  EXPECT_EQ(read("https://h/a.git?ref=v1&subdir=d#v1:d"), "https://h/a.git v1 d ");
}

TEST(RemoteSource, ContradictionsAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"?tag=v1#v1", "the references \"v1\" and \"refs/tags/v1\" are both given"},
      {"?tag=a&branch=b", "the references \"refs/tags/a\" and \"refs/heads/b\" are both given"},
      {"?subdir=a#:b", "the directories \"b\" and \"a\" are both given"},
      {"?ref=a&ref=a", "query \"ref\" is given twice"},
      {"?ref=", "query \"ref\" has no value"},
      {"?submodules=maybe", "invalid submodules value: \"maybe\""},
      {"?mtime=now", "invalid mtime value: \"now\": it is \"checkout\" or \"commit\""},
      {"?depth=1", "unexpected query \"depth\""},
      {"#:../a", "subdirectory \"../a\" leads out of the repository"},
  };
  for (const auto& [end, error] : cases) {
    const std::string text = cat("https://h/a.git", end);
    EXPECT_EQ(read(text), cat(text, ": ", error));
  }
  EXPECT_EQ(read("https://h/a.git#-x"), "https://h/a.git#-x: invalid reference");
}

TEST(RemoteSource, ErrorsTellNoLogins) {
  EXPECT_EQ(read("https://u:p@h/a.git#-x"), "https://h/a.git#-x: invalid reference");
  EXPECT_EQ(read("https://u:p@h/a.git?depth=1"),
            "https://h/a.git?depth=1: unexpected query \"depth\"");
  EXPECT_EQ(read("https://u:p@h/a.git#:../a"),
            "https://h/a.git#:../a: subdirectory \"../a\" leads out of the repository");
}

TEST(RemoteSource, AContextMayBeNamedShortly) {
  EXPECT_EQ(read("github.com/o/a#v1:d", true), "https://github.com/o/a v1 d ");
  EXPECT_EQ(read("github.com/o/a.github.io?ref=v1", true), "https://github.com/o/a.github.io v1  ");
  EXPECT_EQ(read("gitlab.com/o/a", true), "none");
}

}  // namespace
}  // namespace skiff::dockerfile
