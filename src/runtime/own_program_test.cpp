#include "runtime/own_program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "sys/capabilities.h"
#include "sys/process.h"

namespace skiff::runtime {
namespace {

TEST(ShieldedProgram, RunsAndCannotBeWritten) {
  const auto program = ShieldedProgram::open("/bin/true");
  ASSERT_TRUE(program) << program.error().message();
  auto started = sys::Process::spawn({.args = {"true"}, .program = program->path()});
  ASSERT_TRUE(started) << started.error().message();
  EXPECT_EQ(*started->wait(), 0);
  EXPECT_EQ(::open(program->path().c_str(), O_WRONLY | O_CLOEXEC), -1);
  EXPECT_EQ(errno, EROFS);
}

// A daemon that may run no containers stores and serves images all the same.
TEST(ShieldedProgram, IsTheProgramItselfWhereNothingMayBeMounted) {
  const auto run_powerless = []() -> Result<int> {
    TRY(sys::set_capabilities({}));
    const auto program = TRY(ShieldedProgram::open("/bin/true"));
    auto started = TRY(sys::Process::spawn({.args = {"true"}, .program = program.path()}));
    return TRY(started.wait());
  };
  const auto run = [&] {
    const auto code = run_powerless();
    if (!code) std::fprintf(stderr, "%s\n", code.error().message().c_str());
    ::_exit(code ? *code : 1);
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(0), "");
}

TEST(ShieldedProgram, NamesTheOneThatIsMissing) {
  const auto program = ShieldedProgram::open("/nowhere/skiff-runtime");
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code(), Code::kNotFound);
  EXPECT_NE(program.error().message().find("/nowhere/skiff-runtime"), std::string::npos);
}

}  // namespace
}  // namespace skiff::runtime
