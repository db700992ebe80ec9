// Builds of the past, as clients ask for them.
#include "buildkit/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/strings.h"
#include "control.pb.h"

namespace skiff::buildkit {
namespace {

class HistoryTest : public ::testing::Test {
 protected:
  void open(History::Limits limits = {}) {
    history_.reset();
    auto history = History::open(dir_.path() / "history.db", clock_, limits);
    ASSERT_TRUE(history) << history.error().message();
    history_ = std::move(*history);
  }
  std::shared_ptr<Build> begin(const std::string& ref,
                               const std::map<std::string, std::string>& options = {}) {
    auto build = builds_.get_new(ref);
    build->begin({});
    history_->begin(build, "dockerfile.v0", options, {{.type = "moby", .attrs = {}}});
    return build;
  }
  void end(Build& build, std::optional<RpcFailure> failure = std::nullopt) {
    build.end(std::move(failure));
    const auto kept = history_->end(build);
    EXPECT_TRUE(kept) << kept.error().message();
  }
  std::vector<wire::BuildHistoryEvent> events(const HistoryQuery& query = {}) {
    std::vector<wire::BuildHistoryEvent> out;
    const auto all = history_->events(query);
    EXPECT_TRUE(all);
    for (const std::string& bytes : *all) {
      EXPECT_TRUE(out.emplace_back().ParseFromString(bytes));
    }
    return out;
  }
  std::string refs(const HistoryQuery& query = {}) {
    std::string out;
    for (const auto& event : events(query)) out += cat(event.record().ref(), " ");
    return out;
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-history-");
  ManualClock clock_{TimePoint(std::chrono::seconds(1'700'000'000))};
  Builds builds_{clock_};
  std::unique_ptr<History> history_;
};

TEST_F(HistoryTest, ABuildIsKeptWithItsTimesStepsAndWords) {
  open();
  const auto build = begin("a", {{"filename", "D"}, {"frontend.caps", "x"}});
  auto running = events();
  ASSERT_EQ(running.size(), 1U);
  EXPECT_EQ(running[0].type(), wire::BuildHistoryEvent::STARTED);
  EXPECT_FALSE(running[0].record().has_completed_at());
  const std::string vertex = build->progress().start("[1/2] FROM a");
  build->progress().finish_cached(vertex);
  const std::string second = build->progress().start("[2/2] RUN b");
  build->progress().log(second, "hello\n");
  EXPECT_EQ(events()[0].record().num_completed_steps(), 1);
  build->progress().finish(second, "");
  build->set_outcome({.reply = {{"containerimage.digest", "sha256:1"}}, .failure = {}});
  clock_.advance(std::chrono::seconds(3));
  end(*build);
  open();  // by another daemon
  const auto all = events();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].type(), wire::BuildHistoryEvent::COMPLETE);
  const wire::BuildHistoryRecord& record = all[0].record();
  EXPECT_EQ(record.ref(), "a");
  EXPECT_EQ(record.frontend_attrs().size(), 1U);
  EXPECT_EQ(record.frontend_attrs().at("filename"), "D");
  EXPECT_EQ(record.exporters(0).type(), "moby");
  EXPECT_EQ(record.created_at().seconds(), 1'700'000'000);
  EXPECT_EQ(record.completed_at().seconds(), 1'700'000'003);
  EXPECT_EQ(record.exporter_response().at("containerimage.digest"), "sha256:1");
  EXPECT_EQ(record.num_total_steps(), 2);
  EXPECT_EQ(record.num_completed_steps(), 2);
  EXPECT_EQ(record.num_cached_steps(), 1);
  EXPECT_FALSE(record.has_error());
  wire::StatusResponse told;
  const auto log = history_->log("a");
  ASSERT_TRUE(log && *log);
  for (const std::string& message : **log) EXPECT_TRUE(told.MergeFromString(message));
  EXPECT_EQ(told.vertexes_size(), 4);
  EXPECT_EQ(told.logs(0).msg(), "hello\n");
}

TEST_F(HistoryTest, HowItWasMadeIsAttached) {
  open();
  const oci::Descriptor image{.media_type = "an/image", .digest = oci::Digest::of("i"), .size = 7};
  const auto one = begin("one");
  one->set_outcome({.provenance = {{"linux/amd64", R"({"a":1})"}}, .image = image});
  end(*one);
  const auto two = begin("two");
  two->set_outcome({.provenance = {{"linux/amd64", R"({"a":1})"}, {"linux/arm64", R"({"b":2})"}}});
  end(*two);
  open();  // by another daemon
  const wire::BuildHistoryRecord single = events({.ref = "one"}).at(0).record();
  const wire::BlobDescriptor& blob = single.result().attestations(0);
  EXPECT_EQ(blob.digest(), oci::Digest::of(R"({"a":1})").str());
  EXPECT_EQ(blob.size(), 7);
  EXPECT_EQ(blob.annotations().at("in-toto.io/predicate-type"), "https://slsa.dev/provenance/v0.2");
  EXPECT_EQ(single.result().results().at(0).digest(), image.digest.str());
  const wire::BuildHistoryRecord several = events({.ref = "two"}).at(0).record();
  EXPECT_FALSE(several.has_result());
  const std::string other = several.results().at("linux/arm64").attestations(0).digest();
  EXPECT_EQ(history_->attachment(other)->value(), R"({"b":2})");
  // It goes with the last build that has it.
  ASSERT_TRUE(history_->remove("two"));
  EXPECT_FALSE(*history_->attachment(other));
  EXPECT_TRUE(*history_->attachment(blob.digest()));
  ASSERT_TRUE(history_->remove("one"));
  EXPECT_FALSE(*history_->attachment(blob.digest()));
}

TEST_F(HistoryTest, WhatCannotBeKeptIsToldAndLeavesNothing) {
  open();
  constexpr const char* kAsItIs[] = {"", ""};
  auto other = Database::open(dir_.path() / "history.db", kAsItIs);
  ASSERT_TRUE(other) << other.error().message();
  ASSERT_TRUE(
      other->execute("CREATE TRIGGER full BEFORE INSERT ON builds BEGIN "
                     "SELECT RAISE(ABORT, 'no room'); END"));
  const auto listener = history_->listen({});
  const auto build = begin("a");
  build->set_outcome({.provenance = {{"linux/amd64", R"({"a":1})"}}});
  build->end(std::nullopt);
  const auto kept = history_->end(*build);
  ASSERT_FALSE(kept);
  EXPECT_NE(kept.error().message().find("no room"), std::string::npos) << kept.error().message();
  EXPECT_FALSE(*history_->attachment(oci::Digest::of(R"({"a":1})").str()));
  ASSERT_TRUE(listener->next());
  wire::BuildHistoryEvent event;
  ASSERT_TRUE(event.ParseFromString(*listener->next()));
  EXPECT_EQ(event.type(), wire::BuildHistoryEvent::COMPLETE);
  EXPECT_EQ(event.record().result().attestations_size(), 0);
  EXPECT_EQ(refs(), "");
}

TEST_F(HistoryTest, FailuresAndThoseGivenUpAreTold) {
  open();
  end(*begin("failed"), RpcFailure{Error(Code::kUnknown, "exit code: 1"), ""});
  clock_.advance(std::chrono::seconds(1));
  end(*begin("left"), RpcFailure{Error(Code::kCancelled, "the client is gone"), ""});
  const auto all = events();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].record().error().code(), 2);
  EXPECT_EQ(all[1].record().error().message(), "exit code: 1");
  EXPECT_EQ(all[0].record().error().code(), 1);
  EXPECT_EQ(all[0].record().error().message(), "context canceled: the client is gone");
}

TEST_F(HistoryTest, QuestionsAndBuildsThatHaveEndedBeforeAreNone) {
  open();
  const auto asked = builds_.get_new("question");
  end(*asked);
  history_->begin(asked, "dockerfile.v0", {}, {});
  EXPECT_EQ(refs(), "");
  EXPECT_FALSE(*history_->log("question"));
}

TEST_F(HistoryTest, FewAndNewOnesStayAndThoseThatArePinned) {
  open({.builds = 2, .age = std::chrono::hours(1)});
  for (const char* ref : {"a", "b", "c", "d"}) {
    end(*begin(ref));
    if (ref == std::string("a")) {
      EXPECT_TRUE(history_->pin("a", true));
    }
    clock_.advance(std::chrono::minutes(1));
  }
  EXPECT_EQ(refs(), "d c a ");
  EXPECT_EQ(refs({.limit = 1}), "d ");
  EXPECT_EQ(refs({.ref = "c"}), "c ");
  EXPECT_TRUE(events({.ref = "a"})[0].record().pinned());
  clock_.advance(std::chrono::minutes(59));
  EXPECT_EQ(refs(), "d a ");
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(refs(), "a ");
  EXPECT_TRUE(history_->pin("a", false));
  EXPECT_EQ(refs(), "");
  EXPECT_EQ(history_->pin("a", true).error().code(), Code::kNotFound);
}

TEST_F(HistoryTest, OneIsRemovedOnceItIsOver) {
  open();
  const auto build = begin("a");
  EXPECT_EQ(history_->remove("a").error().code(), Code::kFailedPrecondition);
  end(*build);
  EXPECT_TRUE(history_->remove("a"));
  EXPECT_EQ(refs(), "");
  EXPECT_EQ(history_->remove("a").error().code(), Code::kNotFound);
}

TEST_F(HistoryTest, ListenersHearOfWhatTheyAskedFor) {
  open();
  const auto all = history_->listen({});
  const auto active = history_->listen({.active_only = true});
  const auto other = history_->listen({.ref = "b"});
  const auto build = begin("a");
  end(*build);
  EXPECT_TRUE(history_->remove("a"));
  const auto type_of = [](HistoryListener& listener) {
    wire::BuildHistoryEvent event;
    EXPECT_TRUE(event.ParseFromString(*listener.next()));
    return event.type();
  };
  EXPECT_EQ(type_of(*all), wire::BuildHistoryEvent::STARTED);
  EXPECT_EQ(type_of(*all), wire::BuildHistoryEvent::COMPLETE);
  EXPECT_EQ(type_of(*all), wire::BuildHistoryEvent::DELETED);
  EXPECT_EQ(type_of(*active), wire::BuildHistoryEvent::STARTED);
  std::jthread reader([&] { EXPECT_FALSE(active->next()); });
  active->stop();
  other->stop();
  EXPECT_FALSE(other->next());
}

TEST_F(HistoryTest, OfMuchOutputTheLastStays) {
  open();
  const auto build = begin("a");
  const std::string vertex = build->progress().start("[1/1] RUN a");
  constexpr int kLines = 4000;
  for (int i = 0; i < kLines; ++i) {
    build->progress().log(vertex, cat(i, " ", std::string(1000, 'x'), "\n"));
  }
  end(*build);
  const auto log = history_->log("a");
  ASSERT_TRUE(log && *log);
  size_t bytes = 0;
  wire::StatusResponse told;
  for (const std::string& message : **log) {
    bytes += message.size();
    EXPECT_TRUE(told.MergeFromString(message));
  }
  EXPECT_LT(bytes, size_t{1} << 20U);
  EXPECT_TRUE(told.logs(told.logs_size() - 1).msg().starts_with(cat(kLines - 1)));
  EXPECT_EQ(told.vertexes(0).name(), "[1/1] RUN a");
  EXPECT_EQ(told.warnings(0).short_(), "output was left out: there was too much of it");
}

TEST_F(HistoryTest, ValuesOfArgumentsAndLoginsAreNotKept) {
  const std::map<std::string, std::string> given{{"build-arg:TOKEN", "planted"},
                                                 {"build-arg:BUILDKIT_INLINE_CACHE", "1"},
                                                 {"build-arg:SOURCE_DATE_EPOCH", "7"},
                                                 {"label:l", "v"},
                                                 {"context", "https://ana:planted@host/a.git#main"},
                                                 {"context:other", "https://host/b@c.git"},
                                                 {"vcs:source", "ssh://planted@host/a"},
                                                 {"local-sessionid:context", "planted"},
                                                 {"target", "last"}};
  auto kept = recorded_options(given);
  EXPECT_EQ(kept, (std::map<std::string, std::string>{{"build-arg:TOKEN", ""},
                                                      {"build-arg:BUILDKIT_INLINE_CACHE", "1"},
                                                      {"build-arg:SOURCE_DATE_EPOCH", "7"},
                                                      {"label:l", "v"},
                                                      {"context", "https://host/a.git#main"},
                                                      {"context:other", "https://host/b@c.git"},
                                                      {"vcs:source", "ssh://host/a"},
                                                      {"target", "last"}}));
  auto all = given;
  all["attest:provenance"] = "mode=max";
  EXPECT_EQ(recorded_options(all)["build-arg:TOKEN"], "planted");
  all["attest:provenance"] = "mode=max,disabled=true";
  EXPECT_EQ(recorded_options(all)["build-arg:TOKEN"], "");
}

}  // namespace
}  // namespace skiff::buildkit
