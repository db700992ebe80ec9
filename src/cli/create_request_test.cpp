// What `run` and `create` send, beside what the stock client 28.5.2 was recorded to send for the
// same command lines, and the options that make it up.
#include "cli/create_request.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/strings.h"
#include "cli/mount_options.h"

namespace skiff::cli {
namespace {

using Words = std::vector<std::string>;

Result<json::Value> request(const Words& words) {
  std::vector<FlagSpec> specs(create_flags().begin(), create_flags().end());
  specs.push_back({"detach", 'd', FlagKind::kBool, "of run alone"});
  return make_create_request(TRY(parse_flags(words, specs, true)));
}

json::Value host_of(const Words& words) {
  Words all = words;
  all.emplace_back("busybox");
  auto body = request(all);
  EXPECT_TRUE(body) << body.error().message();
  return body ? *body->find("HostConfig") : json::object();
}

std::string dump(const json::Value& of, std::string_view member) {
  const json::Value* found = of.find(member);
  return found != nullptr ? found->dump() : "absent";
}

std::string request_error(const Words& words) {
  Words all = words;
  all.emplace_back("busybox");
  auto body = request(all);
  return body ? "" : body.error().message();
}

bool is_zero(const json::Value& value) {
  if (value.is_bool()) return !value.as_bool();
  if (value.is_number()) return value.as_double() == 0;
  if (value.is_string()) return value.as_string().empty();
  if (value.is_array()) {
    return std::all_of(value.as_array().begin(), value.as_array().end(), is_zero);
  }
  if (value.is_object()) return value.as_object().empty();
  return true;
}

// Every member of `expected` that says something is in `sent`, and the other way round: absent,
// null and zero mean the same to the API.
void expect_same_meaning(const json::Value& expected, const json::Value& sent,
                         const std::string& where) {
  if (!expected.is_object() || !sent.is_object()) {
    EXPECT_TRUE(expected == sent || (is_zero(expected) && is_zero(sent)))
        << where << ": recorded " << expected.dump() << ", sent " << sent.dump();
    return;
  }
  for (const auto& [key, value] : expected.as_object()) {
    const json::Value* own = sent.find(key);
    expect_same_meaning(value, own != nullptr ? *own : json::Value(), cat(where, ".", key));
  }
  for (const auto& [key, value] : sent.as_object()) {
    if (expected.find(key) == nullptr) expect_same_meaning({}, value, cat(where, ".", key));
  }
}

// `docker run -d --name c1 -p 18080:80 -e A=b -v vol1:/data --label x=y busybox sh -c ...` as it
// was recorded, without the members that say nothing.
constexpr std::string_view kRecorded = R"({
  "Env": ["A=b"], "Cmd": ["sh", "-c", "echo out"], "Image": "busybox", "Labels": {"x": "y"},
  "ExposedPorts": {"80/tcp": {}}, "Volumes": {}, "Entrypoint": null, "OnBuild": null,
  "HostConfig": {
    "Binds": ["vol1:/data"], "NetworkMode": "default", "LogConfig": {"Type": "", "Config": {}},
    "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "18080"}]},
    "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}, "ConsoleSize": [0, 0],
    "AutoRemove": false, "Privileged": false, "Ulimits": []},
  "NetworkingConfig": {"EndpointsConfig": {"default": {}}}})";

TEST(CreateRequest, MeansWhatTheStockClientSends) {
  auto sent = request({"-d", "--name", "c1", "-p", "18080:80", "-e", "A=b", "-v", "vol1:/data",
                       "--label", "x=y", "busybox", "sh", "-c", "echo out"});
  ASSERT_TRUE(sent) << sent.error().message();
  json::Value recorded = *json::parse(kRecorded);
  expect_same_meaning(recorded, *sent, "");
}

TEST(CreateRequest, StreamsFollowTheFlags) {
  struct Case {
    Words flags;
    std::string streams;  // AttachStdin, AttachStdout, AttachStderr, Tty, OpenStdin, StdinOnce
  };
  const Case cases[] = {{{}, "011000"},
                        {{"-i"}, "111011"},
                        {{"-it"}, "111111"},
                        {{"-d"}, "000000"},
                        {{"-di"}, "000010"},
                        {{"-t"}, "011100"},
                        {{"-a", "stdin"}, "100011"},
                        {{"-a", "STDOUT", "-a", "stderr"}, "011000"}};
  for (const auto& [flags, streams] : cases) {
    Words words = flags;
    words.emplace_back("busybox");
    auto body = request(words);
    ASSERT_TRUE(body) << body.error().message();
    std::string got;
    for (auto member :
         {"AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce"}) {
      got += body->boolean(member) ? '1' : '0';
    }
    EXPECT_EQ(got, streams) << join(words, " ");
  }
}

TEST(CreateRequest, ConflictsAreRefusedAsDockerDoes) {
  EXPECT_EQ(request_error({"-d", "-a", "stdin"}),
            "conflicting options: cannot specify both --attach and --detach");
  EXPECT_EQ(request_error({"--rm", "--restart", "always"}),
            "conflicting options: cannot specify both --restart and --rm");
  EXPECT_EQ(request_error({"--no-healthcheck", "--health-cmd", "x"}),
            "--no-healthcheck conflicts with --health-* options");
  EXPECT_EQ(request_error({"-a", "x"}),
            "invalid argument \"x\" for \"-a, --attach\" flag: valid streams are STDIN, STDOUT and "
            "STDERR");
  EXPECT_EQ(request_error({"-m", "lots"}),
            "invalid argument \"lots\" for \"-m, --memory\" flag: invalid size: 'lots'");
  EXPECT_EQ(request_error({"--restart", "on-failure:x"}),
            "invalid restart policy format: maximum retry count must be an integer");
  EXPECT_EQ(
      request_error({"--mount", "type=tmpfs,\"target=/x"}),
      "invalid argument \"type=tmpfs,\\\"target=/x\" for \"--mount\" flag: parse error on line "
      "1, column 22: extraneous or missing \" in quoted-field");
  EXPECT_EQ(request_error({"--gpus", "all"}), "--gpus is not supported");
}

TEST(CreateRequest, ValuesWithAFormAreChecked) {
  const std::pair<Words, const char*> cases[] = {
      {{"--dns", "x"},
       "invalid argument \"x\" for \"--dns\" flag: IP address is not correctly formatted: x"},
      {{"--add-host", "a:x"},
       "invalid argument \"a:x\" for \"--add-host\" flag: invalid IP address in add-host: \"x\""},
      {{"--label", "="},
       "invalid argument \"=\" for \"-l, --label\" flag: invalid label '=': empty name"},
      {{"--sysctl", "vm.swappiness=1"},
       "invalid argument \"vm.swappiness=1\" for \"--sysctl\" flag: sysctl 'vm.swappiness=1' is "
       "not "
       "allowed"},
      {{"--sysctl", "net.x"},
       "invalid argument \"net.x\" for \"--sysctl\" flag: sysctl 'net.x' is not allowed"},
      {{"--pid", "x"}, "--pid: invalid PID mode"},
      {{"--uts", "x"}, "--uts: invalid UTS mode"},
      {{"--cgroupns", "x"}, "--cgroupns: invalid CGROUP mode"},
      {{"--dns-search", "..."},
       "invalid argument \"...\" for \"--dns-search\" flag: ... is not a valid domain"},
      {{"--security-opt", "x"}, "Invalid --security-opt: \"x\""},
      {{"--health-retries", "-1"}, "--health-retries cannot be negative"},
      {{"--health-interval", "-1s"}, "--health-interval cannot be negative"},
      {{"--pull", "x"},
       "invalid pull option: 'x': must be one of \"always\", \"missing\" or \"never\""},
      {{"-p", "1.2.3:80:80"}, "invalid IP address: 1.2.3"},
      {{"--network-alias", "a"},
       "network-scoped aliases are only supported for user-defined networks"},
      {{"--mac-address", "zz"}, "zz is not a valid mac address"},
      {{"--mac-address", "92:d0-c6:0a:29:33"}, "92:d0-c6:0a:29:33 is not a valid mac address"},
      {{"--dns", "::1", "--dns-search", "a-b.c.", "--add-host", "a=[::1]", "--sysctl",
        "net.ipv4.ip_forward=1", "--pid", "container:c", "--uts", "host", "--cgroupns", "private",
        "--mac-address", "92:d0:c6:0a:29:33"},
       ""}};
  for (const auto& [words, message] : cases) {
    EXPECT_EQ(request_error(words), message) << join(words, " ");
  }
}

TEST(CreateRequest, LimitsAreNumbers) {
  json::Value host = host_of({"-m", "64m", "--memory-swap", "-1", "--cpus", "1.5", "--cpu-shares",
                              "512", "--cpuset-cpus", "0-1", "--pids-limit", "100", "--shm-size",
                              "1g", "--restart", "on-failure:3", "--ulimit", "nofile=1:2"});
  EXPECT_EQ(host.integer("Memory"), 64 << 20);
  EXPECT_EQ(host.integer("MemorySwap"), -1);
  EXPECT_EQ(host.integer("NanoCpus"), 1'500'000'000);
  EXPECT_EQ(host.integer("CpuShares"), 512);
  EXPECT_EQ(host.string("CpusetCpus"), "0-1");
  EXPECT_EQ(host.integer("PidsLimit"), 100);
  EXPECT_EQ(host.integer("ShmSize"), 1 << 30);
  EXPECT_EQ(dump(host, "RestartPolicy"), R"({"Name":"on-failure","MaximumRetryCount":3})");
  EXPECT_EQ(dump(host, "Ulimits"), R"([{"Name":"nofile","Hard":2,"Soft":1}])");
}

TEST(CreateRequest, HealthTimesAreNanoseconds) {
  auto body = request(
      {"--health-cmd", "true", "--health-interval", "5s", "--health-retries", "2", "busybox"});
  ASSERT_TRUE(body);
  EXPECT_EQ(dump(*body, "Healthcheck"),
            R"({"Test":["CMD-SHELL","true"],"Interval":5000000000,"Retries":2})");
  EXPECT_EQ(dump(*request({"--no-healthcheck", "busybox"}), "Healthcheck"), R"({"Test":["NONE"]})");
}

TEST(CreateRequest, NetworksHaveNamesAliasesAndAddresses) {
  auto body = request({"--network", "name=n1,alias=a,ip=10.0.0.2", "--network", "n2", "busybox"});
  ASSERT_TRUE(body) << body.error().message();
  EXPECT_EQ(body->find("HostConfig")->string("NetworkMode"), "n1");
  EXPECT_EQ(
      dump(*body, "NetworkingConfig"),
      R"({"EndpointsConfig":{"n1":{"IPAMConfig":{"IPv4Address":"10.0.0.2"},"Aliases":["a"]},"n2":{}}})");
  auto named = request({"--network", "name=n,driver-opt=a.ifname=up0,driver-opt=b=", "busybox"});
  EXPECT_EQ(dump(*named, "NetworkingConfig"),
            R"({"EndpointsConfig":{"n":{"DriverOpts":{"a.ifname":"up0","b":""}}}})");
  auto flat = request({"--network", "n", "--network-alias", "x", "--ip", "10.0.0.3", "busybox"});
  EXPECT_EQ(
      dump(*flat, "NetworkingConfig"),
      R"({"EndpointsConfig":{"n":{"IPAMConfig":{"IPv4Address":"10.0.0.3"},"Aliases":["x"]}}})");
}

TEST(CreateRequest, SeccompProfilesAreReadHere) {
  TempDir dir = *TempDir::make("/tmp", "skiff-cli-");
  std::string file = dir.path() / "profile.json";
  ASSERT_TRUE(write_file(file, "{ \"defaultAction\": \"SCMP_ACT_ALLOW\" }\n"));
  EXPECT_EQ(dump(host_of({"--security-opt", "seccomp=" + file}), "SecurityOpt"),
            R"(["seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\"}"])");
  const json::Value open = host_of({"--security-opt", "systempaths=unconfined"});
  EXPECT_EQ(dump(open, "SecurityOpt"), "null");
  EXPECT_EQ(dump(open, "MaskedPaths") + dump(open, "ReadonlyPaths"), "[][]");
  EXPECT_EQ(dump(host_of({"--security-opt", "seccomp=unconfined"}), "SecurityOpt"),
            R"(["seccomp=unconfined"])");
  EXPECT_TRUE(request_error({"--security-opt", "seccomp=/nope"})
                  .starts_with("opening seccomp profile (/nope) failed: "));
}

TEST(PortOptions, PublishInEveryForm) {
  struct Case {
    std::string flag;
    std::string bindings;
  };
  const Case cases[] = {
      {"80", R"({"80/tcp":[{"HostIp":"","HostPort":""}]})"},
      {"8080:80", R"({"80/tcp":[{"HostIp":"","HostPort":"8080"}]})"},
      {"53:53/UDP", R"({"53/udp":[{"HostIp":"","HostPort":"53"}]})"},
      {"127.0.0.1:8080:80", R"({"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}]})"},
      {"127.0.0.1::80", R"({"80/tcp":[{"HostIp":"127.0.0.1","HostPort":""}]})"},
      {"[::1]:8080:80", R"({"80/tcp":[{"HostIp":"::1","HostPort":"8080"}]})"},
      {"8080-8081:80-81",
       R"({"80/tcp":[{"HostIp":"","HostPort":"8080"}],"81/tcp":[{"HostIp":"","HostPort":"8081"}]})"},
      {"8080-8090:80", R"({"80/tcp":[{"HostIp":"","HostPort":"8080-8090"}]})"},
      {"target=80,published=8080,protocol=udp", R"({"80/udp":[{"HostIp":"","HostPort":"8080"}]})"},
  };
  for (const auto& [flag, bindings] : cases) {
    EXPECT_EQ(dump(host_of({"-p", flag}), "PortBindings"), bindings) << flag;
  }
}

TEST(PortOptions, MistakesAreNamed) {
  EXPECT_EQ(request_error({"-p", "x"}), "invalid containerPort: x");
  EXPECT_EQ(request_error({"-p", "x:80"}), "invalid hostPort: x");
  EXPECT_EQ(request_error({"-p", "80:70000"}), "invalid containerPort: 70000");
  EXPECT_EQ(request_error({"-p", "80/icmp"}), "invalid proto: icmp");
  EXPECT_EQ(request_error({"-p", "80:"}), "no port specified: 80:<empty>");
  EXPECT_EQ(request_error({"-p", "1-3:80-81"}),
            "invalid ranges specified for container and host Ports: 80-81 and 1-3");
  EXPECT_FALSE(request_error({"--expose", "x"}).empty());
}

TEST(PortOptions, ExposeOpensRanges) {
  auto body = request({"--expose", "80-81/udp", "--expose", "90", "busybox"});
  EXPECT_EQ(dump(*body, "ExposedPorts"), R"({"80/udp":{},"81/udp":{},"90/tcp":{}})");
}

RC_GTEST_PROP(PortOptions, AnyTextIsAPortOrRefused, (const std::string& text)) {
  auto body = request({"--publish=" + text, "--expose=" + text, "busybox"});
  if (!body) RC_ASSERT(!body.error().message().empty());
}

TEST(MountOptions, VolumesAndBinds) {
  auto body = request({"-v", "/data", "-v", "vol:/v:ro", "-v", "/a:/b", "--tmpfs", "/t:size=1m",
                       "--tmpfs", "/u", "busybox"});
  ASSERT_TRUE(body);
  json::Value host = *body->find("HostConfig");
  EXPECT_EQ(dump(*body, "Volumes"), R"({"/data":{}})");
  EXPECT_EQ(dump(host, "Binds"), R"(["vol:/v:ro","/a:/b"])");
  EXPECT_EQ(dump(host, "Tmpfs"), R"({"/t":"size=1m","/u":""})");
  std::string here = std::filesystem::current_path().native();
  EXPECT_EQ(dump(host_of({"-v", "./x:/b"}), "Binds"), cat("[\"", here, "/x:/b\"]"));
  EXPECT_EQ(request_error({"-v", ""}), "invalid empty volume spec");
  EXPECT_EQ(dump(host_of({"-v", "a:b:c:d"}), "Binds"), R"(["a:b:c:d"])")
      << "for the daemon to refuse";
}

TEST(MountOptions, MountInItsForms) {
  struct Case {
    std::string text;
    std::string mount;
  };
  const Case cases[] = {
      {"type=bind,src=/a,dst=/b,readonly",
       R"({"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true})"},
      {"source=v,target=/b,ro=false",
       R"({"Type":"volume","Source":"v","Target":"/b","ReadOnly":false})"},
      {"type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770",
       R"({"Type":"tmpfs","Target":"/t","TmpfsOptions":{"SizeBytes":1048576,"Mode":1016}})"},
      {"type=volume,dst=/v,volume-nocopy,volume-driver=local,\"volume-opt=o=a,b\"",
       R"({"Type":"volume","Target":"/v","VolumeOptions":{"NoCopy":true,"DriverConfig":{"Name":"local","Options":{"o":"a,b"}}}})"},
      {"type=bind,src=/a,dst=/b,bind-propagation=rshared",
       R"({"Type":"bind","Source":"/a","Target":"/b","BindOptions":{"Propagation":"rshared"}})"},
  };
  for (const auto& [text, mount] : cases) {
    auto parsed = parse_mount(text);
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(parsed->dump(), mount);
  }
}

TEST(MountOptions, MistakesAreNamed) {
  struct Case {
    std::string text;
    std::string reason;
  };
  const Case cases[] = {
      {"type=bind,src=/a", "target is required"},
      {"dst=/b,nope=1", "unexpected key 'nope' in 'nope=1'"},
      {"dst=/b,nope", "invalid field 'nope' must be a key=value pair"},
      {"dst=/b,ro=maybe", "invalid value for ro: maybe"},
      {"type=tmpfs,dst=/b,volume-nocopy", "cannot mix 'volume-*' options with mount type 'tmpfs'"},
  };
  for (const auto& [text, reason] : cases) {
    auto parsed = parse_mount(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message(),
              cat("invalid argument \"", text, "\" for \"--mount\" flag: ", reason));
  }
}

RC_GTEST_PROP(MountOptions, AnyTextIsAMountOrRefused, (const std::string& text)) {
  auto body = request({"--mount=" + text, "--volume=" + text, "--tmpfs=" + text, "busybox"});
  if (!body) RC_ASSERT(!body.error().message().empty());
}

}  // namespace
}  // namespace skiff::cli
