// What a network may be called, and which subnet and addresses it may have. Pure functions of
// what they are given (thread-safe); the database and the kernel are the manager's business.
#pragma once

#include <string>
#include <vector>

#include "network/network_store.h"

namespace skiff::network {

// Whether a user may make `wanted`: its name's letters (kInvalidArgument), predefined names
// (kPermissionDenied) and the driver (kInvalidArgument). Docker's texts.
Result<> check_new_network(const NetworkInfo& wanted);

// The record with `subnet` and `gateway`, in both forms that it keeps them in.
NetworkRecord set_subnet(NetworkRecord record, const Subnet& subnet, Ipv4 gateway);
// The record with the subnet and the gateway that a user wants; "" as gateway is the first
// address. kPermissionDenied where the subnet overlaps one of `others`, kInvalidArgument for
// texts that are no such thing.
Result<NetworkRecord> set_wanted_subnet(NetworkRecord record, const std::string& subnet,
                                        const std::string& gateway,
                                        const std::vector<NetworkRecord>& others);

// The requested address of a network that has a subnet, or ("") the lowest free one.
// `used` is sorted. kAlreadyExists when it is taken, kResourceExhausted when all are.
Result<Ipv4> choose_address(const NetworkRecord& network, const std::vector<Ipv4>& used,
                            const std::string& requested);

}  // namespace skiff::network
