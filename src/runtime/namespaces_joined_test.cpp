// Containers in namespaces of other containers.
#include <gtest/gtest.h>

#include "runtime/test_bundle.h"

namespace skiff::runtime {
namespace {

using test::Ran;
using test::TestBundle;

void set_namespace(json::Value& config, const std::string& type, const std::string& path) {
  json::Value lx = *config.find("linux");
  json::Array namespaces;
  for (const json::Value& entry : lx.array("namespaces")) {
    if (entry.string("type") != type) namespaces.push_back(entry);
  }
  json::Value wanted = json::object({{"type", type}});
  if (!path.empty()) wanted.set("path", path);
  namespaces.push_back(std::move(wanted));
  lx.set("namespaces", std::move(namespaces));
  // Docker's default range of pinging groups is wider than what is mapped here.
  lx.make_object().erase("sysctl");
  config.set("linux", lx);
}

void map_ids(json::Value& config) {
  json::Value lx = *config.find("linux");
  for (const char* key : {"uidMappings", "gidMappings"}) {
    lx.set(key,
           json::array({json::object({{"containerID", 0}, {"hostID", 100000}, {"size", 65536}})}));
  }
  config.set("linux", lx);
}

class JoinedNamespaces : public testing::Test {
 protected:
  void SetUp() override {
    first_.change = [](json::Value& config) {
      set_namespace(config, "user", "");
      map_ids(config);
    };
    ASSERT_TRUE(first_.script("sleep 100").write());
    Result<Container> made = first_.create();
    ASSERT_TRUE(made) << made.error().message();
    container_.emplace(std::move(*made));
    ASSERT_TRUE(container_->start());
  }
  void TearDown() override {
    if (!container_) return;
    EXPECT_TRUE(container_->remove(true));
    TestBundle::reap(container_->pid());
  }
  std::string path(const char* file) const {
    return cat("/proc/", container_->pid(), "/ns/", file);
  }

  TestBundle first_;
  std::optional<Container> container_;
};

TEST_F(JoinedNamespaces, ANewPidNamespaceBelongsToTheJoinedUserNamespace) {
  TestBundle second;
  second.change = [&](json::Value& config) { set_namespace(config, "user", path("user")); };
  Result<Ran> ran = second.script("echo $$; id -u; readlink /proc/self/ns/user; exit 4").run();
  ASSERT_TRUE(ran) << ran.error().message();
  std::string user = std::filesystem::read_symlink(path("user")).native();
  EXPECT_EQ(ran->output, cat("1\n0\n", user, "\n"));
  EXPECT_EQ(ran->code, 4);
  EXPECT_EQ(second.traces(), "");
}

TEST_F(JoinedNamespaces, FailuresInsideAreTold) {
  TestBundle second;
  second.change = [&](json::Value& config) { set_namespace(config, "user", path("user")); };
  second.spec.args = {"/no/such/program"};
  ASSERT_TRUE(second.write());
  Result<Container> made = Container::create(second.options(), *read_bundle(second.path()));
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message().find("/no/such/program"), std::string::npos);
  EXPECT_EQ(second.traces(), "");
}

TEST_F(JoinedNamespaces, EveryKindCanBeJoined) {
  TestBundle second;
  const std::pair<const char*, const char*> kKinds[] = {
      {"user", "user"}, {"pid", "pid"}, {"network", "net"}, {"ipc", "ipc"}, {"uts", "uts"}};
  second.change = [&](json::Value& config) {
    for (const auto& [type, file] : kKinds) set_namespace(config, type, path(file));
    config.make_object().erase("hostname");
  };
  Result<Ran> ran =
      second.script("for n in user pid net ipc uts; do readlink /proc/self/ns/$n; done").run();
  ASSERT_TRUE(ran) << ran.error().message();
  std::string wanted;
  for (const auto& [type, file] : kKinds) {
    wanted += std::filesystem::read_symlink(path(file)).native() + "\n";
  }
  EXPECT_EQ(ran->output, wanted);
}

}  // namespace
}  // namespace skiff::runtime
