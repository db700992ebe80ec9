#include "engine/mode_conflicts.h"

#include <gtest/gtest.h>

namespace skiff::engine {
namespace {

std::string refusal(const ContainerConfig& config, const HostConfig& host,
                    const EndpointConfig& endpoint = {}) {
  const Result<> checked =
      check_mode_conflicts(config, host, {.endpoints = {{host.network_mode, endpoint}}});
  return checked ? "" : checked.error().message();
}

HostConfig joined() { return {.network_mode = "container:web"}; }

TEST(ModeConflicts, AJoinedNetworkHasItsNamesAndPortsAlready) {
  EXPECT_EQ(refusal({.hostname = "h"}, joined()),
            "conflicting options: hostname and the network mode");
  HostConfig host = joined();
  host.dns = {"10.0.0.1"};
  EXPECT_EQ(refusal({}, host), "conflicting options: dns and the network mode");
  host = joined();
  host.extra_hosts = {"a:10.0.0.1"};
  EXPECT_EQ(refusal({}, host),
            "conflicting options: custom host-to-IP mapping and the network mode");
  // The client exposes what it publishes: the publishing is told.
  const ContainerConfig exposing{.run = {.exposed_ports = {"80/tcp"}}};
  host = joined();
  host.port_bindings = {{"80/tcp", {{"", "80"}}}};
  constexpr std::string_view kPublishing =
      "conflicting options: port publishing and the container type network mode";
  EXPECT_EQ(refusal(exposing, host), kPublishing);
  host = joined();
  host.publish_all_ports = true;
  EXPECT_EQ(refusal({}, host), kPublishing);
  EXPECT_EQ(refusal(exposing, joined()),
            "conflicting options: port exposing and the container type network mode");
  EXPECT_EQ(refusal({}, joined()), "");
}

TEST(ModeConflicts, AddressesNeedAnEndpoint) {
  for (const char* mode : {"container:web", "host", "none"}) {
    const HostConfig host{.network_mode = mode};
    EXPECT_EQ(refusal({}, host, {.mac_address = "02:42:ac:11:00:02"}),
              "conflicting options: mac-address and the network mode");
    EXPECT_EQ(refusal({}, host, {.ipv4_address = "172.17.0.9"}),
              "user specified IP address is supported on user defined networks only");
    EXPECT_EQ(refusal({}, host), "");
  }
  EXPECT_EQ(refusal({}, {.network_mode = "net"},
                    {.ipv4_address = "10.0.0.9", .mac_address = "02:42:ac:11:00:02"}),
            "");
}

TEST(ModeConflicts, TheHostsUtsNamespaceHasItsNames) {
  EXPECT_EQ(refusal({.hostname = "h"}, {.uts_mode = "host"}),
            "conflicting options: hostname and the UTS mode");
  EXPECT_EQ(refusal({.domainname = "d"}, {.uts_mode = "host"}),
            "conflicting options: domainname and the UTS mode");
  EXPECT_EQ(refusal({.hostname = "h", .domainname = "d"}, {.network_mode = "host"}), "");
}

}  // namespace
}  // namespace skiff::engine
