#include "base/program_pages.h"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

namespace skiff {
namespace {

constexpr int kPopulateRead = 22;  // MADV_POPULATE_READ of Linux 5.14

// The kernel's own object (vdso(7)) is no file's.
bool is_kernels(const dl_phdr_info& object) {
  const auto header = ::getauxval(AT_SYSINFO_EHDR);
  return header != 0 && object.dlpi_addr == header;
}

int advise_object(dl_phdr_info* object, size_t, void* advice) {
  if (is_kernels(*object)) return 0;
  const auto page = static_cast<ElfW(Addr)>(::sysconf(_SC_PAGESIZE));
  for (const ElfW(Phdr)* part = object->dlpi_phdr; part != object->dlpi_phdr + object->dlpi_phnum;
       ++part) {
    // What the loader relocates is in writable parts, also where it is sealed afterwards.
    if (part->p_type != PT_LOAD || (part->p_flags & PF_W) != 0) continue;
    const ElfW(Addr) start = (object->dlpi_addr + part->p_vaddr) & ~(page - 1);
    const ElfW(Addr) end = object->dlpi_addr + part->p_vaddr + part->p_memsz;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses are what the loader tells.
    ::madvise(reinterpret_cast<void*>(start), end - start, *static_cast<int*>(advice));
  }
  return 0;
}

void advise(int advice) { ::dl_iterate_phdr(advise_object, &advice); }

}  // namespace

void map_program_pages() { advise(kPopulateRead); }

void release_program_pages() { advise(MADV_DONTNEED); }

}  // namespace skiff
