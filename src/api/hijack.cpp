#include "api/hijack.h"

#include "base/strings.h"

namespace skiff::api {

std::string frame(int stream, std::string_view payload) {
  std::string out(8, '\0');
  out[0] = static_cast<char>(stream);
  auto size = static_cast<uint32_t>(payload.size());
  for (unsigned i = 0; i < 4; ++i) out[4 + i] = static_cast<char>(size >> (24U - 8 * i));
  return out.append(payload);
}

std::string_view stream_type(const Call& call, bool terminal) {
  constexpr int kMultiplexedSince = 42;
  return terminal || call.api_minor < kMultiplexedSince
             ? "application/vnd.docker.raw-stream"
             : "application/vnd.docker.multiplexed-stream";
}

Result<net::Hijacked> hijack(const Call& call, bool terminal) {
  if (call.request.headers.get("Upgrade").empty()) {
    return call.writer.hijack(
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n");
  }
  return call.writer.hijack(
      cat("HTTP/1.1 101 UPGRADED\r\nContent-Type: ", stream_type(call, terminal),
          "\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"));
}

}  // namespace skiff::api
