// Who owns a place administers that place over the REST API, and an account what is its own; nobody
// anything else.
#include "access/room.h"
#include "manage/test_rest.h"

namespace skiff::manage {
namespace {

// ann owns the server, carl acme; bob may push to all, and dan owns acme2.
class RestOwnerTest : public RestTest {
 protected:
  void SetUp() override {
    RestTest::SetUp();
    for (const char* name : {"acme/web", "acme2/web"}) push_image(name, "1", "{}", {"one"});
    add("ann", R"(,"role":"own")");
    log_in("ann", "password");
    add("bob", R"(,"role":"maintain")");
    add("carl", R"(,"role":"own","on":"acme")");
    add("dan", R"(,"role":"own","on":"acme2")");
    for (const char* place : {"/", "acme", "acme2"}) {
      call("PUT", "/quotas", {}, cat(R"({"bytes":10000,"place":")", place, R"("})"));
      call("POST", "/rules", {},
           cat(R"({"kind":"immutable","tags":"x","place":")", place, R"("})"));
      call("POST", "/retention", {}, cat(R"({"keepLast":9,"place":")", place, R"("})"));
    }
    log_in("carl", "password");
  }
  void add(const std::string& name, const std::string& more) {
    const std::string body = cat(R"({"password":"password","name":")", name, R"(")", more, "}");
    ASSERT_EQ(call("POST", "/users", {}, body).status, 201);
  }
  int grant(const std::string& place, const std::string& role = "push") {
    return call("PUT", "/grants", {},
                cat(R"({"who":"bob","place":")", place, R"(","role":")", role, R"("})"))
        .status;
  }
  // The places of what a list shows.
  std::vector<std::string> places(const std::string& route, const std::string& list) {
    const Reply reply = call("GET", route);
    EXPECT_EQ(reply.status, 200) << route << reply.body;
    const json::Value page = reply.json();
    std::vector<std::string> out;
    for (const json::Value& item : page.array(list)) out.push_back(item.string("place"));
    return out;
  }
};

TEST_F(RestOwnerTest, APlaceIsAdministeredByItsOwner) {
  for (const char* place : {"acme", "acme/web", "acme/new/deep"}) {
    EXPECT_EQ(grant(place, "own"), 204) << place;
    const std::string query = cat("?place=", place);
    EXPECT_EQ(call("GET", "/grants", {}, "", query).json().array("grants").back().string("who"),
              place == std::string("acme") ? "carl" : "bob");
    EXPECT_EQ(call("DELETE", "/grants", {}, "", cat(query, "&who=bob")).status, 204) << place;
    EXPECT_EQ(call("GET", "/usage", {}, "", query).status, 200) << place;
    EXPECT_EQ(
        call("PUT", "/visibility", {}, cat(R"({"visibility":"private","place":")", place, R"("})"))
            .status,
        204);
    const Reply rule =
        call("POST", "/rules", {}, cat(R"({"kind":"protected","place":")", place, R"("})"));
    EXPECT_EQ(rule.status, 201) << rule.body;
    EXPECT_EQ(call("DELETE", "/rules/{id}", {cat(rule.json().integer("id"))}).status, 204);
    const Reply kept =
        call("POST", "/retention", {}, cat(R"({"keepLast":1,"place":")", place, R"("})"));
    EXPECT_EQ(kept.status, 201) << kept.body;
    EXPECT_EQ(call("DELETE", "/retention/{id}", {cat(kept.json().integer("id"))}).status, 204);
  }
  EXPECT_EQ(call("GET", "/tags", {}, "", "?repository=acme/web").json().array("tags").size(), 1u);
  EXPECT_EQ(call("POST", "/retention/run", {}, R"({"place":"acme","dryRun":true})")
                .json()
                .integer("kept"),
            1);
}

TEST_F(RestOwnerTest, ListsShowWhatTheCallerOwns) {
  const std::vector<std::string> own = {"acme"};
  EXPECT_EQ(places("/grants", "grants"), own);
  EXPECT_EQ(places("/rules", "rules"), own);
  EXPECT_EQ(places("/quotas", "quotas"), own);
  EXPECT_EQ(places("/retention", "rules"), own);
  log_in("ann", "password");
  EXPECT_EQ(places("/rules", "rules").size(), 3u);
  log_in("bob", "password");
  for (const char* list : {"/grants", "/rules", "/quotas", "/retention"}) {
    EXPECT_EQ(call("GET", list).status, 403) << list;
  }
}

TEST_F(RestOwnerTest, ListsOfNamesShowEachAccountItsOwn) {
  log_in("ann", "password");
  for (const char* team : {"acme/devs", "acme2/devs", "acme2/ops"}) {
    ASSERT_EQ(call("POST", "/teams", {}, cat(R"({"name":")", team, R"("})")).status, 201);
  }
  ASSERT_EQ(
      call("PUT", "/teams/{organisation}/{team}/members/{name}", {"acme2", "ops", "carl"}).status,
      204);
  const auto names = [&](const std::string& route) {
    std::vector<std::string> out;
    const json::Value page = call("GET", route).json();
    for (const json::Value& item : page.array(route.substr(1))) out.push_back(item.string("name"));
    return out;
  };
  const auto team = [&](const char* organisation, const char* name) {
    return call("GET", "/teams/{organisation}/{team}", {organisation, name}).status;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names("/repositories"), (Names{"acme/web", "acme2/web"}));
  EXPECT_EQ(names("/teams"), (Names{"acme/devs", "acme2/devs", "acme2/ops"}));

  log_in("carl", "password");  // owns acme, is in acme2/ops
  EXPECT_EQ(names("/repositories"), Names{"acme/web"});
  EXPECT_EQ(names("/teams"), (Names{"acme/devs", "acme2/ops"}));
  EXPECT_EQ(team("acme", "devs"), 200);
  EXPECT_EQ(team("acme", "none"), 404);
  EXPECT_EQ(team("acme2", "ops"), 200);
  for (const char* hidden : {"devs", "none"}) EXPECT_EQ(team("acme2", hidden), 403) << hidden;

  log_in("bob", "password");  // may pull from all, and owns nothing
  EXPECT_EQ(names("/repositories"), (Names{"acme/web", "acme2/web"}));
  EXPECT_EQ(names("/teams"), Names{});
  const Reply page = call("GET", "/repositories", {}, "", "?n=1");
  EXPECT_EQ(page.json().array("repositories").size(), 1u);
  EXPECT_EQ(page.header("Link"), "</api/v1/repositories?n=1&last=acme%2Fweb>; rel=\"next\"");
}

TEST_F(RestOwnerTest, NoOtherPlaceIs) {
  for (const char* place : {"/", "acme2", "acme2/web", "other", "acm"}) {
    EXPECT_EQ(grant(place), 403) << place;
    const std::string query = cat("?place=", place);
    EXPECT_EQ(call("GET", "/grants", {}, "", query).status, 403) << place;
    EXPECT_EQ(call("DELETE", "/grants", {}, "", cat(query, "&who=bob")).status, 403) << place;
    EXPECT_EQ(call("GET", "/usage", {}, "", query).status, 403) << place;
    const auto refused = [&](const char* method, const char* route, const char* body) {
      EXPECT_EQ(call(method, route, {}, cat(body, R"(,"place":")", place, R"("})")).status, 403)
          << route << " " << place;
    };
    refused("PUT", "/visibility", R"({"visibility":"public")");
    refused("POST", "/rules", R"({"kind":"immutable")");
    refused("POST", "/retention", R"({"keepLast":1)");
    refused("POST", "/retention/run", R"({"dryRun":true)");
  }
  for (const char* place : {"acme/..", "acme/../acme2", "acme/", "/acme", "acme//x", "ACME"}) {
    EXPECT_EQ(grant(place), 400) << place;
  }
  for (const char* repository : {"acme2/web", "acme/../acme2/web", "", "none"}) {
    EXPECT_EQ(call("GET", "/tags", {}, "", cat("?repository=", repository)).status, 403);
  }
  // Of others' rules nothing is told, not even whether they are there.
  for (const char* id : {"1", "3", "99"}) {
    EXPECT_EQ(call("DELETE", "/rules/{id}", {id}).status, 403) << id;
    EXPECT_EQ(call("DELETE", "/retention/{id}", {id}).status, 403) << id;
  }
  log_in("ann", "password");
  EXPECT_EQ(places("/rules", "rules").size(), 3u);
  EXPECT_EQ(call("GET", "/grants").json().array("grants").size(), 4u);
}

TEST_F(RestOwnerTest, OneRuleTooManyIsRefused) {
  Database db = *registry::open_registry_database(options_.root);
  ASSERT_TRUE(db.execute(
      cat("INSERT INTO tag_rule(id, node, repositories, tags, kind, role) WITH RECURSIVE n(i) AS "
          "(SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < ",
          access::kMostRules + 100, ") SELECT i, 'acme', 'a', 'b', 'immutable', '' FROM n")));
  const Reply reply = call("POST", "/rules", {}, R"({"kind":"immutable","place":"acme/web"})");
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.error(), "DENIED");
  EXPECT_NE(reply.body.find("have 500 rules of tags"), std::string::npos) << reply.body;
}

// What a variable that is not set leaves.
TEST_F(RestOwnerTest, AnEmptyPlaceIsNotTheServer) {
  log_in("ann", "password");
  const auto refused = [&](const char* method, const char* route, const std::string& body,
                           const char* query = "") {
    const Reply reply = call(method, route, {}, body, query);
    EXPECT_EQ(reply.status, 400) << method << " " << route;
    EXPECT_NE(reply.body.find("a place is needed"), std::string::npos) << reply.body;
  };
  refused("POST", "/users", R"({"name":"eve","password":"password","role":"own","on":""})");
  refused("POST", "/robots", R"({"name":"acme+ci","role":"own","on":""})");
  refused("PUT", "/grants", R"({"place":"","who":"bob","role":"own"})");
  refused("PUT", "/visibility", R"({"place":"","visibility":"public"})");
  refused("POST", "/rules", R"({"place":"","kind":"immutable"})");
  refused("PUT", "/quotas", R"({"place":"","bytes":1})");
  refused("POST", "/retention", R"({"place":"","keepLast":1})");
  refused("POST", "/retention/run", R"({"place":""})");
  for (const char* route : {"/grants", "/usage", "/rules"}) refused("GET", route, "", "?place=");
  refused("DELETE", "/grants", "", "?place=&who=bob");
  refused("DELETE", "/quotas", "", "?place=");
  EXPECT_EQ(call("GET", "/users/{name}", {"eve"}).status, 404);
}

// What one member says and another is done must not differ.
TEST_F(RestOwnerTest, ThePlaceThatIsJudgedIsThatWhichCounts) {
  EXPECT_EQ(
      call("PUT", "/grants", {}, R"({"place":"acme2","who":"carl","role":"own"})", "?place=acme")
          .status,
      403);
  EXPECT_EQ(call("POST", "/retention/run", {}, "{}", "?place=acme").status, 403);
  EXPECT_EQ(call("POST", "/tokens", {}, R"({"account":"ann"})", "?account=carl").status, 403);
  EXPECT_EQ(call("DELETE", "/grants", {}, R"({"place":"acme"})", "?who=bob").status, 403);
  EXPECT_EQ(call("DELETE", "/grants", {}, "", "?place=acme2&place=acme&who=dan").status, 403);
}

TEST_F(RestOwnerTest, TheServerIsNotTheirs) {
  const std::pair<const char*, const char*> asked[] = {
      {"GET", "/users"},           {"POST", "/users"},       {"GET", "/robots"},
      {"POST", "/robots"},         {"POST", "/teams"},       {"PUT", "/quotas"},
      {"DELETE", "/quotas"},       {"POST", "/check"},       {"POST", "/gc"},
      {"GET", "/configuration"},   {"GET", "/backups"},      {"POST", "/backups"},
      {"POST", "/imports"},        {"GET", "/audit"},        {"GET", "/audit/export"},
      {"GET", "/audit/verify"},    {"GET", "/keys"},         {"POST", "/keys/rotate"},
      {"GET", "/mirrors"},         {"POST", "/mirrors"},     {"GET", "/webhooks"},
      {"POST", "/webhooks"},       {"GET", "/certificates"}, {"POST", "/certificates"},
      {"DELETE", "/certificates"}, {"GET", "/nothing"},      {"DELETE", "/users"},
  };
  for (const auto& [method, route] : asked) {
    EXPECT_EQ(call(method, route, {}, R"({"place":"acme","bytes":1})", "?place=acme").status, 403)
        << method << " " << route;
  }
  log_in("ann", "password");
  const std::string log = call("GET", "/audit").body;
  EXPECT_NE(log.find("only who owns the server may do this"), std::string::npos);
}

TEST_F(RestOwnerTest, ATokenWithLimitsOwnsNothing) {
  const auto token = [&](const std::string& more) {
    return call("POST", "/tokens", {}, cat(R"({"account":"carl")", more, "}"))
        .json()
        .string("secret");
  };
  const std::string limited = token(R"(,"limits":[{"repositories":"**"}])");
  const std::string whole = token("");
  log_in("carl", limited);
  EXPECT_EQ(grant("acme/web"), 403);
  EXPECT_EQ(call("GET", "/rules").status, 403);
  for (const char* list : {"/repositories", "/teams"}) EXPECT_EQ(call("GET", list).status, 403);
  log_in("carl", whole);
  EXPECT_EQ(grant("acme/web"), 204);
  log_in("", "");
  EXPECT_EQ(grant("acme/web"), 401);
}

TEST_F(RestOwnerTest, AnAccountChangesItsPassword) {
  log_in("bob", "password");
  EXPECT_EQ(call("GET", "/users/{name}", {"bob"}).json().string("name"), "bob");
  EXPECT_EQ(call("GET", "/users/{name}", {"ann"}).status, 403);
  EXPECT_EQ(call("PATCH", "/users/{name}", {"ann"}, R"({"password":"taken-over"})").status, 403);
  EXPECT_EQ(call("PATCH", "/users/{name}", {"bob"}, R"({"disabled":false})").status, 403);
  EXPECT_EQ(call("PATCH", "/users/{name}", {"bob"}, R"({"password":"seven-7"})").status, 400);
  EXPECT_EQ(call("DELETE", "/users/{name}", {"bob"}).status, 403);
  const std::string token =
      call("POST", "/tokens", {}, R"({"account":"bob"})").json().string("secret");
  EXPECT_EQ(call("PATCH", "/users/{name}", {"bob"}, R"({"password":"another-one"})").status, 200);
  EXPECT_EQ(call("GET", "/users/{name}", {"bob"}).status, 401);
  log_in("bob", token);  // which may end, and must not leave a password behind
  EXPECT_EQ(call("PATCH", "/users/{name}", {"bob"}, R"({"password":"a-third-one"})").status, 403);
  EXPECT_EQ(call("POST", "/tokens", {}, R"({"account":"bob"})").status, 403);
  log_in("bob", "another-one");
  EXPECT_EQ(call("GET", "/users/{name}", {"bob"}).status, 200);
}

TEST_F(RestOwnerTest, AnAccountHasItsTokensInItsHands) {
  const std::string others =
      call("POST", "/tokens", {}, R"({"account":"carl"})").json().string("id");
  log_in("bob", "password");
  EXPECT_EQ(call("POST", "/tokens", {}, R"({"account":"ann"})").status, 403);
  const Reply made = call("POST", "/tokens", {},
                          R"({"account":"bob","limits":[{"repositories":"a","role":"own"}]})");
  EXPECT_EQ(made.status, 201) << made.body;
  for (const char* query : {"", "?account=bob"}) {
    const json::Value listed = call("GET", "/tokens", {}, "", query).json();
    ASSERT_EQ(listed.array("tokens").size(), 1u) << query;
    EXPECT_EQ(listed.array("tokens").at(0).string("account"), "bob");
  }
  for (const char* query : {"?account=carl", "?account=nobody", "?account="}) {
    EXPECT_EQ(call("GET", "/tokens", {}, "", query).status, 403) << query;
  }
  EXPECT_EQ(call("DELETE", "/tokens/{id}", {others}).status, 403);
  EXPECT_EQ(call("DELETE", "/tokens/{id}", {"none"}).status, 403);
  EXPECT_EQ(call("DELETE", "/tokens/{id}", {made.json().string("id")}).status, 204);
  log_in("ann", "password");
  EXPECT_EQ(call("DELETE", "/tokens/{id}", {others}).status, 204);
}

}  // namespace
}  // namespace skiff::manage
