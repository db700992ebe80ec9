// The unpacking back end as root of a user namespace, as a rootless daemon has it: the whole suite
// passes there, with its whiteouts, opaque directories and overlays.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"
#include "sys/namespaces.h"
#include "sys/process.h"

namespace skiff::snapshot {
namespace {

// By descriptor: the way to the program may be closed to the namespace's root.
int run_suite(int program, int mapped) {
  char byte = 0;
  if (::read(mapped, &byte, 1) != 1) return 1;
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0 || ::chdir("/") != 0) return 1;
  std::string name = "snapshot_tests";
  std::string filter = "--gtest_filter=Overlay/*";
  std::string brief = "--gtest_brief=1";
  char* arguments[] = {name.data(), filter.data(), brief.data(), nullptr};
  ::fexecve(program, arguments, environ);
  return 1;
}

TEST(UserNamespace, TheUnpackingBackEndPassesItsSuite) {
  if (!sys::is_machine_root()) GTEST_SKIP() << "needs root";
  const UniqueFd program = *open_file("/proc/self/exe", O_RDONLY);
  sys::Pipe mapped = *sys::make_pipe();
  const auto child = sys::clone_process({.flags = CLONE_NEWUSER | CLONE_NEWNS}, [&] {
    return run_suite(program.get(), mapped.read.get());
  });
  if (!child) GTEST_SKIP() << child.error().message();
  for (const char* map : {"gid_map", "uid_map"}) {
    ASSERT_TRUE(write_file(cat("/proc/", child->pid, "/", map), "0 100000 2000000\n"));
  }
  ASSERT_EQ(::write(mapped.write.get(), "x", 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child->pid, &status, 0), child->pid);
  EXPECT_EQ(sys::exit_code_of(status), 0);
}

}  // namespace
}  // namespace skiff::snapshot
