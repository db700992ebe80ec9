#include <gtest/gtest.h>

#include "network/ipv4.h"
#include "network/network_manager.h"

namespace skiff::network {
namespace {

TEST(ResolvConf, CopiesTheHostsServersThatAContainerCanReach) {
  EXPECT_EQ(make_resolv_conf("# comment\nnameserver 127.0.0.53\nnameserver\t192.0.2.1 # lan\n"
                             "domain old\nsearch a.example b.example\noptions edns0\n",
                             {}, {}, {}),
            "nameserver 192.0.2.1\nsearch a.example b.example\noptions edns0\n");
}

TEST(ResolvConf, PublicServersOnlyWhereNothingElseIsLeft) {
  EXPECT_EQ(make_resolv_conf("nameserver 127.0.0.53\nnameserver ::1\n", {}, {}, {}),
            "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
  EXPECT_EQ(make_resolv_conf("", {}, {}, {}), "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
}

TEST(ResolvConf, WhatIsWantedComesFirst) {
  EXPECT_EQ(make_resolv_conf("nameserver 192.0.2.1\nsearch host\noptions a\n", {"10.0.0.53"},
                             {"mine"}, {"ndots:2", "rotate"}),
            "nameserver 10.0.0.53\nsearch mine\noptions ndots:2 rotate\n");
  EXPECT_EQ(make_resolv_conf("nameserver 192.0.2.1\nsearch host\n", {}, {"."}, {}),
            "nameserver 192.0.2.1\n");
}

TEST(Hosts, NamesTheContainerAndTheExtras) {
  const std::string text =
      make_hosts("web", "example", "172.17.0.2", {"db:10.0.0.1", "six:fd00::1"});
  EXPECT_TRUE(text.starts_with("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost"));
  EXPECT_TRUE(text.ends_with("10.0.0.1\tdb\nfd00::1\tsix\n172.17.0.2\tweb.example web\n")) << text;
  EXPECT_TRUE(make_hosts("web", "", "", {}).ends_with("ff02::2\tip6-allrouters\n"));
}

TEST(Ipv4, ParsesAndPrints) {
  EXPECT_EQ(Ipv4::parse("192.168.1.2")->str(), "192.168.1.2");
  for (const char* bad : {"", "1.2.3", "1.2.3.256", "1.2.3.4 ", "::1"}) {
    EXPECT_FALSE(Ipv4::parse(bad)) << bad;
  }
  EXPECT_EQ(Subnet::parse("10.1.2.3/8")->str(), "10.0.0.0/8");
  for (const char* bad : {"10.0.0.0", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/33", "/8"}) {
    EXPECT_FALSE(Subnet::parse(bad)) << bad;
  }
}

TEST(Ipv4, ChoosesASubnetThatOverlapsNothing) {
  std::vector<Subnet> taken{*Subnet::parse("172.17.0.0/16"), *Subnet::parse("172.18.255.0/24")};
  EXPECT_EQ(choose_free_subnet(taken)->str(), "172.19.0.0/16");
  taken.push_back(*Subnet::parse("172.16.0.0/12"));
  EXPECT_EQ(choose_free_subnet(taken)->str(), "192.168.0.0/20");
  taken.push_back(*Subnet::parse("192.168.1.0/24"));
  EXPECT_EQ(choose_free_subnet(taken)->str(), "192.168.16.0/20");
  taken.push_back(*Subnet::parse("192.168.0.0/16"));
  EXPECT_EQ(choose_free_subnet(taken).error().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace skiff::network
