// RUN --mount, beyond what one build shows: what is kept, shared, told and forgotten.
#include <algorithm>
#include <atomic>
#include <thread>

#include "builder/run_fixture.h"
#include "net/stream.h"

namespace skiff::builder {
namespace {

class RunMounts : public RunFixture {};

TEST_F(RunMounts, CachesOutliveBuildersAndArePruned) {
  const std::string lines =
      "RUN --mount=type=cache,target=/c,uid=1000 echo x >> /c/f && cat /c/f && stat -c %u /c\n";
  EXPECT_EQ(output_of(lines), "x\n1000\n");
  open_builder_again();
  BuildRequest again = request(cat("FROM base:1\n", lines));
  again.no_cache = true;
  built(again);
  EXPECT_EQ(told_.output, "x\nx\n1000\n");
  auto records = builder_->disk_usage();
  const auto mount =
      std::ranges::find(*records, CacheRecord::Kind::kCacheMount, &CacheRecord::kind);
  ASSERT_NE(mount, records->end());
  EXPECT_EQ(mount->description, "cache mount /c");
  EXPECT_GT(mount->size, 0);
  EXPECT_FALSE(mount->in_use);
  auto kept = builder_->prune({.until = std::chrono::hours(1)});
  EXPECT_EQ(std::ranges::find(kept->removed, mount->id), kept->removed.end());
  auto pruned = builder_->prune({});
  EXPECT_NE(std::ranges::find(pruned->removed, mount->id), pruned->removed.end());
  built(again);
  EXPECT_EQ(told_.output, "x\n1000\n");
}

// Two steps of one build that want the cache at the same time.
TEST_F(RunMounts, LockedCachesAreUsedOneAfterTheOther) {
  const auto two_stages = [](const std::string& sharing) {
    const std::string run =
        cat("RUN --mount=type=cache,id=", sharing, ",target=/c,sharing=", sharing,
            " mkdir /c/here && sleep 0.2 && rm -r /c/here");
    return cat("FROM base:1 AS one\nENV A=1\n", run, "\nFROM base:1 AS two\nENV A=2\n", run,
               "\nFROM base:1\nCOPY --from=one /etc/group /1\nCOPY --from=two /etc/group /2\n");
  };
  built(two_stages("locked"));
  built(two_stages("private"));
}

// Each has the first of its mounts when a third step, which has the cache in the middle, ends: they
// take them in one order all the same.
TEST_F(RunMounts, StepsThatLockTwoCachesInOppositeOrderEnd) {
  const auto mount = [](const std::string& id) {
    return cat("--mount=type=cache,sharing=locked,id=", id, ",target=/", id, " ");
  };
  const auto lines = [&](std::string_view ids, const std::string& command) {
    std::string out = "FROM base:1\nRUN ";
    for (const char id : ids) out += mount(std::string(1, id));
    return cat(out, command);
  };
  const auto directory_of = [&](const std::string& id) -> std::string {
    const auto records = builder_->disk_usage();
    for (const CacheRecord& record : *records) {
      if (record.description == cat("cache mount ", id)) return record.id;
    }
    return "";
  };
  const CancelSource give_up;
  std::atomic<int> built = 0;
  std::vector<std::jthread> threads;
  const auto start = [&](const std::string& dockerfile) {
    threads.emplace_back([&, wanted = request(dockerfile)] {
      const auto result = builder_->build(wanted, [](const BuildEvent&) {}, give_up.token());
      EXPECT_TRUE(result) << result.error().message();
      if (result) ++built;
    });
  };
  const auto until = [&](const std::function<bool()>& is_so) {
    for (int i = 0; i < 3000 && !is_so(); ++i) ::usleep(10'000);
    if (!is_so()) give_up.cancel();
  };
  start(lines("m", "until test -e /m/go; do sleep 0.05; done"));
  until([&] { return !directory_of("m").empty(); });
  start(lines("amb", "true"));
  start(lines("bma", "echo"));
  // The directories are made once they are locked.
  until([&] { return !directory_of("a").empty() && !directory_of("b").empty(); });
  ASSERT_TRUE(write_file(options_.cache_mounts() / directory_of("m") / "data/go", ""));
  until([&] { return built == 3; });
}

TEST_F(RunMounts, OneStepMayMountALockedCacheTwice) {
  EXPECT_EQ(
      output_of("RUN --mount=type=cache,id=l,target=/a,sharing=locked "
                "--mount=type=cache,id=l,target=/b,sharing=locked echo x > /a/f && cat /b/f\n"),
      "x\n");
}

TEST_F(RunMounts, WhichSecretItIsCounts) {
  const auto with = [&](const std::string& id) {
    BuildRequest wanted = request(
        cat("FROM base:1\nRUN --mount=type=secret,id=", id, ",target=/s,required wc -c < /s\n"));
    wanted.secrets = {{"prod", "12345"}, {"dev", "123"}};
    built(wanted);
    return told_.output;
  };
  EXPECT_EQ(with("prod"), "5\n");
  EXPECT_EQ(with("dev"), "3\n");
}

TEST_F(RunMounts, WhatABindShowsIsTheKey) {
  write("src/a", "A");
  write("other", "O");
  const std::string lines = "RUN --mount=source=src,target=/in cat /in/a > /out";
  images::Image image = built(cat("FROM base:1\n", lines));
  EXPECT_EQ(text_in(image, "out"), "A");
  write("other", "changed");
  built(cat("FROM base:1\n", lines));
  EXPECT_EQ(told_.cached, std::vector<int>{2});
  write("src/a", "B");
  EXPECT_EQ(text_in(built(cat("FROM base:1\n", lines)), "out"), "B");
  EXPECT_EQ(told_.missed[2], "src/a changed");
}

TEST_F(RunMounts, OfAStageOnlyWhatIsMountedIsTheKey) {
  const auto lines = [](const std::string& text) {
    return cat("FROM base:1 AS one\nRUN mkdir /o && echo same > /o/f && echo ", text,
               " > /other\nFROM base:1\nRUN --mount=from=one,source=/o,target=/in cat /in/f\n");
  };
  built(lines("1"));
  built(lines("2"));
  EXPECT_EQ(told_.cached, std::vector<int>{4});
}

TEST_F(RunMounts, SecretsAreNoPartOfKeyLayerOrHistory) {
  BuildRequest wanted = request(
      "FROM base:1\nRUN --mount=type=secret,id=s --mount=type=secret,id=s,env=S "
      "cat /run/secrets/s > /dev/null; echo $S\n");
  wanted.secrets["s"] = "first secret\n";
  images::Image image = built(wanted);
  EXPECT_EQ(told_.output, "[secret]\n");
  EXPECT_EQ(image.config.serialize().find("first secret"), std::string::npos);
  EXPECT_EQ(tree(image).find("secrets"), std::string::npos);
  wanted.secrets["s"] = "second secret\n";
  built(wanted);
  EXPECT_EQ(told_.cached, std::vector<int>{2});
  auto database = read_file(options_.root / "cache.db");
  EXPECT_EQ(database->find("first secret"), std::string::npos);
}

TEST_F(RunMounts, AnSshAgentsSocketHasTheOwnerItIsGivenTo) {
  const Path socket = root() / "agent";
  auto listener = net::listen_unix(socket, 0600);
  ASSERT_TRUE(listener);
  BuildRequest wanted = request(
      "FROM base:1\nUSER app\nRUN --mount=type=ssh,uid=1000 stat -c %F:%a:%u $SSH_AUTH_SOCK\n");
  wanted.ssh_agents["default"] = socket;
  built(wanted);
  EXPECT_EQ(told_.output, "socket:600:1000\n");
}

TEST_F(RunMounts, StagesCanBeExcludedFromTheCache) {
  BuildRequest wanted = request(
      "FROM base:1 AS one\nRUN echo one\nFROM base:1 AS two\nRUN echo two\n"
      "COPY --from=one /etc/group /g\n");
  built(wanted);
  wanted.no_cache_stages = {"one"};
  built(wanted);
  EXPECT_EQ(told_.output, "one\n");
}

TEST_F(RunMounts, InAUserNamespaceTheyHaveTheOwnersInside) {
  const Result<> can = snapshot::check_mapped_mounts(root());
  if (!can) GTEST_SKIP() << can.error().message();
  const std::vector<sys::IdMapping> map{{.inside = 0, .outside = 100000, .size = 65536}};
  options_.ids = sys::UserNamespace::make({.uids = map, .gids = map}).value();
  open_builder_again();
  write("src/a", "A");
  BuildRequest wanted = request(
      "FROM base:1 AS one\nRUN echo made > /f && chown 7:8 /f\nFROM base:1\n"
      "RUN --mount=source=src,target=/in --mount=from=one,source=/f,target=/f "
      "--mount=type=cache,target=/c,uid=5 --mount=type=secret,id=s,uid=6 "
      "stat -c %u:%n /in/a /f /c /run/secrets/s && cat /in/a /f && touch /c/new\n");
  wanted.secrets["s"] = "planted";
  built(wanted);
  EXPECT_EQ(told_.output, "0:/in/a\n7:/f\n5:/c\n6:/run/secrets/s\nAmade\n");
}

}  // namespace
}  // namespace skiff::builder
