#include "registry/router.h"

#include <algorithm>

#include "base/log.h"
#include "base/scope_exit.h"
#include "base/strings.h"
#include "oci/reference.h"
#include "registry/request_id.h"

namespace skiff::registry {

namespace {

// The tags that a request concerns.
enum class Tags {
  kNone,
  kNamed,       // its own, where it names one
  kNamedOrAny,  // its own; any that there may be where it names none
  kAny,
};

// A method of an endpoint: what it needs, and what is answered where the repository is hidden from
// the viewer.
struct Method {
  std::string_view name;
  Action action;
  Handler handler;
  Handler hidden;
  Tags tags = Tags::kNone;
};

// /v2/NAME + infix [+ REFERENCE]
struct Endpoint {
  std::string_view kind;  // for observers
  std::string_view infix;
  bool has_reference;
  std::vector<Method> methods;
};

// The first that fits counts: a name may hold any of these words, a reference no slash.
const std::vector<Endpoint>& endpoints() {
  using enum Action;
  static const std::vector<Endpoint> kEndpoints = {
      {"upload",
       "/blobs/uploads/",
       true,
       {{"GET", kPush, upload_status, hidden_repository},
        {"HEAD", kPush, upload_status, hidden_repository},
        {"PATCH", kPush, upload_chunk, hidden_repository},
        {"PUT", kPush, finish_upload, hidden_repository},
        {"DELETE", kPush, cancel_upload, hidden_repository}}},
      {"upload", "/blobs/uploads/", false, {{"POST", kPush, start_upload, hidden_repository}}},
      {"upload", "/blobs/uploads", false, {{"POST", kPush, start_upload, hidden_repository}}},
      {"blob",
       "/blobs/",
       true,
       {{"GET", kPull, get_blob, hidden_blob},
        {"HEAD", kPull, get_blob, hidden_blob},
        // It may be a part of what any tag named, as long as the trash has that.
        {"DELETE", kDelete, delete_blob, hidden_blob, Tags::kAny}}},
      {"manifest",
       "/manifests/",
       true,
       {{"GET", kPull, get_manifest, hidden_manifest, Tags::kNamed},
        {"HEAD", kPull, get_manifest, hidden_manifest, Tags::kNamed},
        {"PUT", kPush, put_manifest, hidden_repository, Tags::kNamed},
        {"DELETE", kDelete, delete_manifest, hidden_manifest, Tags::kNamedOrAny}}},
      {"referrers",
       "/referrers/",
       true,
       {{"GET", kPull, list_referrers, hidden_referrers},
        {"HEAD", kPull, list_referrers, hidden_referrers}}},
      {"history",
       "/_skiff/history/",
       true,
       {{"GET", kPush, list_history, hidden_repository, Tags::kNamedOrAny},
        {"HEAD", kPush, list_history, hidden_repository, Tags::kNamedOrAny}}},
      {"history",
       "/_skiff/history",
       false,
       {{"GET", kPush, list_history, hidden_repository, Tags::kAny},
        {"HEAD", kPush, list_history, hidden_repository, Tags::kAny}}},
      {"history",
       "/_skiff/trash",
       false,
       {{"GET", kPush, list_trash, hidden_repository, Tags::kAny},
        {"HEAD", kPush, list_trash, hidden_repository, Tags::kAny}}},
      // What an index lists comes back with all its tags.
      {"history",
       "/_skiff/restore/",
       true,
       {{"POST", kPush, restore_manifest, hidden_manifest, Tags::kAny}}},
      {"tags",
       "/tags/list",
       false,
       {{"GET", kPull, list_tags, hidden_tags}, {"HEAD", kPull, list_tags, hidden_tags}}},
  };
  return kEndpoints;
}

const Endpoint& catalog_endpoint() {
  static const Endpoint kCatalog{
      "catalog",
      "",
      false,
      {{"GET", Action::kCatalog, list_repositories, hidden_repository},
       {"HEAD", Action::kCatalog, list_repositories, hidden_repository}}};
  return kCatalog;
}

const Endpoint& base_endpoint() {
  using enum Action;
  static const Endpoint kBase{"base",
                              "",
                              false,
                              {{"GET", kEnter, check_version, hidden_repository},
                               {"HEAD", kEnter, check_version, hidden_repository}}};
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

Answer<const Method*> find_method(const Target& target, const Call& call) {
  std::vector<std::string> allowed;
  for (const Method& method : target.endpoint->methods) {
    if (method.name == call.request.method) return &method;
    allowed.emplace_back(method.name);
  }
  call.set("Allow", join(allowed, ", "));
  return Refusal(kUnsupported, cat("method ", call.request.method, " is not supported here"));
}

// The request's own part in it is judged here: path and method.
Answer<const Method*> find_endpoint(Call& call) {
  std::optional<Target> target = find_target(call.request.path);
  if (!target) return Refusal(kNotFound, cat("no such endpoint: ", call.request.path));
  call.endpoint = target->endpoint->kind;
  const Method* method = TRY(find_method(*target, call));
  const bool named = !target->endpoint->infix.empty();
  if (named && !oci::valid_repository_path(target->name)) {
    return Refusal(kNameInvalid, cat("invalid repository name ", quoted(target->name)),
                   json::object({{"name", target->name}}));
  }
  call.name = target->name;
  call.asked = std::move(target->name);
  call.reference = std::move(target->reference);
  if (named && call.context.upstreams != nullptr) {
    call.name = TRY(call.context.upstreams->repository(call, method->action == Action::kPull));
  }
  return method;
}

Need need_of(const Method& method, const Call& call) {
  Need need{.action = method.action, .repository = call.name};
  if (method.tags == Tags::kNone) return need;
  if (method.handler == put_manifest) need.tags = call.request.query.all("tag");
  const bool by_tag = !call.reference.empty() && call.reference.find(':') == std::string::npos;
  if (by_tag) need.tags.push_back(call.reference);
  need.any_tag = method.tags == Tags::kAny || (method.tags == Tags::kNamedOrAny && !by_tag);
  return need;
}

Refusal ask_for_login(const Call& call, const Need& need, bool wrong) {
  call.writer.headers().erase("Allow");
  call.set("WWW-Authenticate", call.context.access.challenge(call.request, need, wrong));
  return {kUnauthorized, "authentication required"};
}

Answer<> identify(Call& call) {
  Result<Viewer> viewer = call.context.access.identify(call.request);
  if (viewer) {
    call.viewer = std::move(*viewer);
    return {};
  }
  if (viewer.error().code() == Code::kResourceExhausted) return guessed_too_often(viewer.error());
  if (viewer.error().code() != Code::kUnauthenticated) return viewer.error();
  const Answer<const Method*> method = find_endpoint(call);
  return ask_for_login(call, method ? need_of(**method, call) : Need{}, true);
}

// Strangers are not told which requests have a form that would be served.
Answer<> refuse_form(const Call& call, Refusal refusal) {
  if (TRY(call.context.access.may(call.viewer, {})) == Decision::kLogin) {
    return ask_for_login(call, {}, false);
  }
  return refusal;
}

std::string_view word_of(Action action) {
  if (action == Action::kDelete) return "delete";
  return action == Action::kPush ? "push" : "pull";
}

// Of who is known, or what policy forbids anybody: strangers are told to log in, day in, day out.
void note_denied(const Call& call, const std::string& why) {
  if (call.context.audit == nullptr) return;
  if (why.empty() && call.viewer.kind == Viewer::Kind::kAnonymous) return;
  const Viewer& viewer = call.viewer;
  call.context.audit->note_denied({viewer.name, viewer.address, viewer.token},
                                  std::string(word_of(call.need.action)), call.name, why);
}

// True where the answer came from another registry.
Answer<bool> ask_upstreams(Call& call, const Method& method) {
  Upstreams* upstreams = call.context.upstreams;
  if (upstreams == nullptr || !upstreams->covers(call.name)) return false;
  if (method.name == "PUT" || method.name == "POST" || method.name == "PATCH") {
    return Refusal(kUnsupported, cat(call.asked, " keeps images of another registry: push there"),
                   json::object({{"name", call.asked}}));
  }
  if (method.handler == get_manifest) return upstreams->manifest(call);
  if (method.handler == get_blob) return upstreams->blob(call);
  if (method.handler == list_tags) return upstreams->tags(call);
  if (method.handler == list_referrers) return upstreams->referrers(call);
  return false;
}

Answer<> dispatch(Call& call) {
  TRY(identify(call));
  Answer<const Method*> method = find_endpoint(call);
  if (!method) return refuse_form(call, std::move(method.error()));
  const Need& need = call.need = need_of(**method, call);
  switch (TRY(call.context.access.may(call.viewer, need))) {
    case Decision::kYes: {
      if (TRY(ask_upstreams(call, **method))) return {};
      Answer<> answer = (*method)->handler(call);
      if (!answer && answer.error().kind.status == kDenied.status) {
        note_denied(call, answer.error().message);
      }
      return answer;
    }
    case Decision::kHidden:
      note_denied(call, "");
      return (*method)->hidden(call);
    case Decision::kLogin:
      return ask_for_login(call, need, false);
    case Decision::kForbidden:
      note_denied(call, "");
      break;
  }
  return Refusal(kDenied, "the requested access to the repository is denied",
                 json::object({{"name", call.asked}}));
}

const Extension* find_extension(const Context& context, std::string_view path) {
  const auto found = std::ranges::find_if(context.extensions, [&](const Extension& extension) {
    return is_below(path, extension.prefix);
  });
  return found == context.extensions.end() ? nullptr : &*found;
}

Answer<> serve(Call& call) {
  const std::string& path = call.request.path;
  // It judges credentials itself: who comes there wants to show them.
  if (path == kTokenPath) {
    call.endpoint = "token";
    return issue_token(call);
  }
  const Extension* extension = find_extension(call.context, path);
  if (extension == nullptr) return dispatch(call);
  call.endpoint = extension->kind;
  if (extension->identifies) TRY(identify(call));
  return extension->handler(call);
}

void refuse(const Call& call, const Refusal& refusal) {
  const std::string what = cat("request ", call.id, ": ", call.request.method, " ",
                               call.request.path, ": ", refusal.kind.status, " ");
  log_debug(cat(what, refusal.kind.code, ": ", refusal.message));
  if (!refusal.cause.empty()) log_error(cat(what, refusal.cause));
  if (call.writer.started()) return;
  // Fields that described an entity do not describe the error.
  for (std::string_view field : {"ETag", "Docker-Content-Digest", "Cache-Control"}) {
    call.writer.headers().erase(field);
  }
  if (refusal.retry_after) call.set("Retry-After", cat(refusal.retry_after->count()));
  auto sent =
      call.writer.send(refusal.kind.status, "application/json", error_body(refusal, call.id));
  if (!sent) log_debug(cat("answer not sent: ", sent.error().message()));
}

using SteadyTime = std::chrono::steady_clock::time_point;

void tell_observers(const Call& call, SteadyTime begun, std::string_view error) {
  if (call.context.observers.empty()) return;
  const net::Traffic traffic = call.writer.traffic();
  const std::string address = client_address(call.request);
  const std::string user_agent = call.header("User-Agent");
  const RequestRecord record{.id = call.id,
                             .method = call.request.method,
                             .path = call.request.path,
                             .endpoint = call.endpoint,
                             .repository = call.name,
                             .reference = call.reference,
                             .viewer = call.viewer,
                             .address = address,
                             .user_agent = user_agent,
                             .tls = call.request.tls,
                             .status = traffic.status,
                             .error = error,
                             .received = traffic.received,
                             .sent = traffic.sent,
                             .broken = traffic.broken,
                             .duration = std::chrono::steady_clock::now() - begun};
  for (Observer* observer : call.context.observers) observer->answered(record);
}

void answer(const Context& context, net::Request& request, net::ResponseWriter& writer) {
  const SteadyTime begun = std::chrono::steady_clock::now();
  Call call{context, request, writer, "", "", {}, request_id(request)};
  for (Observer* observer : context.observers) observer->began();
  std::string_view error;
  // Also where something throws.
  const ScopeExit told([&] { tell_observers(call, begun, error); });
  call.set("Docker-Distribution-Api-Version", "registry/2.0");
  call.set(kRequestIdField, call.id);
  const Answer<> served = serve(call);
  if (served) return;
  error = served.error().kind.code;
  refuse(call, served.error());
}

}  // namespace

void observe_refused(const Context& context, int status, const std::string& remote) {
  const net::Request nothing{.remote = remote};
  const std::string id = request_id(nothing);
  const std::string address = client_address(nothing);
  const Viewer nobody;
  const RequestRecord record{
      .id = id, .endpoint = "other", .viewer = nobody, .address = address, .status = status};
  for (Observer* observer : context.observers) {
    observer->began();
    observer->answered(record);
  }
}

net::Handler make_handler(const Context& context) {
  return [&context](net::Request& request, net::ResponseWriter& writer) {
    answer(context, request, writer);
  };
}

}  // namespace skiff::registry
