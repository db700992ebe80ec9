// What the Accept fields of a request allow (RFC 9110, 12.4.2 and 12.5.1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace skiff::registry {

// Of several ranges that fit, the one that names most of the type counts; one of q=0 excludes it.
// Without a field, or with empty ones, everything is accepted.
bool accepted(const std::vector<std::string>& fields, std::string_view media_type);

}  // namespace skiff::registry
