#include "cli/option_values.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>

#include "base/clock.h"
#include "base/file.h"
#include "base/strings.h"

namespace skiff::cli {
namespace {

using Words = std::vector<std::string>;

TEST(OptionValues, FieldsThatAreNoneAreToldWithTheirFlag) {
  EXPECT_EQ(*split_fields("--x", "a=1,\"b,c\""), (Words{"a=1", "b,c"}));
  EXPECT_EQ(
      split_fields("--x", "a\"").error().message(),
      "invalid argument \"a\\\"\" for \"--x\" flag: parse error on line 1, column 2: bare \" in "
      "non-quoted field");
}

TEST(OptionValues, EnvironmentTakesFilesThenFlagsThenTheClientsOwn) {
  TempDir dir = *TempDir::make("/tmp", "skiff-cli-");
  std::string file = dir.path() / "env";
  ASSERT_TRUE(
      write_file(file, "# comment\n\nA=1\r\n  B=two words \nSKIFF_TEST_OWN\nSKIFF_TEST_NONE\n"));
  ::setenv("SKIFF_TEST_OWN", "mine", 1);
  ::unsetenv("SKIFF_TEST_NONE");
  auto env = read_environment({file}, {"C=", "SKIFF_TEST_OWN", "SKIFF_TEST_NONE"});
  ASSERT_TRUE(env) << env.error().message();
  EXPECT_EQ(*env, (Words{"A=1", "B=two words ", "SKIFF_TEST_OWN=mine", "C=", "SKIFF_TEST_OWN=mine",
                         "SKIFF_TEST_NONE"}));
}

TEST(OptionValues, EnvironmentRefusesWhatHasNoName) {
  TempDir dir = *TempDir::make("/tmp", "skiff-cli-");
  std::string file = dir.path() / "env";
  ASSERT_TRUE(write_file(file, "=x\n"));
  EXPECT_EQ(read_environment({file}, {}).error().message(),
            "poorly formatted environment: no variable name on line '=x'");
  ASSERT_TRUE(write_file(file, "A B=x\n"));
  EXPECT_EQ(read_environment({file}, {}).error().message(),
            "poorly formatted environment: variable 'A B' contains whitespaces");
  EXPECT_EQ(read_environment({"/nope/env"}, {}).error().message(),
            "open /nope/env: no such file or directory");
  EXPECT_FALSE(read_environment({}, {""}));
  EXPECT_FALSE(read_environment({}, {"=x"}));
}

TEST(OptionValues, LabelsNeedNoValue) {
  auto labels = read_labels({}, {"a=b=c", "d", "e="});
  ASSERT_TRUE(labels);
  EXPECT_EQ(labels->dump(), R"({"a":"b=c","d":"","e":""})");
}

TEST(OptionValues, DurationsHaveUnits) {
  EXPECT_EQ(*parse_duration("--x", "1m30s"), 90'000'000'000);
  EXPECT_EQ(*parse_duration("--x", "500ms"), 500'000'000);
  EXPECT_EQ(*parse_duration("--x", "1.5h"), 5'400'000'000'000);
  EXPECT_EQ(*parse_duration("--x", "0"), 0);
  EXPECT_EQ(parse_duration("--x", "5").error().message(),
            "invalid argument \"5\" for \"--x\" flag: time: missing unit in duration \"5\"");
  EXPECT_EQ(parse_duration("--x", "fast").error().message(),
            "invalid argument \"fast\" for \"--x\" flag: time: invalid duration \"fast\"");
  for (const char* bad : {"", "s", "1s2", "1..5s", "99999999999999h"}) {
    EXPECT_FALSE(parse_duration("--x", bad)) << bad;
  }
}

TEST(OptionValues, OnlySwapMayBeWithoutALimit) {
  EXPECT_EQ(*parse_bytes("-m, --memory", "1.5 GiB"), int64_t{3} << 29);
  EXPECT_EQ(*parse_bytes("--memory-swap", "-1"), -1);
  EXPECT_EQ(parse_bytes("-m, --memory", "-1").error().message(),
            "invalid argument \"-1\" for \"-m, --memory\" flag: invalid size: '-1'");
}

RC_GTEST_PROP(OptionValues, AnyTextIsASizeOrNone, (const std::string& text)) {
  auto size = parse_bytes("--x", text);
  if (size) RC_ASSERT(*size >= 0);
}

RC_GTEST_PROP(OptionValues, AnyTextIsADurationOrNone, (const std::string& text)) {
  auto duration = parse_duration("--x", text);
  if (!duration) RC_ASSERT(duration.error().message().starts_with("invalid argument "));
}

TEST(OptionValues, TimesAreSecondsWithNineDigits) {
  EXPECT_EQ(*time_parameter(""), "");
  EXPECT_EQ(*time_parameter("1136073845"), "1136073845");
  EXPECT_EQ(*time_parameter("2006-01-02"), "1136160000.000000000");
  EXPECT_EQ(*time_parameter("2006-01-02T15:04"), "1136214240.000000000");
  EXPECT_EQ(*time_parameter("2006-01-02T15:04:05.5Z"), "1136214245.500000000");
  EXPECT_EQ(*time_parameter("2006-01-02T15:04:05+01:00"), "1136210645.000000000");
  EXPECT_EQ(time_parameter("soon").error().message(),
            "failed to parse value as time or duration: \"soon\"");
  double past = std::stod(*time_parameter("10m"));
  EXPECT_NEAR(past, static_cast<double>(unix_seconds(Clock::system().now())) - 600, 5);
}

TEST(OptionValues, UlimitsAreSoftAndHard) {
  auto devices = parse_devices({"/dev/a", "/dev/a:/dev/b", "/dev/a:r", "/dev/a:/dev/b:rw"});
  ASSERT_TRUE(devices);
  EXPECT_EQ(devices->dump(),
            R"([{"PathOnHost":"/dev/a","PathInContainer":"/dev/a","CgroupPermissions":"rwm"},)"
            R"({"PathOnHost":"/dev/a","PathInContainer":"/dev/b","CgroupPermissions":"rwm"},)"
            R"({"PathOnHost":"/dev/a","PathInContainer":"/dev/a","CgroupPermissions":"r"},)"
            R"({"PathOnHost":"/dev/a","PathInContainer":"/dev/b","CgroupPermissions":"rw"}])");
  for (const char* bad : {"", "a", "/dev/a:b", "/dev/a:/dev/b:x", "/a:/b:r:w", ":/dev/b"}) {
    EXPECT_FALSE(parse_devices({bad})) << bad;
  }
  EXPECT_TRUE(check_device_rules({"c 1:3 rwm", "a *:* r", "b 8:* m"}));
  for (const char* bad :
       {"", "c", "c 1:3", "d 1:3 r", "c 1 r", "c 1:x r", "c 1:3 rx", "c 1:3 rwmr"}) {
    EXPECT_FALSE(check_device_rules({bad})) << bad;
  }
  auto limits = parse_ulimits({"nofile=1024:2048", "nproc=10"});
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->dump(),
            R"([{"Name":"nofile","Hard":2048,"Soft":1024},{"Name":"nproc","Hard":10,"Soft":10}])");
  for (const char* bad : {"nofile", "nofile=", "nofile=x", "nofile=20:10", "nope=1", "=1"}) {
    EXPECT_FALSE(parse_ulimits({bad})) << bad;
  }
}

TEST(OptionValues, LabelsHaveNames) {
  EXPECT_EQ(parse_labels({"a=b", "c"})->dump(), R"({"a":"b","c":""})");
  EXPECT_EQ(parse_labels({"=x"}).error().message(),
            "invalid argument \"=x\" for \"--label\" flag: invalid label '=x': empty name");
}

TEST(OptionValues, ExtraHostsTakeBothSeparators) {
  auto hosts = parse_extra_hosts({"a:1.2.3.4", "b=5.6.7.8", "c:::1", "d:host-gateway"});
  ASSERT_TRUE(hosts);
  EXPECT_EQ(hosts->dump(), R"(["a:1.2.3.4","b:5.6.7.8","c:::1","d:host-gateway"])");
  EXPECT_EQ(parse_extra_hosts({"a"}).error().message(),
            "invalid argument \"a\" for \"--add-host\" flag: bad format for add-host: \"a\"");
}

}  // namespace
}  // namespace skiff::cli
