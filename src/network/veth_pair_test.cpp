#include "network/veth_pair.h"

#include <gtest/gtest.h>

#include "network/network_manager.h"
#include "network/test_net.h"

namespace skiff::network {
namespace {

using namespace testing;  // NOLINT: the test's own helpers

class VethPairTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // From here on, this thread and those it starts live on a host of their own.
    if (::unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "needs the right to make namespaces";
    host_ = own_netns();
    container_ = new_netns();
  }

  Result<VethPair> make(const std::string& container_name = "eth0") const {
    return VethPair::make("skvtest", container_name, container_.get());
  }
  bool on_host(const std::string& link) const { return find_link(link)->has_value(); }
  std::string inside(const std::string& command) const { return run_in(container_, command); }

  UniqueFd host_;
  UniqueFd container_;
};

TEST_F(VethPairTest, WaitsWithoutAnAddressAndGoesWithTheObject) {
  {
    auto pair = make();
    ASSERT_TRUE(pair) << pair.error().message();
    const auto link = *find_link("skvtest");
    ASSERT_TRUE(link);
    EXPECT_FALSE(link->up);
    EXPECT_EQ(link->master, 0);
    EXPECT_EQ(inside("cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6; "
                     "ip -o addr show dev eth0"),
              "1\n");
    const VethPair moved = std::move(*pair);
    EXPECT_EQ(moved.host_name(), "skvtest");
  }
  EXPECT_FALSE(on_host("skvtest"));
  EXPECT_EQ(inside("ip -o link show dev eth0 2>/dev/null || echo none"), "none\n");
}

TEST_F(VethPairTest, OneThatCannotBeMadeLeavesNothing) {
  const UniqueFd no_namespace = *open_file("/dev/null", O_RDONLY);
  auto pair = VethPair::make("skvtest", "eth0", no_namespace.get());
  ASSERT_FALSE(pair);
  EXPECT_NE(pair.error().message().find("make interface eth0"), std::string::npos);
  EXPECT_FALSE(on_host("skvtest"));
}

TEST_F(VethPairTest, WithoutItsBridgeItIsNotConnected) {
  {
    auto pair = make();
    ASSERT_TRUE(pair);
    const Result<> done = pair->connect({.bridge = "nobridge", .ip = {0x0a090002}, .prefix = 24});
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message().find("find bridge nobridge"), std::string::npos);
  }
  EXPECT_FALSE(on_host("skvtest"));
}

class ReadyPairTest : public VethPairTest {
 protected:
  void SetUp() override {
    VethPairTest::SetUp();
    if (!host_) return;
    ManagerOptions options;
    options.root = dir_.path();
    options.instance = "default";
    net_ = *open_network_manager(options);
  }

  Result<Endpoint> attach(VethPair& pair) {
    AttachOptions options;
    options.ready = &pair;
    return net_->attach("a", "bridge", container_.get(), options);
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-veth-");
  std::unique_ptr<NetworkManager> net_;
};

TEST_F(ReadyPairTest, BecomesTheContainers) {
  {
    auto pair = make();
    ASSERT_TRUE(pair);
    auto endpoint = attach(*pair);
    ASSERT_TRUE(endpoint) << endpoint.error().message();
    EXPECT_EQ(endpoint->mac, "02:42:ac:11:00:02");
  }
  ASSERT_TRUE(on_host("skvtest"));
  EXPECT_NE(inside("ip -o addr").find("eth0    inet 172.17.0.2/16"), std::string::npos);
  EXPECT_NE(inside("ip -o link").find("02:42:ac:11:00:02"), std::string::npos);
  const UniqueFd server = serve_in(container_, SOCK_STREAM, 80);
  EXPECT_EQ(tcp_exchange(host_, "172.17.0.2", 80, server), "172.17.0.1");
  ASSERT_TRUE(net_->detach("a"));
  EXPECT_FALSE(on_host("skvtest"));
}

TEST_F(ReadyPairTest, OfAnotherNameIsLeftAside) {
  {
    auto pair = make("other0");
    ASSERT_TRUE(pair);
    ASSERT_TRUE(attach(*pair));
    EXPECT_TRUE(on_host("skvtest"));
  }
  EXPECT_FALSE(on_host("skvtest"));
  EXPECT_NE(inside("ip -o addr").find("eth0    inet 172.17.0.2/16"), std::string::npos);
}

}  // namespace
}  // namespace skiff::network
