#include "net/ip_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

#include "net/test_server.h"
#include "net/web_client.h"

namespace skiff::net {
namespace {

sockaddr_storage address_of(const char* text) {
  sockaddr_storage out{};
  sockaddr_in four{.sin_family = AF_INET};
  sockaddr_in6 six{.sin6_family = AF_INET6};
  if (::inet_pton(AF_INET, text, &four.sin_addr) == 1) {
    std::memcpy(&out, &four, sizeof four);
  } else {
    EXPECT_EQ(::inet_pton(AF_INET6, text, &six.sin6_addr), 1) << text;
    std::memcpy(&out, &six, sizeof six);
  }
  return out;
}

Reach reach(const char* text) {
  const sockaddr_storage address = address_of(text);
  return reach_of(reinterpret_cast<const sockaddr&>(address));
}

TEST(IpAddress, LeadsSomewhere) {
  for (const char* text :
       {"8.8.8.8", "172.15.255.255", "172.32.0.0", "100.128.0.0", "11.0.0.1", "2606:4700::1111",
        "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"}) {
    EXPECT_EQ(reach(text), Reach::kPublic) << text;
  }
  for (const char* text :
       {"127.0.0.1", "127.255.255.255", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "100.64.0.1", "::1", "fd00::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.1.2.3",
        "64:ff9b::192.168.0.1", "2002:7f00:1::", "2002:a00:1::1"}) {
    EXPECT_EQ(reach(text), Reach::kInner) << text;
  }
  for (const char* text :
       {"0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "198.18.0.1", "192.0.0.1", "::", "fe80::1", "fec0::1", "ff02::1", "::ffff:169.254.169.254",
        "2001::1", "100::1", "4000::1", "64:ff9b::169.254.169.254"}) {
    EXPECT_EQ(reach(text), Reach::kNowhere) << text;
  }
  const sockaddr_storage six = address_of("2001:db8::1");
  EXPECT_EQ(address_text(reinterpret_cast<const sockaddr&>(six)), "2001:db8::1");
}

// Judged is where a name leads, not what it looks like.
TEST(WebClient, ConnectsOnlyWhereItMay) {
  const TestServer server([](Request&, ResponseWriter& w) { EXPECT_TRUE(w.send(200, "", "in")); });
  WebClientOptions options;
  options.may_connect = [](const sockaddr& a) { return reach_of(a) == Reach::kPublic; };
  WebClient outer(options);
  for (const std::string host : {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"}) {
    const auto refused = outer.send({.url = cat("http://", host, ":", server.port(), "/")});
    ASSERT_FALSE(refused) << host;
    EXPECT_EQ(refused.error().code(), Code::kPermissionDenied) << refused.error().message();
  }
  options.may_connect = [](const sockaddr& a) { return reach_of(a) == Reach::kInner; };
  WebClient inner(options);
  EXPECT_EQ(inner.send({.url = server.url("/")})->body, "in");
}

TEST(WebClient, GathersNoMoreThanItsLimit) {
  const TestServer server(
      [](Request&, ResponseWriter& w) { [[maybe_unused]] auto sent = w.send(500, "", "12345"); });
  WebClientOptions options;
  options.most_gathered = 4;
  EXPECT_EQ(WebClient(options).send({.url = server.url("/")}).error().code(),
            Code::kResourceExhausted);
  options.most_gathered = 5;
  EXPECT_EQ(WebClient(options).send({.url = server.url("/")})->status, 500);
}

}  // namespace
}  // namespace skiff::net
