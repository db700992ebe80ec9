// The tables of registry.db, as the steps from one version to the next (db/database.h).
// docs/formats/registry.md explains each table.
#pragma once

#include <span>

namespace skiff::registry {

std::span<const char* const> migrations();

}  // namespace skiff::registry
