#include "runtime/warm_up.h"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace skiff::runtime {

namespace {

constexpr int kPopulateRead = 22;  // MADV_POPULATE_READ of Linux 5.14
// Smaller than what malloc() takes from elsewhere than the heap.
constexpr size_t kBlock = size_t{80} << 10U;
constexpr size_t kBlocks = 3;

// What of the program is only read. Where the kernel does not do it the pages come one by one.
int advise_segments(dl_phdr_info* program, size_t, void* advice) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto* headers = reinterpret_cast<const char*>(program->dlpi_phdr);
  for (int i = 0; i < program->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = program->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    // By its distance from the headers, which lie in the first of them.
    const uintptr_t wanted = program->dlpi_addr + segment.p_vaddr;
    const char* begin = headers + (wanted - reinterpret_cast<uintptr_t>(headers));
    const size_t before = wanted % page;
    [[maybe_unused]] const int done = ::madvise(
        const_cast<char*>(begin - before), segment.p_memsz + before, *static_cast<int*>(advice));
  }
  return 1;  // the program itself is the first, and the only one of a static program
}

void advise_program(int advice) { ::dl_iterate_phdr(advise_segments, &advice); }

}  // namespace

void warm_up() {
  advise_program(kPopulateRead);
  std::array<std::unique_ptr<char[]>, kBlocks> heap;
  for (auto& block : heap) {
    block = std::make_unique_for_overwrite<char[]>(kBlock);
    std::memset(block.get(), 1, kBlock);
  }
}

void cool_down() { advise_program(MADV_DONTNEED); }

}  // namespace skiff::runtime
