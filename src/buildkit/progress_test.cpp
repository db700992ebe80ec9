// A build's events as a client gets them.
#include <gtest/gtest.h>

#include "base/strings.h"
#include "buildkit/build_progress.h"
#include "buildkit/error_details.h"
#include "control.pb.h"

namespace skiff::buildkit {
namespace {

class ProgressTest : public ::testing::Test {
 protected:
  // All that has been told, one message after another.
  wire::StatusResponse told() {
    wire::StatusResponse all;
    feed_.close();
    while (auto message = feed_.next()) {
      wire::StatusResponse one;
      EXPECT_TRUE(one.ParseFromString(*message));
      all.MergeFrom(one);
    }
    return all;
  }

  ManualClock clock_{TimePoint(std::chrono::seconds(1'700'000'000))};
  ProgressFeed feed_;
  ProgressWriter writer_{feed_, "ref", clock_};
  BuildProgress progress_{
      writer_, {.name = "Dockerfile", .text = "FROM a\nRUN b\n", .stages = 1}, "sha256:def", false};
};

builder::StepStarted step(int number, std::string stage, std::string text, int line) {
  return {.step = {"linux/amd64", number},
          .total = 3,
          .stage = std::move(stage),
          .text = text,
          .line = line,
          .shown = std::move(text),
          .shown_platform = "linux/amd64",
          .place = number,
          .places = 3};
}

// Of the FROM that is step 1, in the place behind it.
builder::StepStarted trigger(int number, std::string text) {
  auto out = step(1, "0", std::move(text), 1);
  out.step.trigger = number;
  out.place = 1 + number;
  return out;
}

// "start NAME", "end NAME", "cached NAME", "failed NAME: ERROR", as they came; the output behind.
std::string in_short(const wire::StatusResponse& all) {
  std::string out;
  std::map<std::string, std::string> names;
  for (const auto& vertex : all.vertexes()) {
    names[vertex.digest()] = vertex.name();
    const char* how = vertex.has_completed() ? "end " : "start ";
    if (vertex.cached()) how = "cached ";
    if (!vertex.error().empty()) how = "failed ";
    out += cat(how, vertex.name(), vertex.error().empty() ? "" : ": ", vertex.error(), "\n");
  }
  for (const auto& log : all.logs()) out += cat(names[log.vertex()], ": ", log.msg());
  return out;
}

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
                       true);
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
                       true);
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

// What is told of a layer of the base image.
images::ProgressEvent layer(std::string status, uint64_t current = 0, uint64_t total = 0) {
  return {.id = "abc",
          .status = std::move(status),
          .current = current,
          .total = total,
          .digest = "sha256:abcdef"};
}

TEST_F(ProgressTest, AFromShowsItsBaseImageOnItsWay) {
  const auto from = step(1, "0", "FROM a", 1);
  const images::ProgressEvent found{.id = "latest", .status = "Pulling from library/a"};
  for (const auto& event :
       {found, layer("Pulling fs layer"), layer("Downloading", 5, 20), layer("Download complete"),
        layer("Extracting", 9, 20), layer("Pull complete")}) {
    progress_(builder::BasePull{.step = from, .image = "a", .progress = event});
  }
  progress_(builder::BasePull{.step = from, .image = "a", .over = true});
  auto with_triggers = from;
  with_triggers.places = 12;
  progress_(with_triggers);
  progress_(builder::StepProgress{from.step, layer("Downloading", 5, 20)});  // for the second time
  progress_(builder::StepDone{.step = from.step});
  const auto all = told();
  EXPECT_EQ(in_short(all), "start [1/3] FROM a\nstart [ 1/12] FROM a\nend [ 1/12] FROM a\n");
  EXPECT_EQ(all.vertexes(0).digest(), all.vertexes(2).digest());
  std::string counted;
  for (const auto& status : all.statuses()) {
    EXPECT_EQ(status.vertex(), all.vertexes(0).digest());
    counted += cat(status.id(), " ", status.current(), "/", status.total(),
                   status.has_completed() ? " done\n" : "\n");
  }
  EXPECT_EQ(counted,
            "resolve a 0/0 done\nsha256:abcdef 5/20\nsha256:abcdef 20/20 done\n"
            "extracting sha256:abcdef 0/0\nextracting sha256:abcdef 0/0 done\n");
}

TEST_F(ProgressTest, ABaseImageThatCannotBePulledFailsItsFrom) {
  const auto from = step(1, "0", "FROM a", 1);
  progress_(builder::BasePull{.step = from, .image = "a", .progress = layer("Downloading", 1, 2)});
  progress_(builder::BasePull{.step = from, .image = "a", .over = true, .error = "it is gone"});
  progress_.end("the build's");
  EXPECT_EQ(in_short(told()), "start [1/3] FROM a\nfailed [1/3] FROM a: it is gone\n");
}

TEST_F(ProgressTest, AnImageThatACopyTakesFromIsAVertexOfItsOwn) {
  builder::BasePull pull{.image = "b", .progress = layer("Downloading", 1, 2)};
  pull.step.step = {"linux/amd64", 2};
  progress_(pull);
  progress_(builder::BasePull{.step = pull.step, .image = "b", .over = true});
  EXPECT_EQ(in_short(told()), "start FROM b\nend FROM b\n");
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
                       true);
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

TEST(ErrorDetailsTest, ThePlaceIsADetailAndNotInTheText) {
  const Error error(Code::kAborted,
                    "Dockerfile:2: process \"x\" did not complete successfully: exit code: 1\n"
                    "   1 |     FROM a\n   2 | >>> RUN b\nThe command 'x' returned");
  const RpcFailure failure = describe_failure(error, {"Dockerfile", "FROM a\nRUN b\n", 1});
  EXPECT_EQ(failure.error.message(), "process \"x\" did not complete successfully: exit code: 1");
  wire::Status status;
  ASSERT_TRUE(status.ParseFromString(failure.details));
  ASSERT_EQ(status.details_size(), 1);
  EXPECT_EQ(status.details(0).type_url(), "github.com/moby/buildkit/errdefs.Source+json");
  EXPECT_NE(status.details(0).value().find("\"start\":{\"line\":2}"), std::string::npos);
}

TEST(ErrorDetailsTest, AllLinesOfTheInstructionAreNamed) {
  const Error error(Code::kAborted,
                    "Dockerfile:2: process \"x\" did not complete successfully: exit code: 1\n"
                    "   1 |     FROM a\n   2 | >>> RUN b \\\n   3 | >>>\n   4 | >>>   c\n"
                    "   5 |     >>> USER d\n   6 |");
  wire::Status status;
  ASSERT_TRUE(status.ParseFromString(describe_failure(error, {"Dockerfile", "", 1}).details));
  EXPECT_NE(status.details(0).value().find("\"end\":{\"line\":4}"), std::string::npos)
      << status.details(0).value();
}

TEST(ErrorDetailsTest, OtherErrorsStayAsTheyAre) {
  const RpcFailure failure = describe_failure(Error(Code::kNotFound, "no: 3: x"), {"Dockerfile"});
  EXPECT_EQ(failure.error.message(), "no: 3: x");
  EXPECT_EQ(failure.details, "");
}

}  // namespace
}  // namespace skiff::buildkit
