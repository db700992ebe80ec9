// What the allocator keeps of memory that was freed, and when it goes back to the system.
#pragma once

namespace skiff {

// Large blocks of memory go back to the system when they are freed, whatever was freed before: a
// client that once sent much costs no memory ever after.
void return_large_blocks();
// The heap's end stays where it is when memory is freed, for one that soon ends, or that gives
// memory back when it has nothing else to do: moving it to and fro costs a fault for each page.
void keep_heap();
// At the end of its scope many small blocks that were freed meanwhile go back to the system, too:
// the allocator keeps them otherwise. Takes milliseconds.
struct HeapTrim {
  HeapTrim() = default;
  HeapTrim(const HeapTrim&) = delete;
  HeapTrim& operator=(const HeapTrim&) = delete;
  ~HeapTrim();
  bool wanted = false;
};

}  // namespace skiff
