// File capabilities, as the extended attribute security.capability holds them (capabilities(7),
// "File capability extended attribute versioning"): the third revision is the second with the root
// of the user namespace at its end that they count in.
#pragma once

#include <cstdint>
#include <string>

namespace skiff::sys {

inline constexpr const char* kFileCapability = "security.capability";

// The second revision of a third one: an archive's root is that of whoever unpacks it. Other values
// stay as they are.
void unbind_file_capability(std::string& value);
// The third revision of a second one.
void bind_file_capability(std::string& value, uint32_t root);

}  // namespace skiff::sys
