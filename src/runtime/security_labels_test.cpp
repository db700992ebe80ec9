// Labels on a kernel without the module that would enforce them.
#include "runtime/security_labels.h"

#include <gtest/gtest.h>

#include "base/scope_exit.h"
#include "runtime/diagnostics.h"
#include "runtime/test_bundle.h"

namespace skiff::runtime {
namespace {

using test::Ran;
using test::TestBundle;

// What the runtime warns of while the container runs; its program must succeed.
std::string warnings_of(const std::function<void(json::Value&)>& change) {
  std::string said;
  set_warning_sink([&](std::string_view text) { said += cat(text, "\n"); });
  ScopeExit restore([] { set_warning_sink([](std::string_view) {}); });
  TestBundle bundle;
  bundle.change = change;
  Result<Ran> ran = bundle.script("exit 7").run();
  EXPECT_EQ(ran ? ran->code : -1, 7);
  return said;
}

TEST(SecurityLabels, ProfileWithoutAppArmorIsAWarning) {
  if (apparmor_enabled()) GTEST_SKIP() << "AppArmor is on";
  std::string said = warnings_of(test::with_process("apparmorProfile", "docker-default"));
  EXPECT_EQ(said,
            "process.apparmorProfile \"docker-default\" is not enforced: AppArmor is off in this "
            "kernel\n");
}

TEST(SecurityLabels, LabelsWithoutSelinuxAreWarnings) {
  if (selinux_enabled()) GTEST_SKIP() << "SELinux is on";
  std::string said = warnings_of(test::with_linux("mountLabel", "system_u:object_r:x_t:s0"));
  EXPECT_NE(said.find("linux.mountLabel"), std::string::npos) << said;
  said = warnings_of(test::with_process("selinuxLabel", "system_u:system_r:x_t:s0"));
  EXPECT_NE(said.find("process.selinuxLabel"), std::string::npos) << said;
}

TEST(SecurityLabels, NoLabelNoWord) { EXPECT_EQ(warnings_of(nullptr), ""); }

}  // namespace
}  // namespace skiff::runtime
