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
    auto* copied = op.mutable_file()->add_actions()->mutable_copy();
    copied->set_src(from);
    copied->set_dest(to);
    copied->set_dircopycontents(contents);
    add(op);
  }
  std::string url() {
    add(wire::Op());  // names the result
    const auto found = remote_source_of(definition_);
    return found ? found->url + (found->file_name.empty() ? "" : " as " + found->file_name)
                 : "none";
  }

 private:
  void add(const wire::Op& op) { definition_.add_def(op.SerializeAsString()); }

  wire::Definition definition_;
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
