#include "net/url.h"

#include <gtest/gtest.h>

namespace skiff::net {
namespace {

TEST(Urls, ArePartedAndJoined) {
  const Url base = Url::parse("https://Registry.example:443/v2/a/blobs/uploads/1?x=y").value();
  EXPECT_EQ(base.host, "registry.example");
  EXPECT_EQ(base.resolve("/v2/b")->str(), "https://registry.example/v2/b");
  EXPECT_EQ(base.resolve("2?z")->str(), "https://registry.example/v2/a/blobs/uploads/2?z");
  EXPECT_EQ(base.resolve("//other:80/x")->str(), "https://other:80/x");
  EXPECT_EQ(base.resolve("http://other:80/x")->str(), "http://other/x");
  EXPECT_EQ(Url::parse("http://a?b")->str(), "http://a/?b");
  for (const char* bad : {"", "ftp://a/b", "http://", "https:///x", "https://user@host/", "a/b"}) {
    EXPECT_FALSE(Url::parse(bad)) << bad;
  }
  EXPECT_FALSE(base.resolve(""));
}

TEST(Urls, ErrorsTellNoSecrets) {
  for (const char* url : {"https://user:secret@host/", "ftp://host/path?secret"}) {
    const auto parsed = Url::parse(url);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().message().find("secret"), std::string::npos) << url;
    EXPECT_NE(parsed.error().message().find("host"), std::string::npos) << url;
  }
}

TEST(Urls, LoopbackHosts) {
  for (const char* host : {"localhost", "LOCALHOST:5000", "127.0.0.1", "127.9.9.9:1", "[::1]:5000"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"localhost.example", "127.0.0.1.example", "128.0.0.1", "[::2]:1", ""})
    EXPECT_FALSE(is_loopback(host)) << host;
}

}  // namespace
}  // namespace skiff::net
