// RestApi: /api/v1, what an operator does with a registry, over HTTP: repositories, accounts,
// grants, tokens, and the operations of operations.h. docs/registry-api.yaml describes each
// request, and is served at /api/v1/openapi.yaml as it is.
//
//   manage::RestApi api(root, clock);
//   options.extensions.push_back(api.extension());
//   auto registry = TRY(open_registry(options));
//   api.serve(*registry);                 // until then operations are answered 503
//
// It asks for `own` on the server, by a password or a token without limits; where the registry has
// no accounts, who may push and delete anything may do this, too. Some routes have a judge of their
// own: of a place, those that say who may what there, ask for `own` on it; an account may change
// its password, and its tokens. Errors have the form of the distribution API's. Lists come in pages
// (`n`, `last`, `Link`). What can be changed has an ETag, and changes take If-Match. Thread-safe.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "access/store.h"
#include "db/database.h"
#include "db/file_watch.h"
#include "manage/caller.h"
#include "manage/operations.h"
#include "manage/request_body.h"
#include "registry/call.h"
#include "registry/extension.h"

namespace skiff::manage {

inline constexpr std::string_view kApiPrefix = "/api/v1";

class RestApi;

// One request on its way.
struct ApiCall {
  RestApi& api;
  registry::Call& http;
  const Caller& caller;
  std::vector<std::string> names;  // what stands for {…} in the path
  json::Value body = {};           // an object, of requests that have one
  json::Value noted = {};          // members that the audit log is told beside body and query

  const std::string& name(size_t i) const { return names[i]; }
};

struct ApiRoute {
  std::string_view method;
  std::string_view path;  // below the prefix: "/users/{name}"
  // Of the body, where there is one (request_body.h).
  std::string_view members;
  registry::Answer<> (*run)(ApiCall&);
  // Refuses who may not; before `run`, and with the body. Without one the server must be theirs.
  registry::Answer<> (*judge)(ApiCall&) = nullptr;
};

class RestApi {
 public:
  RestApi(Path root, const Clock& clock) : root_(std::move(root)), clock_(clock) {}
  RestApi(const RestApi&) = delete;
  RestApi& operator=(const RestApi&) = delete;

  // Must not outlive this.
  registry::Extension extension();
  void serve(registry::Registry& registry) { registry_ = &registry; }
  // What /configuration tells, without secrets; before it serves.
  void show_configuration(std::string text) { configuration_ = std::move(text); }

  static std::vector<ApiRoute> routes();

  // For the routes.

  // The accounts, by one request at a time. kNotFound where the registry has none, unless it is
  // made for them.
  class Accounts {
   public:
    access::Store& operator*() { return *store_; }

   private:
    friend class RestApi;
    Accounts(std::unique_lock<std::mutex> lock, access::Store& store)
        : lock_(std::move(lock)), store_(&store) {}
    std::unique_lock<std::mutex> lock_;
    access::Store* store_;
  };
  registry::Answer<Accounts> accounts();
  registry::Answer<Accounts> accounts_to_change();
  registry::Answer<registry::Registry*> registry() const;
  // A connection of the request's own to the registry's tables.
  registry::Answer<Database> database() const;
  TimePoint now() const { return clock_.now(); }
  const Path& root() const { return root_; }
  const std::string& configuration() const { return configuration_; }

 private:
  registry::Answer<> handle(registry::Call& call);
  registry::Answer<> run(ApiCall& call, const ApiRoute& route) const;
  // 401 where it is nobody, and that is not enough.
  registry::Answer<Caller> caller_of(registry::Call& call);
  // The same, having told the audit log.
  static registry::Refusal note_denied(const ApiCall& call, registry::Refusal refusal);
  // Under mutex_: null where the registry has none.
  registry::Answer<access::Store*> find_accounts();
  // Not on top of a registry.db that is lost.
  registry::Answer<> check_files() const;
  // Who did what, without secrets.
  void write_down(const ApiCall& call, const ApiRoute& route, const registry::Answer<>& done) const;

  const Path root_;
  const Clock& clock_;
  std::string configuration_;
  std::mutex mutex_;  // guards the next two
  std::optional<access::Store> store_;
  FileWatch files_;  // of store_, where it is a file
  std::atomic<registry::Registry*> registry_ = nullptr;
};

// Judges of routes.

registry::Refusal forbidden(std::string_view node);
// Who owns the node.
registry::Answer<> owner_of(const ApiCall& call, const std::string& node);
// Who owns the `place` of the body, or of the query: that which the route goes by. Where there is
// none, the server.
registry::Answer<> owner_of_body_place(ApiCall& call);
registry::Answer<> owner_of_query_place(ApiCall& call);
// For lists: who owns the query's `place`, where it has one, or else any. Only what the caller owns
// may be listed then.
registry::Answer<> owner_of_something(ApiCall& call);
// Whether the account is the caller's own, shown by its password.
bool is_self(const ApiCall& call, std::string_view account);

// Helpers of the routes.

// An error of the accounts, as a client's: its name is not there, is taken, or has no such form.
registry::Refusal refusal_of(const Error& error);
template <typename T>
registry::Answer<T> as_answer(Result<T> result) {
  if (!result) return refusal_of(result.error());
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return *std::move(result);
  }
}
// 200, or 201 for what was made; with the ETag of `object`.
registry::Answer<> reply_object(ApiCall& call, const json::Value& object, int status = 200);
// 412 where If-Match is there and names not what `object` is now.
registry::Answer<> check_match(const ApiCall& call, const json::Value& object);
// How many items the request's page has at most; 400 where `n` is no number above 0.
registry::Answer<size_t> page_size(const ApiCall& call);
// A page of the items, which are sorted by their member `key`, a string or a number: {NAME: [...]}.
registry::Answer<> reply_page(ApiCall& call, std::string_view name, std::string_view key,
                              const json::Array& items);
// Of lists by number: behind which one the page begins; 400 where `last` is none.
registry::Answer<int64_t> last_number(const ApiCall& call);
// The number that the path's first {…} is; 404 where it is none.
registry::Answer<int64_t> number_of(const ApiCall& call);
// ROOT/`among`/NAME, where `name` of the body is NAME. Who may do this over the network is not
// thereby one who reaches any directory of the server: ROOT/`among` is there where the operator
// made it, as are its links to elsewhere.
registry::Answer<Path> directory_below(const ApiCall& call, std::string_view among);
// Runs one of operations.h, and replies with its result and the problems that it told of.
registry::Answer<> run_operation(ApiCall& call, std::string_view name,
                                 const json::Value& arguments);
// The node of the body's `place`; the server where it has none.
registry::Answer<std::string> place_of_body(const ApiCall& call);
// The node of the query's `place`, which must be there.
registry::Answer<std::string> place_of_query(const ApiCall& call);
// RFC 3339; "" for never. And back: an absent or empty member is never.
std::string time_member(TimePoint time);
registry::Answer<TimePoint> expiry_member(const ApiCall& call);

// The tables, a file each.
std::span<const ApiRoute> account_routes();
std::span<const ApiRoute> place_routes();
std::span<const ApiRoute> operation_routes();
std::span<const ApiRoute> copy_routes();
std::span<const ApiRoute> policy_routes();
std::span<const ApiRoute> audit_routes();
std::span<const ApiRoute> certificate_routes();
std::span<const ApiRoute> webhook_routes();
std::span<const ApiRoute> mirror_routes();

// docs/registry-api.yaml.
std::string_view api_document();

}  // namespace skiff::manage
