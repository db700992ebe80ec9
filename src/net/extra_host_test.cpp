#include "net/extra_host.h"

#include <gtest/gtest.h>

namespace skiff::net {
namespace {

TEST(ExtraHost, HasANameAndAnAddress) {
  EXPECT_EQ(parse_extra_host("a:1.2.3.4")->str(), "a:1.2.3.4");
  EXPECT_EQ(parse_extra_host("a:::1")->address, "::1");
  EXPECT_EQ(parse_extra_host("a:[::1]")->str(), "a:::1");
  EXPECT_EQ(parse_extra_host("a:host-gateway")->address, kHostGateway);
  EXPECT_EQ(parse_extra_host("a=1.2.3.4", "=")->str(), "a:1.2.3.4");
}

TEST(ExtraHost, OthersAreRefused) {
  const auto error = [](std::string_view entry) {
    return parse_extra_host(entry).error().message();
  };
  EXPECT_EQ(error("zz"), "bad format for add-host: \"zz\"");
  EXPECT_EQ(error(":1.2.3.4"), "bad format for add-host: \":1.2.3.4\"");
  EXPECT_EQ(error("a=1.2.3.4"), "bad format for add-host: \"a=1.2.3.4\"");
  EXPECT_EQ(error("a:b:c:d"), "invalid IP address in add-host: \"b:c:d\"");
  EXPECT_EQ(error("a:"), "invalid IP address in add-host: \"\"");
  EXPECT_EQ(error("a:[]"), "invalid IP address in add-host: \"[]\"");
  EXPECT_EQ(error("a:1.2.3.4 b"), "invalid IP address in add-host: \"1.2.3.4 b\"");
}

}  // namespace
}  // namespace skiff::net
