// PacedSource: passes a source on, no faster than asked.
#pragma once

#include <chrono>

#include "base/cancellation.h"
#include "base/io.h"

namespace skiff::content {

class PacedSource : public Source {
 public:
  // `bytes_per_second` 0: as fast as it goes. Waits end when `cancel` does, with kCancelled.
  PacedSource(Source& from, uint64_t bytes_per_second, const CancelToken& cancel)
      : from_(from), rate_(bytes_per_second), cancel_(cancel) {}

  Result<size_t> read(std::span<char> buffer) override;

 private:
  Source& from_;
  uint64_t rate_;
  const CancelToken& cancel_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  uint64_t total_ = 0;
};

}  // namespace skiff::content
