#include "runtime/builtin_filters.h"

#include <iterator>

namespace skiff::runtime {

namespace {

// Written by generate/make_builtin_filters.cpp: kIdentity, kFlags, kProgram.
#include "builtin_filters.inc"

}  // namespace

std::optional<SeccompFilter> find_builtin_filter(std::string_view identity) {
  if (identity != kIdentity) return std::nullopt;
  return SeccompFilter{.program = {std::begin(kProgram), std::end(kProgram)}, .flags = kFlags};
}

}  // namespace skiff::runtime
