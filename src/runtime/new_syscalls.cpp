#include "runtime/new_syscalls.h"

#include <seccomp.h>

#include <cstdlib>
#include <utility>

namespace skiff::runtime {

namespace {

constexpr std::pair<std::string_view, uint32_t> kSyscalls[] = {
    {"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
    {"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
    {"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
    {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
    {"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
    {"file_setattr", 469}};

constexpr int kSearchFrom = 600;
constexpr int kFirstShared = 424;

}  // namespace

std::optional<uint32_t> new_syscall_number(std::string_view name) {
  for (const auto& [known, number] : kSyscalls) {
    if (known == name) return number;
  }
  return std::nullopt;
}

uint32_t first_unknown_syscall() {
  uint32_t native = ::seccomp_arch_native();
  for (int number = kSearchFrom; number >= kFirstShared; --number) {
    char* name = ::seccomp_syscall_resolve_num_arch(native, number);
    if (name == nullptr) continue;
    ::free(name);
    return static_cast<uint32_t>(number) + 1;
  }
  return kFirstShared;
}

}  // namespace skiff::runtime
