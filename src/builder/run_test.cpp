// RUN, with the real runtime, on a busybox tree.
#include <csignal>
#include <thread>

#include "builder/run_fixture.h"

namespace skiff::builder {
namespace {

class Run : public RunFixture {};

TEST_F(Run, OutputEnvironmentUserAndDirectory) {
  EXPECT_EQ(
      output_of("ARG A=1\nENV B=2\nWORKDIR /w\nUSER app\nRUN echo $A $B $HOME $(pwd) && id\n"),
      "1 2 /home /w\nuid=1000(app) gid=1000(app) groups=1000(app),2000(extra)\n");
  EXPECT_EQ(output_of("RUN [\"/bin/echo\", \"$HOME\"]\n"), "$HOME\n");
}

TEST_F(Run, OnlyWhatTheProcessChangedIsInTheLayer) {
  images::Image image = built("FROM base:1\nRUN echo x > /etc/new && rm /bin/ip");
  ASSERT_EQ(image.config.diff_ids.size(), 2);
  auto changes = images_->snapshots().changes(image.snapshot_name());
  ASSERT_TRUE(changes);
  std::string shown;
  for (const auto& change : *changes) shown += cat(change.path, " ");
  EXPECT_EQ(shown, "/bin /bin/ip /etc /etc/new ");
  EXPECT_EQ(tree(image).find("resolv.conf"), std::string::npos);
  EXPECT_EQ(tree(image).find(" proc"), std::string::npos);
}

TEST_F(Run, NothingChangedIsAnEmptyLayer) {
  images::Image image =
      built("FROM base:1\nRUN true || test 1\nRUN cat /etc/hosts /etc/resolv.conf");
  ASSERT_EQ(image.config.diff_ids.size(), 3);
  EXPECT_EQ(image.config.diff_ids[1], image.config.diff_ids[2]);
  EXPECT_NE(told_.output.find("localhost"), std::string::npos);
}

TEST_F(Run, FailureNamesCommandCodeAndPlace) {
  std::string error = error_of(request("FROM base:1\n\nRUN echo out; exit 42\n"));
  EXPECT_EQ(error,
            "Dockerfile:3: process \"/bin/sh -c echo out; exit 42\" did not complete "
            "successfully: exit code: 42\n"
            "   1 |     FROM base:1\n"
            "   2 |\n"
            "   3 | >>> RUN echo out; exit 42\n"
            "The command '/bin/sh -c echo out; exit 42' returned a non-zero code: 42");
  EXPECT_EQ(told_.output, "out\n");
  EXPECT_EQ(told_.failed, std::vector<int>{42});
  expect_nothing_left();
}

// The usual way to cross-compile: only what has a target's name in it is done for each target, and
// all of it natively.
TEST_F(Run, AStageOfTheBuildPlatformRunsOnceForThreeTargets) {
  write("a", "text");
  BuildRequest wanted = request(
      "FROM --platform=$BUILDPLATFORM base:1 AS build\nCOPY a /a\nRUN echo prepared\n"
      "ARG TARGETARCH\nRUN echo compiled for $TARGETARCH\nRUN echo $TARGETARCH > /out\n"
      "FROM scratch\nCOPY --from=build /out /\n");
  const std::set<std::string> targets{"amd64", "arm64", "riscv64"};
  for (const std::string& one : targets) {
    wanted.platforms.push_back(*oci::Platform::parse(cat("linux/", one)));
  }
  const auto made = build(wanted);
  ASSERT_TRUE(made) << made.error().message();
  std::map<std::string, int> lines;
  for (const std::string& line : split(told_.output, '\n')) ++lines[line];
  EXPECT_EQ(lines["prepared"], 1);
  for (const std::string& one : targets) {
    EXPECT_EQ(lines[cat("compiled for ", one)], 1);
    const auto image = images_->find("test:1", oci::Platform::parse(cat("linux/", one)).value());
    ASSERT_TRUE(image);
    EXPECT_EQ(text_in(*image, "out"), cat(one, "\n"));
  }
  EXPECT_TRUE(told_.warnings.empty());  // of emulation
}

TEST_F(Run, StepsBeforeAFailureStayCached) {
  error_of(request("FROM base:1\nRUN echo a > /a\nRUN exit 1"));
  built("FROM base:1\nRUN echo a > /a\nRUN test -f /a");
  EXPECT_EQ(told_.cached, std::vector<int>{2});
}

TEST_F(Run, MissesNameArgumentAndEnvironment) {
  BuildRequest wanted = request("FROM base:1\nARG V=1\nRUN echo $V > /v");
  built(wanted);
  wanted.build_args["V"] = "2";
  images::Image image = built(wanted);
  EXPECT_EQ(told_.missed[3], "build argument V changed");
  EXPECT_EQ(text_in(image, "v"), "2\n");
  wanted.build_args["http_proxy"] = "http://127.0.0.1:1";
  built(wanted);
  EXPECT_EQ(told_.cached.size(), 2);
}

TEST_F(Run, CancelLeavesNothing) {
  CancelSource cancel;
  std::jthread canceller;
  auto result = builder_->build(
      request("FROM base:1\nRUN echo started; sleep 1000"),
      [&](const BuildEvent& event) {
        if (std::holds_alternative<StepOutput>(event)) cancel.cancel();
      },
      cancel.token());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kCancelled);
  expect_nothing_left();
}

TEST_F(Run, Heredocs) {
  images::Image image = built(
      "FROM base:1\nRUN <<EOF\necho one > /one\necho two > /two\nEOF\n"
      "RUN <<EOF\n#!/bin/cat\nprinted\nEOF\n"
      "RUN cat <<EOF > /three\nthree\nEOF\n");
  EXPECT_EQ(text_in(image, "two"), "two\n");
  EXPECT_EQ(text_in(image, "three"), "three\n");
  EXPECT_EQ(told_.output, "#!/bin/cat\nprinted\n");
}

TEST_F(Run, Networks) {
  EXPECT_EQ(output_of("RUN --network=none ls /sys/class/net").find("eth0"), std::string::npos);
  EXPECT_NE(output_of("RUN ls /sys/class/net").find("eth0"), std::string::npos);
}

TEST_F(Run, TheHostsNetworkHasToBeAllowed) {
  BuildRequest wanted = request("FROM base:1\nRUN --network=host ls /sys/class/net\n");
  const auto refused = builder_->build(wanted, {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kPermissionDenied);
  EXPECT_NE(refused.error().message().find("--allow network.host"), std::string::npos);
  wanted.entitlements = {"network.host"};
  built(wanted);
  EXPECT_NE(told_.output.find("lo"), std::string::npos);
}

TEST_F(Run, EqualStepsOfConcurrentBuildsRunOnce) {
  constexpr int kBuilds = 3;
  std::array<Told, kBuilds> told;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kBuilds; ++i) {
      threads.emplace_back([&, i] {
        auto result = builder_->build(request("FROM base:1\nRUN echo ran; sleep 0.3"),
                                      [&](const BuildEvent& e) { told[i](e); }, {});
        EXPECT_TRUE(result) << result.error().message();
      });
    }
  }
  std::string output;
  for (const Told& one : told) output += one.output;
  EXPECT_EQ(output, "ran\n");
}

// Each waits until the other is there.
TEST_F(Run, StagesRunSideBySide) {
  const auto stage = [](int own, int other) {
    return cat("FROM base:1 AS s", own, "\nRUN --mount=type=cache,target=/meet touch /meet/", own,
               "; for i in $(seq 300); do test -f /meet/", other, " && break; sleep 0.1; done; ",
               "test -f /meet/", other, " && touch /", own, "\n");
  };
  built(cat(stage(1, 2), stage(2, 1), "FROM base:1\nCOPY --from=s1 /1 /1\nCOPY --from=s2 /2 /2"));
}

TEST_F(Run, TriggersOfTheBaseRun) {
  BuildRequest parent =
      request("FROM base:1\nONBUILD COPY root/etc/group /g\nONBUILD RUN cat /g > /h");
  parent.tags = {*oci::Reference::parse("parent:1")};
  built(parent);
  images::Image image = built("FROM parent:1\nRUN test -f /h");
  EXPECT_EQ(text_in(image, "h"), "root:x:0:\napp:x:1000:\nextra:x:2000:app\n");
  EXPECT_TRUE(image.config.config.on_build.empty());
  EXPECT_EQ(join(told_.places, "\n"),
            "0 1/4 FROM parent:1\n0 2/4 COPY root/etc/group /g\n0 3/4 RUN cat /g > /h\n"
            "0 4/4 RUN test -f /h");
}

TEST_F(Run, InAUserNamespaceTheLayersOwnersAreThoseInside) {
  const Result<> can = snapshot::check_mapped_mounts(root());
  if (!can) GTEST_SKIP() << can.error().message();
  const std::string lines =
      "RUN head -c 0 /etc/hosts && cat /proc/self/uid_map && touch /f && chown 7:8 /f && "
      "rm /bin/ip && echo out > /dev/stdout\nRUN <<E\nstat -c %u:%g /f /etc /etc/hosts\nE\n";
  images::Image plain = built(cat("FROM base:1\n", lines));
  const std::vector<sys::IdMapping> map{{.inside = 0, .outside = 100000, .size = 65536}};
  options_.ids = sys::UserNamespace::make({.uids = map, .gids = map}).value();
  open_builder_again();
  BuildRequest wanted = request(cat("FROM base:1\n", lines));
  wanted.no_cache = true;
  images::Image mapped = built(wanted);
  EXPECT_EQ(told_.output, "         0     100000      65536\nout\n7:8\n0:0\n0:0\n");
  EXPECT_EQ(tree(mapped), tree(plain));
  wanted.network = "host";
  EXPECT_NE(error_of(wanted).find("cannot share the host's network namespace"), std::string::npos);
}

TEST_F(Run, LeftoversOfAKilledDaemonAreRemoved) {
  ASSERT_TRUE(images_->snapshots().prepare("build-0123456789ab", ""));
  std::filesystem::create_directories(options_.run_dir / "build-0123456789ab-x/rootfs");
  std::filesystem::create_directories(options_.scratch() / "context-abcdef/src");
  open_builder_again();
  expect_nothing_left();
}

}  // namespace
}  // namespace skiff::builder
