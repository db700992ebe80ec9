// For tests of the REST API: a registry with it, and calls by the document's paths, which it notes.
#pragma once

#include <algorithm>
#include <set>

#include "codec/base64.h"
#include "db/database.h"
#include "manage/rest.h"
#include "registry/schema.h"
#include "registry/test_registry.h"
#include "upstream/pull_through.h"

namespace skiff::manage {

using registry::Fields;
using registry::Reply;

class RestTest : public registry::RegistryTest {
 protected:
  void SetUp() override {
    options_.extensions.push_back(api_.extension());
    options_.upstreams = upstream::pull_through({.spool = options_.root});
    RegistryTest::SetUp();
    api_.show_configuration("listen: 127.0.0.1:5000\n");
    api_.serve(*registry_);
  }

  // `route` is the document's path; each {…} in it is one of `names`.
  Reply call(const std::string& method, const std::string& route,
             const std::vector<std::string>& names = {}, const std::string& body = "",
             const std::string& query = "", Fields fields = {}) {
    called_.insert(cat(method, " ", route));
    std::string path;
    size_t next = 0;
    for (size_t i = 0; i < route.size(); ++i) {
      if (route[i] != '{') {
        path += route[i];
        continue;
      }
      path += net::url_encode(names.at(next++));
      i = route.find('}', i);
    }
    if (!login_.empty()) fields.emplace_back("Authorization", login_);
    return client().call(method, cat(kApiPrefix, path, query), body, fields);
  }
  void log_in(const std::string& name, const std::string& secret) {
    login_ = name.empty() ? "" : cat("Basic ", base64_encode(cat(name, ":", secret)));
  }

  void call_policies() {
    Reply made = call("POST", "/rules", {}, R"({"kind":"protected","place":"a","tags":"v*"})");
    EXPECT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(made.json().string("role"), "maintain");
    EXPECT_EQ(call("GET", "/rules").json().array("rules").at(0), made.json());
    const std::string rule = cat(made.json().integer("id"));
    EXPECT_EQ(call("DELETE", "/rules/{id}", {rule}).status, 204);
    EXPECT_EQ(call("DELETE", "/rules/{id}", {rule}).status, 404);

    EXPECT_EQ(call("PUT", "/quotas", {}, R"({"place":"a","bytes":1000})").status, 204);
    EXPECT_EQ(call("GET", "/quotas").json().array("quotas").at(0).integer("bytes"), 1000);
    EXPECT_EQ(call("GET", "/usage", {}, "", "?place=a").json().integer("used"), 0);
    EXPECT_EQ(call("DELETE", "/quotas", {}, "", "?place=a").status, 204);
    EXPECT_EQ(call("DELETE", "/quotas", {}, "", "?place=a").status, 404);

    made = call("POST", "/retention", {}, R"({"place":"a","keepLast":3,"keepSet":"30d"})");
    EXPECT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(made.json().string("keepSet"), "30d");
    EXPECT_EQ(call("GET", "/retention").json().array("rules").at(0), made.json());
    EXPECT_EQ(call("POST", "/retention/run", {}, R"({"dryRun":true})").json().integer("kept"), 0);
    const std::string id = cat(made.json().integer("id"));
    EXPECT_EQ(call("DELETE", "/retention/{id}", {id}).status, 204);
  }

  void call_webhooks() {
    const auto add = [&](const std::string& body) { return call("POST", "/webhooks", {}, body); };
    EXPECT_EQ(add(R"({"url":"http://hook.example/"})").status, 400);
    EXPECT_EQ(add(R"({"url":"https://hook.example/","kinds":[1]})").status, 400);
    const Reply made = add(R"({"url":"https://hook.example/","kinds":["tag.set"]})");
    EXPECT_EQ(made.status, 201) << made.body;
    EXPECT_FALSE(made.json().string("secret").empty());
    const std::string id = made.json().string("id");
    const Reply list = call("GET", "/webhooks");
    ASSERT_EQ(list.json().array("webhooks").size(), 1u) << list.body;
    EXPECT_FALSE(list.json().array("webhooks").at(0).has("secret"));
    EXPECT_EQ(call("PATCH", "/webhooks/{id}", {id}, R"({"disabled":true})").status, 204);
    EXPECT_TRUE(call("GET", "/webhooks").json().array("webhooks").at(0).boolean("disabled"));
    EXPECT_EQ(call("GET", "/webhooks/{id}/deliveries", {id}, "", "?state=waiting").status, 200);
    EXPECT_EQ(call("GET", "/webhooks/{id}/deliveries", {id}, "", "?state=lost").status, 400);
    EXPECT_EQ(call("GET", "/webhooks/{id}/deliveries", {"none"}).status, 404);
    EXPECT_EQ(call("POST", "/webhooks/{id}/redeliver", {id}).json().integer("events"), 0);
    EXPECT_EQ(call("POST", "/webhooks/{id}/redeliver", {id}, R"({"event":7})").status, 404);
    EXPECT_EQ(call("DELETE", "/webhooks/{id}", {id}).status, 204);
    EXPECT_EQ(call("DELETE", "/webhooks/{id}", {id}).status, 404);
  }

  void call_mirrors() {
    const auto add = [&](const std::string& more) {
      return call(
          "POST", "/mirrors", {},
          cat(R"({"name":"up","url":"http://127.0.0.1:1","repositories":["a/b"])", more, "}"));
    };
    for (const char* wrong : {R"(,"credentials":"/etc/shadow")", R"(,"ca":"../x")", R"(,"ca":".x")",
                              R"(,"tags":[1])", R"(,"place":"No!")"}) {
      EXPECT_EQ(add(wrong).status, 400) << wrong;
    }
    EXPECT_EQ(add(R"(,"credentials":"up")").status, 404);  // no such file
    ASSERT_TRUE(make_directories(options_.root / "mirrors"));
    ASSERT_TRUE(write_file(options_.root / "mirrors/up", "ann:secret\n"));
    const Reply made = add(R"(,"credentials":"up","place":"m")");
    EXPECT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(add("").status, 409);
    const json::Value listed = call("GET", "/mirrors").json().array("mirrors").at(0);
    EXPECT_EQ(listed.string("name"), "up");
    EXPECT_FALSE(listed.has("next"));
    const std::string file = listed.find("settings")->string("credentials");
    EXPECT_EQ(file, (options_.root / "mirrors/up").native());
    EXPECT_EQ(call("PUT", "/mirrors/{name}", {"up"},
                   cat(R"({"url":"http://127.0.0.1:1","repositories":["a/c"],"credentials":")",
                       file, R"("})"))
                  .status,
              204);
    EXPECT_EQ(call("PUT", "/mirrors/{name}", {"no"}, R"({"url":"http://a.b","repositories":["a"]})")
                  .status,
              404);
    const json::Value changed = call("GET", "/mirrors/{name}", {"up"}).json();
    EXPECT_EQ(changed.find("settings")->strings("repositories"), std::vector<std::string>{"a/c"});
    EXPECT_EQ(call("POST", "/mirrors/{name}/run", {"up"}).status, 202);
    EXPECT_EQ(call("POST", "/mirrors/{name}/run", {"no"}).status, 404);
    EXPECT_EQ(call("DELETE", "/mirrors/{name}", {"up"}).status, 204);
    EXPECT_EQ(call("DELETE", "/mirrors/{name}", {"up"}).status, 404);
  }

  void call_certificates() {
    const std::string add = R"({"account":"ann","by":"name","value":"DNS:ann.example"})";
    EXPECT_EQ(call("POST", "/certificates", {}, add).status, 204);
    EXPECT_EQ(call("POST", "/certificates", {}, add).status, 409);
    for (const char* wrong : {R"({"account":"ann","by":"name","value":"ann.example"})",
                              R"({"account":"ann","by":"look","value":"x"})"}) {
      EXPECT_EQ(call("POST", "/certificates", {}, wrong).status, 400) << wrong;
    }
    EXPECT_EQ(call("POST", "/certificates", {}, R"({"account":"no","by":"subject","value":"CN=a"})")
                  .status,
              404);
    const json::Value listed = call("GET", "/certificates").json().array("certificates").at(0);
    EXPECT_EQ(listed.string("account"), "ann");
    EXPECT_EQ(listed.string("value"), "DNS:ann.example");
    const std::string query = "?by=name&value=DNS:ann.example";
    EXPECT_EQ(call("DELETE", "/certificates", {}, "", query).status, 204);
    EXPECT_EQ(call("DELETE", "/certificates", {}, "", query).status, 404);
  }

  void call_copies() {
    const std::string nightly = R"({"name":"nightly","keep":2})";
    EXPECT_EQ(call("POST", "/backups", {}, nightly).status, 409);  // nobody made the directory
    EXPECT_TRUE(call("GET", "/backups").json().array("backups").empty());
    for (const char* directory : {"backups", "imports/old"}) {
      ASSERT_TRUE(make_directories(options_.root / directory));
    }
    for (const char* wrong :
         {R"({"name":""})", R"({"name":".."})", R"({"name":"a/b"})", R"({"name":"a\u0000"})",
          R"({"name":"a","keep":0})", R"({"name":"a","blobs":true})"}) {
      EXPECT_EQ(call("POST", "/backups", {}, wrong).status, 400) << wrong;
    }
    const Reply made = call("POST", "/backups", {}, nightly);
    EXPECT_EQ(made.status, 200) << made.body;
    EXPECT_EQ(made.json().string("snapshot"), "snapshot-000001");
    EXPECT_EQ(call("POST", "/backups", {}, nightly).status, 200);
    const json::Value listed = call("GET", "/backups").json().array("backups").at(0);
    EXPECT_EQ(listed.string("name"), "nightly");
    EXPECT_EQ(listed.strings("snapshots"),
              (std::vector<std::string>{"snapshot-000001", "snapshot-000002"}));

    EXPECT_EQ(call("POST", "/imports", {}, R"({"name":"/etc"})").status, 400);
    EXPECT_EQ(call("POST", "/imports", {}, R"({"name":"none"})").status, 404);
    const std::string old = R"({"name":"old","moveTags":true})";
    EXPECT_EQ(call("POST", "/imports", {}, old).status, 404);  // no such tree
    ASSERT_TRUE(make_directories(options_.root / "imports/old/docker/registry/v2/repositories"));
    const Reply imported = call("POST", "/imports", {}, old);
    EXPECT_EQ(imported.status, 200) << imported.body;
    EXPECT_EQ(imported.json().integer("manifests"), 0);
    EXPECT_TRUE(imported.json().array("problems").empty());
    EXPECT_EQ(call("GET", "/configuration").body, "listen: 127.0.0.1:5000\n");
  }

  void call_audit() {
    const Reply page = call("GET", "/audit", {}, "", "?n=2&last=1");
    EXPECT_EQ(page.json().array("rows").at(0).integer("id"), 2);
    EXPECT_EQ(page.header("Link"), "</api/v1/audit?n=2&last=3>; rel=\"next\"");
    const json::Value report = call("GET", "/audit/verify").json();
    EXPECT_GE(report.integer("rows"), 20);
    EXPECT_FALSE(report.has("broken")) << report.dump();
    const Reply exported = call("GET", "/audit/export");
    EXPECT_EQ(exported.header("Content-Type"), "application/jsonl");
    EXPECT_EQ(json::parse(split(exported.body, '\n').front())->integer("after"), 0);
    EXPECT_GE(std::ranges::count(exported.body, '\n'), 21);
    EXPECT_EQ(call("POST", "/keys/rotate").status, 204);
    const json::Value keys = call("GET", "/keys").json();
    ASSERT_FALSE(keys.array("keys").empty());
    EXPECT_EQ(keys.array("keys").at(0).as_object().size(), 3u);  // none of them secret
  }

  std::set<std::string> called_;

 private:
  RestApi api_{dir_.path() / "registry", clock_};
  std::string login_;
};

}  // namespace skiff::manage
