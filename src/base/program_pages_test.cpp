#include "base/program_pages.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <numeric>

#include "base/unique_fd.h"

namespace skiff {
namespace {

constexpr size_t kPage = 4096;
// Many: a fault nearby maps what of them is in the kernel's cache as one piece.
alignas(kPage) constexpr std::array<unsigned char, 512 * kPage> kConstants{1, 2, 3};

// How many of the constants' pages are mapped: bit 63 of each entry (proc_pid_pagemap(5)).
size_t mapped_pages() {
  const UniqueFd file(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  std::array<uint64_t, kConstants.size() / kPage> entries{};
  const auto first = reinterpret_cast<uintptr_t>(kConstants.data()) / kPage;
  EXPECT_EQ(::pread(file.get(), entries.data(), sizeof entries, first * sizeof(uint64_t)),
            static_cast<ssize_t>(sizeof entries));
  size_t mapped = 0;
  for (const uint64_t entry : entries) mapped += entry >> 63;
  return mapped;
}

int sum() { return std::accumulate(kConstants.begin(), kConstants.end(), 0); }

TEST(ProgramPages, AreGivenBackAndThereAgainWhenUsed) {
  EXPECT_EQ(sum(), 6);
  EXPECT_EQ(mapped_pages(), kConstants.size() / kPage);
  release_program_pages();
  EXPECT_LT(mapped_pages(), kConstants.size() / kPage);
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
