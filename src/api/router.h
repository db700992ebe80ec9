// The router of the Docker Engine API: version gate, route table, error answers
// (engine-api.md 2.1).
//
//   const Route kContainerRoutes[] = {{"GET", "/containers/*/json", inspect_container}, ...};
// A '*' captures a name; image names contain slashes, so a pattern is matched by what
// stands before and after it. Literal patterns win over captures.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "api/context.h"
#include "codec/json_types.h"
#include "net/http_server.h"

namespace skiff::api {

inline constexpr int kMinApiMinor = 24;  // API 1.24
inline constexpr int kMaxApiMinor = 51;

// One request on its way through a handler.
struct Call {
  const Context& context;
  net::Request& request;
  net::ResponseWriter& writer;
  std::string name;              // what '*' captured
  int api_minor = kMaxApiMinor;  // 51 for /v1.51/ and for paths without a version

  // A query parameter, "" when absent.
  std::string arg(std::string_view key) const { return request.query.get(key); }
  bool flag(std::string_view key, bool if_absent = false) const {
    return request.query.boolean(key, if_absent);
  }
  // `filters`, in both encodings; {} when absent.
  Result<engine::Filters> filters() const;
  // The JSON body, an object with fields of these types; an empty one is null. Checks Content-Type.
  Result<json::Value> json_body(std::span<const json::Field> fields) const;
  // X-Registry-Auth; none when absent or unreadable.
  remote::Credentials credentials() const;
  // X-Registry-Config: by registry host; unreadable ones are left out.
  std::map<std::string, remote::Credentials> all_credentials() const;

  Result<> reply(int status, const json::Value& body) const;
  Result<> reply_text(int status, std::string_view content_type, std::string_view body) const;
  Result<> reply_empty(int status) const;
};

using RouteHandler = Result<> (*)(Call&);

struct Route {
  std::string_view method;
  std::string_view pattern;
  RouteHandler handler;
};

std::span<const Route> system_routes();
std::span<const Route> container_routes();
std::span<const Route> stream_routes();
std::span<const Route> exec_routes();
std::span<const Route> image_routes();
std::span<const Route> build_routes();
std::span<const Route> buildkit_routes();
std::span<const Route> volume_routes();
std::span<const Route> network_routes();
// This engine's own, below /skiff.
std::span<const Route> check_routes();
std::span<const Route> manifest_routes();
std::span<const Route> directory_routes();
// Those of the API that this engine refuses by name.
std::span<const Route> unserved_routes();

// The HTTP status of an error code.
int http_status(Code code);
// {"message": text} and a newline.
std::string error_body(std::string_view message);

// The handler to give an HttpServer. `context` must outlive the server.
net::Handler make_handler(const Context& context);

// Numbers of a query, refused by name when malformed: `invalid value for t: "x"`.
Result<int64_t> number_argument(const Call& call, std::string_view key, int64_t if_absent);
Result<int> int_argument(const Call& call, std::string_view key, int if_absent);
// Refuses the parameters of a query that would change the result and are not served.
Result<> refuse_arguments(const Call& call, std::initializer_list<std::string_view> keys);
// Names of `t=` and `repo`+`tag`: a reference, with the default tag where it has none.
Result<oci::Reference> reference_argument(std::string_view repository, std::string_view tag);
// A platform as text ("linux/arm64") or as JSON; nullopt when empty.
Result<std::optional<oci::Platform>> platform_argument(const std::string& text);

}  // namespace skiff::api
