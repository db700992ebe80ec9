#include "cli/build_preface.h"

#include <gtest/gtest.h>

namespace skiff::cli {
namespace {

TEST(BuildPreface, AddressesAreToldFromDirectories) {
  for (const char* address :
       {"http://h/a", "https://h/a.git", "git://h/a", "ssh://git@h/a", "git@h:a.git",
        "git+https://h/a", "git+ssh://git@h/a", "git+git@h:a.git", "github.com/owner/name"}) {
    EXPECT_TRUE(is_remote(address)) << address;
  }
  for (const char* directory : {".", "git", "git+tools", "git+", "gitlab", "a/git@b"}) {
    EXPECT_FALSE(is_remote(directory)) << directory;
  }
}

}  // namespace
}  // namespace skiff::cli
