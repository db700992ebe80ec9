// TestEngine: an engine over real parts, for tests: image store, networks (in a network
// namespace of its own), monitors; with one small image, "box", made of the host's busybox.
// Everything lives below a temporary directory and is gone at the end.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <functional>

#include "base/random.h"
#include "base/strings.h"
#include "codec/tar.h"
#include "engine/engine.h"
#include "engine/image_import.h"
#include "runtime/test_program.h"
#include "sys/cgroup.h"

namespace skiff::engine::testing {

inline Path busybox_program() {
  for (const char* path : {"/bin/busybox", "/usr/bin/busybox"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return {};
}

// A root file system of busybox, as a tar.
inline std::string busybox_tar() {
  StringSink sink;
  TarWriter tar(sink);
  auto directory = [&](const std::string& name, uint32_t mode) {
    EXPECT_TRUE(tar.add({.name = name, .type = TarType::kDirectory, .mode = mode}));
  };
  auto file = [&](const std::string& name, const std::string& text, uint32_t mode) {
    StringSource body(text);
    TarEntry entry{.name = name, .mode = mode};
    entry.size = text.size();
    EXPECT_TRUE(tar.add_file(entry, body));
  };
  directory("bin/", 0755);
  directory("etc/", 0755);
  directory("tmp/", 01777);
  file("bin/busybox", read_file(busybox_program()).value_or(""), 0755);
  for (const char* applet : {"sh", "cat", "sleep", "echo", "true", "false", "touch", "rm", "ln",
                             "mkdir", "id", "env", "head", "seq", "test"}) {
    TarEntry link{.name = cat("bin/", applet), .type = TarType::kSymlink, .mode = 0777};
    link.link_target = "busybox";
    EXPECT_TRUE(tar.add(link));
  }
  file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home:/bin/sh\n", 0644);
  file("etc/group", "root:x:0:\napp:x:1001:\n", 0644);
  EXPECT_TRUE(tar.finish());
  return sink.take();
}

class EngineTest : public ::testing::Test {
 protected:
  // Tries every few milliseconds, for a minute at most.
  static bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 12'000; ++i) {
      if (condition()) return true;
      ::poll(nullptr, 0, 5);
    }
    return false;
  }

  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    if (busybox_program().empty()) GTEST_SKIP() << "needs busybox";
    ASSERT_EQ(::access(runtime::test::runtime_program().c_str(), X_OK), 0);
    // This thread and those it starts live on a host of their own.
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    Path root = dir_.path();
    images_ = *images::open_image_store(
        root / "images", *content::open_content_store(root / "c"),
        *snapshot::open_snapshotter(root / "s", snapshot::choose_backend(root)));
    networks_ = *network::open_network_manager({.root = root / "n", .instance = "default"});
    options_ = {.root = root / "engine",
                .run_dir = root / "run",
                .monitor_program = runtime::test::runtime_program(),
                .cgroup_parent = cat("/skiff-engine-test-", random_hex(8))};
    std::string tar = busybox_tar();
    StringSource source(tar);
    ImportOptions import;
    import.name = oci::Reference::parse("box:latest").value();
    auto image = import_image(*images_, source, import, {});
    ASSERT_TRUE(image) << image.error().message();
    open();
  }

  void TearDown() override {
    if (engine_ == nullptr) return;
    auto list = engine_->containers().list({.all = true});
    for (const ContainerInfo& info : list.value_or(std::vector<ContainerInfo>())) {
      Result<> removed = engine_->containers().remove(info.id, {.force = true, .volumes = true});
      EXPECT_TRUE(removed) << removed.error().message();
    }
    engine_.reset();
    EXPECT_TRUE(networks_->shutdown());
    EXPECT_TRUE(sys::Cgroup::open(options_.cgroup_parent)->members().empty()) << "cgroups are left";
    images_.reset();  // it keeps layers mounted
    std::string mounts = read_file("/proc/self/mountinfo").value_or("");
    EXPECT_EQ(mounts.find(dir_.path().native()), std::string::npos) << "mounts are left";
  }

  void open() {
    auto engine = open_engine(options_, *images_, *networks_);
    ASSERT_TRUE(engine) << engine.error().message();
    engine_ = std::move(*engine);
  }
  // As a daemon that ends and one that comes after it.
  void reopen() {
    engine_.reset();
    open();
  }

  Containers& containers() { return engine_->containers(); }
  Files& files() { return engine_->files(); }
  Streams& streams() { return engine_->streams(); }

  static CreateRequest request(const std::string& script) {
    CreateRequest out;
    out.config.image = "box";
    out.config.run.cmd = std::vector<std::string>{"sh", "-c", script};
    return out;
  }
  std::string create(CreateRequest wanted) {
    auto created = containers().create(std::move(wanted));
    EXPECT_TRUE(created) << created.error().message();
    return created ? created->id : "";
  }
  std::string create(const std::string& script) { return create(request(script)); }
  void start(const std::string& id) {
    auto started = containers().start(id);
    EXPECT_TRUE(started) << started.error().message();
  }
  std::string run(CreateRequest wanted) {
    std::string id = create(std::move(wanted));
    start(id);
    return id;
  }
  std::string run(const std::string& script) { return run(request(script)); }
  // The exit code, once it does not run.
  int wait(const std::string& id) {
    auto waiter = containers().wait(id, WaitCondition::kNotRunning);
    EXPECT_TRUE(waiter);
    if (!waiter) return -1;
    auto ended = (*waiter)->wait({});
    EXPECT_TRUE(ended) << ended.error().message();
    return ended ? ended->exit_code : -1;
  }
  int run_to_end(const std::string& script) { return wait(run(script)); }
  ContainerInfo info(const std::string& id) {
    auto found = containers().get(id);
    EXPECT_TRUE(found) << found.error().message();
    return found.value_or(ContainerInfo());
  }
  std::string logs(const std::string& id, const LogOptions& options = {}) {
    std::string out;
    Result<> read = streams().logs(id, options,
                                   [&](const LogEntry& entry) -> Result<> {
                                     out += entry.text;
                                     return {};
                                   },
                                   {});
    EXPECT_TRUE(read) << read.error().message();
    return out;
  }
  // Until the container has written `text`.
  void await_log(const std::string& id, const std::string& text) {
    CancelSource found;
    LogOptions options;
    options.follow = true;
    std::string out;
    (void)streams().logs(
        id, options,
        [&](const LogEntry& entry) -> Result<> {
          out += entry.text;
          if (out.find(text) != std::string::npos) found.cancel();
          return {};
        },
        found.token());
    EXPECT_NE(out.find(text), std::string::npos) << out;
  }

  TempDir dir_ = *TempDir::make("/tmp", "skiff-engine-test-");
  std::unique_ptr<images::ImageStore> images_;
  std::unique_ptr<network::NetworkManager> networks_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace skiff::engine::testing
