#include "runtime/warm_up.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>

#include "base/program_pages.h"

namespace skiff::runtime {

// Smaller than what malloc() takes from elsewhere than the heap.
constexpr size_t kBlock = size_t{80} << 10U;
constexpr size_t kBlocks = 3;

void warm_up() {
  map_program_pages();
  std::array<std::unique_ptr<char[]>, kBlocks> heap;
  for (auto& block : heap) {
    block = std::make_unique_for_overwrite<char[]>(kBlock);
    std::memset(block.get(), 1, kBlock);
  }
}

void cool_down() { release_program_pages(); }

}  // namespace skiff::runtime
