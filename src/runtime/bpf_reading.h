// For tests: what the kernel answers to a call by a seccomp program.
#pragma once

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstring>
#include <vector>

namespace skiff::runtime::test {

inline uint32_t word_at(const seccomp_data& data, uint32_t offset) {
  uint32_t word = 0;
  std::memcpy(&word, reinterpret_cast<const char*>(&data) + offset, sizeof word);
  return word;
}

inline bool jumps(const sock_filter& step, uint32_t accumulator) {
  switch (BPF_OP(step.code)) {
    case BPF_JEQ:
      return accumulator == step.k;
    case BPF_JGT:
      return accumulator > step.k;
    case BPF_JGE:
      return accumulator >= step.k;
    default:
      return (accumulator & step.k) != 0;
  }
}

inline uint32_t answer_of(const std::vector<sock_filter>& program, const seccomp_data& data) {
  uint32_t accumulator = 0;
  for (size_t at = 0; at < program.size(); ++at) {
    const sock_filter& step = program[at];
    switch (BPF_CLASS(step.code)) {
      case BPF_LD:
        accumulator = word_at(data, step.k);
        break;
      case BPF_ALU:
        EXPECT_EQ(BPF_OP(step.code), BPF_AND);
        accumulator &= step.k;
        break;
      case BPF_JMP:
        at += BPF_OP(step.code) == BPF_JA ? step.k : jumps(step, accumulator) ? step.jt : step.jf;
        break;
      case BPF_RET:
        return step.k;
      default:
        ADD_FAILURE() << "an instruction that the test does not know: " << step.code;
        return 0;
    }
  }
  ADD_FAILURE() << "the program has no end";
  return 0;
}

}  // namespace skiff::runtime::test
