// Random identifiers from the kernel's generator. Thread-safe.
#pragma once

#include <cstddef>
#include <string>

namespace skiff {

std::string random_bytes(size_t count);
// `digits` lower-case hexadecimal digits.
std::string random_hex(size_t digits);

}  // namespace skiff
