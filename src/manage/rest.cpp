#include "manage/rest.h"

#include <algorithm>

#include "access/directory.h"
#include "access/roles.h"
#include "base/log.h"
#include "base/strings.h"
#include "codec/hash.h"
#include "registry/precondition.h"
#include "registry/schema.h"

namespace skiff::manage {

using registry::Answer;
using registry::Call;
using registry::Refusal;

namespace {

constexpr size_t kPage = 1'000;

constexpr registry::ErrorKind kTaken{"EXISTS", 409};
constexpr registry::ErrorKind kConflict{"DENIED", 409};

// The parts of the path that stand for {…}; nullopt where it is another one.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  const std::vector<std::string> wanted = split(pattern, '/');
  const std::vector<std::string> given = split(path, '/');
  if (wanted.size() != given.size()) return std::nullopt;
  std::vector<std::string> names;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].starts_with('{')) {
      if (given[i].empty()) return std::nullopt;
      names.push_back(given[i]);
    } else if (wanted[i] != given[i]) {
      return std::nullopt;
    }
  }
  return names;
}

std::string key_text(const json::Value& item, std::string_view key) {
  const json::Value* const value = item.find(key);
  return value->is_int() ? cat(value->as_int()) : value->as_string();
}

bool is_after(const json::Value& item, std::string_view key, const std::string& last) {
  const json::Value* const value = item.find(key);
  return value->is_int() ? value->as_int() > parse_int(last).value_or(0)
                         : value->as_string() > last;
}

std::string etag_of(const json::Value& object) { return sha256_hex(object.dump()).substr(0, 32); }

}  // namespace

registry::Extension RestApi::extension() {
  return {.prefix = std::string(kApiPrefix), .kind = "api", .handler = [this](Call& call) {
            return handle(call);
          }};
}

std::vector<ApiRoute> RestApi::routes() {
  std::vector<ApiRoute> out;
  for (const auto table :
       {account_routes(), place_routes(), operation_routes(), copy_routes(), policy_routes(),
        audit_routes(), webhook_routes(), mirror_routes(), certificate_routes()}) {
    out.insert(out.end(), table.begin(), table.end());
  }
  return out;
}

Answer<> RestApi::handle(Call& call) {
  const Caller caller = TRY(caller_of(call));
  static const std::vector<ApiRoute> kRoutes = routes();
  const std::string_view path = std::string_view(call.request.path).substr(kApiPrefix.size());
  std::vector<std::string> allowed;
  for (const ApiRoute& route : kRoutes) {
    auto names = match(route.path, path);
    if (!names) continue;
    allowed.emplace_back(route.method);
    if (route.method != call.request.method) continue;
    ApiCall api_call{*this, call, caller, *std::move(names)};
    return run(api_call, route);
  }
  if (!caller.owns_server()) return forbidden("");
  if (allowed.empty()) {
    return Refusal(registry::kNotFound, cat("no such endpoint: ", call.request.path));
  }
  call.set("Allow", join(allowed, ", "));
  return Refusal(registry::kUnsupported,
                 cat("method ", call.request.method, " is not served here"));
}

Answer<> RestApi::run(ApiCall& call, const ApiRoute& route) const {
  const bool changes = route.method != "GET";
  if (route.judge == nullptr && !call.caller.owns_server()) return note_denied(call, forbidden(""));
  if (changes) TRY(check_files());
  call.body = TRY(read_body(call.http.request, route.members));
  if (route.judge != nullptr) {
    if (Answer<> judged = route.judge(call); !judged) return note_denied(call, judged.error());
  }
  Answer<> done = route.run(call);
  if (changes) write_down(call, route, done);
  return done;
}

Refusal RestApi::note_denied(const ApiCall& call, Refusal refusal) {
  registry::AuditWriter* const audit = call.http.context.audit;
  if (audit == nullptr || refusal.kind.status != registry::kDenied.status) return refusal;
  const registry::Viewer& viewer = call.http.viewer;
  audit->note_denied({viewer.name, viewer.address, viewer.token},
                     cat("api ", call.http.request.method), call.http.request.path,
                     refusal.message);
  return refusal;
}

// The accounts' changes are in a database of their own: their rows of the audit log follow them.
void RestApi::write_down(const ApiCall& call, const ApiRoute& route, const Answer<>& done) const {
  if (call.http.context.audit == nullptr) return;
  json::Value detail = told_body(call.body, route.members);
  const bool hides = detail != call.body;
  const net::Query& query = call.http.request.query;
  for (const std::string_view name : {"place", "who", "by", "value"}) {
    if (query.has(name) && !detail.has(name)) detail.set(name, query.get(name));
  }
  for (const auto& [name, value] : call.noted.as_object()) detail.set(name, value);
  // The error may repeat what the body is not told for.
  if (!done)
    detail.set("error", hides ? std::string(done.error().kind.code) : done.error().message);
  const Result<> written =
      call.http.context.audit->record({.at = now(),
                                       .actor = call.http.viewer.name,
                                       .address = call.http.viewer.address,
                                       .action = cat("api ", route.method, " ", route.path),
                                       .target = call.http.request.path,
                                       .outcome = done ? "done" : "failed",
                                       .detail = detail.as_object().empty() ? "" : detail.dump()});
  if (!written) log_error(cat("not in the audit log: ", written.error().message()));
}

Answer<access::Store*> RestApi::find_accounts() {
  TRY(files_.check());
  if (!store_) {
    store_ = TRY(access::Store::open(root_, clock_));
    if (store_) files_ = FileWatch(root_ / access::kDatabaseName);
  }
  return store_ ? &*store_ : nullptr;
}

Answer<> RestApi::check_files() const {
  registry::Registry* const registry = registry_;
  if (registry != nullptr) TRY(registry->check_files());
  return {};
}

Answer<RestApi::Accounts> RestApi::accounts() {
  std::unique_lock lock(mutex_);
  access::Store* const store = TRY(find_accounts());
  if (store == nullptr) return Refusal(registry::kNotFound, "the registry has no accounts");
  return Accounts(std::move(lock), *store);
}

Answer<RestApi::Accounts> RestApi::accounts_to_change() {
  std::unique_lock lock(mutex_);
  if (TRY(find_accounts()) == nullptr) {
    store_ = TRY(access::Store::open_or_create(root_, clock_));
    files_ = FileWatch(root_ / access::kDatabaseName);
  }
  return Accounts(std::move(lock), *store_);
}

Answer<registry::Registry*> RestApi::registry() const {
  registry::Registry* const registry = registry_;
  if (registry == nullptr) return Refusal(registry::kUnavailable, "the registry is starting");
  return registry;
}

Answer<Database> RestApi::database() const {
  TRY(check_files());
  return as_answer(registry::open_registry_database(root_));
}

Refusal refusal_of(const Error& error) {
  switch (error.code()) {
    case Code::kInvalidArgument:
      return {kInvalid, error.message()};
    case Code::kNotFound:
      return {registry::kNotFound, error.message()};
    case Code::kAlreadyExists:
      return {kTaken, error.message()};
    case Code::kUnavailable:
      return {registry::kUnavailable, error.message()};
    case Code::kFailedPrecondition:
    case Code::kUnimplemented:
      return {kConflict, error.message()};
    default:
      return Refusal(error);
  }
}

Answer<> reply_object(ApiCall& call, const json::Value& object, int status) {
  call.http.set("ETag", cat("\"", etag_of(object), "\""));
  return call.http.reply(status, "application/json", object.dump());
}

Answer<> check_match(const ApiCall& call, const json::Value& object) {
  const std::string given = call.http.header("If-Match");
  if (given.empty() || given == "*") return {};
  for (const std::string& each : split(given, ',')) {
    if (trim(each) == cat("\"", etag_of(object), "\"")) return {};
  }
  return Refusal(registry::kPreconditionFailed, "it has changed since it was read");
}

Answer<size_t> page_size(const ApiCall& call) {
  const net::Query& query = call.http.request.query;
  if (!query.has("n")) return kPage;
  const auto n = parse_uint(query.get("n"));
  if (n && *n > 0) return std::min<size_t>(*n, kPage);
  return Refusal(registry::kNumberInvalid, "n must be a whole number, at least 1");
}

Answer<int64_t> last_number(const ApiCall& call) {
  const std::string last = call.http.request.query.get("last");
  if (last.empty()) return 0;
  if (const auto number = parse_int(last)) return *number;
  return Refusal(registry::kNumberInvalid, "last must be the number of an item");
}

Answer<int64_t> number_of(const ApiCall& call) {
  const auto number = parse_int(call.name(0));
  if (number) return *number;
  return Refusal(registry::kNotFound, cat("no number: ", quoted(call.name(0))));
}

Answer<Path> directory_below(const ApiCall& call, std::string_view among) {
  const std::string name = call.body.string("name");
  if (name.empty() || name.starts_with('.') || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    return Refusal(kInvalid, cat("name must be that of a directory in ROOT/", among));
  }
  const Path directory = call.api.root() / among;
  std::error_code none;
  if (std::filesystem::is_directory(directory, none)) return directory / name;
  return Refusal(kConflict, cat("the server has no ", directory.native(),
                                ": its operator makes it, or a link to where it shall be"));
}

Answer<std::string> place_of_body(const ApiCall& call) {
  if (!call.body.has("place")) return std::string();
  return as_answer(access::node_named(call.body.string("place")));
}

Answer<std::string> place_of_query(const ApiCall& call) {
  const net::Query& query = call.http.request.query;
  if (!query.has("place")) return Refusal(kInvalid, "place is needed");
  return as_answer(access::node_named(query.get("place")));
}

Answer<> reply_page(ApiCall& call, std::string_view name, std::string_view key,
                    const json::Array& items) {
  const net::Query& query = call.http.request.query;
  const size_t limit = TRY(page_size(call));
  const std::string last = query.get("last");
  if (!last.empty() && !items.empty() && items.front().find(key)->is_int()) {
    TRY(last_number(call));
  }
  json::Array page;
  for (const json::Value& item : items) {
    if (!last.empty() && !is_after(item, key, last)) continue;
    if (page.size() == limit) {
      net::Query next;
      next.add("n", cat(limit)).add("last", key_text(page.back(), key));
      for (const std::string_view kept : {"repository", "account", "place"}) {
        if (query.has(kept)) next.add(kept, query.get(kept));
      }
      call.http.set("Link", cat("<", call.http.request.path, "?", next.str(), ">; rel=\"next\""));
      break;
    }
    page.push_back(item);
  }
  return call.http.reply_json(json::object({{std::string(name), std::move(page)}}));
}

std::string time_member(TimePoint time) { return time == TimePoint{} ? "" : format_rfc3339(time); }

Answer<TimePoint> expiry_member(const ApiCall& call) {
  const std::string text = call.body.string("expires");
  if (text.empty()) return TimePoint{};
  const auto time = parse_rfc3339(text);
  if (time && *time > call.api.now()) return *time;
  return Refusal(kInvalid, "expires must be a time to come, as in 2027-01-31T00:00:00Z");
}

}  // namespace skiff::manage
