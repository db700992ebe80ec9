#include "runtime/seccomp_shrink.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <random>

#include "base/io.h"
#include "base/unique_fd.h"
#include "runtime/bpf_reading.h"
#include "runtime/default_capabilities.h"
#include "runtime/seccomp_filter.h"
#include "runtime/seccomp_profile.h"

namespace skiff::runtime {
namespace {

using Program = std::vector<sock_filter>;
using test::answer_of;

constexpr uint32_t kNumber = offsetof(seccomp_data, nr);
constexpr uint32_t kArchitecture = offsetof(seccomp_data, arch);
constexpr uint32_t kX32 = 0x40000000;

sock_filter load(uint32_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset); }
sock_filter answer(uint32_t value) { return BPF_STMT(BPF_RET | BPF_K, value); }
sock_filter equal(uint32_t value, uint8_t yes, uint8_t no) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
}

seccomp_data call(uint32_t architecture, uint32_t number, uint64_t argument) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = architecture;
  for (auto& each : data.args) each = argument;
  return data;
}

// Each number of two thousand, of the second row of x86_64's, and the last ones.
void expect_same(const Program& one, const Program& other, const std::vector<uint64_t>& arguments) {
  for (uint32_t architecture :
       {uint32_t{AUDIT_ARCH_X86_64}, uint32_t{AUDIT_ARCH_I386}, uint32_t{AUDIT_ARCH_AARCH64}, 0U}) {
    for (uint32_t base : {0U, kX32, UINT32_MAX - 1999}) {
      for (uint32_t i = 0; i < 2000; ++i) {
        for (uint64_t argument : arguments) {
          const seccomp_data data = call(architecture, base + i, argument);
          ASSERT_EQ(answer_of(one, data), answer_of(other, data))
              << std::hex << architecture << " " << base + i << " " << argument;
        }
      }
    }
  }
}

// A filter as libseccomp alone writes it: some calls allowed, some by an argument, some refused in
// another way than the default's.
Program library_program(std::mt19937& random, int level) {
  const std::unique_ptr<void, decltype(&::seccomp_release)> context(
      ::seccomp_init(SCMP_ACT_ERRNO(1)), ::seccomp_release);
  ::seccomp_arch_add(context.get(), SCMP_ARCH_X86);
  ::seccomp_arch_add(context.get(), SCMP_ARCH_X32);
  ::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, static_cast<uint32_t>(level));
  for (int number = 0; number < 330; ++number) {
    switch (random() % 8) {
      case 0:
        ::seccomp_rule_add(context.get(), SCMP_ACT_ERRNO(38), number, 0);
        break;
      case 1:
        ::seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, number, 2,
                           SCMP_A0(SCMP_CMP_MASKED_EQ, 0x7e020000, 0), SCMP_A2(SCMP_CMP_GE, 8));
        break;
      case 2:
        ::seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, number, 1, SCMP_A1(SCMP_CMP_NE, 40));
        break;
      case 3:
        break;
      default:
        ::seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, number, 0);
    }
  }
  const UniqueFd file(::memfd_create("filter", 0));
  EXPECT_EQ(::seccomp_export_bpf(context.get(), file.get()), 0);
  ::lseek(file.get(), 0, SEEK_SET);
  FdSource source(file.get());
  const std::string bytes = *read_all(source, size_t{1} << 20U);
  Program program(bytes.size() / sizeof(sock_filter));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(program.data()));
  return program;
}

TEST(SeccompShrink, EveryCallIsAnsweredAsBefore) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    std::mt19937 random(seed);
    const Program program = library_program(random, seed % 2 == 0 ? 2 : 1);
    const Program smaller = shrink_seccomp(program);
    EXPECT_LT(smaller.size(), program.size());
    expect_same(program, smaller,
                {0, 8, 40, 41, 0x20000, 0x7e020000, uint64_t{40} << 32U | 40, ~uint64_t{0}});
  }
}

TEST(SeccompShrink, DockersProfileIsAThirdOfItsSize) {
  const auto filter = compile_seccomp(*make_oci_seccomp("", default_capabilities()));
  ASSERT_TRUE(filter);
#if defined(__x86_64__)
  EXPECT_LT(filter->program.size(), 420U);
#endif
}

TEST(SeccompShrink, WhatItDoesNotFollowStays) {
  // The number once more after an argument; a sum; a bit of the number.
  const std::vector<Program> programs{
      {load(16), equal(1, 0, 1), answer(1), load(kNumber), equal(5, 0, 1), answer(2), answer(3)},
      {load(kNumber), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1), equal(1, 0, 1), answer(1), answer(2)},
      {load(kNumber), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 1), answer(1), answer(2)}};
  for (const Program& program : programs) {
    const Program same = shrink_seccomp(program);
    ASSERT_EQ(same.size(), program.size());
    EXPECT_EQ(std::memcmp(same.data(), program.data(), same.size() * sizeof(sock_filter)), 0);
  }
}

TEST(SeccompShrink, JumpsThatLeadTooFarAreTakenInTwo) {
  // Four hundred numbers that do not lie side by side, each with an argument of its own to look at.
  Program program{load(kArchitecture), equal(AUDIT_ARCH_X86_64, 1, 0), answer(7), load(kNumber)};
  for (uint32_t i = 0; i < 400; ++i) {
    const Program part{load(kNumber),  equal(i * 3, 0, 4), load(16 + i % 6 * 8),
                       equal(i, 0, 1), answer(i),          answer(1000 + i)};
    program.insert(program.end(), part.begin(), part.end());
  }
  program.push_back(answer(9));
  const Program smaller = shrink_seccomp(program);
  EXPECT_LT(smaller.size(), program.size());
  expect_same(program, smaller, {0, 1, 299});
}

}  // namespace
}  // namespace skiff::runtime
