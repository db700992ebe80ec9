// For tests of RUN: base:1 is a busybox tree with a few users.
#pragma once

#include <unistd.h>

#include <string>

#include "builder/build_fixture.h"

namespace skiff::builder {

class RunFixture : public BuildFixture {
 protected:
  void SetUp() override {
    if (::access("/usr/bin/busybox", X_OK) != 0) GTEST_SKIP() << "busybox is not installed";
    BuildFixture::SetUp();
    std::filesystem::create_directories(context() / "root/bin");
    std::filesystem::copy("/usr/bin/busybox", context() / "root/bin/busybox");
    for (const char* applet :
         {"sh", "cat", "echo", "id", "ls", "sleep", "test", "touch", "pwd", "env", "rm", "mkdir",
          "hostname", "ip", "find", "stat", "head", "chown", "nc"}) {
      std::filesystem::create_symlink("busybox", context() / "root/bin" / applet);
    }
    write("root/etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home:/bin/sh\n");
    write("root/etc/group", "root:x:0:\napp:x:1000:\nextra:x:2000:app\n");
    BuildRequest base = request("FROM scratch\nCOPY root /\n");
    base.tags = {*oci::Reference::parse("base:1")};
    built(base);
  }
  void TearDown() override {
    if (builder_) BuildFixture::TearDown();
  }
  // What a step printed.
  std::string output_of(const std::string& lines) {
    built(cat("FROM base:1\n", lines));
    return told_.output;
  }
};

}  // namespace skiff::builder
