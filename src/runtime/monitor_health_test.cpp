// Health checks by the real monitor program.
#include <poll.h>
#include <signal.h>

#include "base/strings.h"
#include "runtime/monitor_fixture.h"

namespace skiff::runtime {
namespace {

using std::chrono::milliseconds;

class MonitorHealth : public MonitorFixture {
 protected:
  void check_with(const std::string& script) {
    options_.health = HealthCheck{.command = {"/bin/sh", "-c", script},
                                  .interval = milliseconds(20),
                                  .timeout = milliseconds(10'000),
                                  .retries = 2};
  }
  Health health() const {
    return read_health_file(MonitorOptions::health_file(options_.state_dir)).value_or(Health());
  }
  // Waits until the file says so.
  Health await(const std::function<bool(const Health&)>& condition) const {
    Health now;
    EXPECT_TRUE(eventually([&] { return condition(now = health()); })) << now.status;
    return now;
  }
};

TEST_F(MonitorHealth, TellsFailureAndRecovery) {
  check_with("cat /well && echo fine");
  MonitorClient monitor = run("sleep 1000");
  Health sick = await([](const Health& h) { return h.status == "unhealthy"; });
  EXPECT_GE(sick.failing_streak, 2);
  ASSERT_GE(sick.log.size(), 2U);
  EXPECT_EQ(sick.log[0].exit_code, 1);
  EXPECT_NE(sick.log[0].output.find("/well"), std::string::npos) << sick.log[0].output;
  EXPECT_LE(sick.log[0].start, sick.log[0].end);
  EXPECT_LE(sick.log[0].end, sick.log[1].start);
  ASSERT_TRUE(write_file(spec_.rootfs / "well", ""));
  Health well = await([](const Health& h) { return h.status == "healthy"; });
  EXPECT_EQ(well.failing_streak, 0);
  EXPECT_EQ(well.log.back().output, "fine\n");
  remove(monitor);
}

// Between two probes, however close they are, it is as small as a monitor has to be.
TEST_F(MonitorHealth, GivesBackWhatAProbeTook) {
  check_with("true");
  MonitorClient monitor = run("sleep 1000");
  await([](const Health& h) { return h.log.size() == 5; });
  expect_small();
  remove(monitor);
}

TEST_F(MonitorHealth, KeepsFiveResultsAndTheBeginningOfALongOne) {
  check_with("yes | head -c 10000");
  MonitorClient monitor = run("sleep 1000");
  Health full = await([](const Health& h) { return h.log.size() == 5; });
  TimePoint first = full.log[0].start;
  full = await([&](const Health& h) { return !h.log.empty() && h.log[0].start > first; });
  EXPECT_EQ(full.log.size(), 5U);
  EXPECT_EQ(full.log[0].output.size(), 4096U);
  EXPECT_TRUE(full.log[0].output.starts_with("y\ny\n"));
  remove(monitor);
}

TEST_F(MonitorHealth, EndsAProbeThatTakesTooLong) {
  check_with("echo slow; exec sleep 1000");
  options_.health->timeout = milliseconds(500);
  MonitorClient monitor = run("sleep 1000");
  // The time may be over before a probe has said anything.
  Health late = await([](const Health& h) {
    return !h.log.empty() && h.log.back().output == "Health check exceeded timeout (500ms): slow\n";
  });
  ASSERT_FALSE(late.log.empty());
  EXPECT_EQ(late.log.back().exit_code, -1);
  remove(monitor);
}

TEST_F(MonitorHealth, AProbeThatCannotRunFails) {
  check_with("");
  options_.health->command = {"/bin/none"};
  MonitorClient monitor = run("sleep 1000");
  Health sick = await([](const Health& h) { return h.status == "unhealthy"; });
  EXPECT_EQ(sick.log[0].exit_code, -1);
  EXPECT_NE(sick.log[0].output.find("/bin/none"), std::string::npos) << sick.log[0].output;
  remove(monitor);
}

TEST_F(MonitorHealth, TheStartPeriodForgivesAndIsQuicker) {
  check_with("exit 1");
  options_.health->interval = std::chrono::hours(1);
  options_.health->start_period = std::chrono::hours(1);
  options_.health->start_interval = milliseconds(20);
  MonitorClient monitor = run("sleep 1000");
  Health now = await([](const Health& h) { return h.log.size() >= 3; });
  EXPECT_EQ(now.status, "starting");
  EXPECT_EQ(now.failing_streak, 0);
  remove(monitor);
}

TEST_F(MonitorHealth, IsToldToThoseWhoWatchAndBeginsAnewWithARun) {
  check_with("true");
  options_.health->interval = milliseconds(500);
  options_.restart = {.name = "always"};
  MonitorClient monitor = run("sleep 1000");
  MonitorWatch watch = monitor.watch().value();
  ASSERT_TRUE(eventually([&] { return !watch.read().empty(); }));
  Health well = await([](const Health& h) { return h.status == "healthy"; });
  ASSERT_EQ(::kill(monitor.pid(), SIGKILL), 0);
  await([&](const Health& h) {
    return !h.log.empty() && h.log.size() < 5 && h.log[0].start > well.log.back().start &&
           monitor.state()->restart_count == 1;
  });
  remove(monitor);
}

}  // namespace
}  // namespace skiff::runtime
