#include <gtest/gtest.h>

#include "codec/base64.h"
#include "remote/challenge.h"
#include "remote/test_registry.h"

namespace skiff::remote {
namespace {

// A registry that wants a token, and the realm that gives them.
class TokenRegistry : public testing::Test {
 protected:
  TokenRegistry() {
    for (const char* repository : {"app", "other"}) {
      registry_.manifests[repository]["1"] =
          oci::Manifest::make(oci::kMediaTypeManifest, {}, {}).raw;
    }
    realm_.instead = [this](net::Request&, net::ResponseWriter& w) {
      EXPECT_TRUE(w.send(200, "application/json", token_answer_));
      return true;
    };
    registry_.instead = [this](net::Request& r, net::ResponseWriter& w) {
      const std::string value = r.headers.get("Authorization");
      if (value == wanted_) return false;
      w.headers().set("WWW-Authenticate", challenge());
      EXPECT_TRUE(w.send(401, "application/json",
                         R"({"errors":[{"code":"UNAUTHORIZED","message":"log in"}]})"));
      return true;
    };
  }

  std::string challenge() const {
    return cat("Bearer realm=\"", realm_url_.empty() ? realm_.url("/token") : realm_url_,
               "\",service=\"the registry\",scope=\"repository:app:pull\"");
  }

  std::string token_answer_ = R"({"token":"good","expires_in":300})";
  std::string wanted_ = "Bearer good";
  std::string realm_url_;
  TestRegistry realm_;
  TestRegistry registry_;
};

TEST_F(TokenRegistry, ATokenIsFetchedOnceForEachScope) {
  RegistryClient client(quick_options());
  for (int i = 0; i < 2; ++i) {
    auto fetched = client.fetch_manifest(registry_.ref("app:1"));
    ASSERT_TRUE(fetched) << message_of(fetched);
  }
  EXPECT_EQ(realm_.asked(), (Lines{"GET /token?service=the%20registry&scope=repository%3Aapp%3A"
                                   "pull"}));
  ASSERT_TRUE(client.resolve(registry_.ref("other:1")));
  EXPECT_EQ(realm_.asked().size(), 2U);
  EXPECT_TRUE(realm_.asked()[1].ends_with("scope=repository%3Aother%3Apull"));
  EXPECT_EQ(realm_.all_asked()[0].authorization, "");
}

TEST_F(TokenRegistry, OnlyTheFirstRequestIsSentTwice) {
  RegistryClient client(quick_options());
  ASSERT_TRUE(client.resolve(registry_.ref("app:1")));
  ASSERT_TRUE(client.resolve(registry_.ref("app:1")));
  const auto asked = registry_.all_asked();
  Lines values;
  for (const Asked& one : asked) {
    if (one.line.starts_with("HEAD")) values.push_back(one.authorization);
  }
  EXPECT_EQ(values, (Lines{"", "Bearer good", "Bearer good"}));
}

TEST_F(TokenRegistry, APasswordGoesToTheRealmOnly) {
  ClientOptions options = quick_options();
  options.credentials.username = "me";
  options.credentials.password = "p:w";
  RegistryClient client(options);
  ASSERT_TRUE(client.resolve(registry_.ref("app:1")));
  const auto to_realm = realm_.all_asked();
  ASSERT_EQ(to_realm.size(), 1U);
  EXPECT_EQ(to_realm[0].authorization, cat("Basic ", base64_encode("me:p:w")));
  EXPECT_TRUE(to_realm[0].line.find("account=me") != std::string::npos) << to_realm[0].line;
  for (const Asked& one : registry_.all_asked()) {
    EXPECT_FALSE(one.authorization.starts_with("Basic")) << one.line;
  }
}

TEST_F(TokenRegistry, ATokenThatEndsSoonIsFetchedAgain) {
  token_answer_ = R"({"access_token":"good","expires_in":2})";
  RegistryClient client(quick_options());
  ASSERT_TRUE(client.resolve(registry_.ref("app:1")));
  ASSERT_TRUE(client.resolve(registry_.ref("app:1")));
  EXPECT_EQ(realm_.asked().size(), 2U);
}

TEST_F(TokenRegistry, ATokenThatIsRefusedIsReplacedOnce) {
  RegistryClient client(quick_options());
  ASSERT_TRUE(client.resolve(registry_.ref("app:1")));
  wanted_ = "Bearer better";  // the registry took the first token back
  token_answer_ = R"({"token":"better"})";
  ASSERT_TRUE(client.resolve(registry_.ref("app:1")));
  wanted_ = "Bearer unreachable";
  registry_.forget_asked();
  auto refused = client.resolve(registry_.ref("app:1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kUnauthenticated);
  EXPECT_EQ(registry_.asked().size(), 2U);
}

TEST_F(TokenRegistry, ARefusalReadsAsDockers) {
  wanted_ = "Bearer unreachable";
  RegistryClient client(quick_options());
  EXPECT_EQ(message_of(client.fetch_manifest(registry_.ref("app:1"))),
            cat("pull access denied for ", registry_.host(),
                "/app, repository does not exist or may require 'docker login': unauthorized: log "
                "in"));
}

TEST_F(TokenRegistry, AnIdentityTokenIsSentAsARefresh) {
  ClientOptions options = quick_options();
  options.credentials.identity_token = "refresh me";
  RegistryClient client(options);
  token_answer_ = R"({"access_token":"good"})";
  realm_.instead = [this](net::Request& r, net::ResponseWriter& w) {
    const net::Query form =
        net::Query::parse(read_all(*r.body, size_t{1} << 16U).value_or("(error)"));
    EXPECT_EQ(r.method, "POST");
    EXPECT_EQ(form.get("grant_type"), "refresh_token");
    EXPECT_EQ(form.get("refresh_token"), "refresh me");
    EXPECT_EQ(form.get("service"), "the registry");
    EXPECT_EQ(form.get("scope"), "repository:app:pull");
    EXPECT_TRUE(w.send(200, "application/json", token_answer_));
    return true;
  };
  auto resolved = client.resolve(registry_.ref("app:1"));
  EXPECT_TRUE(resolved) << message_of(resolved);
}

TEST_F(TokenRegistry, AReadyMadeTokenNeedsNoRealm) {
  ClientOptions options = quick_options();
  options.credentials.registry_token = "good";
  RegistryClient client(options);
  EXPECT_TRUE(client.resolve(registry_.ref("app:1")));
  EXPECT_EQ(realm_.asked(), Lines{});
}

TEST_F(TokenRegistry, CredentialsNeverTravelInTheClear) {
  realm_url_ = "http://realm.invalid/token";
  ClientOptions options = quick_options();
  options.credentials.username = "me";
  options.credentials.password = "secret";
  RegistryClient client(options);
  auto refused = client.resolve(registry_.ref("app:1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kPermissionDenied);
  EXPECT_TRUE(refused.error().message().ends_with(
      "refusing to send credentials unencrypted to the realm \"http://realm.invalid/token\""))
      << refused.error().message();
}

TEST_F(TokenRegistry, ARealmThatAnswersNonsenseIsNamed) {
  RegistryClient client(quick_options());
  token_answer_ = "{}";
  EXPECT_EQ(message_of(client.resolve(registry_.ref("app:1"))),
            cat("token from ", realm_.host(), ": the answer has none"));
  token_answer_ = "<html>";
  EXPECT_TRUE(message_of(client.resolve(registry_.ref("app:1")))
                  .starts_with(cat("token from ", realm_.host(), ": invalid JSON")));
}

TEST_F(TokenRegistry, LoginProvesTheCredentials) {
  ClientOptions options = quick_options();
  options.credentials.username = "me";
  options.credentials.password = "pw";
  EXPECT_TRUE(RegistryClient(options).check_login(registry_.host()));
  EXPECT_TRUE(RegistryClient(options).check_login(cat("http://", registry_.host(), "/v1/")));
  wanted_ = "Bearer unreachable";
  EXPECT_EQ(message_of(RegistryClient(options).check_login(registry_.host())),
            cat("login to ", registry_.host(), ": unauthorized: log in"));
}

TEST_F(TokenRegistry, ALoginAsksForAnIdentityToken) {
  ClientOptions options = quick_options();
  options.credentials.username = "me";
  options.credentials.password = "pw";
  token_answer_ = R"({"token":"good","refresh_token":"keep me"})";
  // Nobody who did not ask for one takes it.
  EXPECT_EQ(*RegistryClient(options).check_login(registry_.host()), "");
  EXPECT_EQ(realm_.asked().back().find("offline_token"), std::string::npos);
  options.wants_identity_token = true;
  EXPECT_EQ(*RegistryClient(options).check_login(registry_.host()), "keep me");
  EXPECT_NE(realm_.asked().back().find("account=me&client_id=skiff&offline_token=true"),
            std::string::npos)
      << realm_.asked().back();
  token_answer_ = R"({"token":"good"})";
  EXPECT_EQ(*RegistryClient(options).check_login(registry_.host()), "");
  // Who shows one keeps it, unless another takes its place.
  options.credentials = {};
  options.credentials.username = "me";
  options.credentials.identity_token = "kept";
  EXPECT_EQ(*RegistryClient(options).check_login(registry_.host()), "kept");
  token_answer_ = R"({"token":"good","refresh_token":"another"})";
  EXPECT_EQ(*RegistryClient(options).check_login(registry_.host()), "another");
}

class BasicRegistry : public testing::Test {
 protected:
  BasicRegistry() {
    registry_.instead = [](net::Request& r, net::ResponseWriter& w) {
      if (r.headers.get("Authorization") == cat("Basic ", base64_encode("me:pw"))) return false;
      w.headers().add("WWW-Authenticate", "Negotiate");
      w.headers().add("WWW-Authenticate", "Basic realm=\"a, \\\"b\\\"\"");
      EXPECT_TRUE(w.send(401, "", ""));
      return true;
    };
  }
  TestRegistry registry_;
};

TEST_F(BasicRegistry, ThePasswordIsSentAfterTheChallenge) {
  ClientOptions options = quick_options();
  options.credentials.username = "me";
  options.credentials.password = "pw";
  RegistryClient client(options);
  ASSERT_TRUE(client.check_login(registry_.host()));
  ASSERT_TRUE(client.check_login(registry_.host()));
  const auto asked = registry_.all_asked();
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_EQ(asked[0].authorization, "");
  EXPECT_TRUE(asked[2].authorization.starts_with("Basic "));
}

TEST_F(BasicRegistry, WithoutAPasswordTheRefusalIsFinal) {
  auto refused = RegistryClient(quick_options()).check_login(registry_.host());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kUnauthenticated);
  EXPECT_EQ(registry_.asked().size(), 1U);
}

TEST_F(BasicRegistry, AnIdentityTokenIsNoPassword) {
  ClientOptions options = quick_options();
  options.credentials.username = "me";
  options.credentials.identity_token = "kept";
  EXPECT_FALSE(RegistryClient(options).check_login(registry_.host()));
  EXPECT_EQ(registry_.asked().size(), 1U);
}

TEST(Challenges, AllSchemesOfAllFieldsInOrder) {
  const auto list = parse_challenges({R"(Negotiate, Bearer Realm="https://a/b?c=d,e" , service=x)",
                                      R"(Basic realm="q\"uoted")", "Broken realm=\"never ends"});
  ASSERT_EQ(list.size(), 4U);
  EXPECT_EQ(list[0].scheme, "negotiate");
  EXPECT_EQ(list[1].scheme, "bearer");
  EXPECT_EQ(list[1].parameter("realm"), "https://a/b?c=d,e");
  EXPECT_EQ(list[1].parameter("service"), "x");
  EXPECT_EQ(list[2].parameter("realm"), "q\"uoted");
  EXPECT_EQ(list[3].parameter("realm"), "");
}

}  // namespace
}  // namespace skiff::remote
