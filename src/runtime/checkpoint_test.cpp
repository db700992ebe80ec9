// checkpoint and restore as commands, with a stand-in for CRIU that writes down how it is called:
// it "restores" a process of its own making. What the real one does is tried where it works.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "runtime/test_bundle.h"
#include "runtime/test_program.h"

namespace skiff::runtime {
namespace {

using test::TestBundle;

constexpr const char* kStandIn = R"(#!/bin/sh
echo "$@" >>"$0.calls"
action=$1
while [ "$1" ]; do case $1 in --images-dir) images=$2 ;; --work-dir) work=$2 ;; --log-file) log=$2 ;; --pidfile) pidfile=$2 ;; esac; shift; done
[ ! -e "$0.fail" ] || {
  echo "(00.01) Warn  (x.c:1): nothing" >"$work/$log"
  echo "(00.02) Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds" >>"$work/$log"
  exit 1
}
[ ! -e "$0.pid" ] || cat "$0.pid" >"$pidfile"
echo "(00.03) Dumping finished successfully" >"$work/$log"
[ $action != dump ] || for image in inventory pstree; do
  [ -e "$0.no-$image" ] || echo image >"$images/$image.img"
done
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
  sys::Captured done =
      run({"checkpoint", "--image-path", images(), "--tcp-established", "--file-locks",
           "--manage-cgroups-mode", "ignore", "--empty-ns", "network", bundle_.id});
  EXPECT_EQ(done.code, 0) << done.out;
  std::string called = calls();
  EXPECT_TRUE(called.starts_with("dump ")) << called;
  for (const char* words : {"--tcp-established", "--file-locks", "--manage-cgroups=ignore",
                            "--empty-ns net", "--external mnt[/etc/secret]:/etc/secret"}) {
    EXPECT_NE(called.find(words), std::string::npos) << words << " in " << called;
  }
  // A masked directory is none of the host's.
  EXPECT_EQ(called.find("mnt[/sys]"), std::string::npos) << called;
  EXPECT_FALSE(std::filesystem::exists(bundle_.state_root() / bundle_.id));
  EXPECT_EQ(*read_file(Path(images()) / "masked.json"), "[\"/etc/secret\"]");
}

TEST_F(Checkpoint, LeavesTheContainerWhenToldTo) {
  EXPECT_EQ(run({"checkpoint", "--image-path", images(), "--leave-running", bundle_.id}).code, 0);
  std::filesystem::create_directory(Path(images()) / "before");
  EXPECT_EQ(run({"checkpoint", "--image-path", images(), "--pre-dump", "--parent-path", "before",
                 bundle_.id})
                .code,
            0);
  std::string called = calls();
  EXPECT_NE(called.find("--leave-running\npre-dump "), std::string::npos) << called;
  EXPECT_NE(called.find("--prev-images-dir before --track-mem"), std::string::npos) << called;
  EXPECT_NE(run({"list"}).out.find("running"), std::string::npos);
}

TEST_F(Checkpoint, RefusesWhatCannotBe) {
  for (const auto& [flag, value, says] :
       {std::tuple("--parent-path", "/abs", "must be relative"),
        std::tuple("--parent-path", "no-such", "is no directory"),
        std::tuple("--manage-cgroups-mode", "odd", "Invalid manage-cgroups-mode"),
        std::tuple("--page-server", "nowhere", "ADDRESS:PORT"),
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
  EXPECT_NE(done.out.find("criu dump ended with 1: vdso: Unexpected rt vDSO area bounds ("),
            std::string::npos)
      << done.out;
  EXPECT_NE(run({"list"}).out.find("running"), std::string::npos);
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
  EXPECT_NE(done.out.find("criu restore ended with 1: vdso:"), std::string::npos) << done.out;
  std::string called = calls();
  EXPECT_NE(called.find("--restore-detached --restore-sibling"), std::string::npos) << called;
  EXPECT_NE(called.find("--external mnt[/etc/secret]:/dev/null"), std::string::npos) << called;
  EXPECT_FALSE(std::filesystem::exists(bundle_.state_root() / bundle_.id));
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
