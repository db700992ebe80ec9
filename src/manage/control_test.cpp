// Operations through the socket of a running server, and without one.
#include "manage/control.h"

#include "registry/test_registry.h"

namespace skiff::manage {
namespace {

class ControlTest : public registry::RegistryTest {
 protected:
  void serve() {
    auto started = ControlServer::start(*registry_, options_.root);
    ASSERT_TRUE(started) << started.error().message();
    control_ = std::move(*started);
  }
  void TearDown() override {
    control_.reset();
    RegistryTest::TearDown();
  }
  Result<json::Value> operate(std::string_view name,
                              const json::Value& arguments = json::object()) {
    return manage::operate(options_.root, name, arguments,
                           [&](const json::Value& event) { events_.push_back(event); });
  }
  std::optional<Control> connect() { return *Control::connect(options_.root); }

  std::unique_ptr<ControlServer> control_;
  std::vector<json::Value> events_;
};

TEST_F(ControlTest, TheServerChecksAndCollects) {
  serve();
  client().push_blob("a/b", "one");
  EXPECT_EQ(operate("check")->integer("blobs"), 1);
  EXPECT_EQ(operate("gc", json::object({{"dryRun", true}}))->integer("blobs"), 0);
  clock_.advance(std::chrono::hours(2));
  const json::Value preview = *operate("gc", json::object({{"dryRun", true}}));
  EXPECT_EQ(preview.integer("blobs"), 1);
  EXPECT_EQ(preview.integer("bytes"), 3);
  EXPECT_EQ(operate("check")->integer("blobs"), 1);
  EXPECT_EQ(operate("gc")->integer("blobs"), 1);
  EXPECT_EQ(operate("check")->integer("blobs"), 0);
  EXPECT_TRUE(events_.empty());
}

TEST_F(ControlTest, APreviewCountsWhatADeletedImageLeaves) {
  serve();
  const std::string digest = push_image("a", "1", "{}", {"layer"});
  push_image("b", "1", "{}", {"kept"});
  client().remove(registry::manifest_path("a", digest));
  clock_.advance(std::chrono::hours(2));
  EXPECT_EQ(operate("gc", json::object({{"dryRun", true}}))->integer("blobs"), 1);
  EXPECT_EQ(operate("gc")->integer("blobs"), 1);
}

TEST_F(ControlTest, ProblemsAreToldAsTheyAreFound) {
  serve();
  client().push_blob("a/b", "one");
  const std::string hex = oci::Digest::of("one").hex();
  ASSERT_TRUE(write_file(options_.root / "content/blobs/sha256" / hex.substr(0, 2) / hex, "eno"));
  ASSERT_TRUE(operate("check", json::object({{"deep", true}})));
  ASSERT_EQ(events_.size(), 1u);
  const json::Value problem = *events_.front().find("problem");
  EXPECT_NE(problem.string("what").find(hex), std::string::npos);
  EXPECT_NE(problem.string("remedy").find("skiff registry check --repair"), std::string::npos);
  EXPECT_FALSE(problem.boolean("mended"));
}

TEST_F(ControlTest, AHoldKeepsBlobsUntilItsHolderIsGone) {
  serve();
  client().push_blob("a/b", "one");
  clock_.advance(std::chrono::hours(2));
  {
    auto holder = connect();
    ASSERT_TRUE(holder);
    EXPECT_TRUE(holder->begin("hold", json::object())->find("event")->boolean("held"));
    EXPECT_EQ(operate("gc")->integer("blobs"), 0);
    const auto repair = operate("check", json::object({{"repair", true}}));
    ASSERT_FALSE(repair);
    EXPECT_EQ(repair.error().code(), Code::kUnavailable);
    EXPECT_TRUE(operate("check"));
  }
  // The server notices that its client is gone when it does.
  while (operate("gc")->integer("blobs") == 0) std::this_thread::yield();
  EXPECT_TRUE(operate("check", json::object({{"repair", true}})));
}

TEST_F(ControlTest, WhatTheServerDoesNotKnowIsRefused) {
  serve();
  const auto unknown = operate("dance");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), Code::kNotFound);
  EXPECT_NE(unknown.error().message().find("/dance"), std::string::npos);
}

TEST_F(ControlTest, TheLogHasNoSecretOfWhatIsAsked) {
  serve();
  testing::internal::CaptureStderr();
  EXPECT_FALSE(operate("mirror", json::object({{"do", "add"},
                                               {"name", "m"},
                                               {"url", "https://usr:HIDDEN@x.example"},
                                               {"repositories", json::Array{"a"}}})));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("control: mirror"), std::string::npos) << log;
  EXPECT_NE(log.find("https://x.example"), std::string::npos) << log;
  EXPECT_EQ(log.find("HIDDEN"), std::string::npos) << log;
}

TEST_F(ControlTest, WithoutAServerTheRegistryIsOpened) {
  client().push_blob("a/b", "one");
  const auto busy = operate("check");
  ASSERT_FALSE(busy);  // somebody has it open, and serves no socket
  EXPECT_EQ(busy.error().code(), Code::kUnavailable);
  stop();
  EXPECT_EQ(operate("check")->integer("blobs"), 1);
  const auto none = manage::operate(dir_.path() / "none", "check", json::object(), {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(dir_.path() / "none"));
}

TEST_F(ControlTest, ALostDatabaseIsNotTakenForNoRegistry) {
  client().push_blob("a/b", "one");
  stop();
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::remove(options_.root / cat("registry.db", suffix));
  }
  const auto made = manage::operate(options_.root, "import", json::object(), {}, NoRegistry::kMade);
  const auto held = Hold::take(options_.root);
  for (const Error& error : {operate("check").error(), made.error(), held.error()}) {
    EXPECT_EQ(error.code(), Code::kFailedPrecondition);
    EXPECT_NE(error.message().find("registry.db is missing"), std::string::npos);
  }
  EXPECT_FALSE(std::filesystem::exists(options_.root / "registry.db"));
}

TEST_F(ControlTest, NothingIsDoneWithADatabaseThatWasReplaced) {
  serve();
  const Path file = options_.root / "registry.db";
  std::filesystem::copy_file(file, options_.root / "copy");
  std::filesystem::rename(options_.root / "copy", file);
  const auto checked = operate("check");
  const auto held = Hold::take(options_.root);  // for a backup, which would be of the other
  ASSERT_FALSE(checked);
  ASSERT_FALSE(held);
  for (const Error& error : {checked.error(), held.error()}) {
    EXPECT_EQ(error.code(), Code::kUnavailable);
    EXPECT_NE(error.message().find("registry.db is another file"), std::string::npos);
  }
}

TEST_F(ControlTest, TheLengthOfTheRootsPathDoesNotMatter) {
  stop();
  options_.root = dir_.path() / std::string(200, 'x');
  start();
  serve();
  EXPECT_TRUE(operate("check"));
  control_.reset();
  EXPECT_FALSE(std::filesystem::exists(options_.root / kSocketName));
}

}  // namespace
}  // namespace skiff::manage
