#include "runtime/seccomp_cache.h"

#include <gtest/gtest.h>

#include <cstring>

#include "runtime/builtin_filters.h"
#include "runtime/default_capabilities.h"
#include "runtime/seccomp_profile.h"

namespace skiff::runtime {
namespace {

bool same(const SeccompFilter& a, const SeccompFilter& b) {
  return a.flags == b.flags && a.program.size() == b.program.size() &&
         std::memcmp(a.program.data(), b.program.data(), a.program.size() * sizeof(sock_filter)) ==
             0;
}

class SeccompCacheTest : public testing::Test {
 protected:
  static json::Value profile(int answer) {
    json::Value rule = json::object({{"names", std::vector<std::string>{"chroot", "mount"}},
                                     {"action", "SCMP_ACT_ERRNO"},
                                     {"errnoRet", answer}});
    return json::object({{"defaultAction", "SCMP_ACT_ALLOW"},
                         {"flags", std::vector<std::string>{"SECCOMP_FILTER_FLAG_LOG"}},
                         {"syscalls", json::Array{std::move(rule)}}});
  }
  SeccompFilter get(const json::Value& seccomp) const {
    auto filter = cache_.get(seccomp);
    EXPECT_TRUE(filter);
    return *filter;
  }
  std::vector<Path> files() const {
    std::vector<Path> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      found.push_back(entry.path());
    }
    return found;
  }

  TempDir temp_ = *TempDir::make("/tmp", "skiff-seccomp-");
  Path directory_ = temp_.path() / "seccomp";
  SeccompCache cache_{directory_};
};

TEST_F(SeccompCacheTest, DockersDefaultProfileIsBuiltIn) {
  const json::Value profile = *make_oci_seccomp("", default_capabilities());
  const auto builtin = find_builtin_filter(seccomp_identity(profile));
  ASSERT_TRUE(builtin);
  EXPECT_TRUE(same(*builtin, *compile_seccomp(profile)));
  EXPECT_TRUE(same(get(profile), *builtin));
  EXPECT_FALSE(std::filesystem::exists(directory_));
}

TEST_F(SeccompCacheTest, WithoutAWordOnFlagsSpeculationIsAllowed) {
  json::Value silent = profile(1);
  silent.make_object().erase("flags");
  EXPECT_EQ(compile_seccomp(silent)->flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  silent.set("flags", json::array({}));
  EXPECT_EQ(compile_seccomp(silent)->flags, 0U);
}

TEST_F(SeccompCacheTest, WhatIsCompiledIsKept) {
  EXPECT_TRUE(same(get(profile(1)), *compile_seccomp(profile(1))));
  ASSERT_EQ(files().size(), 1u);
  // It is the file that is used: its last instruction says so.
  std::string bytes = *read_file(files()[0]);
  bytes.back() ^= 1;
  ASSERT_TRUE(write_file(files()[0], bytes));
  EXPECT_FALSE(same(get(profile(1)), *compile_seccomp(profile(1))));
  EXPECT_TRUE(same(get(profile(2)), *compile_seccomp(profile(2))));
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(SeccompCacheTest, AFileOfAnotherProfileIsMadeAgain) {
  const SeccompFilter first = get(profile(1));
  const Path file = files()[0];
  const std::string whole = *read_file(file);
  std::string other = whole;
  other[20] ^= 1;
  for (const std::string& bytes : {std::string(), whole.substr(0, 30), other}) {
    ASSERT_TRUE(write_file(file, bytes));
    EXPECT_TRUE(same(get(profile(1)), first));
    EXPECT_EQ(*read_file(file), whole);
  }
}

TEST_F(SeccompCacheTest, WithoutAPlaceItIsCompiled) {
  ASSERT_TRUE(write_file(directory_, "no directory"));
  EXPECT_TRUE(same(get(profile(1)), *compile_seccomp(profile(1))));
  EXPECT_TRUE(same(*SeccompCache("").get(profile(1)), *compile_seccomp(profile(1))));
}

TEST_F(SeccompCacheTest, ARefusedProfileIsRefused) {
  EXPECT_FALSE(cache_.get(json::object({{"defaultAction", "SCMP_ACT_MAYBE"}})));
}

}  // namespace
}  // namespace skiff::runtime
