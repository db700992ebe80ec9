#include "network/network_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace skiff::network {
namespace {

NetworkRecord some_network() {
  NetworkRecord record;
  record.info.id = "net";
  record.info.name = "some";
  record.info.driver = "bridge";
  record.subnet = *Subnet::parse("172.17.0.0/16");
  record.gateway = *Ipv4::parse("172.17.0.1");
  return record;
}

EndpointRecord endpoint(const std::string& id, const std::string& container) {
  return {.id = id,
          .container_id = container,
          .network_id = "net",
          .mac = "02:42:ac:11:00:02",
          .ip = *Ipv4::parse("172.17.0.2"),
          .host_link = "skv0",
          .ports = {{Protocol::kTcp, 80, "0.0.0.0", 8080}}};
}

// On a file system of 1 MiB, seen by this thread alone.
class NetworkStoreOnAFullDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNS) != 0) GTEST_SKIP() << "needs the right to make namespaces";
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=1m"), 0);
    ASSERT_TRUE(store_.emplace(*NetworkStore::open(dir_.path())).add_network(some_network()));
    ASSERT_TRUE(store_->add_endpoint(endpoint("first", "a")));
    fill();
  }
  void TearDown() override {
    store_.reset();
    ::umount2(dir_.path().c_str(), MNT_DETACH);
  }

  Path filler() const { return dir_.path() / "filler"; }
  void fill() const {
    const UniqueFd fd = *open_file(filler(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const std::string block(4096, 'x');
    while (::write(fd.get(), block.data(), block.size()) > 0) {
    }
    ASSERT_EQ(errno, ENOSPC);
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-network-");
  std::optional<NetworkStore> store_;
};

TEST_F(NetworkStoreOnAFullDisk, AForgottenEndpointIsToldToNobody) {
  store_->forget_endpoint("first");
  EXPECT_TRUE(store_->endpoints()->empty());
  EXPECT_TRUE(store_->endpoints_of_network("net")->empty());
  EXPECT_TRUE(store_->endpoints_of_container("a")->empty());
}

TEST_F(NetworkStoreOnAFullDisk, ItsRowGoesWhenThereIsRoom) {
  store_->forget_endpoint("first");
  EXPECT_FALSE(store_->add_endpoint(endpoint("second", "a")));
  EXPECT_FALSE(store_->used_addresses("net"));
  std::filesystem::remove(filler());
  EXPECT_TRUE(store_->used_addresses("net")->empty());
  ASSERT_TRUE(store_->add_endpoint(endpoint("second", "a")));
  EXPECT_EQ(store_->endpoints()->size(), 1U);
}

TEST_F(NetworkStoreOnAFullDisk, ItsNetworkCanBeRemovedWhenThereIsRoom) {
  store_->forget_endpoint("first");
  std::filesystem::remove(filler());
  EXPECT_TRUE(store_->remove_network("net"));
}

// The daemon's start frees what no living container has.
TEST_F(NetworkStoreOnAFullDisk, ItIsThereAgainForTheNextProcess) {
  store_->forget_endpoint("first");
  store_.emplace(*NetworkStore::open(dir_.path()));
  EXPECT_EQ(store_->endpoints()->size(), 1U);
}

}  // namespace
}  // namespace skiff::network
