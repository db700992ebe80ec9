// VethPair: two interfaces that are one cable, one of them in a container's network namespace.
//
//   VethPair pair = TRY(VethPair::make(new_host_link(), "eth0", netns));
//   TRY(pair.connect(spec));   // later, in a fraction of the time
//
// What needs no address is done by make(), ahead of the container's start where there is time.
// A pair that was not connected goes with this object, with its namespace, or with whoever
// holds that. One thread at a time.
#pragma once

#include <optional>
#include <string>

#include "network/ipv4.h"
#include "network/links.h"
#include "sys/netlink.h"

namespace skiff::network {

// The name of a host's end, like no other's.
std::string new_host_link();

struct VethSpec {
  std::string bridge;
  MacAddress mac{};
  Ipv4 ip;
  int prefix = 0;
  std::optional<Ipv4> default_gateway;
};

class VethPair {
 public:
  // Both ends down, the host's a port of nothing; the namespace's loopback is raised.
  static Result<VethPair> make(std::string host_name, std::string container_name, int netns);
  VethPair(VethPair&& other) noexcept;
  VethPair& operator=(VethPair&& other) = delete;
  ~VethPair();

  const std::string& host_name() const { return host_name_; }
  const std::string& container_name() const { return container_name_; }

  // Makes the one end a port of the bridge and gives the other its address and route: the pair
  // is the container's from there. After a failure it is as good as none.
  Result<> connect(const VethSpec& spec);

 private:
  // `inside` is of the container's namespace.
  VethPair(std::string host_name, std::string container_name, int container_index,
           sys::NetlinkSocket inside);
  Result<> become_port(const std::string& bridge) const;
  Result<> configure_inside(const VethSpec& spec);

  std::string host_name_;  // empty: of an object that was moved from
  std::string container_name_;
  int container_index_;
  sys::NetlinkSocket inside_;
  bool connected_ = false;
};

}  // namespace skiff::network
