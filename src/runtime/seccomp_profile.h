// Docker's seccomp profiles, and their translation into the OCI form ("linux.seccomp"), which
// knows no conditions: rules that depend on the architecture, on the kernel's version or on
// the container's capabilities are decided here.
#pragma once

#include <string_view>

#include "codec/json.h"
#include "sys/capabilities.h"

namespace skiff::runtime {

// `profile` is a profile's JSON; "" is Docker's default one.
Result<json::Value> make_oci_seccomp(std::string_view profile, sys::CapabilityMask capabilities);

}  // namespace skiff::runtime
