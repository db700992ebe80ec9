#include "network/network_manager.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "network/test_net.h"

namespace skiff::network {
namespace {

using namespace testing;  // NOLINT: the test's own helpers

class NetworkManagerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // From here on, this thread and those it starts live on a host of their own.
    if (::unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "needs the right to make namespaces";
    host_ = own_netns();
    ASSERT_TRUE(raise_loopback(host_.get()));
    net_ = open();
  }

  std::unique_ptr<NetworkManager> open(const std::string& instance = "default",
                                       const std::string& root = "root") {
    ManagerOptions options;
    options.root = dir_.path() / root;
    options.instance = instance;
    auto manager = open_network_manager(options);
    EXPECT_TRUE(manager) << manager.error().message();
    return manager ? std::move(*manager) : nullptr;
  }

  struct Container {
    UniqueFd netns;
    Endpoint endpoint;
  };
  Container attach(NetworkManager& net, const std::string& id, const AttachOptions& options = {},
                   const std::string& network = "bridge") {
    Container c{new_netns(), {}};
    auto endpoint = net.attach(id, network, c.netns.get(), options);
    EXPECT_TRUE(endpoint) << endpoint.error().message();
    if (endpoint) c.endpoint = *endpoint;
    return c;
  }
  Container attach(const std::string& id, const AttachOptions& options = {}) {
    return attach(*net_, id, options);
  }
  static AttachOptions publishing(uint16_t host, uint16_t container,
                                  Protocol protocol = Protocol::kTcp,
                                  const std::string& host_ip = "0.0.0.0") {
    AttachOptions options;
    options.ports.push_back({protocol, container, host_ip, host});
    return options;
  }

  // A neighbour of the host at 10.9.0.2 (the host is 10.9.0.1), without other routes.
  UniqueFd make_outside() {
    UniqueFd outside = new_netns();
    EXPECT_EQ(run_in(outside, "ip link set lo up"), "");
    EXPECT_EQ(run_in(host_, cat("ip link add out0 type veth peer name in0 netns /proc/", ::getpid(),
                                "/fd/", outside.get(),
                                " && ip addr add 10.9.0.1/24 dev out0 && ip link set out0 up")),
              "");
    EXPECT_EQ(run_in(outside, "ip addr add 10.9.0.2/24 dev in0 && ip link set in0 up"), "");
    return outside;
  }

  static std::string links() {
    std::vector<std::string> names;
    const auto all = list_links();
    for (const LinkInfo& link : *all) {
      // The kernel's own tunnels show up in each namespace where their modules are loaded.
      if (link.kind == "bridge" || link.kind == "veth") names.push_back(link.name);
    }
    return join(names, " ");
  }
  std::string tables() { return run_in(host_, "nft list tables"); }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-network-");
  UniqueFd host_;
  std::unique_ptr<NetworkManager> net_;
};

TEST_F(NetworkManagerTest, NothingIsInTheKernelBeforeTheFirstAttach) {
  EXPECT_EQ(links(), "");
  EXPECT_EQ(tables(), "");
  const auto networks = *net_->list();
  ASSERT_EQ(networks.size(), 3U);
  EXPECT_EQ(networks[0].name, "bridge");
  EXPECT_EQ(networks[0].subnet, "172.17.0.0/16");
  EXPECT_EQ(networks[0].gateway, "172.17.0.1");
  EXPECT_EQ(networks[0].bridge, "skiff0");
  EXPECT_EQ(networks[1].driver, "host");
  EXPECT_EQ(networks[2].driver, "null");
}

TEST_F(NetworkManagerTest, ContainersGetAddressesAndReachEachOther) {
  const Container a = attach("a");
  const Container b = attach("b");
  EXPECT_EQ(a.endpoint.ip, "172.17.0.2");
  EXPECT_EQ(a.endpoint.prefix_length, 16);
  EXPECT_EQ(a.endpoint.gateway, "172.17.0.1");
  EXPECT_EQ(a.endpoint.mac, "02:42:ac:11:00:02");
  EXPECT_EQ(b.endpoint.ip, "172.17.0.3");
  const UniqueFd server = serve_in(b.netns, SOCK_STREAM, 80);
  EXPECT_EQ(tcp_exchange(a.netns, "172.17.0.3", 80, server), "172.17.0.2");
  EXPECT_EQ(tcp_exchange(host_, "172.17.0.3", 80, server), "172.17.0.1");
  EXPECT_EQ(tcp_exchange(b.netns, "127.0.0.1", 80, server), "127.0.0.1");  // loopback is up
  const UniqueFd on_host = serve_in(host_, SOCK_STREAM, 81);
  EXPECT_EQ(tcp_exchange(a.netns, "172.17.0.1", 81, on_host), "172.17.0.2");
  const std::string inside = run_in(a.netns, "ip -o addr; ip route");
  EXPECT_NE(inside.find("eth0    inet 172.17.0.2/16 brd 172.17.255.255"), std::string::npos)
      << inside;
  EXPECT_NE(inside.find("default via 172.17.0.1 dev eth0"), std::string::npos) << inside;
  EXPECT_EQ(inside.find("fe80"), std::string::npos) << inside;
  EXPECT_EQ(net_->endpoints("bridge")->size(), 2U);
}

TEST_F(NetworkManagerTest, PublishedTcpPortIsReachedFromEverywhere) {
  const UniqueFd outside = make_outside();
  const Container a = attach("a", publishing(8080, 80));
  const Container b = attach("b");
  const UniqueFd server = serve_in(a.netns, SOCK_STREAM, 80);
  EXPECT_EQ(tcp_exchange(host_, "127.0.0.1", 8080, server), "172.17.0.1");
  EXPECT_EQ(tcp_exchange(host_, "127.0.0.2", 8080, server), "172.17.0.1");
  EXPECT_EQ(tcp_exchange(host_, "10.9.0.1", 8080, server), "10.9.0.1");
  EXPECT_EQ(tcp_exchange(host_, "172.17.0.1", 8080, server), "172.17.0.1");
  EXPECT_EQ(tcp_exchange(outside, "10.9.0.1", 8080, server), "10.9.0.2");
  EXPECT_EQ(tcp_exchange(b.netns, "172.17.0.1", 8080, server), "172.17.0.1");
  // The same on hosts that do not filter bridged packets.
  const Path filtering = "/proc/sys/net/bridge/bridge-nf-call-iptables";
  if (std::filesystem::exists(filtering)) {
    ASSERT_TRUE(write_file(filtering, "0"));
  }
  EXPECT_EQ(tcp_exchange(a.netns, "10.9.0.1", 8080, server), "172.17.0.1");
  EXPECT_EQ(tcp_exchange(b.netns, "172.17.0.1", 8080, server), "172.17.0.1");
}

TEST_F(NetworkManagerTest, PublishedUdpPortIsReachedFromEverywhere) {
  const UniqueFd outside = make_outside();
  const Container a = attach("a", publishing(5353, 53, Protocol::kUdp));
  const UniqueFd server = serve_in(a.netns, SOCK_DGRAM, 53);
  EXPECT_EQ(udp_exchange(host_, "127.0.0.1", 5353, server), "172.17.0.1");
  EXPECT_EQ(udp_exchange(host_, "10.9.0.1", 5353, server), "10.9.0.1");
  EXPECT_EQ(udp_exchange(outside, "10.9.0.1", 5353, server), "10.9.0.2");
}

TEST_F(NetworkManagerTest, PortOfOneHostAddressIsPublishedOnlyThere) {
  const UniqueFd outside = make_outside();
  const Container a = attach("a", publishing(8080, 80, Protocol::kTcp, "127.0.0.1"));
  const Container b = attach("b", publishing(8080, 80, Protocol::kTcp, "10.9.0.1"));
  const UniqueFd on_a = serve_in(a.netns, SOCK_STREAM, 80);
  const UniqueFd on_b = serve_in(b.netns, SOCK_STREAM, 80);
  EXPECT_EQ(tcp_exchange(host_, "127.0.0.1", 8080, on_a), "172.17.0.1");
  EXPECT_EQ(tcp_exchange(outside, "10.9.0.1", 8080, on_b), "10.9.0.2");
  EXPECT_FALSE(readable(on_a.get(), 0));
}

TEST_F(NetworkManagerTest, NobodyOutsideReachesWhatIsOnTheHostsLoopback) {
  const UniqueFd outside = make_outside();
  const Container a = attach("a", publishing(8080, 80, Protocol::kTcp, "127.0.0.1"));
  const UniqueFd published = serve_in(a.netns, SOCK_STREAM, 80);
  const UniqueFd on_host = serve_in(host_, SOCK_STREAM, 81);
  // Clients that send packets for 127.0.0.1 to the host instead of to themselves.
  for (const auto& [netns, link, gateway] :
       {std::tuple(&outside, "in0", "10.9.0.1"), std::tuple(&a.netns, "eth0", "172.17.0.1")}) {
    EXPECT_EQ(run_in(*netns, cat("echo 1 >/proc/sys/net/ipv4/conf/", link,
                                 "/route_localnet; ip addr del 127.0.0.1/8 dev lo; "
                                 "ip route add 127.0.0.1 via ",
                                 gateway, " dev ", link)),
              "");
  }
  EXPECT_EQ(tcp_exchange(outside, "127.0.0.1", 8080, published, kRefusalMs), "nobody came");
  EXPECT_EQ(tcp_exchange(outside, "127.0.0.1", 81, on_host, kRefusalMs), "nobody came");
  EXPECT_EQ(tcp_exchange(a.netns, "127.0.0.1", 81, on_host, kRefusalMs), "nobody came");
}

TEST_F(NetworkManagerTest, OutsideIsReachedBehindTheHostsAddress) {
  const UniqueFd outside = make_outside();
  const Container a = attach("a");
  const UniqueFd tcp = serve_in(outside, SOCK_STREAM, 80);
  const UniqueFd udp = serve_in(outside, SOCK_DGRAM, 80);
  EXPECT_EQ(tcp_exchange(a.netns, "10.9.0.2", 80, tcp), "10.9.0.1");
  EXPECT_EQ(udp_exchange(a.netns, "10.9.0.2", 80, udp), "10.9.0.1");
}

TEST_F(NetworkManagerTest, OutsideDoesNotReachUnpublishedPorts) {
  const UniqueFd outside = make_outside();
  const Container a = attach("a");
  const UniqueFd server = serve_in(a.netns, SOCK_STREAM, 80);
  EXPECT_EQ(run_in(outside, "ip route add 172.17.0.0/16 via 10.9.0.1"), "");
  EXPECT_EQ(tcp_exchange(outside, "172.17.0.2", 80, server, kRefusalMs), "nobody came");
}

TEST_F(NetworkManagerTest, PortInUseIsRefusedAndLeavesNothing) {
  const Container a = attach("a", publishing(8080, 80));
  const std::string before = links();
  const UniqueFd netns = new_netns();
  auto same = net_->attach("b", "bridge", netns.get(), publishing(8080, 81));
  ASSERT_FALSE(same);
  EXPECT_EQ(same.error().code(), Code::kAlreadyExists);
  EXPECT_EQ(same.error().message(), "Bind for 0.0.0.0:8080 failed: port is already allocated");
  auto narrower =
      net_->attach("b", "bridge", netns.get(), publishing(8080, 81, Protocol::kTcp, "127.0.0.1"));
  ASSERT_FALSE(narrower);
  EXPECT_EQ(narrower.error().message(),
            "Bind for 127.0.0.1:8080 failed: port is already allocated");
  const UniqueFd listener = serve_in(host_, SOCK_STREAM, 9090);
  AttachOptions two = publishing(9091, 80);
  two.ports.push_back({Protocol::kTcp, 81, "", 9090});
  auto foreign = net_->attach("b", "bridge", netns.get(), two);
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().message(), "Bind for 0.0.0.0:9090 failed: port is already allocated");
  EXPECT_EQ(links(), before);
  EXPECT_EQ(net_->endpoints("bridge")->size(), 1U);
  attach("b", publishing(9091, 80));                  // was given back
  attach("c", publishing(8080, 80, Protocol::kUdp));  // the other protocol is free
  EXPECT_FALSE(serve_in(host_, SOCK_STREAM, 8080));   // and others on the host are refused
  EXPECT_FALSE(serve_in(host_, SOCK_DGRAM, 8080));
}

TEST_F(NetworkManagerTest, BadHostAddressIsRefused) {
  const UniqueFd netns = new_netns();
  for (const auto& [ip, message] :
       {std::pair("10.99.0.1", "Bind for 10.99.0.1:80 failed: the host has no such address"),
        std::pair("::1", "publish a port on \"::1\": only IPv4 addresses are supported"),
        std::pair("nonsense", "invalid IPv4 address \"nonsense\"")}) {
    auto refused = net_->attach("a", "bridge", netns.get(), publishing(80, 80, Protocol::kTcp, ip));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message(), message);
  }
  EXPECT_EQ(links(), "");
}

TEST_F(NetworkManagerTest, PortZeroTakesAFreeOne) {
  AttachOptions options = publishing(0, 80);
  options.ports.push_back({Protocol::kTcp, 80, "127.0.0.1", 0});
  const Container a = attach("a", options);
  const Container b = attach("b", publishing(0, 80));
  ASSERT_EQ(a.endpoint.ports.size(), 2U);
  EXPECT_NE(a.endpoint.ports[0].host_port, 0);
  EXPECT_NE(a.endpoint.ports[0].host_port, a.endpoint.ports[1].host_port);
  EXPECT_NE(a.endpoint.ports[0].host_port, b.endpoint.ports[0].host_port);
  const UniqueFd server = serve_in(a.netns, SOCK_STREAM, 80);
  EXPECT_EQ(tcp_exchange(host_, "127.0.0.1", a.endpoint.ports[1].host_port, server), "172.17.0.1");
}

TEST_F(NetworkManagerTest, DetachFreesEverything) {
  attach("a", publishing(8080, 80));
  const Container b = attach("b");
  ASSERT_TRUE(net_->detach("a"));
  ASSERT_TRUE(net_->detach("a"));
  EXPECT_EQ(links(), cat("skiff0 ", list_links()->back().name));  // b's alone
  EXPECT_TRUE(serve_in(host_, SOCK_STREAM, 8080));
  const Container c = attach("c", publishing(8080, 81));
  EXPECT_EQ(c.endpoint.ip, "172.17.0.2");
  const UniqueFd server = serve_in(c.netns, SOCK_STREAM, 81);
  EXPECT_EQ(tcp_exchange(host_, "127.0.0.1", 8080, server), "172.17.0.1");
  ASSERT_TRUE(net_->shutdown());  // b and c are attached: nothing happens
  EXPECT_EQ(tcp_exchange(host_, "127.0.0.1", 8080, server), "172.17.0.1");
  ASSERT_TRUE(net_->detach("b"));
  ASSERT_TRUE(net_->detach("c"));
  ASSERT_TRUE(net_->shutdown());
  EXPECT_EQ(links(), "");
  EXPECT_EQ(tables(), "");
  attach("d");  // and it can begin anew
}

TEST_F(NetworkManagerTest, DetachAfterTheContainersNamespaceIsGone) {
  {
    attach("a", publishing(8080, 80));
  }
  ASSERT_TRUE(net_->detach("a"));
  EXPECT_TRUE(serve_in(host_, SOCK_STREAM, 8080));
  ASSERT_TRUE(net_->shutdown());
  EXPECT_EQ(links(), "");
}

TEST_F(NetworkManagerTest, ReopenedAfterACrashItServesTheLivingAndFreesTheDead) {
  const Container a = attach("a", publishing(8080, 80));
  const Container b = attach("b", publishing(8081, 80));
  const UniqueFd server = serve_in(a.netns, SOCK_STREAM, 80);
  net_.reset();  // the daemon dies: no detach, the held ports are let go
  EXPECT_EQ(tcp_exchange(host_, "127.0.0.1", 8080, server), "172.17.0.1");
  net_ = open();
  ASSERT_TRUE(net_->reconcile({"a"}));
  EXPECT_EQ(tcp_exchange(host_, "127.0.0.1", 8080, server), "172.17.0.1");
  EXPECT_FALSE(serve_in(host_, SOCK_STREAM, 8080));
  EXPECT_TRUE(serve_in(host_, SOCK_STREAM, 8081));
  EXPECT_EQ(attach("c").endpoint.ip, b.endpoint.ip);
  net_.reset();
  net_ = open();
  ASSERT_TRUE(net_->reconcile({}));
  ASSERT_TRUE(net_->shutdown());
  EXPECT_EQ(links(), "");
  EXPECT_EQ(tables(), "");
  EXPECT_TRUE(serve_in(host_, SOCK_STREAM, 8080));
}

TEST_F(NetworkManagerTest, ShutdownRemovesWhatACrashedDaemonLeft) {
  attach("a");
  ASSERT_TRUE(net_->detach("a"));
  net_.reset();
  net_ = open();
  EXPECT_EQ(links(), "skiff0");
  ASSERT_TRUE(net_->shutdown());
  EXPECT_EQ(links(), "");
  EXPECT_EQ(tables(), "");
}

TEST_F(NetworkManagerTest, InstancesDoNotDisturbEachOther) {
  auto other = open("other", "other-root");
  const Container a = attach("a", publishing(8080, 80));
  const Container b = attach(*other, "a", publishing(8081, 80));
  EXPECT_EQ(a.endpoint.ip, "172.17.0.2");
  EXPECT_EQ(b.endpoint.ip, "172.18.0.2");
  EXPECT_LE(other->find("bridge")->bridge.size(), 15U);
  const UniqueFd on_a = serve_in(a.netns, SOCK_STREAM, 80);
  const UniqueFd on_b = serve_in(b.netns, SOCK_STREAM, 80);
  EXPECT_EQ(tcp_exchange(host_, "127.0.0.1", 8080, on_a), "172.17.0.1");
  EXPECT_EQ(tcp_exchange(host_, "127.0.0.1", 8081, on_b), "172.18.0.1");
  auto taken = other->attach("c", "bridge", new_netns().get(), publishing(8080, 80));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), Code::kAlreadyExists);
  ASSERT_TRUE(net_->detach("a"));
  ASSERT_TRUE(net_->shutdown());
  EXPECT_EQ(tcp_exchange(host_, "127.0.0.1", 8081, on_b), "172.18.0.1");
  ASSERT_TRUE(other->detach("a"));
  ASSERT_TRUE(other->shutdown());
  EXPECT_EQ(links(), "");
  EXPECT_EQ(tables(), "");
}

TEST_F(NetworkManagerTest, ManyInstancesStartingAtOnceTakeDifferentSubnets) {
  constexpr int kCount = 6;
  std::vector<std::unique_ptr<NetworkManager>> managers;
  for (int i = 0; i < kCount; ++i) managers.push_back(open(cat("i", i), cat("root", i)));
  std::vector<std::string> ips(kCount);
  std::vector<std::thread> threads;
  for (int i = 0; i < kCount; ++i) {
    threads.emplace_back([&, i] {
      auto endpoint = managers[i]->attach("a", "bridge", new_netns().get(), {});
      ips[i] = endpoint ? endpoint->ip : endpoint.error().message();
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::ranges::sort(ips);
  EXPECT_EQ(join(ips, " "), "172.17.0.2 172.18.0.2 172.19.0.2 172.20.0.2 172.21.0.2 172.22.0.2");
}

TEST_F(NetworkManagerTest, ParallelAttachesAndDetachesKeepAddressesApart) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 6;
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < kRounds; ++round) {
        const std::string id = cat("c", t, "-", round);
        const UniqueFd netns = new_netns();
        auto endpoint = net_->attach(id, "bridge", netns.get(), publishing(0, 80));
        if (!endpoint) {
          ++failures;
          continue;
        }
        const UniqueFd server = serve_in(netns, SOCK_STREAM, 80);
        const uint16_t port = endpoint->ports[0].host_port;
        if (tcp_exchange(host_, "127.0.0.1", port, server) != "172.17.0.1") ++failures;
        if (!net_->detach(id)) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(links(), "skiff0");
  EXPECT_TRUE(net_->endpoints("bridge")->empty());
}

TEST_F(NetworkManagerTest, SubnetsOfTheHostAreAvoided) {
  EXPECT_EQ(run_in(host_,
                   "ip link add d0 type veth peer name d1 && ip link set d0 up && "
                   "ip addr add 172.17.5.1/24 dev d0 && ip route add 172.18.0.0/15 dev d0"),
            "");
  EXPECT_EQ(attach("a").endpoint.ip, "172.20.0.2");  // chosen anew: it was 172.17 before
  EXPECT_EQ(net_->find("bridge")->subnet, "172.20.0.0/16");
}

TEST_F(NetworkManagerTest, ForeignInterfaceOfOurNameIsLeftAlone) {
  EXPECT_EQ(run_in(host_, "ip link add skiff0 type bridge && ip link set skiff0 up"), "");
  auto refused = net_->attach("a", "bridge", new_netns().get(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kAlreadyExists);
  ASSERT_TRUE(net_->shutdown());
  EXPECT_EQ(links(), "skiff0");
}

TEST_F(NetworkManagerTest, FailedAttachLeavesNothing) {
  const UniqueFd not_a_namespace(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto failed = net_->attach("a", "bridge", not_a_namespace.get(), publishing(8080, 80));
  ASSERT_FALSE(failed);
  const UniqueFd occupied = new_netns();
  EXPECT_EQ(run_in(occupied, "ip link add eth0 type veth peer name e1"), "");
  failed = net_->attach("a", "bridge", occupied.get(), publishing(8080, 80));
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message().find("attach container a to network bridge"),
            std::string::npos)
      << failed.error().message();
  EXPECT_EQ(links(), "skiff0");
  EXPECT_TRUE(net_->endpoints("bridge")->empty());
  EXPECT_TRUE(serve_in(host_, SOCK_STREAM, 8080));
  EXPECT_EQ(net_->attach("a", "nowhere", occupied.get(), {}).error().code(), Code::kNotFound);
  EXPECT_EQ(net_->attach("a", "host", occupied.get(), {}).error().code(), Code::kInvalidArgument);
}

TEST_F(NetworkManagerTest, RulesComeBackWhenSomebodyFlushesThem) {
  attach("a");
  EXPECT_EQ(run_in(host_, "nft flush ruleset"), "");
  const Container b = attach("b", publishing(8080, 80));
  const UniqueFd server = serve_in(b.netns, SOCK_STREAM, 80);
  EXPECT_EQ(tcp_exchange(host_, "127.0.0.1", 8080, server), "172.17.0.1");
  EXPECT_EQ(run_in(host_, "nft flush ruleset"), "");
  EXPECT_TRUE(net_->detach("b"));
}

TEST_F(NetworkManagerTest, RequestedAddressesAreObeyed) {
  NetworkInfo wanted;
  wanted.name = "mine";
  wanted.subnet = "10.7.3.0/24";
  wanted.gateway = "10.7.3.254";
  const NetworkInfo mine = *net_->create(wanted);
  AttachOptions options;
  options.requested_ip = "10.7.3.9";
  options.requested_mac = "02:00:00:00:00:07";
  const Container a = attach(*net_, "a", options, "mine");
  EXPECT_EQ(a.endpoint.ip, "10.7.3.9");
  EXPECT_EQ(a.endpoint.mac, "02:00:00:00:00:07");
  EXPECT_EQ(a.endpoint.gateway, "10.7.3.254");
  EXPECT_NE(run_in(a.netns, "ip link show eth0").find("02:00:00:00:00:07"), std::string::npos);
  EXPECT_EQ(attach(*net_, "b", {}, "mine").endpoint.ip, "10.7.3.1");
  const UniqueFd netns = new_netns();
  for (const char* bad : {"10.7.3.9", "10.7.3.254", "10.7.4.1", "10.7.3.255", "10.7.3.0", "x"}) {
    options.requested_ip = bad;
    EXPECT_FALSE(net_->attach("c", "mine", netns.get(), options)) << bad;
  }
  options = {};
  for (const char* bad : {"02:00", "01:00:00:00:00:07", "02:00:00:00:00:0g"}) {
    options.requested_mac = bad;
    EXPECT_FALSE(net_->attach("c", "mine", netns.get(), options)) << bad;
  }
  EXPECT_EQ(net_->endpoints("mine")->size(), 2U);
}

TEST_F(NetworkManagerTest, AnInterfaceHasTheNameThatIsAskedFor) {
  AttachOptions options;
  options.interface = "fifteen-bytes-x";
  const Container a = attach("a", options);
  EXPECT_NE(run_in(a.netns, "ip -o -4 addr show dev fifteen-bytes-x").find(a.endpoint.ip),
            std::string::npos);
  NetworkInfo wanted;
  wanted.name = "mine";
  ASSERT_TRUE(net_->create(wanted));
  // The same name twice in a container is the kernel's to refuse.
  const auto twice = net_->attach("a", "mine", a.netns.get(), options);
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().message().find("interface fifteen-bytes-x"), std::string::npos)
      << twice.error().message();
  const UniqueFd netns = new_netns();
  for (const char* bad :
       {"sixteen-bytes-xx", "a/b", "a b", "a\tb", "a:1", "e%d", "lo", ".", ".."}) {
    options.interface = bad;
    EXPECT_EQ(net_->attach("b", "bridge", netns.get(), options).error().code(),
              Code::kInvalidArgument)
        << bad;
  }
  EXPECT_EQ(check_interface_name("").error().message(), "invalid interface name \"\": it is empty");
  EXPECT_TRUE(net_->endpoints("mine")->empty());
}

TEST_F(NetworkManagerTest, UserNetworksAreIsolatedFromEachOther) {
  const UniqueFd outside = make_outside();
  NetworkInfo wanted;
  wanted.name = "one";
  wanted.labels = {{"k", "v"}};
  const NetworkInfo one = *net_->create(wanted);
  EXPECT_EQ(one.subnet, "172.18.0.0/16");
  EXPECT_EQ(net_->find(one.id.substr(0, 10))->labels, wanted.labels);
  const Container a = attach("a");
  const Container b = attach(*net_, "b", {}, "one");
  const Container c = attach(*net_, "c", publishing(8080, 80), "one");
  const UniqueFd on_a = serve_in(a.netns, SOCK_STREAM, 80);
  const UniqueFd on_c = serve_in(c.netns, SOCK_STREAM, 80);
  const UniqueFd beyond = serve_in(outside, SOCK_STREAM, 80);
  EXPECT_EQ(tcp_exchange(b.netns, c.endpoint.ip, 80, on_c), b.endpoint.ip);
  EXPECT_EQ(tcp_exchange(b.netns, "10.9.0.2", 80, beyond), "10.9.0.1");
  EXPECT_EQ(tcp_exchange(a.netns, "172.17.0.1", 8080, on_c), "172.18.0.1");  // published
  EXPECT_EQ(tcp_exchange(b.netns, a.endpoint.ip, 80, on_a, kRefusalMs), "nobody came");
  EXPECT_EQ(tcp_exchange(a.netns, c.endpoint.ip, 80, on_c, kRefusalMs), "nobody came");
  // A container in both: the second interface, no second default route.
  auto both = net_->attach("a", "one", a.netns.get(), {});
  ASSERT_TRUE(both) << both.error().message();
  EXPECT_EQ(tcp_exchange(a.netns, c.endpoint.ip, 80, on_c), both->ip);
  EXPECT_FALSE(net_->attach("a", "one", a.netns.get(), {}));
}

TEST_F(NetworkManagerTest, InternalNetworkHasNoWayOut) {
  const UniqueFd outside = make_outside();
  NetworkInfo wanted;
  wanted.name = "cell";
  wanted.internal = true;
  ASSERT_TRUE(net_->create(wanted));
  const Container a = attach(*net_, "a", {}, "cell");
  const Container b = attach(*net_, "b", {}, "cell");
  const UniqueFd server = serve_in(b.netns, SOCK_STREAM, 80);
  EXPECT_EQ(tcp_exchange(a.netns, b.endpoint.ip, 80, server), a.endpoint.ip);
  EXPECT_EQ(run_in(a.netns, cat("ip route add default via ", a.endpoint.gateway)), "");
  const UniqueFd beyond = serve_in(outside, SOCK_STREAM, 80);
  EXPECT_EQ(tcp_exchange(a.netns, "10.9.0.2", 80, beyond, kRefusalMs), "nobody came");
}

// Otherwise a container would take a router's word for its addresses, past every rule of ours.
TEST_F(NetworkManagerTest, NoContainerHasIpv6WithoutItsNetwork) {
  const std::string defaults = "/proc/sys/net/ipv6/conf/default";
  if (!std::filesystem::exists(defaults)) GTEST_SKIP() << "this kernel has no IPv6";
  NetworkInfo wanted;
  wanted.name = "own";
  ASSERT_TRUE(net_->create(wanted));
  wanted.name = "inner";
  wanted.internal = true;
  ASSERT_TRUE(net_->create(wanted));
  for (const char* network : {"bridge", "own", "inner"}) {
    const UniqueFd netns = new_netns();
    // Where each new interface takes part, and heeds routers.
    EXPECT_EQ(run_in(netns, cat("cd ", defaults, "; echo 0 >disable_ipv6; echo 2 >accept_ra")), "");
    const auto endpoint = net_->attach(cat("on-", network), network, netns.get(), {});
    ASSERT_TRUE(endpoint) << endpoint.error().message();
    EXPECT_EQ(run_in(netns, "cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6"), "1\n") << network;
    EXPECT_EQ(run_in(netns, "ip -o -6 addr show dev eth0; ip -6 route show dev eth0"), "")
        << network;
  }
}

TEST_F(NetworkManagerTest, NetworksAreCreatedAndRemoved) {
  NetworkInfo wanted;
  wanted.name = "mine";
  const NetworkInfo mine = *net_->create(wanted);
  EXPECT_EQ(net_->create(wanted).error().message(), "network with name mine already exists");
  attach(*net_, "a", {}, "mine");
  auto in_use = net_->remove("mine");
  ASSERT_FALSE(in_use);
  EXPECT_EQ(in_use.error().message(), cat("error while removing network: network mine id ", mine.id,
                                          " has active endpoints"));
  ASSERT_TRUE(net_->detach("a"));
  net_ = nullptr;
  net_ = open();  // networks outlive the daemon
  ASSERT_TRUE(net_->remove("mine"));
  EXPECT_EQ(net_->find("mine").error().message(), "network mine not found");
  EXPECT_EQ(links(), "");
  EXPECT_EQ(net_->remove("bridge").error().code(), Code::kPermissionDenied);
  EXPECT_EQ(net_->remove("mine").error().code(), Code::kNotFound);
}

TEST_F(NetworkManagerTest, BadNetworksAreRefused) {
  NetworkInfo wanted;
  const auto refusal = [&] {
    auto made = net_->create(wanted);
    return made ? std::string("created") : made.error().message();
  };
  wanted.name = "a b";
  EXPECT_NE(refusal().find("invalid network name \"a b\""), std::string::npos);
  wanted.name = "host";
  EXPECT_EQ(refusal(), "operation is not permitted on predefined host network");
  wanted.name = "n";
  wanted.driver = "overlay";
  EXPECT_EQ(refusal(), "network driver \"overlay\" is unknown: there is \"bridge\"");
  wanted.driver = "";
  wanted.subnet = "172.17.128.0/24";
  EXPECT_EQ(refusal(), "invalid pool request: Pool overlaps with other one on this address space");
  wanted.subnet = "10.0.0.0/33";
  EXPECT_EQ(refusal(), "invalid IPv4 subnet \"10.0.0.0/33\"");
  wanted.subnet = "10.0.0.0/31";
  EXPECT_EQ(refusal(), "subnet 10.0.0.0/31: the prefix length must be from 8 to 30");
  wanted.subnet = "10.0.0.0/24";
  wanted.gateway = "10.0.1.1";
  EXPECT_EQ(refusal(), "gateway 10.0.1.1 is not an address of a host in 10.0.0.0/24");
  wanted.subnet = "";
  EXPECT_EQ(refusal(), "a gateway needs the subnet that it is in");
  EXPECT_EQ(net_->list()->size(), 3U);
}

TEST_F(NetworkManagerTest, FullNetworkIsAnError) {
  NetworkInfo wanted;
  wanted.name = "tiny";
  wanted.subnet = "10.7.3.0/30";
  ASSERT_TRUE(net_->create(wanted));
  attach(*net_, "a", {}, "tiny");
  auto full = net_->attach("b", "tiny", new_netns().get(), {});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().message(), "no available IPv4 addresses on network tiny");
}

TEST_F(NetworkManagerTest, LoopbackAloneForModeNone) {
  const UniqueFd netns = new_netns();
  ASSERT_TRUE(net_->raise_loopback(netns.get()));
  const UniqueFd server = serve_in(netns, SOCK_STREAM, 80);
  EXPECT_EQ(tcp_exchange(netns, "127.0.0.1", 80, server), "127.0.0.1");
}

}  // namespace
}  // namespace skiff::network
