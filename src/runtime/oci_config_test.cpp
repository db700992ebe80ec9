// What is refused of a config.json besides fields of another type.
#include "runtime/oci_config.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "runtime/test_bundle.h"

namespace skiff::runtime {
namespace {

// A config with one change, which is `patch`, a member of "process", "linux" or the top.
Result<OciConfig> parsed(const std::string& part, const std::string& patch) {
  test::TestBundle bundle;
  bundle.spec.args = {"true"};
  json::Value config = *make_oci_config(bundle.spec);
  const json::Value changes = *json::parse(patch);
  for (const auto& [key, value] : changes.as_object()) {
    if (part.empty()) config.set(key, value);
    if (!part.empty()) test::with_member(part, key, value)(config);
  }
  return parse_config(config, "/bundle");
}

TEST(OciConfig, WhatIsOutOfRangeIsRefusedByName) {
  struct Case {
    const char* part;
    const char* patch;
    std::string_view message;
  };
  for (const Case& each : {
           Case{"process", R"({"consoleSize":{"height":70000,"width":1}})",
                "process.consoleSize: height 70000 is not from 0 to 65535"},
           Case{"process", R"({"oomScoreAdj":100000})",
                "process: oomScoreAdj 100000 is not from -1000 to 1000"},
           Case{"process", R"({"rlimits":[{"type":"RLIMIT_CORE","soft":10.5,"hard":20}]})",
                "process.rlimits: RLIMIT_CORE: soft 10.5 is not a whole number of 64 bits"},
           Case{"process", R"({"rlimits":[{"type":"RLIMIT_CORE","soft":20,"hard":10}]})",
                "process.rlimits: RLIMIT_CORE: soft 20 is above hard 10"},
           Case{"linux", R"({"maskedPaths":["proc/kcore"]})",
                "linux.maskedPaths: \"proc/kcore\" is not an absolute path"},
           Case{"linux", R"({"readonlyPaths":[""]})",
                "linux.readonlyPaths: \"\" is not an absolute path"},
           Case{"linux", R"({"devices":[{"path":"/dev/x","type":"c","major":-1,"minor":1}]})",
                "linux.devices: /dev/x: major -1 is not from 0 to 4095"},
           Case{"", R"({"hooks":{"poststop":[{"path":"/x","timeout":0}]}})",
                "hooks.poststop: timeout 0 is not from 1 to 2147483647"},
       }) {
    const Result<OciConfig> config = parsed(each.part, each.patch);
    ASSERT_FALSE(config) << each.patch;
    EXPECT_EQ(config.error().message(), each.message);
  }
}

TEST(OciConfig, InfinityIsALimit) {
  const Result<OciConfig> config = parsed(
      "process", R"({"rlimits":[{"type":"RLIMIT_CORE","soft":1,"hard":18446744073709551615}]})");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->process->rlimits.at(0).hard, RLIM_INFINITY);
}

TEST(OciConfig, NeedsNoLinuxObject) {
  const Result<OciConfig> config = parsed("", R"({"linux":null,"hostname":""})");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_TRUE(config->namespaces.empty());
}

TEST(OciConfig, ABundleHasNoSlashAtItsEnd) {
  test::TestBundle bundle;
  bundle.spec.args = {"true"};
  ASSERT_TRUE(bundle.write());
  EXPECT_EQ(read_bundle(bundle.path() / "")->path, bundle.path());
  EXPECT_EQ(read_bundle(bundle.path() / ".")->path, bundle.path());
}

}  // namespace
}  // namespace skiff::runtime
