// Containers whose ids are others on the host.
#include "engine/user_namespaces.h"

#include <sys/stat.h>

#include "engine/test_engine.h"
#include "snapshot/snapshotter.h"

namespace skiff::engine {
namespace {

using testing::EngineTest;

constexpr uint32_t kRoot = 100000;

class UserNamespacesTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const Result<> can = snapshot::check_mapped_mounts(dir_.path());
    if (!can) GTEST_SKIP() << can.error().message();
    UsernsOptions& userns = options_.userns;
    userns.files = {.subuid = dir_.path() / "subuid", .subgid = dir_.path() / "subgid"};
    for (const Path& file : {userns.files.subuid, userns.files.subgid}) {
      ASSERT_TRUE(write_file_durably(file, "skiff:500000:131072\n"));
    }
    remap(kRoot);
  }
  void remap(uint32_t first) {
    const std::vector<sys::IdMapping> map{{.inside = 0, .outside = first, .size = 65536}};
    options_.userns.remap = sys::IdMaps{.uids = map, .gids = map};
    reopen();
  }
  static CreateRequest with_mode(const std::string& mode, const std::string& script) {
    CreateRequest wanted = request(script);
    wanted.host_config.userns_mode = mode;
    return wanted;
  }
  std::string said_by(CreateRequest wanted) {
    const std::string id = run(std::move(wanted));
    EXPECT_EQ(wait(id), 0) << logs(id);
    return logs(id);
  }
  std::string refusal(CreateRequest wanted) {
    auto created = containers().create(std::move(wanted));
    return created ? "" : created.error().message();
  }
  uint32_t first_uid(const std::string& id) {
    const auto maps = info(id).id_maps;
    return maps && !maps->uids.empty() ? maps->uids.front().outside : 0;
  }
  static uint32_t owner(const Path& path) {
    struct stat st{};
    EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
    return st.st_uid;
  }
};

const char* const kWhoAmI = "id -u; cat /proc/self/uid_map";

TEST_F(UserNamespacesTest, TheDaemonsMappingIsEverybodysButTheHostsOwn) {
  EXPECT_EQ(said_by(request(kWhoAmI)), "0\n         0     100000      65536\n");
  EXPECT_EQ(said_by(with_mode("host", kWhoAmI)), "0\n         0          0 4294967295\n");
  EXPECT_EQ(said_by(request("touch /new /etc/hosts && echo ok > /dev/stdout")), "ok\n");
}

TEST_F(UserNamespacesTest, WhatTheHostsNamespacesAreForIsRefused) {
  CreateRequest wanted = request("true");
  wanted.host_config.privileged = true;
  EXPECT_NE(refusal(wanted).find("privileged mode is incompatible"), std::string::npos);
  wanted.host_config.userns_mode = "host";
  EXPECT_EQ(refusal(wanted), "");
  wanted = request("true");
  wanted.host_config.network_mode = "host";
  EXPECT_EQ(refusal(wanted),
            "cannot share the host's network namespace when user namespaces are enabled");
  wanted = request("true");
  wanted.host_config.pid_mode = "host";
  EXPECT_EQ(refusal(wanted),
            "cannot share the host PID namespace when user namespaces are enabled");
  EXPECT_EQ(refusal(with_mode("bogus", "true")), "invalid user namespace mode: bogus");
  EXPECT_NE(refusal(with_mode("auto:size=x", "true")), "");
}

TEST_F(UserNamespacesTest, AVolumeHasTheSameOwnersForAllAndABindTheHosts) {
  const Path bound = dir_.path() / "bound";
  ASSERT_TRUE(make_directories(bound, 0777));
  ASSERT_EQ(::chmod(bound.c_str(), 0777), 0);
  CreateRequest wanted = request("touch /v/f /b/f");
  wanted.host_config.binds = {"shared:/v", cat(bound.native(), ":/b")};
  said_by(wanted);
  EXPECT_EQ(owner(engine_->volumes().find("shared")->mountpoint / "f"), 0U);
  EXPECT_EQ(owner(bound / "f"), kRoot);
  wanted = with_mode("auto", "rm /v/f && ! touch /b/f");
  wanted.host_config.binds = {"shared:/v", cat(bound.native(), ":/b")};
  said_by(wanted);
}

TEST_F(UserNamespacesTest, FilesGoBothWaysWithTheContainersIds) {
  const std::string id = run("cat > /mine; sleep 100");
  StringSink made;
  TarWriter tar(made);
  ASSERT_TRUE(tar.add({.name = "d", .type = TarType::kDirectory, .uid = 7, .gid = 8}));
  ASSERT_TRUE(tar.finish());
  const std::string packed = made.take();
  const auto put = [&] {
    StringSource source(packed);
    return files().put_archive(id, "/tmp", source, {});
  };
  const auto owners = [&](const std::string& path) -> std::string {
    StringSink sink;
    auto got =
        files().get_archive(id, path, sink, [](const PathStat&) -> Result<> { return {}; }, {});
    if (!got) return got.error().message();
    const std::string bytes = sink.take();
    StringSource source(bytes);
    TarReader reader(source);
    const TarEntry* entry = reader.next().value();
    return cat(entry->uid, ":", entry->gid);
  };
  ASSERT_TRUE(put());
  EXPECT_EQ(owners("/tmp/d"), "7:8");
  EXPECT_EQ(owners("/etc/hosts"), "0:0");
  EXPECT_TRUE(containers().kill(id, "KILL"));
  wait(id);
  EXPECT_EQ(owners("/tmp/d"), "7:8");
  ASSERT_TRUE(put());
  EXPECT_EQ(owners("/tmp/d"), "7:8");
  // On disk, and so in what is made of it, they are the container's.
  StringSink exported;
  ASSERT_TRUE(files().export_tree(id, exported, {}));
  const std::string all = exported.take();
  StringSource source(all);
  TarReader reader(source);
  std::map<std::string, uint64_t> uids;
  while (const TarEntry* entry = reader.next().value()) uids[entry->name] = entry->uid;
  EXPECT_EQ(uids.at("tmp/d/"), 7U);
  EXPECT_EQ(uids.at("bin/busybox"), 0U);
}

TEST_F(UserNamespacesTest, RangesOfTheirOwnDoNotOverlapAndAreGivenBack) {
  const std::string first = create(with_mode("auto", "true"));
  const std::string second = create(with_mode("auto", "true"));
  EXPECT_EQ(first_uid(first), 500000U);
  EXPECT_EQ(first_uid(second), 565536U);
  EXPECT_NE(refusal(with_mode("auto", "true")).find("ids lent to skiff"), std::string::npos);
  // Known to the next daemon, too, and the same at each start.
  reopen();
  EXPECT_NE(refusal(with_mode("auto:size=1", "true")), "");
  start(first);
  EXPECT_EQ(wait(first), 0);
  EXPECT_EQ(first_uid(first), 500000U);
  ASSERT_TRUE(containers().remove(first, {}));
  EXPECT_EQ(said_by(with_mode("auto:size=1000", kWhoAmI)), "0\n         0     500000       1000\n");
  EXPECT_EQ(first_uid(create(with_mode("auto:size=1000", "true"))), 501000U);
}

TEST_F(UserNamespacesTest, AFailedCreationGivesItsRangeBack) {
  CreateRequest wanted = with_mode("auto:size=131072", "true");
  wanted.host_config.binds = {"/relative/../:bad:bad:bad"};
  EXPECT_NE(refusal(wanted), "");
  EXPECT_EQ(first_uid(create(with_mode("auto:size=131072", "true"))), 500000U);
}

TEST_F(UserNamespacesTest, ThoseWhoShareNamespacesShareIds) {
  const std::string first = run(with_mode("auto", "sleep 100"));
  CreateRequest wanted = request(kWhoAmI);
  wanted.host_config.pid_mode = cat("container:", first);
  EXPECT_EQ(said_by(wanted), "0\n         0     500000      65536\n");
  wanted.host_config.userns_mode = "auto";
  EXPECT_NE(refusal(wanted).find("--userns=container:"), std::string::npos);
  EXPECT_EQ(said_by(with_mode(cat("container:", first), kWhoAmI)),
            "0\n         0     500000      65536\n");
  const std::string hosts = run(with_mode("host", "sleep 100"));
  wanted = request("true");
  wanted.host_config.network_mode = cat("container:", hosts);
  EXPECT_NE(refusal(wanted).find("use --userns=host"), std::string::npos);
}

TEST_F(UserNamespacesTest, ThoseWhoShareThemComeBackInTheSame) {
  const std::string first = run(with_mode("auto", "sleep 100"));
  CreateRequest wanted = request("id -u; cat /proc/self/uid_map; exit 1");
  wanted.host_config.network_mode = cat("container:", first);
  wanted.host_config.restart_policy = {.name = "on-failure", .maximum_retry_count = 1};
  const std::string id = create(std::move(wanted));
  auto events = *engine_->events().subscribe({});
  start(id);
  for (int deaths = 0; deaths < 2;) {
    auto event = events->next({});
    ASSERT_TRUE(event && *event);
    deaths += (*event)->action == "die" ? 1 : 0;
  }
  const std::string once = "0\n         0     500000      65536\n";
  EXPECT_EQ(logs(id), once + once) << info(id).state.error;
}

// Files are on disk as inside: nothing has to be changed for another mapping, or for none.
TEST_F(UserNamespacesTest, AContainerGoesOnWithAnotherMapping) {
  const std::string id = run("test -e /mine && rm /mine && echo gone; touch /mine");
  EXPECT_EQ(wait(id), 0);
  remap(300000);
  start(id);
  EXPECT_EQ(wait(id), 0);
  EXPECT_EQ(first_uid(id), 300000U);
  options_.userns.remap.reset();
  reopen();
  start(id);
  EXPECT_EQ(wait(id), 0);
  EXPECT_EQ(info(id).id_maps, std::nullopt);
  EXPECT_EQ(logs(id), "gone\ngone\n");
}

TEST_F(UserNamespacesTest, ARunningOneKeepsItsIdsWhateverTheNextDaemonMaps) {
  const std::string id = run("touch /mine; echo ready; sleep 100");
  await_log(id, "ready");
  remap(300000);
  EXPECT_EQ(first_uid(id), kRoot);
  EXPECT_EQ(owner(options_.run_dir / "containers" / id / "rootfs/mine"), kRoot);
}

}  // namespace
}  // namespace skiff::engine
