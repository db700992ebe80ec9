// A registry with accounts, as its clients meet it: who gets which answer.
#include "registry/test_accounts.h"

namespace skiff::registry {
namespace {

using access::Role;
using access::Visibility;

class Accounts : public AccountsTest {};

TEST_F(Accounts, TheFirstOneClosesTheRegistry) {
  push_image("acme/web", "1", "config", {"layer"});
  EXPECT_EQ(client().get("/v2/").status, 200);
  EXPECT_FALSE(std::filesystem::exists(options_.root / access::kDatabaseName));
  const int64_t ann = add_user("ann");
  EXPECT_EQ(client().get("/v2/").status, 401);
  EXPECT_EQ(client().get("/v2/acme/web/manifests/1").status, 401);
  EXPECT_EQ(client().get("/v2/", as("ann")).status, 200);
  EXPECT_EQ(client().get("/v2/acme/web/manifests/1", as("ann")).status, 404);
  allow(ann, "acme", Role::kPull);
  EXPECT_EQ(client().get("/v2/acme/web/manifests/1", as("ann")).status, 200);
  // Without accounts it stays closed, also for the next start.
  access::Store store = commands();
  ASSERT_TRUE(access::remove_account(store, "ann", access::AccountKind::kUser));
  EXPECT_EQ(client().get("/v2/").status, 401);
  restart();
  EXPECT_EQ(client().get("/v2/").status, 401);
}

TEST_F(Accounts, WhatIsHiddenIsJudgedAsWhatIsNotThere) {
  push_image("other/hidden", "1", "config", {"layer"});
  allow(add_user("ann"), "acme", Role::kPull);
  const std::string digest = oci::Digest::of("config").str();
  for (const std::string& rest :
       {std::string("tags/list"), std::string("tags/list?n=x"), std::string("manifests/1"),
        std::string("manifests/sha256:x"), std::string("blobs/sha256:x"), cat("blobs/", digest),
        std::string("referrers/sha256:x"), cat("referrers/", digest, "?n=x")}) {
    const Reply absent = client().get(cat("/v2/acme/absent/", rest), as("ann"));
    const Reply hidden = client().get(cat("/v2/other/hidden/", rest), as("ann"));
    EXPECT_EQ(hidden.status, absent.status) << rest;
    EXPECT_EQ(hidden.body, replace_all(absent.body, "acme/absent", "other/hidden")) << rest;
  }
}

// Who, on what kind of repository, may do what: the whole table.
TEST_F(Accounts, RolesActionsAndVisibility) {
  const std::string manifest = image_of("config", {"layer"});
  const std::string digest = oci::Digest::of(manifest).str();
  for (const char* name : {"org/open", "org/inner", "org/own"}) {
    push_image(name, "1", "config", {"layer"});
  }
  {
    access::Store store = commands();
    ASSERT_TRUE(access::set_visibility(store, "org/open", Visibility::kPublic));
    ASSERT_TRUE(access::set_visibility(store, "org/inner", Visibility::kInternal));
  }
  const std::pair<const char*, Role> kRoles[] = {{"none", Role::kNone},
                                                 {"pull", Role::kPull},
                                                 {"push", Role::kPush},
                                                 {"maintain", Role::kMaintain},
                                                 {"own", Role::kOwn}};
  for (const auto& [name, role] : kRoles) {
    const int64_t id = add_user(name);
    if (role != Role::kNone) allow(id, "org", role);
  }
  const struct {
    const char* who;
    const char* repository;
    int pull, push, remove;
  } kTable[] = {
      {"", "open", 200, 401, 401},      {"", "inner", 401, 401, 401},
      {"", "own", 401, 401, 401},       {"none", "open", 200, 403, 403},
      {"none", "inner", 200, 403, 403}, {"none", "own", 404, 404, 404},
      {"pull", "open", 200, 403, 403},  {"pull", "inner", 200, 403, 403},
      {"pull", "own", 200, 403, 403},   {"push", "open", 200, 201, 403},
      {"push", "own", 200, 201, 403},   {"maintain", "own", 200, 201, 202},
      {"own", "own", 200, 201, 202},
  };
  for (const auto& [who, repository, pull, push, remove] : kTable) {
    const Fields fields = *who == '\0' ? Fields{} : as(who);
    const std::string name = cat("org/", repository);
    SCOPED_TRACE(cat("'", who, "' on ", repository));
    EXPECT_EQ(status("GET", manifest_path(name, "1"), fields), pull);
    EXPECT_EQ(status("HEAD", manifest_path(name, digest), fields), pull);
    EXPECT_EQ(status("GET", blob_path(name, oci::Digest::of("layer").str()), fields), pull);
    EXPECT_EQ(status("GET", cat("/v2/", name, "/tags/list"), fields), pull);
    EXPECT_EQ(client().put_manifest(name, "2", manifest, oci::kMediaTypeManifest, fields).status,
              push);
    EXPECT_EQ(status("POST", cat("/v2/", name, "/blobs/uploads/"), fields),
              push == 201 ? 202 : push);
    const char* tag = push == 201 ? "2" : "1";
    EXPECT_EQ(status("DELETE", manifest_path(name, tag), fields), remove);
    // By digest and by tag are two ways to the same right; granted, it would end the table here.
    if (remove == 202) continue;
    EXPECT_EQ(status("DELETE", manifest_path(name, digest), fields), remove);
    EXPECT_EQ(status("DELETE", blob_path(name, oci::Digest::of("layer").str()), fields), remove);
  }
}

TEST_F(Accounts, WrongCredentialsAreNeverAnonymous) {
  push_image("acme/web", "1", "config", {"layer"});
  access::Store store = commands();
  ASSERT_TRUE(access::set_visibility(store, "", Visibility::kPublic));
  const std::string path = "/v2/acme/web/manifests/1";
  EXPECT_EQ(client().get(path).status, 200);
  for (const Fields& wrong :
       {as("ann"), Fields{{"Authorization", "Bearer skiff_x"}}, Fields{{"Authorization", "Bearer"}},
        Fields{{"Authorization", "x"}}}) {
    EXPECT_EQ(client().get(path, wrong).status, 401) << wrong.front().second;
  }
}

TEST_F(Accounts, TokensOfTagsReachNoOtherTags) {
  const std::string digest = push_image("acme/web", "v1", "config", {"layer"});
  client().put_manifest("acme/web", "latest", image_of("config", {"layer"}));
  const int64_t ann = add_user("ann");
  allow(ann, "acme", Role::kOwn);
  access::Store store = commands();
  const auto token = *access::add_token(
      store, {.account = ann, .label = "", .limits = {{"acme/web", "v*", Role::kMaintain}}});
  const Fields ci = basic("ann", token.secret);
  const std::string manifest = image_of("config", {"layer"});
  const auto put = [&](const std::string& reference) {
    return client()
        .put_manifest("acme/web", reference, manifest, oci::kMediaTypeManifest, ci)
        .status;
  };
  EXPECT_EQ(put("v2"), 201);
  EXPECT_EQ(put(digest), 201);
  EXPECT_EQ(put(cat(digest, "?tag=v3")), 201);
  EXPECT_EQ(put("latest"), 403);
  EXPECT_EQ(put(cat(digest, "?tag=v4&tag=latest")), 403);
  EXPECT_EQ(status("GET", manifest_path("acme/web", "v1"), ci), 200);
  EXPECT_EQ(status("GET", manifest_path("acme/web", "latest"), ci), 403);
  // It would take "latest" along.
  EXPECT_EQ(status("DELETE", manifest_path("acme/web", digest), ci), 403);
  EXPECT_EQ(status("DELETE", manifest_path("acme/web", "v1"), ci), 202);
  EXPECT_EQ(status("GET", manifest_path("acme/db", "v1"), ci), 404);
  EXPECT_EQ(status("GET", "/v2/", {{"Authorization", cat("Bearer ", token.secret)}}), 200);
}

TEST_F(Accounts, TheCatalogueAndMountsAreThoseOfTheViewer) {
  for (const char* name : {"acme/web", "other/db"}) push_image(name, "1", "config", {"layer"});
  const int64_t ann = add_user("ann");
  allow(ann, "acme", Role::kPush);
  const auto names = [&](const Fields& who) {
    return client().get("/v2/_catalog", who).json().strings("repositories");
  };
  EXPECT_EQ(client().get("/v2/_catalog").status, 401);
  EXPECT_EQ(names(as("ann")), std::vector<std::string>{"acme/web"});
  const std::string mount =
      cat("/v2/acme/new/blobs/uploads/?mount=", oci::Digest::of("layer").str(), "&from=");
  EXPECT_EQ(status("POST", mount + "other/db", as("ann")), 202);
  EXPECT_EQ(status("POST", mount + "acme/web", as("ann")), 201);
}

}  // namespace
}  // namespace skiff::registry
