// What a registry's answers mean (OCI distribution-spec, Error Codes).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/web_client.h"

namespace skiff::remote {

// The Error of an answer that is not 2xx: "what: manifest unknown: no such manifest", from the
// body's {"errors":[...]} where there is one, else from the status.
Error answer_error(const net::WebResponse& answer, std::string_view what);

// The registry's first error code, "MANIFEST_UNKNOWN"; "" where the body has none.
std::string answer_code(const net::WebResponse& answer);

// True where the same request may succeed a little later.
bool is_transient(int status);
bool is_transient(const Error& error);

// What Retry-After asks for, as seconds or date; nullopt when absent or malformed.
std::optional<std::chrono::milliseconds> retry_after(const net::WebResponse& answer);

}  // namespace skiff::remote
