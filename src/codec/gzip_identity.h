// Which gzip compressor is at work, for those who remember what it has made.
#pragma once

#include <string>

namespace skiff {

// "libdeflate 1.14, level 4, 1048576, 0123456789abcdef": as long as it is the same, what
// make_gzip_sink() makes of an input is the same. The last part is of what it makes of a sample,
// since a shared library that was exchanged does not tell its version.
const std::string& gzip_identity();

// What it is asked to compress: all that a compressor decides on, in more than one member.
std::string gzip_sample();

}  // namespace skiff
