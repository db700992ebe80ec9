// Containers for programs of another processor, as their config.json has them.
#include "runtime/emulation.h"

#include <gtest/gtest.h>

#include "runtime/annotations.h"

namespace skiff::runtime {
namespace {

constexpr const char* kLine = ":x:M::\\x7f:\\xff:/usr/bin/qemu:POF";

ContainerSpec plain() {
  ContainerSpec spec;
  spec.rootfs = "/";
  spec.args = {"true"};
  spec.seccomp = "unconfined";
  return spec;
}

TEST(Emulation, HasAUserNamespaceAndItsOwnBinfmt) {
  ContainerSpec spec = plain();
  ASSERT_TRUE(emulate(spec, kLine));
  ASSERT_TRUE(spec.id_maps);
  for (const sys::IdMapping& one : spec.id_maps->uids) EXPECT_EQ(one.inside, one.outside);
  const auto config = make_oci_config(spec);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->find("annotations")->string(kEmulationAnnotation), kLine);
  const std::string text = config->dump();
  EXPECT_NE(text.find(R"("type":"binfmt_misc")"), std::string::npos);
  EXPECT_NE(text.find(R"({"type":"user"})"), std::string::npos);
}

TEST(Emulation, NothingChangesWithoutIt) {
  ContainerSpec spec = plain();
  ASSERT_TRUE(emulate(spec, ""));
  EXPECT_FALSE(spec.id_maps);
  EXPECT_EQ(make_oci_config(spec)->dump().find("binfmt_misc"), std::string::npos);
}

TEST(Emulation, KeepsTheMappingThatThereIs) {
  ContainerSpec spec = plain();
  spec.id_maps = sys::IdMaps{.uids = {{0, 1000, 10}}, .gids = {{0, 1000, 10}}};
  ASSERT_TRUE(emulate(spec, kLine));
  EXPECT_EQ(spec.id_maps->uids.front().outside, 1000U);
}

TEST(Emulation, WhatSharesNamespacesIsRefusedWithTheWayOut) {
  const std::vector<void (*)(ContainerSpec&)> changes = {
      [](ContainerSpec& spec) { spec.privileged = true; },
      [](ContainerSpec& spec) { spec.network_namespace = "host"; },
      [](ContainerSpec& spec) { spec.pid_namespace = "/proc/1/ns/pid"; },
      [](ContainerSpec& spec) { spec.ipc_namespace = "host"; },
      [](ContainerSpec& spec) { spec.user_namespace = "/proc/1/ns/user"; },
  };
  for (const auto change : changes) {
    ContainerSpec spec = plain();
    change(spec);
    const Result<> done = emulate(spec, kLine);
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message().find("--emulation=host"), std::string::npos);
  }
}

}  // namespace
}  // namespace skiff::runtime
