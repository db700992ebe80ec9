// For tests of progress: a build's events go in, and messages for its client come out.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "base/strings.h"
#include "buildkit/build_progress.h"
#include "control.pb.h"

namespace skiff::buildkit {

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
      writer_, {.name = "Dockerfile", .text = "FROM a\nRUN b\n", .stages = 1}, "sha256:def", {}};
};

inline builder::StepStarted step(int number, std::string stage, std::string text, int line) {
  return {.step = {"linux/amd64", number},
          .total = 3,
          .stage = std::move(stage),
          .text = text,
          .line = line,
          .shown = text,
          .recorded = std::move(text),
          .shown_platform = "linux/amd64",
          .place = number,
          .places = 3};
}

// Of the FROM that is step 1, in the place behind it.
inline builder::StepStarted trigger(int number, std::string text) {
  auto out = step(1, "0", std::move(text), 1);
  out.step.trigger = number;
  out.place = 1 + number;
  return out;
}

// "start NAME", "end NAME", "cached NAME", "failed NAME: ERROR", as they came; the output behind.
inline std::string in_short(const wire::StatusResponse& all) {
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

}  // namespace skiff::buildkit
