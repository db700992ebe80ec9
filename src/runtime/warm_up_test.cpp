#include "runtime/warm_up.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"

namespace skiff::runtime {
namespace {

struct Code {
  uint64_t size = 0;
  uint64_t present = 0;
};

// KiB of this program's own code, as the kernel has it mapped.
Code code_of_this_program() {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").native();
  Code code;
  bool ours = false;
  for (const std::string& line : split(read_file("/proc/self/smaps").value(), '\n')) {
    if (line.find('-') < line.find(' ')) {
      ours = line.ends_with(program) && line.find(" r-xp ") != std::string::npos;
    }
    const auto number = [&](std::string_view name) -> uint64_t {
      if (!ours || !line.starts_with(name)) return 0;
      return parse_uint(trim(line.substr(name.size(), line.rfind(' ') - name.size()))).value_or(0);
    };
    code.size += number("Size:");
    code.present += number("Rss:");
  }
  return code;
}

TEST(WarmUp, TheProgramIsThereAsAWholeAndMayGoAgain) {
  if (::madvise(nullptr, 0, 22) != 0) GTEST_SKIP() << "the kernel has no MADV_POPULATE_READ";
  warm_up();
  const Code warm = code_of_this_program();
  EXPECT_GT(warm.size, 1000U);
  EXPECT_EQ(warm.present, warm.size);
  cool_down();
  const Code cool = code_of_this_program();
  EXPECT_LT(cool.present, cool.size);
}

}  // namespace
}  // namespace skiff::runtime
