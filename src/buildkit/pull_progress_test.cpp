// Base images on their way, as a client sees them.
#include "buildkit/progress_fixture.h"

namespace skiff::buildkit {
namespace {

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

// Two platforms wait for it, whose name is known when it is here; a third one comes late.
TEST_F(ProgressTest, AFromThatIsNamedAnewStaysShared) {
  BuildProgress of_three(writer_, {.name = "Dockerfile", .text = "", .stages = 1}, "sha256:def",
                         {.several_platforms = true});
  auto from = step(1, "0", "FROM a", 1);
  const auto on = [&](const char* platform) {
    from.step.platform = platform;
    return from;
  };
  for (const char* platform : {"linux/386", "linux/amd64"}) {
    of_three(builder::BasePull{.step = on(platform), .image = "a", .progress = layer("Waiting")});
  }
  from.shown = "FROM a@sha256:0";
  for (const char* platform : {"linux/386", "linux/amd64", "linux/s390x"}) of_three(on(platform));
  for (const char* platform : {"linux/386", "linux/amd64", "linux/s390x"}) {
    of_three(builder::StepDone{.step = on(platform).step});
  }
  EXPECT_EQ(in_short(told()),
            "start [linux/amd64 1/3] FROM a\n"
            "start [linux/amd64 1/3] FROM a@sha256:0\n"
            "end [linux/amd64 1/3] FROM a@sha256:0\n");
  wire::StatusResponse kept;
  for (const std::string& message : writer_.told()) EXPECT_TRUE(kept.MergeFromString(message));
  EXPECT_EQ(in_short(kept).find("sha256:0"), std::string::npos);
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

}  // namespace
}  // namespace skiff::buildkit
