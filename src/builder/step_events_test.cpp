// What is told of steps that are at work at the same time, those of one number above all: triggers
// that stand on nothing are, beside their FROM and one another.
#include "builder/step_events.h"

#include <semaphore>

#include "builder/run_fixture.h"

namespace skiff::builder {
namespace {

constexpr const char* kPlatform = "linux/amd64";

// Events in short: "start 1.2", "cached 1.2", "out 1.2 text", "done 1.2", "failed 1.2".
struct Shown {
  std::string operator()(const StepStarted& e) const { return of("start", e.step); }
  std::string operator()(const StepCached& e) const { return of("cached", e.step); }
  std::string operator()(const StepMissed&) const { return ""; }
  std::string operator()(const StepOutput& e) const {
    return cat(of("out", e.step), " ", trim(e.bytes));
  }
  std::string operator()(const StepProgress& e) const { return of("progress", e.step); }
  std::string operator()(const StepDone& e) const {
    return cat(of("done", e.step), e.last ? "" : "-");
  }
  std::string operator()(const StepFailed& e) const {
    return cat(of("failed", e.step), e.error.empty() ? " cancelled" : "");
  }
  template <typename Other>
  std::string operator()(const Other&) const {
    return "";
  }
  static std::string of(std::string_view what, const StepId& step) {
    return cat(what, " ", step.number, ".", step.trigger);
  }
};

class StepEventsTest : public ::testing::Test {
 protected:
  static StepId id(int number, int trigger = 0) { return {kPlatform, number, trigger}; }
  void start(const StepId& step) { events_.send(step, StepStarted{.step = step}); }
  void done(const StepId& step, bool last) {
    events_.send(step, StepDone{.step = step, .last = last});
    events_.done(step, last);
  }
  void fail(const StepId& step) {
    events_.send(step, StepFailed{.step = step, .error = "no"});
    events_.failed(step);
  }
  std::string told() const { return join(told_, ", "); }

  std::vector<std::string> told_;
  EventSink sink_ = [this](const BuildEvent& event) {
    told_.push_back(std::visit(Shown{}, event));
  };
  SharedSink shared_{sink_};
  StepEvents events_{shared_};
};

TEST_F(StepEventsTest, ATriggerThatIsFasterThanItsFromIsToldOfAfterIt) {
  start(id(1, 2));
  events_.send(id(1, 2), StepCached{id(1, 2)});
  start(id(1));
  start(id(2));
  done(id(1, 2), true);
  done(id(1), false);
  EXPECT_EQ(told(), "start 1.0, done 1.0-");
  start(id(1, 1));
  events_.send(id(1, 1), StepOutput{id(1, 1), "text"});
  done(id(1, 1), false);
  EXPECT_EQ(told(),
            "start 1.0, done 1.0-, start 1.1, out 1.1 text, done 1.1-, "
            "start 1.2, cached 1.2, done 1.2, start 2.0");
}

TEST_F(StepEventsTest, ATriggerThatFailsIsToldOfAtOnce) {
  start(id(1, 1));
  start(id(1, 2));
  start(id(1));
  fail(id(1, 2));
  EXPECT_EQ(told(), "start 1.0, start 1.2, failed 1.2");
}

class Triggers : public RunFixture {
 protected:
  // The base image has them, in its own words.
  void make_parent(const std::string& triggers) {
    BuildRequest parent = request(cat("FROM base:1\n", triggers));
    parent.tags = {*oci::Reference::parse("parent:1")};
    built(parent);
  }
  // What is told of a build upon it; `note` hears of it, too.
  std::string told_of(BuildRequest wanted, const std::function<void(const std::string&)>& note) {
    std::vector<std::string> out;
    const auto result = builder_->build(wanted,
                                        [&](const BuildEvent& event) {
                                          std::string line = std::visit(Shown{}, event);
                                          if (line.empty()) return;
                                          if (note) note(line);
                                          out.push_back(std::move(line));
                                        },
                                        {});
    error_ = result ? "" : result.error().message();
    return join(out, ", ");
  }
  std::string error_;
};

TEST_F(Triggers, AreToldOfOneAfterAnother) {
  write("file", "1\n");
  make_parent(
      "ONBUILD ARG WORD\nONBUILD RUN echo said $WORD\nONBUILD COPY --link file /a\n"
      "ONBUILD COPY --link file /b\n");
  BuildRequest wanted = request("FROM parent:1\nENV A=b\n");
  wanted.build_args["WORD"] = "one";
  EXPECT_EQ(told_of(wanted, {}),
            "start 1.0, done 1.0-, start 1.1, done 1.1-, start 1.2, out 1.2 said one, done 1.2-, "
            "start 1.3, done 1.3-, start 1.4, done 1.4, start 2.0, done 2.0");
  wanted.build_args["WORD"] = "two";
  EXPECT_EQ(told_of(wanted, {}),
            "start 1.0, done 1.0-, start 1.1, done 1.1-, "
            "start 1.2, out 1.2 said two, done 1.2-, start 1.3, cached 1.3, done 1.3-, "
            "start 1.4, cached 1.4, done 1.4, start 2.0, cached 2.0, done 2.0")
      << error_;
}

TEST_F(Triggers, OfTwoAtWorkTheOneThatFailsHasTheError) {
  make_parent("ONBUILD RUN echo at work && sleep 600\nONBUILD COPY --link missing /a\n");
  BuildRequest wanted = request("FROM parent:1\n");
  // Asked for when the file is not found.
  std::binary_semaphore runs(0);
  wanted.names_in_context = [&](const std::string&) -> Result<std::vector<std::string>> {
    runs.acquire();
    return std::vector<std::string>();
  };
  const std::string told = told_of(wanted, [&](const std::string& line) {
    if (line == "out 1.1 at work") runs.release();
  });
  EXPECT_EQ(told,
            "start 1.0, done 1.0-, start 1.1, out 1.1 at work, start 1.2, failed 1.2, "
            "failed 1.1 cancelled");
  EXPECT_NE(error_.find("missing"), std::string::npos) << error_;
}

}  // namespace
}  // namespace skiff::builder
