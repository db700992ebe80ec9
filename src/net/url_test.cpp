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
  for (const char* bad : {"", "ftp://a/b", "http://", "https:///x", "https://user@host/", "a/b",
                          "http://%31%32%37.1/", "http://a b/", "http://a\\b/"}) {
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

TEST(Urls, ShownHaveNoLogin) {
  EXPECT_EQ(shown_url("https://ana:a@b@host/p@q?t#f"), "https://host/p@q");
  EXPECT_EQ(without_login("https://ana:a@b@host/p@q?t#f"), "https://host/p@q?t#f");
  EXPECT_EQ(without_login("ssh://git@host"), "ssh://host");
  EXPECT_EQ(without_login("https://host?a@b"), "https://host?a@b");
  EXPECT_EQ(without_login("git@host:a"), "git@host:a");
}

TEST(Urls, LoopbackHosts) {
  for (const char* host :
       {"localhost", "LOCALHOST:5000", "a.localhost", "127.0.0.1", "127.9.9.9:1", "[::1]:5000",
        "127.1", "127.1:80", "2130706433", "0x7f000001", "0177.0.0.1", "[::ffff:127.0.0.1]:80",
        "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"localhost.example", "127.0.0.1.example", "128.0.0.1", "[::2]:1", "",
                           "127.0.0.1 x", "0.0.0.0", "[::]", "[::ffff:128.0.0.1]"})
    EXPECT_FALSE(is_loopback(host)) << host;
}

TEST(Urls, LinkLocalHosts) {
  for (const char* host : {"169.254.169.254", "169.254.169.254:80", "2852039166", "0xa9fea9fe",
                           "[fe80::1]", "[fe80::1%25eth0]", "[::ffff:169.254.169.254]"})
    EXPECT_TRUE(is_link_local(host)) << host;
  for (const char* host : {"169.253.0.1", "169.254.example", "[fd00::1]", "localhost", ""})
    EXPECT_FALSE(is_link_local(host)) << host;
}

TEST(Urls, HostsThatAreNoPlace) {
  for (const char* host : {"0.0.0.0", "0", "0:80", "[::]:80", "[::ffff:0.0.0.0]"})
    EXPECT_TRUE(is_unspecified(host)) << host;
  for (const char* host : {"0.0.0.1", "[::1]", "a", ""}) EXPECT_FALSE(is_unspecified(host)) << host;
}

}  // namespace
}  // namespace skiff::net
