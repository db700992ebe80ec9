// The two doors of BuildKit's protocol: connections that change to HTTP/2 (docs/buildkit.md).
#include "api/router.h"

namespace skiff::api {

namespace {

Result<net::Hijacked> upgrade(Call& call) {
  if (call.context.buildkit == nullptr) {
    return Error(Code::kUnimplemented, "BuildKit's protocol is not served here");
  }
  if (call.request.headers.get("Upgrade") != "h2c") {
    return Error(Code::kInvalidArgument, "this is for connections that upgrade to h2c");
  }
  return call.writer.hijack("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
}

Result<> serve_grpc(Call& call) {
  net::Hijacked connection = TRY(upgrade(call));
  return call.context.buildkit->serve(std::move(connection));
}

Result<> open_session(Call& call) {
  const net::Headers& headers = call.request.headers;
  buildkit::SessionFacts facts{.id = headers.get("X-Docker-Expose-Session-Uuid"),
                               .shared_key = headers.get("X-Docker-Expose-Session-Sharedkey")};
  if (facts.id.empty()) {
    return Error(Code::kInvalidArgument, "X-Docker-Expose-Session-Uuid is missing");
  }
  for (std::string& method : headers.all("X-Docker-Expose-Session-Grpc-Method")) {
    facts.methods.insert(std::move(method));
  }
  net::Hijacked connection = TRY(upgrade(call));
  return call.context.buildkit->add_session(std::move(facts), std::move(connection));
}

constexpr Route kBuildkitRoutes[] = {
    {"POST", "/grpc", serve_grpc},
    {"POST", "/session", open_session},
};

}  // namespace

std::span<const Route> buildkit_routes() { return kBuildkitRoutes; }

}  // namespace skiff::api
