// The rules that decide without doing: merging of configurations, limits, restart policies,
// filters.
#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/cpuset.h"
#include "engine/create.h"
#include "engine/filters.h"
#include "engine/host_values.h"
#include "engine/process_life.h"
#include "engine/resource_rules.h"
#include "engine/security_options.h"
#include "engine/supervisor.h"
#include "engine/top.h"
#include "engine/update.h"
#include "runtime/security_labels.h"

namespace skiff::engine {
namespace {

using Words = std::vector<std::string>;

oci::RunConfig image_config() {
  oci::RunConfig image;
  image.user = "app";
  image.env = {"PATH=/bin", "A=image", "B=image"};
  image.entrypoint = Words{"/entry"};
  image.cmd = Words{"default"};
  image.working_dir = "/w";
  image.labels = {{"a", "image"}, {"b", "image"}};
  image.volumes = {"/v"};
  image.exposed_ports = {"80/tcp"};
  image.stop_signal = "SIGINT";
  return image;
}

oci::RunConfig merged(oci::RunConfig user) {
  Result<> done = merge_image_config(user, image_config());
  EXPECT_TRUE(done) << done.error().message();
  return user;
}

TEST(MergeImageConfig, TheImageFillsWhatIsNotSaid) {
  oci::RunConfig config = merged({});
  EXPECT_EQ(config, image_config());
}

TEST(MergeImageConfig, TheUserGoesFirst) {
  oci::RunConfig user;
  user.user = "root";
  user.env = {"A=user", "B"};
  user.cmd = Words{"mine"};
  user.labels = {{"a", "user"}};
  user.volumes = {"/u"};
  user.exposed_ports = {"81"};
  oci::RunConfig config = merged(user);
  EXPECT_EQ(config.user, "root");
  EXPECT_EQ(config.env, (Words{"A=user", "PATH=/bin"}));
  EXPECT_EQ(config.entrypoint, (Words{"/entry"}));
  EXPECT_EQ(config.cmd, (Words{"mine"}));
  EXPECT_EQ(config.labels, (std::map<std::string, std::string>{{"a", "user"}, {"b", "image"}}));
  EXPECT_EQ(config.volumes, (Words{"/u", "/v"}));
  EXPECT_EQ(config.exposed_ports, (Words{"80/tcp", "81/tcp"}));
}

TEST(MergeImageConfig, ANewEntrypointDropsTheImagesCommand) {
  oci::RunConfig user;
  user.entrypoint = Words{"/mine"};
  oci::RunConfig config = merged(user);
  EXPECT_EQ(config.entrypoint, (Words{"/mine"}));
  EXPECT_FALSE(config.cmd);
  oci::RunConfig reset;
  reset.entrypoint = Words{""};
  reset.cmd = Words{"sh"};
  config = merged(reset);
  EXPECT_FALSE(config.entrypoint);
  EXPECT_EQ(config.cmd, (Words{"sh"}));
}

TEST(MergeImageConfig, WithoutACommandItIsRefused) {
  oci::RunConfig config;
  Result<> done = merge_image_config(config, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message(), "no command specified");
}

Resources memory(int64_t bytes, int64_t swap = 0) {
  Resources r;
  r.memory = bytes;
  r.memory_swap = swap;
  return r;
}

TEST(MergeResources, ChangesOnlyWhatIsSaid) {
  Resources current = memory(64 << 20, 128 << 20);
  current.cpu_shares = 512;
  Resources wanted;
  wanted.nano_cpus = 1'000'000'000;
  wanted.pids_limit = 50;
  auto after = merge_resources(current, wanted);
  ASSERT_TRUE(after) << after.error().message();
  EXPECT_EQ(after->memory, 64 << 20);
  EXPECT_EQ(after->cpu_shares, 512);
  EXPECT_EQ(after->nano_cpus, 1'000'000'000);
  EXPECT_EQ(after->pids_limit, 50);
}

TEST(MergeResources, RefusesWhatContradicts) {
  auto swap = merge_resources(memory(64 << 20, 128 << 20), memory(200 << 20));
  ASSERT_FALSE(swap);
  EXPECT_NE(swap.error().message().find("already set memoryswap"), std::string::npos);
  Resources cpus;
  cpus.nano_cpus = 1'000'000'000;
  Resources quota;
  quota.cpu_quota = 5000;
  EXPECT_FALSE(merge_resources(cpus, quota));
  EXPECT_FALSE(merge_resources(quota, cpus));
  EXPECT_FALSE(merge_resources({}, memory(1 << 20)));
}

std::string values_error(const ContainerConfig& config, const HostConfig& host) {
  const Result<> checked = check_values(config, host);
  return checked ? "" : checked.error().message();
}

TEST(Values, AreRefusedBeforeTheContainerIsMade) {
  EXPECT_EQ(values_error({}, {.dns = {"x"}}), "invalid DNS server: \"x\" is no IP address");
  EXPECT_EQ(values_error({}, {.extra_hosts = {"x"}}), "bad format for add-host: \"x\"");
  EXPECT_EQ(values_error({}, {.extra_hosts = {"a:x"}}), "invalid IP address in add-host: \"x\"");
  EXPECT_EQ(values_error({}, {.sysctls = {{"vm.swappiness", "1"}}}),
            "sysctl \"vm.swappiness\" is not in a separate kernel namespace");
  EXPECT_EQ(values_error({}, {.network_mode = "host", .sysctls = {{"net.ipv4.ip_forward", "1"}}}),
            "sysctl \"net.ipv4.ip_forward\" is not allowed in the host's namespace");
  ContainerConfig config;
  config.run.labels = {{"", "x"}};
  EXPECT_EQ(values_error(config, {}), "invalid label: empty name");
  config.run = {};
  config.run.healthcheck = oci::Healthcheck{.timeout_ns = 1};
  EXPECT_EQ(values_error(config, {}), "Timeout in Healthcheck cannot be less than 1ms");
  EXPECT_EQ(values_error({}, {.port_bindings = {{"80/tcp", {{"1.2.3", "80"}}}}}),
            "invalid IP address: 1.2.3");
  config.run = {.env = {"=x"}};
  EXPECT_EQ(values_error(config, {}), "invalid environment variable: =x");
  EXPECT_EQ(values_error({}, {.dns = {"::1", "10.0.0.1"},
                              .extra_hosts = {"a:::1", "b:host-gateway"},
                              .sysctls = {{"net.ipv4.ip_forward", "1"}, {"kernel.sem", "1"}}}),
            "");
}

TEST(Limits, OutOfTheirRangesAreRefused) {
  const std::pair<int64_t Resources::*, int64_t> cases[] = {
      {&Resources::cpu_shares, -1},       {&Resources::memory, -1},
      {&Resources::memory_swap, -2},      {&Resources::nano_cpus, -1},
      {&Resources::nano_cpus, 9'999'999}, {&Resources::cpu_period, 1}};
  for (const auto& [member, value] : cases) {
    Resources limits;
    limits.*member = value;
    EXPECT_FALSE(check_resources(limits)) << value;
  }
  Resources least{.nano_cpus = 10'000'000};
  EXPECT_TRUE(check_resources(least));
}

TEST(Cpuset, NamesWhatTheMachineHas) {
  using Numbers = std::set<uint64_t>;
  EXPECT_EQ(parse_number_list("0-2,7"), (Numbers{0, 1, 2, 7}));
  for (const char* bad : {"", "x", "2-1", "1-", "-1", "0,,1", "99999999999"}) {
    EXPECT_FALSE(parse_number_list(bad)) << bad;
  }
  EXPECT_TRUE(check_cpuset({.cpuset_cpus = "0", .cpuset_mems = "0"}));
  EXPECT_EQ(check_cpuset({.cpuset_cpus = "x"}).error().message(),
            "Invalid value x for cpuset cpus");
  EXPECT_TRUE(check_cpuset({.cpuset_cpus = "8000"})
                  .error()
                  .message()
                  .starts_with("Requested CPUs are not available - requested 8000, available: "));
}

Record exited(const std::string& policy, int code, bool by_hand = false, int retries = 0,
              int count = 0) {
  Record record;
  record.info.host_config.restart_policy = {policy, retries};
  record.info.state.exit_code = code;
  record.info.restart_count = count;
  record.manually_stopped = by_hand;
  return record;
}

TEST(SecurityOptions, AreReadAsDockerReadsThem) {
  auto options = read_security_options({"no-new-privileges", "seccomp=unconfined", "apparmor:mine",
                                        "label=user:u", "label:type:t", "disable"});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->no_new_privileges);
  EXPECT_EQ(options->seccomp, "unconfined");
  EXPECT_EQ(options->apparmor_profile, "mine");
  EXPECT_EQ(options->labels, (Words{"user:u", "type:t", "disable"}));
  EXPECT_FALSE(read_security_options({"no-new-privileges=false"})->no_new_privileges);
  const std::pair<const char*, const char*> bad[] = {
      {"seccomp", "invalid --security-opt 1: \"seccomp\""},
      {"nope", "invalid --security-opt 1: \"nope\""},
      {"nope=1", "invalid --security-opt 2: \"nope=1\""},
      {"no-new-privileges=x", "invalid --security-opt 2: \"no-new-privileges=x\""}};
  for (const auto& [option, message] : bad) {
    auto refused = read_security_options({option});
    ASSERT_FALSE(refused) << option;
    EXPECT_EQ(refused.error().message(), message);
  }
}

std::string security_error(const HostConfig& host) {
  std::vector<std::string> warnings;
  Result<> checked = check_security(host, warnings);
  return checked ? "" : checked.error().message();
}

TEST(Security, IsRefusedBeforeTheContainerIsMade) {
  EXPECT_EQ(security_error({.cap_add = {"nope"}}),
            "invalid CapAdd: unknown capability: \"CAP_NOPE\"");
  EXPECT_EQ(security_error({.cap_drop = {"nope"}}),
            "invalid CapDrop: unknown capability: \"CAP_NOPE\"");
  EXPECT_EQ(security_error({.ulimits = {{"nope", 1, 1}}}), "invalid ulimit type: nope");
  EXPECT_EQ(security_error({.security_opt = {"label:typ:x"}}),
            "bad label option \"typ\", valid options 'disable, user, role, level, type, filetype'");
  EXPECT_EQ(security_error({.ulimits = {{"nofile", 2, 1}}}),
            "ulimit nofile: soft limit must be less than or equal to hard limit: 2 > 1");
  EXPECT_EQ(security_error({.cap_add = {"net_admin", "ALL"}, .ulimits = {{"core", -1, -1}}}), "");
}

TEST(Security, WhatThisKernelCannotEnforceIsAWarning) {
  if (runtime::apparmor_enabled() || runtime::selinux_enabled()) {
    GTEST_SKIP() << "a security module is on";
  }
  std::vector<std::string> warnings;
  HostConfig host;
  host.security_opt = {"apparmor=mine", "label=type:x", "apparmor=unconfined", "label=disable"};
  ASSERT_TRUE(check_security(host, warnings));
  ASSERT_EQ(warnings.size(), 1U) << "the last profile counts";
  EXPECT_EQ(warnings[0],
            "--security-opt label=type:x: SELinux is off in this kernel: the container runs "
            "without it");
  host.security_opt = {"apparmor=mine"};
  ASSERT_TRUE(check_security(host, warnings));
  EXPECT_TRUE(warnings.back().starts_with("--security-opt apparmor=mine: AppArmor is off"));
}

TEST(RestartPolicy, DecidesAtBoot) {
  EXPECT_FALSE(starts_at_boot(exited("no", 1)));
  EXPECT_TRUE(starts_at_boot(exited("always", 0, true)));
  EXPECT_TRUE(starts_at_boot(exited("unless-stopped", 0)));
  EXPECT_FALSE(starts_at_boot(exited("unless-stopped", 0, true)));
  EXPECT_TRUE(starts_at_boot(exited("on-failure", 1)));
  EXPECT_FALSE(starts_at_boot(exited("on-failure", 0)));
  EXPECT_FALSE(starts_at_boot(exited("on-failure", 1, false, 3, 3)));
}

TEST(RestartPolicy, IsChecked) {
  EXPECT_TRUE(check_restart_policy({"on-failure", 5}));
  EXPECT_FALSE(check_restart_policy({"sometimes", 0}));
  EXPECT_FALSE(check_restart_policy({"always", 5}));
  EXPECT_FALSE(check_restart_policy({"on-failure", -1}));
}

TEST(StartExitCode, TellsMissingFromForbidden) {
  auto code = [](const char* text) { return start_exit_code(Error(Code::kInternal, text)); };
  EXPECT_EQ(code("exec: \"x\": executable file not found in $PATH"), 127);
  EXPECT_EQ(code("exec: \"/x\": stat /x: no such file or directory"), 127);
  EXPECT_EQ(code("exec: \"/x\": permission denied"), 126);
  EXPECT_EQ(code("port is already allocated"), 128);
}

TEST(Filters, LabelsWantEveryValue) {
  std::map<std::string, std::string> labels = {{"a", "1"}, {"b", ""}};
  EXPECT_TRUE(labels_match({{"label", {"a", "b"}}}, labels));
  EXPECT_TRUE(labels_match({{"label", {"a=1"}}}, labels));
  EXPECT_FALSE(labels_match({{"label", {"a=2"}}}, labels));
  EXPECT_FALSE(labels_match({{"label", {"a", "c"}}}, labels));
  EXPECT_FALSE(labels_match({{"label!", {"a=1"}}}, labels));
  EXPECT_EQ(check_filters({{"bogus", {"1"}}}, {"label"}).error().message(),
            "invalid filter 'bogus'");
}

TEST(Filters, TimesInEveryForm) {
  TimePoint now = *parse_rfc3339("2026-01-01T12:00:00Z");
  EXPECT_EQ(*parse_time_argument("2026-01-01T11:00:00Z", now), now - std::chrono::hours(1));
  EXPECT_EQ(*parse_time_argument("1h30m", now), now - std::chrono::minutes(90));
  EXPECT_EQ(unix_nanos(*parse_time_argument("1700000000.5", now)), 1'700'000'000'500'000'000);
  EXPECT_FALSE(parse_time_argument("soon", now));
}

TEST(ParsePs, KeepsTheContainersLines) {
  auto top = parse_ps(
      "UID        PID  PPID CMD\nroot         1     0 init\nroot        42     1 sh -c 'a  b'\n",
      {42});
  ASSERT_TRUE(top) << top.error().message();
  EXPECT_EQ(top->titles, (Words{"UID", "PID", "PPID", "CMD"}));
  ASSERT_EQ(top->processes.size(), 1U);
  EXPECT_EQ(top->processes[0], (Words{"root", "42", "1", "sh -c 'a  b'"}));
  EXPECT_FALSE(parse_ps("UID CMD\n", {1}));
}

}  // namespace
}  // namespace skiff::engine
