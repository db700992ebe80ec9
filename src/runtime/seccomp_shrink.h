// Makes a seccomp program smaller that gives every call the same answer.
//
// The kernel translates, checks and tries out a filter for every container that starts, which takes
// as long as the filter has instructions; libseccomp compares with every number by itself, once for
// each architecture. What a program of this shape decides is, for each architecture, a list of
// ranges of numbers and what becomes of a call in it: an answer, or a look at its arguments. These
// are found by following the program, and written down anew as a tree over the ranges. Parts that
// are the same, in whatever architecture, are there once.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace skiff::runtime {

// `program` itself where it does something else than loading words of seccomp_data, comparing and
// masking them, or asks for the number or the architecture again after an argument.
std::vector<sock_filter> shrink_seccomp(std::vector<sock_filter> program);

}  // namespace skiff::runtime
