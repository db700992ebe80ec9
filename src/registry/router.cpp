#include "registry/router.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "oci/reference.h"

namespace skiff::registry {

namespace {

struct Method {
  std::string_view name;
  Handler handler;
};

// /v2/NAME + infix [+ REFERENCE]
struct Endpoint {
  std::string_view infix;
  bool has_reference;
  std::vector<Method> methods;
};

// The first that fits counts: a name may hold any of these words, a reference no slash.
const std::vector<Endpoint>& endpoints() {
  static const std::vector<Endpoint> kEndpoints = {
      {"/blobs/uploads/",
       true,
       {{"GET", upload_status},
        {"PATCH", upload_chunk},
        {"PUT", finish_upload},
        {"DELETE", cancel_upload}}},
      {"/blobs/uploads/", false, {{"POST", start_upload}}},
      {"/blobs/uploads", false, {{"POST", start_upload}}},
      {"/blobs/", true, {{"GET", get_blob}, {"HEAD", get_blob}, {"DELETE", delete_blob}}},
      {"/manifests/",
       true,
       {{"GET", get_manifest},
        {"HEAD", get_manifest},
        {"PUT", put_manifest},
        {"DELETE", delete_manifest}}},
      {"/referrers/", true, {{"GET", list_referrers}, {"HEAD", list_referrers}}},
      {"/tags/list", false, {{"GET", list_tags}, {"HEAD", list_tags}}},
  };
  return kEndpoints;
}

const Endpoint& catalog_endpoint() {
  static const Endpoint kCatalog{"", false, {{"GET", list_repositories}}};
  return kCatalog;
}

const Endpoint& base_endpoint() {
  static const Endpoint kBase{"", false, {{"GET", check_version}, {"HEAD", check_version}}};
  return kBase;
}

struct Target {
  const Endpoint* endpoint = nullptr;
  std::string name;
  std::string reference;
};

// What is left of `rest` before the endpoint's words; nullopt where they are not there.
std::optional<Target> match(const Endpoint& endpoint, std::string_view rest) {
  std::string_view reference;
  if (endpoint.has_reference) {
    const size_t slash = rest.rfind('/');
    if (slash == std::string_view::npos || slash + 1 == rest.size()) return std::nullopt;
    reference = rest.substr(slash + 1);
    rest = rest.substr(0, slash + 1);
  }
  if (!rest.ends_with(endpoint.infix)) return std::nullopt;
  rest.remove_suffix(endpoint.infix.size());
  return Target{&endpoint, std::string(rest), std::string(reference)};
}

std::optional<Target> find_target(std::string_view path) {
  constexpr std::string_view kBase = "/v2";
  if (!path.starts_with(kBase)) return std::nullopt;
  std::string_view rest = path.substr(kBase.size());
  if (rest.empty() || rest == "/") return Target{&base_endpoint(), "", ""};
  if (rest == "/_catalog") return Target{&catalog_endpoint(), "", ""};
  if (!rest.starts_with('/')) return std::nullopt;
  rest.remove_prefix(1);
  for (const Endpoint& endpoint : endpoints()) {
    if (auto target = match(endpoint, rest)) return target;
  }
  return std::nullopt;
}

Answer<Handler> find_handler(const Target& target, const net::Request& request,
                             net::ResponseWriter& writer) {
  std::vector<std::string> allowed;
  for (const Method& method : target.endpoint->methods) {
    if (method.name == request.method) return method.handler;
    allowed.emplace_back(method.name);
  }
  writer.headers().set("Allow", join(allowed, ", "));
  return Refusal(kUnsupported, cat("method ", request.method, " is not supported here"));
}

Answer<> check_user(Htpasswd* users, const net::Request& request, net::ResponseWriter& writer) {
  if (users == nullptr || users->allows(request.headers.get("Authorization"))) return {};
  writer.headers().set("WWW-Authenticate", "Basic realm=\"Skiff registry\", charset=\"UTF-8\"");
  return Refusal(kUnauthorized, "authentication required");
}

Answer<> dispatch(const Context& context, Htpasswd* users, net::Request& request,
                  net::ResponseWriter& writer) {
  TRY(check_user(users, request, writer));
  std::optional<Target> target = find_target(request.path);
  if (!target) return Refusal(kNotFound, cat("no such endpoint: ", request.path));
  const Handler handler = TRY(find_handler(*target, request, writer));
  const bool named = !target->endpoint->infix.empty();
  if (named && !oci::valid_repository_path(target->name)) {
    return Refusal(kNameInvalid, cat("invalid repository name ", quoted(target->name)),
                   json::object({{"name", target->name}}));
  }
  Call call{context, request, writer, std::move(target->name), std::move(target->reference)};
  return handler(call);
}

void refuse(const net::Request& request, net::ResponseWriter& writer, const Refusal& refusal) {
  log_debug(cat(request.method, " ", request.path, ": ", refusal.kind.status, " ",
                refusal.kind.code, ": ", refusal.message));
  if (writer.started()) return;
  // Fields that described an entity do not describe the error.
  for (std::string_view field : {"ETag", "Docker-Content-Digest", "Cache-Control"}) {
    writer.headers().erase(field);
  }
  auto sent = writer.send(refusal.kind.status, "application/json", error_body(refusal));
  if (!sent) log_debug(cat("answer not sent: ", sent.error().message()));
}

}  // namespace

net::Handler make_handler(const Context& context, Htpasswd* users) {
  return [&context, users](net::Request& request, net::ResponseWriter& writer) {
    writer.headers().set("Docker-Distribution-Api-Version", "registry/2.0");
    Answer<> answer = dispatch(context, users, request, writer);
    if (!answer) refuse(request, writer, answer.error());
  };
}

}  // namespace skiff::registry
