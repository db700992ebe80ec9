// The part of a ContainerSpec's config.json that tells of namespaces: which there are, whose ids
// they map, and the sysctls of new ones.
#pragma once

#include "runtime/container_spec.h"

namespace skiff::runtime {

// "namespaces", "uidMappings" and "gidMappings" of the "linux" object.
void add_namespaces(const ContainerSpec& spec, json::Value& lx);
Result<json::Value> make_sysctls(const ContainerSpec& spec);

}  // namespace skiff::runtime
