// Bodies of the REST API that are not what the document says, and what the audit log tells of those
// that are.
#include "manage/request_body.h"
#include "manage/test_rest.h"

namespace skiff::manage {
namespace {

class RestBodyTest : public RestTest {
 protected:
  void SetUp() override {
    RestTest::SetUp();
    call("POST", "/users", {}, R"({"name":"ann","password":"annspassword","role":"own"})");
    log_in("ann", "annspassword");
    call("POST", "/users", {}, R"({"name":"bob","password":"bobspassword"})");
  }
  // That it is refused, naming the place.
  void expect_refused(const std::string& method, const std::string& route, const std::string& body,
                      const std::string& place) {
    const Reply reply = call(method, route, {}, body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_NE(reply.body.find(place), std::string::npos) << reply.body;
  }
  // Of the last row of that action; what stands in the log beside it is no matter.
  std::string detail_of(const std::string& action) {
    const json::Value rows = call("GET", "/audit").json();
    std::string out = "no such row";
    for (const json::Value& row : rows.array("rows")) {
      if (row.string("action") == action) out = row.string("detail");
    }
    return out;
  }
};

TEST_F(RestBodyTest, ATokensLimitThatIsNoneIsNotTakenForNoLimit) {
  const auto refused = [&](const std::string& limits, const std::string& place) {
    expect_refused("POST", "/tokens", cat(R"({"account":"bob","limits":)", limits, "}"), place);
  };
  refused(R"([{"repository":"acme/*"}])", "limits[0].repository");
  refused(R"(["x"])", "limits[0]");
  refused("[null]", "limits[0]");
  refused(R"([{"bad":1}])", "limits[0].bad");
  refused(R"([{"tags":"v*"},{"repositories":7}])", "limits[1].repositories");
  refused(R"([{"role":null}])", "limits[0].role");
  refused(R"([{}])", "limits[0]");
  refused(R"({"repositories":"a"})", "limits");
  refused("null", "limits");
  EXPECT_TRUE(call("GET", "/tokens", {}, "", "?account=bob").json().array("tokens").empty());
}

TEST_F(RestBodyTest, WhatStandsInAListIsJudgedToo) {
  expect_refused("POST", "/webhooks", R"({"url":"https://a.example","kinds":["tag.set",1]})",
                 "kinds[1]");
  expect_refused("POST", "/webhooks", R"({"url":"https://a.example","repositories":[null]})",
                 "repositories[0]");
  for (const char* list : {"tags", "platforms"}) {
    expect_refused(
        "POST", "/mirrors",
        cat(R"({"name":"m","url":"https://a.example","repositories":["a"],")", list, R"(":[{}]})"),
        cat(list, "[0]"));
  }
}

TEST_F(RestBodyTest, OneThatIsTooLongIsToldSo) {
  const Reply reply = call("POST", "/users", {}, std::string((size_t{64} << 10U) + 1, ' '));
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.error(), "SIZE_INVALID");
}

TEST_F(RestBodyTest, QueriesAreJudged) {
  call("POST", "/rules", {}, R"({"kind":"immutable","place":"a"})");
  const auto status = [&](const std::string& route, const std::string& query) {
    return call("GET", route, {}, "", query).status;
  };
  for (const char* list : {"/audit", "/rules"}) {
    EXPECT_EQ(status(list, "?last=x"), 400) << list;
    EXPECT_EQ(status(list, "?last=0"), 200) << list;
    EXPECT_EQ(status(list, "?n=0"), 400) << list;
  }
  EXPECT_EQ(status("/tags", "?repository=a&n=0"), 400);
  EXPECT_EQ(status("/repositories", "?n=x"), 400);
  EXPECT_EQ(status("/tokens", "?account=nobody"), 404);
  EXPECT_EQ(status("/tokens", "?account=bob"), 200);
}

TEST_F(RestBodyTest, TheAuditLogTellsWhatWasDone) {
  call("PUT", "/grants", {}, R"({"place":"acme","who":"bob","role":"push"})");
  EXPECT_EQ(detail_of("api PUT /grants"), R"({"place":"acme","who":"bob","role":"push"})");
  call("DELETE", "/grants", {}, "", "?place=acme&who=bob");
  EXPECT_EQ(detail_of("api DELETE /grants"), R"({"place":"acme","who":"bob"})");
  call("PUT", "/visibility", {}, R"({"place":"acme","visibility":"public"})");
  EXPECT_EQ(detail_of("api PUT /visibility"), R"({"place":"acme","visibility":"public"})");
  call("PUT", "/quotas", {}, R"({"place":"acme","bytes":7})");
  EXPECT_EQ(detail_of("api PUT /quotas"), R"({"place":"acme","bytes":7})");
  call("POST", "/gc", {}, R"({"dryRun":true})");
  EXPECT_EQ(detail_of("api POST /gc"), R"({"dryRun":true})");
  call("POST", "/retention/run", {}, R"({"dryRun":true})");
  EXPECT_EQ(detail_of("api POST /retention/run"), R"({"dryRun":true})");
  call("POST", "/rules", {}, R"({"kind":"immutable","place":"acme","tags":"v*"})");
  EXPECT_NE(detail_of("api POST /rules").find(R"("place":"acme","tags":"v*","id":1)"),
            std::string::npos);
  call("PUT", "/grants", {}, R"({"place":"acme","who":"eve","role":"push"})");
  EXPECT_EQ(detail_of("api PUT /grants"),
            R"({"place":"acme","who":"eve","role":"push","error":"no such user: eve"})");
}

TEST_F(RestBodyTest, TheAuditLogTellsNoSecret) {
  EXPECT_EQ(detail_of("api POST /users"), R"({"name":"bob","password":"***"})");
  call("PATCH", "/users/{name}", {"bob"}, R"({"password":"hidden-password","disabled":true})");
  EXPECT_EQ(detail_of("api PATCH /users/{name}"), R"({"password":"***","disabled":true})");
  const json::Value token =
      call("POST", "/tokens", {},
           R"({"account":"bob","label":"ci","limits":[{"repositories":"a","role":"pull"}]})")
          .json();
  EXPECT_EQ(detail_of("api POST /tokens"),
            cat(R"({"account":"bob","label":"ci","limits":[{"repositories":"a","role":"pull"}],)",
                R"("id":")", token.string("id"), R"("})"));
  call("POST", "/webhooks", {}, R"({"url":"https://u:hidden@hook.example/x?key=hidden"})");
  EXPECT_NE(detail_of("api POST /webhooks").find(R"("url":"https://hook.example/x")"),
            std::string::npos);
  call("POST", "/mirrors", {},
       R"({"name":"m","url":"https://u:hidden@x.example","repositories":["a"]})");
  EXPECT_NE(detail_of("api POST /mirrors").find(R"("url":"https://x.example")"), std::string::npos);
  const std::string all = call("GET", "/audit").body;
  EXPECT_EQ(all.find("hidden"), std::string::npos) << all;
  EXPECT_EQ(all.find(token.string("secret")), std::string::npos) << all;
}

}  // namespace
}  // namespace skiff::manage
