#include "upstream/options.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace skiff::upstream {
namespace {

std::string error_of(std::string_view text) {
  const auto read = parse_origin(text);
  return read ? "" : read.error().message();
}

TEST(UpstreamOptions, OfDockerHub) {
  const auto hub = parse_origin("hub=https://registry-1.docker.io,default,revalidate=60,ns=Mirror");
  ASSERT_TRUE(hub) << hub.error().message();
  EXPECT_EQ(hub->name, "hub");
  EXPECT_EQ(hub->host, "registry-1.docker.io");
  EXPECT_EQ(hub->spaces,
            (std::vector<std::string>{"hub", "registry-1.docker.io", "docker.io", "mirror"}));
  EXPECT_TRUE(hub->is_default);
  EXPECT_EQ(hub->revalidate, std::chrono::seconds(60));
  EXPECT_TRUE(hub->client.insecure_hosts.empty());
}

TEST(UpstreamOptions, CredentialsComeFromAFile) {
  TempDir dir = *TempDir::make("/tmp", "skiff-upstream-");
  ASSERT_TRUE(write_file_durably(dir.path() / "hub", "ann:s:cret\n"));
  const auto origin =
      parse_origin(cat("q=http://q.io:81,credentials=", dir.path().native(), "/hub"));
  ASSERT_TRUE(origin) << origin.error().message();
  EXPECT_EQ(origin->client.credentials.username, "ann");
  EXPECT_EQ(origin->client.credentials.password, "s:cret");
  EXPECT_EQ(origin->client.insecure_hosts, std::vector<std::string>{"q.io:81"});
  EXPECT_NE(error_of(cat("q=http://q.io,credentials=", dir.path().native(), "/no")), "");
}

TEST(UpstreamOptions, WhatIsWrongIsNamed) {
  EXPECT_NE(error_of("hub").find("NAME=URL"), std::string::npos);
  EXPECT_NE(error_of("Hub=https://a.io").find("cannot begin"), std::string::npos);
  EXPECT_NE(error_of("a=ftp://a.io").find("https"), std::string::npos);
  EXPECT_NE(error_of("a=https://a.io/path").find("host"), std::string::npos);
  EXPECT_NE(error_of("a=https://plain").find("plain:443"), std::string::npos);
  EXPECT_NE(error_of("a=https://a.io,what=1").find("no such setting"), std::string::npos);
  EXPECT_NE(error_of("a=https://a.io,revalidate=x").find("revalidate"), std::string::npos);
}

TEST(UpstreamOptions, AllTogether) {
  Options options;
  options.origins = {*parse_origin("a=https://a.io"), *parse_origin("b=https://b.io,default")};
  EXPECT_TRUE(check(options));
  options.origins.push_back(*parse_origin("b/c=https://c.io"));
  EXPECT_NE(check(options).error().message().find("those of b"), std::string::npos);
  options.origins.back() = *parse_origin("c=https://a.io");
  EXPECT_NE(check(options).error().message().find("a.io means another"), std::string::npos);
  options.origins.back() = *parse_origin("c=https://c.io,default");
  EXPECT_NE(check(options).error().message().find("default"), std::string::npos);
}

TEST(UpstreamOptions, WhatConcernsThem) {
  Options options;
  net::Request request;
  request.path = "/v2/a/b/manifests/1";
  EXPECT_FALSE(concerns(options, request));
  options.origins = {*parse_origin("a=https://a.io")};
  EXPECT_TRUE(concerns(options, request));
  request.path = "/v2/ab/manifests/1";
  EXPECT_FALSE(concerns(options, request));
  request.query.add("ns", "a.io");
  EXPECT_TRUE(concerns(options, request));
}

}  // namespace
}  // namespace skiff::upstream
