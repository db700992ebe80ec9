// blocklog DISK LOG MOUNTPOINT: serves DISK as the file MOUNTPOINT/disk over /dev/fuse, and appends
// each write and each flush to LOG before it is answered. A loop device over that file gives a disk
// whose every state is known: DISK as it was, and the log up to any record.
//
// A record is its head (offset, length, kind: three little-endian u64) and, of a write, the bytes.
// Prints "ready" when mounted; ends when the file system is unmounted.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kWrite = 0, kFlush = 1 };
enum { kRoot = FUSE_ROOT_ID, kFile = 2, kMaxWrite = 1 << 20 };

static int disk, log_file, fuse;
static struct stat disk_stat;

static void fail(const char* what) {
  fprintf(stderr, "blocklog: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void record(uint64_t offset, uint64_t length, uint64_t kind, const void* bytes) {
  uint64_t head[3] = {offset, length, kind};
  struct iovec parts[2] = {{head, sizeof head}, {(void*)bytes, bytes != NULL ? length : 0}};
  ssize_t want = (ssize_t)(parts[0].iov_len + parts[1].iov_len);
  if (writev(log_file, parts, 2) != want) fail("write the log");
}

static void reply(uint64_t unique, int error, const void* body, size_t size) {
  struct fuse_out_header head = {
      .len = (uint32_t)(sizeof head + size), .error = error, .unique = unique};
  struct iovec parts[2] = {{&head, sizeof head}, {(void*)body, size}};
  // ENOENT: whoever asked was interrupted.
  if (writev(fuse, parts, 2) < 0 && errno != ENOENT) fail("answer");
}

static struct fuse_attr attributes(uint64_t node) {
  struct fuse_attr out = {.ino = node, .nlink = 1, .mode = S_IFDIR | 0700, .blksize = 4096};
  if (node == kFile) {
    out.mode = S_IFREG | 0600;
    out.size = (uint64_t)disk_stat.st_size;
    out.blocks = out.size / 512;
  }
  return out;
}

static void init(uint64_t unique, const struct fuse_init_in* in) {
  struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
                              .minor = FUSE_KERNEL_MINOR_VERSION,
                              .max_readahead = in->max_readahead,
                              .flags = in->flags & (FUSE_BIG_WRITES | FUSE_MAX_PAGES),
                              .max_background = 16,
                              .congestion_threshold = 12,
                              .max_write = kMaxWrite,
                              .max_pages = kMaxWrite / 4096,
                              .time_gran = 1};
  reply(unique, 0, &out, sizeof out);
}

static void lookup(uint64_t unique, const char* name) {
  struct fuse_entry_out out = {
      .nodeid = kFile, .entry_valid = 3600, .attr_valid = 3600, .attr = attributes(kFile)};
  if (strcmp(name, "disk") != 0) return reply(unique, -ENOENT, NULL, 0);
  reply(unique, 0, &out, sizeof out);
}

static void get_attributes(uint64_t unique, uint64_t node) {
  struct fuse_attr_out out = {.attr_valid = 3600, .attr = attributes(node)};
  reply(unique, 0, &out, sizeof out);
}

static void read_disk(uint64_t unique, const struct fuse_read_in* in) {
  static char bytes[kMaxWrite];
  size_t want = in->size < sizeof bytes ? in->size : sizeof bytes;
  ssize_t n = pread(disk, bytes, want, (off_t)in->offset);
  reply(unique, n < 0 ? -errno : 0, bytes, n < 0 ? 0 : (size_t)n);
}

static void write_disk(uint64_t unique, const struct fuse_write_in* in) {
  const void* bytes = in + 1;
  struct fuse_write_out out = {.size = in->size};
  if (pwrite(disk, bytes, in->size, (off_t)in->offset) != (ssize_t)in->size) fail("write the disk");
  record(in->offset, in->size, kWrite, bytes);
  reply(unique, 0, &out, sizeof out);
}

static void flush(uint64_t unique) {
  record(0, 0, kFlush, NULL);
  reply(unique, 0, NULL, 0);
}

static void answer(const struct fuse_in_header* head) {
  const void* body = head + 1;
  struct fuse_open_out opened = {.fh = 1};
  struct fuse_statfs_out statfs = {.st = {.bsize = 4096, .namelen = 255}};
  switch (head->opcode) {
    case FUSE_INIT: return init(head->unique, body);
    case FUSE_LOOKUP: return lookup(head->unique, body);
    case FUSE_GETATTR:
    case FUSE_SETATTR: return get_attributes(head->unique, head->nodeid);
    case FUSE_OPEN:
    case FUSE_OPENDIR: return reply(head->unique, 0, &opened, sizeof opened);
    case FUSE_STATFS: return reply(head->unique, 0, &statfs, sizeof statfs);
    case FUSE_READ: return read_disk(head->unique, body);
    case FUSE_WRITE: return write_disk(head->unique, body);
    case FUSE_FSYNC: return flush(head->unique);
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR: return reply(head->unique, 0, NULL, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: return;  // none of them is answered
    default: return reply(head->unique, -ENOSYS, NULL, 0);
  }
}

int main(int argc, char** argv) {
  static char request[kMaxWrite + (64 << 10)] __attribute__((aligned(8)));
  char options[64];
  if (argc != 4) return fprintf(stderr, "usage: blocklog DISK LOG MOUNTPOINT\n"), 2;
  disk = open(argv[1], O_RDWR | O_CLOEXEC);
  if (disk < 0 || fstat(disk, &disk_stat) != 0) fail(argv[1]);
  log_file = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (log_file < 0) fail(argv[2]);
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fuse < 0) fail("/dev/fuse");
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
  if (mount("blocklog", argv[3], "fuse", MS_NOSUID | MS_NODEV, options) != 0) fail(argv[3]);
  puts("ready");
  fflush(stdout);
  for (;;) {
    ssize_t n = read(fuse, request, sizeof request);
    if (n < 0 && errno == ENODEV) return 0;  // unmounted
    if (n < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
    if (n < 0) fail("read a request");
    answer((const struct fuse_in_header*)request);
  }
}
