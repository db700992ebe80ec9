// One gzip member of bytes in memory; several in a row are a gzip file, too (RFC 1952, 2.2).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace skiff {

// What a file is cut into.
inline constexpr size_t kGzipMemberInput = size_t{1} << 20U;

// The same bytes for the same input on every machine.
std::string compress_gzip_member(std::string_view input);

}  // namespace skiff
