#include "base/program_pages.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <numeric>
#include <vector>

#include "base/unique_fd.h"

namespace skiff {
namespace {

// Many pages: a fault nearby maps what of them is in the kernel's cache as one piece.
constexpr std::array<unsigned char, 2 << 20> kConstants{1, 2, 3};

// How many of the constants' pages are mapped: bit 63 of each entry (proc_pid_pagemap(5)).
size_t mapped_pages() {
  const UniqueFd file(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<uint64_t> entries(kConstants.size() / page);
  const size_t first = reinterpret_cast<uintptr_t>(kConstants.data()) / page;
  const size_t bytes = entries.size() * sizeof(uint64_t);
  EXPECT_EQ(::pread(file.get(), entries.data(), bytes, first * sizeof(uint64_t)), bytes);
  size_t mapped = 0;
  for (const uint64_t entry : entries) mapped += entry >> 63;
  return mapped;
}

int sum() { return std::accumulate(kConstants.begin(), kConstants.end(), 0); }

TEST(ProgramPages, AreGivenBackAndThereAgainWhenUsed) {
  EXPECT_EQ(sum(), 6);
  const size_t used = mapped_pages();
  release_program_pages();
  EXPECT_LT(mapped_pages(), used);
  EXPECT_EQ(sum(), 6);
}

int written = 7;

TEST(ProgramPages, WhatWasWrittenStays) {
  written = 8;
  release_program_pages();
  EXPECT_EQ(written, 8);
}

}  // namespace
}  // namespace skiff
