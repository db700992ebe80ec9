// The REST API against a served registry. Each operation of docs/registry-api.yaml is called here,
// and the document has each operation that there is.
#include "manage/rest.h"

#include "codec/yaml.h"
#include "manage/test_rest.h"

namespace skiff::manage {
namespace {

std::set<std::string> documented() {
  std::set<std::string> out;
  const auto document = yaml::parse(api_document());
  EXPECT_TRUE(document) << document.error().message();
  for (const yaml::Member& top : document->members) {
    if (top.key != "paths") continue;
    for (const yaml::Member& path : top.value.members) {
      for (const yaml::Member& method : path.value.members) {
        out.insert(cat(to_upper(method.key), " ", path.key));
      }
    }
  }
  return out;
}

std::set<std::string> served() {
  std::set<std::string> out;
  for (const ApiRoute& route : RestApi::routes()) out.insert(cat(route.method, " ", route.path));
  return out;
}

TEST_F(RestTest, EachOperationOfTheDocumentDoesWhatItSays) {
  EXPECT_EQ(documented(), served());
  EXPECT_EQ(call("GET", "/openapi.yaml").body, api_document());

  // Without accounts anybody who may push may make the first one.
  EXPECT_EQ(call("GET", "/users").status, 404);
  Reply made = call("POST", "/users", {}, R"({"name":"ann","password":"secret-1","role":"own"})");
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(call("GET", "/users").status, 401);
  log_in("ann", "secret-1");
  EXPECT_EQ(call("POST", "/users", {}, R"({"name":"bob","password":"other-one"})").status, 201);
  EXPECT_EQ(call("POST", "/users", {}, R"({"name":"bob","password":"other-one"})").status, 409);
  EXPECT_EQ(call("GET", "/users").json().array("users").size(), 2u);
  Reply page = call("GET", "/users", {}, "", "?n=1");
  EXPECT_EQ(page.json().array("users").at(0).string("name"), "ann");
  EXPECT_EQ(page.header("Link"), "</api/v1/users?n=1&last=ann>; rel=\"next\"");
  EXPECT_EQ(
      call("GET", "/users", {}, "", "?n=1&last=ann").json().array("users").at(0).string("name"),
      "bob");
  const std::string etag = call("GET", "/users/{name}", {"bob"}).header("ETag");
  ASSERT_FALSE(etag.empty());
  EXPECT_EQ(
      call("PATCH", "/users/{name}", {"bob"}, R"({"disabled":true})", "", {{"If-Match", etag}})
          .status,
      200);
  EXPECT_EQ(
      call("PATCH", "/users/{name}", {"bob"}, R"({"disabled":false})", "", {{"If-Match", etag}})
          .status,
      412);
  EXPECT_EQ(call("PATCH", "/users/{name}", {"bob"}, R"({"disabled":false,"password":"third-one"})")
                .status,
            200);

  made = call("POST", "/robots", {}, R"({"name":"acme+ci","role":"push"})");
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_FALSE(made.json().string("secret").empty());
  EXPECT_EQ(call("GET", "/robots").json().array("robots").size(), 1u);
  EXPECT_EQ(call("GET", "/robots/{name}", {"acme+ci"}).json().string("name"), "acme+ci");
  EXPECT_EQ(call("GET", "/users/{name}", {"acme+ci"}).status, 404);
  EXPECT_NE(call("POST", "/robots/{name}/secret", {"acme+ci"}).json().string("secret"),
            made.json().string("secret"));

  made =
      call("POST", "/tokens", {},
           R"({"account":"bob","label":"laptop","limits":[{"repositories":"a/*","role":"pull"}]})");
  EXPECT_EQ(made.status, 201) << made.body;
  const std::string id = made.json().string("id");
  const json::Value token =
      call("GET", "/tokens", {}, "", "?account=bob").json().array("tokens").at(0);
  EXPECT_EQ(token.string("id"), id);
  EXPECT_EQ(token.array("limits").at(0).string("role"), "pull");
  EXPECT_EQ(call("DELETE", "/tokens/{id}", {id}).status, 204);
  EXPECT_NE(
      call("GET", "/tokens", {}, "", "?account=bob").json().array("tokens").at(0).string("revoked"),
      "");

  EXPECT_EQ(call("POST", "/teams", {}, R"({"name":"acme/devs"})").status, 201);
  EXPECT_EQ(call("GET", "/teams").json().array("teams").size(), 1u);
  const std::vector<std::string> bob = {"acme", "devs", "bob"};
  EXPECT_EQ(call("PUT", "/teams/{organisation}/{team}/members/{name}", bob).status, 204);
  EXPECT_EQ(call("GET", "/teams/{organisation}/{team}", {"acme", "devs"}).json().strings("members"),
            std::vector<std::string>{"bob"});
  EXPECT_EQ(call("DELETE", "/teams/{organisation}/{team}/members/{name}", bob).status, 204);

  EXPECT_EQ(
      call("PUT", "/grants", {}, R"({"place":"acme","who":"team:acme/devs","role":"push"})").status,
      204);
  EXPECT_EQ(call("GET", "/grants", {}, "", "?place=acme").json().array("grants").size(), 2u);
  EXPECT_EQ(call("DELETE", "/grants", {}, "", "?place=acme&who=team:acme/devs").status, 204);
  EXPECT_EQ(call("DELETE", "/grants", {}, "", "?place=acme&who=team:acme/devs").status, 404);
  // The server's are taken back by its name alone.
  EXPECT_EQ(call("PUT", "/grants", {}, R"({"place":"/","who":"bob","role":"pull"})").status, 204);
  EXPECT_EQ(call("DELETE", "/grants", {}, "", "?who=bob").status, 400);
  EXPECT_EQ(call("DELETE", "/grants", {}, "", "?place=/&who=bob").status, 204);
  EXPECT_EQ(call("PUT", "/visibility", {}, R"({"place":"a","visibility":"public"})").status, 204);
  EXPECT_EQ(call("DELETE", "/teams/{organisation}/{team}", {"acme", "devs"}).status, 204);
  EXPECT_EQ(call("DELETE", "/robots/{name}", {"acme+ci"}).status, 204);
  EXPECT_EQ(call("DELETE", "/users/{name}", {"bob"}).status, 204);
  EXPECT_EQ(call("GET", "/users/{name}", {"bob"}).status, 404);

  EXPECT_TRUE(call("GET", "/repositories").json().array("repositories").empty());
  EXPECT_EQ(call("GET", "/tags", {}, "", "?repository=a").status, 404);
  EXPECT_EQ(call("POST", "/check", {}, R"({"deep":true})").json().integer("found"), 0);
  EXPECT_EQ(call("POST", "/gc", {}, R"({"dryRun":true})").json().integer("blobs"), 0);
  call_policies();
  call_webhooks();
  call_mirrors();
  call_certificates();
  call_copies();
  call_audit();
  EXPECT_EQ(called_, documented());

  // What was changed is in the audit log, and no secret is.
  auto db = Database::open(options_.root / "registry.db", registry::migrations());
  ASSERT_TRUE(db) << db.error().message();
  auto rows = db->prepare(
      "SELECT count(*), sum(detail LIKE '%secret%') FROM audit WHERE action LIKE 'api %'");
  ASSERT_TRUE(rows && *rows->step());
  EXPECT_GE(rows->integer(0), 20);
  EXPECT_EQ(rows->integer(1), 0);
}

TEST_F(RestTest, RetentionIsToldAndRun) {
  push_image("a", "1", "{}", {"one"});
  clock_.advance(std::chrono::seconds(5));
  push_image("a", "2", "{}", {"two"});
  EXPECT_EQ(call("POST", "/retention", {}, R"({"place":"/","keepLast":1})").status, 201);
  EXPECT_EQ(call("POST", "/retention/run", {}, R"({"dryRun":"yes"})").status, 400);
  json::Value done = call("POST", "/retention/run", {}, R"({"dryRun":true})").json();
  EXPECT_EQ(done.integer("deleted"), 1) << done.dump();
  EXPECT_EQ(done.array("verdicts").size(), 2u);
  EXPECT_EQ(call("GET", "/tags", {}, "", "?repository=a").json().array("tags").size(), 2u);
  done = call("POST", "/retention/run").json();
  EXPECT_EQ(done.integer("deleted"), 1) << done.dump();
  const Reply tags = call("GET", "/tags", {}, "", "?repository=a");
  ASSERT_EQ(tags.json().array("tags").size(), 1u) << tags.body;
  EXPECT_EQ(tags.json().array("tags").at(0).string("name"), "2");
}

TEST_F(RestTest, RulesOfWhatIsNoneAreRefusedAndNotMade) {
  const auto refused = [&](const std::string& method, const std::string& route,
                           const std::string& body) {
    EXPECT_EQ(call(method, route, {}, body).status, 400) << body;
  };
  refused("POST", "/rules", R"({"kind":"loose","place":"/"})");
  refused("POST", "/rules", R"({"kind":"immutable","place":"/","role":"own"})");
  refused("POST", "/rules", R"({"kind":"immutable","place":"/","tags":"["})");
  refused("PUT", "/quotas", R"({"place":"/","bytes":-1})");
  refused("PUT", "/quotas", R"({"place":"/","bytes":"1"})");
  refused("POST", "/retention", R"({"place":"/"})");
  refused("POST", "/retention", R"({"place":"/","keepLast":"3","keepSet":"1d"})");
  refused("POST", "/retention", R"({"place":"/","keepSet":"1y"})");
  refused("POST", "/gc", R"({"dryRun":"true"})");
  EXPECT_EQ(call("PUT", "/quotas", {}, R"({"place":"/","bytes":1})").status, 204);
  EXPECT_EQ(call("DELETE", "/quotas").status, 400);  // not that of the server
  EXPECT_TRUE(call("GET", "/rules").json().array("rules").empty());
  EXPECT_TRUE(call("GET", "/retention").json().array("rules").empty());
  EXPECT_EQ(call("GET", "/quotas").json().array("quotas").size(), 1u);
}

TEST_F(RestTest, RulesComeInPagesByNumber) {
  for (int i = 0; i < 11; ++i) {
    EXPECT_EQ(call("POST", "/rules", {}, R"({"kind":"immutable","place":"a"})").status, 201);
  }
  const Reply page = call("GET", "/rules", {}, "", "?n=1&last=9");
  EXPECT_EQ(page.json().array("rules").at(0).integer("id"), 10);
  EXPECT_EQ(page.header("Link"), "</api/v1/rules?n=1&last=10>; rel=\"next\"");
}

TEST_F(RestTest, RepositoriesAndTagsAreListed) {
  push_image("a", "2", "{}", {"one"});
  const std::string digest = push_image("a", "1", "{}", {"two"});
  push_image("b", "1", "{}", {"one"});
  const Reply page = call("GET", "/repositories", {}, "", "?n=1");
  EXPECT_EQ(page.json().array("repositories").at(0).string("name"), "a");
  EXPECT_NE(page.header("Link"), "");
  const Reply tags = call("GET", "/tags", {}, "", "?repository=a&n=1");
  EXPECT_EQ(tags.json().array("tags").at(0).string("digest"), digest);
  EXPECT_EQ(tags.header("Link"), "</api/v1/tags?repository=a&n=1&last=1>; rel=\"next\"");
  EXPECT_EQ(call("GET", "/tags", {}, "", "?repository=a&n=1&last=1")
                .json()
                .array("tags")
                .at(0)
                .string("name"),
            "2");
}

TEST_F(RestTest, WhoDoesNotOwnTheServerIsRefused) {
  EXPECT_EQ(
      call("POST", "/users", {}, R"({"name":"ann","password":"password","role":"own"})").status,
      201);
  log_in("ann", "password");
  EXPECT_EQ(call("POST", "/users", {}, R"({"name":"bob","password":"password","role":"maintain"})")
                .status,
            201);
  const std::string limited =
      call("POST", "/tokens", {}, R"({"account":"ann","limits":[{"repositories":"a/*"}]})")
          .json()
          .string("secret");
  const std::string whole =
      call("POST", "/tokens", {}, R"({"account":"ann"})").json().string("secret");
  log_in("bob", "password");
  EXPECT_EQ(call("GET", "/users").status, 403);
  log_in("ann", limited);
  EXPECT_EQ(call("GET", "/users").status, 403);
  log_in("ann", whole);
  EXPECT_EQ(call("GET", "/users").status, 200);
  log_in("ann", "wrong");
  EXPECT_EQ(call("GET", "/users").status, 401);
  log_in("", "");
  const Reply reply = call("GET", "/users");
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.header("WWW-Authenticate"), "Basic realm=\"registry\"");
  EXPECT_EQ(reply.error(), "UNAUTHORIZED");
}

TEST_F(RestTest, WhatIsNotUnderstoodIsToldAndChangesNothing) {
  const auto refused = [&](const std::string& body) {
    const Reply reply = call("POST", "/users", {}, body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(reply.error(), "INVALID") << reply.body;
  };
  refused("");
  refused("[]");
  refused("{");
  refused(R"({"name":"ann"})");
  refused(R"({"name":"Ann!","password":"password"})");
  refused(R"({"name":"ann","password":"seven-7"})");
  refused(R"({"name":"ann","password":"password","on":"acme"})");
  refused(R"({"name":"ann","password":"password","rolle":"own"})");
  refused(R"({"name":"ann","password":"password","role":"king"})");
  refused(R"({"name":"ann","password":"password","expires":"yesterday"})");
  EXPECT_EQ(call("PUT", "/grants", {}, R"({"place":"a","who":"nobody","role":"pull"})").status,
            404);
  EXPECT_EQ(call("PUT", "/grants", {}, R"({"place":"A!","who":"known","role":"pull"})").status,
            400);
  EXPECT_EQ(call("GET", "/nothing").status, 404);
  const Reply reply = call("DELETE", "/users");
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.header("Allow"), "GET, POST");
  EXPECT_EQ(call("GET", "/tokens", {}, "", "?n=x").status, 404);
  EXPECT_FALSE(std::filesystem::exists(options_.root / access::kDatabaseName));
}

TEST_F(RestTest, NothingIsChangedWhereADatabaseIsLost) {
  const std::string ann = R"({"name":"ann","password":"password","role":"own"})";
  const std::string bob = R"({"name":"bob","password":"password"})";
  EXPECT_EQ(call("POST", "/users", {}, ann).status, 201);
  log_in("ann", "password");
  EXPECT_EQ(call("GET", "/users").status, 200);
  const Path accounts = options_.root / access::kDatabaseName;
  std::filesystem::copy_file(accounts, options_.root / "copy");
  std::filesystem::rename(accounts, options_.root / "away");
  std::filesystem::rename(options_.root / "copy", accounts);
  EXPECT_EQ(call("POST", "/users", {}, bob).status, 503);
  std::filesystem::rename(options_.root / "away", accounts);
  EXPECT_EQ(call("GET", "/users/{name}", {"bob"}).status, 404);

  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::remove(options_.root / cat("registry.db", suffix));
  }
  EXPECT_EQ(call("POST", "/users", {}, bob).status, 503);
  EXPECT_EQ(call("GET", "/users/{name}", {"bob"}).status, 404);
  EXPECT_EQ(call("POST", "/rules", {}, R"({"kind":"immutable","place":"a"})").status, 503);
  EXPECT_EQ(call("GET", "/rules").status, 503);
  EXPECT_FALSE(std::filesystem::exists(options_.root / "registry.db"));
}

}  // namespace
}  // namespace skiff::manage
