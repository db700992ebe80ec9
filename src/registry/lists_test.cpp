#include "access/passwords.h"
#include "codec/base64.h"
#include "registry/schema.h"
#include "registry/sql_metadata.h"
#include "registry/test_registry.h"

namespace skiff::registry {
namespace {

class Lists : public RegistryTest {
 protected:
  std::vector<std::string> tags(const std::string& query = "") {
    return client().get(cat("/v2/a/tags/list", query)).json().strings("tags");
  }
};

TEST_F(Lists, TagsInOrderAndInPages) {
  push_image("a", "b", "{}", {});
  for (const char* tag : {"C", "a", "d10", "d2"}) {
    client().put_manifest("a", tag, image_of("{}", {}));
  }
  Reply all = client().get("/v2/a/tags/list");
  EXPECT_EQ(all.json().string("name"), "a");
  EXPECT_EQ(tags(), (std::vector<std::string>{"a", "b", "C", "d10", "d2"}));
  EXPECT_EQ(all.header("Link"), "");
  Reply page = client().get("/v2/a/tags/list?n=2");
  EXPECT_EQ(page.header("Link"), "</v2/a/tags/list?n=2&last=b>; rel=\"next\"");
  EXPECT_EQ(tags("?n=2&last=b"), (std::vector<std::string>{"C", "d10"}));
  Reply last = client().get("/v2/a/tags/list?n=2&last=d10");
  EXPECT_EQ(last.header("Link"), "");
  EXPECT_EQ(tags("?last=zzz"), std::vector<std::string>{});
  EXPECT_EQ(tags("?n=0"), std::vector<std::string>{});
  EXPECT_EQ(client().get("/v2/a/tags/list?n=0").header("Link"), "");
  EXPECT_EQ(tags("?n=5").size(), 5u);
  for (const char* bad : {"-1", "x", ""}) {
    EXPECT_EQ(client().get(cat("/v2/a/tags/list?n=", bad)).status, 400) << bad;
  }
}

// A page costs what it holds, however many tags come before it.
TEST_F(Lists, APageOfTagsIsFoundInTheIndex) {
  if (!on_sqlite()) GTEST_SKIP() << "of SQLite's plan";
  stop();
  Database db = *Database::open(options_.root / "registry.db", migrations());
  Statement plan = *db.prepare(cat("EXPLAIN QUERY PLAN ", kTagPage), 1, "m", "m", 100);
  std::vector<std::string> steps;
  while (*plan.step()) steps.push_back(plan.text(3));
  EXPECT_EQ(steps, std::vector<std::string>{
                       "SEARCH tag USING COVERING INDEX tag_in_order (repository=? AND name>?)"});
}

TEST_F(Lists, APageHoldsAThousandTags) {
  client().push_blob("a", "{}");
  const std::string image = image_of("{}", {});
  const std::string digest = oci::Digest::of(image).str();
  for (int i = 0; i < 11; ++i) {
    std::vector<std::string> names;
    for (int j = 0; j < 100; ++j) names.push_back(cat("tag=t", 1000 + i * 100 + j));
    EXPECT_EQ(client().put_manifest("a", cat(digest, "?", join(names, "&")), image).status, 201);
  }
  Reply all = client().get("/v2/a/tags/list?n=5000");
  EXPECT_EQ(all.json().strings("tags").size(), 1000u);
  EXPECT_EQ(all.header("Link"), "</v2/a/tags/list?n=1000&last=t1999>; rel=\"next\"");
  EXPECT_EQ(tags("?n=1000&last=t1999").size(), 100u);
}

TEST_F(Lists, AnUnknownRepositoryHasNoTagList) {
  Reply got = client().get("/v2/never/tags/list");
  EXPECT_EQ(got.status, 404);
  EXPECT_EQ(got.error(), "NAME_UNKNOWN");
}

TEST_F(Lists, RepositoriesThatHaveManifests) {
  push_image("b/x", "1", "{}", {});
  push_image("a", "1", "{}", {});
  push_image("c", "1", "{}", {});
  client().push_blob("only-blobs", "x");
  Reply all = client().get("/v2/_catalog");
  EXPECT_EQ(all.json().strings("repositories"), (std::vector<std::string>{"a", "b/x", "c"}));
  Reply page = client().get("/v2/_catalog?n=2");
  EXPECT_EQ(page.json().strings("repositories"), (std::vector<std::string>{"a", "b/x"}));
  EXPECT_EQ(page.header("Link"), "</v2/_catalog?n=2&last=b%2Fx>; rel=\"next\"");
  EXPECT_EQ(client().head("/v2/_catalog").status, 200);
  EXPECT_EQ(client().get("/v2/_catalog?last=b%2Fx").json().strings("repositories"),
            std::vector<std::string>{"c"});
}

// An artifact about `subject`.
std::string artifact(const std::string& subject, const std::string& type) {
  json::Value v = *json::parse(image_of("{}", {}, {{"note", "about it"}}));
  if (!type.empty()) v.set("artifactType", type);
  v.set("subject", describe(subject, oci::kMediaTypeManifest).to_json());
  return v.dump();
}

class Referrers : public RegistryTest {
 protected:
  json::Array list(const std::string& query = "") {
    Reply got = client().get(cat("/v2/a/referrers/", subject_digest_, query));
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.header("Content-Type"), oci::kMediaTypeIndex);
    EXPECT_EQ(got.json().integer("schemaVersion"), 2);
    return got.json().array("manifests");
  }
  std::string subject_ = image_of("{}", {});
  std::string subject_digest_ = oci::Digest::of(subject_).str();
};

TEST_F(Referrers, AreListedEvenBeforeTheirSubject) {
  EXPECT_TRUE(list().empty());
  client().push_blob("a", "{}");
  std::string signature = artifact(subject_, "application/vnd.example.signature");
  Reply put = client().put_manifest("a", oci::Digest::of(signature).str(), signature);
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.header("OCI-Subject"), subject_digest_);
  ASSERT_EQ(list().size(), 1u);
  json::Value entry = list().front();
  EXPECT_EQ(entry.string("digest"), oci::Digest::of(signature).str());
  EXPECT_EQ(entry.string("artifactType"), "application/vnd.example.signature");
  EXPECT_EQ(entry.integer("size"), static_cast<int64_t>(signature.size()));
  EXPECT_EQ(entry.string_map("annotations").at("note"), "about it");
  EXPECT_EQ(client().put_manifest("a", "1", subject_).header("OCI-Subject"), "");
  EXPECT_EQ(list().size(), 1u);
  EXPECT_EQ(client().remove(manifest_path("a", oci::Digest::of(signature).str())).status, 202);
  EXPECT_TRUE(list().empty());
}

TEST_F(Referrers, ComeInPagesOfSoManyBytes) {
  client().push_blob("a", "{}");
  for (int i = 0; i < 3; ++i) {
    json::Value v = *json::parse(image_of("{}", {}, {{"k", std::string(size_t{3} << 20U, 'x')}}));
    v.set("artifactType", cat("t/", i));
    v.set("subject", describe(subject_, oci::kMediaTypeManifest).to_json());
    EXPECT_EQ(client().put_manifest("a", cat("r", i), v.dump()).status, 201);
  }
  std::string next = cat("/v2/a/referrers/", subject_digest_);
  for (int pages = 0; pages < 3; ++pages) {
    Reply page = client().get(next);
    EXPECT_EQ(page.json().array("manifests").size(), 1u);
    EXPECT_LT(page.body.size(), size_t{4} << 20U);
    const std::string link = page.header("Link");
    EXPECT_EQ(link.empty(), pages == 2);
    next = link.substr(0, link.find('>'));
    if (!next.empty()) next.erase(0, 1);
  }
  EXPECT_EQ(list("?n=0").size(), 0u);
}

TEST_F(Referrers, AreFilteredByArtifactType) {
  client().push_blob("a", "{}");
  client().put_manifest("a", "s", artifact(subject_, "type/one"));
  client().put_manifest("a", "t", artifact(subject_, "type/two"));
  client().put_manifest("a", "u", artifact(subject_, ""));
  Reply filtered =
      client().get(cat("/v2/a/referrers/", subject_digest_, "?artifactType=type%2Ftwo"));
  EXPECT_EQ(filtered.header("OCI-Filters-Applied"), "artifactType");
  EXPECT_EQ(filtered.json().array("manifests").size(), 1u);
  // Without an artifactType that of the config counts.
  EXPECT_EQ(list(cat("?artifactType=", net::url_encode(oci::kMediaTypeConfig))).size(), 1u);
  EXPECT_EQ(client().get(cat("/v2/a/referrers/", subject_digest_)).header("OCI-Filters-Applied"),
            "");
}

TEST_F(Referrers, ComeInPages) {
  client().push_blob("a", "{}");
  for (const char* type : {"t/1", "t/2", "t/3"}) {
    client().put_manifest("a", replace_all(type, "/", ""), artifact(subject_, type));
  }
  std::string target = cat("/v2/a/referrers/", subject_digest_, "?n=2");
  size_t seen = 0;
  while (!target.empty()) {
    Reply page = client().get(target);
    seen += page.json().array("manifests").size();
    std::string link = page.header("Link");
    target = link.empty() ? "" : link.substr(1, link.find('>') - 1);
  }
  EXPECT_EQ(seen, 3u);
}

TEST_F(Referrers, OfAMalformedDigestAreRefused) {
  EXPECT_EQ(client().get("/v2/a/referrers/sha256:x").error(), "DIGEST_INVALID");
  EXPECT_EQ(client().get(cat("/v2/never/referrers/", subject_digest_)).status, 200);
}

class Endpoints : public RegistryTest {};

TEST_F(Endpoints, TheVersionCheckAnswers) {
  for (const char* path : {"/v2/", "/v2"}) {
    Reply got = client().get(path);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.header("Docker-Distribution-Api-Version"), "registry/2.0");
  }
}

TEST_F(Endpoints, WhatIsNotThereIsRefused) {
  for (const char* path : {"/", "/v1/", "/v2/a", "/v2x/", "/v2/a/b/c"}) {
    EXPECT_EQ(client().get(path).status, 404) << path;
  }
  Reply wrong = client().call("PATCH", "/v2/a/tags/list");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.error(), "UNSUPPORTED");
  EXPECT_EQ(wrong.header("Allow"), "GET, HEAD");
}

TEST_F(Endpoints, NamesMayHoldTheWordsOfPaths) {
  push_image("blobs/uploads", "tags", "{}", {});
  EXPECT_EQ(client().get(manifest_path("blobs/uploads", "tags")).status, 200);
  EXPECT_EQ(client().get("/v2/blobs/uploads/tags/list").json().strings("tags"),
            std::vector<std::string>{"tags"});
}

class GuardedRegistry : public RegistryTest {
 protected:
  GuardedRegistry() {
    options_.htpasswd = dir_.path() / "htpasswd";
    write_users("ann", "secret-1");
  }
  void write_users(const char* name, const char* password) {
    const std::string hash = *access::hash_password(password);
    EXPECT_TRUE(write_file_durably(options_.htpasswd, cat("# users\n", name, ":", hash, "\n")));
  }
  Fields as(const char* user_and_password) {
    return {{"Authorization", cat("Basic ", base64_encode(user_and_password))}};
  }
};

TEST_F(GuardedRegistry, AsksWhoItIs) {
  Reply nobody = client().get("/v2/");
  EXPECT_EQ(nobody.status, 401);
  EXPECT_EQ(nobody.error(), "UNAUTHORIZED");
  EXPECT_TRUE(nobody.header("WWW-Authenticate").starts_with("Basic realm="));
  EXPECT_EQ(client().get("/v2/", as("ann:secret-1")).status, 200);
  EXPECT_EQ(client().get("/v2/", as("ann:secret-1")).status, 200);
  for (const char* wrong : {"ann:wrong", "bob:secret-1", "ann", ":", "ann:"}) {
    EXPECT_EQ(client().get("/v2/", as(wrong)).status, 401) << wrong;
  }
  EXPECT_EQ(client().get("/v2/", {{"Authorization", "Bearer x"}}).status, 401);
  EXPECT_EQ(client().get("/v2/a/tags/list").status, 401);
}

TEST_F(GuardedRegistry, WhoGuessesWaits) {
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client().get("/v2/", as("ann:wrong")).status, 401);
  const Reply reply = client().get("/v2/", as("ann:secret-1"));
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.header("Retry-After"), "1");
  EXPECT_EQ(reply.error(), "TOOMANYREQUESTS");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(client().get("/v2/", as("ann:secret-1")).status, 200);
}

TEST_F(GuardedRegistry, ReadsItsUsersAgain) {
  EXPECT_EQ(client().get("/v2/", as("ann:secret-1")).status, 200);
  write_users("ann", "other-one");
  std::filesystem::last_write_time(
      options_.htpasswd, std::filesystem::file_time_type::clock::now() + std::chrono::seconds(5));
  EXPECT_EQ(client().get("/v2/", as("ann:secret-1")).status, 401);
  EXPECT_EQ(client().get("/v2/", as("ann:other-one")).status, 200);
}

TEST(HtpasswdFile, ABadOneIsRefusedByLine) {
  TempDir dir = *TempDir::make("/tmp", "skiff-registry-");
  RegistryOptions options{.root = dir.path() / "r", .htpasswd = dir.path() / "users"};
  auto missing = open_registry(options);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message().find(options.htpasswd.native()), std::string::npos);
  ASSERT_TRUE(write_file_durably(options.htpasswd, "ann:$2b$x\nbob:plain\n"));
  auto bad = open_registry(options);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message().find("line 2"), std::string::npos);
}

}  // namespace
}  // namespace skiff::registry
