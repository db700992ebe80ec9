#include "engine/container.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/names.h"

namespace skiff::engine {
namespace {

std::shared_ptr<Container> make(const std::string& id, const std::string& name = "c") {
  Record record;
  record.info.id = id;
  record.info.name = name;
  return std::make_shared<Container>(record, ContainerPaths{"/nowhere/c", "/nowhere/r"});
}

void set_status(Container& container, Status status, int exit_code = 0) {
  container.change([&](Record& record) {
    record.info.state.status = status;
    record.info.state.exit_code = exit_code;
  });
}

std::optional<int> answer(WaitSlot& slot) {
  auto result = slot.wait({}, std::chrono::milliseconds(0));
  if (!result || !*result) return std::nullopt;
  return (*result)->exit_code;
}

TEST(ContainerWaiters, NotRunningIsAnsweredAtOnceByAStoppedOne) {
  auto container = make("a");
  set_status(*container, Status::kExited, 3);
  EXPECT_EQ(answer(*container->add_waiter(WaitCondition::kNotRunning)), 3);
  EXPECT_EQ(answer(*container->add_waiter(WaitCondition::kNextExit)), std::nullopt);
  EXPECT_EQ(answer(*container->add_waiter(WaitCondition::kRemoved)), std::nullopt);
}

TEST(ContainerWaiters, LearnOfAnExit) {
  auto container = make("a");
  set_status(*container, Status::kRunning);
  auto down = container->add_waiter(WaitCondition::kNotRunning);
  auto exit = container->add_waiter(WaitCondition::kNextExit);
  auto removed = container->add_waiter(WaitCondition::kRemoved);
  set_status(*container, Status::kExited, 7);
  container->notify_exit();
  EXPECT_EQ(answer(*down), 7);
  EXPECT_EQ(answer(*exit), 7);
  EXPECT_EQ(answer(*removed), std::nullopt);
  container->notify_removed();
  EXPECT_EQ(answer(*removed), 7);
}

TEST(ContainerWaiters, FailWhenTheEngineGoes) {
  auto container = make("a");
  auto slot = container->add_waiter(WaitCondition::kNextExit);
  container->fail_waiters(Error(Code::kUnavailable, "going"));
  auto result = slot->wait({}, std::chrono::milliseconds(-1));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "going");
}

TEST(ContainerWaiters, WaitIsCancelled) {
  auto container = make("a");
  auto slot = container->add_waiter(WaitCondition::kNextExit);
  CancelSource cancel;
  cancel.cancel();
  auto result = slot->wait(cancel.token(), std::chrono::milliseconds(-1));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kCancelled);
}

TEST(WaitCondition, IsParsed) {
  EXPECT_EQ(*parse_wait_condition(""), WaitCondition::kNotRunning);
  EXPECT_EQ(*parse_wait_condition("next-exit"), WaitCondition::kNextExit);
  EXPECT_EQ(*parse_wait_condition("removed"), WaitCondition::kRemoved);
  EXPECT_EQ(parse_wait_condition("bogus").error().message(), "invalid condition: \"bogus\"");
}

TEST(ContainerTable, FindsByIdNameAndPrefix) {
  ContainerTable table;
  ASSERT_TRUE(table.reserve_name("web", "aa11"));
  table.add(make("aa11", "web"));
  table.add(make("aa22", "db"));
  EXPECT_EQ((*table.find("aa11"))->id, "aa11");
  EXPECT_EQ((*table.find("web"))->id, "aa11");
  EXPECT_EQ((*table.find("/web"))->id, "aa11");
  EXPECT_EQ((*table.find("aa2"))->id, "aa22");
  EXPECT_EQ(table.find("aa").error().code(), Code::kInvalidArgument);
  EXPECT_EQ(table.find("b").error().message(), "No such container: b");
  EXPECT_FALSE(table.find(""));
}

TEST(ContainerTable, NamesAreUnique) {
  ContainerTable table;
  ASSERT_TRUE(table.reserve_name("web", "one"));
  Result<> again = table.reserve_name("web", "two");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::kAlreadyExists);
  EXPECT_NE(again.error().message().find("\"/web\" is already in use by container \"one\""),
            std::string::npos);
  table.release_name("web", "two");
  EXPECT_FALSE(table.reserve_name("web", "two"));
  table.erase("one");
  EXPECT_TRUE(table.reserve_name("web", "two"));
}

TEST(Names, FollowDockersRule) {
  EXPECT_EQ(*check_container_name("/a.b-c_1"), "a.b-c_1");
  for (const char* bad : {"", "/", "a", "-ab", "a b", "a/b", "ab\xc3\xa4"}) {
    auto name = check_container_name(bad);
    ASSERT_FALSE(name) << bad;
    EXPECT_NE(name.error().message().find("Invalid container name"), std::string::npos);
  }
  for (int attempt = 0; attempt < 20; ++attempt) {
    EXPECT_TRUE(check_container_name(random_container_name(attempt)));
  }
}

}  // namespace
}  // namespace skiff::engine
