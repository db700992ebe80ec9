#include "api/router.h"

#include <array>
#include <exception>

#include "base/log.h"
#include "base/strings.h"
#include "codec/base64.h"

namespace skiff::api {

namespace {

constexpr size_t kMaxJsonBody = size_t{8} << 20U;

// The capture of `pattern` in `path`; nullopt when it does not match.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
  size_t star = pattern.find('*');
  if (star == std::string_view::npos) {
    return pattern == path ? std::optional(std::string_view()) : std::nullopt;
  }
  std::string_view before = pattern.substr(0, star);
  std::string_view after = pattern.substr(star + 1);
  if (path.size() <= before.size() + after.size()) return std::nullopt;
  if (!path.starts_with(before) || !path.ends_with(after)) return std::nullopt;
  std::string_view name = path.substr(before.size(), path.size() - before.size() - after.size());
  // Only image names contain slashes.
  bool slashes = before == "/images/" || before == "/distribution/";
  if (!slashes && name.find('/') != std::string_view::npos) return std::nullopt;
  return name;
}

struct Found {
  const Route* route = nullptr;
  std::string name;
};

Found find_route(std::string_view method, std::string_view path) {
  static const std::array kGroups = {
      system_routes(),   container_routes(), stream_routes(),  exec_routes(),    image_routes(),
      build_routes(),    buildkit_routes(),  volume_routes(),  network_routes(), check_routes(),
      manifest_routes(), directory_routes(), unserved_routes()};
  Found found;
  for (auto group : kGroups) {
    for (const Route& route : group) {
      if (route.method != method) continue;
      auto name = match(route.pattern, path);
      if (!name) continue;
      bool literal = route.pattern.find('*') == std::string_view::npos;
      // Of several captures the one with the longest pattern says most.
      if (literal || found.route == nullptr || route.pattern.size() > found.route->pattern.size()) {
        found = {&route, std::string(*name)};
      }
      if (literal) return found;
    }
  }
  return found;
}

struct Versioned {
  int minor = kMaxApiMinor;
  std::string path;
};

// Takes "/v1.NN" off the path, and refuses versions that are not served.
Result<Versioned> split_version(const std::string& path) {
  if (!path.starts_with("/v1.")) return Versioned{kMaxApiMinor, path};
  size_t slash = path.find('/', 4);
  auto minor = parse_uint(std::string_view(path).substr(4, slash - 4));
  if (!minor || slash == std::string::npos) return Versioned{kMaxApiMinor, path};
  if (*minor > kMaxApiMinor) {
    return Error(Code::kInvalidArgument,
                 cat("client version 1.", *minor,
                     " is too new. Maximum supported API version is 1.", kMaxApiMinor));
  }
  if (*minor < kMinApiMinor) {
    return Error(
        Code::kInvalidArgument,
        cat("client version 1.", *minor, " is too old. Minimum supported API version is 1.",
            kMinApiMinor, ", please upgrade your client to a newer version"));
  }
  return Versioned{static_cast<int>(*minor), path.substr(slash)};
}

// "/v9.99/x": a version, but of no API that exists.
std::optional<Error> refuse_other_major(const std::string& path) {
  if (!path.starts_with("/v") || path.size() < 4 || path.starts_with("/v1.")) return std::nullopt;
  size_t slash = path.find('/', 1);
  std::string version = path.substr(2, slash - 2);
  auto parts = split_once(version, '.');
  if (!parts || !parse_uint(parts->first) || !parse_uint(parts->second)) return std::nullopt;
  bool old = *parse_uint(parts->first) < 1;
  return Error(
      Code::kInvalidArgument,
      cat("client version ", version, old ? " is too old. Minimum" : " is too new. Maximum",
          " supported API version is 1.", old ? kMinApiMinor : kMaxApiMinor,
          old ? ", please upgrade your client to a newer version" : ""));
}

void answer_error(net::ResponseWriter& writer, int status, std::string_view message) {
  if (writer.started()) return;
  auto sent = writer.send(status, "application/json", error_body(message));
  if (!sent) log_debug(cat("answer not sent: ", sent.error().message()));
}

void set_common_headers(net::ResponseWriter& writer) {
  writer.headers().set("Api-Version", cat("1.", kMaxApiMinor));
  writer.headers().set("Docker-Experimental", "false");
  writer.headers().set("Ostype", "linux");
}

// What frees space must work where there is none.
bool frees_space(std::string_view method, std::string_view path) {
  return method == "DELETE" || (method == "POST" && path.ends_with("/prune"));
}

void serve(const Context& context, net::Request& request, net::ResponseWriter& writer) {
  if (auto refused = refuse_other_major(request.path)) {
    set_common_headers(writer);
    return answer_error(writer, 400, refused->message());
  }
  auto versioned = split_version(request.path);
  if (!versioned) {
    set_common_headers(writer);
    return answer_error(writer, 400, versioned.error().message());
  }
  Found found = find_route(request.method, versioned->path);
  if (found.route == nullptr) return answer_error(writer, 404, "page not found");
  set_common_headers(writer);
  Call call{context, request, writer, std::move(found.name), versioned->minor};
  std::optional<SpaceReserve::Loan> loan;
  if (context.reserve != nullptr && frees_space(request.method, versioned->path)) {
    loan.emplace(context.reserve->borrow());
  }
  Result<> done = found.route->handler(call);
  if (done) return;
  const Error& error = done.error();
  int status = http_status(error.code());
  // Half-way through an answer it is the client that went away.
  bool client_gone = writer.started() && error.code() == Code::kUnavailable;
  if (status >= 500 && !client_gone) {
    log_error(cat(request.method, " ", request.path, ": ", error.message()));
  } else {
    log_debug(cat(request.method, " ", request.path, ": ", error.message()));
  }
  answer_error(writer, status, error.message());
}

}  // namespace

int http_status(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
      return 400;
    case Code::kUnauthenticated:
      return 401;
    case Code::kPermissionDenied:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kAlreadyExists:
    case Code::kFailedPrecondition:
    case Code::kAborted:
      return 409;
    case Code::kCancelled:
      return 499;
    case Code::kUnimplemented:
      return 501;
    default:
      return 500;
  }
}

std::string error_body(std::string_view message) {
  return json::object({{"message", message}}).dump() + "\n";
}

net::Handler make_handler(const Context& context) {
  return [&context](net::Request& request, net::ResponseWriter& writer) {
    serve(context, request, writer);
  };
}

Result<engine::Filters> Call::filters() const {
  std::string text = arg("filters");
  engine::Filters filters;
  if (text.empty()) return filters;
  auto parsed = json::parse(text);
  if (!parsed || !parsed->is_object()) {
    return Error(Code::kInvalidArgument, cat("invalid filters: ", skiff::quoted(text)));
  }
  for (const auto& [key, values] : parsed->as_object()) {
    auto& list = filters[key];
    for (const auto& value : values.as_array()) list.push_back(value.as_string());
    for (const auto& [value, on] : values.as_object()) {
      if (on.as_bool()) list.push_back(value);
    }
  }
  return filters;
}

Result<json::Value> Call::json_body(std::span<const json::Field> fields) const {
  if (request.body == nullptr) return json::Value();
  std::string text = TRY_CONTEXT(read_all(*request.body, kMaxJsonBody), "request body");
  if (trim(text).empty()) return json::Value();
  std::string type = request.headers.get("Content-Type");
  if (to_lower(trim(std::string_view(type).substr(0, type.find(';')))) != "application/json") {
    return Error(Code::kInvalidArgument,
                 cat("unsupported Content-Type header (", type, "): must be 'application/json'"));
  }
  json::Value body = TRY_CONTEXT(json::parse(text), "invalid JSON");
  if (!body.is_object() && !body.is_null()) {
    return Error(Code::kInvalidArgument, "the request's body is not a JSON object");
  }
  TRY(json::check_types(body, fields));
  return body;
}

remote::Credentials Call::credentials() const {
  auto decoded = base64_decode(request.headers.get("X-Registry-Auth"));
  if (!decoded) return {};
  auto parsed = json::parse(*decoded);
  if (!parsed) return {};
  remote::Credentials found{parsed->string("username"), parsed->string("password"),
                            parsed->string("identitytoken"), parsed->string("registrytoken")};
  if (auto pair = base64_decode(parsed->string("auth")); pair && found.username.empty()) {
    if (auto parts = split_once(*pair, ':')) {
      found.username = parts->first;
      found.password = parts->second;
    }
  }
  return found;
}

std::map<std::string, remote::Credentials> Call::all_credentials() const {
  std::map<std::string, remote::Credentials> out;
  auto decoded = base64_decode(request.headers.get("X-Registry-Config"));
  auto parsed = decoded ? json::parse(*decoded) : Result<json::Value>(json::Value());
  if (!parsed) return out;
  for (const auto& [server, auth] : parsed->as_object()) {
    std::string host = server == "https://index.docker.io/v1/" ? "docker.io" : server;
    out[host] = {auth.string("username"), auth.string("password"), auth.string("identitytoken"),
                 auth.string("registrytoken")};
  }
  return out;
}

Result<> Call::reply(int status, const json::Value& body) const {
  return writer.send(status, "application/json", body.dump() + "\n");
}

Result<> Call::reply_text(int status, std::string_view content_type, std::string_view body) const {
  return writer.send(status, content_type, body);
}

Result<> Call::reply_empty(int status) const { return writer.send(status, "", ""); }

namespace {

Error invalid_number(std::string_view key, std::string_view text) {
  return {Code::kInvalidArgument, cat("invalid value for ", key, ": ", skiff::quoted(text))};
}

}  // namespace

Result<int64_t> number_argument(const Call& call, std::string_view key, int64_t if_absent) {
  const std::string text = call.arg(key);
  if (text.empty()) return if_absent;
  const auto value = parse_int(text);
  if (!value) return invalid_number(key, text);
  return *value;
}

Result<int> int_argument(const Call& call, std::string_view key, int if_absent) {
  const int64_t value = TRY(number_argument(call, key, if_absent));
  if (value > INT32_MAX || value < INT32_MIN) return invalid_number(key, call.arg(key));
  return static_cast<int>(value);
}

Result<> refuse_arguments(const Call& call, std::initializer_list<std::string_view> keys) {
  for (std::string_view key : keys) {
    if (!call.flag(key)) continue;
    return Error(Code::kUnimplemented, cat("the parameter ", key, " is not supported"));
  }
  return {};
}

Result<oci::Reference> reference_argument(std::string_view repository, std::string_view tag) {
  std::string text(repository);
  if (!tag.empty()) {
    text.append(tag.find(':') == std::string_view::npos ? ":" : "@").append(tag);
  }
  return TRY(oci::Reference::parse(text)).with_default_tag();
}

Result<std::optional<oci::Platform>> platform_argument(const std::string& text) {
  if (text.empty()) return std::optional<oci::Platform>();
  if (text.front() == '{') {
    auto parsed = TRY_CONTEXT(json::parse(text), "platform");
    return std::optional(oci::Platform::from_json(parsed).normalized());
  }
  return std::optional(TRY(oci::Platform::parse(text)));
}

}  // namespace skiff::api
