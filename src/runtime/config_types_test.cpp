#include "runtime/config_types.h"

#include <gtest/gtest.h>

namespace skiff::runtime {
namespace {

std::string refusal(std::string_view config, std::string_view part = "") {
  const Result<> checked = check_types(*json::parse(config), part);
  return checked ? "" : checked.error().message();
}

TEST(ConfigTypes, ResourcesAreReadInAnyCase) {
  const auto read = [](const char* text) { return read_resources(*json::parse(text)); };
  EXPECT_EQ(
      *read(R"({"CPU":{"Cpus":"0","shares":5},"unified":{"CPU.max":"1"},"odd":{"A":1}})"),
      *json::parse(R"({"cpu":{"cpus":"0","shares":5},"unified":{"CPU.max":"1"},"odd":{"A":1}})"));
  EXPECT_EQ(*read(R"({"hugepageLimits":[{"pagesize":"2MB"}]})"),
            *json::parse(R"({"hugepageLimits":[{"pageSize":"2MB"}]})"));
  EXPECT_EQ(read(R"({"CPU":{"Cpus":0}})").error().message(),
            "linux.resources.cpu.cpus is not a string");
}

TEST(ConfigTypes, NamesTheFieldAndWhatItWants) {
  struct Case {
    std::string_view config, refusal;
  };
  for (const Case& each : {
           Case{R"({"root":{"path":"r","readonly":"true"}})", "root.readonly is not true or false"},
           Case{R"({"mounts":{"a":1}})", "mounts is not an array of objects"},
           Case{R"({"mounts":[{},{"options":"ro"}]})",
                "mounts[1].options is not an array of strings"},
           Case{R"({"hooks":{"prestart":"x"}})", "hooks.prestart is not an array of objects"},
           Case{R"({"process":{"noNewPrivileges":"true"}})",
                "process.noNewPrivileges is not true or false"},
           Case{R"({"process":{"capabilities":"none"}})", "process.capabilities is not an object"},
           Case{R"({"process":{"capabilities":{"bounding":"CAP_KILL"}}})",
                "process.capabilities.bounding is not an array of strings"},
           Case{R"({"process":{"oomScoreAdj":"5"}})",
                "process.oomScoreAdj is not a whole number of 64 bits"},
           Case{R"({"linux":{"seccomp":"x"}})", "linux.seccomp is not an object"},
           Case{R"({"linux":{"maskedPaths":"/proc/kcore"}})",
                "linux.maskedPaths is not an array of strings"},
           Case{R"({"linux":{"readonlyPaths":[5]}})",
                "linux.readonlyPaths is not an array of strings"},
           Case{R"({"linux":{"sysctl":{"net.ipv4.ip_forward":1}}})",
                "linux.sysctl.net.ipv4.ip_forward is not a string"},
           Case{R"({"linux":{"resources":["x"]}})", "linux.resources is not an object"},
           Case{R"({"linux":{"resources":{"devices":[{"allow":"false"}]}}})",
                "linux.resources.devices[0].allow is not true or false"},
           Case{R"({"linux":{"resources":{"memory":{"limit":"4m"}}}})",
                "linux.resources.memory.limit is not a whole number of 64 bits"},
           Case{R"({"linux":{"resources":{"memory":{"limit":99999999999999999999}}}})",
                "linux.resources.memory.limit is not a whole number of 64 bits"},
           Case{R"({"linux":{"resources":{"cpu":{"shares":1e30}}}})",
                "linux.resources.cpu.shares is not a whole number of 64 bits"},
       }) {
    EXPECT_EQ(refusal(each.config), each.refusal) << each.config;
  }
}

TEST(ConfigTypes, ChecksAPartThatCameAlone) {
  EXPECT_EQ(refusal(R"({"terminal":1})", "process"), "process.terminal is not true or false");
  EXPECT_EQ(refusal(R"(["x"])", "linux.resources"), "linux.resources is not an object");
  EXPECT_EQ(refusal(R"({"pids":{"limit":5}})", "linux.resources"), "");
}

TEST(ConfigTypes, NoStringOfTheKernelsIsCut) {
  EXPECT_EQ(refusal(R"({"root":{"path":"a\u0000b"}})"), "root.path holds a NUL byte");
  EXPECT_EQ(refusal(R"({"process":{"args":["sh","-c\u0000"]}})"),
            "process.args[1] holds a NUL byte");
  EXPECT_EQ(refusal(R"({"mounts":[{"destination":"/a\u0000"}]})"),
            "mounts[0].destination holds a NUL byte");
  EXPECT_EQ(refusal(R"({"hostname":"h\u0000"})"), "hostname holds a NUL byte");
  EXPECT_EQ(refusal(R"({"linux":{"sysctl":{"a\u0000":"1"}}})"), "linux.sysctl holds a NUL byte");
  EXPECT_EQ(refusal(R"({"cwd":"/\u0000"})", "process"), "process.cwd holds a NUL byte");
  EXPECT_EQ(refusal(R"({"annotations":{"a":"b\u0000"}})"), "");
}

TEST(ConfigTypes, NullAndWhatTheSpecDoesNotNamePass) {
  EXPECT_EQ(refusal(R"({"mounts":null,"process":{"capabilities":null},"mine":[1,"x"]})"), "");
}

TEST(ConfigTypes, AnInfiniteLimitIsANumber) {
  EXPECT_EQ(refusal(R"({"process":{"rlimits":[{"soft":18446744073709551615}]}})"), "");
}

}  // namespace
}  // namespace skiff::runtime
