// What run_from_readonly_mount() does, before there is a C library: as the static program's entry
// point. Setting up the C library reads the processor's description, which on a virtual machine
// traps some dozen times, as long as everything else that starting a program takes; a process that
// is to execute itself anew need not pay that twice. Where it does not succeed it does nothing:
// then the program starts as any other, tries again, and tells why.
//
// Nothing here may use the C library, thread-local storage or an indirect function.
#if defined(__x86_64__)

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

// The stack at a program's start: the number of arguments, these, 0, the environment, 0.
extern "C" [[gnu::used]] void skiff_shield(long* stack);

// The stack pointer is a multiple of 16 here, and rdx is _start's as well.
asm(R"(
  .globl skiff_entry
  .type skiff_entry, @function
skiff_entry:
  mov %rsp, %rdi
  push %rdx
  sub $8, %rsp
  call skiff_shield
  add $8, %rsp
  pop %rdx
  jmp _start
)");

namespace {

constexpr const char* kOwnProgram = "/proc/self/exe";
constexpr long kReadOnly = 1;  // ST_RDONLY, in statfs as in statvfs

long call(long number, long a, long b, long c = 0, long d = 0, long e = 0) {
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  long result = number;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return result;
}

template <typename T>
long address(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

bool same(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}

// The commands that enter containers; a word that only looks like one costs an execve.
bool enters_containers(char** arguments) {
  for (char** argument = arguments; *argument != nullptr; ++argument) {
    if (same(*argument, "create") || same(*argument, "run") || same(*argument, "exec")) return true;
  }
  return false;
}

bool is_on_readonly_mount() {
  struct statfs info;  // not cleared: that may call memset, which is an indirect function
  info.f_flags = 0;
  return call(SYS_statfs, address(kOwnProgram), address(&info)) == 0 &&
         (info.f_flags & kReadOnly) != 0;
}

}  // namespace

void skiff_shield(long* stack) {
  char** arguments = reinterpret_cast<char**>(stack + 1);
  char** environment = arguments + *stack + 1;
  if (!enters_containers(arguments) || is_on_readonly_mount()) return;
  const long mount =
      call(SYS_open_tree, AT_FDCWD, address(kOwnProgram), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (mount < 0) return;
  mount_attr change = {};
  change.attr_set = MOUNT_ATTR_RDONLY;
  change.propagation = 1U << 18U;  // MS_PRIVATE
  if (call(SYS_mount_setattr, mount, address(""), AT_EMPTY_PATH, address(&change), sizeof change) ==
      0) {
    call(SYS_execveat, mount, address(""), address(arguments), address(environment), AT_EMPTY_PATH);
  }
  call(SYS_close, mount, 0);
}

#endif
