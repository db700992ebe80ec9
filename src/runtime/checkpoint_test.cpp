// checkpoint and restore as commands, with a stand-in for CRIU that writes down what it is asked
// for: it "restores" a process of its own making. What the real one does is tried where it works.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "runtime/test_bundle.h"
#include "runtime/test_program.h"
#include "sys/unix_socket.h"

namespace skiff::runtime {
namespace {

using test::TestBundle;

constexpr const char* kStandIn = R"(#!/usr/bin/python3
# `criu swrk FD`: writes down what it is asked for, a line "ACTION FIELD=VALUE ..." each time.
import os, socket, struct, sys
me = sys.argv[0]
def has(what): return os.path.exists(me + "." + what)
def varint(b, at):
    value = shift = 0
    while True:
        byte = b[at]; at += 1; value |= (byte & 127) << shift; shift += 7
        if byte < 128: return value, at
def fields(b):
    at = 0
    while at < len(b):
        key, at = varint(b, at); value, at = varint(b, at)
        if key & 7 == 2: value, at = b[at:at + value], at + value
        yield key >> 3, value
def put(number, value):
    def n(v): return bytes([v & 127 | 128]) + n(v >> 7) if v > 127 else bytes([v])
    if isinstance(value, int): return n(number << 3) + n(value)
    return n(number << 3 | 2) + n(len(value)) + value
peer = socket.socket(fileno=int(sys.argv[2]))
pid = struct.unpack("iII", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
request = dict(fields(peer.recv(65536)))
action = {1: "dump", 2: "restore", 4: "pre-dump"}[request[1]]
options = list(fields(request[2]))
def text(v): return v.decode() if isinstance(v, bytes) and v.isascii() else str(v)
with open(me + ".calls", "a") as calls:
    print(action, *(f"{number}={text(value)}" for number, value in options), file=calls)
options = dict(options)
images = f"/proc/{pid}/fd/{options[1]}/"
log = open(f"/proc/{pid}/fd/{options[17]}/" + options[10].decode(), "w")
if has("dies"): sys.exit(1)
if has("fail"):
    print("(00.01) Warn  (x.c:1): nothing", file=log)
    print("(00.02) Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds", file=log)
    log.close()
    peer.send(put(1, request[1]) + put(2, 0)); sys.exit(0)
def tell(name, fds=()):
    notice = put(1, 6) + put(2, 1) + put(5, put(1, name) + put(2, 77))
    socket.send_fds(peer, [notice], fds)
    if dict(fields(peer.recv(100))).get(3) != 1: peer.send(put(1, 2) + put(2, 0)); sys.exit(0)
restored = 0
if action == "restore":
    tell(b"setup-namespaces")
    if has("terminal"): tell(b"orphan-pts-master", [os.open(me + ".terminal", os.O_RDONLY)])
    restored = int(open(me + ".pid").read()) if has("pid") else 0
if action == "dump":
    for image in ("inventory", "pstree"):
        if not has("no-" + image): open(images + image + ".img", "w").write("image")
peer.send(put(1, request[1]) + put(2, 1) + put(4, put(1, restored)))
)";

class Checkpoint : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(write_file_durably(criu(), kStandIn, 0755));
    ASSERT_EQ(::chmod(criu().c_str(), 0755), 0);
    bundle_.change = test::with_linux("maskedPaths", json::array({"/etc/secret", "/sys"}));
    ASSERT_TRUE(write_file_durably(bundle_.rootfs() / "etc/secret", "x", 0600));
    ASSERT_TRUE(bundle_.script("sleep 100").write());
    sys::Captured made = run({"run", "-d", "-b", bundle_.path().native(), bundle_.id});
    ASSERT_EQ(made.code, 0) << made.out;
  }
  void TearDown() override {
    run({"delete", "-f", bundle_.id});
    EXPECT_EQ(bundle_.traces(), "");
  }
  Path criu() const { return bundle_.scratch() / "criu"; }
  std::string images() const { return (bundle_.scratch() / "images").native(); }

  // Its output is lost: the container's is the null device, the one file of the host's that CRIU
  // finds again.
  sys::Captured run_on_null(std::vector<std::string> words) { return run(std::move(words), true); }
  sys::Captured run(std::vector<std::string> words, bool null = false) {
    words.insert(words.begin(), {"skiff-runtime", "--root", bundle_.state_root().native(), "--criu",
                                 program_.empty() ? criu().native() : program_});
    sys::ProcessOptions options{.args = std::move(words), .program = test::runtime_program()};
    UniqueFd out = *open_file(bundle_.scratch() / "out", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (!null) options.fds = {{out.get(), 1}, {out.get(), 2}};
    sys::Captured done;
    done.code = *sys::Process::spawn(options)->wait();
    done.out = *read_file(bundle_.scratch() / "out");
    return done;
  }
  std::string calls() const { return *read_file(criu().native() + ".calls"); }

  TestBundle bundle_;
  std::string program_;
};

TEST_F(Checkpoint, IsADumpWithWhatIsOutsideNamedAndRemovesTheContainer) {
  sys::Captured done = run({"checkpoint",
                            "--image-path",
                            images(),
                            "--tcp-established",
                            "--tcp-skip-in-flight",
                            "--ext-unix-sk",
                            "--shell-job",
                            "--file-locks",
                            "--link-remap",
                            "--lazy-pages",
                            "--auto-dedup",
                            "--manage-cgroups-mode",
                            "full",
                            "--empty-ns",
                            "network",
                            "--page-server",
                            "127.0.0.1:77",
                            "--status-fd",
                            "1",
                            bundle_.id});
  EXPECT_EQ(done.code, 0) << done.out;
  std::string called = calls();
  EXPECT_TRUE(called.starts_with("dump ")) << called;
  // The numbers of criu_opts.
  for (const char* words :
       {"5=1", "46=1", "4=1", "7=1", "8=1", "18=1", "48=1", "16=1", "34=4", "38=1073741824", "50=1",
        "10=dump.log", "11=\n\t127.0.0.1\x10M", "49=1", "37=mnt[/etc/secret]:/etc/secret"}) {
    EXPECT_NE(called.find(cat(" ", words)), std::string::npos) << words << " in " << called;
  }
  // A masked directory is none of the host's.
  EXPECT_EQ(called.find("mnt[/sys]"), std::string::npos) << called;
  EXPECT_EQ(called.find(" 3="), std::string::npos) << called;
  EXPECT_FALSE(std::filesystem::exists(bundle_.state_root() / bundle_.id));
}

TEST_F(Checkpoint, LeavesTheContainerWhenToldTo) {
  EXPECT_EQ(run({"checkpoint", "--image-path", images(), "--leave-running", bundle_.id}).code, 0);
  std::filesystem::create_directory(Path(images()) / "before");
  EXPECT_EQ(run({"checkpoint", "--image-path", images(), "--pre-dump", "--parent-path", "before",
                 bundle_.id})
                .code,
            0);
  std::string called = calls();
  EXPECT_NE(called.find(" 3=1"), std::string::npos) << called;
  const size_t second = called.find("\npre-dump ");
  ASSERT_NE(second, std::string::npos) << called;
  EXPECT_NE(called.find(" 14=before 15=1", second), std::string::npos) << called;
  EXPECT_NE(run({"list"}).out.find("running"), std::string::npos);
}

TEST_F(Checkpoint, RefusesWhatCannotBe) {
  for (const auto& [flag, value, says] :
       {std::tuple("--parent-path", "/abs", "must be relative"),
        std::tuple("--parent-path", "no-such", "is no directory"),
        std::tuple("--manage-cgroups-mode", "odd", "Invalid manage-cgroups-mode"),
        std::tuple("--page-server", "nowhere", "ADDRESS:PORT"),
        std::tuple("--status-fd", "77", "is no open descriptor"),
        std::tuple("--empty-ns", "pid", "is not supported")}) {
    sys::Captured done = run({"checkpoint", "--image-path", images(), flag, value, bundle_.id});
    EXPECT_EQ(done.code, 1);
    EXPECT_NE(done.out.find(says), std::string::npos) << done.out;
  }
}

TEST_F(Checkpoint, SaysWhatCriuSays) {
  ASSERT_TRUE(write_file_durably(criu().native() + ".fail", "", 0644));
  sys::Captured done = run({"checkpoint", "--image-path", images(), bundle_.id});
  EXPECT_EQ(done.code, 1);
  EXPECT_NE(done.out.find("criu dump failed: vdso: Unexpected rt vDSO area bounds ("),
            std::string::npos)
      << done.out;
  EXPECT_NE(run({"list"}).out.find("running"), std::string::npos);
  std::filesystem::remove(criu().native() + ".fail");
  ASSERT_TRUE(write_file_durably(criu().native() + ".dies", "", 0644));
  done = run({"checkpoint", "--image-path", images(), bundle_.id});
  EXPECT_NE(done.out.find("criu dump failed: CRIU has gone without a word ("), std::string::npos)
      << done.out;
  program_ = "/no/such/criu";
  done = run({"checkpoint", "--image-path", images(), bundle_.id});
  EXPECT_NE(done.out.find("checkpoints need CRIU, Debian's package criu: /no/such/criu"),
            std::string::npos)
      << done.out;
}

TEST_F(Checkpoint, IsNotDoneWithoutItsImages) {
  for (const char* image : {"inventory", "pstree"}) {
    const std::string without = cat(criu().native(), ".no-", image);
    ASSERT_TRUE(write_file_durably(without, "", 0644));
    sys::Captured done = run({"checkpoint", "--image-path", images(), bundle_.id});
    EXPECT_EQ(done.code, 1);
    EXPECT_NE(done.out.find(cat(image, ".img is not there")), std::string::npos) << done.out;
    // It is not taken for gone.
    EXPECT_NE(run({"list"}).out.find("running"), std::string::npos);
    std::filesystem::remove(without);
    std::filesystem::remove_all(images());
  }
  EXPECT_EQ(run({"checkpoint", "--image-path", images(), bundle_.id}).code, 0);
}

TEST_F(Checkpoint, ARestoreThatNamesNoProcessHasFailed) {
  ASSERT_EQ(run({"checkpoint", "--image-path", images(), bundle_.id}).code, 0);
  ASSERT_TRUE(write_file_durably(criu().native() + ".pid", "0\n", 0644));
  sys::Captured done =
      run({"restore", "-d", "--image-path", images(), "-b", bundle_.path().native(), bundle_.id});
  EXPECT_EQ(done.code, 1);
  EXPECT_NE(done.out.find("names no process"), std::string::npos) << done.out;
  EXPECT_FALSE(std::filesystem::exists(bundle_.state_root() / bundle_.id));
}

TEST_F(Checkpoint, RestoreThatFailsLeavesNothing) {
  ASSERT_EQ(run({"checkpoint", "--image-path", images(), bundle_.id}).code, 0);
  ASSERT_TRUE(write_file_durably(criu().native() + ".fail", "", 0644));
  sys::Captured done =
      run({"restore", "-d", "--image-path", images(), "-b", bundle_.path().native(), bundle_.id});
  EXPECT_EQ(done.code, 1);
  EXPECT_NE(done.out.find("criu restore failed: vdso:"), std::string::npos) << done.out;
  std::string called = calls();
  EXPECT_NE(called.find(" 26=1"), std::string::npos) << called;
  EXPECT_NE(called.find(" 37=mnt[/etc/secret]:/dev/null"), std::string::npos) << called;
  EXPECT_FALSE(std::filesystem::exists(bundle_.state_root() / bundle_.id));
}

// A container's own configuration of CRIU, the place behind a symbolic link, and the missing mount
// point of a mount in a mount.
TEST_F(Checkpoint, KnowsWhereTheMountsAre) {
  run({"delete", "-f", bundle_.id});
  const Path outside = bundle_.scratch() / "outside";
  std::filesystem::create_directories(outside);
  std::filesystem::create_directory(bundle_.rootfs() / "real");
  std::filesystem::create_symlink("/real", bundle_.rootfs() / "link");
  bundle_.spec.annotations["org.criu.config"] = "/etc/its.conf";
  bundle_.spec.binds = {{.source = outside.native(), .target = "/link"},
                        {.source = "/bin/busybox", .target = "/link/below/file"}};
  ASSERT_TRUE(bundle_.write());
  sys::Captured done = run({"run", "-d", "-b", bundle_.path().native(), bundle_.id});
  ASSERT_EQ(done.code, 0) << done.out;
  ASSERT_EQ(run({"checkpoint", "--image-path", images(), bundle_.id}).code, 0);
  std::string called = calls();
  EXPECT_NE(called.find(" 51=/etc/its.conf"), std::string::npos) << called;
  EXPECT_NE(called.find("mnt[/real/below/file]:/real/below/file"), std::string::npos) << called;
  std::filesystem::remove_all(outside / "below");
  done =
      run({"restore", "-d", "--image-path", images(), "-b", bundle_.path().native(), bundle_.id});
  EXPECT_NE(done.out.find("names no process"), std::string::npos) << done.out;
  EXPECT_NE(calls().find(cat("mnt[/real]:", outside.native(), " ")), std::string::npos) << calls();
  EXPECT_TRUE(std::filesystem::exists(outside / "below/file"));
}

TEST_F(Checkpoint, ATerminalsMasterGoesToItsSocket) {
  run({"delete", "-f", bundle_.id});
  ASSERT_TRUE(write_file_durably(criu().native() + ".terminal", "master", 0644));
  bundle_.spec.terminal = true;
  ASSERT_TRUE(bundle_.write());
  const Path path = bundle_.scratch() / "console.sock";
  UniqueFd socket = *sys::listen_unix(path);
  ASSERT_EQ(run({"run", "-d", "-b", bundle_.path().native(), "--console-socket", path.native(),
                 bundle_.id})
                .code,
            0);
  ::close(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_EQ(run({"checkpoint", "--image-path", images(), bundle_.id}).code, 0);
  const std::vector<std::string> restore = {
      "restore",          "-d",          "--image-path", images(), "-b", bundle_.path().native(),
      "--console-socket", path.native(), bundle_.id};
  EXPECT_NE(run(restore).out.find("names no process"), std::string::npos);
  UniqueFd connection(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
  UniqueFd master = *sys::receive_fd(connection.get());
  std::array<char, 16> text{};
  ASSERT_EQ(::read(master.get(), text.data(), text.size()), 6);
  EXPECT_STREQ(text.data(), "master");
  EXPECT_NE(
      run({"restore", "-d", "--image-path", images(), "-b", bundle_.path().native(), bundle_.id})
          .out.find("console"),
      std::string::npos);
}

TEST_F(Checkpoint, TakesAPausedOne) {
  ASSERT_EQ(run({"pause", bundle_.id}).code, 0);
  const sys::Captured done = run({"checkpoint", "--image-path", images(), bundle_.id});
  EXPECT_EQ(done.code, 0) << done.out;
  EXPECT_EQ(bundle_.traces(), "");
}

// As at a creation, once the namespaces are there.
TEST_F(Checkpoint, HooksRunAtTheRestore) {
  const Path said = bundle_.scratch() / "said";
  bundle_.change = [&](json::Value& config) {
    json::Value hook = json::object(
        {{"path", "/bin/sh"},
         {"args", json::array({"sh", "-c", cat("grep -o 'pid\":77' >>", said.native())})}});
    config.set("hooks", json::object({{"prestart", json::array({hook})},
                                      {"createRuntime", json::array({hook})}}));
  };
  ASSERT_EQ(run({"checkpoint", "--image-path", images(), bundle_.id}).code, 0);
  ASSERT_TRUE(bundle_.write());
  run({"restore", "-d", "--image-path", images(), "-b", bundle_.path().native(), bundle_.id});
  EXPECT_EQ(*read_file(said), "pid\":77\npid\":77\n");
}

// With the real one, where it works on this kernel: the program counts on from where it was.
TEST_F(Checkpoint, GoesOnAfterARestore) {
  const char* named = ::getenv("SKIFF_CRIU");
  program_ = named == nullptr ? "criu" : named;
  auto checked = sys::run_captured({.args = {program_, "check"}});
  if (!checked || checked->code != 0) GTEST_SKIP() << "no CRIU that works on this kernel";
  run({"delete", "-f", bundle_.id});
  bundle_.change = [](json::Value& config) {
    json::Array kept;
    for (const json::Value& entry : config.find("linux")->array("namespaces")) {
      if (entry.string("type") != "network") kept.push_back(entry);
    }
    test::with_linux("namespaces", std::move(kept))(config);
    test::with_linux("sysctl", json::object())(config);
  };
  bundle_.script("i=7; read -r line </tmp/first; echo $i $line >/tmp/said; sleep 100");
  ASSERT_TRUE(bundle_.write());
  ASSERT_EQ(::mkfifo((bundle_.rootfs() / "tmp/first").c_str(), 0600), 0);
  sys::Captured done = run_on_null({"run", "-d", "-b", bundle_.path().native(), bundle_.id});
  ASSERT_EQ(done.code, 0) << done.out;
  done = run({"checkpoint", "--image-path", images(), bundle_.id});
  ASSERT_EQ(done.code, 0) << done.out;
  done = run_on_null(
      {"restore", "-d", "--image-path", images(), "-b", bundle_.path().native(), bundle_.id});
  ASSERT_EQ(done.code, 0) << done.out;
  UniqueFd first = *open_file(bundle_.rootfs() / "tmp/first", O_WRONLY);
  ASSERT_EQ(::write(first.get(), "on\n", 3), 3);
  first.reset();
  Path said = bundle_.rootfs() / "tmp/said";
  std::string text;
  for (int tries = 0; tries < 500 && !text.ends_with('\n'); ++tries) {
    text = read_file(said).value_or("");
    ::poll(nullptr, 0, 10);
  }
  EXPECT_EQ(text, "7 on\n");
}

}  // namespace
}  // namespace skiff::runtime
