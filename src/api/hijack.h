// Taking over a connection for attach and exec, and the frames of output without a
// terminal (engine-api.md 2.2).
#pragma once

#include <string>
#include <string_view>

#include "api/router.h"

namespace skiff::api {

inline constexpr int kStdoutStream = 1;
inline constexpr int kSystemErrorStream = 3;  // makes the client fail with the text

// Eight bytes of header (stream, three zeros, big-endian length) and the payload.
std::string frame(int stream, std::string_view payload);
// Content-Type of an output stream: raw with a terminal and for clients before 1.42.
std::string_view stream_type(const Call& call, bool terminal);
// Answers 101 where the client asked for an upgrade, else 200, and takes the connection.
Result<net::Hijacked> hijack(const Call& call, bool terminal);

}  // namespace skiff::api
