// Base64 (RFC 4648). Decoding accepts the standard and the URL alphabet, padded or not.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace skiff {

std::string base64_encode(std::string_view bytes);
std::string base64url_encode(std::string_view bytes);
Result<std::string> base64_decode(std::string_view text);

}  // namespace skiff
