// A build's events as a client gets them.
#include "buildkit/progress_fixture.h"

namespace skiff::buildkit {
namespace {

TEST_F(ProgressTest, AStepIsAVertexWithItsOutput) {
  progress_(step(2, "0", "RUN b", 2));
  progress_(builder::StepOutput{{"linux/amd64", 2}, "hello\n"});
  clock_.advance(std::chrono::seconds(1));
  progress_(builder::StepDone{{"linux/amd64", 2}, "id", {}});
  const auto all = told();
  ASSERT_EQ(all.vertexes_size(), 2);
  EXPECT_EQ(all.vertexes(0).name(), "[2/3] RUN b");
  EXPECT_EQ(all.vertexes(0).digest(), all.vertexes(1).digest());
  EXPECT_FALSE(all.vertexes(0).has_completed());
  EXPECT_EQ(all.vertexes(1).completed().seconds(), 1'700'000'001);
  ASSERT_EQ(all.logs_size(), 1);
  EXPECT_EQ(all.logs(0).msg(), "hello\n");
  EXPECT_EQ(all.logs(0).vertex(), all.vertexes(0).digest());
}

TEST_F(ProgressTest, WhatIsKeptHasNoValuesOfArguments) {
  auto run = step(2, "0", "RUN b planted", 2);
  run.recorded = "RUN b $TOKEN";
  progress_(run);
  progress_(builder::StepDone{run.step, "id", {}});
  BuildProgress telling(writer_, {.name = "Dockerfile", .text = "", .stages = 1}, "sha256:def",
                        {.records_arguments = true});
  telling(run);
  wire::StatusResponse kept;
  for (const std::string& message : writer_.told()) EXPECT_TRUE(kept.MergeFromString(message));
  EXPECT_EQ(in_short(kept),
            "start [2/3] RUN b $TOKEN\nend [2/3] RUN b $TOKEN\nstart [2/3] RUN b planted\n");
  EXPECT_EQ(in_short(told()),
            "start [2/3] RUN b planted\nend [2/3] RUN b planted\nstart [2/3] RUN b planted\n");
}

TEST_F(ProgressTest, ClientsThatKnowNoWarningsReadThem) {
  writer_.log_warnings();
  progress_(builder::BuildWarning{"Dockerfile:2: beware", 2});
  const auto all = told();
  EXPECT_EQ(all.warnings_size(), 1);
  ASSERT_EQ(all.logs_size(), 1);
  EXPECT_EQ(all.logs(0).msg(), "WARNING: beware (line 2)\n");
  EXPECT_EQ(all.logs(0).vertex(), "sha256:def");
}

TEST_F(ProgressTest, WarningsSayWhereMoreIsWritten) {
  progress_(builder::BuildWarning{
      .text = "Dockerfile:2: beware", .line = 2, .detail = "of the dog", .url = "https://dog"});
  const wire::VertexWarning warning = told().warnings(0);
  EXPECT_EQ(warning.detail(0), "of the dog");
  EXPECT_EQ(warning.url(), "https://dog");
  EXPECT_EQ(warning.info().language(), "Dockerfile");
}

TEST_F(ProgressTest, ACacheIsAVertexWithItsParts) {
  progress_(builder::CacheMoved{.what = "exporting cache to registry"});
  progress_(builder::CacheMoved{.what = "exporting cache to registry", .part = "writing layer x"});
  progress_(builder::CacheMoved{.what = "exporting cache to registry", .over = true});
  progress_(builder::CacheMoved{.what = "importing cache manifest from a"});
  progress_(builder::CacheMoved{
      .what = "importing cache manifest from a", .over = true, .error = "a: not found"});
  progress_(builder::CacheMoved{.what = "exporting cache to registry"});
  progress_.end("it is too late");
  const auto all = told();
  ASSERT_EQ(all.vertexes_size(), 6);
  EXPECT_EQ(all.vertexes(1).name(), "exporting cache to registry");
  EXPECT_TRUE(all.vertexes(1).has_completed());
  EXPECT_EQ(all.vertexes(1).error(), "");
  EXPECT_EQ(all.statuses(0).id(), "writing layer x");
  EXPECT_EQ(all.vertexes(3).error(), "a: not found");
  EXPECT_EQ(all.vertexes(5).error(), "it is too late");
  EXPECT_NE(all.vertexes(5).digest(), all.vertexes(1).digest());
}

TEST_F(ProgressTest, StagesAreNamedWhereThereAreSeveral) {
  BuildProgress of_two(writer_, {.name = "Dockerfile", .text = "", .stages = 2}, "sha256:def",
                       {.several_platforms = true});
  of_two(step(1, "build", "FROM a", 1));
  of_two(step(2, "1", "FROM b", 2));
  progress_(step(3, "alone", "FROM c", 1));
  const auto all = told();
  ASSERT_EQ(all.vertexes_size(), 3);
  EXPECT_EQ(all.vertexes(0).name(), "[linux/amd64 build 1/3] FROM a");
  EXPECT_EQ(all.vertexes(1).name(), "[linux/amd64 stage-1 2/3] FROM b");
  EXPECT_EQ(all.vertexes(2).name(), "[3/3] FROM c");
}

TEST_F(ProgressTest, AStageThatPlatformsShareIsShownOnce) {
  BuildProgress of_two(writer_, {.name = "Dockerfile", .text = "", .stages = 2}, "sha256:def",
                       {.several_platforms = true});
  const auto of = [](builder::StepStarted e, const char* platform, const char* shown) {
    e.step.platform = platform;
    e.shown_platform = shown;
    return e;
  };
  const auto tool = step(1, "tool", "RUN make", 2);
  const auto cross = step(2, "tool", "RUN cross", 3);
  for (const char* platform : {"linux/386", "linux/arm64"}) {
    of_two(of(tool, platform, "linux/amd64"));
    of_two(of(cross, platform, cat("linux/amd64->", platform + 6).c_str()));
  }
  of_two(builder::StepOutput{{"linux/386", 1}, "made\n"});
  of_two(builder::StepDone{.step = {"linux/386", 1}});
  of_two(builder::StepCached{{"linux/arm64", 1}});
  of_two(builder::StepDone{.step = {"linux/arm64", 1}});
  of_two(of(step(3, "last", "COPY a b", 5), "linux/386", "linux/386"));
  of_two(builder::StepFailed{.step = {"linux/386", 3}, .error = "no"});
  of_two(of(tool, "linux/s390x", "linux/amd64"));
  of_two(builder::StepCached{{"linux/s390x", 1}});
  of_two(builder::StepDone{.step = {"linux/s390x", 1}});
  of_two.end("no");
  EXPECT_EQ(in_short(told()),
            "start [linux/amd64 tool 1/3] RUN make\n"
            "start [linux/amd64->386 tool 2/3] RUN cross\n"
            "start [linux/amd64->arm64 tool 2/3] RUN cross\n"
            "end [linux/amd64 tool 1/3] RUN make\n"
            "start [linux/386 last 3/3] COPY a b\n"
            "failed [linux/386 last 3/3] COPY a b: no\n"
            "failed [linux/amd64->386 tool 2/3] RUN cross: context canceled\n"
            "failed [linux/amd64->arm64 tool 2/3] RUN cross: context canceled\n"
            "[linux/amd64 tool 1/3] RUN make: made\n");
}

// The step of another platform is over by then, and was not the same after all.
TEST_F(ProgressTest, AStepThatIsDoneAgainIsShownAgain) {
  BuildProgress of_two(writer_, {.name = "Dockerfile", .text = "", .stages = 2}, "sha256:def",
                       {.several_platforms = true});
  auto made = step(1, "tool", "RUN make", 2);
  of_two(made);
  of_two(builder::StepDone{.step = made.step});
  made.step.platform = "linux/arm64";
  of_two(made);
  of_two(builder::StepMissed{.step = made.step, .reason = "a changed", .differences = {}});
  of_two(builder::StepOutput{made.step, "made\n"});
  auto last = made;
  last.step.platform = "linux/386";
  of_two(last);
  of_two(builder::StepDone{.step = made.step});
  of_two(builder::StepFailed{.step = last.step, .error = "no"});
  last.step.platform = "linux/s390x";
  of_two(last);
  of_two(builder::StepFailed{.step = last.step, .error = "nor this"});
  last.step.platform = "linux/riscv64";
  of_two(last);
  of_two.end("no");
  EXPECT_EQ(in_short(told()),
            "start [linux/amd64 tool 1/3] RUN make\n"
            "end [linux/amd64 tool 1/3] RUN make\n"
            "start [linux/amd64 tool 1/3] RUN make\n"
            "failed [linux/amd64 tool 1/3] RUN make: no\n"
            "start [linux/amd64 tool 1/3] RUN make\n"
            "failed [linux/amd64 tool 1/3] RUN make: nor this\n"
            "[linux/amd64 tool 1/3] RUN make: not cached: a changed\n"
            "[linux/amd64 tool 1/3] RUN make: made\n");
}

TEST_F(ProgressTest, TriggersAreVerticesBehindTheirFrom) {
  auto from = step(1, "0", "FROM a", 1);
  auto second = trigger(1, "RUN b");
  from.places = second.places = 12;
  progress_(from);
  progress_(builder::StepDone{.step = from.step, .last = false});
  progress_(second);
  progress_(builder::StepDone{.step = second.step});
  const auto all = told();
  ASSERT_EQ(all.vertexes_size(), 4);
  EXPECT_EQ(all.vertexes(1).name(), "[ 1/12] FROM a");
  EXPECT_TRUE(all.vertexes(1).has_completed());
  EXPECT_EQ(all.vertexes(2).name(), "[ 2/12] ONBUILD RUN b");
  EXPECT_TRUE(all.vertexes(3).has_completed());
}

TEST_F(ProgressTest, TriggersAtWorkBesideOneAnotherEndEachForItself) {
  const auto from = step(1, "0", "FROM a", 1);
  const auto slow = trigger(1, "RUN b");
  const auto kept = trigger(2, "COPY --link c");
  progress_(kept);
  progress_(from);
  progress_(slow);
  progress_(builder::StepProgress{from.step, {.id = "layer", .status = "Extracting"}});
  progress_(builder::StepCached{kept.step});
  progress_(builder::StepOutput{slow.step, "hello\n"});
  progress_(builder::StepDone{.step = from.step, .last = false});
  progress_(builder::StepDone{.step = kept.step});
  progress_(builder::StepOutput{slow.step, "again\n"});
  progress_(builder::StepDone{.step = slow.step, .last = false});
  progress_.end("");
  const auto all = told();
  EXPECT_EQ(in_short(all),
            "start [3/3] ONBUILD COPY --link c\nstart [1/3] FROM a\nstart [2/3] ONBUILD RUN b\n"
            "end [1/3] FROM a\ncached [3/3] ONBUILD COPY --link c\nend [2/3] ONBUILD RUN b\n"
            "[2/3] ONBUILD RUN b: hello\n[2/3] ONBUILD RUN b: again\n");
  ASSERT_EQ(all.statuses_size(), 1);
  EXPECT_EQ(all.statuses(0).vertex(), all.vertexes(1).digest());
}

TEST_F(ProgressTest, OfTriggersAtWorkTheOneThatFailedHasTheError) {
  const auto slow = trigger(1, "RUN b");
  const auto failing = trigger(2, "COPY --link c");
  progress_(slow);
  progress_(failing);
  progress_(builder::StepFailed{.step = failing.step, .error = "Dockerfile:1: no c"});
  progress_(builder::StepOutput{slow.step, "hello\n"});
  progress_(builder::StepFailed{.step = slow.step});
  progress_.end("no c");
  EXPECT_EQ(in_short(told()),
            "start [2/3] ONBUILD RUN b\nstart [3/3] ONBUILD COPY --link c\n"
            "failed [3/3] ONBUILD COPY --link c: no c\n"
            "failed [2/3] ONBUILD RUN b: context canceled\n[2/3] ONBUILD RUN b: hello\n");
}

TEST_F(ProgressTest, AStepThatFailsAfterItWasFoundHasTheError) {
  const auto made = step(2, "0", "COPY --link c", 2);
  progress_(made);
  progress_(builder::StepCached{made.step});
  progress_(builder::StepFailed{.step = made.step, .error = "no room"});
  EXPECT_EQ(in_short(told()), "start [2/3] COPY --link c\nfailed [2/3] COPY --link c: no room\n");
}

TEST_F(ProgressTest, SettingsAreNoVertices) {
  auto setting = step(1, "0", "ENV A=b", 1);
  setting.place = 0;
  progress_(setting);
  progress_(builder::StepDone{{"linux/amd64", 1}, "id", {}});
  EXPECT_EQ(told().vertexes_size(), 0);
}

TEST_F(ProgressTest, WhatWasInTheCacheIsCached) {
  progress_(step(2, "0", "RUN b", 2));
  progress_(builder::StepCached{{"linux/amd64", 2}});
  progress_(builder::StepDone{{"linux/amd64", 2}, "id", {}});
  const auto all = told();
  ASSERT_EQ(all.vertexes_size(), 2);
  EXPECT_TRUE(all.vertexes(1).cached());
}

TEST_F(ProgressTest, OfTheSameStepOnTwoPlatformsTheOneThatFailedHasTheError) {
  BuildProgress of_two(writer_, {.name = "Dockerfile", .text = "", .stages = 1}, "sha256:def",
                       {.several_platforms = true});
  const auto failing = step(2, "0", "RUN b", 2);
  auto other = failing;
  other.step.platform = other.shown_platform = "linux/arm64";
  of_two(failing);
  of_two(other);
  of_two(builder::StepFailed{.step = failing.step, .error = "Dockerfile:2: exit code: 1"});
  of_two.end("exit code: 1");
  EXPECT_EQ(in_short(told()),
            "start [linux/amd64 2/3] RUN b\nstart [linux/arm64 2/3] RUN b\n"
            "failed [linux/amd64 2/3] RUN b: exit code: 1\n"
            "failed [linux/arm64 2/3] RUN b: context canceled\n");
}

TEST_F(ProgressTest, WarningsHaveTheirLine) {
  progress_(builder::BuildWarning{"Dockerfile:2: JSONArgsRecommended: use JSON", 2});
  const auto all = told();
  ASSERT_EQ(all.warnings_size(), 1);
  EXPECT_EQ(all.warnings(0).short_(), "JSONArgsRecommended: use JSON (line 2)");
  EXPECT_EQ(all.warnings(0).ranges(0).start().line(), 2);
  EXPECT_EQ(all.warnings(0).vertex(), "sha256:def");
}

TEST_F(ProgressTest, NobodyWaitsForAListenerThatDoesNotRead) {
  ASSERT_TRUE(feed_.listen());
  const std::string vertex = writer_.start("[1/1] RUN a");
  for (int i = 0; i < 200; ++i) writer_.log(vertex, cat(i, std::string(size_t{64} << 10U, 'x')));
  writer_.finish(vertex, "");
  const auto all = told();
  EXPECT_EQ(all.vertexes_size(), 2);
  EXPECT_LE(all.logs_size(), 64);
  EXPECT_GE(all.logs_size(), 60);
  EXPECT_TRUE(all.logs(all.logs_size() - 1).msg().starts_with("199x"));
  ASSERT_EQ(all.warnings_size(), 1);
  EXPECT_EQ(all.warnings(0).short_(), "output was left out: the client read it too slowly");
}

TEST_F(ProgressTest, CountersTakeNoMoreRoomThanOutput) {
  for (int i = 0; i < 200'000; ++i) writer_.count("v", "transferring:", i, 0, false);
  const auto all = told();
  EXPECT_LT(all.statuses_size(), 100'000);
  EXPECT_EQ(all.warnings_size(), 0);
}

}  // namespace
}  // namespace skiff::buildkit
