#include "api/test_api.h"
#include "codec/base64.h"

namespace skiff::api {
namespace {

class RouterTest : public ApiTest {};

TEST_F(RouterTest, EveryServedVersionIsAPrefix) {
  for (const char* prefix : {"", "/v1.24", "/v1.41", "/v1.51"}) {
    Reply reply = get(cat(prefix, "/_ping"));
    EXPECT_EQ(reply.status, 200) << prefix;
    EXPECT_EQ(reply.body, "OK");
    EXPECT_EQ(reply.headers.get("Api-Version"), "1.51");
    EXPECT_EQ(reply.headers.get("Ostype"), "linux");
    EXPECT_EQ(reply.headers.get("Swarm"), "inactive");
  }
}

TEST_F(RouterTest, OtherVersionsAreRefusedWithTheLimit) {
  for (const char* version : {"1.52", "1.999", "2.0", "9.99"}) {
    Reply reply = get(cat("/v", version, "/version"));
    EXPECT_EQ(reply.status, 400) << version;
    EXPECT_EQ(reply.message(), cat("client version ", version,
                                   " is too new. Maximum supported API version is 1.51"));
    EXPECT_EQ(reply.headers.get("Api-Version"), "1.51");
  }
  for (const char* version : {"1.23", "1.0", "0.9"}) {
    Reply reply = get(cat("/v", version, "/version"));
    EXPECT_EQ(reply.status, 400) << version;
    EXPECT_NE(reply.message().find("is too old. Minimum supported API version is 1.24"),
              std::string::npos);
  }
  for (const char* target : {"/v1./version", "/v1.x/version", "/v1.41", "/vx/version"}) {
    EXPECT_EQ(get(target).status, 404) << target;
  }
}

TEST_F(RouterTest, VersionTellsTheLimits) {
  json::Value version = get("/version").json();
  EXPECT_EQ(version.string("ApiVersion"), "1.51");
  EXPECT_EQ(version.string("MinAPIVersion"), "1.24");
}

// As Docker's: a path that exists is not found either with a method that it does not have.
TEST_F(RouterTest, UnknownPathsAndMethodsAreNotFound) {
  for (const auto& [method, target] :
       {std::pair("GET", "/no/such"), std::pair("GET", "/v1.41/"), std::pair("DELETE", "/version"),
        std::pair("PUT", "/containers/json"), std::pair("GET", "/containers//json"),
        std::pair("GET", "/containers/a/b/json")}) {
    Reply reply = call(method, target);
    EXPECT_EQ(reply.status, 404) << method << " " << target;
    EXPECT_EQ(reply.body, "{\"message\":\"page not found\"}\n");
    EXPECT_EQ(reply.headers.get("Content-Type"), "application/json");
  }
}

TEST_F(RouterTest, HeadHasNoBody) {
  Reply reply = call("HEAD", "/_ping");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "");
  EXPECT_EQ(reply.headers.get("Api-Version"), "1.51");
}

TEST_F(RouterTest, NamesOfImagesHaveSlashes) {
  Reply reply = get("/images/a.example/b/c:1/json");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.message(), "No such image: a.example/b/c:1");
  EXPECT_EQ(get("/images/box/json").json().array("RepoTags").at(0).as_string(), "box:latest");
}

TEST_F(RouterTest, ALiteralPathIsNoName) {
  EXPECT_TRUE(get("/images/json").json().is_array());
  EXPECT_TRUE(get("/containers/json").json().is_array());
  EXPECT_EQ(get("/containers/none/json").message(), "No such container: none");
}

TEST_F(RouterTest, AQueryIsDecoded) {
  ASSERT_EQ(post("/containers/create?name=a%2Db%5Fc", R"({"Image":"box","Cmd":["true"]})").status,
            201);
  EXPECT_EQ(get("/containers/a-b_c/json").status, 200);
  EXPECT_EQ(get("/containers/json?all=1").json().as_array().size(), 1U);
  for (const char* no : {"", "all=0", "all=false", "all=no", "all=none", "all="}) {
    EXPECT_EQ(get(cat("/containers/json?", no)).json().as_array().size(), 0U) << no;
  }
  EXPECT_EQ(get("/containers/json?all=1&limit=many").message(),
            "invalid value for limit: \"many\"");
}

// Clients of before 1.40 send a 0 that nobody has said.
TEST_F(RouterTest, ALimitOfProcessesIsTakenAwayByThoseWhoCanLeaveItOut) {
  ASSERT_EQ(post("/containers/create?name=few",
                 R"({"Image":"box","Cmd":["true"],"HostConfig":{"PidsLimit":17}})")
                .status,
            201);
  const auto limit_after = [&](const char* version) {
    EXPECT_EQ(post(cat(version, "/containers/few/update"), R"({"PidsLimit":0})").status, 200);
    return get("/containers/few/json").json().find("HostConfig")->integer("PidsLimit");
  };
  EXPECT_EQ(limit_after("/v1.39"), 17);
  EXPECT_EQ(limit_after("/v1.40"), 0);
  EXPECT_EQ(call("DELETE", "/containers/few").status, 204);
}

TEST_F(RouterTest, FiltersComeInBothEncodings) {
  ASSERT_EQ(
      post("/containers/create?name=one", R"({"Image":"box","Cmd":["true"],"Labels":{"k":"1"}})")
          .status,
      201);
  ASSERT_EQ(
      post("/containers/create?name=two", R"({"Image":"box","Cmd":["true"],"Labels":{"k":"2"}})")
          .status,
      201);
  for (const char* filters : {R"({"label":["k=1"]})", R"({"label":{"k=1":true}})",
                              R"({"label":{"k=1":true,"k=2":false}})"}) {
    json::Value list = get(cat("/containers/json?all=1&filters=", net::url_encode(filters))).json();
    ASSERT_EQ(list.as_array().size(), 1U) << filters;
    EXPECT_EQ(list.as_array().at(0).array("Names").at(0).as_string(), "/one");
  }
  for (const char* filters : {"[]", "{", "1", R"("text")", R"({"bogus":["x"]})"}) {
    Reply reply = get(cat("/containers/json?filters=", net::url_encode(filters)));
    EXPECT_EQ(reply.status, 400) << filters;
    EXPECT_NE(reply.message().find("invalid filter"), std::string::npos) << reply.body;
  }
}

TEST_F(RouterTest, BadBodiesAreRefused) {
  for (const char* body : {"{bad", "{\"Image\":", "[1,]", "nul"}) {
    Reply reply = post("/containers/create", body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_TRUE(reply.message().starts_with("invalid JSON: ")) << reply.body;
  }
  for (const char* body : {"[]", "\"text\""}) {
    EXPECT_EQ(post("/containers/create", body).message(), "the request's body is not a JSON object")
        << body;
  }
  for (const char* body : {"", "  ", "null"}) {
    EXPECT_EQ(post("/containers/create", body).message(),
              "config cannot be empty in order to create a container")
        << body;
  }
  Reply text = call("POST", "/containers/create", "{}", {{"Content-Type", "text/plain"}});
  EXPECT_EQ(text.status, 400);
  EXPECT_EQ(text.message(),
            "unsupported Content-Type header (text/plain): must be 'application/json'");
  // Parameters and case of the type do not matter.
  Reply charset = call("POST", "/volumes/create", R"({"Name":"vol"})",
                       {{"Content-Type", "Application/JSON; charset=utf-8"}});
  EXPECT_EQ(charset.status, 201);
  std::string large(size_t{9} << 20U, ' ');
  EXPECT_GE(post("/containers/create", large).status, 400);
}

TEST_F(RouterTest, ErrorsHaveDockersStatus) {
  EXPECT_EQ(post("/containers/none/start").status, 404);
  EXPECT_EQ(call("DELETE", "/volumes/none").status, 404);
  std::string id = create("true");
  EXPECT_EQ(post(cat("/containers/", id, "/kill")).status, 409);
  EXPECT_EQ(post(cat("/containers/", id, "/stop")).status, 304);
  EXPECT_EQ(post(cat("/containers/", id, "/rename?name=!")).status, 400);
  EXPECT_EQ(call("DELETE", cat("/containers/", id)).status, 204);
}

TEST_F(RouterTest, WhatIsLeftOutIsRefusedByName) {
  for (const auto& [method, target, word] :
       {std::tuple("GET", "/images/search?term=x", "search"),
        std::tuple("POST", "/swarm/init", "swarm"), std::tuple("POST", "/plugins/pull", "plugins"),
        std::tuple("GET", "/containers/x/attach/ws", "WebSocket"),
        std::tuple("POST", "/networks/bridge/connect", "connecting"),
        std::tuple("PUT", "/volumes/v", "cluster"),
        std::tuple("POST", "/images/create?fromSrc=http://x", "URL")}) {
    Reply reply = call(method, target);
    EXPECT_EQ(reply.status, 501) << method << " " << target;
    EXPECT_NE(reply.message().find(word), std::string::npos) << reply.body;
  }
  for (const char* body : {R"({"Name":"n","EnableIPv6":true})", R"({"Name":"n","ConfigOnly":true})",
                           R"({"Name":"n","IPAM":{"Driver":"other"}})",
                           R"({"Name":"n","IPAM":{"Config":[{"IPRange":"10.0.0.0/25"}]}})",
                           R"({"Name":"n","IPAM":{"Config":[{},{}]}})"}) {
    EXPECT_EQ(post("/networks/create", body).status, 501) << body;
  }
  const Reply squashed = call("POST", "/build?squash=1");
  EXPECT_EQ(squashed.status, 501);
  EXPECT_NE(squashed.message().find("parameter"), std::string::npos) << squashed.body;
  EXPECT_EQ(get("/services").status, 503);
  EXPECT_EQ(get("/plugins").body, "[]\n");
  EXPECT_EQ(get("/plugins/x/json").status, 404);
}

TEST_F(RouterTest, OfAnImagesPlatformsOnlyThoseThatAreHereAreRemoved) {
  const auto remove = [&](const char* platform) {
    return call("DELETE", cat("/images/box?platforms=", net::url_encode(platform)));
  };
  EXPECT_EQ(remove("linux arm64").status, 400);
  EXPECT_EQ(remove("").status, 400);
  EXPECT_EQ(remove(R"({"os":"linux","architecture":"s390x"})").status, 404);
  EXPECT_EQ(get("/images/box/json").status, 200);
  EXPECT_EQ(remove(R"({"os":"linux","architecture":"amd64"})").status, 200);
  EXPECT_EQ(get("/images/box/json").status, 404);
}

TEST_F(RouterTest, PrunedNetworksMatchTheFilter) {
  ASSERT_EQ(post("/networks/create", R"({"Name":"n","Labels":{"k":"1"}})").status, 201);
  auto prune = [&](const char* filters) {
    return post(cat("/networks/prune?filters=", net::url_encode(filters)));
  };
  EXPECT_TRUE(prune(R"({"label":["other"]})").json().array("NetworksDeleted").empty());
  EXPECT_TRUE(prune(R"({"until":["1h"]})").json().array("NetworksDeleted").empty());
  EXPECT_EQ(prune(R"({"name":["n"]})").status, 400);
  EXPECT_EQ(prune(R"({"label":["k=1"]})").json().array("NetworksDeleted").size(), 1U);
  EXPECT_EQ(get("/networks/n").status, 404);
}

TEST_F(RouterTest, ThePruningOfTheCacheKnowsItsFilters) {
  auto prune = [&](const char* filters) {
    return post(cat("/build/prune?filters=", net::url_encode(filters)));
  };
  const Reply unknown = prune(R"({"colour":["x"]})");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_TRUE(unknown.message().starts_with("filter \"colour\": the fields are id,"))
      << unknown.message();
  EXPECT_EQ(prune(R"({"id":["x","y"]})").status, 400);
  EXPECT_EQ(prune(R"({"until":["1h"],"unused-for":["1h"]})").status, 400);
  EXPECT_EQ(prune(R"({"id":["x"],"type!":["regular"],"inuse":[]})").status, 200);
  const std::string filters = net::url_encode(R"({"colour":["x"]})");
  EXPECT_EQ(get(cat("/system/df?type=build-cache&filters=", filters)).status, 400);
  EXPECT_EQ(prune(R"({"label":["x"]})").json().integer("SpaceReclaimed"), 0);
  EXPECT_EQ(prune(R"({"until":["24h"]})").status, 200);
  for (const char* key : {"keep-storage", "reserved-space", "max-used-space", "min-free-space"}) {
    EXPECT_EQ(post(cat("/build/prune?", key, "=0")).status, 200);
    const Reply refused = post(cat("/build/prune?", key, "=1g"));
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.message(), cat(key, " is in bytes and expects an integer, got \"1g\""));
  }
}

TEST(HttpStatus, OfEachCode) {
  EXPECT_EQ(http_status(Code::kInvalidArgument), 400);
  EXPECT_EQ(http_status(Code::kUnauthenticated), 401);
  EXPECT_EQ(http_status(Code::kPermissionDenied), 403);
  EXPECT_EQ(http_status(Code::kNotFound), 404);
  EXPECT_EQ(http_status(Code::kAlreadyExists), 409);
  EXPECT_EQ(http_status(Code::kFailedPrecondition), 409);
  EXPECT_EQ(http_status(Code::kUnimplemented), 501);
  EXPECT_EQ(http_status(Code::kInternal), 500);
  EXPECT_EQ(error_body("a \"b\""), "{\"message\":\"a \\\"b\\\"\"}\n");
}

TEST(Arguments, OfReferencesAndPlatforms) {
  EXPECT_EQ(reference_argument("a/b", "")->familiar(), "a/b:latest");
  EXPECT_EQ(reference_argument("a/b", "1")->familiar(), "a/b:1");
  std::string digest = oci::Digest::of("x").str();
  EXPECT_EQ(reference_argument("a/b", digest)->familiar(), cat("a/b@", digest));
  EXPECT_FALSE(reference_argument("a/B", "1"));
  EXPECT_FALSE(*platform_argument(""));
  EXPECT_EQ((*platform_argument("linux/arm64"))->architecture, "arm64");
  EXPECT_EQ((*platform_argument(R"({"os":"linux","architecture":"arm64"})"))->architecture,
            "arm64");
  EXPECT_FALSE(platform_argument("{"));
}

}  // namespace
}  // namespace skiff::api
