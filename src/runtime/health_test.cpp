#include "runtime/health.h"

#include <gtest/gtest.h>

namespace skiff::runtime {
namespace {

HealthProbe probe_of(int code) {
  HealthProbe probe;
  probe.exit_code = code;
  return probe;
}

TEST(Health, CountsFailuresAndKeepsFive) {
  Health health;
  note_probe(health, probe_of(1), 2, true);
  EXPECT_EQ(health.failing_streak, 0);
  EXPECT_EQ(health.status, "starting");
  note_probe(health, probe_of(1), 2, false);
  EXPECT_EQ(health.status, "starting");
  note_probe(health, probe_of(-1), 2, false);
  EXPECT_EQ(health.status, "unhealthy");
  note_probe(health, probe_of(0), 2, false);
  EXPECT_EQ(health.status, "healthy");
  EXPECT_EQ(health.failing_streak, 0);
  // Once it was healthy the start period is over.
  note_probe(health, probe_of(1), 2, true);
  EXPECT_EQ(health.failing_streak, 1);
  for (int i = 0; i < 10; ++i) note_probe(health, probe_of(0), 2, false);
  EXPECT_EQ(health.log.size(), 5U);
}

TEST(Health, AFileKeepsItWhole) {
  TempDir dir = TempDir::make("/tmp", "skiff-health-test-").value();
  Path file = dir.path() / "health.json";
  EXPECT_EQ(read_health_file(file).error().code(), Code::kNotFound);
  Health health;
  HealthProbe probe = probe_of(3);
  probe.start = parse_rfc3339("2026-01-02T03:04:05.25Z").value();
  probe.end = parse_rfc3339("2026-01-02T03:04:06.5Z").value();
  probe.output = "no \"page\"\n\xff";
  note_probe(health, probe, 1, false);
  ASSERT_TRUE(write_health_file(file, health));
  Health read = read_health_file(file).value();
  EXPECT_EQ(read.status, "unhealthy");
  EXPECT_EQ(read.failing_streak, 1);
  ASSERT_EQ(read.log.size(), 1U);
  EXPECT_EQ(read.log[0].start, probe.start);
  EXPECT_EQ(read.log[0].end, probe.end);
  EXPECT_EQ(read.log[0].exit_code, 3);
  // Bytes that are no text are told as such.
  EXPECT_EQ(read.log[0].output, "no \"page\"\n\xef\xbf\xbd");
  EXPECT_FALSE(std::filesystem::exists(file.native() + ".new"));
}

}  // namespace
}  // namespace skiff::runtime
