#include "runtime/monitor_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <array>
#include <chrono>

#include "base/random.h"
#include "base/strings.h"
#include "codec/json.h"
#include "runtime/test_program.h"
#include "sys/cgroup.h"

namespace skiff::runtime {

namespace {

constexpr const char* kApplets[] = {"sh",   "cat",  "echo", "sleep", "head", "yes",  "seq",
                                    "stty", "tty",  "id",   "env",   "pwd",  "kill", "true",
                                    "dd",   "tr",   "ps",   "mkdir", "trap", "ls",   "printf",
                                    "wc",   "test", "grep", "cut",   "awk",  "touch"};

void make_root(const Path& root) {
  for (const char* directory : {"bin", "etc", "proc", "sys", "dev", "tmp"}) {
    std::filesystem::create_directories(root / directory);
  }
  std::filesystem::copy_file("/usr/bin/busybox", root / "bin/busybox");
  for (const char* applet : kApplets) {
    std::filesystem::create_symlink("busybox", root / "bin" / applet);
  }
  ASSERT_TRUE(write_file(root / "etc/passwd", "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/:\n"));
  ASSERT_TRUE(write_file(root / "etc/group", "root:x:0:\nuser:x:1000:\n"));
}

}  // namespace

MonitorFixture::MonitorFixture()
    : dir_(TempDir::make("/tmp", "skiff-monitor-test-").value()), id_(random_hex(16)) {
  spec_.rootfs = dir_.path() / "rootfs";
  spec_.env = {"PATH=/bin", "HOME=/"};
  spec_.hostname = "test";
  spec_.cgroup_path = cat("/skiff-test-", id_);
  program_ = test::runtime_program();
  options_.container_id = id_;
  options_.bundle = dir_.path() / "bundle";
  options_.state_dir = dir_.path() / "run";
  options_.exit_file = dir_.path() / "exit.json";
  options_.log_file = dir_.path() / "c-json.log";
  make_root(spec_.rootfs);
  std::filesystem::create_directories(options_.bundle);
}

MonitorFixture::~MonitorFixture() {
  if (auto left = MonitorClient::connect(options_.state_dir)) {
    [[maybe_unused]] auto removed = left->remove();
  }
  expect_nothing_left();
}

void MonitorFixture::write_bundle() {
  json::Value config = make_oci_config(spec_).value();
  ASSERT_TRUE(write_file(options_.bundle / "config.json", config.dump()));
}

Result<MonitorClient> MonitorFixture::try_spawn() {
  spec_.terminal = options_.terminal;
  write_bundle();
  return MonitorClient::spawn(program_, options_);
}

MonitorClient MonitorFixture::spawn() {
  auto monitor = try_spawn();
  if (!monitor) throw std::runtime_error(monitor.error().message());
  return std::move(*monitor);
}

MonitorClient MonitorFixture::run(const std::string& script) {
  set_script(script);
  MonitorClient monitor = spawn();
  Result<> started = monitor.start();
  if (!started) throw std::runtime_error(started.error().message());
  return monitor;
}

void MonitorFixture::remove(MonitorClient& monitor) {
  Result<> removed = monitor.remove();
  EXPECT_TRUE(removed) << removed.error().message();
  expect_nothing_left();
}

void MonitorFixture::expect_nothing_left() const {
  EXPECT_FALSE(std::filesystem::exists(options_.state_dir));
  auto cgroup = sys::Cgroup::open(spec_.cgroup_path);
  EXPECT_TRUE(cgroup && cgroup->members().empty()) << "cgroups are left";
  std::string mounts = read_file("/proc/self/mountinfo").value();
  EXPECT_EQ(mounts.find(dir_.path().native()), std::string::npos) << "mounts are left";
  EXPECT_TRUE(eventually([&] { return !has_monitor(); })) << "a monitor is left";
}

bool MonitorFixture::has_monitor() const {
  // The monitors carry the container's id on their command line.
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    auto text = read_file(entry.path() / "cmdline");
    if (text && text->find(id_) != std::string::npos) return true;
  }
  return false;
}

void MonitorFixture::expect_small() const {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "memory under a sanitizer is another";
#endif
  constexpr int64_t kMostKib = 150;
  const std::string pid(trim(read_file(options_.state_dir / "pid").value()));
  int64_t least = INT64_MAX;
  EXPECT_TRUE(eventually([&] {
    for (const std::string& line : split(*read_file(cat("/proc/", pid, "/smaps_rollup")), '\n')) {
      if (!line.starts_with("Private_Dirty:")) continue;
      const std::string words(trim(line.substr(line.find(':') + 1)));
      least = std::min(least, parse_int(words.substr(0, words.find(' '))).value());
    }
    return least <= kMostKib;
  })) << least
      << " KiB";
}

std::string MonitorFixture::log_text() const { return read_file(options_.log_file).value(); }

std::string MonitorFixture::logged(const char* suffix) const {
  return entries_of(options_.log_file.native() + suffix);
}

std::string MonitorFixture::entries_of(const Path& log_file) {
  std::string out;
  auto text = read_file(log_file, size_t{1} << 30U);
  if (!text) return out;
  // A line without an end is still being written.
  for (std::string_view rest = *text; rest.find('\n') != std::string_view::npos;) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    out += json::parse(line).value().string("log");
  }
  return out;
}

std::string read_stream(int fd) { return read_until(fd, {}); }

std::string read_until(int fd, std::string_view text) {
  std::string out;
  std::string buffer(64 << 10, '\0');
  for (;;) {
    if (!text.empty() && out.find(text) != std::string::npos) return out;
    ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0) return out;
    out.append(buffer, 0, static_cast<size_t>(n));
  }
}

bool write_stream(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

Streams take_frames_apart(std::string_view bytes) {
  Streams streams;
  while (!bytes.empty()) {
    if (bytes.size() < 8) {
      streams.broken = "half a header";
      break;
    }
    size_t size = 0;
    for (size_t i = 4; i < 8; ++i) size = size << 8U | static_cast<unsigned char>(bytes[i]);
    const char kind = bytes[0];
    bytes.remove_prefix(8);
    if (kind < 1 || kind > 3 || bytes.size() < size) {
      streams.broken = cat("stream ", int{kind}, ", ", size, " of ", bytes.size(), " bytes");
      break;
    }
    (kind == 1   ? streams.out
     : kind == 2 ? streams.err
                 : streams.error)
        .append(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return streams;
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

}  // namespace skiff::runtime
