// System calls younger than the packaged libseccomp. Since number 424 all architectures
// give a new system call the same number.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace skiff::runtime {

// At and above it x32 has its own numbers.
inline constexpr uint32_t kFirstForeignNumber = 0x40000000;

std::optional<uint32_t> new_syscall_number(std::string_view name);
// The first number that libseccomp has no name for.
uint32_t first_unknown_syscall();

}  // namespace skiff::runtime
