// The token server, and what its tokens open (Docker's token authentication).
#include <algorithm>

#include "codec/signature.h"
#include "registry/test_accounts.h"
#include "registry/token_scope.h"

namespace skiff::registry {
namespace {

using access::Role;
using access::Visibility;

TEST(TokenScopes, HaveTheirTexts) {
  const Scope scope = *parse_scope("repository:acme/web:pull,push");
  EXPECT_EQ(scope.repository, "acme/web");
  EXPECT_TRUE(scope.pull && scope.push && !scope.remove);
  EXPECT_EQ(scope_text(scope), "repository:acme/web:pull,push");
  EXPECT_EQ(scope_text(*parse_scope("repository:a:*")), "repository:a:pull,push,delete");
  EXPECT_EQ(scope_text(*parse_scope("repository:a:fly")), "repository:a:");
  EXPECT_EQ(scope_text(*parse_scope("registry:catalog:*")), "registry:catalog:*");
  for (const char* other : {"", "a", "a:b", "repository:A:pull", "repository::pull",
                            "repository:../a:pull", "registry:all:*", "plugin:a:pull"}) {
    EXPECT_FALSE(parse_scope(other)) << other;
  }
}

class TokenServer : public AccountsTest {
 protected:
  void SetUp() override {
    AccountsTest::SetUp();
    for (const char* name : {"acme/web", "acme/db", "open/web"}) {
      push_image(name, "1", "config", {"layer"});
    }
    ann_ = add_user("ann");
    allow(ann_, "acme", Role::kOwn);
    access::Store store = commands();
    ASSERT_TRUE(access::set_visibility(store, "open", Visibility::kPublic));
  }
  Reply ask(const std::string& query, const Fields& who = {}) {
    return client().get(cat("/auth/token?service=skiff-registry", query), who);
  }
  std::string token(const std::string& query, const Fields& who = {}) {
    return ask(query, who).json().string("token");
  }
  Reply form(const std::string& text) {
    return client().call("POST", "/auth/token", text,
                         {{"Content-Type", "application/x-www-form-urlencoded"}});
  }
  int pull(const std::string& repository, const Fields& who) {
    return status("GET", manifest_path(repository, "1"), who);
  }
  int64_t ann_ = 0;
};

TEST_F(TokenServer, ChallengesNameItAndTheScope) {
  EXPECT_EQ(client().get("/v2/").header("WWW-Authenticate"),
            "Bearer realm=\"http://127.0.0.1/auth/token\",service=\"skiff-registry\"");
  EXPECT_TRUE(client()
                  .get("/v2/acme/web/tags/list")
                  .header("WWW-Authenticate")
                  .ends_with(",scope=\"repository:acme/web:pull\""));
  EXPECT_TRUE(client()
                  .call("POST", "/v2/acme/web/blobs/uploads/")
                  .header("WWW-Authenticate")
                  .ends_with(",scope=\"repository:acme/web:pull,push\""));
  EXPECT_TRUE(client()
                  .get("/v2/_catalog")
                  .header("WWW-Authenticate")
                  .ends_with(",scope=\"registry:catalog:*\""));
  // What a client calls us goes into no challenge as it is.
  EXPECT_TRUE(client()
                  .call("GET", "/v2/", "", {{"Authorization", "x"}})
                  .header("WWW-Authenticate")
                  .starts_with("Bearer "));
}

TEST_F(TokenServer, GrantsExactlyWhatWasAskedAndIsAllowed) {
  const Reply reply = ask("&scope=repository:acme/web:pull", as("ann"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Cache-Control"), "no-store");
  EXPECT_EQ(reply.json().string("access_token"), reply.json().string("token"));
  EXPECT_EQ(reply.json().integer("expires_in"), 300);
  EXPECT_EQ(reply.json().string("scope"), "repository:acme/web:pull");
  const Fields who = bearer(reply.json().string("token"));
  EXPECT_EQ(status("GET", "/v2/", who), 200);
  EXPECT_EQ(pull("acme/web", who), 200);
  const Reply more = client().call("POST", "/v2/acme/web/blobs/uploads/", "", who);
  EXPECT_EQ(more.status, 401);
  EXPECT_TRUE(
      more.header("WWW-Authenticate")
          .ends_with(",scope=\"repository:acme/web:pull,push\",error=\"insufficient_scope\""));
  EXPECT_EQ(status("DELETE", manifest_path("acme/web", "1"), who), 401);
  EXPECT_EQ(pull("acme/db", who), 401);   // ann may, this token may not
  EXPECT_EQ(pull("open/web", who), 401);  // anybody may, this token may not
  EXPECT_EQ(status("GET", "/v2/_catalog", who), 401);

  EXPECT_EQ(ask("&scope=repository:open/web:pull,push,delete", as("ann")).json().string("scope"),
            "repository:open/web:pull");
  EXPECT_EQ(ask("&scope=repository:other/web:pull", as("ann")).json().string("scope"), "");
  EXPECT_EQ(ask("&scope=repository:acme/web:pull%20repository:acme/db:pull,push&scope="
                "repository:open/web:pull",
                as("ann"))
                .json()
                .string("scope"),
            "repository:acme/web:pull repository:acme/db:pull,push repository:open/web:pull");
}

TEST_F(TokenServer, AnonymousTokensPullWhatIsPublic) {
  const Fields who = bearer(token("&scope=repository:open/web:pull"));
  EXPECT_EQ(status("GET", "/v2/", who), 200);
  EXPECT_EQ(pull("open/web", who), 200);
  EXPECT_EQ(pull("acme/web", who), 401);
  EXPECT_EQ(ask("&scope=repository:acme/web:pull").json().string("scope"), "");
}

TEST_F(TokenServer, ATokenFollowsItsAccount) {
  const Fields who = bearer(token("&scope=repository:acme/web:pull,push", as("ann")));
  EXPECT_EQ(pull("acme/web", who), 200);
  allow(ann_, "acme", Role::kPull);
  EXPECT_EQ(status("POST", "/v2/acme/web/blobs/uploads/", who), 403);
  access::Store store = commands();
  ASSERT_TRUE(access::remove_grant(store, "acme", {access::Subject::Kind::kAccount, ann_}));
  EXPECT_EQ(pull("acme/web", who), 404);
  ASSERT_TRUE(access::set_disabled(store, "ann", true));
  EXPECT_EQ(pull("acme/web", who), 401);
}

TEST_F(TokenServer, ATokenEnds) {
  const Fields who = bearer(token("&scope=repository:acme/web:pull", as("ann")));
  clock_.advance(std::chrono::seconds(298));
  EXPECT_EQ(pull("acme/web", who), 200);
  clock_.advance(std::chrono::seconds(3));
  const Reply over = client().get("/v2/acme/web/tags/list", who);
  EXPECT_EQ(over.status, 401);
  EXPECT_TRUE(over.header("WWW-Authenticate")
                  .ends_with(",scope=\"repository:acme/web:pull\",error=\"invalid_token\""));
}

TEST_F(TokenServer, StrangersTokensOpenNothing) {
  const std::string good = token("&scope=repository:acme/web:pull", as("ann"));
  const auto parts = split(good, '.');
  ASSERT_EQ(parts.size(), 3U);
  const auto encode = [](const std::string& text) {
    std::string out = base64url_encode(text);
    std::erase(out, '=');
    return out;
  };
  const std::string none = encode(R"({"alg":"none","typ":"JWT"})");
  const std::string signed_part = cat(parts[0], ".", parts[1]);
  const std::string other_key = *sign_ed25519(signed_part, make_ed25519_key()->private_key);
  for (const std::string& bad :
       {cat(none, ".", parts[1], "."), cat(none, ".", parts[1], ".", parts[2]),
        cat(signed_part, "."), cat(signed_part, ".", encode(other_key)), good.substr(1),
        cat(parts[0], ".", encode("{}"), ".", parts[2])}) {
    EXPECT_EQ(pull("acme/web", bearer(bad)), 401) << bad;
    EXPECT_EQ(pull("open/web", bearer(bad)), 401) << bad;
  }
  EXPECT_EQ(pull("acme/web", bearer(good)), 200);
  // A short-lived token makes no other.
  EXPECT_EQ(ask("&scope=repository:acme/web:pull", bearer(good)).status, 401);
}

TEST_F(TokenServer, WrongCredentialsGetNothing) {
  EXPECT_EQ(ask("", basic("ann", "wrong")).status, 401);
  EXPECT_EQ(ask("", basic("", "")).status, 401);
  EXPECT_EQ(ask("", {{"Authorization", "nothing"}}).status, 401);
  EXPECT_EQ(form("grant_type=password&username=ann&password=wrong").status, 401);
  EXPECT_EQ(form("grant_type=password").status, 401);
  EXPECT_EQ(form("grant_type=refresh_token&refresh_token=skiff_x").status, 401);
  EXPECT_EQ(form("grant_type=magic").status, 400);
  EXPECT_EQ(form(std::string(size_t{70} * 1024, 'a')).status, 400);
  EXPECT_EQ(client().call("PUT", "/auth/token").status, 405);
  std::string many = "&scope=";
  for (int i = 0; i < 101; ++i) many += "repository:a:pull%20";
  EXPECT_EQ(ask(many).status, 400);
}

TEST_F(TokenServer, WhoGuessesIsToldToWait) {
  // Loopback counts for no address, so the account's twenty.
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask("", basic("bob", "wrong")).status, 401);
  const Reply reply = ask("", basic("bob", "wrong"));
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.error(), "TOOMANYREQUESTS");
  EXPECT_EQ(status("GET", "/v2/", basic("bob", "wrong")), 429);
  EXPECT_EQ(ask("", as("ann")).status, 200);
  restart();
  EXPECT_EQ(status("GET", "/v2/", basic("bob", "wrong")), 429);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(status("GET", "/v2/", basic("bob", "wrong")), 401);
}

TEST_F(TokenServer, FormsAskAsQueriesDo) {
  const Reply reply = form(
      "grant_type=password&username=ann&password=secret-1&service=skiff-registry&client_id=x"
      "&scope=repository%3Aacme%2Fweb%3Apull");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(pull("acme/web", bearer(reply.json().string("access_token"))), 200);
  // A personal token is a refresh token, too; what it is limited to, these tokens are.
  access::Store store = commands();
  const auto made = *access::add_token(
      store, {.account = ann_, .label = "", .limits = {{"acme/web", "v*", Role::kPull}}});
  const Reply again = form(cat("grant_type=refresh_token&refresh_token=", made.secret,
                               "&scope=repository:acme/web:pull,push"));
  EXPECT_EQ(again.json().string("scope"), "repository:acme/web:pull");
  const Fields who = bearer(again.json().string("access_token"));
  EXPECT_EQ(status("GET", "/v2/acme/web/tags/list", who), 200);
  EXPECT_EQ(pull("acme/web", who), 403);  // tag "1"
  ASSERT_TRUE(access::revoke_token(store, made.id));
  EXPECT_EQ(status("GET", "/v2/acme/web/tags/list", who), 401);
}

TEST_F(TokenServer, ATokenOfSomeTagsSeesNoHistoryOfOthers) {
  access::Store store = commands();
  const auto made = *access::add_token(
      store, {.account = ann_, .label = "", .limits = {{"acme/**", "v*", Role::kOwn}}});
  const Fields who = basic("ann", made.secret);
  const auto skiff = [](const char* rest) { return cat("/v2/acme/web/_skiff/", rest); };
  EXPECT_EQ(status("GET", skiff("history/v1"), who), 200);
  EXPECT_EQ(status("GET", skiff("history/1"), who), 403);
  EXPECT_EQ(status("GET", skiff("history"), who), 403);
  EXPECT_EQ(status("GET", skiff("trash"), who), 403);
  EXPECT_EQ(status("POST", skiff("restore/v1"), who), 403);
  EXPECT_EQ(status("GET", skiff("history"), as("ann")), 200);
}

TEST_F(TokenServer, TheCatalogueHasAScopeOfItsOwn) {
  const auto names = [&](const std::string& t) {
    return client().get("/v2/_catalog", bearer(t)).json().strings("repositories");
  };
  EXPECT_EQ(names(token("&scope=registry:catalog:*", as("ann"))),
            (std::vector<std::string>{"acme/db", "acme/web", "open/web"}));
  EXPECT_EQ(names(token("&scope=registry:catalog:*")), std::vector<std::string>{"open/web"});
}

TEST_F(TokenServer, MountsNeedAScopeOnTheirSource) {
  const std::string mount =
      cat("/v2/acme/new/blobs/uploads/?mount=", oci::Digest::of("layer").str(), "&from=acme/web");
  const std::string narrow = token("&scope=repository:acme/new:pull,push", as("ann"));
  EXPECT_EQ(status("POST", mount, bearer(narrow)), 202);
  const std::string wide =
      token("&scope=repository:acme/new:pull,push&scope=repository:acme/web:pull", as("ann"));
  EXPECT_EQ(status("POST", mount, bearer(wide)), 201);
}

TEST_F(RegistryTest, NoAccountsNoTokenServer) {
  EXPECT_EQ(client().get("/auth/token").status, 404);
}

// As docker login asks for: kept in the password's place, and good for new tokens alone.
TEST_F(TokenServer, ARefreshTokenStandsInForThePassword) {
  EXPECT_FALSE(ask("&offline_token=true").json().has("refresh_token"));  // nobody's
  EXPECT_FALSE(ask("", as("ann")).json().has("refresh_token"));
  const Reply login = ask("&offline_token=true&client_id=docker%0a", as("ann"));
  const std::string refresh = login.json().string("refresh_token");
  ASSERT_TRUE(refresh.starts_with(access::kSecretPrefix)) << login.body;
  const auto renewed = [&](const std::string& more = "") {
    return form(cat(
        "grant_type=refresh_token&scope=repository:acme/web:pull&refresh_token=", refresh, more));
  };
  const Reply again = renewed("&access_type=offline");
  EXPECT_EQ(again.json().string("refresh_token"), refresh);
  const Fields who = bearer(again.json().string("access_token"));
  EXPECT_EQ(pull("acme/web", who), 200);
  for (const Fields& shown : {bearer(refresh), basic("ann", refresh)}) {
    EXPECT_EQ(pull("acme/web", shown), 401);
    EXPECT_EQ(ask("", shown).status, 401);
  }
  EXPECT_EQ(form(cat("grant_type=password&username=ann&password=", refresh)).status, 401);

  access::Store store = commands();
  const std::vector<access::Token> tokens = *access::list_tokens(store, "ann");
  ASSERT_EQ(tokens.size(), 1u);
  EXPECT_TRUE(tokens[0].refresh);
  EXPECT_EQ(tokens[0].label, "login of docker at 127.0.0.1");
  EXPECT_EQ(tokens[0].secret_hash.find(refresh), std::string::npos);
  ASSERT_TRUE(access::revoke_token(store, tokens[0].id));
  EXPECT_EQ(renewed().status, 401);
  EXPECT_EQ(pull("acme/web", who), 401);
}

TEST_F(TokenServer, ARefreshTokenEnds) {
  const auto login = [&] {
    return form(
               "grant_type=password&username=ann&password=secret-1&access_type=offline&client_id="
               "oras")
        .json()
        .string("refresh_token");
  };
  const auto renew = [&](const std::string& refresh) {
    return form(cat("grant_type=refresh_token&refresh_token=", refresh)).status;
  };
  const std::string first = login();
  clock_.advance(std::chrono::hours(24 * 29));
  EXPECT_EQ(renew(first), 200);
  clock_.advance(std::chrono::hours(25));
  EXPECT_EQ(renew(first), 401);
  const std::string second = login();
  access::Store store = commands();
  const std::string personal = access::add_token(store, {.account = ann_})->secret;
  ASSERT_TRUE(access::set_password(store, "ann", *access::hash_password("secret-1")));
  EXPECT_EQ(renew(second), 401);
  EXPECT_EQ(renew(personal), 200);
  for (int i = 0; i < access::kMostRefreshTokens + 5; ++i) login();
  const auto tokens = *access::list_tokens(store, "ann");
  EXPECT_EQ(std::ranges::count(tokens, true, &access::Token::refresh), access::kMostRefreshTokens);
}

TEST_F(TokenServer, APersonalTokenIsItsOwnRefreshToken) {
  access::Store store = commands();
  const access::MadeToken made = *access::add_token(store, {.account = ann_});
  EXPECT_EQ(ask("&offline_token=true", basic("ann", made.secret)).json().string("refresh_token"),
            made.secret);
  EXPECT_EQ(access::list_tokens(store, "ann")->size(), 1u);
}

}  // namespace
}  // namespace skiff::registry
