#include "buildkit/remote_definition.h"

#include <gtest/gtest.h>

#include "control.pb.h"

namespace skiff::buildkit {
namespace {

class RemoteDefinition : public ::testing::Test {
 protected:
  void source(const std::string& identifier, const std::map<std::string, std::string>& attributes) {
    wire::Op op;
    op.mutable_source()->set_identifier(identifier);
    op.mutable_source()->mutable_attrs()->insert(attributes.begin(), attributes.end());
    add(op);
  }
  void copy(const std::string& from, const std::string& to, bool contents) {
    wire::Op op;
    op.add_inputs();
    auto* action = op.mutable_file()->add_actions();
    action->set_input(into_);
    auto* copied = action->mutable_copy();
    copied->set_mode(mode_);
    copied->set_src(from);
    copied->set_dest(to);
    copied->set_dir_copy_contents(contents);
    add(op);
  }
  std::string url() {
    wire::Op end;  // names the result
    end.add_inputs();
    add(end);
    const auto found = remote_source_of(definition_);
    if (!found) return "none";
    return found->url + (found->file_name.empty() ? "" : " as " + found->file_name) +
           (found->part.empty() ? "" : " has " + found->part);
  }

  void add(const wire::Op& op) { definition_.add_def(op.SerializeAsString()); }

  wire::Definition definition_;
  int64_t into_ = -1;
  int32_t mode_ = -1;
};

TEST_F(RemoteDefinition, AGitSourceHasItsAddressInAnAttribute) {
  source("git://example.com/a.git#main", {{"git.fullurl", "ssh://git@example.com/a.git"}});
  EXPECT_EQ(url(), "ssh://git@example.com/a.git#main");
}

TEST_F(RemoteDefinition, WithoutOneItIsHttps) {
  source("git://example.com/a.git", {});
  EXPECT_EQ(url(), "https://example.com/a.git");
}

TEST_F(RemoteDefinition, ADirectoryOfItBecomesPartOfTheUrl) {
  source("git://example.com/a.git", {});
  copy("/app/", "/", true);
  EXPECT_EQ(url(), "https://example.com/a.git#:app/");
}

TEST_F(RemoteDefinition, APartOfItUnderItsOwnName) {
  source("git://example.com/a.git#main:sub", {});
  copy("/app/files", "/", false);
  EXPECT_EQ(url(), "https://example.com/a.git#main:sub has app/files");
}

TEST_F(RemoteDefinition, NothingOfAPart) {
  source("git://example.com/a.git", {});
  copy("app", "/", false);
  copy("app", "/", true);
  EXPECT_EQ(url(), "none");
}

TEST_F(RemoteDefinition, BelowTheDirectoryThatTheUrlNames) {
  source("git://example.com/a.git#main:sub", {});
  copy("app", "/", true);
  EXPECT_EQ(url(), "https://example.com/a.git#main:sub/app");
}

TEST_F(RemoteDefinition, AFileOfTheWebHasAName) {
  source("https://example.com/bake.hcl", {{"http.filename", "bake.hcl"}});
  EXPECT_EQ(url(), "https://example.com/bake.hcl as bake.hcl");
}

TEST_F(RemoteDefinition, OtherThingsAreNotServed) {
  source("docker-image://docker.io/library/busybox", {});
  EXPECT_EQ(url(), "none");
}

TEST_F(RemoteDefinition, NorOtherCopies) {
  source("git://example.com/a.git", {});
  copy("app", "/app", true);
  EXPECT_EQ(url(), "none");
}

TEST_F(RemoteDefinition, NorOntoTheRepositoryItself) {
  source("git://example.com/a.git", {});
  into_ = 0;
  copy("app", "/", true);
  EXPECT_EQ(url(), "none");
}

TEST_F(RemoteDefinition, NorWithOtherModes) {
  source("git://example.com/a.git", {});
  mode_ = 0700;
  copy("app", "/", true);
  EXPECT_EQ(url(), "none");
}

TEST_F(RemoteDefinition, NorUnknownWishes) {
  source("https://example.com/bake.hcl", {{"http.uid", "1"}});
  EXPECT_EQ(url(), "none");
}

TEST_F(RemoteDefinition, NorChecksumsThatAreNone) {
  source("https://example.com/bake.hcl", {{"http.checksum", "sha256:00"}});
  EXPECT_EQ(url(), "none");
}

TEST_F(RemoteDefinition, AChecksumOfAFileIsKept) {
  const auto digest = oci::Digest::of("text");
  source("https://example.com/a", {{"http.checksum", digest.str()}});
  EXPECT_EQ(url(), "https://example.com/a as context");
  EXPECT_EQ(remote_source_of(definition_)->checksum, digest);
}

TEST_F(RemoteDefinition, ACommitBecomesPartOfTheUrl) {
  source("git://example.com/a.git#main:sub", {{"git.checksum", "0123abcd"}});
  EXPECT_EQ(url(), "https://example.com/a.git?checksum=0123abcd#main:sub");
}

TEST_F(RemoteDefinition, AlsoOfAnAddressAsSshHasThem) {
  source("git://h/a.git", {{"git.checksum", "0123abcd"}, {"git.fullurl", "git@h:a.git"}});
  EXPECT_EQ(url(), "git@h:a.git?checksum=0123abcd");
}

TEST_F(RemoteDefinition, ARepositoryIsOneWhateverItsAddressEndsWith) {
  source("git://example.com/a#main", {});
  EXPECT_EQ(url(), "git+https://example.com/a#main");
}

TEST_F(RemoteDefinition, WishesAboutTheCheckoutBecomePartOfTheUrl) {
  source("git://example.com/a", {{"git.fullurl", "git://example.com/a"},
                                 {"git.skipsubmodules", "true"},
                                 {"git.mtime", "commit"},
                                 {"git.checksum", "0123abcd"},
                                 {"git.fetchbycommit", "true"}});
  EXPECT_EQ(url(),
            "git://example.com/a?checksum=0123abcd&submodules=0&fetch-by-commit=1&mtime=commit");
}

TEST_F(RemoteDefinition, ButNotWishesThatAreNone) {
  source("git://example.com/a.git", {{"git.mtime", "now"}});
  EXPECT_EQ(url(), "none");
}

TEST_F(RemoteDefinition, NorOfOneThatNobodyCanRead) {
  source("git://example.com/a.git",
         {{"git.checksum", "0123abcd"}, {"git.fullurl", "https://example.com/a.git?depth=1"}});
  EXPECT_EQ(url(), "none");
}

TEST_F(RemoteDefinition, NorTwoSources) {
  source("git://example.com/a.git", {});
  source("git://example.com/b.git", {});
  EXPECT_EQ(url(), "none");
}

TEST_F(RemoteDefinition, NorBytesThatAreNone) {
  wire::Definition definition;
  definition.add_def("\xff\xff");
  EXPECT_FALSE(remote_source_of(definition));
  EXPECT_FALSE(remote_source_of(wire::Definition()));
}

}  // namespace
}  // namespace skiff::buildkit
