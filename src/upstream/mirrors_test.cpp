#include "db/database.h"
#include "registry/policy_rules.h"
#include "upstream/mirror_report.h"
#include "upstream/mirror_settings.h"
#include "upstream/test_upstream.h"

namespace skiff::upstream {
namespace {

using registry::blob_path;
using registry::manifest_path;

class MirrorsTest : public UpstreamTest {
 protected:
  MirrorsTest() { settings_ = {.url = origin_.url(), .place = "m", .repositories = {"a/*"}}; }

  Result<json::Value> operate(std::string_view what, const json::Value& arguments) {
    return registry_->upstreams()->operate_mirrors(what, arguments, {}, {});
  }
  void add(const std::string& name = "up") {
    json::Value arguments = settings_.to_json();
    arguments.set("name", name);
    const auto added = operate("add", arguments);
    ASSERT_TRUE(added) << added.error().message();
  }
  MirrorReport run(const std::string& name = "up") {
    const auto done = operate("run", json::object({{"name", name}}));
    EXPECT_TRUE(done) << done.error().message();
    return done ? MirrorReport::from_json(*done) : MirrorReport{};
  }
  // Until one that runs by itself has.
  void await_run() {
    for (;;) {
      const json::Value all = *operate("list", json::object());
      const json::Value* last = all.array("mirrors").front().find("last");
      if (last != nullptr && MirrorReport::from_json(*last).is_over()) return;
      std::this_thread::yield();
    }
  }
  std::string failures(const MirrorReport& report) { return join(report.failures, "; "); }
  bool has(const std::string& repository, const std::string& reference) {
    return client().get(manifest_path(repository, reference)).status == 200;
  }
  // Of two platforms; its children are images of their names.
  std::string push_index(const std::string& repository, const std::string& tag) {
    Client up = upstream();
    std::vector<oci::Descriptor> entries;
    for (const std::string architecture : {"amd64", "arm64"}) {
      up.push_blob(repository, architecture);
      const std::string image = registry::image_of(architecture, {});
      EXPECT_EQ(up.put_manifest(repository, oci::Digest::of(image).str(), image).status, 201);
      entries.push_back(registry::describe(image, oci::kMediaTypeManifest));
      entries.back().platform = oci::Platform{.os = "linux", .architecture = architecture};
    }
    const std::string index = oci::Index::make(oci::kMediaTypeIndex, entries).raw;
    const Reply put = up.put_manifest(repository, tag, index, oci::kMediaTypeIndex);
    EXPECT_EQ(put.status, 201) << put.body;
    return put.header("Docker-Content-Digest");
  }
  std::string sign(const std::string& repository, const std::string& subject) {
    Client up = upstream();
    up.push_blob(repository, "{}");
    const std::string signature = cat(
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)",
        R"("artifactType":"a/signature","config":{"mediaType":"application/vnd.oci.empty.v1+json",)",
        R"("digest":")", oci::Digest::of("{}").str(), R"(","size":2},"layers":[],)",
        R"("subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")",
        subject, R"(","size":1}})");
    const std::string digest = oci::Digest::of(signature).str();
    EXPECT_EQ(up.put_manifest(repository, digest, signature).status, 201);
    return digest;
  }

  MirrorSettings settings_;
};

TEST_F(MirrorsTest, WhatLacksIsCopiedAndNothingElse) {
  push_upstream("a/b", "1", "config", {"layer"});
  push_upstream("a/c", "1", "config", {"layer", "other"});
  push_upstream("z", "1", "config", {"layer"});
  add();
  const MirrorReport first = run();
  EXPECT_EQ(failures(first), "");
  EXPECT_TRUE(first.is_over());
  EXPECT_EQ(first.repositories, 2);
  EXPECT_EQ(first.copied, 2);
  EXPECT_EQ(first.blobs, 3);  // what two repositories have moves once
  EXPECT_TRUE(has("m/a/b", "1"));
  EXPECT_TRUE(has("m/a/c", "1"));
  EXPECT_FALSE(has("m/z", "1"));
  origin_.forget();
  const MirrorReport second = run();
  EXPECT_EQ(second.copied, 0);
  EXPECT_EQ(second.unchanged, 2);
  EXPECT_EQ(origin_.asked("GET", "/blobs/") + origin_.asked("GET", "/manifests/"), 0);
  push_upstream("a/b", "2", "config", {"layer"});
  EXPECT_EQ(run().copied, 1);
  // It is an image of this registry as others are.
  origin_.stop();
  EXPECT_EQ(client().get(blob_path("m/a/b", oci::Digest::of("layer").str())).body, "layer");
  std::vector<std::string> problems;
  ASSERT_TRUE(registry_->check({}, [&](const Problem& p) { problems.push_back(p.what); }, {}));
  EXPECT_EQ(problems, std::vector<std::string>{});
}

TEST_F(MirrorsTest, TagsAndPlatformsAreChosen) {
  const std::string index = push_index("a/b", "v1");
  push_upstream("a/b", "edge", "config", {});
  settings_.tags = {"v*"};
  settings_.platforms = {"linux/arm64"};
  add();
  const MirrorReport report = run();
  EXPECT_EQ(failures(report), "");
  EXPECT_EQ(report.tags, 1);
  EXPECT_EQ(client().head(manifest_path("m/a/b", "v1")).header("Docker-Content-Digest"), index);
  EXPECT_FALSE(has("m/a/b", "edge"));
  EXPECT_TRUE(has("m/a/b", oci::Digest::of(registry::image_of("arm64", {})).str()));
  EXPECT_FALSE(has("m/a/b", oci::Digest::of(registry::image_of("amd64", {})).str()));
  std::vector<std::string> problems;
  ASSERT_TRUE(registry_->check({}, [&](const Problem& p) { problems.push_back(p.what); }, {}));
  EXPECT_EQ(problems, std::vector<std::string>{});
}

TEST_F(MirrorsTest, SignaturesComeWhereTheyAreAskedFor) {
  const std::string image = push_upstream("a/b", "1", "config", {});
  const std::string signature = sign("a/b", image);
  add();
  run();
  EXPECT_FALSE(has("m/a/b", signature));
  settings_.referrers = true;
  add("signed");
  EXPECT_EQ(failures(run("signed")), "");
  const auto found = client().get(cat("/v2/m/a/b/referrers/", image)).json().array("manifests");
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].string("digest"), signature);
}

TEST_F(MirrorsTest, TagsThatAreGoneGoWhereThatIsAskedFor) {
  push_upstream("a/b", "1", "config", {});
  push_upstream("a/b", "2", "config", {});
  add();
  run();
  EXPECT_EQ(upstream().remove(manifest_path("a/b", "2")).status, 202);
  EXPECT_EQ(run().removed, 0);
  EXPECT_TRUE(has("m/a/b", "2"));
  settings_.remove = true;
  add("exact");
  EXPECT_EQ(run("exact").removed, 1);
  EXPECT_FALSE(has("m/a/b", "2"));
  EXPECT_TRUE(has("m/a/b", "1"));
}

TEST_F(MirrorsTest, WhatFailsIsReportedAndHoldsUpNoOther) {
  push_upstream("a/b", "1", "config", {"broken"});
  push_upstream("a/b", "2", "config", {"whole"});
  origin_.instead([&](net::Request& r, net::ResponseWriter& w) {
    if (r.path != blob_path("a/b", oci::Digest::of("broken").str())) return false;
    EXPECT_TRUE(w.send(200, "application/octet-stream", "brokeN"));
    return true;
  });
  add();
  const MirrorReport report = run();
  EXPECT_EQ(report.failed, 1);
  EXPECT_NE(failures(report).find("m/a/b:1"), std::string::npos);
  EXPECT_FALSE(has("m/a/b", "1"));
  EXPECT_TRUE(has("m/a/b", "2"));
  origin_.instead({});
  EXPECT_EQ(run().copied, 1);
  EXPECT_TRUE(has("m/a/b", "1"));
}

TEST_F(MirrorsTest, ARunThatWasBrokenOffGoesOn) {
  push_upstream("a/b", "1", "config", {"one"});
  push_upstream("a/b", "2", "config", {"two"});
  CancelSource cancel;
  add();
  const auto stop = [&](const json::Value& event) {
    if (event.find("mirror")->integer("tags") == 1) cancel.cancel();
  };
  const auto broken = registry_->upstreams()->operate_mirrors("run", json::object({{"name", "up"}}),
                                                              stop, cancel.token());
  ASSERT_TRUE(broken);
  EXPECT_FALSE(MirrorReport::from_json(*broken).is_over());
  const MirrorReport rest = run();
  EXPECT_EQ(rest.copied, 1);
  EXPECT_EQ(rest.unchanged, 1);
}

TEST_F(MirrorsTest, AScheduledOneRunsByItself) {
  push_upstream("a/b", "1", "config", {});
  settings_.every = std::chrono::hours(1);
  add();
  options_.upstreams = pull_through({.spool = dir_.path(), .run_mirrors = true});
  restart();
  // It begins with the registry; asked for meanwhile it says that it runs.
  await_run();
  EXPECT_TRUE(has("m/a/b", "1"));
}

TEST_F(MirrorsTest, ImagesGoToAnotherRegistry) {
  const std::string image = push_image("m/a/b", "1", "config", {"layer"});
  push_image("m/b", "1", "config", {"layer"});
  settings_.is_push = true;
  add();
  const MirrorReport report = run();
  EXPECT_EQ(failures(report), "");
  EXPECT_EQ(report.copied, 1);
  EXPECT_EQ(report.blobs, 2);
  EXPECT_EQ(upstream().head(manifest_path("a/b", "1")).header("Docker-Content-Digest"), image);
  EXPECT_EQ(upstream().head(manifest_path("b", "1")).status, 404);
  EXPECT_EQ(run().unchanged, 1);
}

// What may not move here stays as it is, is reported with each run, and holds up no other tag.
TEST_F(MirrorsTest, ATagThatMovesThereAndMustNotHereIsReported) {
  push_upstream("a/b", "1", "config", {"layer"});
  push_upstream("a/b", "2", "config", {"layer"});
  add();
  EXPECT_EQ(run().copied, 2);
  const std::string before = client().head(manifest_path("m/a/b", "1")).header("ETag");
  {
    Database beside = *registry::open_registry_database(options_.root);
    ASSERT_TRUE(registry::add_rule(beside, {.node = "m", .tags = "1"}));
  }
  push_upstream("a/b", "1", "config", {"refused"});
  push_upstream("a/b", "2", "config", {"other"});
  origin_.forget();
  const MirrorReport second = run();
  EXPECT_EQ(second.copied, 1);
  EXPECT_EQ(second.failed, 1);
  EXPECT_NE(failures(second).find("m/a/b:1: "), std::string::npos) << failures(second);
  EXPECT_NE(failures(second).find("immutable"), std::string::npos) << failures(second);
  EXPECT_EQ(client().head(manifest_path("m/a/b", "1")).header("ETag"), before);
  EXPECT_EQ(run().failed, 1);
  // It costs a HEAD with each run, and nothing of it comes.
  EXPECT_EQ(origin_.asked("HEAD", manifest_path("a/b", "1")), 2U);
  EXPECT_EQ(origin_.asked("GET", blob_path("a/b", oci::Digest::of("refused").str())), 0U);
  EXPECT_EQ(origin_.asked("GET", "/manifests/"), 1U);
}

TEST_F(MirrorsTest, OneThatIsStartedRunsByItself) {
  push_upstream("a/b", "1", "config", {"layer"});
  add();
  options_.upstreams = pull_through({.spool = dir_.path(), .run_mirrors = true});
  restart();
  EXPECT_TRUE(operate("start", json::object({{"name", "up"}})));
  await_run();
  EXPECT_TRUE(has("m/a/b", "1"));
  json::Value other = settings_.to_json();
  other.set("name", "up");
  other.set("place", "n");
  EXPECT_TRUE(operate("change", other));
  EXPECT_EQ(operate("get", other)->find("settings")->string("place"), "n");
  other.set("name", "none");
  EXPECT_EQ(operate("change", other).error().code(), Code::kNotFound);
  EXPECT_EQ(operate("start", other).error().code(), Code::kNotFound);
}

TEST_F(MirrorsTest, TheirNamesAreTheirOwn) {
  add();
  json::Value again = settings_.to_json();
  again.set("name", "up");
  EXPECT_EQ(operate("add", again).error().code(), Code::kAlreadyExists);
  again.set("name", "no/name");
  EXPECT_EQ(operate("add", again).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(operate("run", json::object({{"name", "other"}})).error().code(), Code::kNotFound);
  EXPECT_TRUE(operate("remove", json::object({{"name", "up"}})));
  EXPECT_EQ(operate("remove", json::object({{"name", "up"}})).error().code(), Code::kNotFound);
  EXPECT_TRUE(operate("list", json::object())->array("mirrors").empty());
}

// A second server on the same database.
class MirrorNodes : public MirrorsTest {
 protected:
  void SetUp() override {
    if (!PostgresForTests::available()) GTEST_SKIP() << "postgresql-15 is not installed";
    other_root_ = dir_.path() / "other";
    std::filesystem::remove(options_.root / "database");
    PostgresForTests::place_tables_of({options_.root, other_root_});
    MirrorsTest::SetUp();
  }
  std::unique_ptr<registry::Registry> open_other() {
    registry::RegistryOptions options = options_;
    options.root = other_root_;
    auto opened = registry::open_registry(options, clock_);
    EXPECT_TRUE(opened) << opened.error().message();
    return std::move(*opened);
  }
  Path other_root_;
};

TEST_F(MirrorNodes, OneServerRunsItAtATime) {
  push_upstream("a/b", "1", "config", {});
  add();
  const auto other = open_other();
  const auto run_there = [&] {
    return other->upstreams()->operate_mirrors("run", json::object({{"name", "up"}}), {}, {});
  };
  origin_.instead([&](net::Request& r, net::ResponseWriter&) {
    if (r.path.ends_with("/tags/list")) gate_.pass();
    return false;
  });
  std::jthread here([&] { EXPECT_EQ(run().copied, 1); });
  gate_.wait_for(1);
  EXPECT_EQ(run_there().error().code(), Code::kUnavailable);
  gate_.open();
  here.join();
  const auto again = run_there();
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(MirrorReport::from_json(*again).unchanged, 1);
}

TEST_F(MirrorNodes, AScheduledOneIsRunOnce) {
  push_upstream("a/b", "1", "config", {});
  settings_.every = std::chrono::hours(1);
  add();
  options_.upstreams = pull_through({.spool = dir_.path(), .run_mirrors = true});
  auto other = open_other();
  restart();
  for (;;) {
    const json::Value all = *operate("list", json::object());
    const json::Value* last = all.array("mirrors").front().find("last");
    if (last != nullptr && MirrorReport::from_json(*last).is_over()) break;
    std::this_thread::yield();
  }
  other.reset();
  stop();
  EXPECT_EQ(origin_.asked("GET", "/tags/list"), 1U);
}

TEST(MirrorSettings, WhatIsWrongIsNamed) {
  MirrorSettings settings{.url = "https://a.io"};
  EXPECT_NE(check(settings).error().message().find("repository"), std::string::npos);
  settings.repositories = {"A"};
  EXPECT_NE(check(settings).error().message().find("\"A\""), std::string::npos);
  settings.repositories = {"a/**"};
  EXPECT_TRUE(check(settings));
  for (const auto every : {std::chrono::seconds(-1), std::chrono::seconds::max()}) {
    settings.every = every;
    EXPECT_NE(check(settings).error().message().find("every"), std::string::npos);
  }
  settings.every = std::chrono::hours(1);
  settings.platforms = {"linux/arm64"};
  settings.is_push = true;
  EXPECT_NE(check(settings).error().message().find("platforms"), std::string::npos);
  settings.platforms.clear();
  settings.remove = true;
  EXPECT_NE(check(settings).error().message().find("deleted"), std::string::npos);
}

}  // namespace
}  // namespace skiff::upstream
