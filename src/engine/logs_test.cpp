// Streams::logs(): what is selected, followed and read through rotated files.
#include "engine/logs.h"

#include <thread>

#include "engine/streams.h"
#include "engine/test_engine.h"
#include "runtime/log_files.h"

namespace skiff::engine {
namespace {

class LogsTest : public testing::EngineTest {};

TEST_F(LogsTest, LogsAreSelected) {
  std::string id = run("for i in 1 2 3 4 5; do echo $i; done; printf unfinished");
  wait(id);
  LogOptions options;
  EXPECT_EQ(logs(id, options), "1\n2\n3\n4\n5\nunfinished");
  options.tail = 2;
  EXPECT_EQ(logs(id, options), "5\nunfinished");
  options.tail = 0;
  EXPECT_EQ(logs(id, options), "");
  options.tail.reset();
  options.since = info(id).state.finished + std::chrono::seconds(1);
  EXPECT_EQ(logs(id, options), "");
  options.since.reset();
  options.until = info(id).state.started - std::chrono::seconds(1);
  EXPECT_EQ(logs(id, options), "");
}

TEST_F(LogsTest, LogsAreFollowedToTheEndOverRotations) {
  CreateRequest wanted = request("until test -e /go; do sleep 0.02; done; seq 1 2000; echo last");
  wanted.host_config.log_options = {{"max-size", "20k"}, {"max-file", "100"}};
  std::string id = run(std::move(wanted));
  std::string got;
  std::thread follower([&] {
    LogOptions options;
    options.follow = true;
    got = logs(id, options);
  });
  ASSERT_TRUE(streams().start_exec_detached(
      *streams().create_exec(id, {.command = {"touch", "/go"}}), {.detach = true}));
  follower.join();
  std::string expected;
  for (int i = 1; i <= 2000; ++i) expected += cat(i, "\n");
  EXPECT_TRUE(got == expected + "last\n") << got.size();
  EXPECT_TRUE(std::filesystem::exists(info(id).log_path.native() + ".1"));
  EXPECT_EQ(logs(id), got);
}

TEST_F(LogsTest, LogsAreFollowedAndReadThroughCompressedFiles) {
  CreateRequest wanted = request(
      "until test -e /go; do sleep 0.02; done; seq 1 2000; until test -e /end; do sleep 0.02; "
      "done; "
      "echo last");
  wanted.host_config.log_options = {{"max-size", "20k"}, {"max-file", "100"}, {"compress", "true"}};
  std::string id = run(std::move(wanted));
  auto touch = [&](const char* file) {
    ASSERT_TRUE(streams().start_exec_detached(
        *streams().create_exec(id, {.command = {"touch", file}}), {.detach = true}));
  };
  std::string got;
  std::thread follower([&] {
    LogOptions options;
    options.follow = true;
    got = logs(id, options);
  });
  touch("/go");
  const Path log = info(id).log_path;
  // Each is compressed, however they were rotated meanwhile.
  EXPECT_TRUE(eventually([&] {
    return std::filesystem::exists(runtime::compressed_log(log, 5)) &&
           !std::filesystem::exists(runtime::rotated_log(log, 1));
  }));
  std::string expected;
  for (int i = 1; i <= 2000; ++i) expected += cat(i, "\n");
  EXPECT_TRUE(logs(id) == expected);
  touch("/end");
  follower.join();
  expected += "last\n";
  EXPECT_TRUE(got == expected) << got.size();
  EXPECT_EQ(logs(id), got);
  LogOptions options;
  options.tail = 1900;
  EXPECT_TRUE(logs(id, options).starts_with("102\n103\n"));
}

TEST_F(LogsTest, ALocalLogIsReadAsAJsonFileIs) {
  CreateRequest wanted = request(
      "echo out; echo err >&2; until test -e /go; do sleep 0.02; done; seq 1 2000; echo last");
  wanted.host_config.log_driver = "local";
  wanted.host_config.log_options = {{"max-size", "20k"}, {"max-file", "100"}};
  std::string id = run(std::move(wanted));
  std::string got;
  std::thread follower([&] {
    LogOptions options;
    options.follow = true;
    got = logs(id, options);
  });
  // The two streams have no order but that in which they are read.
  while (logs(id).find("err\n") == std::string::npos) ::usleep(1000);
  ASSERT_TRUE(streams().start_exec_detached(
      *streams().create_exec(id, {.command = {"touch", "/go"}}), {.detach = true}));
  follower.join();
  EXPECT_TRUE(got.ends_with("\n1999\n2000\nlast\n")) << got.size();
  const Path log = info(id).log_path;
  EXPECT_TRUE(std::filesystem::exists(runtime::rotated_log(log, 1)) ||
              std::filesystem::exists(runtime::compressed_log(log, 1)));
  EXPECT_FALSE(info(id).log_path.native().ends_with("-json.log"));
  EXPECT_EQ(logs(id), got);
  LogOptions options;
  options.tail = 2;
  EXPECT_EQ(logs(id, options), "2000\nlast\n");
  options.tail.reset();
  options.want_stdout = false;
  EXPECT_EQ(logs(id, options), "err\n");
  options.want_stdout = true;
  options.since = info(id).state.finished + std::chrono::seconds(1);
  EXPECT_EQ(logs(id, options), "");
  options.since.reset();
  options.until = info(id).state.started - std::chrono::seconds(1);
  EXPECT_EQ(logs(id, options), "");
}

TEST_F(LogsTest, FollowingIsCancelled) {
  std::string id = run("echo x; sleep 100");
  CancelSource cancel;
  LogOptions options;
  options.follow = true;
  Result<> followed = streams().logs(
      id, options,
      [&](const LogEntry&) -> Result<> {
        cancel.cancel();
        return {};
      },
      cancel.token());
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().code(), Code::kCancelled);
}

TEST_F(LogsTest, WithoutALogThereIsNothingToRead) {
  CreateRequest wanted = request("echo x");
  wanted.host_config.log_driver = "none";
  std::string id = run(std::move(wanted));
  wait(id);
  Result<> read = streams().logs(id, {}, [](const LogEntry&) -> Result<> { return {}; }, {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message(), "configured logging driver does not support reading");
}

}  // namespace
}  // namespace skiff::engine
