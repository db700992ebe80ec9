#include "base/heap.h"

#include <malloc.h>
#include <sys/sysinfo.h>

namespace skiff {

void return_large_blocks() {
  // A threshold that is set does not grow with what is freed (mallopt(3)).
  constexpr int kLarge = 1 << 20;
  ::mallopt(M_MMAP_THRESHOLD, kLarge);
  ::mallopt(M_TRIM_THRESHOLD, kLarge);
  // What a thread has freed stays in its arena, of which there would be eight a processor.
  constexpr int kArenas = 2;
  ::mallopt(M_ARENA_MAX, kArenas * ::get_nprocs());
}

void keep_heap() {
  constexpr int kMost = 4 << 20;
  ::mallopt(M_TRIM_THRESHOLD, kMost);
}

HeapTrim::~HeapTrim() {
  if (wanted) ::malloc_trim(0);
}

}  // namespace skiff
