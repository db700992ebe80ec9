// seam.so: preloaded into a daemon, counts the system calls with which it changes the file system
// of its store, over all of its threads, and makes the n-th of them fatal.
//
// The file that CRASH_SEAM names is mapped shared with the harness (harness/seam.py has the same
// layout): it says what to count and what to do at call `at`, and tells how far it came. Nothing
// is counted before `armed` is set. strace could inject the same, but counts for each thread apart.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/types.h>
#include <signal.h>
#include <unistd.h>

enum kind { kWrite, kSync, kRename, kCreate, kUnlink, kKinds };
enum action { kCount, kKill, kPowerCut, kFailOnce, kFailFromThere };

struct control {
  uint64_t device;  // st_dev of the store's file system
  uint64_t at;      // 1 is the first call
  _Atomic uint64_t counted;
  _Atomic uint64_t by_kind[kKinds];
  _Atomic uint32_t armed;
  uint32_t kinds;  // bits of what counts towards `at`
  uint32_t action;
  int32_t error;  // errno of the failing actions
  char root[256];   // the mount point of the store
  char fired[512];  // the call that was hit, in words
};

static struct control* control;
static pid_t owner;

__attribute__((constructor)) static void map_control(void) {
  const char* file = getenv("CRASH_SEAM");
  if (file == NULL || strncmp(program_invocation_short_name, "skiff", 5) != 0) return;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) return;
  void* at = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (at == MAP_FAILED) return;
  owner = (pid_t)syscall(SYS_getpid);
  control = at;
}

// What is in the journal's memory only is gone, and every later write fails: EXT4_IOC_SHUTDOWN
// with EXT4_GOING_FLAGS_NOLOGFLUSH.
static void cut_power(void) {
  uint32_t no_log_flush = 2;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, control->root, O_RDONLY | O_DIRECTORY, 0);
  syscall(SYS_ioctl, fd, _IOR('X', 125, uint32_t), &no_log_flush);
}

static void die(void) {
  syscall(SYS_kill, owner, SIGKILL);
  for (;;) syscall(SYS_pause);
}

// Counts a call. Returns 0 where it may go on, else the errno that it ends with.
static int passes(enum kind kind, const char* name, const char* what) {
  if (!((control->kinds >> kind) & 1U)) return 0;
  uint64_t n = atomic_fetch_add(&control->counted, 1) + 1;
  atomic_fetch_add(&control->by_kind[kind], 1);
  int hit = n == control->at || (control->action == kFailFromThere && n > control->at);
  if (!hit || control->action == kCount) return 0;
  if (n == control->at) snprintf(control->fired, sizeof control->fired, "%s %s", name, what);
  if (control->action == kPowerCut) cut_power();
  if (control->action == kKill || control->action == kPowerCut) die();
  return control->error;
}

static int on_duty(void) {
  return control != NULL && atomic_load(&control->armed) != 0 && (pid_t)syscall(SYS_getpid) == owner;
}

static int fd_is_ours(int fd, int only_files) {
  struct stat st;
  if (syscall(SYS_fstat, fd, &st) != 0 || st.st_dev != control->device) return 0;
  return !only_files || S_ISREG(st.st_mode);
}

static int path_is_ours(int directory, const char* path) {
  if (path == NULL) return 0;
  if (path[0] == '/') return strncmp(path, control->root, strlen(control->root)) == 0;
  return directory != AT_FDCWD && fd_is_ours(directory, 0);
}

static const char* fd_name(int fd, char* buffer) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = syscall(SYS_readlink, link, buffer, PATH_MAX - 1);
  buffer[n < 0 ? 0 : n] = '\0';
  return buffer;
}

static int fails_fd(enum kind kind, const char* name, int fd, int only_files) {
  char buffer[PATH_MAX];
  if (!on_duty() || !fd_is_ours(fd, only_files)) return 0;
  return passes(kind, name, fd_name(fd, buffer));
}

static int fails_path(enum kind kind, const char* name, int directory, const char* path) {
  if (!on_duty() || !path_is_ours(directory, path)) return 0;
  return passes(kind, name, path);
}

#define NEXT(name) \
  static __typeof__(&name) next; \
  if (next == NULL) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define GUARD(check) \
  do { \
    int failure_ = check; \
    if (failure_ != 0) { \
      errno = failure_; \
      return -1; \
    } \
  } while (0)

// name(fd, ...) of a regular file of the store.
#define ON_FILE(result, kind, name, parameters, arguments) \
  result name parameters { \
    NEXT(name); \
    GUARD(fails_fd(kind, #name, fd, 1)); \
    return next arguments; \
  }
// name(fd) of a file or directory.
#define ON_ANY(kind, name) \
  int name(int fd) { \
    NEXT(name); \
    GUARD(fails_fd(kind, #name, fd, 0)); \
    return next(fd); \
  }
// name(..., path, ...) relative to `directory`.
#define ON_PATH(kind, name, directory, path, parameters, arguments) \
  int name parameters { \
    NEXT(name); \
    GUARD(fails_path(kind, #name, directory, path)); \
    return next arguments; \
  }

ON_FILE(ssize_t, kWrite, write, (int fd, const void* data, size_t n), (fd, data, n))
ON_FILE(ssize_t, kWrite, pwrite, (int fd, const void* data, size_t n, off_t at), (fd, data, n, at))
ON_FILE(ssize_t, kWrite, pwrite64, (int fd, const void* data, size_t n, off64_t at),
        (fd, data, n, at))
ON_FILE(ssize_t, kWrite, writev, (int fd, const struct iovec* v, int n), (fd, v, n))
ON_FILE(ssize_t, kWrite, pwritev, (int fd, const struct iovec* v, int n, off_t at), (fd, v, n, at))
ON_FILE(int, kWrite, ftruncate, (int fd, off_t size), (fd, size))
ON_FILE(int, kWrite, ftruncate64, (int fd, off64_t size), (fd, size))
ON_FILE(int, kWrite, fallocate, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
ON_FILE(ssize_t, kWrite, sendfile, (int fd, int from, off_t* at, size_t n), (fd, from, at, n))
ON_FILE(ssize_t, kWrite, copy_file_range,
        (int from, off64_t* from_at, int fd, off64_t* at, size_t n, unsigned flags),
        (from, from_at, fd, at, n, flags))

ON_ANY(kSync, fsync)
ON_ANY(kSync, fdatasync)
ON_ANY(kSync, syncfs)

ON_PATH(kRename, rename, AT_FDCWD, to, (const char* from, const char* to), (from, to))
ON_PATH(kRename, renameat, to_dir, to, (int from_dir, const char* from, int to_dir, const char* to),
        (from_dir, from, to_dir, to))
ON_PATH(kRename, renameat2, to_dir, to,
        (int from_dir, const char* from, int to_dir, const char* to, unsigned flags),
        (from_dir, from, to_dir, to, flags))
ON_PATH(kCreate, link, AT_FDCWD, to, (const char* from, const char* to), (from, to))
ON_PATH(kCreate, linkat, to_dir, to,
        (int from_dir, const char* from, int to_dir, const char* to, int flags),
        (from_dir, from, to_dir, to, flags))
ON_PATH(kCreate, mkdir, AT_FDCWD, path, (const char* path, mode_t mode), (path, mode))
ON_PATH(kCreate, mkdirat, dir, path, (int dir, const char* path, mode_t mode), (dir, path, mode))
ON_PATH(kCreate, mknodat, dir, path, (int dir, const char* path, mode_t mode, dev_t device),
        (dir, path, mode, device))
ON_PATH(kCreate, symlinkat, dir, path, (const char* to, int dir, const char* path), (to, dir, path))
ON_PATH(kUnlink, unlink, AT_FDCWD, path, (const char* path), (path))
ON_PATH(kUnlink, unlinkat, dir, path, (int dir, const char* path, int flags), (dir, path, flags))
ON_PATH(kUnlink, rmdir, AT_FDCWD, path, (const char* path), (path))
ON_PATH(kUnlink, remove, AT_FDCWD, path, (const char* path), (path))

static int creates(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

#define ON_OPEN(name, directory, parameters, before_flags) \
  int name parameters { \
    NEXT(name); \
    mode_t mode = 0; \
    if (creates(flags)) { \
      va_list list; \
      va_start(list, flags); \
      mode = va_arg(list, mode_t); \
      va_end(list); \
      GUARD(fails_path(kCreate, #name, directory, path)); \
    } \
    return next before_flags; \
  }
ON_OPEN(open, AT_FDCWD, (const char* path, int flags, ...), (path, flags, mode))
ON_OPEN(open64, AT_FDCWD, (const char* path, int flags, ...), (path, flags, mode))
ON_OPEN(openat, dir, (int dir, const char* path, int flags, ...), (dir, path, flags, mode))
ON_OPEN(openat64, dir, (int dir, const char* path, int flags, ...), (dir, path, flags, mode))

// openat2 has no function in the C library.
long syscall(long number, ...) {
  static __typeof__(&syscall) next;
  if (next == NULL) next = (__typeof__(&syscall))dlsym(RTLD_NEXT, "syscall");
  long a[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; ++i) a[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_openat2 && creates((int)((const struct open_how*)a[2])->flags)) {
    GUARD(fails_path(kCreate, "openat2", (int)a[0], (const char*)a[1]));
  }
  return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
